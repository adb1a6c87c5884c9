// From sketches to findings: what the detectors say about columns that only sketches remember.
#include "monitoring/sketched_columns.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "monitoring/detectors.h"
#include "monitoring/drift_window.h"
#include "monitoring/testing.h"

namespace mw::monitoring {
namespace {

using sketch::ColumnProfile;
using sketch::Profile;
using sketch::ValueKind;

/// `days` of `rows`: a number, a category and a prediction.
sketch::Baseline MakeBaseline(Random& random, int days, int rows) {
  sketch::Baseline out;
  out.event_time = "at";
  out.whole =
      Profile({{"temp", ValueKind::kNumber}, {"carrier", ValueKind::kCategory}, {"prediction", ValueKind::kNumber}});
  std::vector<Profile> blocks;
  for (int day = 0; day < days; ++day) {
    Profile block =
        Profile({{"temp", ValueKind::kNumber}, {"carrier", ValueKind::kCategory}, {"prediction", ValueKind::kNumber}});
    for (int i = 0; i < rows; ++i) {
      block.column(0).AddNumber(i % 10 == 0 ? std::nan("") : 50 + 10 * random.Normal());
      block.column(1).AddValue(i % 3 == 0 ? "UA" : "AA");
      block.column(2).AddNumber(random.Uniform());
    }
    out.whole.Merge(block);
    blocks.push_back(std::move(block));
  }
  for (const ColumnProfile& column : out.whole.columns()) out.bins.push_back(sketch::ColumnBins::Of(column, 128));
  for (int day = 0; day < days; ++day) {
    sketch::BaselineBlock& block = out.blocks.emplace_back();
    block.day = 15'706 + day;
    block.rows = static_cast<std::uint64_t>(rows);
    for (std::size_t i = 0; i < out.bins.size(); ++i) {
      sketch::BlockColumn& column = block.columns.emplace_back();
      column.missing = blocks[static_cast<std::size_t>(day)].column(i).missing();
      for (const double count : out.bins[i].Counts(blocks[static_cast<std::size_t>(day)].column(i))) {
        column.counts.push_back(static_cast<std::uint64_t>(count));
      }
    }
  }
  return out;
}

Profile Window(Random& random, int rows, double mean) {
  Profile out({{"temp", ValueKind::kNumber}, {"carrier", ValueKind::kCategory}});
  for (int i = 0; i < rows; ++i) {
    out.column(0).AddNumber(i % 10 == 0 ? std::nan("") : mean + 10 * random.Normal());
    out.column(1).AddValue(i % 3 == 0 ? "UA" : "AA");
  }
  return out;
}

ColumnProfile Predictions(Random& random, int rows) {
  ColumnProfile out({"prediction", ValueKind::kNumber});
  for (int i = 0; i < rows; ++i) out.AddNumber(random.Uniform());
  return out;
}

TEST(SketchedColumns, CountsAddUp) {
  Random random(1);
  const sketch::Baseline baseline = MakeBaseline(random, 60, 200);
  const Result<BaselineView> view = ViewOf(baseline, nullptr);
  ASSERT_TRUE(view.ok());
  ASSERT_EQ(view->features.size(), 2U);
  ASSERT_TRUE(view->prediction.has_value());
  EXPECT_EQ(view->rows, 12'000);
  EXPECT_EQ(FormatTime(view->from), "2013-01-01T00:00:00Z");
  EXPECT_EQ(view->until - view->from, 60 * kDay);
  for (const BaselineColumn& column : view->features) {
    double sum = column.whole.counts.missing;
    for (const double count : column.whole.counts.bins) sum += count;
    EXPECT_EQ(sum, 12'000) << column.name;
    EXPECT_EQ(column.blocks.size(), 60U);
  }
  EXPECT_EQ(view->features[1].known, (std::vector<std::string>{"AA", "UA"}));
  EXPECT_NEAR(view->features[0].whole.numbers->median(), 50, 1);
}

TEST(SketchedColumns, HealthyWindowsAreFineAndShiftedOnesAreNot) {
  Random random(1);
  const Result<BaselineView> view = ViewOf(MakeBaseline(random, 80, 200), nullptr);
  ASSERT_TRUE(view.ok());
  const Detectors detectors(*view, kDay * 7);
  const auto evaluate = [&](double mean) {
    WindowView window = ViewOf(*view, Window(random, 1400, mean), Predictions(random, 1400));
    window.rows = 1400;
    const Evaluation first = detectors.Detect(window, nullptr);
    return detectors.Detect(window, &first);
  };
  const Evaluation healthy = evaluate(50);
  EXPECT_EQ(healthy.state, State::kOk);
  EXPECT_EQ(healthy.features[0].comparison.floor.method, FloorMethod::kBlocks);
  const Evaluation shifted = evaluate(55);
  ASSERT_EQ(shifted.findings.size(), 1U);
  EXPECT_EQ(shifted.findings[0].columns, std::vector<std::string>{"temp"});
  EXPECT_NEAR(*shifted.features[0].comparison.wasserstein, 0.5, 0.1);
}

// The error of a sketch of 1024 against counting itself: 0.005 as specified, in practice a tenth of it.
TEST(SketchedColumns, DistancesOfSketchesAreThoseOfTheRows) {
  for (const double shift : {0.0, 0.4, 1.0, 2.0}) {
    Random random(static_cast<std::uint64_t>(shift * 10) + 3);
    const testing::Numbers before = testing::Normal(random, 100'000);
    const testing::Numbers now = testing::Normal(random, 100'000, shift);
    ColumnProfile sketched_before({"x", ValueKind::kNumber});
    ColumnProfile sketched_now({"x", ValueKind::kNumber});
    sketched_before.AddNumbers(before);
    sketched_now.AddNumbers(now);
    BaselineColumn column;
    column.name = "x";
    column.bins.edges = sketch::ColumnBins::Of(sketched_before, 128).edges;
    column.whole = PeriodOf(column, sketched_before);
    const ColumnReference sketched(column, {});
    column.whole = testing::PeriodOf(before, column.bins);
    const ColumnReference exact(column, {});
    EXPECT_NEAR(sketched.Compare(PeriodOf(column, sketched_now)).jensen_shannon,
                exact.Compare(testing::PeriodOf(now, column.bins)).jensen_shannon, 0.005)
        << shift;
  }
}

TEST(SketchedColumns, ARetypedColumnIsOfAWrongType) {
  Random random(1);
  const Result<BaselineView> view = ViewOf(MakeBaseline(random, 10, 200), nullptr);
  ASSERT_TRUE(view.ok());
  Profile window({{"temp", ValueKind::kText}, {"carrier", ValueKind::kCategory}});
  for (int i = 0; i < 500; ++i) {
    window.column(0).AddValue("warm");
    window.column(1).AddValue("AA");
  }
  WindowView now = ViewOf(*view, window, Predictions(random, 500));
  now.rows = 500;
  const Evaluation out = Detectors(*view, kDay).Detect(now, nullptr);
  ASSERT_FALSE(out.findings.empty());
  EXPECT_EQ(out.findings[0].kind, FindingKind::kWrongType);
  EXPECT_EQ(out.findings[0].value, 1);
}

TEST(SketchedColumns, RangesComeFromTheSchema) {
  Random random(1);
  schema::Schema schema;
  schema::Column temp;
  temp.name = "temp";
  temp.unit = "degF";
  temp.min = -20;
  temp.max = 110;
  schema.columns = {temp};
  const Result<BaselineView> view = ViewOf(MakeBaseline(random, 10, 200), &schema);
  ASSERT_TRUE(view.ok());
  Profile window = Window(random, 1000, 50);
  for (int i = 0; i < 20; ++i) window.column(0).AddNumber(1048);
  WindowView now = ViewOf(*view, window, Predictions(random, 1020));
  now.rows = 1020;
  const Evaluation out = Detectors(*view, kDay).Detect(now, nullptr);
  ASSERT_FALSE(out.findings.empty());
  EXPECT_EQ(out.findings[0].sentence, "temp is outside -20 to 110 degF in 2.0 % of rows (up to 1,048)");
}

TEST(SketchedColumns, UnknownCategoriesOfTheModelAreNew) {
  Random random(1);
  const Result<BaselineView> view = ViewOf(MakeBaseline(random, 10, 200), nullptr);
  ASSERT_TRUE(view.ok());
  Profile window = Window(random, 900, 50);
  window.column(1).AddWrongType(60);  // as model servers record what the vocabulary lacks
  window.column(1).AddValue("B6", 40);
  window.column(0).AddMissing(100);
  WindowView now = ViewOf(*view, window, Predictions(random, 1000));
  now.rows = 1000;
  const Evaluation out = Detectors(*view, kDay).Detect(now, nullptr);
  const auto found = std::find_if(out.findings.begin(), out.findings.end(),
                                  [](const Finding& each) { return each.kind == FindingKind::kNewCategory; });
  ASSERT_NE(found, out.findings.end());
  EXPECT_NEAR(found->value, 0.1, 1e-9);
  EXPECT_NE(found->sentence.find("\"B6\""), std::string::npos);
}

}  // namespace
}  // namespace mw::monitoring
