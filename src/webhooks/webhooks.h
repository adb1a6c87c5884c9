// The door of webhooks: who is told of the registry's events, the outbox that each event is written to in the
// transaction of its change, and the log of what became of it. Any thread.
//
//   registry --Record, in its transaction--> outbox --DeliveryReconciler--> receiver (at least once, in order)
//                                              '--> log: status, attempts, answer, error; the newest Bounds::log_max
//
// Invariants: an event that was acknowledged is in the outbox of every webhook that was active and wanted it. A secret
// is kept sealed and never given out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/task.h"
#include "db/database.h"
#include "registry/event.h"
#include "webhooks/secret_box.h"
#include "webhooks/sender.h"
#include "webhooks/webhook.h"

namespace mw::webhooks {

std::vector<db::Migration> Migrations();

/// Everything outlives what is made of it.
struct Parts {
  db::Database& database;
  Sender& sender;
  Executor& workers;  ///< where requests are made
  const Clock& clock;
};

struct NewWebhook {
  std::string name;
  std::string url;
  std::vector<EventKind> events;
  std::string description = {};
  std::string secret = {};  ///< empty: deliveries are not signed
  bool active = true;
};

/// What is given is changed.
struct WebhookChange {
  std::optional<std::string> name, description, url, secret;
  std::optional<std::vector<EventKind>> events;
  std::optional<bool> active;
};

struct TestResult {
  bool success = false;
  int answer_code = 0;  ///< 0: no answer
  std::string body = {};
  std::string error = {};
};

/// How many deliveries of one webhook are kept.
struct Bounds {
  std::int64_t pending_max = 10'000;  ///< what comes then is failed at once
  std::int64_t log_max = 1000;        ///< besides what waits
};

class Webhooks final : public registry::EventSink {
 public:
  static constexpr std::int64_t kListMax = 1000;
  static constexpr std::int64_t kWebhooksMax = 1000;
  static constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;
  static constexpr std::size_t kTextBytesMax = 5000;  ///< of a description, a secret

  /// `allowed`: networks that may be reached besides the public internet.
  Webhooks(Parts parts, net::Networks allowed, SecretBox box, Bounds bounds = {})
      : parts_(parts), allowed_(std::move(allowed)), box_(std::move(box)), bounds_(bounds) {}
  /// Called soon after something was put into the outbox; blocks nobody.
  void OnNotice(std::function<void()> wake);
  [[nodiscard]] const Bounds& bounds() const { return bounds_; }

  /// Errors of these: kInvalidArgument in MLflow's words; kResourceExhausted there are kWebhooksMax.
  Task<Result<Webhook>> Create(NewWebhook webhook);
  /// Errors of those below: kNotFound.
  Task<Result<Webhook>> Get(std::string id);
  /// Newest first, behind the id `after` (empty: from the newest on), at most `limit`.
  Task<Result<std::vector<Webhook>>> List(std::string after, std::int64_t limit);
  Task<Result<Webhook>> Update(std::string id, WebhookChange change);
  /// What waits in its outbox is not sent any more.
  Task<Status> Delete(std::string id);
  /// Sends an example of the event (or of its first one) at once, whether it is active or not. Nothing is logged.
  Task<Result<TestResult>> Test(std::string id, std::optional<EventKind> event);

  /// Newest first, below the number `before` (0: from the newest on); without bodies.
  Task<Result<std::vector<Delivery>>> Deliveries(std::string id, std::int64_t before, std::int64_t limit);
  /// Puts it into the queue again, under its own number and id. Errors besides: kFailedPrecondition it is waiting.
  Task<Result<Delivery>> Redeliver(std::string id, std::int64_t number);

  Status Record(db::Transaction& transaction, const registry::Event& event) override;
  void Notice() override;

  /// One request with its headers, signed now. Errors: kFailedPrecondition the secret cannot be read.
  [[nodiscard]] Result<Outgoing> Request(const Webhook& webhook, const std::string& delivery, std::string body) const;

 private:
  Status RecordFor(db::Transaction& transaction, const std::string& webhook, const Delivery& delivery);

  Parts parts_;
  net::Networks allowed_;
  SecretBox box_;
  const Bounds bounds_;
  Mutex mutex_;
  std::function<void()> wake_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::webhooks
