// Versions: deployed, replaced, rolled back from memory, removed, and never lost to a bad one.
#include "serving/catalog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serving/test_model.h"

namespace mw::serving {
namespace {

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
  EXPECT_TRUE(first.expired());
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

}  // namespace
}  // namespace mw::serving
