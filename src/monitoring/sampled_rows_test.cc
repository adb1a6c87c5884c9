// Recorded rows as columns: evenly spaced, across reads, and whatever a server may have sent.
#include "monitoring/sampled_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "monitoring/sketched_columns.h"
#include "schema/encoder.h"

namespace mw::monitoring {
namespace {

const std::vector<schema::Column> kColumns =
    *schema::ColumnsFromJson(*Json::Parse(R"([{"name":"temp","type":"float"},)"
                                          R"({"name":"origin","type":"category","vocabulary":["EWR","JFK"]}])"));
constexpr float kFloatNan = std::numeric_limits<float>::quiet_NaN();

/// Origins as they were recorded, before the temperatures; these count from `first` on.
predictions::JoinedRows Rows(const std::vector<float>& origins, int first = 0) {
  predictions::JoinedRows out;
  out.feature_names = {"origin", "temp", "other"};
  for (const float origin : origins) {
    const auto number = static_cast<float>(first) + static_cast<float>(out.ids.size());
    out.ids.emplace_back("x");
    out.event_times_us.push_back(static_cast<std::int64_t>(number));
    out.predictions.push_back(number / 100);
    out.features.insert(out.features.end(), {origin, number, -1});
  }
  return out;
}

TEST(SampledRows, AreEvenlySpacedAcrossReads) {
  SampledRows rows;
  std::size_t offset = 0;
  for (int read = 0; read < 4; ++read)
    offset = Append(Rows(std::vector<float>(10, 0), 10 * read), kColumns, 7, offset, rows);
  EXPECT_EQ(rows.columns[0], (std::vector<float>{0, 7, 14, 21, 28, 35}));
  EXPECT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows.event_times_us.back(), 35);
  EXPECT_EQ(offset, 2U);
}

TEST(SampledRows, AReadWithFewerRowsThanAStrideIsPassedOver) {
  SampledRows rows;
  std::size_t offset = Append(Rows({0}, 0), kColumns, 5, 0, rows);
  for (int read = 1; read < 7; ++read) offset = Append(Rows({0}, read), kColumns, 5, offset, rows);
  EXPECT_EQ(rows.columns[0], (std::vector<float>{0, 5}));
}

TEST(SampledRows, CategoriesAreKnownUnknownOrMissing) {
  SampledRows rows;
  const float unknown = schema::Encoder::kUnknownCategory;
  Append(Rows({0, 1, 2, -1, 1e30F, std::numeric_limits<float>::infinity(), 0.5F, unknown, kFloatNan}), kColumns, 1, 0,
         rows);
  const std::vector<float> known(rows.columns[1].begin(), rows.columns[1].begin() + 8);
  EXPECT_EQ(known, (std::vector<float>{0, 1, 2, 2, 2, 2, 2, 2}));
  EXPECT_TRUE(std::isnan(rows.columns[1][8]));
  EXPECT_EQ(PlacesOf(rows, 1, 1), Places{1});
  const BaselineView view = *ViewOf(MakeBaseline(rows, AllPlaces(rows), kColumns, 64, 1 << 20), nullptr);
  EXPECT_EQ(view.features[1].whole.counts.wrong_type, 6);
  EXPECT_EQ(view.features[1].whole.counts.missing, 1);
  const WindowView window = ViewOf(view, rows, {0, 2, 8}, kColumns);
  EXPECT_EQ(window.rows, 3);
  EXPECT_EQ(window.features[1]->counts.wrong_type, 1);
  EXPECT_EQ(window.features[0]->numbers->max, 8);
}

TEST(SampledRows, OfSeveralClassesWithoutProbabilitiesHaveNoAnswer) {
  predictions::JoinedRows joined = Rows({0, 1});
  joined.classes = {"late", "on time"};
  joined.predictions = {1, 1};
  joined.class_probabilities = {0.25F, 0.75F, kFloatNan, kFloatNan};
  SampledRows rows;
  Append(joined, kColumns, 1, 0, rows);
  EXPECT_EQ(rows.predictions[0], 1);
  EXPECT_TRUE(std::isnan(rows.predictions[1]));
  const sketch::Baseline baseline = MakeBaseline(rows, AllPlaces(rows), kColumns, 64, 1 << 20);
  EXPECT_EQ(baseline.whole.Find("prediction")->counts().CountOf("on time"), 1U);
  EXPECT_EQ(baseline.whole.Find("prediction")->missing(), 1U);
}

}  // namespace
}  // namespace mw::monitoring
