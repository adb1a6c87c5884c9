// webhooks/*
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/routes.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using webhooks::EventKind;
using webhooks::Webhook;
using webhooks::Webhooks;

constexpr std::int64_t kPageDefault = 100;
constexpr std::size_t kIdLength = 32;

Json WebhookJson(const Webhook& webhook) {
  Json events = Json::MakeArray();
  for (const EventKind& event : webhook.events) {
    events.Append(Json::Make({{"entity", ToUpper(event.entity)}, {"action", ToUpper(event.action)}}));
  }
  Json json = Json::Make({{"webhook_id", webhook.id}, {"name", webhook.name}});
  if (!webhook.description.empty()) json["description"] = webhook.description;
  json["url"] = webhook.url;
  json["events"] = std::move(events);
  json["status"] = webhook.active ? "ACTIVE" : "DISABLED";
  json["creation_timestamp"] = ToMicros(webhook.created) / 1000;
  json["last_updated_timestamp"] = ToMicros(webhook.updated) / 1000;
  return json;
}

Json WebhookAnswer(const Webhook& webhook) { return Json::Make({{"webhook", WebhookJson(webhook)}}); }

Result<EventKind> EventOf(const Parameters& event) {
  const std::string entity = TRY(
      event.Enum("entity", {"REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS", "PROMPT",
                            "PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS", "BUDGET_POLICY"}));
  const std::string action = TRY(event.Enum("action", {"CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED"}));
  return webhooks::ParseEventKind(ToLower(entity), ToLower(action));
}

Result<std::vector<EventKind>> EventsOf(const Parameters& parameters) {
  std::vector<EventKind> events;
  for (const Parameters& event : TRY(parameters.List("events"))) events.push_back(TRY(EventOf(event)));
  return events;
}

/// Nothing when missing.
Result<std::optional<bool>> ActiveOf(const Parameters& parameters) {
  const std::string status = TRY(parameters.Enum("status", {"ACTIVE", "DISABLED"}));
  return status.empty() ? std::optional<bool>() : std::optional(status == "ACTIVE");
}

Result<webhooks::NewWebhook> NewWebhookOf(const Parameters& parameters) {
  webhooks::NewWebhook webhook;
  webhook.name = TRY(parameters.RequiredText("name"));
  webhook.url = TRY(parameters.RequiredText("url"));
  webhook.events = TRY(EventsOf(parameters));
  webhook.description = TRY(parameters.Text("description"));
  webhook.secret = TRY(parameters.Text("secret"));
  webhook.active = TRY(ActiveOf(parameters))
  .value_or(true);
  return webhook;
}

Task<Result<Json>> CreateWebhook(Webhooks& webhooks, const Parameters& parameters, net::Request& /*request*/) {
  webhooks::NewWebhook webhook = CO_TRY(NewWebhookOf(parameters));
  co_return WebhookAnswer(CO_TRY(co_await webhooks.Create(std::move(webhook))));
}

Task<Result<Json>> ListWebhooks(Webhooks& webhooks, const Parameters& parameters, net::Request& /*request*/) {
  const std::int64_t asked = CO_TRY(parameters.Int("max_results"))
  .value_or(0);
  const std::int64_t limit = asked == 0 ? kPageDefault : asked;
  const std::string after = CO_TRY(parameters.Text("page_token"));
  if (!after.empty() && after.size() != kIdLength) {
    co_return InvalidArgument("Invalid page token, could not base64-decode ", Quoted(after));
  }
  const std::vector<Webhook> page = CO_TRY(co_await webhooks.List(after, limit));
  Json list = Json::MakeArray();
  for (const Webhook& webhook : page) list.Append(WebhookJson(webhook));
  Json answer = ListJson("webhooks", std::move(list));
  if (page.size() == static_cast<std::size_t>(limit)) answer["next_page_token"] = page.back().id;
  co_return answer;
}

std::string WebhookIdOf(const net::Request& request) { return request.params.at("webhook_id"); }

Task<Result<Json>> GetWebhook(Webhooks& webhooks, const Parameters& /*parameters*/, net::Request& request) {
  co_return WebhookAnswer(CO_TRY(co_await webhooks.Get(WebhookIdOf(request))));
}

/// A name or URL that is missing or empty stays; a description or secret that is empty goes.
Result<std::optional<std::string>> Given(const Parameters& parameters, std::string_view name) {
  std::string text = TRY(parameters.Text(name));
  return text.empty() ? std::optional<std::string>() : std::optional(std::move(text));
}

Result<webhooks::WebhookChange> WebhookChangeOf(const Parameters& parameters) {
  webhooks::WebhookChange change;
  change.name = TRY(Given(parameters, "name"));
  change.description = TRY(parameters.OptionalText("description"));
  change.url = TRY(Given(parameters, "url"));
  change.secret = TRY(parameters.OptionalText("secret"));
  change.active = TRY(ActiveOf(parameters));
  std::vector<EventKind> events = TRY(EventsOf(parameters));
  if (!events.empty()) change.events = std::move(events);
  return change;
}

Task<Result<Json>> UpdateWebhook(Webhooks& webhooks, const Parameters& parameters, net::Request& request) {
  webhooks::WebhookChange change = CO_TRY(WebhookChangeOf(parameters));
  co_return WebhookAnswer(CO_TRY(co_await webhooks.Update(WebhookIdOf(request), std::move(change))));
}

Task<Result<Json>> DeleteWebhook(Webhooks& webhooks, const Parameters& /*parameters*/, net::Request& request) {
  CO_TRY(co_await webhooks.Delete(WebhookIdOf(request)));
  co_return Json::MakeObject();
}

Task<Result<Json>> TestWebhook(Webhooks& webhooks, const Parameters& parameters, net::Request& request) {
  const std::optional<Parameters> event = CO_TRY(parameters.Object("event"));
  std::optional<EventKind> kind;
  if (event) kind = CO_TRY(EventOf(*event));
  const webhooks::TestResult tested = CO_TRY(co_await webhooks.Test(WebhookIdOf(request), std::move(kind)));
  Json result = Json::Make({{"success", tested.success}});
  if (tested.answer_code != 0) {
    result["response_status"] = tested.answer_code;
    result["response_body"] = tested.body;
  } else {
    result["error_message"] = tested.error;
  }
  co_return Json::Make({{"result", std::move(result)}});
}

}  // namespace

void AddWebhookRoutes(net::RouteTable& routes, Webhooks& webhooks) {
  const auto add = [&](Method method, std::string_view path, auto call) {
    AddRpc(routes, method, Cat("/webhooks", path), Permission::kAdmin,
           [&webhooks, call](const Parameters& parameters, net::Request& request) {
             return call(webhooks, parameters, request);
           });
  };
  add(Method::kPost, "", CreateWebhook);
  add(Method::kGet, "", ListWebhooks);
  add(Method::kGet, "/{webhook_id}", GetWebhook);
  add(Method::kPatch, "/{webhook_id}", UpdateWebhook);
  add(Method::kDelete, "/{webhook_id}", DeleteWebhook);
  add(Method::kPost, "/{webhook_id}/test", TestWebhook);
}

}  // namespace mw::api::mlflow
