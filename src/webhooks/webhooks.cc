// Checks, and what is asked of the stores.
#include "webhooks/webhooks.h"

#include <algorithm>
#include <utility>

#include "base/id.h"
#include "base/offload.h"
#include "base/text.h"
#include "webhooks/delivery_store.h"
#include "webhooks/webhook_store.h"

namespace mw::webhooks {
namespace {

Status CheckText(std::string_view what, const std::string& text) {
  if (text.size() <= Webhooks::kTextBytesMax) return Ok();
  return InvalidArgument("a webhook's ", what, " may have ", Webhooks::kTextBytesMax, " bytes, not ", text.size());
}

Result<std::vector<EventKind>> CheckedEvents(const std::vector<EventKind>& events) {
  std::vector<EventKind> checked;
  for (const EventKind& event : events) {
    if (std::find(checked.begin(), checked.end(), event) == checked.end()) checked.push_back(event);
  }
  if (checked.empty()) return InvalidArgument("Webhook events must be a non-empty list of WebhookEvent objects: [].");
  return checked;
}

Result<Webhook> MustFind(db::Snapshot& snapshot, const std::string& id) {
  std::optional<Webhook> webhook = TRY(store::FindWebhook(snapshot, id));
  if (!webhook) return NotFound("Webhook with ID ", id, " not found.");
  return *std::move(webhook);
}

/// Everything but the secret, which has to be sealed for the webhook's id.
Status Apply(const WebhookChange& change, const net::Networks& allowed, Webhook& webhook) {
  if (change.name) TRY(CheckName(*change.name));
  if (change.url) TRY(CheckUrl(*change.url, allowed));
  if (change.description) TRY(CheckText("description", *change.description));
  if (change.secret) TRY(CheckText("secret", *change.secret));
  if (change.events) webhook.events = TRY(CheckedEvents(*change.events));
  webhook.name = change.name.value_or(webhook.name);
  webhook.url = change.url.value_or(webhook.url);
  webhook.description = change.description.value_or(webhook.description);
  webhook.active = change.active.value_or(webhook.active);
  return Ok();
}

}  // namespace

Task<Result<Webhook>> Webhooks::Create(NewWebhook webhook) {
  Webhook made;
  made.id = NewIdText(parts_.clock);
  WebhookChange all;
  all.name = webhook.name;
  all.url = webhook.url;
  all.description = webhook.description;
  all.secret = webhook.secret;
  all.events = webhook.events;
  all.active = webhook.active;
  CO_TRY(Apply(all, allowed_, made));
  if (!webhook.secret.empty()) made.sealed_secret = box_.Seal(webhook.secret, made.id);
  made.created = made.updated = parts_.clock.Now();
  co_return co_await parts_.database.Write([&](db::Transaction& transaction) -> Result<Webhook> {
    if (TRY(store::CountWebhooks(transaction)) >= kWebhooksMax) {
      return ResourceExhausted("there are ", kWebhooksMax, " webhooks; delete one that is not needed");
    }
    TRY(store::InsertWebhook(transaction, made));
    return made;
  });
}

Task<Result<Webhook>> Webhooks::Get(std::string id) {
  co_return co_await parts_.database.Read([&](db::Snapshot& snapshot) { return MustFind(snapshot, id); });
}

Task<Result<std::vector<Webhook>>> Webhooks::List(std::string after, std::int64_t limit) {
  if (limit < 1 || limit > kListMax) co_return InvalidArgument("max_results must be between 1 and ", kListMax, ".");
  co_return co_await parts_.database.Read(
      [&](db::Snapshot& snapshot) { return store::FindWebhooks(snapshot, after, limit); });
}

Task<Result<Webhook>> Webhooks::Update(std::string id, WebhookChange change) {
  auto updated = co_await parts_.database.Write([&](db::Transaction& transaction) -> Result<Webhook> {
    Webhook webhook = TRY(MustFind(transaction, id));
    TRY(Apply(change, allowed_, webhook));
    if (change.secret) webhook.sealed_secret = change.secret->empty() ? "" : box_.Seal(*change.secret, id);
    webhook.updated = parts_.clock.Now();
    TRY(store::UpdateWebhook(transaction, webhook));
    return webhook;
  });
  Notice();  // it may have become active
  co_return updated;
}

Task<Status> Webhooks::Delete(std::string id) {
  co_return co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    TRY(MustFind(transaction, id));
    return store::DeleteWebhook(transaction, id);
  });
}

Result<Outgoing> Webhooks::Request(const Webhook& webhook, const std::string& delivery, std::string body) const {
  const std::string time = Cat(ToMicros(parts_.clock.Now()) / 1'000'000);
  Outgoing request{webhook.url, {}, std::move(body)};
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "millwright"},
                     {"X-MLflow-Delivery-Id", delivery},
                     {"X-MLflow-Timestamp", time}};
  if (webhook.sealed_secret.empty()) return request;
  const std::string secret = TRY(box_.Open(webhook.sealed_secret, webhook.id));
  request.headers.emplace_back("X-MLflow-Signature", Signature(secret, delivery, time, request.body));
  return request;
}

Task<Result<TestResult>> Webhooks::Test(std::string id, std::optional<EventKind> event) {
  const Webhook webhook = CO_TRY(co_await Get(std::move(id)));
  const EventKind kind = event.value_or(webhook.events.front());
  const Outgoing request =
      CO_TRY(Request(webhook, NewIdText(parts_.clock), DeliveryBody(kind, parts_.clock.Now(), ExampleData(kind))));
  const auto post = [this, &request] { return parts_.sender.Post(request); };
  const Result<net::Response> answer = co_await Offload(parts_.workers, post);
  TestResult result;
  if (answer.ok()) {
    result.success = answer->status >= 200 && answer->status < 300;
    result.answer_code = answer->status;
    result.body = answer->body;
  } else {
    result.error = Cat("Failed to test webhook: ", answer.error().ToString());
  }
  co_return result;
}

Task<Result<std::vector<Delivery>>> Webhooks::Deliveries(std::string id, std::int64_t before, std::int64_t limit) {
  using Found = Result<std::vector<Delivery>>;
  if (limit < 1 || limit > kListMax) co_return InvalidArgument("a page has 1 to ", kListMax, " deliveries");
  co_return co_await parts_.database.Read([&](db::Snapshot& snapshot) -> Found {
    TRY(MustFind(snapshot, id));
    return store::FindDeliveries(snapshot, id, before, limit);
  });
}

Task<Result<Delivery>> Webhooks::Redeliver(std::string id, std::int64_t number) {
  auto queued = co_await parts_.database.Write([&](db::Transaction& transaction) -> Result<Delivery> {
    TRY(MustFind(transaction, id));
    std::optional<Delivery> found = TRY(store::FindDelivery(transaction, id, number));
    if (!found) return NotFound("webhook ", id, " has no delivery ", number, " in its log");
    if (found->status == DeliveryStatus::kPending) {
      return FailedPrecondition("delivery ", number, " of webhook ", id, " waits already; it is sent when it is due");
    }
    if (found->body.empty()) return FailedPrecondition("delivery ", number, " of webhook ", id, " was not kept");
    found->status = DeliveryStatus::kPending;
    found->queued = found->due = parts_.clock.Now();
    found->attempts = 0;
    TRY(store::UpdateDelivery(transaction, *found));
    TRY(store::AddWaiting(transaction, id, 1));
    return *found;
  });
  if (queued.ok()) Notice();
  co_return queued;
}

Status Webhooks::RecordFor(db::Transaction& transaction, const std::string& webhook, const Delivery& delivery) {
  Delivery own = delivery;
  own.webhook = webhook;
  own.number = TRY(store::NextNumber(transaction, webhook));
  own.id = NewIdText(parts_.clock);
  const bool full = TRY(store::AddWaiting(transaction, webhook, 1))
  > bounds_.pending_max;
  if (full || own.body.size() > kBodyBytesMax) {
    TRY(store::AddWaiting(transaction, webhook, -1));
    own.status = DeliveryStatus::kFailed;
    own.error = full ? Cat(bounds_.pending_max, " deliveries are waiting already")
                     : Cat("its body has ", own.body.size(), " bytes; at most ", kBodyBytesMax, " are sent");
    if (!full) own.body.clear();
    TRY(store::ForgetDeliveries(transaction, webhook, own.number - bounds_.log_max));
  }
  return store::InsertDelivery(transaction, own);
}

Status Webhooks::Record(db::Transaction& transaction, const registry::Event& event) {
  Delivery delivery;
  delivery.event = {event.entity, event.action};
  const std::vector<std::string> listeners = TRY(store::Listeners(transaction, delivery.event));
  if (listeners.empty()) return Ok();
  delivery.happened = delivery.queued = delivery.due = parts_.clock.Now();
  delivery.body = DeliveryBody(delivery.event, delivery.happened, event.data);
  for (const std::string& webhook : listeners) TRY(RecordFor(transaction, webhook, delivery));
  return Ok();
}

void Webhooks::OnNotice(std::function<void()> wake) {
  const Lock lock(mutex_);
  wake_ = std::move(wake);
}

void Webhooks::Notice() {
  const Lock lock(mutex_);
  if (wake_) wake_();
}

}  // namespace mw::webhooks
