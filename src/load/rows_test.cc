// Recorded rows are read as they stand, rows like a baseline's look like it, made-up ones fit their columns.
#include "load/rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/text.h"

namespace mw::load {
namespace {

const std::vector<InputColumn> kColumns = {
    {"temp", "FP32", {}}, {"hour", "INT64", {}}, {"late", "BOOL", {}}, {"carrier", "BYTES", {}}};

std::string Text(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return "missing";
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<double>(&cell)) return Cat(*number);
  return std::get<std::string>(cell);
}

std::string Text(const Row& row) {
  std::vector<std::string> cells;
  for (const Cell& cell : row) cells.push_back(Text(cell));
  return Join(cells, "|");
}

std::string NextOf(RowSource& source) {
  Row row;
  source.Next(row);
  return Text(row);
}

TEST(RecordedRows, ReadsCsvInItsOrderAndFromTheStartAgain) {
  const auto rows = RecordedRows(kColumns,
                                 "carrier,ignored,temp,late,hour\r\n"
                                 "UA,x,1.5,true,3\r\n"
                                 "\"A, \"\"B\"\"\",,,0,\n"
                                 "\n"
                                 "\"two\nlines\",,-2e3,yes,23",
                                 true);
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ(NextOf(**rows), "1.5|3|true|UA");
  EXPECT_EQ(NextOf(**rows), "missing|missing|false|A, \"B\"");
  EXPECT_EQ(NextOf(**rows), "-2000|23|true|two\nlines");
  EXPECT_EQ(NextOf(**rows), "1.5|3|true|UA");
  EXPECT_EQ((*rows)->About(), "3 recorded rows");
}

TEST(RecordedRows, ReadsAnObjectOnEachLine) {
  const auto rows = RecordedRows(kColumns,
                                 R"({"temp":1,"hour":2,"late":false,"carrier":"UA","other":[1]})"
                                 "\n\n"
                                 R"({"carrier":null,"temp":"2.5","hour":null,"late":1})",
                                 false);
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ(NextOf(**rows), "1|2|false|UA");
  EXPECT_EQ(NextOf(**rows), "2.5|missing|true|missing");
}

TEST(RecordedRows, SaysWhatIsWrongAndWhere) {
  const auto fault = [](std::string_view text, bool csv) {
    const auto rows = RecordedRows(kColumns, text, csv);
    return rows.ok() ? "none" : rows.error().ToString();
  };
  EXPECT_EQ(fault("temp,hour,late,carier\n1,2,0,UA\n", true),
            "line 1: the model's column \"carrier\" is not there; did you mean \"carier\"?");
  EXPECT_EQ(fault("temp,hour,late,carrier\n1,2,0,UA\nx,2,0,UA\n", true),
            "line 3: column \"temp\" holds \"x\", which is no value of FP32");
  EXPECT_EQ(fault("temp,hour,late,carrier\n1,2,0\n", true), "line 2 has 3 cells, the heading has 4");
  EXPECT_EQ(fault("temp,hour,late,carrier\n1,2,0,\"UA\n", true), "line 2: a quote is not closed");
  EXPECT_EQ(fault("temp,hour,late,carrier\n", true), "the file has no rows");
  EXPECT_EQ(fault("\xff\n", true), "the rows are not UTF-8");
  EXPECT_EQ(fault("[1]\n", false), "line 1 is no JSON object of columns and values");
  EXPECT_EQ(fault(R"({"temp":true,"hour":1,"late":1,"carrier":""})", false),
            "line 1: column \"temp\" holds true, which is no value of FP32");
  EXPECT_NE(fault("{\"temp\":", false), "none");
}

TEST(MadeUpRows, FitTheirColumns) {
  std::vector<InputColumn> columns = kColumns;
  columns.push_back({"origin", "BYTES", {"EWR", "JFK"}});
  const auto source = MadeUpRows(columns, 1);
  std::set<std::string> origins;
  Row row;
  for (int i = 0; i < 100; ++i) {
    source->Next(row);
    ASSERT_EQ(row.size(), columns.size());
    EXPECT_TRUE(std::holds_alternative<double>(row[0]));
    EXPECT_EQ(std::get<double>(row[1]), std::floor(std::get<double>(row[1])));
    EXPECT_TRUE(std::holds_alternative<bool>(row[2]));
    origins.insert(std::get<std::string>(row[4]));
  }
  EXPECT_EQ(origins, (std::set<std::string>{"EWR", "JFK"}));
  EXPECT_EQ(source->About(), "made-up rows; 1 column holds texts the model hardly knows");
  const auto again = MadeUpRows(columns, 1);
  const auto other = MadeUpRows(columns, 2);
  const std::string first = NextOf(*again);
  EXPECT_EQ(first, NextOf(*MadeUpRows(columns, 1)));
  EXPECT_NE(first, NextOf(*other));
}

// 10,000 training rows: temp uniform in 0..100 with a fifth missing, hour 0..23, carrier UA three times as often as AA.
TEST(BaselineRows, LookLikeTheTrainingData) {
  sketch::Baseline baseline;
  baseline.whole = sketch::Profile({{"temp", sketch::ValueKind::kNumber},
                                    {"hour", sketch::ValueKind::kNumber},
                                    {"carrier", sketch::ValueKind::kCategory}});
  for (int i = 0; i < 10'000; ++i) {
    baseline.whole.column(0).AddNumber(i % 5 == 0 ? std::nan("") : i / 100.0);
    baseline.whole.column(1).AddNumber(i % 24);
    baseline.whole.column(2).AddValue(i % 4 == 0 ? "AA" : "UA");
  }
  const auto source = BaselineRows(kColumns, baseline, 1);
  int missing = 0, low = 0, united = 0;
  Row row;
  for (int i = 0; i < 10'000; ++i) {
    source->Next(row);
    if (const auto* temp = std::get_if<double>(&row[0])) {
      EXPECT_TRUE(*temp >= 0 && *temp < 100);
      low += *temp < 50 ? 1 : 0;
    } else {
      ++missing;
    }
    const double hour = std::get<double>(row[1]);
    EXPECT_TRUE(hour >= 0 && hour < 24 && hour == std::floor(hour));
    EXPECT_TRUE(std::holds_alternative<bool>(row[2]));  // not in the baseline: made up
    united += std::get<std::string>(row[3]) == "UA" ? 1 : 0;
  }
  EXPECT_NEAR(missing, 2000, 160);
  EXPECT_NEAR(low, 4000, 200);
  EXPECT_NEAR(united, 7500, 180);
}

}  // namespace
}  // namespace mw::load
