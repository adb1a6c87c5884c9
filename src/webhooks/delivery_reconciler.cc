// One delivery of each webhook at a time.
#include "webhooks/delivery_reconciler.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/offload.h"
#include "base/text.h"
#include "webhooks/delivery_store.h"
#include "webhooks/webhook_store.h"

namespace mw::webhooks {
namespace {

constexpr std::size_t kShownBytes = 200;

Attempt AttemptOf(const Result<net::Response>& answer, Timestamp now) {
  Attempt attempt;
  if (!answer.ok()) {
    attempt.error = answer.error().ToString();
    if (!IsUtf8(attempt.error)) attempt.error = Quoted(attempt.error, kShownBytes);
    const Code code = answer.error().code;
    attempt.hopeless = code == Code::kPermissionDenied || code == Code::kFailedPrecondition;
    return attempt;
  }
  attempt.answer_code = answer->status;
  if (answer->status >= 200 && answer->status < 300) return attempt;
  attempt.error = Cat("the receiver answered ", answer->status, ": ", Quoted(answer->body, kShownBytes));
  const std::string* after = net::FindHeader(answer->headers, "Retry-After");
  if (after != nullptr) attempt.retry_after = ParseRetryAfter(*after, now);
  return attempt;
}

Counter& AttemptCounter(MetricsRegistry& metrics, const char* outcome) {
  return metrics.AddCounter("millwright_webhook_attempts_total",
                            "Requests to receivers of webhooks, by what came of them", {{"outcome", outcome}});
}

}  // namespace

DeliveryReconciler::DeliveryReconciler(Webhooks& webhooks, Parts parts, MetricsRegistry& metrics, std::uint64_t seed)
    : webhooks_(webhooks),
      parts_(parts),
      random_(seed),
      delivered_(AttemptCounter(metrics, "delivered")),
      again_(AttemptCounter(metrics, "again")),
      failed_(AttemptCounter(metrics, "failed")) {}

Task<Timestamp> DeliveryReconciler::Tick(Timestamp now) {
  const auto read = [](db::Snapshot& snapshot) { return store::FindHeads(snapshot); };
  Result<std::vector<Head>> heads = co_await parts_.database.Read(read);
  if (!heads.ok()) {
    LogError("webhooks cannot be looked at; it is tried again", {{"error", heads.error().ToString()}});
    co_return now + kEvery;
  }
  std::erase_if(resting_, [now](const auto& rest) { return rest.second <= now; });
  std::erase_if(*heads, [this](const Head& head) { return resting_.contains(head.webhook); });
  Plan plan = NextToSend(*std::move(heads), sending_, now);
  for (Head& head : plan.send) {
    sending_.insert(head.webhook);
    Spawn(*Executor::Current(), Deliver(std::move(head)));
  }
  co_return std::min(plan.next, now + kEvery);
}

Task<void> DeliveryReconciler::Drain() {
  if (sending_.empty()) co_return;
  drained_.emplace();
  co_await *drained_;
  drained_.reset();
}

Task<void> DeliveryReconciler::Deliver(Head head) {
  const Status sent = co_await Send(head);
  if (!sent.ok()) {
    LogError("a webhook rests: what came of a delivery cannot be written down",
             {{"webhook", head.webhook}, {"error", sent.error().ToString()}});
    resting_[head.webhook] = parts_.clock.Now() + kRest;
  }
  sending_.erase(head.webhook);
  if (wake_) wake_();
  if (sending_.empty() && drained_) drained_->Set(true);
}

Task<Status> DeliveryReconciler::Send(const Head& head) {
  const std::optional<Job> job = CO_TRY(co_await Find(head));
  if (!job) co_return Ok();
  const Result<Outgoing> request = webhooks_.Request(job->webhook, job->delivery.id, job->delivery.body);
  Result<net::Response> answer = net::Response();
  if (request.ok()) {
    const auto post = [this, &request] { return parts_.sender.Post(*request); };
    answer = co_await Offload(parts_.workers, post);
  } else {
    answer = request.error();
  }
  // The program is stopping; the next one sends it.
  if (!answer.ok() && answer.error().code == Code::kCancelled) co_return Ok();
  const Attempt attempt = AttemptOf(answer, parts_.clock.Now());
  co_return co_await WriteDown(head, attempt);
}

Task<Result<std::optional<DeliveryReconciler::Job>>> DeliveryReconciler::Find(const Head& head) {
  co_return co_await parts_.database.Read([&](db::Snapshot& snapshot) -> Result<std::optional<Job>> {
    std::optional<Webhook> webhook = TRY(store::FindWebhook(snapshot, head.webhook));
    std::optional<Delivery> delivery = TRY(store::FindDelivery(snapshot, head.webhook, head.number));
    if (!webhook || !webhook->active || !delivery || delivery->status != DeliveryStatus::kPending) {
      return std::optional<Job>();
    }
    return std::optional(Job{*std::move(webhook), *std::move(delivery)});
  });
}

Task<Status> DeliveryReconciler::WriteDown(const Head& head, const Attempt& attempt) {
  const Timestamp now = parts_.clock.Now();
  const double jitter = random_.Uniform();
  std::optional<Delivery> after;
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    after = TRY(store::FindDelivery(transaction, head.webhook, head.number));
    if (!after || after->status != DeliveryStatus::kPending) return Ok();  // deleted meanwhile
    after = AfterAttempt(*std::move(after), attempt, now, jitter);
    TRY(store::UpdateDelivery(transaction, *after));
    if (after->status == DeliveryStatus::kPending) return Ok();
    TRY(store::AddWaiting(transaction, head.webhook, -1));
    return store::ForgetDeliveries(transaction, head.webhook, head.number - webhooks_.bounds().log_max);
  }));
  if (!after) co_return Ok();
  if (after->status == DeliveryStatus::kDelivered) delivered_.Add();
  if (after->status == DeliveryStatus::kPending) again_.Add();
  if (after->status == DeliveryStatus::kFailed) {
    failed_.Add();
    LogError("a webhook's delivery was given up",
             {{"webhook", head.webhook}, {"delivery", Cat(head.number)}, {"error", after->error}});
  }
  co_return Ok();
}

}  // namespace mw::webhooks
