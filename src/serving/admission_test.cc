// Admission: the decision as a table, guarantees as a property of simulated days, the budget under threads.
#include "serving/admission.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "base/random.h"

namespace mw::serving {
namespace {

using AdmissionOutcome = AdmissionDecision::Outcome;

AdmissionView View(std::optional<double> own, std::optional<double> surplus, bool own_room, bool common_room) {
  AdmissionView view;
  view.own_rows = own;
  view.own_rate = 100;
  view.own_room = own_room;
  view.surplus_rows = surplus;
  view.surplus_rate = 50;
  view.common_room = common_room;
  return view;
}

TEST(DecideAdmission, Table) {
  struct Case {
    const char* says;
    AdmissionView view;
    AdmissionOutcome outcome;
    bool from_own = false;
    Duration retry_after{0};
  };
  const auto none = std::nullopt;
  const std::vector<Case> cases = {
      {"Where nothing is configured everybody is admitted.", View(none, none, false, true),
       AdmissionOutcome::kAdmitted},
      {"Unless too much is in flight.", View(none, none, false, false), AdmissionOutcome::kOverBudget, false,
       Duration(100'000)},
      {"The rest of the world draws from the surplus.", View(none, 1, false, true), AdmissionOutcome::kAdmitted},
      {"Until there is none, and waits until it fills.", View(none, -100, false, true), AdmissionOutcome::kOverRate,
       false, Duration(2'000'000)},
      {"A client inside its guarantee is admitted without any surplus.", View(1, -100, true, true),
       AdmissionOutcome::kAdmitted, true},
      {"And with everybody's room taken.", View(1, -100, true, false), AdmissionOutcome::kAdmitted, true},
      {"With its own room full it may use everybody's.", View(1, -100, false, true), AdmissionOutcome::kAdmitted, true},
      {"With both full it is its own doing.", View(1, 1, false, false), AdmissionOutcome::kOverBudget, false,
       Duration(100'000)},
      {"Beyond its guarantee it borrows what others leave.", View(-5, 1, true, true), AdmissionOutcome::kAdmitted},
      {"Which needs everybody's room.", View(-5, 1, true, false), AdmissionOutcome::kOverBudget, false,
       Duration(100'000)},
      {"With nothing to borrow it waits for whichever comes first.", View(-50, -100, true, true),
       AdmissionOutcome::kOverRate, false, Duration(500'000)},
      {"Nobody is told to come back at once.", View(none, 0, false, true), AdmissionOutcome::kOverRate, false,
       Duration(10'000)},
  };
  for (const Case& c : cases) {
    const AdmissionDecision decision = DecideAdmission(c.view);
    EXPECT_EQ(decision.outcome, c.outcome) << c.says;
    EXPECT_EQ(decision.from_own_bucket, c.from_own) << c.says;
    EXPECT_EQ(decision.retry_after, c.retry_after) << c.says;
  }
}

TEST(CheckAdmission, SharesMakeSense) {
  AdmissionSettings settings;
  EXPECT_TRUE(CheckAdmission(settings).ok());
  settings.shares = {{"a", 60}, {"b", 40}};
  EXPECT_FALSE(CheckAdmission(settings).ok()) << "shares of nothing";
  settings.rows_per_second_max = 100;
  EXPECT_TRUE(CheckAdmission(settings).ok());
  settings.shares[1].rows_per_second = 41;
  EXPECT_FALSE(CheckAdmission(settings).ok());
  settings.shares[1] = {"a", 1};
  EXPECT_FALSE(CheckAdmission(settings).ok());
  for (const double wrong : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    settings.shares = {{"a", wrong}};
    EXPECT_FALSE(CheckAdmission(settings).ok()) << wrong;
  }
}

/// What a client with a bucket of its own and nobody else around would get: the promise.
class AloneBucket {
 public:
  AloneBucket(double rate, Duration burst)
      : rate_(rate), cap_(rate * std::chrono::duration<double>(burst).count()), rows_(cap_) {}
  bool Admit(Duration now, std::size_t rows) {
    rows_ = std::min(cap_, rows_ + rate_ * std::chrono::duration<double>(now - last_).count());
    last_ = now;
    if (rows_ <= 0) return false;
    rows_ -= static_cast<double>(rows);
    return true;
  }

 private:
  double rate_, cap_, rows_;
  Duration last_{0};
};

struct Client {
  double guaranteed = 0;  // 0: one of the rest
  double demand = 0;      // rows/s
  std::size_t rows_max = 1;
  bool bursts = false;  // all of a second's demand in its first tenth
  double asked = 0, admitted = 0;
};

/// A random day: clients with random guarantees below the capacity and random demands, up to many times of it.
class Day {
 public:
  explicit Day(std::uint64_t seed) : random_(seed) {
    settings_.rows_per_second_max = 1000 + static_cast<double>(random_.Below(100'000));
    double left = settings_.rows_per_second_max * random_.Uniform();
    for (std::size_t i = 0; i < 1 + random_.Below(5); ++i) {
      Client client = RandomClient();
      client.guaranteed = std::max(1.0, left * random_.Uniform());
      left = std::max(0.0, left - client.guaranteed);
      if (left == 0) break;
      settings_.shares.push_back({std::to_string(clients.size()), client.guaranteed});
      clients.push_back(client);
    }
    for (std::size_t i = 0; i < 1 + random_.Below(3); ++i) clients.push_back(RandomClient());
  }

  void Run(Duration length) {
    ShareBuckets buckets(settings_);
    std::vector<AloneBucket> alone;
    for (const Client& client : clients) alone.emplace_back(client.guaranteed, settings_.burst);
    std::vector<double> owed(clients.size());
    constexpr Duration kTick(1000);
    for (now = Duration(0); now < length; now += kTick) {
      for (std::size_t i = 0; i < clients.size(); ++i) {
        Client& client = clients[i];
        const bool on = !client.bursts || now.count() % 1'000'000 < 100'000;
        owed[i] += on ? client.demand * 1e-3 * (client.bursts ? 10 : 1) : 0;
        while (owed[i] >= 1) {
          const std::size_t rows = 1 + random_.Below(client.rows_max);
          owed[i] -= static_cast<double>(rows);
          Ask(buckets, alone[i], i, rows);
        }
      }
    }
  }

  std::vector<Client> clients;
  Duration now{0};
  double total = 0, broken_promises = 0;
  [[nodiscard]] double capacity() const { return settings_.rows_per_second_max; }
  [[nodiscard]] double burst_rows() const {
    return capacity() * std::chrono::duration<double>(settings_.burst).count();
  }

 private:
  Client RandomClient() {
    Client client;
    client.demand = settings_.rows_per_second_max * 3 * random_.Uniform();
    client.rows_max = random_.Below(3) == 0 ? 2000 : 1 + random_.Below(50);
    client.bursts = random_.Below(3) == 0;
    return client;
  }
  void Ask(ShareBuckets& buckets, AloneBucket& alone, std::size_t i, std::size_t rows) {
    Client& client = clients[i];
    const auto known = client.guaranteed > 0 ? std::optional(i) : std::nullopt;
    buckets.Refill(now);
    AdmissionView view;
    buckets.Look(known, view);
    const AdmissionDecision decision = DecideAdmission(view);
    const bool admitted = decision.outcome == AdmissionOutcome::kAdmitted;
    if (known && alone.Admit(now, rows) && !admitted) ++broken_promises;
    client.asked += static_cast<double>(rows);
    if (!admitted) return;
    buckets.Charge(known, decision.from_own_bucket, rows);
    client.admitted += static_cast<double>(rows);
    total += static_cast<double>(rows);
  }

  Random random_;
  AdmissionSettings settings_;
};

// Each client gets the smaller of what it asks and what it was promised, whatever all others ask; and all together
// never get more than the capacity, but for a burst and an overdraft.
TEST(ShareBuckets, PromisesAreKeptWithinTheCapacity) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Day day(seed);
    day.Run(std::chrono::seconds(10));
    EXPECT_EQ(day.broken_promises, 0) << "seed " << seed;
    const double overdraft = 2000.0 * static_cast<double>(day.clients.size());
    EXPECT_LE(day.total, day.capacity() * 10 + day.burst_rows() + overdraft) << "seed " << seed;
    for (const Client& client : day.clients) {
      if (client.bursts || client.guaranteed == 0) continue;
      EXPECT_GE(client.admitted, std::min(client.asked, client.guaranteed * 10) - 2000) << "seed " << seed;
    }
  }
}

// What a client does not use is not lost: the rest get it, and give it back as soon as it is wanted.
TEST(ShareBuckets, WhatIsUnusedIsLent) {
  AdmissionSettings settings;
  settings.rows_per_second_max = 1000;
  settings.shares = {{"a", 800}};
  ShareBuckets buckets(settings);
  const auto second = [&](Duration start, bool client_asks) {
    std::pair<double, double> got;  // client, rest
    for (Duration now = start; now < start + std::chrono::seconds(1); now += Duration(500)) {
      for (const bool client : {true, false}) {
        if (client && !client_asks) continue;
        buckets.Refill(now);
        AdmissionView view;
        buckets.Look(client ? std::optional<std::size_t>(0) : std::nullopt, view);
        const AdmissionDecision decision = DecideAdmission(view);
        if (decision.outcome != AdmissionOutcome::kAdmitted) continue;
        buckets.Charge(client ? std::optional<std::size_t>(0) : std::nullopt, decision.from_own_bucket, 1);
        ++(client ? got.first : got.second);
      }
    }
    return got;
  };
  EXPECT_NEAR(second(std::chrono::seconds(0), false).second, 1200, 10) << "and what the surplus held at first";
  EXPECT_NEAR(second(std::chrono::seconds(1), false).second, 1000, 10);
  const auto both = second(std::chrono::seconds(2), true);
  EXPECT_GE(both.first, 1590) << "its bucket was full";
  EXPECT_NEAR(both.second, 200, 10);
  const auto after_a_quiet_hour = second(std::chrono::hours(1), true);
  EXPECT_LE(after_a_quiet_hour.first + after_a_quiet_hour.second, 2000) << "a second's rows and a second's burst";
}

class AdmissionTest : public ::testing::Test {
 protected:
  SimulatedClock clock_{FromMicros(0)};
  MetricsRegistry registry_;
};

TEST_F(AdmissionTest, TheBudgetIsGivenBack) {
  AdmissionSettings settings;
  settings.rows_in_flight_max = 10;
  settings.bytes_in_flight_max = 1000;
  Admission admission(settings, clock_, registry_);
  auto first = admission.Admit("", 6, 100);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(admission.Admit("", 5, 1).error().error.code, Code::kResourceExhausted) << "rows";
  EXPECT_GT(admission.Admit("", 1, 901).error().retry_after, Duration(0)) << "bytes";
  auto second = admission.Admit("", 4, 900);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(admission.rows_in_flight(), 10U);
  EXPECT_EQ(admission.bytes_in_flight(), 1000U);
  *first = Admission::Pass();
  EXPECT_EQ(admission.rows_in_flight(), 4U);
  Admission::Pass moved = std::move(*second);
  EXPECT_EQ(admission.rows_in_flight(), 4U);
  moved = Admission::Pass();
  EXPECT_EQ(admission.rows_in_flight() + admission.bytes_in_flight(), 0U);
  EXPECT_TRUE(admission.Admit("", 5000, 1 << 20).has_value()) << "alone, a request may be larger than the budget";
}

// When others fill everybody's room, a client with a guarantee still has its own.
TEST_F(AdmissionTest, TheReservedRoomIsTheClients) {
  AdmissionSettings settings;
  settings.rows_in_flight_max = 100;
  settings.rows_per_second_max = 1e6;
  settings.shares = {{"a", 3e5}, {"b", 1e5}};
  Admission admission(settings, clock_, registry_);
  std::vector<Admission::Pass> passes;
  const auto fill = [&](std::string_view client) {
    std::size_t count = 0;
    for (auto pass = admission.Admit(client, 1, 1); pass.has_value(); pass = admission.Admit(client, 1, 1)) {
      passes.push_back(std::move(*pass));
      ++count;
    }
    return count;
  };
  EXPECT_EQ(fill("somebody"), 50U);
  EXPECT_EQ(fill("a"), 37U);
  EXPECT_EQ(fill("b"), 12U);
  EXPECT_EQ(fill("a") + fill("b") + fill("somebody"), 0U);
  admission.Update(AdmissionSettings{});
  EXPECT_TRUE(admission.Admit("", 1, 1).has_value());
  passes.clear();
  EXPECT_EQ(admission.rows_in_flight(), 0U);
}

// The rate comes back with time, as the rejection said it would.
TEST_F(AdmissionTest, RetryAfterIsTrue) {
  AdmissionSettings settings;
  settings.rows_per_second_max = 100;
  Admission admission(settings, clock_, registry_);
  ASSERT_TRUE(admission.Admit("x", 150, 1).has_value());
  const auto rejected = admission.Admit("x", 1, 1);
  ASSERT_FALSE(rejected.has_value());
  EXPECT_EQ(rejected.error().retry_after, Duration(500'000));
  clock_.Advance(rejected.error().retry_after);
  EXPECT_FALSE(admission.Admit("x", 1, 1).has_value());
  clock_.Advance(Duration(1));
  EXPECT_TRUE(admission.Admit("x", 1, 1).has_value());
  EXPECT_NE(registry_.Expose().find(R"(millwright_inference_not_admitted_total{reason="rate"} 2)"), std::string::npos);
}

// However long it takes; and whoever sends more than ever comes at once is told how much that is.
TEST_F(AdmissionTest, WhatIsOverdrawnForLongIsSaidToTakeLong) {
  AdmissionSettings settings;
  settings.rows_per_second_max = 100;
  settings.shares = {{"shop", 60}};
  Admission admission(settings, clock_, registry_);
  ASSERT_TRUE(admission.Admit("x", 40'040, 1).has_value());
  const Rejection large = admission.Admit("x", 41, 1).error();
  EXPECT_EQ(large.retry_after, std::chrono::seconds(1000));
  EXPECT_TRUE(large.error.message.ends_with("try again in 16m 40s, and send at most 40 rows in one request"))
      << large.error.message;
  EXPECT_TRUE(admission.Admit("x", 40, 1).error().error.message.ends_with("try again in 16m 40s"));
  clock_.Advance(large.retry_after + Duration(1));
  EXPECT_TRUE(admission.Admit("x", 40, 1).has_value());
  ASSERT_TRUE(admission.Admit("shop", 6'000, 1).has_value());
  EXPECT_TRUE(admission.Admit("shop", 101, 1).error().error.message.ends_with("at most 100 rows in one request"));
  EXPECT_TRUE(admission.Admit("shop", 100, 1).error().error.message.ends_with("s"));
}

TEST_F(AdmissionTest, ThreadsLeaveNothingBehind) {
  AdmissionSettings settings;
  settings.rows_in_flight_max = 64;
  settings.rows_per_second_max = 1e9;
  settings.shares = {{"a", 1e8}};
  Admission admission(settings, clock_, registry_);
  std::atomic<std::size_t> most{0}, admitted{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Random random(t);
      for (int i = 0; i < 10'000; ++i) {
        const auto pass = admission.Admit(random.Below(2) == 0 ? "a" : "", 1 + random.Below(16), random.Below(100));
        admitted += pass.has_value();
        if (i % 64 == 0) most = std::max<std::size_t>(most, admission.rows_in_flight());
        if (t == 0 && i % 1000 == 0) admission.Update(i % 2000 == 0 ? AdmissionSettings{} : settings);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admission.rows_in_flight() + admission.bytes_in_flight(), 0U);
  EXPECT_GT(admitted, 0U);
  EXPECT_GT(most, 0U);
}

}  // namespace
}  // namespace mw::serving
