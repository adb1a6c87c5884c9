// Slices as bytes: what was written reads back, within its limits, in the format of its version.
#include "sketch/sliced_baselines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "sketch/baseline_maker.h"

namespace mw::sketch {
namespace {

Baseline Made(float first) {
  const std::vector<std::string> carriers = {"AA", "UA"};
  std::vector<float> numbers, codes;
  std::vector<std::int64_t> times;
  for (int i = 0; i < 600; ++i) {
    numbers.push_back(first + static_cast<float>(i % 37));
    codes.push_back(static_cast<float>(i % 3));  // the third is none of them
    times.push_back(15'706 * kDayMicros + i / 100 * kDayMicros);
  }
  BaselineMaker maker({600, 2, "at", times, kSliceEdges, kSlicesCountsMax / kSlicesMax});
  maker.Add({"x", ValueKind::kNumber}, numbers);
  maker.Add({"carrier", ValueKind::kCategory}, codes, carriers);
  return maker.Finish();
}

std::string MadeBytes() {
  SlicesWriter writer;
  EXPECT_TRUE(writer.Add({"origin", "LGA", Made(0)}));
  EXPECT_TRUE(writer.Add({"origin", "JFK", Made(100)}));
  EXPECT_EQ(writer.size(), 2U);
  return writer.Bytes();
}

TEST(SlicedBaselines, ReadBackAsWritten) {
  const auto read = SlicesFromBytes(MadeBytes());
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[1].column, "origin");
  EXPECT_EQ((*read)[1].value, "JFK");
  EXPECT_EQ((*read)[1].baseline.Bytes(), Made(100).Bytes());
  EXPECT_LE((*read)[0].baseline.bins[0].edges.size(), 2 * kSliceEdges);
}

TEST(SlicedBaselines, CountValuesThatAreNoneOfTheCategories) {
  const Baseline baseline = Made(0);
  const ColumnProfile& carrier = *baseline.whole.Find("carrier");
  EXPECT_EQ(carrier.wrong_type(), 200U);
  EXPECT_EQ(carrier.values(), 400U);
  EXPECT_EQ(baseline.Sum(1, 15'706, 15'712).missing, 200U);
}

TEST(SlicedBaselines, AreAtMostSoMany) {
  SlicesWriter writer;
  const Baseline small = Made(0);
  for (std::size_t i = 0; i < kSlicesMax; ++i) EXPECT_TRUE(writer.Add({"hour", Cat(i), small}));
  EXPECT_FALSE(writer.Add({"hour", "24", small}));
  EXPECT_EQ(SlicesFromBytes(writer.Bytes())->size(), kSlicesMax);
}

TEST(SlicedBaselines, WritesAndReadsTheBytesOfItsVersion) {
  const std::string golden = ReadFile(Cat(kSourceDirectory, "/src/sketch/testdata/slices_v1.bin")).value_or("");
  EXPECT_TRUE(MadeBytes() == golden) << "the format changed: raise kSlicesFormatVersion, add a file";
  const auto read = SlicesFromBytes(golden);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->front().value, "LGA");
}

TEST(SlicedBaselines, RefusesBytesThatAreCutNewerOrDouble) {
  const std::string bytes = MadeBytes();
  for (std::size_t size = 0; size < bytes.size(); size += 13) {
    EXPECT_EQ(SlicesFromBytes(bytes.substr(0, size)).error().code, Code::kDataLoss) << size;
  }
  std::string newer = bytes;
  newer[4] = 2;
  EXPECT_EQ(SlicesFromBytes(newer).error().code, Code::kFailedPrecondition);
  SlicesWriter writer;
  writer.Add({"origin", "LGA", Made(0)});
  writer.Add({"origin", "LGA", Made(0)});
  EXPECT_EQ(SlicesFromBytes(writer.Bytes()).error().code, Code::kDataLoss);
  EXPECT_FALSE(SlicesFromBytes(std::string(kSlicesBytesMax + 1, 'x')).ok());
}

}  // namespace
}  // namespace mw::sketch
