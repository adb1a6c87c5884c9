// What experiments take, how long runs stay, and collecting garbage.
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "base/yaml.h"

namespace mw::api::native {
namespace {

using retention::Collection;
using retention::Report;
using retention::Retention;
using retention::Rule;
using tracking::Trashed;

Json ToJson(const tracking::ExperimentSize& size) {
  return Json::Make({{"experiment_id", size.id.text()},
                     {"name", size.name},
                     {"stage", tracking::StageName(size.stage)},
                     {"runs", size.runs},
                     {"deleted_runs", size.deleted_runs},
                     {"files", size.files},
                     {"artifact_bytes", size.artifact_bytes},
                     {"point_bytes", size.point_bytes}});
}

Task<Result<Response>> Sizes(Retention& retention) {
  Json rows = Json::MakeArray();
  std::int64_t bytes = 0;
  for (const tracking::ExperimentSize& size : CO_TRY(co_await retention.Sizes())) {
    rows.Append(ToJson(size));
    bytes += size.artifact_bytes + size.point_bytes;
  }
  co_return net::JsonResponse(Json::Make({{"experiments", std::move(rows)}, {"bytes", bytes}}));
}

Json LimitJson(const std::optional<std::int64_t>& limit) { return limit ? Json(*limit) : Json(); }

Json ToJson(const Rule& rule) {
  return Json::Make({{"experiment_id", rule.experiment},
                     {"keep_days", LimitJson(rule.keep_days)},
                     {"keep_last", LimitJson(rule.keep_last)},
                     {"trash_days", LimitJson(rule.trash_days)}});
}

Task<Result<Response>> Rules(Retention& retention) {
  Json rows = Json::MakeArray();
  for (const Rule& rule : CO_TRY(co_await retention.Rules())) rows.Append(ToJson(rule));
  co_return net::JsonResponse(Json::Make({{"rules", std::move(rows)}}));
}

Result<std::optional<std::int64_t>> LimitOf(const Json& body, std::string_view key) {
  const Json* limit = body.Find(key);
  if (limit == nullptr || limit->IsNull()) return std::optional<std::int64_t>();
  return std::optional(TRY(body.GetInt(key)));
}

Task<Result<Response>> PutRule(Retention& retention, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  Rule rule;
  rule.experiment = request.params.at("experiment");
  rule.keep_days = CO_TRY(LimitOf(body, "keep_days"));
  rule.keep_last = CO_TRY(LimitOf(body, "keep_last"));
  rule.trash_days = CO_TRY(LimitOf(body, "trash_days"));
  CO_TRY(co_await retention.SetRule(rule));
  co_return net::JsonResponse(ToJson(rule));
}

Task<Result<Response>> DeleteRule(Retention& retention, Request& request) {
  CO_TRY(co_await retention.RemoveRule(request.params.at("experiment")));
  co_return net::JsonResponse(Json::MakeObject());
}

Result<std::vector<std::string>> IdsIn(const Json& body, std::string_view key) {
  std::vector<std::string> texts;
  const Json* list = body.Find(key);
  if (list == nullptr) return texts;
  if (!list->IsArray()) return InvalidArgument(key, " is a list of ids");
  for (const Json& text : list->AsArray()) {
    if (!text.IsString()) return InvalidArgument(key, " is a list of ids");
    texts.push_back(text.AsString());
  }
  return texts;
}

Result<Duration> DurationOf(const Json& body, std::string_view key, Duration otherwise) {
  const std::string text = body.StringOr(key, "");
  return text.empty() ? Result<Duration>(otherwise) : ParseDuration(text).In(key);
}

Result<Collection> CollectionOf(const Json& body) {
  Collection collection;
  collection.older_than = TRY(DurationOf(body, "older_than", Duration(0)));
  collection.grace = TRY(DurationOf(body, "grace", retention::kGrace));
  collection.experiments = TRY(IdsIn(body, "experiment_ids"));
  collection.runs = TRY(IdsIn(body, "run_ids"));
  collection.dry_run = body.BoolOr("dry_run", false);
  collection.orphans = body.BoolOr("orphans", false);
  return collection;
}

Json ToJson(const std::vector<Trashed>& list) {
  Json rows = Json::MakeArray();
  for (const Trashed& item : list) {
    rows.Append(Json::Make({{"id", item.id},
                            {"name", item.name},
                            {"experiment_id", item.experiment.text()},
                            {"deleted_at", FormatTime(FromMicros(item.deleted_at * 1000))}}));
  }
  return rows;
}

Json ToJson(const Report& report) {
  Json kept = Json::MakeArray();
  for (const retention::Kept& run : report.kept) {
    kept.Append(Json::Make({{"id", run.id}, {"reason", run.reason}}));
  }
  return Json::Make({{"runs", ToJson(report.runs)},
                     {"models", ToJson(report.models)},
                     {"experiments", ToJson(report.experiments)},
                     {"kept", std::move(kept)},
                     {"blobs", report.blobs},
                     {"blob_bytes", report.blob_bytes},
                     {"blobs_waiting", report.blobs_waiting}});
}

Task<Result<Response>> Collect(Retention& retention, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  Collection collection = CO_TRY(CollectionOf(body));
  co_return net::JsonResponse(ToJson(CO_TRY(co_await retention.Collect(std::move(collection)))));
}

}  // namespace

void AddStorageRoutes(net::RouteTable& routes, Retention& retention) {
  routes.Add({Method::kGet, "/api/v1/storage", Permission::kRead, 0,
              net::Simple([&retention](Request&) { return Sizes(retention); })});
  routes.Add({Method::kGet, "/api/v1/retention", Permission::kRead, 0,
              net::Simple([&retention](Request&) { return Rules(retention); })});
  routes.Add({Method::kPut, "/api/v1/retention/{experiment}", Permission::kAdmin, kJsonBodyBytesMax,
              net::Simple([&retention](Request& request) { return PutRule(retention, request); })});
  routes.Add({Method::kDelete, "/api/v1/retention/{experiment}", Permission::kAdmin, 0,
              net::Simple([&retention](Request& request) { return DeleteRule(retention, request); })});
  routes.Add({Method::kPost, "/api/v1/gc", Permission::kAdmin, kJsonBodyBytesMax,
              net::Simple([&retention](Request& request) { return Collect(retention, request); })});
}

}  // namespace mw::api::native
