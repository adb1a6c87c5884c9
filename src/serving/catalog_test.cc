// Versions: deployed, replaced, rolled back from memory, removed, and never lost to a bad one.
#include "serving/catalog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::Eventually;
using testing::TestDirectory;
using testing::WriteTestPackage;
using wire::VersionState;

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const int version : {1, 2, 3}) {
      WriteTestPackage(Path(version), static_cast<std::uint64_t>(version));
    }
  }
  [[nodiscard]] std::string Path(int version) const { return directory_ / Cat("v", version); }
  Status Deploy(int version) { return catalog_.Deploy("late", version, Cat("digest", version), Path(version)); }
  std::string LiveVersion() {
    return reader_.Read([](const Snapshot& snapshot) {
      const ServedEndpoint* endpoint = snapshot.Find("late");
      return endpoint == nullptr ? std::string("none") : endpoint->live->version_text;
    });
  }

  TestDirectory directory_;
  MetricsRegistry metrics_;
  Catalog catalog_{metrics_};
  CatalogReader& reader_ = catalog_.NewReader();
};

TEST_F(CatalogTest, TheNewVersionAnswersAndTheOldOneStaysWarm) {
  EXPECT_EQ(LiveVersion(), "none");
  ASSERT_TRUE(Deploy(1).ok());
  EXPECT_EQ(LiveVersion(), "1");
  ASSERT_TRUE(Deploy(2).ok());
  EXPECT_EQ(LiveVersion(), "2");
  reader_.Read([](const Snapshot& snapshot) {
    EXPECT_EQ(snapshot.Find("late")->Find("1")->version, 1);
    EXPECT_EQ(snapshot.Find("late")->Find("3"), nullptr);
  });
  const auto statuses = catalog_.Statuses();
  ASSERT_EQ(statuses.size(), 2U);
  EXPECT_EQ(statuses[0].version, 2);
  EXPECT_EQ(statuses[0].state, VersionState::kReady);
  EXPECT_EQ(statuses[0].weight, 10'000);
  EXPECT_GT(statuses[0].memory_bytes, 1000);
  EXPECT_EQ(statuses[1].version, 1);
  EXPECT_EQ(statuses[1].state, VersionState::kReady);
  EXPECT_EQ(statuses[1].weight, 0);
}

TEST_F(CatalogTest, RollbackNeedsNoFile) {
  ASSERT_TRUE(Deploy(1).ok());
  ASSERT_TRUE(Deploy(2).ok());
  std::filesystem::remove_all(Path(1));
  ASSERT_TRUE(Deploy(1).ok());
  EXPECT_EQ(LiveVersion(), "1");
  ASSERT_TRUE(Deploy(2).ok());
  EXPECT_EQ(LiveVersion(), "2");
}

TEST_F(CatalogTest, ABadVersionLeavesTheOldOneLiveAndSaysWhy) {
  ASSERT_TRUE(Deploy(1).ok());
  std::filesystem::remove(Path(2) + "/model.json");
  EXPECT_FALSE(Deploy(2).ok());
  EXPECT_EQ(LiveVersion(), "1");
  const auto statuses = catalog_.Statuses();
  ASSERT_EQ(statuses.size(), 2U);
  EXPECT_EQ(statuses[1].state, VersionState::kFailed);
  EXPECT_NE(statuses[1].error.find("model.json"), std::string::npos);
  ASSERT_TRUE(Deploy(3).ok());
  for (const wire::EndpointStatus& status : catalog_.Statuses()) EXPECT_NE(status.state, VersionState::kFailed);
}

TEST_F(CatalogTest, AReplacedVersionIsDestroyedAtTheThirdSwap) {
  ASSERT_TRUE(Deploy(1).ok());
  const std::weak_ptr<const Model> first = catalog_.Live("late")->model;
  ASSERT_TRUE(Deploy(2).ok());
  EXPECT_FALSE(first.expired());
  ASSERT_TRUE(Deploy(3).ok());
  EXPECT_TRUE(Eventually([&] { return first.expired(); }));
  catalog_.Remove("late");
  EXPECT_EQ(LiveVersion(), "none");
  EXPECT_TRUE(catalog_.Sources().empty());
}

TEST_F(CatalogTest, ReadersSeeWholeSnapshotsWhileVersionsSwap) {
  ASSERT_TRUE(Deploy(1).ok());
  ASSERT_TRUE(Deploy(2).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, &reader = catalog_.NewReader()] {
      const std::vector<float> row(6, 1.0F);
      while (!stop) {
        reader.Read([&](const Snapshot& snapshot) {
          const ServedEndpoint* endpoint = snapshot.Find("late");
          ASSERT_NE(endpoint, nullptr);
          float out = 0;
          endpoint->live->model->Predict(row, 1, std::span(&out, 1));
          EXPECT_GT(out, 0.0F);
        });
        ++reads;
      }
    });
  }
  for (int swap = 0; swap < 30 || reads < 1000; ++swap) ASSERT_TRUE(Deploy(1 + swap % 3).ok());
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// From here on loads and sizes are made up, so that their order and their fit can be told.

/// A catalog whose loads wait until they are let go, and whose versions weigh 100 each.
class BackgroundTest : public ::testing::Test {
 protected:
  explicit BackgroundTest(std::int64_t memory_bytes_max = 0, int loaders = 1) {
    SetLogLevel(static_cast<LogLevel>(4));
    WriteTestPackage(directory_ / "package", 1);
    CatalogOptions options;
    options.loaders = loaders;
    options.memory_bytes_max = memory_bytes_max;
    options.estimate = [](const std::string& path) { return path.find("huge") == std::string::npos ? 100 : 1000; };
    options.measure = [](const Model&) { return std::int64_t{0}; };
    options.load = [this](const LoadRequest& request) { return Load(request); };
    catalog_ = std::make_unique<Catalog>(metrics_, std::move(options));
    reader_ = &catalog_->NewReader();
  }
  ~BackgroundTest() override {
    Hold(false);
    SetLogLevel(LogLevel::kInfo);
  }

  Result<std::shared_ptr<const Model>> Load(const LoadRequest& request) {
    if (request.path.find("slow") != std::string::npos) request.progress("installing 41 packages");
    {
      const Lock lock(mutex_);
      loads_.push_back(Cat(request.endpoint, " ", request.version));
      changed_.NotifyAll();
      while (held_) changed_.Wait(mutex_);
    }
    if (request.path.find("bad") != std::string::npos) return InvalidArgument("no model");
    return Model::Load(directory_ / "package");
  }
  void Hold(bool held) {
    const Lock lock(mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  void AwaitLoads(std::size_t count) {
    const Lock lock(mutex_);
    while (loads_.size() < count) changed_.Wait(mutex_);
  }
  std::vector<std::string> Loads() {
    const Lock lock(mutex_);
    return loads_;
  }
  struct Anywhere final : ModelSource {
    Result<std::string> Locate(const std::string& source) override { return source; }
  };
  void Want(const std::string& name, const std::vector<std::pair<std::int64_t, std::int64_t>>& weights,
            const std::string& content = "good") {
    wire::DesiredEndpoint endpoint{name, name, weights[0].first, Cat(content, weights[0].first)};
    for (const auto& [version, weight] : weights) {
      if (weights.size() > 1) endpoint.traffic.versions.push_back({version, Cat(content, version), weight});
    }
    catalog_->Want(endpoint, std::make_shared<Anywhere>());
  }
  void Settle() { ASSERT_TRUE(catalog_->WaitSettled(std::chrono::seconds(20))); }
  /// "a 1 READY 100%, a 2 NEW 0%"
  std::string States() {
    std::string text;
    for (const wire::EndpointStatus& status : catalog_->Statuses()) {
      CatTo(text, text.empty() ? "" : ", ", status.name, " ", status.version, " ", VersionStateName(status.state), " ",
            wire::WeightText(status.weight));
    }
    return text;
  }
  void Ask(const std::string& name) {
    reader_->Read([&](const Snapshot& snapshot) { snapshot.Find(name)->live->metrics.requests.Add(); });
  }
  Status EnsureLoaded(const std::string& name, std::int64_t version) {
    std::promise<Status> loaded;
    catalog_->EnsureLoaded(name, version, [&](const Status& status) {
      if (status.ok()) {
        reader_->Read([&](const Snapshot& snapshot) {
          EXPECT_NE(snapshot.Find(name)->Find(Cat(version)), nullptr) << "it is there when it is said to be";
        });
      }
      loaded.set_value(status);
    });
    return loaded.get_future().get();
  }

  TestDirectory directory_;
  MetricsRegistry metrics_;
  Mutex mutex_;
  CondVar changed_;
  bool held_ MW_GUARDED_BY(mutex_) = false;
  std::vector<std::string> loads_ MW_GUARDED_BY(mutex_);
  std::unique_ptr<Catalog> catalog_;
  CatalogReader* reader_ = nullptr;
};

TEST_F(BackgroundTest, ANewerWantCancelsTheLoadsThatHaveNotBegun) {
  Hold(true);
  Want("a", {{1, 10'000}});
  AwaitLoads(1);
  EXPECT_EQ(States(), "a 1 LOADING 0%");
  Want("a", {{2, 10'000}});
  Want("a", {{3, 10'000}});
  EXPECT_EQ(States(), "a 3 NEW 0%");
  Hold(false);
  Settle();
  EXPECT_EQ(States(), "a 3 READY 100%");
  EXPECT_EQ(Loads(), (std::vector<std::string>{"a 1", "a 3"}));
}

TEST_F(BackgroundTest, TheSplitBeforeAnswersUntilTheNewOneIsThere) {
  Want("a", {{1, 10'000}});
  Settle();
  Hold(true);
  Want("a", {{1, 9000}, {2, 1000}});
  AwaitLoads(2);
  reader_->Read([](const Snapshot& snapshot) {
    const ServedEndpoint& a = *snapshot.Find("a");
    for (std::uint64_t random = 0; random < 1000; ++random) EXPECT_EQ(Pick(a, "", "", random).version->version, 1);
    // Queued, or loading already when the snapshot was made.
    EXPECT_NE(Pick(a, "2", "", 0).entry->state, wire::VersionState::kReady);
  });
  Hold(false);
  Settle();
  EXPECT_EQ(States(), "a 1 READY 90%, a 2 READY 10%");
  reader_->Read([](const Snapshot& snapshot) {
    int second = 0;
    for (std::uint64_t random = 0; random < 1000; ++random) {
      second += Pick(*snapshot.Find("a"), "", "", random).version->version == 2 ? 1 : 0;
    }
    EXPECT_NEAR(second, 100, 40);
  });
}

TEST_F(BackgroundTest, WhoAsksForAVersionThatIsOnItsWayIsToldWhenItIsThere) {
  Hold(true);
  Want("a", {{1, 10'000}});
  AwaitLoads(1);
  std::promise<Status> loaded;
  catalog_->EnsureLoaded("a", 1, [&](const Status& status) { loaded.set_value(status); });
  std::future<Status> told = loaded.get_future();
  EXPECT_EQ(told.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  Hold(false);
  EXPECT_TRUE(told.get().ok());
  EXPECT_EQ(EnsureLoaded("a", 7).error().code, Code::kNotFound);
  EXPECT_EQ(EnsureLoaded("b", 1).error().code, Code::kNotFound);
}

TEST_F(BackgroundTest, AVersionThatIsStillHeldIsDestroyedLaterAndBehindTheBackOfItsHolder) {
  Want("a", {{1, 10'000}});
  Settle();
  std::shared_ptr<const ServedVersion> held = catalog_->Live("a");
  const std::weak_ptr<const Model> model = held->model;
  catalog_->Remove("a");
  EXPECT_FALSE(model.expired());
  held.reset();  // as a request does that waited for its batch
  EXPECT_TRUE(Eventually([&] { return model.expired(); }));
}

TEST_F(BackgroundTest, IsReadyOnceEverythingAnswersAndStaysSo) {
  const auto ready = [this] { return reader_->Read([](const Snapshot& snapshot) { return snapshot.ready; }); };
  Hold(true);
  Want("a", {{1, 10'000}});
  catalog_->SetReady(true);
  EXPECT_FALSE(ready());
  Hold(false);
  Settle();
  EXPECT_TRUE(ready());
  Hold(true);
  Want("b", {{1, 10'000}});
  EXPECT_TRUE(ready()) << "what answers goes on answering";
  catalog_->SetReady(false);
  EXPECT_FALSE(ready());
}

class MemoryCapTest : public BackgroundTest {
 protected:
  MemoryCapTest() : BackgroundTest(250) {}
};

TEST_F(MemoryCapTest, TheEndpointUsedLongestAgoLeavesAndComesBackWhenItIsAsked) {
  Want("a", {{1, 10'000}});
  Settle();
  Want("b", {{1, 10'000}});
  Settle();
  Ask("a");
  Want("c", {{1, 10'000}});
  Settle();
  EXPECT_EQ(States(), "a 1 READY 100%, b 1 UNLOADED 100%, c 1 READY 100%");
  reader_->Read([](const Snapshot& snapshot) {
    const Choice choice = Pick(*snapshot.Find("b"), "", "", 0);
    EXPECT_EQ(choice.version, nullptr);
    EXPECT_EQ(choice.entry->state, wire::VersionState::kUnloaded);
    EXPECT_TRUE(choice.entry->on_demand);
  });
  Ask("c");
  EXPECT_TRUE(EnsureLoaded("b", 1).ok());
  EXPECT_EQ(States(), "a 1 UNLOADED 100%, b 1 READY 100%, c 1 READY 100%");
  EXPECT_NE(metrics_.Expose().find("millwright_inference_models_memory_bytes 200"), std::string::npos);
  EXPECT_NE(metrics_.Expose().find("millwright_inference_unloads_total 2"), std::string::npos);
}

TEST_F(BackgroundTest, ALoadThatTakesLongSaysWhatItDoesAndKeepsNoOtherBack) {
  Hold(true);
  Want("a", {{1, 10'000}}, "slow");
  AwaitLoads(1);
  Want("b", {{1, 10'000}});
  AwaitLoads(2);  // with one loader
  const auto statuses = catalog_->Statuses();
  EXPECT_EQ(statuses[0].progress, "installing 41 packages");
  EXPECT_EQ(statuses[0].memory_bytes, 100) << "estimated";
  EXPECT_EQ(statuses[1].progress, "");
  Hold(false);
  Settle();
  EXPECT_EQ(States(), "a 1 READY 100%, b 1 READY 100%");
  EXPECT_EQ(catalog_->Statuses()[0].progress, "");
}

TEST_F(MemoryCapTest, WhatNobodyIsGivenLeavesFirst) {
  Want("a", {{1, 10'000}});
  Settle();
  Want("a", {{2, 10'000}});
  Settle();
  EXPECT_EQ(States(), "a 2 READY 100%, a 1 READY 0%");
  Want("b", {{1, 10'000}});
  Settle();
  EXPECT_EQ(States(), "a 2 READY 100%, a 1 UNLOADED 0%, b 1 READY 100%");
  Want("a", {{1, 10'000}});
  EXPECT_EQ(catalog_->InForce()[0].version, 1) << "going back needs no file, the version comes when it is asked";
}

TEST_F(MemoryCapTest, AShadowThatLeftComesBackOnceThereIsRoom) {
  wire::DesiredEndpoint shadowed{"a", "a", 1, "good1"};
  shadowed.traffic.shadow = wire::ShadowVersion{2, "good2"};
  catalog_->Want(shadowed, std::make_shared<Anywhere>());
  Settle();
  Ask("a");
  Want("b", {{1, 10'000}});
  Settle();
  EXPECT_EQ(States(), "a 1 READY 100%, a 2 UNLOADED 0%, b 1 READY 100%");
  Hold(true);
  catalog_->Remove("b");
  AwaitLoads(4);  // nobody asked for it
  EXPECT_EQ(Loads().back(), "a 2");
  Hold(false);
  Settle();
  EXPECT_TRUE(EnsureLoaded("a", 2).ok());
  reader_->Read([](const Snapshot& snapshot) { EXPECT_NE(snapshot.Find("a")->shadow, nullptr); });
}

TEST_F(MemoryCapTest, WhatDoesNotFitIsRefusedAndChangesNothing) {
  Want("a", {{1, 10'000}});
  Settle();
  Want("b", {{1, 10'000}}, "huge");
  Settle();
  EXPECT_EQ(States(), "a 1 READY 100%, b 1 FAILED 0%");
  ASSERT_EQ(catalog_->Failures().size(), 1U);
  EXPECT_EQ(catalog_->Failures()[0].code, Code::kResourceExhausted);
  EXPECT_NE(catalog_->Failures()[0].message.find("needs about 1,000 bytes; of the 250"), std::string::npos);
}

TEST_F(MemoryCapTest, ADeploymentNeverTakesItsOwnEndpointsAnswersAway) {
  catalog_->SetMemoryMax(150);
  Want("a", {{1, 10'000}});
  Settle();
  Want("a", {{2, 10'000}});
  Settle();
  EXPECT_EQ(States(), "a 1 READY 100%, a 2 FAILED 0%");
}

TEST_F(MemoryCapTest, WhatWasUnloadedByNameStaysAwayUntilItIsLoadedByName) {
  Want("a", {{1, 10'000}});
  Settle();
  ASSERT_TRUE(catalog_->Unload("a").ok());
  EXPECT_EQ(States(), "a 1 UNLOADED 100%");
  EXPECT_EQ(EnsureLoaded("a", 1).error().code, Code::kFailedPrecondition);
  std::promise<Status> loaded;
  catalog_->Load("a", [&](const Status& status) { loaded.set_value(status); });
  EXPECT_TRUE(loaded.get_future().get().ok());
  EXPECT_EQ(States(), "a 1 READY 100%");
}

// Everything that changes what is served, at once, while three loops answer: each answer comes whole from the version
// that was picked, and nothing is read that was destroyed (the build with ThreadSanitizer says so).
class StormTest : public BackgroundTest {
 protected:
  StormTest() : BackgroundTest(700, 2) {}
};

TEST_F(StormTest, ReadersAnswerWhileVersionsAreSplitSwappedAndUnloaded) {
  const std::vector<std::string> names = {"a", "b", "c"};
  for (const std::string& name : names) Want(name, {{1, 10'000}});
  Settle();
  std::atomic<bool> stop{false};
  std::atomic<int> answers{0};
  std::atomic<int> absent{0};
  std::vector<std::thread> loops;
  for (int i = 0; i < 3; ++i) {
    loops.emplace_back([&, seed = static_cast<std::uint64_t>(i), &reader = catalog_->NewReader()] {
      Random random(seed);
      const std::vector<float> row(6, 1.0F);
      std::vector<std::shared_ptr<const ServedVersion>> deferred;  // requests that wait for their batch
      while (!stop) {
        reader.Read([&](const Snapshot& snapshot) {
          const std::string& name = names[random.Below(names.size())];
          const ServedEndpoint* endpoint = snapshot.Find(name);
          if (endpoint == nullptr) return;
          const Choice choice = Pick(*endpoint, "", Cat("user-", random.Below(50)), random.Next());
          ASSERT_NE(choice.entry, nullptr);
          if (choice.version == nullptr) {
            ++absent;
            return catalog_->EnsureLoaded(name, choice.entry->version, nullptr);
          }
          ASSERT_EQ(choice.version->endpoint, name);
          ASSERT_EQ(choice.version->version_text, choice.entry->version_text);
          float out = 0;
          choice.version->model->Predict(row, 1, std::span(&out, 1));
          ASSERT_GT(out, 0.0F);
          choice.version->metrics.requests.Add();
          if (random.Below(8) == 0) deferred.push_back(choice.entry->served);
          ++answers;
        });
        if (deferred.size() > 16) deferred.clear();
        if (random.Below(4) == 0) std::this_thread::yield();
      }
    });
  }
  Random random(7);
  for (int change = 0; change < 300 || answers < 3000; ++change) {
    const std::string& name = names[random.Below(names.size())];
    const auto version = static_cast<std::int64_t>(1 + random.Below(4));
    switch (random.Below(8)) {
      case 0: Want(name, {{version, 10'000}}, "bad"); break;
      case 1: catalog_->Remove(name); break;
      case 2: static_cast<void>(catalog_->Unload(name).ok()); break;
      case 3: catalog_->Load(name, nullptr); break;
      case 4: catalog_->SetMemoryMax(static_cast<std::int64_t>(500 + 100 * random.Below(5))); break;
      case 5: Want(name, {{version, 10'000}}); break;
      default: Want(name, {{version, 7000}, {version + 1, 3000}}); break;
    }
    if (change % 10 == 0) static_cast<void>(catalog_->WaitSettled(std::chrono::milliseconds(20)));
  }
  for (const std::string& name : names) Want(name, {{3, 10'000}});
  Settle();
  stop = true;
  for (std::thread& loop : loops) loop.join();
  for (const std::string& name : names) EXPECT_TRUE(EnsureLoaded(name, 3).ok());
  EXPECT_GT(answers, 3000);
}

}  // namespace
}  // namespace mw::serving
