// What is written down of how much traffic, and that everything else is counted.
#include "serving/access_lane.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/json.h"

namespace mw::serving {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kQuick = milliseconds(1);

struct Counts {
  std::uint64_t written = 0;
  std::uint64_t stands_for = 0;
};

/// Everything that is in the lane.
Counts Take(AccessLane& lane) {
  Counts counts;
  lane.Drain([&](const AccessEntry& entry) {
    ++counts.written;
    counts.stands_for += entry.one_of;
  });
  return counts;
}

bool Add(AccessLane& lane, Duration now, Outcome outcome = Outcome::kAnswered, Duration total = kQuick) {
  AccessEntry* const entry = lane.Begin(outcome, total, now);
  if (entry == nullptr) return false;
  lane.Commit();
  return true;
}

/// So many in one second, drained often.
Counts Second(AccessLane& lane, Duration from, int requests, Outcome outcome = Outcome::kAnswered) {
  Counts all;
  for (int i = 0; i < requests; ++i) {
    Add(lane, from + seconds(1) * i / requests, outcome);
    if (i % 500 != 0) continue;
    const Counts some = Take(lane);
    all.written += some.written;
    all.stands_for += some.stands_for;
  }
  const Counts rest = Take(lane);
  return {all.written + rest.written, all.stands_for + rest.stands_for};
}

TEST(AccessLane, EveryRequestOfModestTrafficIsWrittenDown) {
  AccessLane lane;
  for (int second = 0; second < 5; ++second) {
    const Counts counts = Second(lane, seconds(10 + second), AccessLane::kOrdinaryPerSecond);
    EXPECT_EQ(counts.written, AccessLane::kOrdinaryPerSecond);
    EXPECT_EQ(counts.stands_for, counts.written);
  }
  EXPECT_EQ(lane.skipped() + lane.dropped(), 0U);
}

TEST(AccessLane, OfMoreOneInSoManyStandsForTheOthers) {
  AccessLane lane;
  constexpr int kRequests = 100'000;
  Counts first = Second(lane, seconds(10), kRequests);
  EXPECT_EQ(first.written, AccessLane::kOrdinaryPerSecond) << "the bound holds while nobody knows what comes";
  for (int second = 11; second < 14; ++second) {
    const Counts counts = Second(lane, seconds(second), kRequests);
    EXPECT_NEAR(static_cast<double>(counts.written), 1'000, 1);
    EXPECT_NEAR(static_cast<double>(counts.stands_for), kRequests, 100);
  }
  const Counts after = Second(lane, seconds(20), 50);
  EXPECT_EQ(after.written, 50U) << "after a pause each one again";
}

TEST(AccessLane, WhatWentWrongOrTookLongIsWrittenDownWhateverElseComes) {
  AccessLane lane;
  Second(lane, seconds(10), 50'000);
  Second(lane, seconds(11), 50'000);
  EXPECT_TRUE(Add(lane, milliseconds(11'999), Outcome::kRefused));
  EXPECT_TRUE(Add(lane, milliseconds(11'999), Outcome::kFailed));
  EXPECT_TRUE(Add(lane, milliseconds(11'999), Outcome::kAnswered, kSlowAnswer));
  EXPECT_EQ(Take(lane).stands_for, 3U);
  EXPECT_EQ(Second(lane, seconds(12), 50'000, Outcome::kRefused).written, AccessLane::kProblemsPerSecond);
}

TEST(AccessLane, WhatFindsNoRoomIsCountedAndNobodyWaits) {
  AccessLane lane(8);
  for (int i = 0; i < 20; ++i) Add(lane, seconds(10));
  EXPECT_EQ(lane.dropped(), 12U);
  EXPECT_EQ(Take(lane).written, 8U);
  EXPECT_TRUE(Add(lane, seconds(10)));
}

TEST(AccessLane, WrittenSkippedAndDroppedAreAllThatCame) {
  AccessLane lane(64);
  constexpr std::uint64_t kRequests = 400'000;
  std::atomic<bool> done{false};
  std::uint64_t read = 0;
  std::thread reader([&] {
    while (!done) read += Take(lane).written;
    read += Take(lane).written;
  });
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    Add(lane, Duration(static_cast<std::int64_t>(10'000'000 + i * 25)),
        i % 7 == 0 ? Outcome::kRefused : Outcome::kAnswered);
  }
  done = true;
  reader.join();
  EXPECT_EQ(read + lane.skipped() + lane.dropped(), kRequests);
}

TEST(AccessEntry, ALineIsJsonThatHoldsEverything) {
  AccessEntry entry;
  entry.start = seconds(5);
  entry.rows = 3;
  entry.version = 7;
  entry.event_time_us = 1'373'769'000'000'000;
  entry.decode = Duration(11);
  entry.queue = Duration(22);
  entry.compute = Duration(33);
  entry.encode = Duration(44);
  entry.total = Duration(110);
  entry.response_bytes = 900;
  entry.one_of = 12;
  entry.endpoint.Set("late");
  entry.id.Set("a \"quoted\" id");
  entry.origin.protocol = Protocol::kGrpc;
  entry.origin.request_bytes = 800;
  entry.origin.address.Set("10.0.0.7");
  entry.origin.client_key.Set("0123456789ab");
  entry.origin.trace = net::ParseTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  std::string line;
  AppendLine(entry, Timestamp(std::chrono::seconds(1'700'000'000)).time_since_epoch(), line);
  ASSERT_TRUE(line.ends_with("}\n"));
  const Result<Json> parsed = Json::Parse(line);
  ASSERT_TRUE(parsed.ok()) << line;
  EXPECT_EQ(parsed->Dump() + "\n", line);
  EXPECT_EQ(parsed->StringOr("time", ""), "2023-11-14T22:13:25Z");
  EXPECT_EQ(parsed->StringOr("id", ""), "a \"quoted\" id");
  EXPECT_EQ(parsed->StringOr("protocol", ""), "grpc");
  EXPECT_EQ(parsed->StringOr("outcome", ""), "answered");
  EXPECT_EQ(parsed->StringOr("event_time", ""), "2013-07-14T02:30:00Z");
  EXPECT_EQ(parsed->StringOr("trace_id", ""), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(parsed->StringOr("parent_id", ""), "b7ad6b7169203331");
  EXPECT_EQ(parsed->StringOr("client", ""), "10.0.0.7");
  EXPECT_EQ(parsed->StringOr("client_key", ""), "0123456789ab");
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::int64_t>>{{"version", 7},
                                                                                    {"rows", 3},
                                                                                    {"status", 200},
                                                                                    {"total_us", 110},
                                                                                    {"decode_us", 11},
                                                                                    {"queue_us", 22},
                                                                                    {"compute_us", 33},
                                                                                    {"encode_us", 44},
                                                                                    {"request_bytes", 800},
                                                                                    {"response_bytes", 900},
                                                                                    {"one_of", 12}}) {
    EXPECT_EQ(parsed->IntOr(key, -1), value) << key;
  }
}

TEST(AccessEntry, TextsAreCutBetweenCharacters) {
  ShortText<4> text;
  text.Set("abcdef");
  EXPECT_EQ(text.view(), "abcd");
  text.Set("ab\xC3\xA9\xC3\xA9");
  EXPECT_EQ(text.view(), "ab\xC3\xA9");
  text.Set("abc\xC3\xA9");
  EXPECT_EQ(text.view(), "abc");
}

}  // namespace
}  // namespace mw::serving
