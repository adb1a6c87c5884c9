// What happens at model servers, seen from the control plane: requests one by one, one prediction as it was recorded,
// and the numbers of an endpoint.
#include <algorithm>
#include <cmath>

#include "api/native/exposition.h"
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "api/native/server_calls.h"
#include "base/text.h"
#include "base/yaml.h"
#include "serving/access_files.h"

namespace mw::api::native {
namespace {

/// A search may read a quarter of a gigabyte; the numbers are there at once.
constexpr std::chrono::milliseconds kSearchPatience{20'000};
constexpr std::chrono::milliseconds kNumbersPatience{2'000};

std::string Target(std::string path, const serving::QueryParameters& parameters) {
  char before = '?';
  for (const auto& [key, value] : parameters) {
    CatTo(path, before, key, "=", net::PercentEncode(value));
    before = '&';
  }
  return path;
}

/// `since` as a time, or as a duration before now.
Result<serving::AccessQuery> QueryOf(const Request& request, const Clock& clock) {
  serving::QueryParameters parameters = request.query;
  for (auto& [key, value] : parameters) {
    if (key != "since") continue;
    if (const auto ago = ParseDuration(value); ago.ok()) value = FormatTime(clock.Now() - *ago);
  }
  return serving::ParseAccessQuery(parameters);
}

Json ServerJson(const ServerAnswer& answer) {
  return Json::Make({{"server", answer.server},
                     {"address", answer.address},
                     {"error", answer.body.ok() ? Json() : Json(answer.body.error().ToString())}});
}

/// Adds one server's lines to those of others.
void TakeRequests(const ServerAnswer& answer, Json::Array& requests, std::string& reaches) {
  const Result<Json> body = answer.body.ok() ? Json::Parse(*answer.body) : Result<Json>(answer.body.error());
  const Json* const lines = body.ok() ? body->Find("requests") : nullptr;
  if (lines == nullptr || !lines->IsArray()) return;
  for (Json line : lines->AsArray()) {
    if (!line.IsObject()) continue;
    line["server"] = answer.server;
    requests.push_back(std::move(line));
  }
  const std::string back = body->StringOr("reaches", "");
  if (!back.empty() && (reaches.empty() || back < reaches)) reaches = back;
}

Task<Result<Response>> Requests(ServerCalls& calls, const Clock& clock, Request& request) {
  const serving::AccessQuery query = CO_TRY(QueryOf(request, clock));
  const std::string target = Target("/millwright/v1/requests", serving::ToParameters(query));
  const std::vector<ServerAnswer> answers = co_await calls.Get(target, query.endpoint, kSearchPatience);
  Json::Array requests;
  Json servers = Json::MakeArray();
  std::string reaches;
  for (const ServerAnswer& answer : answers) {
    servers.Append(ServerJson(answer));
    TakeRequests(answer, requests, reaches);
  }
  const auto time = [](const Json& line) { return ParseTime(line.StringOr("time", "")).value_or(Timestamp()); };
  std::stable_sort(requests.begin(), requests.end(), [&](const Json& a, const Json& b) { return time(a) < time(b); });
  if (requests.size() > query.limit) {
    requests.erase(requests.begin(), requests.end() - static_cast<std::ptrdiff_t>(query.limit));
  }
  co_return net::JsonResponse(Json::Make({{"requests", Json(std::move(requests))},
                                          {"reaches", reaches.empty() ? Json() : Json(reaches)},
                                          {"servers", std::move(servers)}}));
}

Task<Result<Response>> Numbers(ServerCalls& calls, endpoints::Endpoints& endpoints, const Clock& clock,
                               std::string name) {
  const endpoints::EndpointView view = CO_TRY(co_await endpoints.Get(name));
  const std::vector<ServerAnswer> answers = co_await calls.Get("/metrics", name, kNumbersPatience);
  EndpointReading sum;
  Json servers = Json::MakeArray();
  for (const ServerAnswer& answer : answers) {
    servers.Append(ServerJson(answer));
    if (!answer.body.ok()) continue;
    for (const auto& [version, reading] : ReadExposition(*answer.body, name)) sum[version].Merge(reading);
  }
  Json versions = Json::MakeArray();
  for (const auto& [version, reading] : sum) {
    Json one = ToJson(reading);
    one["version"] = std::int64_t{ParseInt(version).value_or(0)};
    versions.Append(std::move(one));
  }
  co_return net::JsonResponse(Json::Make({{"endpoint", view.current.endpoint},
                                          {"at", FormatTime(clock.Now())},
                                          {"servers", std::move(servers)},
                                          {"versions", std::move(versions)}}));
}

/// The place of a recorded row, or nothing.
std::optional<std::size_t> Place(const predictions::JoinedRows& rows, const std::string& id) {
  const auto found = std::find(rows.ids.begin(), rows.ids.end(), id);
  if (found == rows.ids.end()) return std::nullopt;
  return static_cast<std::size_t>(found - rows.ids.begin());
}

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(); }

/// 0.1 and not 0.10000000149: in as many digits as a float has.
Json FloatOrNull(float value) { return NumberOrNull(ParseDouble(Cat(value)).value_or(HUGE_VAL)); }

/// What the model saw, by name.
Json Features(const predictions::JoinedRows& rows, std::size_t row) {
  Json features = Json::MakeObject();
  const std::size_t width = rows.feature_names.size();
  if (rows.features.size() < (row + 1) * width) return features;
  for (std::size_t i = 0; i < width; ++i) {
    features[rows.feature_names[i]] = FloatOrNull(rows.features[row * width + i]);
  }
  return features;
}

Json Recorded(const predictions::JoinedRows& rows, std::size_t row) {
  Json out = Json::Make({{"id", rows.ids[row]},
                         {"version", rows.versions[row]},
                         {"event_time", FormatTime(FromMicros(rows.event_times_us[row]))},
                         {"prediction", FloatOrNull(rows.predictions[row])},
                         {"label", NumberOrNull(rows.labels[row])},
                         {"features", Features(rows, row)}});
  if (!rows.keys[row].empty()) out["key"] = rows.keys[row];
  const auto name_of = [&rows](double place) -> Json {
    const bool known = place >= 0 && place < static_cast<double>(rows.classes.size());
    return known ? Json(rows.classes[static_cast<std::size_t>(place)]) : Json();
  };
  if (!rows.classes.empty()) {
    out["prediction"] = name_of(static_cast<double>(rows.predictions[row]));
    out["label"] = name_of(rows.labels[row]);
  }
  return out;
}

/// `id` of a prediction and the event time in whose hour it was recorded.
Task<Result<Response>> Prediction(predictions::Predictions& predictions, Request& request) {
  const std::string* const id = request.Query("id");
  const std::string* const at = request.Query("event_time");
  if (id == nullptr || at == nullptr)
    co_return InvalidArgument("give ?id= and &event_time=, as the access log has them");
  const Timestamp window = wire::WindowStart(CO_TRY(ParseTime(*at).In("event_time")));
  const predictions::WindowRange range{request.params.at("name"), 0, window, window + wire::kWindowLength};
  const predictions::JoinedRows rows = CO_TRY(co_await predictions.Joined(range, predictions::JoinedColumns::kAll));
  const std::optional<std::size_t> place = Place(rows, *id);
  if (!place) {
    co_return NotFound("prediction ", Quoted(*id), " is not among the ", rows.size(),
                       " that were recorded of the hour ", FormatTime(window));
  }
  co_return net::JsonResponse(Recorded(rows, *place));
}

}  // namespace

void AddServerRoutes(net::RouteTable& routes, ServerCalls& calls, endpoints::Endpoints& endpoints,
                     predictions::Predictions& predictions, const Clock& clock) {
  routes.Add({Method::kGet, "/api/v1/requests", Permission::kRead, 0,
              net::Simple([&calls, &clock](Request& request) { return Requests(calls, clock, request); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/serving", Permission::kRead, 0,
              net::Simple([&calls, &endpoints, &clock](Request& request) {
                return Numbers(calls, endpoints, clock, request.params.at("name"));
              })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/predictions", Permission::kRead, 0,
              net::Simple([&predictions](Request& request) { return Prediction(predictions, request); })});
}

}  // namespace mw::api::native
