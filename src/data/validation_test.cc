// Which values the schema's rules find, which rows stay, and how findings read.
#include "data/validation.h"

#include <gtest/gtest.h>

#include "data/testing.h"

namespace mw::data {
namespace {

constexpr std::string_view kSchema = R"(
schema: weather
columns:
  id:         {type: text, required: true}
  at:         timestamp
  wind_speed: {type: float, unit: mph, min: 0, max: 150}
  hour:       {type: integer, min: 0, max: 23}
  origin:     {type: category, vocabulary: [EWR, JFK, LGA]}
)";

class ValidationTest : public ::testing::Test {
 protected:
  Validation Check(const std::string& sql, std::string_view schema = kSchema,
                   const std::map<std::string, double>& max_missing = {}) {
    const Status made = session_.Materialise("t", sql);
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    const auto parsed = schema::ParseYaml(schema, "schema.yaml");
    EXPECT_TRUE(parsed.ok()) << parsed.error().ToString();
    auto validation = Validate(session_, "t", {"at", "", "id", ""}, *parsed, max_missing);
    EXPECT_TRUE(validation.ok()) << validation.error().ToString();
    return std::move(*validation);
  }
  std::vector<std::string> Messages(const Validation& validation) {
    std::vector<std::string> messages;
    for (const Finding& finding : validation.findings) messages.push_back(finding.message);
    return messages;
  }
  /// Ids of the rows that a quarantine would keep.
  std::string Kept(const Validation& validation) {
    const std::string where = validation.bad_row.empty() ? "true" : Cat("NOT (", validation.bad_row, ")");
    const auto rows = session_.Query(Cat("SELECT string_agg(id, ' ' ORDER BY id) FROM (SELECT ", validation.select_list,
                                         " FROM t WHERE ", where, ")"));
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    return (*rows)[0][0].AsString();
  }

  DuckdbSession session_ = OpenOver({});
};

std::string Row(const std::string& id, const std::string& wind, const std::string& hour, const std::string& origin) {
  return Cat("SELECT ", id, " AS id, TIMESTAMPTZ '2013-02-12 08:00:00Z' AS at, ", wind, " AS wind_speed, ", hour,
             " AS hour, ", origin, " AS origin");
}

TEST_F(ValidationTest, FindsNothingWrongWithGoodAndMissingValues) {
  const Validation validation =
      Check(Row("'a'", "10.5", "3", "'EWR'") + " UNION ALL " + Row("'b'", "NULL", "NULL", "NULL"));
  EXPECT_TRUE(validation.findings.empty());
  EXPECT_EQ(validation.rows, 2);
  EXPECT_EQ(Kept(validation), "a b");
}

TEST_F(ValidationTest, NamesTheWindThatCannotBe) {
  const Validation validation =
      Check(Row("'a'", "1048.36058", "3", "'EWR'") + " UNION ALL " + Row("'b'", "12.0", "3", "'EWR'"));
  EXPECT_EQ(
      Messages(validation),
      (std::vector<std::string>{"wind_speed: 1 row against max 150 mph, e.g. 1048.36 mph (a, 2013-02-12T08:00:00Z)"}));
  EXPECT_EQ(validation.findings[0].rule, "max");
  EXPECT_EQ(validation.findings[0].value.AsDouble(), 1048.36058);
  EXPECT_EQ(Kept(validation), "b");
}

TEST_F(ValidationTest, FindsEveryKindOfBadValueAtOnce) {
  const Validation validation =
      Check(Row("'a'", "-1.0", "3", "'EWR'") + " UNION ALL " + Row("'b'", "1.0", "24", "'BOS'") + " UNION ALL " +
            Row("NULL", "1.0", "1", "'JFK'") + " UNION ALL " + Row("'d'", "1.0", "1", "'JFK'"));
  EXPECT_EQ(
      Messages(validation),
      (std::vector<std::string>{"id: 1 row without a value (2013-02-12T08:00:00Z)",
                                "wind_speed: 1 row against min 0 mph, e.g. -1 mph (a, 2013-02-12T08:00:00Z)",
                                "hour: 1 row against max 23, e.g. 24 (b, 2013-02-12T08:00:00Z)",
                                "origin: 1 row against a vocabulary of 3, e.g. \"BOS\" (b, 2013-02-12T08:00:00Z)"}));
  EXPECT_EQ(validation.rows_with_findings, 3);
  EXPECT_EQ(Kept(validation), "d");
}

TEST_F(ValidationTest, ReadsTextAsTheDeclaredTypeAndNamesWhatDoesNot) {
  const Validation validation =
      Check(Row("'a'", "'12.5'", "'7'", "'EWR'") + " UNION ALL " + Row("'b'", "'12,5'", "'7.5'", "'EWR'"));
  EXPECT_EQ(Messages(validation),
            (std::vector<std::string>{"wind_speed: 1 row against type float, e.g. \"12,5\" (b, 2013-02-12T08:00:00Z)",
                                      "hour: 1 row against type integer, e.g. \"7.5\" (b, 2013-02-12T08:00:00Z)"}));
  const auto columns = session_.Describe(Cat("SELECT ", validation.select_list, " FROM t"));
  ASSERT_TRUE(columns.ok());
  EXPECT_EQ((*columns)[2].type, schema::ColumnType::kFloat);
  EXPECT_EQ((*columns)[3].type, schema::ColumnType::kInteger);
  EXPECT_EQ(Kept(validation), "a");
}

TEST_F(ValidationTest, NamesColumnsThatAreAbsentOfAnotherTypeOrNew) {
  const Validation validation =
      Check("SELECT 'a' AS id, TIMESTAMPTZ '2013-02-12 08:00:00Z' AS at, 3.0 AS wind_sped, 1 AS hour, 5 AS origin");
  EXPECT_EQ(Messages(validation),
            (std::vector<std::string>{
                "wind_speed: the rows have no such column; the nearest is \"wind_sped\"",
                "origin: the rows have a integer, the schema says category; cast it in the query or change the schema",
                "wind_sped: the schema does not name this column"}));
  EXPECT_TRUE(validation.HasColumnFindings());
  EXPECT_EQ(validation.findings[2].concern, Concern::kNote);
  EXPECT_EQ(validation.rows_with_findings, 0);
}

TEST_F(ValidationTest, BoundsTheShareOfMissingValues) {
  const std::string rows = Row("'a'", "1.0", "1", "'EWR'") + " UNION ALL " + Row("'b'", "NULL", "1", "'EWR'");
  EXPECT_TRUE(Check(rows, kSchema, {{"wind_speed", 0.5}}).findings.empty());
  const Validation validation = Check(rows, kSchema, {{"wind_speed", 0.4}});
  EXPECT_EQ(Messages(validation),
            (std::vector<std::string>{"wind_speed: 50.0 % of the rows have no value; allowed are 40.0 %"}));
  EXPECT_TRUE(validation.HasColumnFindings());
}

TEST_F(ValidationTest, NaNIsMissingAndNotAboveEveryLimit) {
  EXPECT_TRUE(Check(Row("'a'", "'nan'::DOUBLE", "1", "'EWR'")).findings.empty());
  EXPECT_EQ(Check(Row("'a'", "'inf'::DOUBLE", "1", "'EWR'")).findings.size(), 1U);
}

}  // namespace
}  // namespace mw::data
