// The store of evaluated windows, on both databases.
#include "monitoring/monitor_store.h"

#include <gtest/gtest.h>

#include "db/temporary_database.h"
#include "monitoring/drift_window.h"
#include "monitoring/evaluation_json.h"
#include "monitoring/monitoring.h"
#include "monitoring/testing.h"

namespace mw::monitoring {
namespace {

using testing::kMonday;

Evaluation MakeEvaluation(int week, State state) {
  Evaluation out;
  out.from = kMonday + week * kWeek;
  out.until = out.from + kWeek;
  out.state = state;
  out.rows = 6400;
  out.predictions_mean = 0.25;
  Cell cell;
  cell.column = "temp";
  cell.state = State::kWarning;
  cell.comparison.jensen_shannon = 0.4;
  cell.comparison.wasserstein = 1.5;
  cell.comparison.floor = {0.3, FloorMethod::kBlocks};
  cell.exceeds = true;
  cell.windows_in_a_row = 2;
  out.features = {cell};
  out.baseline = {"production", kMonday, kMonday + kWeek, 1234, 7, "too \"few\""};
  out.slices = {{{"origin", "LGA"}, State::kWarning, 99, {{"temp", 2}}}};
  Finding finding;
  finding.columns = {"temp", "\"humid\"\n"};
  finding.value = 0.4;
  finding.severity = Severity::kAlert;
  finding.sentence = "temp moved";
  finding.slice = Slice{"origin", "L\"GA"};
  finding.from = out.from;
  finding.until = out.until;
  out.findings = {finding};
  return out;
}

template <typename Driver>
class MonitorStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = driver_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    database_ = *std::move(opened);
    ASSERT_TRUE(database_->Migrate(Migrations()).ok());
  }
  void Put(const Evaluation& evaluation, const std::string& fingerprint, std::int64_t version = 1) {
    const WindowKey key{"late", version, evaluation.from, evaluation.until - evaluation.from};
    const std::string text = ToJson(evaluation).Dump();
    const Status put = SyncWait(
        database_->Write([&](db::Transaction& transaction) { return PutWindow(transaction, key, fingerprint, text); }));
    ASSERT_TRUE(put.ok()) << put.error().ToString();
  }
  template <typename Work>
  auto Read(Work work) {
    auto result = SyncWait(database_->Read(work));
    EXPECT_TRUE(result.ok()) << result.error().ToString();
    return *std::move(result);
  }

  Driver driver_;
  std::unique_ptr<db::Database> database_;
};
TYPED_TEST_SUITE(MonitorStoreTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(MonitorStoreTest, SettingsAreThoseLastPut) {
  const auto read = [](db::Snapshot& snapshot) { return SettingsOf(snapshot, "late"); };
  EXPECT_EQ(this->Read(read), Settings());
  Settings settings;
  for (const int windows : {3, 4}) {
    settings.windows_in_a_row = windows;
    settings.thresholds["temp"] = 0;
    const auto put = [&](db::Transaction& transaction) { return PutSettings(transaction, "late", settings); };
    ASSERT_TRUE(SyncWait(this->database_->Write(put)).ok());
  }
  EXPECT_EQ(this->Read(read), settings);
  EXPECT_EQ(this->Read([](db::Snapshot& snapshot) { return SettingsOf(snapshot, "other"); }), Settings());
}

TYPED_TEST(MonitorStoreTest, AWindowIsReplacedWhole) {
  this->Put(MakeEvaluation(0, State::kOk), "a");
  this->Put(MakeEvaluation(0, State::kAlert), "b");
  this->Put(MakeEvaluation(1, State::kOk), "c");
  const auto known = this->Read([](db::Snapshot& snapshot) { return Fingerprints(snapshot, "late", 1); });
  EXPECT_EQ(known, (std::map<Timestamp, std::string>{{kMonday, "b"}, {kMonday + kWeek, "c"}}));
  const auto windows = this->Read(
      [](db::Snapshot& snapshot) { return WindowsBetween(snapshot, "late", 1, Timestamp::min(), Timestamp::max()); });
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(ToJson(windows[0]).Dump(), ToJson(MakeEvaluation(0, State::kAlert)).Dump());
  EXPECT_EQ(StreaksOf(windows[0]), "2,0,0;origin=LGA,temp:2");
}

TYPED_TEST(MonitorStoreTest, LooksBackAndBetween) {
  for (int week = 0; week < 4; ++week) this->Put(MakeEvaluation(week, State::kOk), "x");
  this->Put(MakeEvaluation(0, State::kOk), "x", 7);
  const auto before =
      this->Read([](db::Snapshot& snapshot) { return WindowBefore(snapshot, "late", 1, kMonday + 2 * kWeek); });
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->from, kMonday + kWeek);
  EXPECT_FALSE(
      this->Read([](db::Snapshot& snapshot) { return WindowBefore(snapshot, "late", 1, kMonday); }).has_value());
  const auto between = this->Read(
      [](db::Snapshot& snapshot) { return WindowsBetween(snapshot, "late", 1, kMonday + kWeek, kMonday + 2 * kWeek); });
  ASSERT_EQ(between.size(), 1U);  // the end is not included
  EXPECT_EQ(between[0].from, kMonday + kWeek);
  EXPECT_EQ(this->Read([](db::Snapshot& snapshot) { return MonitoredVersions(snapshot, "late"); }),
            (std::vector<std::int64_t>{1, 7}));
}

TYPED_TEST(MonitorStoreTest, AnotherLengthReplacesAll) {
  this->Put(MakeEvaluation(0, State::kOk), "x");
  this->Put(MakeEvaluation(0, State::kOk), "x", 2);
  EXPECT_EQ(this->Read([](db::Snapshot& snapshot) { return StoredLength(snapshot, "late", 1); }), kWeek);
  ASSERT_TRUE(SyncWait(this->database_->Write([](db::Transaction& transaction) {
                return DropOtherLengths(transaction, "late", 1, std::chrono::hours(24));
              })).ok());
  EXPECT_EQ(this->Read([](db::Snapshot& snapshot) { return StoredLength(snapshot, "late", 1); }), std::nullopt);
  EXPECT_EQ(this->Read([](db::Snapshot& snapshot) { return StoredLength(snapshot, "late", 2); }), kWeek);
}

}  // namespace
}  // namespace mw::monitoring
