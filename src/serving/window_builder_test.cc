// Rows become pieces of hours: counts exact, event times believed or not, samples bounded, refusals survived.
#include "serving/window_builder.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cmath>

#include "base/file.h"
#include "schema/encoder.h"
#include "serving/test_recording.h"

namespace mw::serving {
namespace {

using testing::kFull;
using testing::TestRows;
using testing::TestVersion;
using testing::Totals;

class WindowBuilderTest : public ::testing::Test {
 protected:
  WindowBuilderTest() { Options(WindowBuilderOptions{.server = "s", .boot = "b"}); }
  void Options(WindowBuilderOptions options) {
    builder_.emplace(std::move(options), [this](const wire::WindowPiece& piece) {
      // What is cut must be what a reader accepts.
      auto read = wire::WindowPieceFromBytes(wire::ToBytes(piece));
      EXPECT_TRUE(read.ok()) << read.error().ToString();
      if (taking_) pieces_.push_back(*std::move(read));
      return taking_;
    });
  }
  void Add(const TestRows& rows) { Add(version_, rows); }
  void Add(const std::shared_ptr<const RecordedVersion>& version, const TestRows& rows) {
    lane_.AddAnswered(version, kFull, rows.Request());
    Drain();
  }
  void Drain() {
    lane_.Drain([this](const RecordingLane::Record& record) { builder_->Add(record); });
  }
  Totals Sum() const {
    Totals totals;
    for (const wire::WindowPiece& piece : pieces_) totals.Add(piece);
    return totals;
  }
  static std::int64_t At(std::string_view time) { return ToMicros(*ParseTime(time)); }

  SimulatedClock clock_{*ParseTime("2026-01-02T03:04:05Z")};
  FileDescriptor wake_{eventfd(0, EFD_NONBLOCK)};
  Counter lost_;
  RecordingLane lane_{clock_, wake_.get(), lost_};
  std::shared_ptr<const RecordedVersion> version_ = TestVersion();
  std::optional<WindowBuilder> builder_;
  bool taking_ = true;
  std::vector<wire::WindowPiece> pieces_;
};

TEST_F(WindowBuilderTest, RowsGoToTheHourOfTheirEventTime) {
  TestRows rows("batch", 4);
  rows.times = {At("2013-07-01T04:59:59.999999Z"), At("2013-07-01T05:00:00Z"), kNoEventTime,
                At("2013-07-01T04:00:00Z")};
  rows.keys = {"", "N2", "", "N4"};
  Add(rows);
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 3U);
  EXPECT_EQ(FormatTime(pieces_[0].window_start), "2013-07-01T04:00:00Z");
  EXPECT_EQ(pieces_[0].rows, 2);
  EXPECT_EQ(pieces_[0].requests, 1);
  EXPECT_EQ(pieces_[0].flagged_rows, 1);
  EXPECT_EQ(pieces_[0].sample.ids, (std::vector<std::string>{"batch/0", "batch/3"}));
  EXPECT_EQ(pieces_[0].sample.keys, (std::vector<std::string>{"", "N4"}));
  EXPECT_EQ(pieces_[1].rows, 1);
  EXPECT_EQ(pieces_[1].requests, 0);
  EXPECT_EQ(FormatTime(pieces_[2].window_start), "2026-01-02T03:00:00Z");
  EXPECT_TRUE(pieces_[2].sample.keys.empty());
  for (const wire::WindowPiece& piece : pieces_) EXPECT_EQ(piece.first_received, clock_.Now());
  EXPECT_EQ(Sum().rows, 4);
  builder_->Cut();
  EXPECT_EQ(pieces_.size(), 3U) << "nothing new, no piece";
}

TEST_F(WindowBuilderTest, ProfilesAndPredictionsAreThoseOfTheRows) {
  TestRows rows("r", 7, At("2013-07-01T04:10:00Z"));
  rows.features[0] = NAN;
  rows.features[3] = schema::Encoder::kUnknownCategory;
  rows.features[5] = NAN;
  rows.features[7] = 99;  // no place in the vocabulary
  Add(rows);
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 1U);
  const wire::WindowPiece& piece = pieces_[0];
  EXPECT_EQ(piece.prediction.rows(), 7U);
  EXPECT_DOUBLE_EQ(piece.prediction.moments().mean(), (0 + 1 + 2 + 3 + 0 + 1 + 2) / 28.0);
  EXPECT_EQ(piece.flagged_rows, 3);
  const sketch::ColumnProfile& temp = *piece.features.Find("temp");
  EXPECT_EQ(temp.missing(), 1U);
  EXPECT_DOUBLE_EQ(temp.moments().mean(), 3.5);
  const sketch::ColumnProfile& carrier = *piece.features.Find("carrier");
  EXPECT_EQ(carrier.missing(), 1U);
  EXPECT_EQ(carrier.wrong_type(), 2U);
  EXPECT_EQ(carrier.counts().CountOf("AA"), 2U);
  EXPECT_EQ(carrier.counts().CountOf("B6"), 1U);
  EXPECT_EQ(piece.latency.Quantile(1), Duration(151));
  EXPECT_TRUE(schema::Encoder::IsUnknownCategory(piece.sample.features[3]));
}

TEST_F(WindowBuilderTest, OfSeveralClassesTheLikeliestIsACategory) {
  const auto version = TestVersion();
  version->classes = {"setosa", "versicolor", "virginica"};
  version->threshold.reset();
  TestRows rows("r", 5, 1);
  rows.predictions = {0, 2, 2, 1, 2};
  Add(version, rows);
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(pieces_[0].prediction.kind(), sketch::ValueKind::kCategory);
  EXPECT_EQ(pieces_[0].prediction.counts().CountOf("virginica"), 3U);
  EXPECT_EQ(pieces_[0].sample.predictions, rows.predictions);
  EXPECT_EQ(pieces_[0].flagged_rows, 0);
}

/// A version of three classes whose probabilities are recorded.
std::shared_ptr<RecordedVersion> FlowerVersion() {
  auto version = TestVersion();
  version->classes = {"setosa", "versicolor", "virginica"};
  version->records_classes = true;
  version->threshold.reset();
  return version;
}

/// Rows whose probabilities are all different and of every binary digit.
TestRows FlowerRows(const std::string& id, std::size_t rows, std::int64_t time) {
  TestRows made(id, rows, time);
  made.predictions.clear();
  for (std::size_t row = 0; row < rows; ++row) {
    const float first = 1 / (3 + static_cast<float>(row)), second = first * 0.7F, third = 1 - first - second;
    made.class_probabilities.insert(made.class_probabilities.end(), {first, second, third});
    made.predictions.push_back(third > first ? 2 : 0);
  }
  return made;
}

TEST_F(WindowBuilderTest, OfSeveralClassesEveryProbabilityComesThrough) {
  Options({.server = "s", .boot = "b", .sample_rows_max = 7});
  const auto version = FlowerVersion();
  TestRows rows = FlowerRows("r", 20, At("2013-07-01T04:10:00Z"));
  rows.times.assign(20, At("2013-07-01T04:10:00Z"));
  for (std::size_t i = 0; i < 20; i += 3) rows.times[i] = At("2013-07-01T05:10:00Z");
  Add(version, rows);
  builder_->Cut();
  std::size_t seen = 0;
  for (const wire::WindowPiece& piece : pieces_) {
    EXPECT_EQ(piece.sample.class_names, version->classes);
    ASSERT_EQ(piece.sample.class_probabilities.size(), 3 * piece.sample.rows());
    for (std::size_t i = 0; i < piece.sample.rows(); ++i, ++seen) {
      const auto row = static_cast<std::size_t>(*ParseInt(piece.sample.ids[i].substr(2)));
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(piece.sample.class_probabilities[3 * i + c], rows.class_probabilities[3 * row + c]) << row;
      }
      EXPECT_EQ(piece.sample.predictions[i], rows.predictions[row]);
    }
  }
  EXPECT_EQ(seen, 20U);
}

TEST_F(WindowBuilderTest, AnswersThatAreNoProbabilitiesAreNotKept) {
  const auto version = FlowerVersion();
  TestRows rows = FlowerRows("r", 3, 1);
  rows.class_probabilities[4] = NAN;
  Add(version, rows);
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(pieces_[0].sample.rows(), 3U);
  EXPECT_TRUE(pieces_[0].sample.class_names.empty());
  Add(version, FlowerRows("s", 3, 1));
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 2U);
  EXPECT_EQ(pieces_[1].sample.class_probabilities.size(), 9U) << "the next piece has its own";
}

TEST_F(WindowBuilderTest, EventTimesFarAheadAreNotBelieved) {
  const std::int64_t now = ToMicros(clock_.Now());
  Add(TestRows("near", 1, now + kClockSkewMax.count()));
  Add(TestRows("far", 1, now + kClockSkewMax.count() + 1));
  Add(TestRows("year9999", 1, At("9999-12-31T23:59:59Z")));
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(pieces_[0].rows, 3);
  EXPECT_EQ(pieces_[0].future_rows, 2);
  EXPECT_EQ(builder_->future_rows(), 2U);
  EXPECT_EQ(pieces_[0].sample.event_times_us[1], now);
}

TEST_F(WindowBuilderTest, RefusedRequestsCountAndAreNoFailures) {
  lane_.AddRefused(version_, At("2013-07-01T04:10:00Z"), Duration(0));
  lane_.AddRefused(version_, kNoEventTime, Duration(0));
  Drain();
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 2U);
  for (const wire::WindowPiece& piece : pieces_) {
    EXPECT_EQ(piece.rows, 0);
    EXPECT_EQ(piece.requests, 1);
    EXPECT_EQ(piece.refused, 1);
    EXPECT_EQ(piece.failures, 0);
    EXPECT_EQ(piece.latency.count(), 0U);
  }
}

TEST_F(WindowBuilderTest, ValidRequestsWithoutAPredictionAreFailures) {
  lane_.AddFailed(version_, At("2013-07-01T04:10:00Z"), Duration(0));
  const TestRows rows("half", 2, At("2013-07-01T04:20:00Z"));
  RecordedRequest request = rows.Request();
  request.failed = true;
  lane_.AddAnswered(version_, kFull, request);
  Drain();
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(pieces_[0].requests, 2);
  EXPECT_EQ(pieces_[0].failures, 2);
  EXPECT_EQ(pieces_[0].refused, 0);
  EXPECT_EQ(pieces_[0].rows, 2);
  EXPECT_EQ(pieces_[0].latency.count(), 1U) << "one was answered, though not whole";
}

TEST_F(WindowBuilderTest, APieceIsCutWhenItsSampleIsFull) {
  Options({.server = "s", .boot = "b", .sample_rows_max = 100});
  Add(TestRows("big", 250, 1));
  EXPECT_EQ(pieces_.size(), 2U);
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 3U);
  EXPECT_EQ(pieces_[1].rows, 100);
  EXPECT_EQ(pieces_[2].rows, 50);
  EXPECT_EQ(pieces_[2].sequence, 3U);
  EXPECT_EQ(Sum().requests, 1);
  EXPECT_EQ(Sum().ids.size(), 250U);
  Options({.server = "s", .boot = "b", .sample_bytes_max = 4096});
  pieces_.clear();
  Add(TestRows("big", 250, 1));
  EXPECT_GT(pieces_.size(), 1U);
}

TEST_F(WindowBuilderTest, WhatIsRefusedKeepsItsCountsAndLosesItsSample) {
  taking_ = false;
  for (int i = 0; i < 3; ++i) {
    Add(TestRows(Cat("r", i), 10, 1));
    builder_->Cut();
  }
  EXPECT_EQ(builder_->dropped_rows(), 30U);
  taking_ = true;
  Add(TestRows("last", 5, 1));
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(pieces_[0].rows, 35);
  EXPECT_EQ(pieces_[0].dropped_rows, 30);
  EXPECT_EQ(pieces_[0].sampled_rows, 5);
  EXPECT_EQ(pieces_[0].requests, 4);
  EXPECT_EQ(pieces_[0].prediction.rows(), 35U) << "predictions are kept with the counts";
  EXPECT_EQ(pieces_[0].flagged_rows, Sum().flagged);
}

TEST_F(WindowBuilderTest, RowsThatWereLostAreCountedToo) {
  Add(TestRows("r", 2, At("2013-07-01T04:10:00Z")));
  builder_->AddLost(version_, At("2013-07-01T04:20:00Z"), ToMicros(clock_.Now()), 7, {3, 2, 1});
  builder_->Cut();
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(pieces_[0].rows, 9);
  EXPECT_EQ(pieces_[0].dropped_rows, 7);
  EXPECT_EQ(pieces_[0].requests, 7);
  EXPECT_EQ(pieces_[0].refused, 2);
  EXPECT_EQ(pieces_[0].failures, 1);
  EXPECT_EQ(pieces_[0].sampled_rows, 2);
}

TEST_F(WindowBuilderTest, VersionsAndEndpointsAreApart) {
  Add(TestVersion("a", 1), TestRows("r", 1, 1));
  Add(TestVersion("a", 2), TestRows("r", 2, 1));
  Add(TestVersion("b", 1), TestRows("r", 3, 1));
  builder_->Cut();
  EXPECT_EQ(pieces_.size(), 3U);
  for (const wire::WindowPiece& piece : pieces_) {
    EXPECT_EQ(piece.rows, piece.endpoint == "b" ? 3 : piece.version);
  }
}

// Event times all over the centuries, and nobody takes pieces: memory is bounded, what is given up is counted.
TEST_F(WindowBuilderTest, ManyWindowsAreCutEarly) {
  Options({.server = "s", .boot = "b", .windows_max = 16});
  for (int i = 0; i < 100; ++i) Add(TestRows(Cat("r", i), 1, i * 3'600'000'000LL));
  EXPECT_EQ(pieces_.size(), 96U);
  taking_ = false;
  for (int i = 0; i < 100; ++i) Add(TestRows(Cat("r", i), 1, i * 3'600'000'000LL));
  taking_ = true;
  builder_->Cut();
  EXPECT_EQ(Sum().rows + static_cast<std::int64_t>(builder_->forgotten_rows()), 200);
  EXPECT_GT(builder_->forgotten_rows(), 0U);
}

}  // namespace
}  // namespace mw::serving
