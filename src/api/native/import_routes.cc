// Bulk import: experiments and runs in the form of MLflow's own entities, points as packed frames.
#include <utility>

#include "api/native/handler.h"
#include "api/native/import_fields.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "tracking/imports.h"

namespace mw::api::native {
namespace {

using tracking::ImportedRun;
using tracking::ImportOutcome;
using tracking::Imports;

constexpr std::size_t kImportBodyBytesMax = std::size_t{32} << 20;

Result<tracking::Stage> StageOf(const Json& entity) {
  const std::string stage = entity.StringOr("lifecycle_stage", "active");
  if (stage == "active") return tracking::Stage::kActive;
  if (stage == "deleted") return tracking::Stage::kDeleted;
  return InvalidArgument("lifecycle_stage ", Quoted(stage), " is neither active nor deleted");
}

Result<tracking::Experiment> ExperimentOf(const Json& json) {
  tracking::Experiment experiment;
  experiment.id = tracking::ExperimentId(TRY(json.GetString("experiment_id")));
  experiment.project = kProject;
  experiment.name = TRY(json.GetString("name"));
  experiment.artifact_location = json.StringOr("artifact_location", "");
  experiment.stage = TRY(StageOf(json));
  experiment.created = json.IntOr("creation_time", 0);
  experiment.updated = json.IntOr("last_update_time", experiment.created);
  for (auto& [key, value] : TRY(ImportedTexts(json, "tags"))) experiment.tags[key] = std::move(value);
  return experiment;
}

Result<ImportedRun> RunOf(const Json& json) {
  const Json& info = *TRY(ImportedObject(json, "info"));
  ImportedRun out;
  out.run.id = tracking::RunId(TRY(info.GetString("run_id")));
  if (out.run.id.empty() || out.run.id.text().size() > 64) {
    return InvalidArgument("run_id ", Quoted(out.run.id.text()), " must have 1 to 64 characters");
  }
  out.run.experiment = tracking::ExperimentId(TRY(info.GetString("experiment_id")));
  out.run.name = info.StringOr("run_name", "");
  out.run.user = info.StringOr("user_id", "");
  out.run.source = info.StringOr("source_name", "");
  out.run.status = TRY(tracking::ParseStatus(ToLower(info.StringOr("status", "RUNNING"))));
  out.run.stage = TRY(StageOf(info));
  out.run.started = info.IntOr("start_time", 0);
  if (const Json* ended = info.Find("end_time"); ended != nullptr && ended->IsInt()) out.run.ended = ended->AsInt();
  const Json& data = *TRY(ImportedObject(json, "data"));
  out.params = TRY(ImportedTexts(data, "params"));
  out.tags = TRY(ImportedTexts(data, "tags"));
  out.fingerprint = json.StringOr("fingerprint", "");
  return out;
}

Result<tracking::PointDigest> DigestOf(const Json& metric) {
  const std::string sum = TRY(metric.GetString("sum"));
  tracking::PointDigest digest;
  digest.count = TRY(metric.GetInt("count"));
  const auto parsed = std::from_chars(sum.data(), sum.data() + sum.size(), digest.sum);
  if (parsed.ec != std::errc() || parsed.ptr != sum.data() + sum.size()) {
    return InvalidArgument("sum ", Quoted(sum), " must be a number below 2^64");
  }
  return digest;
}

Result<tracking::FinishedRun> FinishedOf(const Json& json) {
  tracking::FinishedRun run;
  run.run = tracking::RunId(TRY(json.GetString("run_id")));
  run.fingerprint = json.StringOr("fingerprint", "");
  for (const Json& metric : *TRY(ImportedList(json, "metrics"))) {
    run.metrics[TRY(metric.GetString("key"))] = TRY(DigestOf(metric));
  }
  return run;
}

template <typename Item>
Result<std::vector<Item>> ItemsOf(const Json& body, std::string_view key, Result<Item> (*read)(const Json&)) {
  std::vector<Item> items;
  for (const Json& item : *TRY(ImportedList(body, key))) items.push_back(TRY(read(item)));
  return items;
}

Response AnswerOf(const std::vector<ImportOutcome>& outcomes) {
  Json list = Json::MakeArray();
  for (const ImportOutcome& outcome : outcomes) {
    Json one = Json::Make({{"id", outcome.id}, {"state", tracking::ImportStateName(outcome.state)}});
    if (!outcome.to.empty()) one["to"] = outcome.to;
    if (!outcome.why.empty()) one["why"] = outcome.why;
    list.Append(std::move(one));
  }
  return net::JsonResponse(Json::Make({{"outcomes", std::move(list)}}));
}

Task<Result<Response>> PutExperiments(Imports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::string source = CO_TRY(body.GetString("source"));
  auto experiments = CO_TRY(ItemsOf(body, "experiments", ExperimentOf));
  co_return AnswerOf(CO_TRY(co_await imports.PutExperiments(std::move(source), std::move(experiments))));
}

Task<Result<Response>> PutRuns(Imports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::string source = CO_TRY(body.GetString("source"));
  std::string attempt = CO_TRY(body.GetString("attempt"));
  auto runs = CO_TRY(ItemsOf(body, "runs", RunOf));
  co_return AnswerOf(CO_TRY(co_await imports.PutRuns(std::move(source), std::move(attempt), std::move(runs))));
}

Task<Result<Response>> AddPoints(Imports& imports, Request& request) {
  const std::string* attempt = request.Query("attempt");
  if (attempt == nullptr) co_return InvalidArgument("points carry their import in the address: ?attempt=...");
  const std::string body = CO_TRY(co_await request.ReadAll());
  std::vector<tracking::PointFrame> frames;
  std::size_t points = 0;
  CO_TRY(tracking::ReadFrames(body, [&](tracking::PointFrame frame) {
    points += frame.points.size();
    frames.push_back(std::move(frame));
    return Ok();
  }));
  CO_TRY(co_await imports.AddPoints(*attempt, std::move(frames)));
  co_return net::JsonResponse(Json::Make({{"points", static_cast<std::int64_t>(points)}}));
}

Task<Result<Response>> Finish(Imports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  auto runs = CO_TRY(ItemsOf(body, "runs", FinishedOf));
  co_return AnswerOf(CO_TRY(co_await imports.Finish(std::move(runs))));
}

}  // namespace

void AddImportRoutes(net::RouteTable& routes, Imports& imports) {
  const auto add = [&](const char* path, std::size_t limit, auto call) {
    routes.Add({Method::kPost, Cat("/api/v1/import/", path), Permission::kAdmin, limit,
                net::Simple([&imports, call](Request& request) { return call(imports, request); })});
  };
  add("experiments", kImportBodyBytesMax, PutExperiments);
  add("runs", kImportBodyBytesMax, PutRuns);
  add("points", tracking::kFramesBytesMax, AddPoints);
  add("finish", kImportBodyBytesMax, Finish);
}

}  // namespace mw::api::native
