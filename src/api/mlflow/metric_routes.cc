// metrics/*
#include <algorithm>
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/validation.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using tracking::Point;
using tracking::RunId;
using tracking::Tracking;

constexpr std::int64_t kPageMax = 25'000;       ///< points of one answer, where the client asks for pages
constexpr std::size_t kRunsMax = 100;           ///< of one chart
constexpr std::int64_t kChartPointsMax = 2500;  ///< of each run
constexpr std::int64_t kChartPointsUsual = 320;

Result<std::int64_t> Bounded(const Parameters& parameters, std::int64_t usual, std::int64_t most) {
  const std::int64_t asked = TRY(parameters.Int("max_results"))
  .value_or(usual);
  if (asked >= 1 && asked <= most) return asked;
  return InvalidArgument("Invalid value ", asked, " for parameter 'max_results' supplied. It must be from 1 to ", most);
}

/// Where a page begins: a history only grows at its end as long as points come in the order of time.
Result<std::size_t> PlaceOf(const Parameters& parameters) {
  const std::string token = TRY(parameters.Text("page_token"));
  if (token.empty()) return std::size_t{0};
  if (const auto place = ParseInt(token); place && *place >= 0) return static_cast<std::size_t>(*place);
  return InvalidArgument("Invalid page token, could not base64-decode ", Quoted(token));
}

Task<Result<Json>> History(Tracking& tracking, const Parameters& parameters) {
  RunId id(CO_TRY(parameters.RunId()));
  const std::string key = CO_TRY(parameters.RequiredText("metric_key"));
  const std::optional<std::int64_t> asked = CO_TRY(parameters.Int("max_results"));
  if (asked && *asked < 1) {
    co_return InvalidArgument("Invalid value ", *asked,
                              " for parameter 'max_results' supplied. It must be a positive integer.");
  }
  const std::size_t begin = CO_TRY(PlaceOf(parameters));
  const std::vector<Point> points = CO_TRY(co_await tracking.MetricHistory(std::move(id), key));
  std::size_t end = points.size();
  if (asked) end = std::min(end, begin + static_cast<std::size_t>(std::min(*asked, kPageMax)));
  Json metrics = Json::MakeArray();
  for (std::size_t i = begin; i < end; ++i) metrics.Append(MetricJson(key, points[i]));
  Json answer = ListJson("metrics", std::move(metrics));
  if (end < points.size()) answer["next_page_token"] = Cat(end);
  co_return answer;
}

Json WithRun(std::string_view key, const Point& point, const std::string& run) {
  Json metric = MetricJson(key, point);
  metric["run_id"] = run;
  return metric;
}

Result<std::vector<std::string>> RunsOf(const Parameters& parameters, std::string_view name) {
  std::vector<std::string> runs = TRY(parameters.Texts(name));
  if (runs.empty()) return InvalidArgument("GetMetricHistoryBulk request must specify at least one run_id.");
  if (runs.size() > kRunsMax) {
    return InvalidArgument("GetMetricHistoryBulk request cannot specify more than ", kRunsMax, " run_ids. Received ",
                           runs.size(), " run_ids.");
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

Task<Result<Json>> Bulk(Tracking& tracking, const Parameters& parameters) {
  const std::vector<std::string> runs = CO_TRY(RunsOf(parameters, "run_id"));
  const std::string key = CO_TRY(parameters.Text("metric_key"));
  if (key.empty()) co_return InvalidArgument("GetMetricHistoryBulk request must specify a metric_key.");
  std::int64_t left = CO_TRY(Bounded(parameters, kPageMax, kPageMax));
  Json metrics = Json::MakeArray();
  for (const std::string& run : runs) {
    const std::vector<Point> points = CO_TRY(co_await tracking.MetricHistory(RunId(run), key));
    for (std::size_t i = 0; i < points.size() && left > 0; ++i, --left) metrics.Append(WithRun(key, points[i], run));
  }
  co_return ListJson("metrics", std::move(metrics));
}

/// By steps from `first` to `last`, both within.
void KeepSteps(std::vector<Point>& points, std::int64_t first, std::int64_t last) {
  std::erase_if(points, [=](const Point& point) { return point.step < first || point.step > last; });
}

Task<Result<Json>> BulkInterval(Tracking& tracking, const Parameters& parameters) {
  const std::vector<std::string> runs = CO_TRY(RunsOf(parameters, "run_ids"));
  const std::string key = CO_TRY(parameters.RequiredText("metric_key"));
  const auto first = CO_TRY(parameters.Int("start_step"))
  , last = CO_TRY(parameters.Int("end_step"));
  if (first.has_value() != last.has_value()) {
    co_return InvalidArgument("If either start step or end step are specified, both must be specified.");
  }
  if (first && *first > *last) {
    co_return InvalidArgument("end_step must be greater than start_step. Found start_step=", *first,
                              " and end_step=", *last, ".");
  }
  const std::int64_t most = CO_TRY(Bounded(parameters, kChartPointsUsual, kChartPointsMax));
  Json metrics = Json::MakeArray();
  for (const std::string& run : runs) {
    std::vector<Point> points = CO_TRY(co_await tracking.MetricHistory(RunId(run), key));
    if (first) KeepSteps(points, *first, *last);
    for (const Point& point : tracking::Thin(points, static_cast<std::size_t>(most))) {
      metrics.Append(WithRun(key, point, run));
    }
  }
  co_return ListJson("metrics", std::move(metrics));
}

}  // namespace

void AddMetricRoutes(net::RouteTable& routes, Tracking& tracking) {
  const auto add = [&](std::string_view path, auto call) {
    AddRpc(routes, Method::kGet, path, Permission::kRead,
           [&tracking, call](const Parameters& parameters, net::Request&) { return call(tracking, parameters); });
  };
  add("/metrics/get-history", History);
  add("/metrics/get-history-bulk", Bulk);
  add("/metrics/get-history-bulk-interval", BulkInterval);
}

}  // namespace mw::api::mlflow
