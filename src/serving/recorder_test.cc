// From the lanes to a control plane that comes and goes: in the end every row is there once, in order.
#include "serving/recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/log.h"
#include "serving/test_control_plane.h"
#include "serving/test_recording.h"

namespace mw::serving {
namespace {

using testing::kFull;
using testing::TestControlPlane;
using testing::TestDirectory;
using testing::TestRows;
using testing::TestVersion;
using testing::Totals;

bool Await(const std::function<bool()>& condition) {
  const RealClock clock;
  const Duration deadline = clock.Elapsed() + std::chrono::seconds(20);
  while (!condition()) {
    if (clock.Elapsed() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class RecorderTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(static_cast<LogLevel>(4)); }
  void TearDown() override { SetLogLevel(LogLevel::kInfo); }

  RecorderOptions Options() {
    RecorderOptions options;
    options.control_plane.url = plane_.url();
    options.state_directory = directory_.path();
    options.server_id = "server-1";
    options.drain_interval = std::chrono::milliseconds(2);
    options.cut_interval = std::chrono::milliseconds(10);
    options.retry_min = std::chrono::milliseconds(2);
    options.retry_max = std::chrono::milliseconds(10);
    return options;
  }
  std::unique_ptr<Recorder> Start(RecorderOptions options) {
    auto recorder = Recorder::Make(std::move(options), clock_, metrics_);
    EXPECT_TRUE(recorder.ok());
    lane_ = &(*recorder)->NewLane();
    (*recorder)->Start();
    return *std::move(recorder);
  }
  void Add(int requests, int rows = 1) {
    for (int i = 0; i < requests; ++i) {
      lane_->AddAnswered(
          version_, kFull,
          TestRows(Cat("id-", ids_++), static_cast<std::size_t>(rows), 1'000'000).Request(clock_.Elapsed()));
    }
  }
  Totals Sum() const {
    Totals totals;
    for (const wire::WindowPiece& piece : plane_.pieces()) totals.Add(piece);
    return totals;
  }
  [[nodiscard]] bool HasRows(std::int64_t rows) const {
    return Await([&] { return Sum().rows >= rows; });
  }
  [[nodiscard]] std::size_t SpooledFiles() const {
    const std::filesystem::directory_iterator files(directory_ / "windows");
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  RealClock clock_;
  MetricsRegistry metrics_;
  TestDirectory directory_;
  TestControlPlane plane_;
  std::shared_ptr<const RecordedVersion> version_ = TestVersion();
  RecordingLane* lane_ = nullptr;
  int ids_ = 0;
};

TEST_F(RecorderTest, RowsArriveWhileTheServerRuns) {
  const auto recorder = Start(Options());
  Add(10);
  ASSERT_TRUE(HasRows(10));
  Add(3, 5);
  ASSERT_TRUE(HasRows(25));
  const Totals totals = Sum();
  EXPECT_EQ(totals.rows, 25);
  EXPECT_EQ(totals.sampled, 25);
  EXPECT_EQ(totals.requests, 13);
  EXPECT_EQ(totals.latencies, 13U);
  EXPECT_EQ(totals.ids.size(), 25U);
  EXPECT_TRUE(totals.ids.contains("id-12/4"));
  EXPECT_EQ(plane_.pieces()[0].server, "server-1");
  ASSERT_TRUE(Await([&] { return SpooledFiles() == 0; }));
}

TEST_F(RecorderTest, StoppingDeliversWhatWasAddedLast) {
  auto options = Options();
  options.cut_interval = std::chrono::hours(1);
  options.drain_interval = std::chrono::hours(1);
  const auto recorder = Start(std::move(options));
  Add(7);
  recorder->Stop();
  EXPECT_EQ(Sum().rows, 7);
  EXPECT_EQ(SpooledFiles(), 0U);
}

// The control plane goes and comes, takes pieces without saying so, says so without taking them; the server is
// started anew three times meanwhile. Every row is there once.
TEST_F(RecorderTest, NothingIsLostAndNothingDoubledWhateverTheControlPlaneDoes) {
  using Windows = TestControlPlane::Windows;
  std::int64_t rows = 0;
  for (int boot = 0; boot < 3; ++boot) {
    const auto recorder = Start(Options());
    for (const Windows windows : {Windows::kTake, Windows::kTakeAndFail, Windows::kUnavailable, Windows::kTake}) {
      plane_.SetWindows(windows);
      const std::int64_t puts = plane_.puts();
      Add(20);
      rows += 20;
      ASSERT_TRUE(Await([&] { return plane_.puts() > puts; }));
    }
    plane_.Stop();
    Add(20);
    rows += 20;
    recorder->Stop();
    EXPECT_GT(SpooledFiles(), 0U);
    plane_.Start();
  }
  const auto recorder = Start(Options());
  ASSERT_TRUE(HasRows(rows));
  ASSERT_TRUE(Await([&] { return SpooledFiles() == 0; }));
  recorder->Stop();
  const Totals totals = Sum();
  EXPECT_EQ(totals.rows, rows);
  EXPECT_EQ(totals.sampled, rows);
  EXPECT_EQ(totals.ids.size(), static_cast<std::size_t>(rows));
  for (const auto& [id, times] : totals.ids) EXPECT_EQ(times, 1) << id;
  EXPECT_GT(plane_.duplicates(), 0);
  const std::vector<wire::WindowPiece> pieces = plane_.pieces();
  EXPECT_TRUE(std::is_sorted(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) {
    return std::pair(a.boot, a.sequence) < std::pair(b.boot, b.sequence);
  }));
}

TEST_F(RecorderTest, AFullSpoolCostsSamplesAndNeverCounts) {
  plane_.Stop();
  auto options = Options();
  options.spool_bytes_max = (std::uint64_t{1} << 20) + 20'000;  // what is kept free for the end, and 20 kB
  const Counter& dropped =
      metrics_.AddCounter("millwright_recording_dropped_rows_total", "", {{"reason", "spool_full"}});
  std::int64_t rows = 10;
  {
    const auto recorder = Start(options);
    Add(10);  // these find room, however fast the next ones come
    ASSERT_TRUE(Await([&] { return SpooledFiles() > 0; }));
    ASSERT_TRUE(Await([&] {
      Add(10);
      rows += 10;
      return dropped.Value() > 0;
    }));
    recorder->Stop();
  }
  plane_.Start();
  const auto recorder = Start(options);
  ASSERT_TRUE(HasRows(rows));
  const Totals totals = Sum();
  EXPECT_EQ(totals.rows, rows);
  EXPECT_EQ(totals.requests, rows);
  EXPECT_GT(totals.sampled, 0);
  EXPECT_GT(totals.dropped, 0);
  EXPECT_EQ(totals.sampled + totals.dropped, rows);
}

TEST_F(RecorderTest, FullLanesCostSamplesAndNeverCounts) {
  auto options = Options();
  options.ring_bytes = std::size_t{32} << 10;
  const auto recorder = Start(options);
  Add(20'000);
  recorder->Stop();
  const Totals totals = Sum();
  EXPECT_EQ(totals.rows, 20'000);
  EXPECT_EQ(totals.requests, 20'000);
  EXPECT_EQ(totals.sampled + totals.dropped, 20'000);
}

TEST_F(RecorderTest, APieceThatIsRefusedForGoodHoldsUpNoOther) {
  plane_.SetWindows(TestControlPlane::Windows::kUnavailable);
  const auto recorder = Start(Options());
  for (const char* endpoint : {"late", "refused", "late"}) {
    version_ = TestVersion(endpoint);
    const std::size_t files = SpooledFiles();
    Add(5);
    ASSERT_TRUE(Await([&] { return SpooledFiles() > files; }));
  }
  plane_.SetWindows(TestControlPlane::Windows::kRefuse);
  ASSERT_TRUE(HasRows(10));
  ASSERT_TRUE(Await([&] { return SpooledFiles() == 0; }));
  EXPECT_EQ(Sum().rows, 10);
  EXPECT_NE(metrics_.Expose().find("millwright_recording_given_up_total 1"), std::string::npos);
}

TEST_F(RecorderTest, TheControlPlaneIsFoundWhereItSaysItIs) {
  auto options = Options();
  options.control_plane.url = "http://127.0.0.1:1";
  const auto recorder = Start(std::move(options));
  Add(4);
  ASSERT_TRUE(Await([&] { return SpooledFiles() > 0; }));
  const Json file = Json::Make({{"url", Json(plane_.url())}, {"token", Json("t")}});
  ASSERT_TRUE(WriteFileDurably(ControlPlanePath(directory_.path()), file.Dump()).ok());
  EXPECT_TRUE(HasRows(4));
}

TEST_F(RecorderTest, DamagedFilesAreRemovedAndOthersLeftAlone) {
  ASSERT_TRUE(MakeDirectories(directory_ / "windows").ok());
  ASSERT_TRUE(WriteFileDurably(directory_ / "windows/a.pieces.unfinished", "torn").ok());
  ASSERT_TRUE(WriteFileDurably(directory_ / "windows/note.txt", "mine").ok());
  ASSERT_TRUE(WriteFileDurably(directory_ / "windows/0.pieces", std::string(100, '\0')).ok());
  ASSERT_TRUE(WriteFileDurably(directory_ / "windows/1.pieces", "").ok());
  const auto recorder = Start(Options());
  Add(1);
  ASSERT_TRUE(HasRows(1));
  ASSERT_TRUE(Await([&] { return SpooledFiles() == 1; }));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "windows/note.txt"));
}

// Several loops at once, each with its lane, on one version: the counts add up.
TEST_F(RecorderTest, LoopsShareARecorder) {
  auto recorder = Recorder::Make(Options(), clock_, metrics_);
  ASSERT_TRUE(recorder.ok());
  std::vector<RecordingLane*> lanes;
  for (int i = 0; i < 3; ++i) lanes.push_back(&(*recorder)->NewLane());
  (*recorder)->Start();
  std::vector<std::thread> loops;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    loops.emplace_back([&, i] {
      for (int n = 0; n < 2000; ++n) {
        lanes[i]->AddAnswered(version_, kFull, TestRows(Cat("l", i, "-", n), 1, 1'000'000).Request(clock_.Elapsed()));
        if (n % 10 == 0) lanes[i]->AddRefused(version_, 1'000'000, clock_.Elapsed());
      }
    });
  }
  for (std::thread& loop : loops) loop.join();
  (*recorder)->Stop();
  EXPECT_EQ(Sum().rows, 6000);
  EXPECT_EQ(Sum().requests, 6600);
  EXPECT_EQ(Sum().refused, 600);
  EXPECT_EQ(Sum().failures, 0);
  EXPECT_EQ(Sum().ids.size(), 6000U);
}

}  // namespace
}  // namespace mw::serving
