// runs/*
#include <algorithm>
#include <optional>
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/batch_reader.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/validation.h"
#include "base/id.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using tracking::LogBatch;
using tracking::RunId;
using tracking::Tracking;

/// An id that no run could have is not found, as one that none has; MLflow's server judges it in batches only.
Result<RunId> RunIdOf(const Parameters& parameters) { return RunId(TRY(parameters.RunId())); }

constexpr std::size_t kRunIdSize = 32;

Status CheckNewRunId(std::string_view id) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (id.size() == kRunIdSize && std::all_of(id.begin(), id.end(), is_digit)) return Ok();
  return InvalidArgument("Invalid value ", Json(id).Dump(), " for parameter 'run_id' supplied: a run that its client ",
                         "names has ", kRunIdSize, " digits 0-9, a-f.");
}

/// Of a run that is made: MLflow's server takes any name then, so a training that begins with one goes on here too.
Result<std::pair<std::string, std::string>> FirstTagOf(const Parameters& tag) {
  std::string key = TRY(tag.RequiredText("key"));
  TRY(CheckLength(Cat(tag.path(), "key"), key, kKeyCharactersMax));
  return std::pair(std::move(key), Truncated(TRY(tag.Text("value")), kTagCharactersMax));
}

/// Of run tags; long values are cut off, as MLflow's server does.
Result<std::pair<std::string, std::string>> TagOf(const Parameters& tag) {
  std::string key = TRY(tag.RequiredText("key"));
  TRY(CheckName(Cat(tag.path(), "key"), key));
  TRY(CheckLength(Cat(tag.path(), "key"), key, kKeyCharactersMax));
  return std::pair(std::move(key), Truncated(TRY(tag.Text("value")), kTagCharactersMax));
}

Result<std::pair<std::string, std::string>> ParamOf(const Parameters& param) {
  std::string key = TRY(param.RequiredText("key"));
  TRY(CheckName(Cat(param.path(), "key"), key));
  TRY(CheckLength("Param key", key, kKeyCharactersMax));
  return std::pair(std::move(key), Truncated(TRY(param.Text("value")), kParamCharactersMax));
}

Result<tracking::MetricPoint> MetricOf(const Parameters& metric) {
  tracking::MetricPoint out;
  out.key = TRY(metric.RequiredText("key"));
  TRY(CheckName(Cat(metric.path(), "name"), out.key));
  TRY(CheckLength("Metric name", out.key, kKeyCharactersMax));
  out.point.value = TRY(metric.RequiredDouble("value"));
  out.point.time = TRY(metric.RequiredInt("timestamp"));
  out.point.step = TRY(metric.Int("step"))
  .value_or(0);
  if (out.point.time >= 0) return out;
  return InvalidArgument("Invalid value ", out.point.time, " for parameter '", metric.path(),
                         "timestamp' supplied: metric '", out.key, "' (value=", Json(out.point.value).Dump(),
                         "). Timestamp must be a nonnegative long (64-bit integer) ");
}

/// Adds the metric, and the model and dataset that it was measured of.
Status AddMetric(const Parameters& metric, LogBatch& batch) {
  tracking::ModelPoint model;
  model.metric = batch.metrics.size();
  batch.metrics.push_back(TRY(MetricOf(metric)));
  model.model = TRY(metric.Text("model_id"));
  if (model.model.empty()) return Ok();
  model.dataset_name = TRY(metric.Text("dataset_name"));
  model.dataset_digest = TRY(metric.Text("dataset_digest"));
  TRY(CheckLength(Cat(metric.path(), "dataset_name"), model.dataset_name, kDatasetNameCharactersMax));
  TRY(CheckLength(Cat(metric.path(), "dataset_digest"), model.dataset_digest, kDatasetDigestCharactersMax));
  batch.model_points.push_back(std::move(model));
  return Ok();
}

Task<Result<Json>> CreateRun(Tracking& tracking, const Clock& clock, const Parameters& parameters) {
  tracking::NewRun run;
  // A client that spools names its run itself, so that it may ask again.
  run.id = RunId(CO_TRY(parameters.Text("run_id")));
  if (run.id.empty()) run.id = NewId<RunId>(clock);
  CO_TRY(CheckNewRunId(run.id.text()));
  run.experiment = tracking::ExperimentId(CO_TRY(parameters.Text("experiment_id")));
  if (run.experiment.empty()) run.experiment = tracking::ExperimentId("0");
  run.user = CO_TRY(parameters.Text("user_id"));
  run.name = CO_TRY(parameters.Text("run_name"));
  const std::optional<std::int64_t> started = CO_TRY(parameters.Int("start_time"));
  run.started = started.value_or(ToMicros(clock.Now()) / 1000);
  const std::vector<Parameters> tags = CO_TRY(parameters.List("tags"));
  for (const Parameters& tag : tags) run.tags.insert(CO_TRY(FirstTagOf(tag)));
  RunId id = run.id;
  CO_TRY(co_await tracking.CreateRun(std::move(run)));
  const tracking::RunDetails made = CO_TRY(co_await tracking.GetRun(std::move(id)));
  co_return Json::Make({{"run", RunJson(made)}});
}

Result<tracking::RunChange> RunChangeOf(const Parameters& parameters) {
  tracking::RunChange change;
  const std::string status = TRY(parameters.Enum("status", {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}));
  if (!status.empty()) change.status = TRY(tracking::ParseStatus(ToLower(status)));
  change.ended = TRY(parameters.Int("end_time"));
  change.name = TRY(parameters.OptionalText("run_name"));
  return change;
}

Task<Result<Json>> UpdateRun(Tracking& tracking, const Parameters& parameters) {
  RunId id = CO_TRY(RunIdOf(parameters));
  tracking::RunChange change = CO_TRY(RunChangeOf(parameters));
  const tracking::Run run = CO_TRY(co_await tracking.UpdateRun(std::move(id), std::move(change)));
  co_return Json::Make({{"run_info", RunInfoJson(run)}});
}

Task<Result<Json>> GetRun(Tracking& tracking, const Parameters& parameters) {
  RunId id = CO_TRY(RunIdOf(parameters));
  const tracking::RunDetails details = CO_TRY(co_await tracking.GetRun(std::move(id)));
  co_return Json::Make({{"run", RunJson(details)}});
}

Task<Result<Json>> DeleteRun(Tracking& tracking, const Parameters& parameters) {
  RunId id = CO_TRY(RunIdOf(parameters));
  CO_TRY(co_await tracking.DeleteRun(std::move(id)));
  co_return Json::MakeObject();
}

Task<Result<Json>> RestoreRun(Tracking& tracking, const Parameters& parameters) {
  RunId id = CO_TRY(RunIdOf(parameters));
  CO_TRY(co_await tracking.RestoreRun(std::move(id)));
  co_return Json::MakeObject();
}

Task<Result<Json>> LogMetric(Tracking& tracking, const Parameters& parameters) {
  LogBatch batch;
  batch.run = CO_TRY(RunIdOf(parameters));
  CO_TRY(AddMetric(parameters, batch));
  CO_TRY(co_await tracking.Log(std::move(batch)));
  co_return Json::MakeObject();
}

Task<Result<Json>> LogParam(Tracking& tracking, const Parameters& parameters) {
  RunId id = CO_TRY(RunIdOf(parameters));
  auto [key, value] = CO_TRY(ParamOf(parameters));
  CO_TRY(co_await tracking.LogParam(std::move(id), std::move(key), std::move(value)));
  co_return Json::MakeObject();
}

Task<Result<Json>> SetRunTag(Tracking& tracking, const Parameters& parameters) {
  LogBatch batch;
  batch.run = CO_TRY(RunIdOf(parameters));
  batch.tags.push_back(CO_TRY(TagOf(parameters)));
  CO_TRY(co_await tracking.Log(std::move(batch)));
  co_return Json::MakeObject();
}

Task<Result<Json>> DeleteRunTag(Tracking& tracking, const Parameters& parameters) {
  RunId id = CO_TRY(RunIdOf(parameters));
  std::string key = CO_TRY(parameters.RequiredText("key"));
  CO_TRY(co_await tracking.DeleteTag(std::move(id), std::move(key)));
  co_return Json::MakeObject();
}

Result<LogBatch> BatchOf(const Parameters& parameters) {
  LogBatch batch;
  batch.run = TRY(RunIdOf(parameters));
  TRY(CheckRunId(batch.run.text()));
  const std::vector<Parameters> metrics = TRY(parameters.List("metrics"));
  const std::vector<Parameters> params = TRY(parameters.List("params"));
  const std::vector<Parameters> tags = TRY(parameters.List("tags"));
  TRY(CheckBatch("metrics", metrics.size(), kBatchMetricsMax));
  TRY(CheckBatch("params", params.size(), kBatchParamsMax));
  TRY(CheckBatch("tags", tags.size(), kBatchTagsMax));
  TRY(CheckBatch("metrics, params, and tags", metrics.size() + params.size() + tags.size(), kBatchMax));
  batch.metrics.reserve(metrics.size());
  for (const Parameters& metric : metrics) TRY(AddMetric(metric, batch));
  for (const Parameters& param : params) batch.params.push_back(TRY(ParamOf(param)));
  for (const Parameters& tag : tags) batch.tags.push_back(TRY(TagOf(tag)));
  TRY(CheckDoubles(batch.params));
  return batch;
}

Task<Result<std::string>> LogMany(Tracking& tracking, net::Request& request) {
  std::string body = CO_TRY(co_await Parameters::ReadBody(request));
  std::optional<LogBatch> batch = ReadPlainBatch(body);
  if (!batch) {
    const Parameters parameters = CO_TRY(Parameters::OfBody(body));
    batch = CO_TRY(BatchOf(parameters));
  }
  CO_TRY(co_await tracking.Log(*std::move(batch)));
  co_return std::string("{}");
}

// ---- search ----

constexpr std::int64_t kRunsFoundUsual = 1000, kRunsFoundMax = 50'000;

Result<tracking::RunQuery> RunQueryOf(const Parameters& parameters) {
  tracking::RunQuery query;
  for (std::string& id : TRY(parameters.Texts("experiment_ids"))) {
    if (!ParseInt(id)) {
      return InvalidArgument("Invalid experiment ID '", id, "'. Experiment ID must be a valid integer.");
    }
    query.experiments.emplace_back(std::move(id));
  }
  query.filter = TRY(search::ParseRunFilter(TRY(parameters.Text("filter"))));
  query.order = TRY(search::ParseRunOrderBy(TRY(parameters.Texts("order_by"))));
  const std::string view = TRY(parameters.Enum("run_view_type", {"ACTIVE_ONLY", "DELETED_ONLY", "ALL"}));
  if (view == "DELETED_ONLY") query.view = tracking::StageView::kDeletedOnly;
  if (view == "ALL") query.view = tracking::StageView::kAll;
  query.limit = TRY(parameters.Int("max_results"))
  .value_or(kRunsFoundUsual);
  if (query.limit < 1 || query.limit > kRunsFoundMax) {
    return InvalidArgument("Invalid value ", query.limit, " for parameter 'max_results' supplied. It must be ",
                           query.limit < 1 ? "at least 1" : Cat("at most ", kRunsFoundMax));
  }
  if (const std::string token = TRY(parameters.Text("page_token")); !token.empty()) {
    query.after = TRY(tracking::ParsePageToken(token, query.order));
  }
  return query;
}

Task<Result<std::string>> SearchRuns(Tracking& tracking, net::Request& request) {
  const Parameters parameters = CO_TRY(co_await Parameters::Read(request));
  tracking::RunQuery query = CO_TRY(RunQueryOf(parameters));
  std::string out = "{";
  const Tracking::EachRun each = [&out](const tracking::RunDetails& run) {
    out += out.size() == 1 ? "\"runs\":[" : ",";
    AppendRun(out, run);
  };
  const auto next = CO_TRY(co_await tracking.SearchRuns(std::move(query), each));
  if (out.size() > 1) out += "]";
  if (next) CatTo(out, out.size() > 1 ? "," : "", "\"next_page_token\":\"", tracking::PageToken(*next), "\"");
  co_return out += "}";
}

}  // namespace

void AddRunRoutes(net::RouteTable& routes, Tracking& tracking, const Clock& clock) {
  AddRpc(routes, Method::kPost, "/runs/create", Permission::kWrite,
         [&](const Parameters& parameters, net::Request&) { return CreateRun(tracking, clock, parameters); });
  const auto add = [&](Method method, std::string_view path, Permission permission, auto call) {
    AddRpc(routes, method, path, permission,
           [&tracking, call](const Parameters& parameters, net::Request&) { return call(tracking, parameters); });
  };
  add(Method::kPost, "/runs/update", Permission::kWrite, UpdateRun);
  add(Method::kGet, "/runs/get", Permission::kRead, GetRun);
  add(Method::kPost, "/runs/delete", Permission::kWrite, DeleteRun);
  add(Method::kPost, "/runs/restore", Permission::kWrite, RestoreRun);
  add(Method::kPost, "/runs/log-metric", Permission::kWrite, LogMetric);
  add(Method::kPost, "/runs/log-parameter", Permission::kWrite, LogParam);
  add(Method::kPost, "/runs/set-tag", Permission::kWrite, SetRunTag);
  add(Method::kPost, "/runs/delete-tag", Permission::kWrite, DeleteRunTag);
  AddTextRpc(routes, Method::kPost, "/runs/log-batch", Permission::kWrite,
             [&tracking](net::Request& request) { return LogMany(tracking, request); });
  AddTextRpc(routes, Method::kPost, "/runs/search", Permission::kRead,
             [&tracking](net::Request& request) { return SearchRuns(tracking, request); });
}

}  // namespace mw::api::mlflow
