// The response cache: never another's answer, never more bytes than it may have.
#include "serving/response_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <thread>

#include "base/random.h"

namespace mw::serving {
namespace {

std::shared_ptr<const TensorList> Answer(float value, std::size_t rows = 1) {
  auto list = std::make_shared<TensorList>();
  const std::int64_t shape[] = {static_cast<std::int64_t>(rows)};
  const auto room = list->Add("y", Datatype::kFp32, shape, rows * sizeof value);
  for (std::size_t i = 0; i < rows; ++i) std::memcpy(room.data() + i * sizeof value, &value, sizeof value);
  return list;
}

float ValueOf(const std::shared_ptr<const TensorList>& answer) {
  float value = std::numeric_limits<float>::quiet_NaN();
  if (answer != nullptr) std::memcpy(&value, (*answer)[0].bytes.data(), sizeof value);
  return value;
}

class ResponseCacheTest : public ::testing::Test {
 protected:
  static constexpr CachePolicy kOn{true, Duration(0)};

  SimulatedClock clock_{FromMicros(0)};
  MetricsRegistry registry_;
  CacheMetrics metrics_{registry_, "m", "1"};
};

TEST_F(ResponseCacheTest, FindsWhatWasPut) {
  ResponseCache cache({}, clock_, registry_);
  EXPECT_EQ(cache.Find(cache.KeyOf(1, "abc"), metrics_), nullptr);
  cache.Put(cache.KeyOf(1, "abc"), Answer(5), kOn);
  EXPECT_EQ(ValueOf(cache.Find(cache.KeyOf(1, "abc"), metrics_)), 5);
  for (const char* other : {"abd", "ab", "abcd", ""}) EXPECT_EQ(cache.Find(cache.KeyOf(1, other), metrics_), nullptr);
  EXPECT_EQ(cache.Find(cache.KeyOf(2, "abc"), metrics_), nullptr) << "another version's";
  cache.Put(cache.KeyOf(1, "abc"), Answer(6), kOn);
  EXPECT_EQ(ValueOf(cache.Find(cache.KeyOf(1, "abc"), metrics_)), 6);
  EXPECT_EQ(metrics_.hits.Value(), 2U);
  EXPECT_EQ(metrics_.misses.Value(), 6U);
}

// Two inputs of one hash: one of them is not remembered, and neither gets the other's answer.
TEST_F(ResponseCacheTest, ACollisionIsAMiss) {
  ResponseCache cache({}, clock_, registry_);
  const CacheKey a = cache.KeyOf(1, "a");
  const CacheKey b{1, "b", a.hash}, other_version{2, "a", a.hash};
  cache.Put(a, Answer(1), kOn);
  EXPECT_EQ(cache.Find(b, metrics_), nullptr);
  EXPECT_EQ(cache.Find(other_version, metrics_), nullptr);
  cache.Put(b, Answer(2), kOn);
  EXPECT_EQ(ValueOf(cache.Find(b, metrics_)), 2);
  EXPECT_EQ(cache.Find(a, metrics_), nullptr);
}

TEST_F(ResponseCacheTest, AnAnswerExpires) {
  ResponseCache cache({}, clock_, registry_);
  cache.Put(cache.KeyOf(1, "a"), Answer(1), {true, std::chrono::seconds(10)});
  cache.Put(cache.KeyOf(1, "b"), Answer(2), kOn);
  clock_.Advance(std::chrono::seconds(9));
  EXPECT_EQ(ValueOf(cache.Find(cache.KeyOf(1, "a"), metrics_)), 1);
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(cache.Find(cache.KeyOf(1, "a"), metrics_), nullptr);
  EXPECT_EQ(ValueOf(cache.Find(cache.KeyOf(1, "b"), metrics_)), 2);
}

// What goes with a version is all of it and nothing else.
TEST_F(ResponseCacheTest, AVersionIsForgotten) {
  ResponseCache cache({}, clock_, registry_);
  cache.Put(cache.KeyOf(2, "x"), Answer(0), kOn);
  const std::size_t one = cache.bytes();
  for (int i = 0; i < 1000; ++i) cache.Put(cache.KeyOf(1, std::to_string(i)), Answer(1), kOn);
  EXPECT_GT(cache.bytes(), 900 * one);
  cache.Forget(1);
  EXPECT_EQ(cache.bytes(), one);
  EXPECT_EQ(cache.Find(cache.KeyOf(1, "7"), metrics_), nullptr);
  EXPECT_EQ(ValueOf(cache.Find(cache.KeyOf(2, "x"), metrics_)), 0);
  EXPECT_NE(registry_.Expose().find("millwright_inference_cache_bytes " + std::to_string(one)), std::string::npos);
}

// Whatever comes, the bytes stay below their bound, and what is found is what was put last.
TEST_F(ResponseCacheTest, IsBoundedAndRight) {
  CacheSettings settings;
  settings.bytes_max = 1 << 20;
  ResponseCache cache(settings, clock_, registry_);
  std::map<std::string, float> last;
  Random random(5);
  std::size_t found = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string input = std::string(random.Below(20), 'k') + std::to_string(random.Below(5000));
    if (random.Below(2) == 0) {
      last[input] = static_cast<float>(i);
      cache.Put(cache.KeyOf(1, input), Answer(static_cast<float>(i), 1 + random.Below(50)), kOn);
    } else if (const auto answer = cache.Find(cache.KeyOf(1, input), metrics_); answer != nullptr) {
      ASSERT_EQ(ValueOf(answer), last.at(input));
      ++found;
    }
    ASSERT_LE(cache.bytes(), settings.bytes_max);
  }
  EXPECT_GT(found, 100U);
  EXPECT_GT(cache.bytes(), settings.bytes_max / 2);
  cache.Put(cache.KeyOf(1, "huge"), Answer(1, 100'000), kOn);
  EXPECT_EQ(cache.Find(cache.KeyOf(1, "huge"), metrics_), nullptr);
}

// An answer that is asked for again and again outlives those that nobody wants twice.
TEST_F(ResponseCacheTest, WhatIsWantedStays) {
  CacheSettings settings;
  settings.bytes_max = 1 << 20;
  ResponseCache cache(settings, clock_, registry_);
  cache.Put(cache.KeyOf(1, "wanted"), Answer(7), kOn);
  for (int i = 0; i < 20'000; ++i) {
    cache.Put(cache.KeyOf(1, std::to_string(i)), Answer(0), kOn);
    if (i % 10 != 0) continue;
    ASSERT_EQ(ValueOf(cache.Find(cache.KeyOf(1, "wanted"), metrics_)), 7) << i;
  }
}

TEST(AppendCanonical, MissingValuesAreOne) {
  const float quiet = std::numeric_limits<float>::quiet_NaN();
  std::string a, b, c;
  AppendCanonical(std::vector<float>{1, quiet, 2}, a);
  AppendCanonical(std::vector<float>{1, -quiet, 2}, b);
  AppendCanonical(std::vector<float>{1, 0, 2}, c);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_EQ(a.size(), 12U);
}

// Tensors that differ in anything have other bytes.
TEST(AppendCanonical, TensorsAreToldApart) {
  std::map<std::string, int> seen;
  int tensors = 0;
  const auto add = [&](std::string_view name, Datatype datatype, std::vector<std::int64_t> shape,
                       std::string_view bytes, bool twice) {
    TensorList list;
    for (int i = 0; i < (twice ? 2 : 1); ++i) list.Append({name, datatype, shape, bytes});
    std::string out;
    AppendCanonical(list, out);
    ++seen[out];
    ++tensors;
  };
  add("x", Datatype::kFp32, {1, 2}, "12345678", false);
  add("y", Datatype::kFp32, {1, 2}, "12345678", false);
  add("x", Datatype::kInt32, {1, 2}, "12345678", false);
  add("x", Datatype::kFp32, {2, 1}, "12345678", false);
  add("x", Datatype::kFp32, {2}, "12345678", false);
  add("x", Datatype::kFp32, {1, 2}, "12345679", false);
  add("x", Datatype::kFp32, {1, 2}, "12345678", true);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(tensors));
}

// Many threads over few keys, with versions that go: each finds only what was put for it.
TEST_F(ResponseCacheTest, ThreadsFindOnlyTheirOwn) {
  CacheSettings settings;
  settings.bytes_max = 1 << 20;
  ResponseCache cache(settings, clock_, registry_);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Random random(t);
      for (int i = 0; i < 5000; ++i) {
        const std::uint64_t serial = random.Below(4), number = random.Below(2000);
        const std::string input = std::to_string(number);
        const CacheKey key = cache.KeyOf(serial, input);
        const auto expected = static_cast<float>(serial * 10'000 + number);
        const auto answer = cache.Find(key, metrics_);
        if (answer == nullptr) cache.Put(key, Answer(expected), kOn);
        wrong += answer != nullptr && ValueOf(answer) != expected;
        if (random.Below(1000) == 0) cache.Forget(serial);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(metrics_.hits.Value(), 0U);
  for (std::uint64_t serial = 0; serial < 4; ++serial) cache.Forget(serial);
  EXPECT_EQ(cache.bytes(), 0U);
}

}  // namespace
}  // namespace mw::serving
