// The ring between a loop and the recorder: what goes in comes out, once, however the two threads meet; what
// finds no room is counted; who is in the sample is decided by id and event time alone.
#include "serving/recording_lane.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cmath>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "serving/test_recording.h"

namespace mw::serving {
namespace {

using testing::kFull;
using testing::TestRows;
using testing::TestVersion;

constexpr std::size_t kSmallRing = std::size_t{64} << 10;

class RecordingLaneTest : public ::testing::Test {
 protected:
  RecordingLane Lane(std::size_t bytes = kSmallRing) { return RecordingLane(clock_, wake_.get(), lost_, bytes); }
  [[nodiscard]] bool Woken() const {
    pollfd wake{wake_.get(), POLLIN, 0};
    return poll(&wake, 1, 0) > 0;
  }
  SimulatedClock clock_{*ParseTime("2026-01-02T03:04:05Z")};
  FileDescriptor wake_{eventfd(0, EFD_NONBLOCK)};
  Counter lost_;
};

TEST_F(RecordingLaneTest, ARowComesOutAsItWentIn) {
  RecordingLane lane(clock_, wake_.get(), lost_);
  const auto version = TestVersion();
  const std::int64_t time = ToMicros(*ParseTime("2013-07-01T04:30:00Z"));
  clock_.Advance(std::chrono::seconds(2));
  lane.AddAnswered(version, kFull, TestRows("UA-1545", 1, time, 7).Request(clock_.Elapsed()));
  int records = 0;
  lane.Drain([&](const RecordingLane::Record& record) {
    ++records;
    EXPECT_EQ(record.version->get(), version.get());
    EXPECT_TRUE(record.single);
    EXPECT_TRUE(record.counts_request);
    EXPECT_EQ(FormatTime(FromMicros(record.received_us)), "2026-01-02T03:04:07Z");
    EXPECT_EQ(record.latency, Duration(150));
    EXPECT_EQ(record.id, "UA-1545");
    EXPECT_EQ(record.event_times_us.front(), time);
    EXPECT_EQ(record.features[0], 7.0F);
    EXPECT_EQ(record.predictions.front(), 0.0F);
    EXPECT_EQ(record.rate, 1.0);
  });
  EXPECT_EQ(records, 1);
  lane.Drain([](const RecordingLane::Record&) { FAIL() << "drained already"; });
  EXPECT_EQ(version.use_count(), 2) << "the reader owns what it reads of";
}

TEST_F(RecordingLaneTest, RowsKeepTheirOwnTimesAndKeys) {
  RecordingLane lane(clock_, wake_.get(), lost_);
  TestRows rows("batch", 3);
  rows.times = {5'000'000, kNoEventTime, 7'000'000};
  const std::string too_long(wire::kSampleKeyBytesMax + 1, 'k');
  rows.keys = {"N1", too_long, "N333"};
  lane.AddAnswered(TestVersion(), kFull, rows.Request());
  lane.AddRefused(TestVersion(), 9'000'000, Duration(0));
  int records = 0;
  lane.Drain([&](const RecordingLane::Record& record) {
    if (++records == 2) {
      EXPECT_EQ(record.outcome, Outcome::kRefused);
      EXPECT_TRUE(record.predictions.empty());
      EXPECT_EQ(record.event_times_us.front(), 9'000'000);
      return;
    }
    EXPECT_EQ(record.outcome, Outcome::kAnswered);
    EXPECT_FALSE(record.single);
    EXPECT_EQ(std::vector(record.event_times_us.begin(), record.event_times_us.end()), rows.times);
    EXPECT_EQ(record.keys, "N1N333");
    EXPECT_EQ(std::vector(record.key_sizes.begin(), record.key_sizes.end()), (std::vector<std::uint16_t>{2, 0, 4}));
    EXPECT_EQ(record.sampled.size(), 3U);
  });
  EXPECT_EQ(records, 2);
}

TEST_F(RecordingLaneTest, WhatFindsNoRoomIsCountedAndTheLaneGoesOn) {
  RecordingLane lane = Lane();
  const auto version = TestVersion();
  const TestRows row("id", 1, 1'000'000);
  EXPECT_FALSE(Woken());
  for (int i = 0; i < 2000; ++i) lane.AddAnswered(version, kFull, row.Request());
  EXPECT_TRUE(Woken());
  std::uint64_t seen = 0;
  const auto count = [&](const RecordingLane::Record& record) { seen += record.predictions.size(); };
  lane.Drain(count);
  EXPECT_GT(seen, 100U);
  EXPECT_EQ(version->lost.rows, 2000 - seen);
  EXPECT_EQ(version->lost.requests[0], 2000 - seen);
  EXPECT_EQ(version->lost.event_time_us, 1'000'000);
  EXPECT_EQ(lost_.Value(), 2000 - seen);
  const std::uint64_t before = seen;
  for (int i = 0; i < 50; ++i) lane.AddAnswered(version, kFull, row.Request());
  lane.Drain(count);
  EXPECT_EQ(seen, before + 50);
}

TEST_F(RecordingLaneTest, RefusedRequestsThatFindNoRoomAreStillCountedAsRefused) {
  RecordingLane lane = Lane();
  const auto version = TestVersion();
  for (int i = 0; i < 2000; ++i) lane.AddRefused(version, 1'000'000, Duration(0));
  std::uint64_t seen = 0;
  lane.Drain([&](const RecordingLane::Record& record) { seen += record.outcome == Outcome::kRefused ? 1 : 0; });
  EXPECT_GT(seen, 100U);
  EXPECT_LT(seen, 2000U);
  EXPECT_EQ(version->lost.requests[static_cast<std::size_t>(Outcome::kRefused)], 2000 - seen);
  EXPECT_EQ(version->lost.requests[static_cast<std::size_t>(Outcome::kAnswered)], 0U);
  EXPECT_EQ(version->lost.rows, 0U);
}

// One thread adds requests of many sizes as fast as it can, the other drains: rows seen and lost add up, each row
// seen is whole, and they are in order.
TEST_F(RecordingLaneTest, TwoThreadsAgreeOnEveryRow) {
  RecordingLane lane = Lane();
  const auto version = TestVersion();
  constexpr int kRequests = 60'000;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Random random(3);
    for (int i = 0; i < kRequests; ++i) {
      const TestRows rows(Cat("request-", i), 1 + random.Below(9), 1'000'000, i % 1000);
      lane.AddAnswered(version, kFull, rows.Request());
    }
    done = true;
  });
  std::uint64_t rows = 0, requests = 0;
  long long last = -1;
  const auto check = [&](const RecordingLane::Record& record) {
    rows += record.predictions.size();
    requests += record.counts_request ? 1 : 0;
    const long long number = *ParseInt(record.id.substr(8));
    ASSERT_GT(number, last);
    last = number;
    ASSERT_EQ(record.sampled.size(), record.predictions.size());
    for (std::size_t i = 0; i < record.sampled.size(); ++i) {
      ASSERT_EQ(record.features[2 * i], static_cast<float>(number % 1000 + static_cast<long long>(i)));
      ASSERT_EQ(record.features[2 * i + 1], static_cast<float>(i % 3));
    }
  };
  while (!done) lane.Drain(check);
  writer.join();
  lane.Drain(check);
  EXPECT_EQ(requests + version->lost.requests[0], static_cast<std::uint64_t>(kRequests));
  Random random(3);
  std::uint64_t expected = 0;
  for (int i = 0; i < kRequests; ++i) expected += 1 + random.Below(9);
  EXPECT_EQ(rows + version->lost.rows, expected);
  EXPECT_GT(rows, 0U);
}

TEST_F(RecordingLaneTest, ALargeRequestComesInPartsAndCountsOnce) {
  RecordingLane lane(clock_, wake_.get(), lost_, std::size_t{4} << 20);
  lane.AddAnswered(TestVersion(), kFull, TestRows("big", 20'000, 1'000'000).Request());
  std::size_t rows = 0, records = 0, requests = 0;
  lane.Drain([&](const RecordingLane::Record& record) {
    EXPECT_EQ(record.first_row, rows);
    rows += record.predictions.size();
    ++records;
    requests += record.counts_request ? 1 : 0;
  });
  EXPECT_EQ(rows, 20'000U);
  EXPECT_GT(records, 3U);
  EXPECT_EQ(requests, 1U);
}

// 200 versions, one after the other: the reader lets go of old ones and still reads each row of the right one.
TEST_F(RecordingLaneTest, VersionsComeAndGo) {
  RecordingLane lane(clock_, wake_.get(), lost_);
  std::weak_ptr<const RecordedVersion> first;
  for (int i = 0; i < 200; ++i) {
    const auto version = TestVersion("late", i);
    if (i == 0) first = version;
    for (int again = 0; again < 3; ++again) lane.AddAnswered(version, kFull, TestRows("x", 1).Request());
    int seen = 0;
    lane.Drain([&](const RecordingLane::Record& record) {
      ++seen;
      EXPECT_EQ((*record.version)->version, i);
    });
    EXPECT_EQ(seen, 3);
  }
  EXPECT_TRUE(first.expired());
  EXPECT_LE(lane.versions().size(), 64U);
}

/// Of `rows` requests in each second of event time, how many are sampled in each of `seconds`.
std::vector<int> SampledBySecond(RecordingLane& lane, int rows, int seconds, std::int64_t full,
                                 std::map<std::string, int>* ids = nullptr) {
  std::vector<int> sampled(static_cast<std::size_t>(seconds));
  const auto version = TestVersion();
  for (int second = 0; second < seconds; ++second) {
    for (int i = 0; i < rows; ++i) {
      const std::string id = Cat("r", second, "-", i);
      lane.AddAnswered(version, full, TestRows(id, 1, second * 1'000'000LL + i).Request());
      lane.Drain([&](const RecordingLane::Record& record) {
        if (record.sampled.empty()) return;
        ++sampled[static_cast<std::size_t>(second)];
        if (ids != nullptr) ++(*ids)[std::string(record.id)];
      });
    }
  }
  return sampled;
}

TEST_F(RecordingLaneTest, UpToTheLimitEveryRowIsSampledAndBeyondItAboutAsMany) {
  RecordingLane lane = Lane();
  for (const int sampled : SampledBySecond(lane, 100, 5, 100)) EXPECT_EQ(sampled, 100);
  const std::vector<int> ten_times = SampledBySecond(lane, 1000, 6, 100);
  // Nobody knows at the start of the first second how many will come: 100 + 100 ln(1000 / 100) are expected.
  EXPECT_NEAR(ten_times[0], 100 + 100 * std::log(10), 60);
  for (std::size_t second = 1; second < 6; ++second) EXPECT_NEAR(ten_times[second], 100, 40) << second;
  for (const int sampled : SampledBySecond(lane, 50, 3, 0)) EXPECT_EQ(sampled, 0);
}

TEST_F(RecordingLaneTest, TheSameIdsAreSampledWhereverTheyCome) {
  std::map<std::string, int> ids;
  RecordingLane first = Lane(), second = Lane();
  SampledBySecond(first, 2000, 3, 50, &ids);
  SampledBySecond(second, 2000, 3, 50, &ids);
  EXPECT_GT(ids.size(), 100U);
  for (const auto& [id, times] : ids) EXPECT_EQ(times, 2) << id;
}

TEST_F(RecordingLaneTest, OfABatchEachRowIsChosenByItsOwnId) {
  RecordingLane lane(clock_, wake_.get(), lost_);
  const auto version = TestVersion();
  lane.AddAnswered(version, 1000, TestRows("batch", 20'000, 1'000'000).Request());
  std::size_t sampled = 0, rows = 0;
  lane.Drain([&](const RecordingLane::Record& record) {
    rows += record.predictions.size();
    for (std::size_t i = 0; i < record.sampled.size(); ++i) {
      const std::size_t row = record.first_row + record.sampled[i];
      EXPECT_EQ(record.features[2 * i], static_cast<float>(row));
      EXPECT_TRUE(wire::InSample(wire::SampleHash(Cat("batch/", row)), record.rate));
    }
    sampled += record.sampled.size();
  });
  EXPECT_EQ(rows, 20'000U);
  EXPECT_GT(sampled, 500U);
  EXPECT_LT(sampled, 6'000U);
}

TEST_F(RecordingLaneTest, OfSeveralClassesTheSampledRowsHaveTheirProbabilities) {
  RecordingLane lane(clock_, wake_.get(), lost_);
  const auto version = TestVersion();
  version->classes = {"a", "b", "c"};
  version->records_classes = true;
  TestRows rows("batch", 20'000, 1'000'000);
  for (std::size_t i = 0; i < 60'000; ++i) rows.class_probabilities.push_back(static_cast<float>(i));
  rows.keys.assign(20'000, "key");
  lane.AddAnswered(version, 1000, rows.Request());
  std::size_t sampled = 0;
  lane.Drain([&](const RecordingLane::Record& record) {
    ASSERT_EQ(record.class_probabilities.size(), 3 * record.sampled.size());
    EXPECT_EQ(record.keys.size(), 3 * record.sampled.size());
    for (std::size_t i = 0; i < record.sampled.size(); ++i) {
      const std::size_t row = record.first_row + record.sampled[i];
      EXPECT_EQ(record.features[2 * i], static_cast<float>(row));
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(record.class_probabilities[3 * i + c], static_cast<float>(3 * row + c));
      }
    }
    sampled += record.sampled.size();
  });
  EXPECT_GT(sampled, 500U);
  EXPECT_LT(sampled, 6'000U);
}

// A replay of the past is sparse in event time, however fast it comes.
TEST_F(RecordingLaneTest, AReplayIsSampledWhole) {
  RecordingLane lane = Lane();
  const auto version = TestVersion();
  int sampled = 0;
  for (int i = 0; i < 30'000; ++i) {
    lane.AddAnswered(version, 1000, TestRows(Cat("flight-", i), 1, i * 94'000'000LL).Request());
    lane.Drain([&](const RecordingLane::Record& record) { sampled += record.sampled.empty() ? 0 : 1; });
  }
  EXPECT_EQ(sampled, 30'000);
}

}  // namespace
}  // namespace mw::serving
