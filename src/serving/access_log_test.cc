// From the lanes to files and back: what was written is found, the disk is bounded, what cannot be written is counted.
#include "serving/access_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/text.h"
#include "serving/access_names.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::TestDirectory;

const Timestamp kStart = *ParseTime("2026-03-01T12:00:00Z");

std::string Line(Timestamp at, std::string_view id, std::string_view more = "") {
  return Cat("{\"time\":\"", FormatTime(at), "\",\"endpoint\":\"late\",\"rows\":4,\"id\":\"", id,
             "\",\"outcome\":\"answered\",\"total_us\":80", more, "}\n");
}

std::vector<std::string> Ids(const AccessFindings& findings) {
  std::vector<std::string> ids;
  for (const std::string& line : findings.lines) ids.push_back(Json::Parse(line)->StringOr("id", "?"));
  return ids;
}

std::uint64_t BytesIn(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) bytes += entry.file_size();
  return bytes;
}

class AccessFilesTest : public ::testing::Test {
 protected:
  AccessFiles Open(std::uint64_t bytes_max = std::uint64_t{1} << 30, std::size_t file_bytes_max = 4'096) {
    auto files = AccessFiles::Open(path_, {bytes_max, file_bytes_max});
    EXPECT_TRUE(files.ok());
    return *std::move(files);
  }
  /// Ids r0, r1, ... a second apart.
  void Write(AccessFiles& files, int from, int to) {
    for (int i = from; i < to; ++i) {
      const Timestamp at = kStart + std::chrono::seconds(i);
      ASSERT_TRUE(files.Append(Line(at, Cat("r", i)), at).ok());
    }
  }
  std::vector<std::string> Find(const AccessQuery& query) {
    const auto findings = SearchAccessFiles(path_, query);
    EXPECT_TRUE(findings.ok());
    return findings.ok() ? Ids(*findings) : std::vector<std::string>();
  }

  TestDirectory directory_;
  const std::string path_ = directory_.path() + "/access";
};

TEST_F(AccessFilesTest, APredictionIsFoundInFilesOfAnyAge) {
  AccessFiles files = Open();
  Write(files, 0, 500);
  std::size_t compressed = 0;
  const std::vector<AccessFile> all = *ListAccessFiles(path_);
  for (const AccessFile& file : all) compressed += file.compressed ? 1 : 0;
  EXPECT_GT(compressed, 5U);
  for (const int i : {0, 1, 250, 498, 499}) EXPECT_EQ(Find({.prediction = Cat("r", i)}), std::vector{Cat("r", i)});
  EXPECT_TRUE(Find({.prediction = "r500"}).empty());
  EXPECT_TRUE(Find({.prediction = "r5\",\"x"}).empty());
}

TEST_F(AccessFilesTest, ARowIsFoundByItsRequest) {
  AccessFiles files = Open();
  Write(files, 0, 3);
  EXPECT_EQ(Find({.prediction = "r1/0"}), std::vector<std::string>{"r1"});
  EXPECT_EQ(Find({.prediction = "r1/3"}), std::vector<std::string>{"r1"});
  EXPECT_TRUE(Find({.prediction = "r1/4"}).empty()) << "it has four rows";
  EXPECT_TRUE(Find({.prediction = "r1/x"}).empty());
}

TEST_F(AccessFilesTest, TheNewestComeInTheOrderOfTime) {
  AccessFiles files = Open();
  Write(files, 0, 200);
  EXPECT_EQ(Find({.limit = 3}), (std::vector<std::string>{"r197", "r198", "r199"}));
  EXPECT_EQ(Find({.since = kStart + std::chrono::seconds(198)}), (std::vector<std::string>{"r198", "r199"}));
  EXPECT_EQ(Find({.since = kStart + std::chrono::seconds(100), .limit = 1'000}).size(), 100U);
  EXPECT_EQ(Find({.endpoint = "late", .limit = 1'000}).size(), 200U);
  EXPECT_TRUE(Find({.endpoint = "other"}).empty());
}

TEST_F(AccessFilesTest, ProblemsAreWhatWasRefusedFailedOrSlow) {
  AccessFiles files = Open();
  const std::string lines =
      Cat(Line(kStart, "quick"),
          "{\"time\":\"2026-03-01T12:00:01Z\",\"id\":\"bad\",\"outcome\":\"refused\",\"total_us\":3}\n",
          "{\"time\":\"2026-03-01T12:00:02Z\",\"id\":\"slow\",\"outcome\":\"answered\",\"total_us\":100000}\n",
          "{\"time\":\"2026-03-01T12:00:03Z\",\"not_logged\":17}\n",
          "{\"time\":\"2026-03-01T12:00:04Z\",\"id\":\"failed\",\"outcome\":\"failed\",\"total_us\":9}\n");
  ASSERT_TRUE(files.Append(lines, kStart).ok());
  EXPECT_EQ(Find({.problems = true}), (std::vector<std::string>{"bad", "slow", "failed"}));
  EXPECT_EQ(Find({}).size(), 5U);
}

TEST_F(AccessFilesTest, ATraceIsFound) {
  AccessFiles files = Open();
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  ASSERT_TRUE(files.Append(Line(kStart, "a", Cat(",\"trace_id\":\"", trace, "\"")), kStart).ok());
  ASSERT_TRUE(files.Append(Line(kStart, "b", Cat(",\"error\":\"no trace_id ", trace, "\"")), kStart).ok());
  EXPECT_EQ(Find({.trace = trace}), std::vector<std::string>{"a"});
}

TEST_F(AccessFilesTest, TheDiskIsBoundedAndTheOldestGo) {
  AccessFiles files = Open(std::uint64_t{32} << 10, 8'192);
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp at = kStart + std::chrono::seconds(i);
    ASSERT_TRUE(files.Append(Line(at, Cat("r", i * 7'919 % 20'000)), at).ok());
  }
  EXPECT_LE(BytesIn(path_), (std::uint64_t{32} << 10) + 8'192);
  const auto findings = SearchAccessFiles(path_, {.limit = 1});
  ASSERT_TRUE(findings.ok());
  EXPECT_GT(*findings->reaches, kStart);
  EXPECT_EQ(Ids(*findings), std::vector{Cat("r", 19'999 * 7'919 % 20'000)});
}

TEST_F(AccessFilesTest, HalfALineOfAKilledProcessIsLeftOut) {
  {
    AccessFiles files = Open();
    Write(files, 0, 2);
    const std::string half = Line(kStart, "half").substr(0, 60);
    ASSERT_TRUE(files.Append(half, kStart).ok());
  }
  EXPECT_EQ(Find({}), (std::vector<std::string>{"r0", "r1"}));
  AccessFiles files = Open();
  Write(files, 2, 4);
  EXPECT_EQ(Find({}), (std::vector<std::string>{"r0", "r1", "r2", "r3"}));
  EXPECT_EQ(ListAccessFiles(path_)->size(), 1U) << "it goes on in the same file";
}

TEST_F(AccessFilesTest, ADamagedFileHidesOnlyItself) {
  AccessFiles files = Open();
  Write(files, 0, 200);
  const std::vector<AccessFile> all = *ListAccessFiles(path_);
  std::ofstream(path_ + "/" + all[1].name, std::ios::trunc) << "no zstd";
  EXPECT_EQ(Find({.prediction = "r0"}), std::vector<std::string>{"r0"});
  EXPECT_EQ(Find({.prediction = "r199"}), std::vector<std::string>{"r199"});
}

TEST_F(AccessFilesTest, NoDirectoryIsAnEmptyLog) {
  const auto findings = SearchAccessFiles(directory_.path() + "/nothing", {});
  ASSERT_TRUE(findings.ok());
  EXPECT_TRUE(findings->lines.empty());
  EXPECT_EQ(ToJsonText(*findings), R"({"requests":[],"reaches":null})");
}

TEST(AccessQuery, ParametersThereAndBack) {
  const QueryParameters parameters = {{"prediction", "a/1"}, {"trace", "b"},
                                      {"endpoint", "late"},  {"since", "2026-03-01T12:00:00Z"},
                                      {"problems", "true"},  {"limit", "7"}};
  const auto query = ParseAccessQuery(parameters);
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(ToParameters(*query), parameters);
  EXPECT_FALSE(ParseAccessQuery({{"limit", "0"}}).ok());
  EXPECT_FALSE(ParseAccessQuery({{"limit", "10001"}}).ok());
  EXPECT_FALSE(ParseAccessQuery({{"since", "yesterday"}}).ok());
  EXPECT_FALSE(ParseAccessQuery({{"id", "7"}}).ok());
}

class AccessLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<AccessLog> Make() {
    AccessLogOptions options;
    options.state_directory = directory_.path();
    options.control_plane = {"http://127.0.0.1:1", "the token"};
    options.drain_interval = std::chrono::milliseconds(2);
    auto log = AccessLog::Make(std::move(options), clock_, metrics_);
    EXPECT_TRUE(log.ok());
    return *std::move(log);
  }
  void Add(AccessLane& lane, std::string_view id) {
    const Duration now = clock_.Elapsed();
    AccessEntry* const entry = lane.Begin(Outcome::kAnswered, Duration(50), now);
    ASSERT_NE(entry, nullptr);
    entry->start = now;
    entry->rows = 1;
    entry->id.Set(id);
    entry->endpoint.Set("late");
    lane.Commit();
  }
  static Result<AccessFindings> FindNow(AccessLog& log, AccessQuery query, std::string token = "the token") {
    std::promise<Result<AccessFindings>> found;
    log.Find(std::move(query), std::move(token),
             [&](Result<AccessFindings> findings) { found.set_value(std::move(findings)); });
    return found.get_future().get();
  }
  bool Await(AccessLog& log, const AccessQuery& query, std::size_t lines) {
    const Duration deadline = clock_.Elapsed() + std::chrono::seconds(20);
    while (clock_.Elapsed() < deadline) {
      const auto findings = FindNow(log, query);
      if (findings.ok() && findings->lines.size() == lines) return true;
      std::this_thread::yield();
    }
    return false;
  }

  RealClock clock_;
  MetricsRegistry metrics_;
  TestDirectory directory_;
};

TEST_F(AccessLogTest, WhatALaneTookIsFoundWhileTheServerRunsAndAfterwards) {
  {
    const auto log = Make();
    AccessLane& lane = log->NewLane();
    log->Start();
    Add(lane, "first");
    EXPECT_TRUE(Await(*log, {.prediction = "first"}, 1));
    Add(lane, "last");
    log->Stop();
    EXPECT_EQ(FindNow(*log, {}).error().code, Code::kUnavailable) << "it has stopped";
  }
  const auto findings = SearchAccessFiles(AccessPath(directory_.path()), {});
  ASSERT_TRUE(findings.ok());
  EXPECT_EQ(Ids(*findings), (std::vector<std::string>{"first", "last"}));
  const Json line = *Json::Parse(findings->lines.front());
  const Timestamp at = *ParseTime(line.StringOr("time", ""));
  EXPECT_LT(std::chrono::abs(clock_.Now() - at), std::chrono::seconds(30)) << "wall time";
}

TEST_F(AccessLogTest, OnlyTheControlPlaneMayRead) {
  const auto log = Make();
  log->Start();
  EXPECT_TRUE(FindNow(*log, {}).ok());
  for (const char* token : {"", "another", "the tokem"}) {
    EXPECT_EQ(FindNow(*log, {}, token).error().code, Code::kPermissionDenied) << token;
  }
  // A local control plane that comes back with another token says so in the state directory.
  ASSERT_TRUE(
      WriteFileDurably(ControlPlanePath(directory_.path()), R"({"url":"http://127.0.0.1:2","token":"new"})").ok());
  EXPECT_FALSE(FindNow(*log, {}).ok());
  EXPECT_TRUE(FindNow(*log, {}, "new").ok());
  ASSERT_TRUE(WriteFileDurably(ControlPlanePath(directory_.path()), R"({"url":"http://127.0.0.1:2","token":""})").ok());
  EXPECT_EQ(FindNow(*log, {}, "").error().code, Code::kPermissionDenied) << "no token is none that fits";
}

TEST_F(AccessLogTest, WhatIsLeftOutIsSaidInTheLogAndCounted) {
  const auto log = Make();
  AccessLane& lane = log->NewLane();
  log->Start();
  const Duration now = clock_.Elapsed();
  std::uint64_t written = 0;
  for (int i = 0; i < 5'000; ++i) {
    if (lane.Begin(Outcome::kAnswered, Duration(1), now) == nullptr) continue;
    lane.Commit();
    ++written;
  }
  Counter& left_out = metrics_.AddCounter("millwright_access_log_left_out_total", "", {{"reason", "rate"}});
  const Duration deadline = clock_.Elapsed() + std::chrono::seconds(20);
  while (left_out.Value() + written < 5'000 && clock_.Elapsed() < deadline) std::this_thread::yield();
  EXPECT_EQ(left_out.Value() + written, 5'000U);
  log->Stop();
  const auto findings = SearchAccessFiles(AccessPath(directory_.path()), {.limit = 10'000});
  ASSERT_TRUE(findings.ok());
  std::int64_t told = 0;
  for (const std::string& line : findings->lines) told += Json::Parse(line)->IntOr("not_logged", 0);
  EXPECT_EQ(told, 5'000 - static_cast<std::int64_t>(written));
}

}  // namespace
}  // namespace mw::serving
