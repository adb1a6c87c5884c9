// Webhooks on both databases: what is told of a change, in which order, how often, and what a crash changes of it.
#include "webhooks/webhooks.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "base/text.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "registry/registry.h"
#include "webhooks/delivery_reconciler.h"

namespace mw::webhooks {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class AtOnce final : public Executor {
 public:
  void Post(std::function<void()> work) override { work(); }
};

/// Remembers what was sent; answers with what it was told to, then with 200.
class FakeSender final : public Sender {
 public:
  Result<net::Response> Post(const Outgoing& request) override {
    sent.push_back(request);
    if (answers.empty()) return net::Response();
    Result<net::Response> answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  std::vector<Outgoing> sent;
  std::deque<Result<net::Response>> answers;
};

net::Response Status503() { return {503, {{"Retry-After", "60"}}, "\xff busy"}; }

std::vector<db::Migration> All() {
  std::vector<db::Migration> all = registry::Migrations();
  for (const db::Migration& one : Migrations()) all.push_back(one);
  return all;
}

template <typename Driver>
class WebhooksTest : public db::StoreTest<Driver> {
 protected:
  WebhooksTest() : db::StoreTest<Driver>(All()) {}
  /// Also after a crash: nothing but the database is as it was.
  void Begin() override {
    reconciler_.reset();
    registry_.emplace(*this->database_, clock_);
    const Parts parts{*this->database_, sender_, workers_, clock_};
    webhooks_.emplace(parts, *net::Networks::Parse("127.0.0.1"), SecretBox("home"));
    registry_->TellEvents(*webhooks_);
    reconciler_.emplace(*webhooks_, parts, metrics_, 1);
  }

  std::string Make(std::vector<EventKind> events, std::string secret = "", std::string url = "http://127.0.0.1:9/x") {
    NewWebhook webhook;
    webhook.name = "hook";
    webhook.url = std::move(url);
    webhook.events = std::move(events);
    webhook.secret = std::move(secret);
    const auto made = SyncWait(webhooks_->Create(std::move(webhook)));
    return made.ok() ? made->id : made.error().message;
  }
  void MakeModel(std::string name) {
    registry::NewModel model;
    model.name = {"default", std::move(name)};
    const auto made = SyncWait(registry_->CreateModel(std::move(model)));
    ASSERT_TRUE(made.ok()) << made.error().ToString();
  }
  Task<void> TickAndDrain(bool& done) {
    next_ = co_await reconciler_->Tick(clock_.Now());
    co_await reconciler_->Drain();
    done = true;
  }
  void Tick() {
    RunLoop loop;
    const Executor::Scope scope(&loop);
    bool done = false;
    Spawn(loop, TickAndDrain(done));
    loop.RunUntil([&done] { return done; });
  }
  /// What was sent since the last look: the names of the models.
  std::string Names() {
    std::string names;
    for (const Outgoing& request : sender_.sent) {
      const Json body = *Json::Parse(request.body);
      CatTo(names, body.Find("data")->StringOr("name", "?"), " ");
    }
    sender_.sent.clear();
    return names;
  }
  /// Newest first: "1 delivered 1 200 ".
  std::string Log(const std::string& webhook) {
    std::string log;
    const auto deliveries = SyncWait(webhooks_->Deliveries(webhook, 0, 100));
    for (const Delivery& one : *deliveries) {
      CatTo(log, one.number, " ", DeliveryStatusName(one.status), " ", one.attempts, " ", one.answer_code, "; ");
    }
    return log;
  }

  SimulatedClock clock_{FromMicros(1'700'000'000'000'000)};
  MetricsRegistry metrics_;
  FakeSender sender_;
  AtOnce workers_;
  Timestamp next_{};
  std::optional<registry::Registry> registry_;
  std::optional<Webhooks> webhooks_;
  std::optional<DeliveryReconciler> reconciler_;
};

TYPED_TEST_SUITE(WebhooksTest, db::TestDrivers, db::TestDriverNames);

const EventKind kModel{"registered_model", "created"}, kVersion{"model_version", "created"};

TYPED_TEST(WebhooksTest, AreKeptChangedListedAndDeleted) {
  const std::string first = this->Make({kModel, kVersion, kModel}, "s");
  this->clock_.Advance(seconds(1));
  const std::string second = this->Make({kVersion});
  Webhook read = *SyncWait(this->webhooks_->Get(first));
  EXPECT_EQ(read.events, (std::vector<EventKind>{kModel, kVersion})) << "none twice";
  EXPECT_TRUE(read.active);
  WebhookChange change;
  change.name = "renamed";
  change.active = false;
  read = *SyncWait(this->webhooks_->Update(first, change));
  EXPECT_EQ(read.name, "renamed");
  EXPECT_EQ(read.url, "http://127.0.0.1:9/x");
  EXPECT_EQ(read.updated - read.created, seconds(1));
  EXPECT_FALSE(SyncWait(this->webhooks_->Get(first))->active);
  const auto page = *SyncWait(this->webhooks_->List("", 1));
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page[0].id, second) << "the newest first";
  EXPECT_EQ(SyncWait(this->webhooks_->List(second, 10))->front().id, first);
  EXPECT_TRUE(SyncWait(this->webhooks_->Delete(first)).ok());
  EXPECT_EQ(SyncWait(this->webhooks_->Get(first)).error().message, Cat("Webhook with ID ", first, " not found."));
  EXPECT_EQ(SyncWait(this->webhooks_->Delete(first)).error().code, Code::kNotFound);
  for (const std::int64_t limit : {0, 1001}) {
    EXPECT_EQ(SyncWait(this->webhooks_->List("", limit)).error().message, "max_results must be between 1 and 1000.");
  }
  EXPECT_EQ(this->Make({}), "Webhook events must be a non-empty list of WebhookEvent objects: [].");
  EXPECT_TRUE(this->Make({kModel}, "", "http://10.0.0.1/").starts_with("Webhook URL must not resolve"));
  change.url = "https://127.0.0.2";
  EXPECT_EQ(SyncWait(this->webhooks_->Update(second, change)).error().code, Code::kInvalidArgument);
}

TYPED_TEST(WebhooksTest, TellWhoWantedToKnowSignedAndOnce) {
  const std::string models = this->Make({kModel}, "a secret");
  const std::string versions = this->Make({kVersion});
  this->MakeModel("iris");
  this->Tick();
  ASSERT_EQ(this->sender_.sent.size(), 1U);
  const Outgoing& sent = this->sender_.sent[0];
  const auto header = [&sent](std::string_view name) {
    const std::string* value = net::FindHeader(sent.headers, name);
    return value == nullptr ? std::string() : *value;
  };
  EXPECT_EQ(sent.body, R"({"entity":"registered_model","action":"created","timestamp":)"
                       R"("2023-11-14T22:13:20.000000+00:00","data":{"name":"iris","tags":{},"description":""}})");
  EXPECT_EQ(header("Content-Type"), "application/json");
  EXPECT_EQ(header("X-MLflow-Timestamp"), "1700000000");
  EXPECT_EQ(header("X-MLflow-Delivery-Id").size(), 32U);
  EXPECT_EQ(header("X-MLflow-Signature"),
            Signature("a secret", header("X-MLflow-Delivery-Id"), "1700000000", sent.body));
  EXPECT_EQ(this->Log(models), "1 delivered 1 200; ");
  EXPECT_EQ(this->Log(versions), "");
  this->Tick();
  EXPECT_EQ(this->sender_.sent.size(), 1U);
}

TYPED_TEST(WebhooksTest, LoseNothingAcknowledgedInACrash) {
  const std::string hook = this->Make({kModel});
  for (const char* name : {"a", "b", "c"}) this->MakeModel(name);
  ASSERT_NO_FATAL_FAILURE(this->Open());  // killed before anything was sent
  for (int i = 0; i < 3; ++i) this->Tick();
  EXPECT_EQ(this->Names(), "a b c ") << "in the order of the changes";
  EXPECT_EQ(this->Log(hook), "3 delivered 1 200; 2 delivered 1 200; 1 delivered 1 200; ");
}

TYPED_TEST(WebhooksTest, TellNothingOfAChangeThatWasUndone) {
  const std::string hook = this->Make({kModel});
  const auto undone = [&](db::Transaction& transaction) -> Status {
    registry::Event event{"registered_model", "created", Json::Make({{"name", "never"}})};
    EXPECT_TRUE(this->webhooks_->Record(transaction, event).ok());
    return Cancelled("undone");
  };
  EXPECT_FALSE(this->Write(undone).ok());
  this->Tick();
  EXPECT_EQ(this->Names(), "");
  EXPECT_EQ(this->Log(hook), "");
}

TYPED_TEST(WebhooksTest, TryAgainUnderTheSameIdAndHoldUpWhatFollows) {
  const std::string hook = this->Make({kModel});
  this->MakeModel("a");
  this->MakeModel("b");
  this->sender_.answers.push_back(Status503());
  this->sender_.answers.push_back(Unavailable("cannot connect"));
  this->Tick();
  EXPECT_EQ(this->Log(hook), "2 pending 0 0; 1 pending 1 503; ");
  const std::string why = SyncWait(this->webhooks_->Deliveries(hook, 2, 1))->front().error;
  EXPECT_EQ(why, R"(the receiver answered 503: "\xff busy")");
  this->Tick();
  EXPECT_EQ(this->sender_.sent.size(), 1U) << "it was asked to wait for a minute";
  EXPECT_LE(this->next_, this->clock_.Now() + minutes(1));
  this->clock_.Advance(minutes(1));
  this->Tick();
  this->clock_.Advance(minutes(1));
  this->Tick();
  this->Tick();
  std::vector<std::string> ids;
  for (const Outgoing& request : this->sender_.sent) {
    ids.push_back(*net::FindHeader(request.headers, "X-MLflow-Delivery-Id"));
  }
  EXPECT_EQ(this->Names(), "a a a b ");
  ASSERT_EQ(ids.size(), 4U);
  EXPECT_TRUE(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3]);
  EXPECT_EQ(this->Log(hook), "2 delivered 1 200; 1 delivered 3 200; ");
}

TYPED_TEST(WebhooksTest, GiveUpAndAreSentAgainWhenAsked) {
  const std::string hook = this->Make({kModel});
  this->MakeModel("a");
  this->sender_.answers.push_back(net::Response{404, {}, "gone"});
  this->Tick();
  EXPECT_EQ(this->Log(hook), "1 failed 1 404; ");
  EXPECT_EQ(SyncWait(this->webhooks_->Redeliver(hook, 2)).error().code, Code::kNotFound);
  this->clock_.Advance(std::chrono::hours(100));
  EXPECT_TRUE(SyncWait(this->webhooks_->Redeliver(hook, 1)).ok());
  EXPECT_EQ(SyncWait(this->webhooks_->Redeliver(hook, 1)).error().code, Code::kFailedPrecondition);
  this->sender_.answers.push_back(Status503());
  this->Tick();
  EXPECT_EQ(this->Log(hook), "1 pending 1 503; ") << "its day begins anew";
  this->clock_.Advance(minutes(2));
  this->Tick();
  EXPECT_EQ(this->Log(hook), "1 delivered 2 200; ");
  EXPECT_EQ(this->Names(), "a a a ");
}

TYPED_TEST(WebhooksTest, WaitWhileTheyAreDisabledAndGoWhenTheyAreDeleted) {
  const std::string hook = this->Make({kModel});
  this->MakeModel("before");
  WebhookChange off, on;
  off.active = false;
  on.active = true;
  EXPECT_TRUE(SyncWait(this->webhooks_->Update(hook, off)).ok());
  this->MakeModel("meanwhile");
  this->Tick();
  EXPECT_EQ(this->Names(), "");
  EXPECT_TRUE(SyncWait(this->webhooks_->Update(hook, on)).ok());
  this->Tick();
  this->Tick();
  EXPECT_EQ(this->Names(), "before ");
  this->MakeModel("after");
  EXPECT_TRUE(SyncWait(this->webhooks_->Delete(hook)).ok());
  this->Tick();
  EXPECT_EQ(this->Names(), "");
}

TYPED_TEST(WebhooksTest, AreSentByTheNextProgramWhenThisOneIsStopping) {
  const std::string hook = this->Make({kModel});
  this->MakeModel("a");
  this->sender_.answers.push_back(Cancelled("stopping"));
  this->Tick();
  EXPECT_EQ(this->Log(hook), "1 pending 0 0; ") << "no attempt";
  ASSERT_NO_FATAL_FAILURE(this->Open());
  this->Tick();
  EXPECT_EQ(this->Log(hook), "1 delivered 1 200; ");
}

TYPED_TEST(WebhooksTest, KeepSoMuchOfTheLog) {
  const std::string hook = this->Make({kModel});
  const Bounds few{.pending_max = 20, .log_max = 10};
  Webhooks webhooks({*this->database_, this->sender_, this->workers_, this->clock_}, net::Networks(), SecretBox("home"),
                    few);
  const auto fill = [&](db::Transaction& transaction) -> Status {
    for (int i = 0; i < 20 + 10 + 5; ++i) {
      TRY(webhooks.Record(transaction, {"registered_model", "created", Json::Make({{"name", "x"}})}));
    }
    return Ok();
  };
  ASSERT_TRUE(this->Write(fill).ok());
  const auto log = *SyncWait(webhooks.Deliveries(hook, 0, 100));
  ASSERT_EQ(log.size(), 30U);
  EXPECT_EQ(log[0].number, 35);
  EXPECT_EQ(log[0].status, DeliveryStatus::kFailed);
  EXPECT_EQ(log[0].error, "20 deliveries are waiting already");
  EXPECT_EQ(log[9].number, 26) << "the log has the last ten";
  EXPECT_EQ(log[10].number, 20);
  EXPECT_EQ(log[10].status, DeliveryStatus::kPending) << "what waits stays";
}

/// What the documents promise, on the database alone that a statement costs little on.
TEST(WebhookBoundsTest, ByThemselves) {
  db::TemporaryDirectory directory;
  db::InlineDatabase database(directory.path() + "/test.db");
  ASSERT_TRUE(database.Migrate(All()).ok());
  SimulatedClock clock(FromMicros(1'700'000'000'000'000));
  FakeSender sender;
  AtOnce workers;
  Webhooks webhooks({database, sender, workers, clock}, *net::Networks::Parse("127.0.0.1"), SecretBox("home"));
  const NewWebhook hook{.name = "hook", .url = "http://127.0.0.1:9/x", .events = {kModel}};
  const std::string id = SyncWait(webhooks.Create(hook))->id;
  const auto fill = [&](db::Transaction& transaction) -> Status {
    for (int i = 0; i < 10'000 + 1000 + 2; ++i) {
      TRY(webhooks.Record(transaction, {"registered_model", "created", Json::Make({{"name", "x"}})}));
    }
    return Ok();
  };
  ASSERT_TRUE(SyncWait(database.Write(fill)).ok());
  EXPECT_EQ(SyncWait(webhooks.Deliveries(id, 0, 1))->front().error, "10000 deliveries are waiting already");
  const auto oldest = *SyncWait(webhooks.Deliveries(id, 10'004, 2));
  EXPECT_EQ(oldest[0].number, 10'003) << "the log has the last thousand";
  EXPECT_EQ(oldest[1].number, 10'000) << "what waits stays";
}

TYPED_TEST(WebhooksTest, RefuseToSendWhatIsTooLarge) {
  const std::string hook = this->Make({kModel});
  const auto large = [&](db::Transaction& transaction) -> Status {
    const std::string text(Webhooks::kBodyBytesMax, 'x');
    return this->webhooks_->Record(transaction, {"registered_model", "created", Json::Make({{"name", text}})});
  };
  ASSERT_TRUE(this->Write(large).ok());
  this->Tick();
  EXPECT_EQ(this->sender_.sent.size(), 0U);
  EXPECT_EQ(this->Log(hook), "1 failed 0 0; ");
  EXPECT_EQ(SyncWait(this->webhooks_->Redeliver(hook, 1)).error().code, Code::kFailedPrecondition);
}

TYPED_TEST(WebhooksTest, AreTestedAtOnce) {
  const std::string hook = this->Make({kVersion}, "s");
  this->sender_.answers.push_back(net::Response{404, {}, "who?"});
  TestResult result = *SyncWait(this->webhooks_->Test(hook, std::nullopt));
  EXPECT_FALSE(result.success);
  EXPECT_EQ(Cat(result.answer_code, result.body), "404who?");
  EXPECT_EQ(this->Names(), "example_model ");
  this->sender_.answers.push_back(Unavailable("cannot connect"));
  result = *SyncWait(this->webhooks_->Test(hook, kModel));
  EXPECT_EQ(result.error, "Failed to test webhook: cannot connect");
  EXPECT_TRUE(SyncWait(this->webhooks_->Test(hook, std::nullopt))->success);
  EXPECT_EQ(this->Log(hook), "") << "no test is logged";
}

}  // namespace
}  // namespace mw::webhooks
