// Profiles merge by column name, keep their bytes over versions, and refuse what is none.
#include "sketch/profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"

namespace mw::sketch {
namespace {

const std::vector<ColumnSpec> kSpecs = {{"delay", ValueKind::kNumber},
                                        {"carrier", ValueKind::kCategory},
                                        {"note", ValueKind::kText},
                                        {"at", ValueKind::kTimestamp}};

// What testdata/profile_v1.bin is: enough numbers for several levels, more texts than are counted exactly.
Profile GoldenProfile() {
  Profile profile(kSpecs);
  std::vector<double> delays, times;
  for (int i = 0; i < 6'000; ++i) {
    delays.push_back(i % 97 == 0 ? std::nan("") : static_cast<double>(i * 31 % 120 - 20));
    times.push_back(1.3675e15 + 3.6e9 * (i % 24));
  }
  delays[10] = HUGE_VAL;
  delays[11] = -HUGE_VAL;
  profile.column(0).AddNumbers(std::span<const double>(delays));
  profile.column(0).AddWrongType(3);
  for (const char* carrier : {"AA", "UA", "\xff", "é"}) profile.column(1).AddValue(carrier, 1'000);
  profile.column(1).AddMissing(2'000);
  for (int i = 0; i < 4'500; ++i) profile.column(2).AddValue(Cat(i % 2'600 * 7), 1 + static_cast<std::uint64_t>(i % 3));
  for (int i = 0; i < 1'600; ++i) profile.column(2).AddValue(Cat("n", i));
  profile.column(3).AddNumbers(std::span<const double>(times));
  return profile;
}

std::string Golden(std::string_view name) {
  return ReadFile(Cat(kSourceDirectory, "/src/sketch/testdata/", name)).value_or("");
}

TEST(Profile, WritesTheBytesOfItsVersion) {
  const std::string bytes = GoldenProfile().Bytes();
  EXPECT_LE(bytes.size(), 40'000U);
  EXPECT_TRUE(bytes == Golden("profile_v1.bin")) << "the format changed: raise kProfileFormatVersion, add a file";
}

TEST(Profile, ReadsTheBytesOfEveryVersion) {
  const auto read = Profile::FromBytes(Golden("profile_v1.bin"));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->ToJson(), GoldenProfile().ToJson());
  EXPECT_EQ(read->Bytes(), GoldenProfile().Bytes());
}

TEST(Profile, MergesColumnsByName) {
  Profile a({{"x", ValueKind::kNumber}, {"y", ValueKind::kNumber}});
  Profile b({{"z", ValueKind::kCategory}, {"y", ValueKind::kNumber}});
  a.column(1).AddNumber(1);
  b.Find("y")->AddNumber(2);
  b.Find("z")->AddValue("v");
  a.Merge(b);
  ASSERT_EQ(a.size(), 3U);
  EXPECT_EQ(a.column(2).name(), "z");
  EXPECT_EQ(a.Find("y")->rows(), 2U);
  EXPECT_EQ(a.Find("x")->rows(), 0U);
  EXPECT_EQ(a.Find("w"), nullptr);
  a.Merge(a);
  EXPECT_EQ(a.Find("y")->rows(), 4U);
  EXPECT_EQ(a.size(), 3U);
}

TEST(Profile, OfEqualNamesTheFirstCounts) {
  EXPECT_EQ(Profile({{"x", ValueKind::kNumber}, {"x", ValueKind::kText}}).size(), 1U);
}

TEST(Profile, HoursMergedAreTheDay) {
  Profile day({{"x", ValueKind::kNumber}}), merged;
  for (int hour = 0; hour < 24; ++hour) {
    Profile piece({{"x", ValueKind::kNumber}});
    for (int i = 0; i < 40; ++i) piece.column(0).AddNumber(i * hour);
    for (int i = 0; i < 40; ++i) day.column(0).AddNumber(i * hour);
    merged.Merge(piece);
  }
  EXPECT_EQ(merged.column(0).quantiles().Items(), day.column(0).quantiles().Items());
  EXPECT_EQ(merged.column(0).distinct(), day.column(0).distinct());
  EXPECT_NEAR(merged.column(0).moments().std(), day.column(0).moments().std(), 1e-10);
}

TEST(Profile, RefusesWhatIsNone) {
  EXPECT_EQ(Profile::FromBytes("").error().code, Code::kDataLoss);
  EXPECT_EQ(Profile::FromBytes("{\"columns\":[]}").error().code, Code::kDataLoss);
  const std::string bytes = GoldenProfile().Bytes();
  for (std::size_t size = 5; size < bytes.size(); size += 61) {
    EXPECT_EQ(Profile::FromBytes(bytes.substr(0, size)).error().code, Code::kDataLoss) << size;
  }
  EXPECT_EQ(Profile::FromBytes(bytes + "x").error().message, "1 bytes too many at the end");
  std::string newer = bytes;
  newer[4] = 2;
  EXPECT_EQ(Profile::FromBytes(newer).error().code, Code::kFailedPrecondition);
  newer[4] = 0;
  EXPECT_EQ(Profile::FromBytes(newer).error().code, Code::kDataLoss);
}

TEST(Profile, ChangedBytesNeverCrash) {
  const std::string bytes = GoldenProfile().Bytes();
  for (std::size_t at = 5; at < bytes.size(); at += 7) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
    auto read = Profile::FromBytes(changed);
    if (!read.ok()) continue;
    read->Merge(GoldenProfile());
    EXPECT_TRUE(Profile::FromBytes(read->Bytes()).ok()) << at;
  }
}

TEST(Profile, TellsPeopleWhatItSaw) {
  const Json json = GoldenProfile().ToJson();
  const Json& delay = json.Find("columns")->AsArray()[0];
  EXPECT_EQ(delay.IntOr("missing", 0), 62);
  EXPECT_EQ(delay.IntOr("infinite", 0), 2);
  EXPECT_EQ(delay.IntOr("wrong_type", 0), 3);
  EXPECT_EQ(delay.DoubleOr("max", 0), 99);
  const Json& note = json.Find("columns")->AsArray()[2];
  EXPECT_TRUE(note.BoolOr("approximate", false));
}

}  // namespace
}  // namespace mw::sketch
