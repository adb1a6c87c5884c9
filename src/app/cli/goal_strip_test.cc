// What people read of a goal's board: which windows, in which unit, and what the headline passes over.
#include "app/cli/goal_strip.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/text.h"

namespace mw::app::cli {
namespace {

struct Cell {
  std::string text, outcome;
};

Json Target(std::string_view name, std::string_view metric, std::string_view need, const std::vector<Cell>& cells) {
  Json list = Json::MakeArray();
  for (const Cell& cell : cells) list.Append(Json::Make({{"text", cell.text}, {"outcome", cell.outcome}}));
  return Json::Make(
      {{"name", name}, {"kind", "quality"}, {"metric", metric}, {"need", need}, {"cells", std::move(list)}});
}

Json Board(std::string_view state, const std::vector<std::string>& labels, const std::vector<Json>& targets) {
  Json windows = Json::MakeArray();
  for (const std::string& label : labels) windows.Append(Json::Make({{"label", label}, {"stage", "production"}}));
  Json list = Json::MakeArray();
  for (const Json& target : targets) list.Append(target);
  return Json::Make({{"goal", "late"},
                     {"state", state},
                     {"missed_in", Json::MakeArray()},
                     {"pending", 1},
                     {"windows", std::move(windows)},
                     {"targets", std::move(list)}});
}

bool Says(const std::string& strip, std::string_view text) { return strip.find(text) != std::string::npos; }

TEST(Strip, SharesInPercentAreNeededInPercent) {
  const std::string strip = GoalStrip(Board("met", {"Jul 2013"},
                                            {Target("money", "saving", ">= 0.49", {{"80", "met"}}),
                                             Target("ranking", "roc_auc", ">= 0.68", {{".72", "met"}})}));
  EXPECT_TRUE(Says(strip, ">= 49%")) << strip;
  EXPECT_TRUE(Says(strip, " 80%")) << strip;
  EXPECT_TRUE(Says(strip, ">= 0.68")) << strip;
  EXPECT_TRUE(Says(strip, " .72 ")) << strip;
  EXPECT_TRUE(Says(strip, "(1 window waits to be judged)")) << strip;
}

TEST(Strip, SaysHowManyWindowsAreNotShown) {
  std::vector<std::string> labels;
  std::vector<Cell> cells;
  for (int year = 1901; year <= 1984; ++year) {
    labels.push_back(Cat("Jul ", year));
    cells.push_back({".72", "met"});
  }
  const Json board = Board("met", labels, {Target("ranking", "roc_auc", ">= 0.68", cells)});
  EXPECT_TRUE(Says(GoalStrip(board), " earlier windows are not shown, ")) << GoalStrip(board);
  EXPECT_FALSE(Says(GoalStrip(board), "Jul 1901"));
  EXPECT_TRUE(Says(GoalStrip(board, 2), "82 earlier windows are not shown, 2 of 84 are: --all")) << GoalStrip(board, 2);
  const std::string all = GoalStrip(board, 1000);
  EXPECT_TRUE(Says(all, "Jul 1901"));
  EXPECT_FALSE(Says(all, "not shown"));
}

TEST(Strip, WhatIsMissedUnderAMetHeadlineIsSaid) {
  const std::vector<std::string> labels = {"Jun 2013", "Jul 2013"};
  const std::string strip =
      GoalStrip(Board("met", labels,
                      {Target("ranking", "roc_auc", ">= 0.68", {{".72", "met"}, {".72", "met"}}),
                       Target("spread", "ece", "<= 0.02", {{".05!", "missed"}, {".05!", "missed"}})}));
  EXPECT_TRUE(Says(strip, "and 1 before)")) << strip;
  EXPECT_FALSE(Says(GoalStrip(Board("met", labels, {Target("ranking", "roc_auc", ">= 0.68", {{".72", "met"}})})),
                    "all the same"));
}

TEST(Strip, YearsAreLeftOutOnlyWhereOneHoldsForAll) {
  const std::vector<Json> targets = {Target("ranking", "roc_auc", ">= 0.68", {{".72", "met"}, {".72", "met"}})};
  const std::string one = GoalStrip(Board("met", {"7 Sep - 4 Oct 2020", "5 Oct - 1 Nov 2020"}, targets));
  EXPECT_TRUE(Says(one, " 5 Oct - 1 Nov ")) << one;
  EXPECT_FALSE(Says(one, "2020")) << one;
  const std::string shown = GoalStrip(Board("met", {"30 Dec 2019 - 26 Jan 2020", "27 Jan - 23 Feb 2020"}, targets), 1);
  EXPECT_TRUE(Says(shown, " 27 Jan - 23 Feb ")) << shown;
  EXPECT_FALSE(Says(shown, "2020")) << "the years of windows that are not shown make no label longer\n" << shown;
  const std::string two =
      GoalStrip(Board("met", {"7 Sep - 4 Oct 2020 - 31 Oct - 27 Nov 2023", "28 Nov - 25 Dec 2023"}, targets), 2);
  EXPECT_TRUE(Says(two, "27 Nov 2023")) << two;
}

}  // namespace
}  // namespace mw::app::cli
