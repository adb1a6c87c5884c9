// The feed against a control plane that keeps what it gets, and is away now and then.
#include "steps/label_feed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/error.h"
#include "base/metrics.h"
#include "base/text.h"
#include "net/http.h"
#include "net/loop_server.h"

namespace mw::steps {
namespace {

/// Takes batches; answers the first `refusals` requests with `status`.
class FakeLabelStore {
 public:
  FakeLabelStore(int refusals, int status) : refusals_(refusals), status_(status) {
    net::LoopServerOptions options;
    options.loops = 1;
    server_ = *net::LoopServer::Start(
        options, [this](int) { return std::make_unique<Handler>(*this); }, metrics_);
  }
  [[nodiscard]] std::string url() const { return Cat("http://127.0.0.1:", server_->port()); }
  [[nodiscard]] std::map<std::string, std::vector<wire::Label>> batches() {
    const Lock lock(mutex_);
    return batches_;
  }
  [[nodiscard]] std::size_t batch_count() { return batches().size(); }

 private:
  class Handler final : public net::LoopHandler {
   public:
    explicit Handler(FakeLabelStore& server) : server_(server) {}
    void Handle(const net::RequestView& request, net::ResponseWriter& out) override { server_.Answer(request, out); }

   private:
    FakeLabelStore& server_;
  };

  void Answer(const net::RequestView& request, net::ResponseWriter& out) {
    const Lock lock(mutex_);
    if (refusals_-- > 0) {
      const Error error{CodeFromHttpStatus(status_), "not now", {}};
      return out.Send(status_, "application/json", net::ErrorResponse(error).body);
    }
    auto labels = wire::ParseLabelBytes(request.body);
    ASSERT_TRUE(labels.ok()) << labels.error().ToString();
    const std::size_t count = labels->size();
    const bool is_new = batches_.emplace(std::string(request.query), *std::move(labels)).second;
    out.Json(Cat(R"({"labels":)", count, R"(,"joined":)", count, R"(,"repeated":)", !is_new, "}"));
  }

  Mutex mutex_;
  int refusals_ MW_GUARDED_BY(mutex_);
  const int status_;
  std::map<std::string, std::vector<wire::Label>> batches_ MW_GUARDED_BY(mutex_);
  MetricsRegistry metrics_;
  std::unique_ptr<net::LoopServer> server_;
};

wire::Label MakeLabel(int number, std::int64_t time_us) {
  return {wire::LabelBy::kPrediction, Cat("p", number), static_cast<double>(number), time_us};
}

std::unique_ptr<LabelFeed> Start(const std::string& url) {
  auto feed = LabelFeed::Start({url, "", "m", "test"});
  EXPECT_TRUE(feed.ok()) << feed.error().ToString();
  return *std::move(feed);
}

TEST(LabelFeedTest, SendsEachLabelOnceItIsKnown) {
  FakeLabelStore control(0, 0);
  const auto feed = Start(control.url());
  constexpr int kLabels = 10'000;
  for (int i = 0; i < kLabels; ++i) feed->Add(MakeLabel(i, kLabels - i));
  feed->Advance(5000);  // 5,000 of them are known: one batch and a rest that is not full
  const RealClock clock;
  const Duration deadline = clock.Elapsed() + std::chrono::seconds(30);
  while (control.batch_count() == 0 && clock.Elapsed() < deadline) std::this_thread::yield();
  ASSERT_EQ(control.batch_count(), 1U);
  const std::vector<wire::Label> first = control.batches().begin()->second;
  EXPECT_EQ(first.size(), LabelFeed::kBatchLabels);
  EXPECT_EQ(first.front().time_us, 1);
  EXPECT_LE(first.back().time_us, 5000);
  const auto summary = feed->Finish();
  ASSERT_TRUE(summary.ok()) << summary.error().ToString();
  EXPECT_EQ(summary->labels, static_cast<std::uint64_t>(kLabels));
  EXPECT_EQ(summary->joined, static_cast<std::uint64_t>(kLabels));
  EXPECT_EQ(summary->batches, 3U);
  std::vector<std::int64_t> times;
  for (const auto& [query, labels] : control.batches()) {
    EXPECT_TRUE(std::is_sorted(labels.begin(), labels.end(), [](const auto& a, const auto& b) {
      return a.time_us < b.time_us;
    })) << query;
  }
}

TEST(LabelFeedTest, ComesBackWithTheSameBatch) {
  FakeLabelStore control(3, 503);
  const auto feed = Start(control.url());
  feed->Add(MakeLabel(1, 1));
  const auto summary = feed->Finish();
  ASSERT_TRUE(summary.ok()) << summary.error().ToString();
  EXPECT_EQ(summary->retries, 3U);
  ASSERT_EQ(control.batch_count(), 1U);
  EXPECT_EQ(control.batches().begin()->first, "batch_id=test-1");
}

TEST(LabelFeedTest, ARefusalIsFinal) {
  FakeLabelStore control(1, 400);
  const auto feed = Start(control.url());
  feed->Add(MakeLabel(1, 1));
  const auto summary = feed->Finish();
  ASSERT_FALSE(summary.ok());
  EXPECT_NE(summary.error().ToString().find("sending labels"), std::string::npos) << summary.error().ToString();
}

TEST(LabelFeedTest, CanBeDroppedWhileNobodyAnswers) {
  const auto feed = Start("http://127.0.0.1:1");
  for (int i = 0; i < 5000; ++i) static_cast<void>(feed->AddKnown(MakeLabel(i, 1)));
}

}  // namespace
}  // namespace mw::steps
