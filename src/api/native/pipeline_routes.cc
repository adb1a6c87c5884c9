// Pipelines and their runs, and what a running step logs.
#include <algorithm>

#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"

namespace mw::api::native {
namespace {

using mw::pipelines::Pipelines;
using mw::pipelines::RunId;

constexpr int kRunsMax = 1000;
constexpr std::size_t kLogPieceBytes = std::size_t{256} << 10;

Json TimeOrNull(Timestamp at) { return at == Timestamp{} ? Json() : Json(FormatTime(at)); }

Json ToJson(const pipelines::RunRecord& run) {
  return Json::Make({{"id", run.id.text()},
                     {"pipeline", run.pipeline},
                     {"state", pipelines::Name(run.state)},
                     {"cause", run.cause},
                     {"created", FormatTime(run.created)},
                     {"started", TimeOrNull(run.started)},
                     {"ended", TimeOrNull(run.ended)}});
}

Json ToJson(const std::vector<pipelines::NamedArtifact>& outputs) {
  Json out = Json::MakeArray();
  for (const pipelines::NamedArtifact& output : outputs) {
    out.Append(Json::Make({{"name", output.name},
                           {"digest", output.artifact.digest},
                           {"directory", output.artifact.directory},
                           {"size_bytes", output.artifact.size_bytes},
                           {"metadata", output.artifact.metadata}}));
  }
  return out;
}

Json ToJson(const pipelines::TaskDetails& task) {
  const pipelines::TaskRecord& record = task.record;
  return Json::Make({{"step", record.step},
                     {"state", pipelines::Name(record.state)},
                     {"attempts", record.attempts},
                     {"attempt_id", record.attempt_id},
                     {"directory", task.directory},
                     {"summary", record.summary},
                     {"failure", record.failure},
                     {"cache_report", record.cache_report},
                     {"reused_from", record.reused_from},
                     {"findings", record.findings},
                     {"metrics", record.metrics},
                     {"outputs", ToJson(record.outputs)},
                     {"started", TimeOrNull(record.started)},
                     {"ended", TimeOrNull(record.ended)}});
}

/// What the graph says of a step: how a picture of it is drawn.
void AddStep(const pipelines::Step& step, Json& task) {
  Json after = Json::MakeArray();
  for (const std::string& name : pipelines::Dependencies(step)) after.Append(name);
  task["uses"] = step.uses;
  task["after"] = std::move(after);
}

Json ToJson(const pipelines::RunDetails& details) {
  Json out = ToJson(details.run);
  out["goal"] = details.graph.goal;
  Json params = Json::MakeObject();
  for (const auto& [name, value] : details.graph.params) params[name] = value;
  out["params"] = std::move(params);
  Json tasks = Json::MakeArray();
  for (const pipelines::TaskDetails& details_of : details.tasks) {
    Json task = ToJson(details_of);
    if (const pipelines::Step* step = details.graph.Find(details_of.record.step)) AddStep(*step, task);
    tasks.Append(std::move(task));
  }
  out["tasks"] = std::move(tasks);
  return out;
}

Json ToJson(const pipelines::RunEvent& event) {
  return Json::Make({{"id", event.id},
                     {"step", event.step},
                     {"from", event.from},
                     {"to", event.to},
                     {"attempt_id", event.attempt_id},
                     {"cause", event.cause},
                     {"at", FormatTime(event.at)}});
}

Task<Result<Response>> ListDefinitions(pipelines::Definitions& definitions) {
  Json rows = Json::MakeArray();
  for (const pipelines::Definition& definition : CO_TRY(co_await definitions.List())) {
    rows.Append(Json::Make({{"name", definition.name},
                            {"version", definition.version},
                            {"file", definition.file_name},
                            {"applied_at", FormatTime(definition.applied_at)}}));
  }
  co_return net::JsonResponse(Json::Make({{"pipelines", std::move(rows)}}));
}

Task<Result<Response>> Submit(pipelines::Definitions& definitions, Pipelines& pipelines, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const pipelines::Definition definition = CO_TRY(co_await definitions.Get(request.params.at("name")));
  pipelines::Submission submission;
  submission.source = definition.source;
  submission.file_name = definition.file_name;
  submission.base_directory = definition.base_directory;
  submission.overrides = CO_TRY(OverridesOf(body));
  const RunId id = CO_TRY(co_await pipelines.Submit(std::move(submission)));
  co_return net::JsonResponse(Json::Make({{"id", id.text()}, {"pipeline", definition.name}}), 201);
}

Task<Result<Response>> ListRuns(Pipelines& pipelines, Request& request) {
  pipelines::RunFilter filter;
  if (const std::string* pipeline = request.Query("pipeline")) filter.pipeline = *pipeline;
  if (const std::string* before = request.Query("before")) filter.before = RunId(*before);
  if (const std::string* limit = request.Query("limit")) {
    filter.limit = static_cast<int>(std::clamp<long long>(ParseInt(*limit).value_or(filter.limit), 1, kRunsMax));
  }
  Json rows = Json::MakeArray();
  for (const pipelines::RunRecord& run : CO_TRY(co_await pipelines.List(filter))) rows.Append(ToJson(run));
  co_return net::JsonResponse(Json::Make({{"runs", std::move(rows)}}));
}

Task<Result<Response>> GetRun(Pipelines& pipelines, std::string id) {
  co_return net::JsonResponse(ToJson(CO_TRY(co_await pipelines.Get(RunId(id)))));
}

Task<Result<Response>> Events(Pipelines& pipelines, Request& request) {
  std::string after;
  if (const std::string* given = request.Query("after")) after = *given;
  Json rows = Json::MakeArray();
  const auto events = CO_TRY(co_await pipelines.Events(RunId(request.params.at("id")), after, kRunsMax));
  for (const pipelines::RunEvent& event : events) rows.Append(ToJson(event));
  co_return net::JsonResponse(Json::Make({{"events", std::move(rows)}}));
}

bool StepEnded(const pipelines::RunDetails& run, const std::string& step) {
  for (const pipelines::TaskDetails& task : run.tasks) {
    if (task.record.step == step) return pipelines::IsFinal(task.record.state);
  }
  return true;
}

Task<Result<Response>> Log(Pipelines& pipelines, Request& request) {
  const RunId id(request.params.at("id"));
  const std::string step = request.params.at("step");
  const std::string* offset_text = request.Query("offset");
  const auto offset = static_cast<std::uint64_t>(
      std::max<long long>(0, offset_text == nullptr ? 0 : ParseInt(*offset_text).value_or(0)));
  // Asked before the log is read: what was written before the end is then in it.
  const bool ended = StepEnded(CO_TRY(co_await pipelines.Get(id)), step);
  const std::string text = CO_TRY(co_await pipelines.Log(id, step, offset, kLogPieceBytes));
  co_return net::JsonResponse(
      Json::Make({{"text", text}, {"next_offset", std::uint64_t{offset + text.size()}}, {"ended", ended}}));
}

Task<Result<Response>> Cancel(Pipelines& pipelines, std::string id) {
  CO_TRY(co_await pipelines.Cancel(RunId(id)));
  co_return net::JsonResponse(Json::MakeObject());
}

Task<Result<Response>> Retry(Pipelines& pipelines, std::string id) {
  CO_TRY(co_await pipelines.Retry(RunId(id)));
  co_return net::JsonResponse(Json::MakeObject());
}

Result<tracking::LogBatch> LogBatchOf(const std::string& run, const Json& body) {
  tracking::LogBatch batch;
  batch.run = tracking::RunId(run);
  batch.param_rule = tracking::ParamRule::kLastStays;  // a step that is tried again may log others
  if (const Json* metrics = body.Find("metrics"); metrics != nullptr && metrics->IsArray()) {
    for (const Json& point : metrics->AsArray()) {
      const std::string key = TRY(point.GetString("name"));
      const double value = TRY(point.GetDouble("value"));
      batch.metrics.push_back({key, {point.IntOr("time", 0) / 1000, point.IntOr("step", 0), value}});
    }
  }
  if (const Json* params = body.Find("params"); params != nullptr && params->IsObject()) {
    for (const auto& [name, value] : params->AsObject()) {
      batch.params.emplace_back(name, value.IsString() ? value.AsString() : value.Dump());
    }
  }
  return batch;
}

Task<Result<Response>> LogMetrics(tracking::Tracking& tracking, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  tracking::LogBatch batch = CO_TRY(LogBatchOf(request.params.at("id"), body));
  CO_TRY(co_await tracking.Log(std::move(batch)));
  co_return net::JsonResponse(Json::MakeObject());
}

Task<Result<Response>> GetTracked(tracking::Tracking& tracking, std::string id) {
  const tracking::RunDetails details = CO_TRY(co_await tracking.GetRun(tracking::RunId(id)));
  Json params = Json::MakeObject(), metrics = Json::MakeObject(), steps = Json::MakeObject();
  for (const auto& [name, value] : details.params) params[name] = value;
  for (const auto& [name, point] : details.latest) {
    metrics[name] = point.value;
    steps[name] = point.step;
  }
  const std::string& pipeline = details.run.source;
  co_return net::JsonResponse(Json::Make({{"id", id},
                                          {"name", details.run.name},
                                          {"status", tracking::StatusName(details.run.status)},
                                          {"pipeline", pipeline.empty() ? Json() : Json(pipeline)},
                                          {"params", std::move(params)},
                                          {"metrics", std::move(metrics)},
                                          {"steps", std::move(steps)}}));
}

Task<Result<Response>> History(tracking::Tracking& tracking, Request& request) {
  const tracking::RunId id(request.params.at("id"));
  const auto history = CO_TRY(co_await tracking.MetricHistory(id, request.params.at("metric")));
  Json points = Json::MakeArray();
  for (const tracking::Point& point : history) {
    const Timestamp time = FromMicros(point.time * 1000);
    points.Append(Json::Make({{"step", point.step}, {"value", point.value}, {"time", FormatTime(time)}}));
  }
  co_return net::JsonResponse(Json::Make({{"points", std::move(points)}}));
}

}  // namespace

void AddPipelineRoutes(net::RouteTable& routes, pipelines::Definitions& definitions, Pipelines& pipelines,
                       tracking::Tracking& tracking) {
  routes.Add({Method::kGet, "/api/v1/pipelines", Permission::kRead, 0,
              net::Simple([&definitions](Request&) { return ListDefinitions(definitions); })});
  routes.Add({Method::kPost, "/api/v1/pipelines/{name}/runs", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&](Request& request) { return Submit(definitions, pipelines, request); })});
  routes.Add({Method::kGet, "/api/v1/runs", Permission::kRead, 0,
              net::Simple([&pipelines](Request& request) { return ListRuns(pipelines, request); })});
  routes.Add({Method::kGet, "/api/v1/runs/{id}", Permission::kRead, 0,
              net::Simple([&pipelines](Request& request) { return GetRun(pipelines, request.params.at("id")); })});
  routes.Add({Method::kGet, "/api/v1/runs/{id}/events", Permission::kRead, 0,
              net::Simple([&pipelines](Request& request) { return Events(pipelines, request); })});
  routes.Add({Method::kGet, "/api/v1/runs/{id}/tasks/{step}/log", Permission::kRead, 0,
              net::Simple([&pipelines](Request& request) { return Log(pipelines, request); })});
  routes.Add({Method::kPost, "/api/v1/runs/{id}/cancel", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&pipelines](Request& request) { return Cancel(pipelines, request.params.at("id")); })});
  routes.Add({Method::kPost, "/api/v1/runs/{id}/retry", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&pipelines](Request& request) { return Retry(pipelines, request.params.at("id")); })});
  routes.Add({Method::kPost, "/api/v1/runs/{id}/log", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&tracking](Request& request) { return LogMetrics(tracking, request); })});
  routes.Add({Method::kGet, "/api/v1/runs/{id}/tracked", Permission::kRead, 0,
              net::Simple([&tracking](Request& request) { return GetTracked(tracking, request.params.at("id")); })});
  routes.Add({Method::kGet, "/api/v1/runs/{id}/metrics/{metric}", Permission::kRead, 0,
              net::Simple([&tracking](Request& request) { return History(tracking, request); })});
}

}  // namespace mw::api::native
