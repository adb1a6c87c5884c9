// Pieces of windows: bytes against golden files, bad bytes, the hash that decides the sample, latencies.
#include "wire/window_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "sketch/bytes.h"

namespace mw::wire {
namespace {

std::string GoldenPath(std::string_view name) { return Cat(kSourceDirectory, "/src/wire/golden/", name); }

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
/// As schema::Encoder marks a category that the vocabulary lacks.
const float kUnknown = std::bit_cast<float>(0x7FC0'0001U);

WindowPiece ExamplePiece() {
  WindowPiece piece;
  piece.server = "0193a1b2c3d4e5f60718293a4b5c6d7e";
  piece.boot = "0193a1b2c3d4e5f60718293a4b5c6d7f";
  piece.sequence = 12;
  piece.endpoint = "late-departures";
  piece.model = "late-departures";
  piece.version = 3;
  piece.window_start = *ParseTime("2013-07-01T04:00:00Z");
  piece.rows = 5;
  piece.sampled_rows = 3;
  piece.dropped_rows = 1;
  piece.requests = 4;
  piece.failures = 1;
  piece.flagged_rows = 2;
  piece.future_rows = 1;
  for (const int us : {3, 40, 41, 90'000}) piece.latency.Add(Duration(us));
  piece.first_received = *ParseTime("2026-01-02T03:04:05.000001Z");
  piece.last_received = *ParseTime("2026-01-02T03:04:06Z");
  piece.sample_rate = 0.75;
  piece.prediction.AddNumbers(std::vector<float>{0.25F, 0.5F, 0.125F, 0.75F});
  PredictionSample& sample = piece.sample;
  sample.ids = {"2013-07-01-UA-1545-EWR", "2013-07-01-UA-1714-LGA", "batch/7"};
  sample.keys = {"N14228", "", "N24211"};
  for (const std::int64_t minute : {0, 59, 17}) {
    sample.event_times_us.push_back(ToMicros(piece.window_start + std::chrono::minutes(minute)));
  }
  sample.predictions = {0.25F, 0.5F, 0.125F};
  sample.feature_names = {"temp", "carrier"};
  sample.features = {39.5F, 0, kNan, kUnknown, -2, 1};
  sketch::ColumnProfile temp({"temp", sketch::ValueKind::kNumber});
  temp.AddNumbers(std::vector<float>{39.5F, kNan, -2});
  sketch::ColumnProfile carrier({"carrier", sketch::ValueKind::kCategory});
  carrier.AddValue("UA");
  carrier.AddValue("B6");
  carrier.AddWrongType();
  piece.features.Add(temp);
  piece.features.Add(carrier);
  return piece;
}

/// The same rows of a model of three classes.
WindowPiece ExampleOfClasses() {
  WindowPiece piece = ExamplePiece();
  piece.flagged_rows = 0;
  piece.prediction = sketch::ColumnProfile({"prediction", sketch::ValueKind::kCategory});
  for (const char* name : {"virginica", "setosa", "setosa"}) piece.prediction.AddValue(name);
  piece.sample.predictions = {2, 0, 0};
  piece.sample.class_names = {"setosa", "versicolor", "virginica"};
  piece.sample.class_probabilities = {0.125F, 0.25F, 0.625F, 1, 0, 0, 0.5F, 0.25F, 0.25F};
  return piece;
}

/// The example, and two requests more that were refused.
WindowPiece ExampleOfRefusals() {
  WindowPiece piece = ExamplePiece();
  piece.requests += 2;
  piece.refused = 2;
  return piece;
}

/// Bytes with a checksum that fits them again.
std::string Sealed(std::string_view body) {
  sketch::ByteWriter checksum;
  checksum.U64(SampleHash(body));
  return Cat(body, checksum.Take());
}

Error ErrorOf(const WindowPiece& piece) {
  const auto read = WindowPieceFromBytes(ToBytes(piece));
  return read.ok() ? Error{} : read.error();
}

TEST(WindowRecordTest, WritesTheGoldenBytesAndReadsThemBack) {
  const std::string bytes = ToBytes(ExamplePiece());
  const auto golden = ReadFile(GoldenPath("window_piece_v1.bin"));
  ASSERT_TRUE(golden.ok()) << Hex(bytes);
  EXPECT_EQ(Hex(bytes), Hex(*golden));
  const auto piece = WindowPieceFromBytes(*golden);
  ASSERT_TRUE(piece.ok()) << piece.error().ToString();
  const WindowPiece expected = ExamplePiece();
  EXPECT_EQ(piece->server, expected.server);
  EXPECT_EQ(piece->boot, expected.boot);
  EXPECT_EQ(piece->sequence, 12U);
  EXPECT_EQ(piece->endpoint, "late-departures");
  EXPECT_EQ(piece->version, 3);
  EXPECT_EQ(piece->window_start, expected.window_start);
  EXPECT_EQ(piece->window_length, kWindowLength);
  EXPECT_EQ(piece->rows, 5);
  EXPECT_EQ(piece->dropped_rows, 1);
  EXPECT_EQ(piece->failures, 1);
  EXPECT_EQ(piece->flagged_rows, 2);
  EXPECT_EQ(piece->future_rows, 1);
  EXPECT_EQ(piece->sample_rate, 0.75);
  EXPECT_EQ(piece->latency, expected.latency);
  EXPECT_EQ(piece->first_received, expected.first_received);
  EXPECT_EQ(piece->last_received, expected.last_received);
  EXPECT_EQ(piece->sample.ids, expected.sample.ids);
  EXPECT_EQ(piece->sample.keys, expected.sample.keys);
  EXPECT_EQ(piece->sample.event_times_us, expected.sample.event_times_us);
  EXPECT_EQ(piece->sample.predictions, expected.sample.predictions);
  EXPECT_EQ(piece->sample.feature_names, expected.sample.feature_names);
  ASSERT_EQ(piece->sample.features.size(), expected.sample.features.size());
  for (std::size_t i = 0; i < expected.sample.features.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(piece->sample.features[i]),
              std::bit_cast<std::uint32_t>(expected.sample.features[i]));
  }
  EXPECT_EQ(piece->features.Bytes(), expected.features.Bytes());
  EXPECT_EQ(piece->features.Find("carrier")->wrong_type(), 1U);
  EXPECT_EQ(piece->prediction.rows(), 4U);
  EXPECT_EQ(ToBytes(*piece), *golden);
}

TEST(WindowRecordTest, OfSeveralClassesEveryProbabilityComesThrough) {
  const std::string bytes = ToBytes(ExampleOfClasses());
  const auto golden = ReadFile(GoldenPath("window_piece_v1_classes.bin"));
  ASSERT_TRUE(golden.ok()) << Hex(bytes);
  EXPECT_EQ(Hex(bytes), Hex(*golden));
  const auto piece = WindowPieceFromBytes(*golden);
  ASSERT_TRUE(piece.ok()) << piece.error().ToString();
  EXPECT_EQ(piece->sample.class_names, ExampleOfClasses().sample.class_names);
  EXPECT_EQ(piece->sample.class_probabilities, ExampleOfClasses().sample.class_probabilities);
  EXPECT_EQ(piece->sample.predictions, (std::vector<float>{2, 0, 0}));
  EXPECT_EQ(ToBytes(*piece), *golden);
}

TEST(WindowRecordTest, RefusedRequestsAreASectionOfTheirOwnThatOldPiecesLack) {
  const std::string bytes = ToBytes(ExampleOfRefusals());
  const auto golden = ReadFile(GoldenPath("window_piece_v1_refused.bin"));
  ASSERT_TRUE(golden.ok()) << Hex(bytes);
  EXPECT_EQ(Hex(bytes), Hex(*golden));
  const auto piece = WindowPieceFromBytes(*golden);
  ASSERT_TRUE(piece.ok()) << piece.error().ToString();
  EXPECT_EQ(piece->requests, 6);
  EXPECT_EQ(piece->failures, 1);
  EXPECT_EQ(piece->refused, 2);
  EXPECT_EQ(ToBytes(*piece), *golden);
  const auto old = WindowPieceFromBytes(*ReadFile(GoldenPath("window_piece_v1.bin")));
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->refused, 0);
}

TEST(WindowRecordTest, AnEmptyPieceOfCountsIsSmallAndReadsBack) {
  WindowPiece piece = ExamplePiece();
  piece.sample = {};
  piece.features = {};
  piece.sampled_rows = 0;
  const std::string bytes = ToBytes(piece);
  EXPECT_LT(bytes.size(), 400U);
  const auto read = WindowPieceFromBytes(bytes);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->rows, 5);
  EXPECT_EQ(read->sample.rows(), 0U);
}

TEST(WindowRecordTest, EveryBentOrTornByteIsFound) {
  const std::string bytes = ToBytes(ExampleOfClasses());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string bent = bytes;
    bent[at] = static_cast<char>(bent[at] ^ 0x10);
    EXPECT_FALSE(WindowPieceFromBytes(bent).ok()) << at;
    EXPECT_EQ(WindowPieceFromBytes(bytes.substr(0, at)).error().code, Code::kDataLoss) << at;
  }
}

TEST(WindowRecordTest, SkipsSectionsItDoesNotKnowAndRefusesNewerFormats) {
  const std::string bytes = ToBytes(ExamplePiece());
  const std::string body = bytes.substr(0, bytes.size() - 8);
  const auto later = WindowPieceFromBytes(Sealed(body + std::string("\x0A\x03xyz")));
  ASSERT_TRUE(later.ok()) << later.error().ToString();
  EXPECT_EQ(later->rows, 5);
  std::string newer = body;
  newer[4] = 2;
  EXPECT_EQ(WindowPieceFromBytes(Sealed(newer)).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(WindowPieceFromBytes(Sealed(body + std::string("\x01\x00", 2))).error().code, Code::kDataLoss);
}

TEST(WindowRecordTest, RefusesPiecesThatCannotBe) {
  using Change = void (*)(WindowPiece&);
  for (const auto& [change, says] : std::vector<std::pair<Change, std::string_view>>{
           {[](WindowPiece& p) { p.server = "../etc"; }, "server"},
           {[](WindowPiece& p) { p.boot = ""; }, "boot"},
           {[](WindowPiece& p) { p.endpoint = "a b"; }, "endpoint"},
           {[](WindowPiece& p) { p.window_start += std::chrono::minutes(1); }, "whole hours"},
           {[](WindowPiece& p) { p.window_length = std::chrono::minutes(1); }, "whole hours"},
           {[](WindowPiece& p) { p.rows = -1; }, "rows is -1"},
           {[](WindowPiece& p) { p.rows = 2; }, "sampled_rows is 3"},
           {[](WindowPiece& p) { p.sampled_rows = 2; }, "the sample has 3 rows"},
           {[](WindowPiece& p) { p.dropped_rows = 3; }, "dropped_rows is 3"},
           {[](WindowPiece& p) { p.failures = 5; }, "failures is 5"},
           {[](WindowPiece& p) { p.refused = 4; }, "refused is 4; expected 0 to 3"},
           {[](WindowPiece& p) { p.refused = -1; }, "refused is -1"},
           {[](WindowPiece& p) { p.flagged_rows = 5; }, "flagged_rows is 5"},
           {[](WindowPiece& p) { p.future_rows = 6; }, "future_rows is 6"},
           {[](WindowPiece& p) { p.sample_rate = kNan; }, "sample_rate"},
           {[](WindowPiece& p) { p.sample.event_times_us[1] += 3'600'000'000; }, "outside of the window"},
           {[](WindowPiece& p) { p.features.column(0).AddMissing(); }, "the profile of \"temp\" has 4 rows"},
       }) {
    WindowPiece piece = ExamplePiece();
    change(piece);
    const Error error = ErrorOf(piece);
    EXPECT_EQ(error.code, Code::kInvalidArgument) << says;
    EXPECT_NE(error.message.find(says), std::string::npos) << error.message << " lacks " << says;
  }
}

TEST(WindowRecordTest, RefusesClassesThatCannotBe) {
  using Change = void (*)(PredictionSample&);
  for (const auto& [change, says] : std::vector<std::pair<Change, std::string_view>>{
           {[](PredictionSample& s) { s.class_probabilities[3] = 1.5F; }, "the probability 1.5"},
           {[](PredictionSample& s) { s.class_probabilities[3] = -0.25F; }, "the probability -0.25"},
           {[](PredictionSample& s) { s.class_probabilities[8] = kNan; }, "the probability nan"},
           {[](PredictionSample& s) { s.class_names[1] = "setosa"; }, "two classes \"setosa\""},
           {[](PredictionSample& s) { s.class_names[1] = "\xFF"; }, "a class of the sample has the name"},
       }) {
    WindowPiece piece = ExampleOfClasses();
    change(piece.sample);
    const Error error = ErrorOf(piece);
    EXPECT_EQ(error.code, Code::kInvalidArgument) << says;
    EXPECT_NE(error.message.find(says), std::string::npos) << error.message << " lacks " << says;
  }
  WindowPiece piece = ExampleOfClasses();
  piece.sample.class_probabilities.pop_back();
  EXPECT_EQ(ErrorOf(piece).code, Code::kDataLoss);
  piece.sample.class_probabilities.resize(10);
  EXPECT_EQ(ErrorOf(piece).code, Code::kDataLoss);
  piece = ExampleOfClasses();
  for (std::size_t i = 3; i < 101; ++i) piece.sample.class_names.push_back(Cat("class ", i));
  piece.sample.class_probabilities.assign(3 * 101, 0);
  EXPECT_EQ(ErrorOf(piece).code, Code::kDataLoss) << "too many";
}

TEST(WindowRecordTest, FramesArePutTogetherAndTakenApart) {
  WindowPiece second = ExamplePiece();
  second.sequence = 13;
  std::string frame, other;
  AppendToFrame(frame, ToBytes(ExamplePiece()));
  AppendToFrame(other, ToBytes(second));
  const auto pieces = WindowPiecesFromFrame(frame + other);
  ASSERT_TRUE(pieces.ok()) << pieces.error().ToString();
  ASSERT_EQ(pieces->size(), 2U);
  EXPECT_EQ((*pieces)[1].sequence, 13U);
  EXPECT_EQ(WindowPiecesFromFrame("")->size(), 0U);
  EXPECT_EQ(WindowPiecesFromFrame(frame + other.substr(0, other.size() - 1)).error().code, Code::kDataLoss);
  std::string bent = frame + other;
  bent[frame.size() + 40] ^= 1;
  EXPECT_EQ(WindowPiecesFromFrame(bent).error().context, "piece 1");
}

TEST(WindowRecordTest, WindowsAreHoursAlsoBefore1970) {
  EXPECT_EQ(FormatTime(WindowStart(*ParseTime("2013-07-01T04:59:59.999999Z"))), "2013-07-01T04:00:00Z");
  EXPECT_EQ(FormatTime(WindowStart(*ParseTime("2013-07-01T05:00:00Z"))), "2013-07-01T05:00:00Z");
  EXPECT_EQ(FormatTime(WindowStart(*ParseTime("1969-12-31T23:59:59Z"))), "1969-12-31T23:00:00Z");
}

// The hash is part of the format: these numbers never change.
TEST(SampleTest, TheHashIsTheSameForEver) {
  EXPECT_EQ(SampleHash(""), 0U);
  EXPECT_EQ(SampleHash("a"), 10330451657322436102U);
  EXPECT_EQ(SampleHash("2013-01-01-UA-1545-EWR"), 5164356081367921781U);
  EXPECT_EQ(SampleHash("0193a1b2c3d4e5f60718293a4b5c6d7e/17"), 10562858620678251738U);
}

// Ids that count up, and ids of a batch: the share of 1, 5 and 30 % is hit within four standard deviations, also
// within each of 64 blocks, and what is in a smaller sample is in every larger one.
TEST(SampleTest, SamplesAreFairAndNested) {
  for (const bool batch : {false, true}) {
    constexpr int kIds = 64'000;
    for (const double rate : {0.01, 0.05, 0.3}) {
      int kept = 0;
      std::vector<int> blocks(64);
      for (int i = 0; i < kIds; ++i) {
        const std::string id = batch ? Cat("0193a1b2/", i) : Cat("9f3b27aa01c4d8e0", 100'000'000 + i);
        const std::uint64_t hash = SampleHash(id);
        if (!InSample(hash, rate)) continue;
        ++kept;
        ++blocks[static_cast<std::size_t>(i / 1000)];
        EXPECT_TRUE(InSample(hash, std::nextafter(rate, 1)));
      }
      const auto bound = [rate](int n, double sigmas) { return sigmas * std::sqrt(n * rate * (1 - rate)); };
      EXPECT_NEAR(kept, kIds * rate, bound(kIds, 4)) << rate << batch;
      for (const int block : blocks) EXPECT_NEAR(block, 1000 * rate, bound(1000, 5)) << rate << batch;
    }
  }
  EXPECT_TRUE(InSample(~std::uint64_t{0}, 1));
  EXPECT_FALSE(InSample(0, 0));
  EXPECT_FALSE(InSample(~std::uint64_t{0}, std::nextafter(1, 0)));
}

TEST(LatencyHistogramTest, QuantilesAreNeverTooSmallAndAtMostASixteenthTooLarge) {
  Random random(7);
  LatencyHistogram histogram;
  std::vector<std::int64_t> values;
  std::int64_t sum = 0;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::int64_t>(std::exp(random.Normal() * 2 + 6)));
    histogram.Add(Duration(values.back()));
    sum += values.back();
  }
  std::sort(values.begin(), values.end());
  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.sum().count(), sum);
  for (const double share : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.9999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(share * 20'000)));
    const std::int64_t exact = values[rank - 1];
    const std::int64_t read = histogram.Quantile(share).count();
    EXPECT_GE(read, exact) << share;
    EXPECT_LE(read, exact + exact / 16) << share;
  }
  EXPECT_EQ(LatencyHistogram().Quantile(0.5), Duration(0));
}

TEST(LatencyHistogramTest, BucketsLieSideBySideAndTheLastTakesTheRest) {
  std::int64_t before = -1;
  for (int bucket = 0; bucket < LatencyHistogram::kBuckets; ++bucket) {
    for (const std::int64_t us : {before + 1, LatencyHistogram::UpperEnd(bucket).count()}) {
      LatencyHistogram one;
      one.Add(Duration(us));
      EXPECT_EQ(one.bucket(bucket), 1U) << us;
    }
    before = LatencyHistogram::UpperEnd(bucket).count();
  }
  LatencyHistogram histogram;
  histogram.Add(std::chrono::hours(5));
  histogram.Add(Duration(-3));
  EXPECT_EQ(histogram.bucket(LatencyHistogram::kBuckets - 1), 1U);
  EXPECT_EQ(histogram.bucket(0), 1U);
}

TEST(LatencyHistogramTest, MergingIsAsIfAllHadBeenAddedToOne) {
  LatencyHistogram a, b, both;
  for (int us = 1; us < 100'000; us += 7) {
    (us % 3 == 0 ? a : b).Add(Duration(us), 2);
    both.Add(Duration(us), 2);
  }
  a.Merge(b);
  EXPECT_EQ(a, both);
  sketch::ByteWriter out;
  a.Write(out);
  const std::string bytes = out.Take();
  sketch::ByteReader in(bytes);
  EXPECT_EQ(*LatencyHistogram::Read(in), both);
}

}  // namespace
}  // namespace mw::wire
