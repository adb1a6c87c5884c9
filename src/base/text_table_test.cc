// Columns as a person sees them.
#include "base/text_table.h"

#include <gtest/gtest.h>

namespace mw {
namespace {

TEST(TextTable, ColumnsAreAsWideAsTheirWidestCellAndEndWithoutSpaces) {
  EXPECT_EQ(TextTable({{"step", "state", "why"}, {"import", "done", ""}, {"train", "waits", "for import"}}),
            "step    state  why\n"
            "import  done\n"
            "train   waits  for import\n");
}

TEST(TextTable, NumbersStandRightUnderTheirHeading) {
  EXPECT_EQ(TextTable({{"model", "rows", "share"}, {"late", "1,234", "-0.5"}, {"early", "7", "-"}, {"new", "", "12%"}}),
            "model   rows  share\n"
            "late   1,234   -0.5\n"
            "early      7      -\n"
            "new             12%\n");
}

TEST(TextTable, AColumnWithAWordStandsLeftAllOfIt) {
  EXPECT_EQ(TextTable({{"metric", "value"}, {"rows", "12"}, {"roc_auc", "0.71 [0.70, 0.72]"}, {"none", "-"}}),
            "metric   value\n"
            "rows     12\n"
            "roc_auc  0.71 [0.70, 0.72]\n"
            "none     -\n");
}

TEST(TextTable, AShortRowsLastCellRunsToTheRight) {
  EXPECT_EQ(TextTable({{"slice", "rows", "auc"}, {"carrier=AA", "9", "too few rows to say"}, {"x", "only 3 of 100"}}),
            "slice       rows  auc\n"
            "carrier=AA     9  too few rows to say\n"
            "x           only 3 of 100\n");
}

TEST(TextTable, CountsCharactersAndNotBytes) {
  EXPECT_EQ(TextTable({{"goal", "state"}, {"Zürich", "met"}, {"Oslo", "missed"}}),
            "goal    state\n"
            "Zürich  met\n"
            "Oslo    missed\n");
}

TEST(TextTable, NothingIsNoTable) {
  EXPECT_EQ(TextTable({}), "");
  EXPECT_EQ(TextTable({{"a", "b"}}), "a  b\n");
}

}  // namespace
}  // namespace mw
