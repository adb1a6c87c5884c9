// Headers as files have them.
#include "data/csv_header.h"

#include <gtest/gtest.h>

namespace mw::data {
namespace {

using Names = std::vector<std::string>;

TEST(CsvHeaderTest, TakesTheSeparatorThatOccursMost) {
  EXPECT_EQ(ParseCsvHeader("a,b,c\n1,2,3\n")->names, (Names{"a", "b", "c"}));
  EXPECT_EQ(ParseCsvHeader("a;b,c;d\n")->separator, ';');
  EXPECT_EQ(ParseCsvHeader("a\tb\r\n")->names, (Names{"a", "b"}));
  EXPECT_EQ(ParseCsvHeader("alone")->names, (Names{"alone"}));
}

TEST(CsvHeaderTest, ReadsQuotedNames) {
  const auto header = ParseCsvHeader("\xEF\xBB\xBF\"a,\nb\",\"say \"\"x\"\"\"\n1,2\n");
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->names, (Names{"a,\nb", "say \"x\""}));
}

TEST(CsvHeaderTest, RefusesWhatIsNoHeader) {
  EXPECT_EQ(ParseCsvHeader("").error().message, "line 1 is empty; a CSV file begins with its columns' names");
  EXPECT_EQ(ParseCsvHeader("a,\"b\n").error().message, "line 1: a quote is opened and never closed");
  EXPECT_EQ(ParseCsvHeader("a,,c").error().message, "line 1: column 2 has no name");
  EXPECT_EQ(ParseCsvHeader("temp,Temp").error().message,
            "line 1: the name \"Temp\" stands twice; rename one of the columns");
  EXPECT_FALSE(ParseCsvHeader("a,\xff\xfe").ok());
  EXPECT_FALSE(ParseCsvHeader(std::string(kCsvHeaderBytesMax, 'a')).ok());
}

}  // namespace
}  // namespace mw::data
