// What became of each event in each webhook, and sending one again.
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"

namespace mw::api::native {
namespace {

using webhooks::Delivery;
using webhooks::Webhooks;

constexpr std::int64_t kPageDefault = 100;

Json ToJson(const Delivery& delivery) {
  Json json = Json::Make({{"number", delivery.number},
                          {"delivery_id", delivery.id},
                          {"event", delivery.event.text()},
                          {"happened_at", FormatTime(delivery.happened)},
                          {"status", webhooks::DeliveryStatusName(delivery.status)},
                          {"attempts", delivery.attempts}});
  if (delivery.tried) json["tried_at"] = FormatTime(*delivery.tried);
  if (delivery.answer_code != 0) json["answer_code"] = delivery.answer_code;
  if (!delivery.error.empty()) json["error"] = delivery.error;
  if (delivery.status == webhooks::DeliveryStatus::kPending) json["due_at"] = FormatTime(delivery.due);
  return json;
}

Result<std::int64_t> NumberOf(std::string_view name, std::string_view text) {
  const auto number = ParseInt(text);
  if (number && *number > 0) return std::int64_t{*number};
  return InvalidArgument(name, " is a whole number above 0, not ", Quoted(text));
}

Result<std::int64_t> NumberOf(const Request& request, std::string_view name, std::int64_t otherwise) {
  const std::string* text = request.Query(name);
  return text == nullptr ? Result<std::int64_t>(otherwise) : NumberOf(name, *text);
}

Task<Result<Response>> List(Webhooks& webhooks, Request& request) {
  const std::int64_t limit = CO_TRY(NumberOf(request, "limit", kPageDefault));
  const std::int64_t before = CO_TRY(NumberOf(request, "before", 0));
  const std::vector<Delivery> page = CO_TRY(co_await webhooks.Deliveries(request.params.at("id"), before, limit));
  Json rows = Json::MakeArray();
  for (const Delivery& delivery : page) rows.Append(ToJson(delivery));
  Json answer = Json::Make({{"deliveries", std::move(rows)}});
  if (page.size() == static_cast<std::size_t>(limit)) answer["before"] = page.back().number;
  co_return net::JsonResponse(answer);
}

Task<Result<Response>> Redeliver(Webhooks& webhooks, Request& request) {
  const std::int64_t number = CO_TRY(NumberOf("the number of a delivery", request.params.at("number")));
  co_return net::JsonResponse(ToJson(CO_TRY(co_await webhooks.Redeliver(request.params.at("id"), number))));
}

}  // namespace

void AddWebhookRoutes(net::RouteTable& routes, Webhooks& webhooks) {
  routes.Add({Method::kGet, "/api/v1/webhooks/{id}/deliveries", Permission::kAdmin, 0,
              net::Simple([&webhooks](Request& request) { return List(webhooks, request); })});
  routes.Add({Method::kPost, "/api/v1/webhooks/{id}/deliveries/{number}/redeliver", Permission::kAdmin, 0,
              net::Simple([&webhooks](Request& request) { return Redeliver(webhooks, request); })});
}

}  // namespace mw::api::native
