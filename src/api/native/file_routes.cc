// apply and plan: files in, what changes or would happen out. A set of files is checked whole before any of
// it is applied, so a mistake in one changes nothing.
#include "api/native/file_kinds.h"
#include "api/native/handler.h"
#include "api/native/package_example.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "registry/registry.h"

namespace mw::api::native {
namespace {

struct File {
  std::string path;
  std::string text;
  FileKind kind;
};

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Every file read and checked, or every complaint of all of them.
Result<std::vector<File>> ReadFiles(const Json& body) {
  const Json* list = body.Find("files");
  if (list == nullptr || !list->IsArray()) return InvalidArgument("the body wants {\"files\": [{\"path\", \"text\"}]}");
  std::vector<File> files;
  std::string complaints;
  for (const Json& entry : list->AsArray()) {
    File file;
    file.path = TRY(entry.GetString("path"));
    file.text = TRY(entry.GetString("text"));
    if (!file.path.starts_with('/')) return InvalidArgument("the path ", Quoted(file.path), " is not absolute");
    Result<FileKind> kind = CheckFile(file.text, file.path);
    if (kind.ok()) {
      file.kind = *kind;
      files.push_back(std::move(file));
    } else {
      CatTo(complaints, complaints.empty() ? "" : "\n", kind.error().message);
    }
  }
  if (!complaints.empty()) return InvalidArgument(complaints);
  return files;
}

Json ChangesToJson(const std::vector<goals::Change>& changes) {
  Json out = Json::MakeArray();
  for (const goals::Change& change : changes) {
    out.Append(Json::Make({{"path", change.path}, {"before", change.before}, {"after", change.after}}));
  }
  return out;
}

Json TextsToJson(const std::vector<std::string>& texts) {
  Json out = Json::MakeArray();
  for (const std::string& text : texts) out.Append(text);
  return out;
}

/// What judges goals and what they are judged by.
struct Judges {
  monitoring::ProductionReconciler& production;
  registry::Registry& registry;
  blob::BlobStore& blobs;
};

// A goal for a label that its model does not predict would wait for its verdicts for ever. A help, as Feasible is.
Task<std::vector<std::string>> LabelWarnings(const Judges& judges, const goals::Goal& goal) {
  std::vector<std::string> out;
  registry::ModelName name;
  name.model = goal.model;
  const auto versions = co_await judges.registry.ListVersions(name);
  if (!versions.ok() || versions->empty()) co_return out;
  const registry::ModelVersion& newest = *std::max_element(
      versions->begin(), versions->end(), [](const auto& a, const auto& b) { return a.version < b.version; });
  const Result<std::string> label = LabelOf(judges.blobs, newest.package);
  if (!label.ok() || label->empty() || *label == goal.label) co_return out;
  out.push_back(Cat("predict.label is ", Quoted(goal.label), ", but version ", newest.version, " of ", goal.model,
                    " predicts ", Quoted(*label), ": mend the goal, or train a version for it"));
  co_return out;
}

// How the goal would have done is a help, never a reason to refuse it.
Task<Json> Feasible(monitoring::ProductionReconciler& production, const goals::Goal& goal) {
  const Result<std::vector<std::string>> answers = co_await production.Feasible(goal);
  co_return answers.ok() ? TextsToJson(*answers) : Json::MakeArray();
}

Task<Result<Json>> ApplyGoal(goals::Goals& goals, const Judges& judges, const File& file, bool dry_run) {
  const std::string project(kProject);
  Result<goals::Applied> applied = InvalidArgument("");
  if (dry_run) {
    applied = co_await goals.Plan(project, file.text, file.path);
  } else {
    applied = co_await goals.Apply(project, file.text, file.path);
  }
  goals::Applied done = CO_TRY(std::move(applied));
  const goals::Goal goal = CO_TRY(goals::ParseGoal(file.text, file.path));
  const std::vector<std::string> warnings = co_await LabelWarnings(judges, goal);
  done.warnings.insert(done.warnings.end(), warnings.begin(), warnings.end());
  Json feasibility = co_await Feasible(judges.production, goal);
  co_return Json::Make({{"version", done.version},
                        {"created", done.created},
                        {"changed", done.changed},
                        {"changes", ChangesToJson(done.changes)},
                        {"warnings", TextsToJson(done.warnings)},
                        {"feasibility", std::move(feasibility)}});
}

Task<Result<Json>> ApplyPipeline(pipelines::Definitions& definitions, const File& file, bool dry_run) {
  pipelines::Definition definition;
  definition.name = file.kind.name;
  definition.source = file.text;
  definition.file_name = file.path;
  definition.base_directory = DirectoryOf(file.path);
  const pipelines::AppliedDefinition done = CO_TRY(co_await definitions.Apply(std::move(definition), dry_run));
  co_return Json::Make({{"version", done.version}, {"created", done.created}, {"changed", done.changed}});
}

Task<Result<Response>> Apply(goals::Goals& goals, pipelines::Definitions& definitions, const Judges& judges,
                             Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const bool dry_run = body.BoolOr("dry_run", false);
  const std::vector<File> files = CO_TRY(ReadFiles(body));
  Json objects = Json::MakeArray();
  for (const File& file : files) {
    Json object = Json::MakeObject();
    if (file.kind.kind == "goal") object = CO_TRY(co_await ApplyGoal(goals, judges, file, dry_run));
    if (file.kind.kind == "pipeline") object = CO_TRY(co_await ApplyPipeline(definitions, file, dry_run));
    // A schema is read by the steps that name its file, a rollout by nobody yet: there is nothing to keep here.
    object["kind"] = file.kind.kind;
    object["name"] = file.kind.name;
    object["path"] = file.path;
    objects.Append(std::move(object));
  }
  co_return net::JsonResponse(Json::Make({{"objects", std::move(objects)}}));
}

std::string_view FateName(pipelines::Fate fate) {
  switch (fate) {
    case pipelines::Fate::kReused: return "reused";
    case pipelines::Fate::kRuns: return "runs";
    case pipelines::Fate::kDepends: return "depends";
  }
  return "";
}

Json ToJson(const pipelines::RunPlan& plan) {
  Json steps = Json::MakeArray();
  for (const pipelines::PlannedStep& step : plan.steps) {
    steps.Append(Json::Make(
        {{"step", step.name},
         {"what", step.what},
         {"after", TextsToJson(step.after)},
         {"action", FateName(step.fate)},
         {"why", step.why},
         {"expected_seconds", step.expected ? Json(static_cast<double>(step.expected->count()) / 1e6) : Json()},
         {"cpu", step.claim.cpu},
         {"memory_bytes", step.claim.memory_bytes}}));
  }
  return Json::Make({{"pipeline", plan.pipeline},
                     {"steps", std::move(steps)},
                     {"expected_seconds", static_cast<double>(plan.expected.count()) / 1e6},
                     {"expected_is_complete", plan.expected_is_complete},
                     {"notes", TextsToJson(plan.notes)}});
}

Task<Result<Response>> Plan(pipelines::Pipelines& pipelines, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  pipelines::Submission submission;
  submission.file_name = CO_TRY(body.GetString("path"));
  submission.source = CO_TRY(body.GetString("text"));
  submission.base_directory = DirectoryOf(submission.file_name);
  submission.overrides = CO_TRY(OverridesOf(body));
  co_return net::JsonResponse(ToJson(CO_TRY(co_await pipelines.Plan(std::move(submission)))));
}

}  // namespace

Result<pipelines::Overrides> OverridesOf(const Json& body) {
  pipelines::Overrides overrides;
  const Json* set = body.Find("set");
  if (set == nullptr) return overrides;
  if (!set->IsArray()) return InvalidArgument("\"set\" wants a list of NAME=VALUE");
  for (const Json& pair : set->AsArray()) {
    const std::string text = pair.IsString() ? pair.AsString() : pair.Dump();
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidArgument(Quoted(text), " is not NAME=VALUE; e.g. train_until=2013-07-01");
    }
    overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return overrides;
}

void AddFileRoutes(net::RouteTable& routes, goals::Goals& goals, pipelines::Definitions& definitions,
                   pipelines::Pipelines& pipelines, monitoring::ProductionReconciler& production,
                   registry::Registry& registry, blob::BlobStore& blobs) {
  const Judges judges{production, registry, blobs};
  routes.Add({Method::kPost, "/api/v1/apply", Permission::kWrite, kFilesBodyBytesMax,
              net::Simple([&goals, &definitions, judges](Request& request) {
                return Apply(goals, definitions, judges, request);
              })});
  routes.Add({Method::kPost, "/api/v1/plan", Permission::kRead, kJsonBodyBytesMax,
              net::Simple([&pipelines](Request& request) { return Plan(pipelines, request); })});
}

}  // namespace mw::api::native
