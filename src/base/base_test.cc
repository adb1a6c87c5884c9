// Results, errors, ids, clocks, randomness, files, metrics: known answers and contracts.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "base/signing.h"

namespace mw {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("cannot halve ", value);
  return value / 2;
}
Result<int> Quarter(int value) {
  const int half = TRY(Half(value));
  return Half(half);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().message, "cannot halve 3");
  EXPECT_EQ(Quarter(6).In("quartering").error().ToString(), "quartering: cannot halve 3");
}

TEST(Error, CodesMapToHttpAndBack) {
  for (int code = 1; code <= 16; ++code) {
    const auto name = CodeName(static_cast<Code>(code));
    EXPECT_EQ(CodeFromName(name), static_cast<Code>(code));
    EXPECT_GE(HttpStatus(static_cast<Code>(code)), 400);
  }
  EXPECT_EQ(HttpStatus(Code::kResourceExhausted), 429);
  EXPECT_EQ(CodeFromHttpStatus(404), Code::kNotFound);
  EXPECT_EQ(CodeFromHttpStatus(503), Code::kUnavailable);
}

TEST(Clock, TimesAreReadWithTheirZone) {
  EXPECT_EQ(FormatTime(*ParseTime("2013-07-01T00:30:00-04:00")), "2013-07-01T04:30:00Z");
  EXPECT_EQ(FormatTime(*ParseTime("2013-07-01")), "2013-07-01T00:00:00Z");
  EXPECT_EQ(FormatTime(*ParseTime("1969-12-31T23:59:59.25Z")), "1969-12-31T23:59:59.250Z");
  EXPECT_EQ(ToMicros(*ParseTime("1970-01-01 00:00:01Z")), 1000000);
  for (const char* wrong :
       {"", "2013-02-29", "2013-07-01T04:00:00", "2013-07-01T24:00:00Z", "yesterday", "2013-07-01Z"}) {
    EXPECT_FALSE(ParseTime(wrong).ok()) << wrong;
  }
}

TEST(Clock, DurationsReadLikePeopleSpeak) {
  EXPECT_EQ(FormatDuration(std::chrono::microseconds(1500)), "1.5ms");
  EXPECT_EQ(FormatDuration(std::chrono::seconds(200)), "3m 20s");
  EXPECT_EQ(FormatDuration(std::chrono::hours(100)), "4d 4h");
}

TEST(Id, AscendAcrossThreadsAndCarryVersion7) {
  const SimulatedClock clock(*ParseTime("2026-01-01"));
  std::set<std::string> ids;
  std::string last;
  for (int i = 0; i < 10000; ++i) {
    const std::string id = NewIdText(clock);
    EXPECT_LT(last, id);
    last = id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 10000u);
  EXPECT_EQ(last.size(), 32u);
  EXPECT_EQ(last[12], '7');
  EXPECT_NE(std::string("89ab").find(last[16]), std::string::npos);
}

TEST(Id, NamesAreSafeInPaths) {
  for (const char* good : {"iris", "late-departures", "a.b_c-1", "0"}) EXPECT_TRUE(IsName(good)) << good;
  for (const char* bad : {"", ".", "..", "-a", "a/b", "a b", "ä", "a%2e"}) EXPECT_FALSE(IsName(bad)) << bad;
}

TEST(Random, RepeatsForASeedAndFillsItsRange) {
  Random a(7), b(7);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    EXPECT_EQ(a.Next(), b.Next());
    sum += a.Uniform();
    b.Uniform();
    EXPECT_LT(a.Below(3), 3u);
    b.Below(3);
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
  EXPECT_NE(RandomBytes(16), RandomBytes(16));
}

TEST(File, DigestIsTheStandardsOwnExample) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(File, WritesDurablyAndReadsBack) {
  std::string directory = testing::TempDir() + "mwfileXXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/a/b/c";
  ASSERT_TRUE(MakeDirectories(directory + "/a/b").ok());
  ASSERT_TRUE(WriteFileDurably(path, "one").ok());
  ASSERT_TRUE(WriteFileDurably(path, "two", 0600).ok());
  EXPECT_EQ(*ReadFile(path), "two");
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(ReadFile(path, 2).error().code, Code::kResourceExhausted);
  EXPECT_EQ(ReadFile(path + "x").error().code, Code::kNotFound);
  EXPECT_EQ(MakeDirectories(path).error().code, Code::kFailedPrecondition);
  unlink(path.c_str());
  rmdir((directory + "/a/b").c_str());
  rmdir((directory + "/a").c_str());
  rmdir(directory.c_str());
}

TEST(Signing, IsWhatTheSpecificationsSay) {
  // RFC 4231, test case 2; RFC 4648, section 10.
  EXPECT_EQ(Hex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64("\xff\xfe\xfd"), "//79");
}

TEST(File, ALockIsHeldOnce) {
  const std::string path = testing::TempDir() + "mwlock";
  {
    const auto first = LockFile(path);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(LockFile(path).error().code, Code::kFailedPrecondition);
  }
  EXPECT_TRUE(LockFile(path).ok());
  unlink(path.c_str());
}

TEST(Metrics, ExposeThePrometheusTextFormat) {
  MetricsRegistry registry;
  registry.AddCounter("requests_total", "Requests.", {{"path", "a\"b"}}).Add(3);
  registry.AddGauge("memory_bytes", "Memory.").Set(1.5);
  Histogram& histogram = registry.AddHistogram("latency_seconds", "Latency.", {0.1, 1});
  histogram.Observe(0.1);
  histogram.Observe(5);
  EXPECT_EQ(registry.Expose(),
            "# HELP latency_seconds Latency.\n# TYPE latency_seconds histogram\n"
            "latency_seconds_bucket{le=\"0.1\"} 1\nlatency_seconds_bucket{le=\"1\"} 1\n"
            "latency_seconds_bucket{le=\"+Inf\"} 2\nlatency_seconds_sum 5.1\nlatency_seconds_count 2\n"
            "# HELP memory_bytes Memory.\n# TYPE memory_bytes gauge\nmemory_bytes 1.5\n"
            "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{path=\"a\\\"b\"} 3\n");
  EXPECT_EQ(&registry.AddCounter("requests_total", "Requests.", {{"path", "a\"b"}}),
            &registry.AddCounter("requests_total", "Requests.", {{"path", "a\"b"}}));
}

}  // namespace
}  // namespace mw
