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

TEST(TextTable, AVeryLongCellMovesItsOwnRowAlone) {
  const std::string name(61, 'n');
  EXPECT_EQ(TextTable({{"name", "runs"}, {name, "2"}, {"a\nb", "1"}}), "name  runs\n" + name + "     2\na\\nb     1\n");
}

TEST(TextTable, ATerminalIsGivenNoOrders) {
  EXPECT_EQ(Printable("\x1b[2J a\r\x7f\a"), "\\u001b[2J a\\u000d\\u007f\\u0007");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m \xe2\x80\xae"
                      "x\xe2\x81\xa6"),
            "\\u009b31m \\u202ex\\u2066");
  const std::string plain = "two\n\tlines: é 日本 🎉 \xe2\x80\x93 \xc2\xa0 \xff\xc2";
  EXPECT_EQ(Printable(plain), plain);
}

TEST(TextTable, NothingIsNoTable) {
  EXPECT_EQ(TextTable({}), "");
  EXPECT_EQ(TextTable({{"a", "b"}}), "a  b\n");
}

}  // namespace
}  // namespace mw
