// What is decided about each thing that comes, and what is compared at its end.
#include "tracking/imports.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/import_store.h"
#include "tracking/input_store.h"
#include "tracking/kept_value.h"
#include "tracking/name_store.h"
#include "tracking/run_store.h"

namespace mw::tracking {
namespace {

using store::ImportRecord;
using store::Texts;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Status CheckImportedTexts(const Pairs& texts) {
  for (const auto& [key, value] : texts) {
    if (key.empty() || key.size() > Imports::kKeyBytesMax || value.size() > Imports::kTextBytesMax) {
      return InvalidArgument("the parameter or tag ", Quoted(key), " has ", key.size(), " bytes and a value of ",
                             value.size(), "; at most ", Imports::kKeyBytesMax, " and ", Imports::kTextBytesMax);
    }
  }
  return Ok();
}

Status CheckInputs(const ImportedRun& run) {
  for (const DatasetInput& input : run.datasets) {
    const Dataset& dataset = *input.dataset;
    if (dataset.name.size() <= Imports::kDatasetNameBytesMax &&
        dataset.digest.size() <= Imports::kDatasetDigestBytesMax) {
      continue;
    }
    return InvalidArgument("the dataset ", Quoted(dataset.name), " of run ", Quoted(run.run.id.text()),
                           " must have a name of at most ", Imports::kDatasetNameBytesMax,
                           " bytes, and a digest of at most ", Imports::kDatasetDigestBytesMax);
  }
  const auto check = [&](const std::string& model) -> Status {
    if (!model.empty() && model.size() <= Inputs::kModelIdBytesMax) return Ok();
    return InvalidArgument("a model of run ", Quoted(run.run.id.text()), " has the id ", Quoted(model),
                           "; it must have 1 to ", Inputs::kModelIdBytesMax, " bytes");
  };
  for (const std::string& model : run.models_read) TRY(check(model));
  for (const ModelOutput& output : run.models_made) TRY(check(output.model));
  return Ok();
}

// ---- experiments ----

/// What is here wins; what is missing comes.
Status AddMissingTags(db::Transaction& transaction, const ExperimentId& id, const Experiment& source) {
  const auto here = TRY(store::FindExperiment(transaction, id));
  for (const auto& [key, value] : source.tags) {
    if (here && !here->tags.contains(key)) TRY(store::SetExperimentTag(transaction, id, key, value));
  }
  return Ok();
}

Status Merge(db::Transaction& transaction, const Experiment& here, const Experiment& source) {
  TRY(AddMissingTags(transaction, here.id, source));
  if (here.created != 0) return Ok();
  Experiment dated = source;
  dated.id = here.id;
  return store::SetTimes(transaction, dated);
}

Result<bool> IsFree(db::Snapshot& snapshot, const ExperimentId& id) {
  const auto number = ParseInt(id.text());
  if (!number || *number <= 0 || Cat(*number) != id.text()) return false;
  return !TRY(store::FindExperiment(snapshot, id))
  .has_value();
}

Result<ExperimentId> MakeExperiment(db::Transaction& transaction, const Experiment& source) {
  if (!TRY(IsFree(transaction, source.id))) return store::InsertExperiment(transaction, source);
  TRY(store::InsertExperimentAs(transaction, source));
  return source.id;
}

Result<ImportOutcome> PutExperiment(db::Transaction& transaction, const std::string& from, const Experiment& source) {
  ImportOutcome outcome{source.id.text(), "", ImportState::kKnown, ""};
  if (const auto known = TRY(store::FindImportedExperiment(transaction, from, source.id.text()))) {
    TRY(AddMissingTags(transaction, *known, source));
    outcome.to = known->text();
    return outcome;
  }
  const auto same_name = TRY(store::FindExperimentByName(transaction, source.project, source.name));
  if (same_name && same_name->stage == Stage::kDeleted && source.stage == Stage::kActive) {
    outcome.state = ImportState::kRefused;
    outcome.why = Cat("experiment ", Quoted(source.name), " is deleted here; restore it, then import again");
    return outcome;
  }
  outcome.state = same_name ? ImportState::kMerged : ImportState::kMade;
  const ExperimentId id = same_name ? same_name->id : TRY(MakeExperiment(transaction, source));
  if (same_name) TRY(Merge(transaction, *same_name, source));
  TRY(store::SetImportedExperiment(transaction, from, source.id.text(), id));
  outcome.to = id.text();
  return outcome;
}

// ---- runs ----

Status SetAll(db::Transaction& transaction, Texts kind, std::int64_t run, const Pairs& texts) {
  for (const auto& [key, value] : texts) {
    TRY(store::SetText(transaction, kind, run, TRY(store::NeedName(transaction, key)), value));
  }
  return Ok();
}

Status WriteInputs(db::Transaction& transaction, std::int64_t number, const ImportedRun& run,
                   const Inputs::Witness& witness) {
  LoggedInputs fresh{run.run.id};
  const store::StoredRun stored{number, run.run};
  for (const DatasetInput& input : run.datasets) {
    if (TRY(store::AddInput(transaction, stored, input))) fresh.datasets.push_back(input);
  }
  for (const std::string& model : run.models_read) {
    if (TRY(store::AddModelInput(transaction, number, model))) fresh.models_read.push_back(model);
  }
  for (const ModelOutput& output : run.models_made) {
    if (TRY(store::AddModelOutput(transaction, number, output))) fresh.models_made.push_back(output);
  }
  const bool any = !fresh.datasets.empty() || !fresh.models_read.empty() || !fresh.models_made.empty();
  return any && witness ? witness(transaction, fresh) : Ok();
}

Status WriteRun(db::Transaction& transaction, std::int64_t number, const ImportedRun& run,
                const Imports::Witnesses& witnesses) {
  TRY(store::UpdateRun(transaction, number, run.run));
  TRY(SetAll(transaction, Texts::kParams, number, run.params));
  TRY(SetAll(transaction, Texts::kTags, number, run.tags));
  if (witnesses.run) TRY(witnesses.run(transaction, run.run));
  return WriteInputs(transaction, number, run, witnesses.logged);
}

Result<ImportOutcome> PutRun(db::Transaction& transaction, const std::string& source, const std::string& attempt,
                             const ImportedRun& run, const Imports::Witnesses& witnesses) {
  ImportOutcome outcome{run.run.id.text(), "", ImportState::kOpen, ""};
  const auto here = TRY(store::FindRun(transaction, run.run.id));
  if (!here) {
    const std::int64_t number = TRY(store::InsertRun(transaction, run.run));
    TRY(WriteRun(transaction, number, run, witnesses));
    TRY(store::SetImport(transaction, number, source, {attempt, "", false}));
    return outcome;
  }
  auto record = TRY(store::FindImport(transaction, here->number));
  if (!record) {
    outcome.state = ImportState::kTaken;
    outcome.why = "a run with this id is here that was not imported";
    return outcome;
  }
  if (record->done && record->fingerprint == run.fingerprint) {
    outcome.state = ImportState::kDone;
    return outcome;
  }
  TRY(WriteRun(transaction, here->number, run, witnesses));
  if (record->attempt != attempt) TRY(store::SetImport(transaction, here->number, source, {"", "", false}));
  return outcome;
}

// ---- points ----

struct OpenRun {
  std::int64_t number = 0;
  bool is_fresh = false;  ///< all its points come from this attempt
};

Result<OpenRun> MustBeOpen(db::Snapshot& snapshot, const std::string& id, const std::string& attempt) {
  const auto run = TRY(store::FindRun(snapshot, RunId(id)));
  const auto record = run ? TRY(store::FindImport(snapshot, run->number)) : std::optional<ImportRecord>();
  if (!record || record->done) return FailedPrecondition("run ", Quoted(id), " is not being imported");
  return OpenRun{run->number, record->attempt == attempt};
}

/// Those that are not here.
Result<std::vector<Point>> NewOf(db::Snapshot& snapshot, std::int64_t run, std::int64_t name,
                                 const std::vector<Point>& points) {
  const std::vector<Point> here = TRY(store::HistoryOf(snapshot, run, name));
  std::vector<Point> out;
  std::set_difference(points.begin(), points.end(), here.begin(), here.end(), std::back_inserter(out), Before);
  return out;
}

Status CheckFrame(const PointFrame& frame) {
  if (!frame.key.empty() && frame.key.size() <= Imports::kKeyBytesMax && IsUtf8(frame.key)) return Ok();
  return InvalidArgument("the metric's name ", Quoted(frame.key), " must have 1 to ", Imports::kKeyBytesMax,
                         " bytes of UTF-8");
}

Status AddFrame(db::Transaction& transaction, const OpenRun& run, const PointFrame& frame) {
  const std::int64_t name = TRY(store::NeedName(transaction, frame.key));
  if (run.is_fresh) return store::AddHistory(transaction, run.number, name, frame.points);
  const std::vector<Point> points = TRY(NewOf(transaction, run.number, name, frame.points));
  return store::AddHistory(transaction, run.number, name, points);
}

// ---- the end ----

PointDigest DigestOf(const std::vector<Point>& points) {
  PointDigest digest;
  for (const Point& point : points) digest.Add(point);
  return digest;
}

Result<SetDigest> InputsHere(db::Snapshot& snapshot, std::int64_t run) {
  std::vector<RunDetails> details(1);
  TRY(store::AddInputs(snapshot, {&run, 1}, details));
  SetDigest digest;
  for (const DatasetInput& input : details[0].dataset_inputs) {
    digest.Add(DatasetMember(input.dataset->name, input.dataset->digest, input.tags));
  }
  for (const std::string& model : details[0].model_inputs) digest.Add(ModelReadMember(model));
  for (const ModelOutput& output : details[0].model_outputs) digest.Add(ModelMadeMember(output.model, output.step));
  return digest;
}

/// What is wrong; empty: nothing. Points that were logged here meanwhile are no fault.
Result<std::string> Difference(db::Snapshot& snapshot, std::int64_t run, const FinishedRun& finished) {
  for (const auto& [key, meant] : finished.metrics) {
    const auto name = TRY(store::FindName(snapshot, key));
    const PointDigest here = name ? DigestOf(TRY(store::HistoryOf(snapshot, run, *name))) : PointDigest();
    if (here == meant || here.count > meant.count) continue;
    return Cat("metric ", Quoted(key), " has ", here.count, " points here and ", meant.count, " there",
               here.count == meant.count ? " with other values" : "");
  }
  const SetDigest here = TRY(InputsHere(snapshot, run));
  if (here == finished.inputs || here.count > finished.inputs.count) return std::string();
  return Cat("it has ", here.count, " datasets and models here that it read or made, and ", finished.inputs.count,
             " there", here.count == finished.inputs.count ? " that are others" : "");
}

Result<ImportOutcome> FinishRun(db::Transaction& transaction, const FinishedRun& finished) {
  ImportOutcome outcome{finished.run.text(), "", ImportState::kDone, ""};
  const auto run = TRY(store::FindRun(transaction, finished.run));
  const auto record = run ? TRY(store::FindImport(transaction, run->number)) : std::optional<ImportRecord>();
  if (!record) return FailedPrecondition("run ", Quoted(finished.run.text()), " is not being imported");
  outcome.why = TRY(Difference(transaction, run->number, finished));
  if (!outcome.why.empty()) outcome.state = ImportState::kDiffers;
  if (outcome.why.empty()) TRY(store::SetImport(transaction, run->number, "", {"", finished.fingerprint, true}));
  return outcome;
}

template <typename Items, typename Put>
Task<Result<std::vector<ImportOutcome>>> PutAll(db::Database& database, const Items& items, const Put& put) {
  co_return co_await database.Write([&](db::Transaction& t) -> Result<std::vector<ImportOutcome>> {
    std::vector<ImportOutcome> outcomes;
    for (const auto& item : items) outcomes.push_back(TRY(put(t, item)));
    return outcomes;
  });
}

}  // namespace

std::string_view ImportStateName(ImportState state) {
  constexpr std::array<std::string_view, 8> kNames = {"made", "known", "merged", "refused",
                                                      "open", "done",  "taken",  "differs"};
  return kNames.at(static_cast<std::size_t>(state));
}

Task<Result<std::vector<ImportOutcome>>> Imports::PutExperiments(std::string source,
                                                                 std::vector<Experiment> experiments) {
  const auto put = [&](db::Transaction& t, const Experiment& one) { return PutExperiment(t, source, one); };
  co_return co_await PutAll(database_, experiments, put);
}

Task<Result<std::vector<ImportOutcome>>> Imports::PutRuns(std::string source, std::string attempt,
                                                          std::vector<ImportedRun> runs) {
  if (runs.size() > kRunsMax) co_return InvalidArgument(runs.size(), " runs; at most ", kRunsMax, " at a time");
  for (const ImportedRun& run : runs) {
    CO_TRY(CheckImportedTexts(run.params));
    CO_TRY(CheckImportedTexts(run.tags));
    CO_TRY(CheckInputs(run));
  }
  const auto put = [&](db::Transaction& t, const ImportedRun& one) {
    return PutRun(t, source, attempt, one, witnesses_);
  };
  co_return co_await PutAll(database_, runs, put);
}

Task<Status> Imports::AddPoints(std::string attempt, std::vector<PointFrame> frames) {
  for (PointFrame& frame : frames) {
    CO_TRY(CheckFrame(frame));
    for (Point& point : frame.points) point.value = KeptValue(point.value);
    SortPoints(frame.points);
  }
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    std::map<std::string, OpenRun> open;
    for (const PointFrame& frame : frames) {
      const auto [at, is_new] = open.try_emplace(frame.run);
      if (is_new) at->second = TRY(MustBeOpen(t, frame.run, attempt));
      TRY(AddFrame(t, at->second, frame));
    }
    return Ok();
  });
}

Task<Result<std::vector<ImportOutcome>>> Imports::Finish(std::vector<FinishedRun> runs) {
  const auto put = [](db::Transaction& t, const FinishedRun& one) { return FinishRun(t, one); };
  co_return co_await PutAll(database_, runs, put);
}

}  // namespace mw::tracking
