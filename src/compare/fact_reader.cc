// Reads tracking, registry, lineage and blobs into facts.
#include "compare/fact_reader.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "lineage/lineage.h"
#include "pipelines/report_of.h"

namespace mw::compare {
namespace {

constexpr std::size_t kReportBytesMax = std::size_t{32} << 20;
constexpr std::size_t kProfileBytesMax = std::size_t{16} << 20;
constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;
constexpr std::size_t kProfilesMax = 8;  ///< of one side
constexpr std::string_view kTrainingRows = "training rows";

template <typename Work>
Task<std::invoke_result_t<Work>> On(Executor& workers, Work work) {
  const Completion<std::invoke_result_t<Work>> done;
  workers.Post([&work, done] { done.Set(work()); });
  co_return co_await done;
}

std::string TextOf(const Json& value) { return value.IsString() ? value.AsString() : value.Dump(); }

/// "late-departures-training/train" is "train".
std::string StepOf(const lineage::Execution& execution) { return execution.name.substr(execution.name.rfind('/') + 1); }

bool IsHardware(std::string_view name) {
  return name == "host" || name == "machine" || name == "cores" || name == "processors" || name == "gpu" ||
         name == "memory_bytes";
}

void TakeEnvironment(const Json& environment, Facts& facts) {
  if (!environment.IsObject()) return;
  for (const auto& [name, value] : environment.AsObject()) {
    (IsHardware(name) ? facts.hardware : facts.environment)[name] = TextOf(value);
  }
}

void TakeConfiguration(const lineage::Execution& execution, Facts& facts) {
  for (const char* part : {"with", "used"}) {
    const Json* options = execution.configuration.Find(part);
    if (options == nullptr || !options->IsObject()) continue;
    for (const auto& [name, value] : options->AsObject()) {
      facts.config[Cat(StepOf(execution), ".", name)] = TextOf(value);
    }
  }
}

/// A file that a step read: of an import it is data, of any other code.
void TakeInput(const lineage::Execution& execution, const lineage::Event& event, const lineage::Artifact& artifact,
               Facts& facts) {
  if (artifact.type == "goal") {
    facts.config["goal"] = artifact.digest;
  } else if (artifact.type == "file" && execution.type != "import") {
    facts.code[Cat(StepOf(execution), " ", event.port)] = artifact.digest;
  } else if (artifact.type == "file") {
    facts.data[event.port].digest = artifact.digest;
  } else if (execution.type == "tracked_run" && artifact.type == "dataset") {
    const bool named = artifact.title.empty() || event.port.find(artifact.title) != std::string::npos;
    DataFact& fact = facts.data[named ? event.port : Cat(event.port, ": ", artifact.title)];
    fact.digest = artifact.digest;
    fact.uri = artifact.uri;
    const Json* rows = artifact.metadata.Find("rows");
    if (rows != nullptr && rows->IsInt()) fact.rows = rows->AsInt();
  }
}

void TakeOutput(const lineage::Execution& execution, const lineage::Event& event, const lineage::Artifact& artifact,
                Facts& facts) {
  if (artifact.type != "dataset") return;
  DataFact& fact = facts.data[Cat(StepOf(execution), ".", event.port)];
  fact.digest = artifact.digest;
  const Json* rows = artifact.metadata.Find("rows");
  if (rows != nullptr && rows->IsInt()) fact.rows = rows->AsInt();
}

struct Recorded {
  lineage::Execution execution;
  lineage::Graph around;
};

Result<std::vector<Recorded>> RecordedOf(db::Snapshot& snapshot, const std::string& run) {
  std::vector<lineage::Execution> executions =
      TRY(lineage::Lineage::ExecutionsOfContext(snapshot, {"default", "run", run}));
  Result<lineage::Execution> tracked = lineage::Lineage::ExecutionById(snapshot, lineage::ExecutionId(run));
  if (tracked.ok()) executions.push_back(*std::move(tracked));
  std::vector<Recorded> recorded;
  for (lineage::Execution& execution : executions) {
    Recorded one;
    one.around.events = TRY(lineage::Lineage::EventsOf(snapshot, execution.id));
    for (const lineage::Event& event : one.around.events) {
      one.around.artifacts.push_back(TRY(lineage::Lineage::ArtifactById(snapshot, event.artifact)));
    }
    one.execution = std::move(execution);
    recorded.push_back(std::move(one));
  }
  return recorded;
}

/// "name==version" of each line.
void TakeLock(std::string_view text, Facts& facts) {
  for (const std::string_view line : Split(text, '\n')) {
    const std::size_t sign = line.find("==");
    if (sign == std::string_view::npos) continue;
    facts.environment[std::string(Trim(line.substr(0, sign)))] = std::string(Trim(line.substr(sign + 2)));
  }
}

/// Where a run's files lie below the server's root; empty: elsewhere.
std::string RootOf(const std::string& uri) {
  constexpr std::string_view kScheme = "mlflow-artifacts:/";
  if (!uri.starts_with(kScheme)) return "";
  std::string root = uri.substr(kScheme.size());
  root.erase(0, root.find_first_not_of('/'));
  return root;
}

void TakeTags(const tracking::RunDetails& run, Facts& facts) {
  constexpr std::pair<std::string_view, std::string_view> kCode[] = {{"mlflow.source.git.commit", "git commit"},
                                                                     {"mlflow.source.git.branch", "git branch"},
                                                                     {"mlflow.source.git.repoURL", "repository"},
                                                                     {"mlflow.source.name", "program"}};
  for (const auto& [key, value] : run.tags) {
    facts.tags[key] = value;
    for (const auto& [tag, name] : kCode) {
      if (key == tag) facts.code[std::string(name)] = value;
    }
    if (key == "millwright.git.dirty") facts.code["uncommitted changes"] = value;
    if (key == "millwright.python") facts.environment["python"] = value;
    if (key == "millwright.environment_digest") facts.environment["packages"] = value;
  }
}

}  // namespace

Task<Result<Facts>> FactReader::Of(std::string reference) {
  constexpr std::string_view kRun = "run:";
  const std::size_t at = reference.rfind('@');
  Result<Facts> facts = Facts();
  if (reference.starts_with(kRun)) {
    facts = co_await OfRun(reference.substr(kRun.size()));
  } else if (at != std::string::npos) {
    facts = co_await OfVersion(reference.substr(0, at), reference.substr(at + 1));
  } else if (reference.empty()) {
    facts = InvalidArgument("name two runs or versions: MODEL@VERSION, run:ID or a run's id");
  } else {
    facts = co_await OfRun(reference);
  }
  if (facts.ok()) facts->reference = std::move(reference);
  co_return facts;
}

Task<Result<std::string>> FactReader::Baseline(std::string experiment) {
  const tracking::Experiment found =
      CO_TRY(co_await sources_.tracking.GetExperiment(tracking::ExperimentId(std::move(experiment))));
  const auto tag = found.tags.find(std::string(kBaselineTag));
  co_return tag == found.tags.end() ? std::string() : tag->second;
}

Task<Result<Facts>> FactReader::OfVersion(std::string model, std::string reference) {
  registry::ModelName name{"default", std::move(model)};
  const registry::ModelVersion version =
      CO_TRY(co_await sources_.registry.GetVersion(std::move(name), std::move(reference)));
  Facts facts;
  facts.is_version = true;
  facts.model = version.model;
  facts.version = version.version;
  facts.name = Cat(version.model, " ", version.version);
  facts.created = version.created;
  facts.run_id = version.run_id;
  if (!version.run_id.empty()) {
    CO_TRY(co_await TakeTracked(facts, false));
    CO_TRY(co_await TakeLineage(facts));
    CO_TRY(co_await TakePipeline(facts, version.package));
  }
  for (const auto& [metric, value] : version.metrics.AsObject()) facts.metrics[metric] = value.AsDouble();
  if (!version.package.empty()) {
    const auto read = [&]() -> Result<std::string> {
      const blob::Artifact package{version.package, blob::ArtifactKind::kDirectory, 0};
      return blob::ReadFileOf(sources_.blobs, package, "profile.json", kProfileBytesMax);
    };
    const Result<std::string> profile = co_await On(sources_.workers, read);
    if (profile.ok()) {
      DataFact& rows = facts.data[std::string(kTrainingRows)];
      rows.digest = Cat("sha256:", Sha256Hex(*profile));
      Result<Json> parsed = Json::Parse(*profile);
      if (parsed.ok()) rows.profile = *std::move(parsed);
    }
  }
  CO_TRY(co_await ReadProfiles(facts));
  co_return facts;
}

Task<Result<Facts>> FactReader::OfRun(std::string run) {
  Facts facts;
  facts.run_id = std::move(run);
  CO_TRY(co_await TakeTracked(facts, true));
  CO_TRY(co_await TakeLineage(facts));
  CO_TRY(co_await TakePipeline(facts, ""));
  CO_TRY(co_await ReadProfiles(facts));
  co_return facts;
}

Task<Status> FactReader::TakeTracked(Facts& facts, bool must) {
  const Result<tracking::RunDetails> run = co_await sources_.tracking.GetRun(tracking::RunId(facts.run_id));
  if (!run.ok()) co_return must ? Status(run.error()) : Ok();
  facts.experiment = run->run.experiment.text();
  if (!facts.is_version) {
    facts.name = run->run.name;
    facts.created = FromMicros(run->run.started * 1000);
  }
  for (const auto& [name, value] : run->params) facts.config[name] = facts.params[name] = value;
  for (const auto& [name, point] : run->latest) facts.metrics[name] = point.value;
  TakeTags(*run, facts);
  const std::string root = RootOf(run->run.artifact_uri);
  if (!root.empty()) CO_TRY(co_await TakeFiles(facts, root));
  co_return Ok();
}

Task<Status> FactReader::TakeFiles(Facts& facts, std::string root) {
  const auto diff = co_await sources_.artifacts.Find(root + "/code/uncommitted.diff");
  if (diff.ok()) {
    facts.has_diff = true;
    facts.code["uncommitted diff"] = diff->digest;
  }
  const auto lock = co_await sources_.artifacts.Find(root + "/environment/requirements.txt");
  if (lock.ok()) {
    facts.has_lock = true;
    const Result<std::string> text = co_await ReadText(lock->digest, kTextBytesMax);
    if (text.ok()) TakeLock(*text, facts);
  }
  const auto machine = co_await sources_.artifacts.Find(root + "/environment/machine.json");
  if (!machine.ok()) co_return Ok();
  const Result<std::string> text = co_await ReadText(machine->digest, kTextBytesMax);
  const Result<Json> parsed = text.ok() ? Json::Parse(*text) : Result<Json>(text.error());
  if (parsed.ok()) TakeEnvironment(*parsed, facts);
  co_return Ok();
}

Task<Status> FactReader::TakePipeline(Facts& facts, std::string package) {
  const Result<pipelines::RunDetails> run = co_await sources_.pipelines.Get(pipelines::RunId(facts.run_id));
  if (!run.ok()) co_return Ok();
  facts.pipeline = run->graph.pipeline;
  facts.params.clear();
  for (const auto& [name, value] : run->graph.params) facts.config[name] = facts.params[name] = value;
  std::string digest;
  if (const pipelines::NamedArtifact* report = package.empty() ? nullptr : pipelines::ReportOf(*run, package)) {
    digest = report->artifact.digest;
  }
  for (const pipelines::TaskDetails& task : run->tasks) {
    const pipelines::Step* step = run->graph.Find(task.record.step);
    if (step == nullptr || step->uses != "evaluate") continue;  // validations write reports of another kind
    for (const pipelines::NamedArtifact& output : task.record.outputs) {
      if (digest.empty() && output.name == "report" && !output.artifact.directory) digest = output.artifact.digest;
    }
  }
  if (digest.empty()) co_return Ok();
  const Result<std::string> text = co_await ReadText(digest, kReportBytesMax);
  const Result<Json> json = text.ok() ? Json::Parse(*text) : Result<Json>(text.error());
  if (!json.ok()) co_return Ok();
  Result<evaluation::Report> report = evaluation::ReportFromJson(*json);
  if (report.ok()) facts.report = *std::move(report);
  co_return Ok();
}

Task<Status> FactReader::TakeLineage(Facts& facts) {
  const std::vector<Recorded> recorded = CO_TRY(
      co_await sources_.database.Read([&](db::Snapshot& snapshot) { return RecordedOf(snapshot, facts.run_id); }));
  for (const Recorded& one : recorded) {
    if (!one.execution.code_version.empty() && one.execution.type != "tracked_run") {
      facts.code[StepOf(one.execution)] = one.execution.code_version;
    }
    TakeEnvironment(one.execution.environment, facts);
    TakeConfiguration(one.execution, facts);
    for (std::size_t i = 0; i < one.around.events.size(); ++i) {
      const lineage::Event& event = one.around.events[i];
      const bool input = event.direction == lineage::Direction::kInput;
      (input ? TakeInput : TakeOutput)(one.execution, event, one.around.artifacts[i], facts);
    }
  }
  co_return Ok();
}

Task<Status> FactReader::ReadProfiles(Facts& facts) {
  std::size_t read = 0;
  for (auto& [name, fact] : facts.data) {
    const bool dataset = name.find('.') != std::string::npos && fact.profile.IsNull() && !name.starts_with("file ");
    if (!dataset || !blob::IsDigest(fact.digest) || ++read > kProfilesMax) continue;
    const std::string digest = fact.digest;
    const auto work = [&]() -> Result<std::string> {
      const blob::Artifact artifact{digest, blob::ArtifactKind::kDirectory, 0};
      return blob::ReadFileOf(sources_.blobs, artifact, "dataset.json", kProfileBytesMax);
    };
    const Result<std::string> text = co_await On(sources_.workers, work);
    const Result<Json> dataset_json = text.ok() ? Json::Parse(*text) : Result<Json>(text.error());
    if (!dataset_json.ok()) continue;
    const Json* profile = dataset_json->Find("profile");
    if (profile != nullptr) fact.profile = *profile;
    const Json* rows = dataset_json->Find("rows");
    if (rows != nullptr && rows->IsInt()) fact.rows = rows->AsInt();
  }
  co_return Ok();
}

Task<Result<std::string>> FactReader::ReadText(std::string digest, std::size_t bytes_max) {
  const auto read = [&] { return sources_.blobs.Get(digest, bytes_max); };
  co_return co_await On(sources_.workers, read);
}

}  // namespace mw::compare
