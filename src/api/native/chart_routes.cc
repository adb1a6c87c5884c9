// Metrics of runs as charts show them. The answer is written as it is made: it may hold a million numbers.
#include <cmath>
#include <utility>

#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"

namespace mw::api::native {
namespace {

using tracking::Axis;
using tracking::Bucket;
using tracking::ChartQuery;
using tracking::Series;

Result<std::vector<std::string>> TextsOf(const Json& body, std::string_view name) {
  const Json* list = body.Find(name);
  if (list == nullptr || !list->IsArray()) return InvalidArgument(name, " must be a list of texts");
  std::vector<std::string> texts;
  for (const Json& element : list->AsArray()) {
    if (!element.IsString()) return InvalidArgument(name, " must be a list of texts");
    texts.push_back(element.AsString());
  }
  return texts;
}

Result<std::optional<std::int64_t>> PlaceOf(const Json& body, std::string_view name) {
  const Json* place = body.Find(name);
  if (place == nullptr || place->IsNull()) return std::optional<std::int64_t>();
  return std::optional(TRY(body.GetInt(name)));
}

Result<ChartQuery> QueryOf(const Json& body) {
  ChartQuery query;
  for (std::string& id : TRY(TextsOf(body, "runs"))) query.runs.emplace_back(std::move(id));
  query.metrics = TRY(TextsOf(body, "metrics"));
  const std::string axis = body.StringOr("x", "step");
  if (axis != "step" && axis != "time") return InvalidArgument("x is step or time, not ", Quoted(axis));
  query.axis = axis == "time" ? Axis::kTime : Axis::kStep;
  const std::int64_t buckets = body.IntOr("buckets", 1000);
  query.buckets = buckets < 0 ? 0 : static_cast<std::size_t>(buckets);
  query.from = TRY(PlaceOf(body, "from"));
  query.to = TRY(PlaceOf(body, "to"));
  query.rough = body.BoolOr("rough", false);
  return query;
}

/// "name":[...], one of each bucket.
template <typename Write>
void WriteColumn(std::string& out, std::string_view name, const std::vector<Bucket>& buckets, Write write) {
  CatTo(out, ",\"", name, "\":[");
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (i > 0) out.push_back(',');
    write(buckets[i]);
  }
  out.push_back(']');
}

void WriteNans(std::string& out, const std::vector<Bucket>& buckets) {
  out += ",\"nans\":[";
  bool first = true;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i].nans == 0) continue;
    CatTo(out, first ? "" : ",", i);
    first = false;
  }
  out.push_back(']');
}

void WriteSeries(std::string& out, const Series& series) {
  out += "{\"run_id\":";
  AppendJsonString(out, series.run.text());
  out += ",\"metric\":";
  AppendJsonString(out, series.metric);
  CatTo(out, ",\"points\":", series.points, ",\"begin\":", series.begin, ",\"end\":", series.end,
        ",\"width\":", series.width);
  const std::vector<Bucket>& buckets = series.buckets;
  WriteColumn(out, "x", buckets, [&out](const Bucket& bucket) { CatTo(out, bucket.x_first); });
  WriteColumn(out, "first", buckets, [&out](const Bucket& bucket) { AppendJsonNumber(out, bucket.first); });
  WriteColumn(out, "last", buckets, [&out](const Bucket& bucket) { AppendJsonNumber(out, bucket.last); });
  WriteColumn(out, "min", buckets, [&out](const Bucket& bucket) { AppendJsonNumber(out, bucket.least); });
  WriteColumn(out, "max", buckets, [&out](const Bucket& bucket) { AppendJsonNumber(out, bucket.most); });
  WriteNans(out, buckets);
  out.push_back('}');
}

std::string Written(Axis axis, const std::vector<Series>& chart) {
  std::string out = axis == Axis::kTime ? R"({"x":"time","series":[)" : R"({"x":"step","series":[)";
  for (std::size_t i = 0; i < chart.size(); ++i) {
    if (i > 0) out.push_back(',');
    WriteSeries(out, chart[i]);
  }
  return out += "]}";
}

Task<Result<Response>> Chart(tracking::Tracking& tracking, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  ChartQuery query = CO_TRY(QueryOf(body));
  const Axis axis = query.axis;
  const std::vector<Series> chart = CO_TRY(co_await tracking.ReadChart(std::move(query)));
  Response response;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = Written(axis, chart);
  co_return response;
}

}  // namespace

void AddChartRoutes(net::RouteTable& routes, tracking::Tracking& tracking) {
  routes.Add({Method::kPost, "/api/v1/charts", Permission::kRead, kJsonBodyBytesMax,
              net::Simple([&tracking](Request& request) { return Chart(tracking, request); })});
}

}  // namespace mw::api::native
