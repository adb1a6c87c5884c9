// Datasets: what is inferred, what is refused, what is read back; and profiles against known answers.
#include "data/dataset.h"

#include <gtest/gtest.h>

#include "data/profile.h"
#include "data/testing.h"

namespace mw::data {
namespace {

using schema::ColumnType;

class DatasetTest : public ::testing::Test {
 protected:
  Result<Dataset> Write(const std::string& sql, const DatasetSpec& spec = {}) {
    return WriteDataset(session_, sql, spec, directory_);
  }
  std::string Refusal(const std::string& sql, const Roles& roles) {
    DatasetSpec spec;
    spec.roles = roles;
    const auto dataset = Write(sql, spec);
    return dataset.ok() ? "" : dataset.error().ToString();
  }

  ScratchDirectory scratch_;
  std::string directory_ = scratch_.Directory("rows");
  DuckdbSession session_ = OpenOver({scratch_.path()});
};

TEST_F(DatasetTest, IsReadBackAsItWasWritten) {
  DatasetSpec spec;
  spec.roles = {"at", "known", "id", "late"};
  spec.sources = {"sha256:ab"};
  spec.split = Json::Make({{"part", "train"}});
  const auto written = Write(
      "SELECT 'f' || i AS id, TIMESTAMPTZ '2013-01-01 00:00:00Z' + to_hours(i) AS at, \"at\" + INTERVAL 1 HOUR AS "
      "known,"
      " i % 3 = 0 AS late, ['EWR', 'JFK'][1 + i % 2] AS origin, i / 4 AS delay, i AS n FROM range(100) AS r(i)",
      spec);
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  const auto read = ReadDataset(directory_);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->rows, 100);
  EXPECT_EQ(read->roles.known_at, "known");
  EXPECT_EQ(read->columns, written->columns);
  EXPECT_EQ(read->profile, written->profile);
  EXPECT_EQ(read->split, spec.split);
  EXPECT_EQ(read->sources, spec.sources);
  const schema::Schema schema = read->AsSchema("flights");
  EXPECT_TRUE(schema::Check(schema).ok());
  EXPECT_EQ(schema.Find("id")->type, ColumnType::kText);
  EXPECT_EQ(schema.Find("at")->type, ColumnType::kTimestamp);
  EXPECT_EQ(schema.Find("late")->type, ColumnType::kBoolean);
  EXPECT_EQ(schema.Find("origin")->type, ColumnType::kCategory);
  EXPECT_EQ(schema.Find("origin")->vocabulary, (std::vector<std::string>{"EWR", "JFK"}));
  EXPECT_EQ(schema.Find("delay")->type, ColumnType::kFloat);
  EXPECT_EQ(schema.Find("n")->type, ColumnType::kInteger);
}

TEST_F(DatasetTest, CallsManyDifferentTextsText) {
  const auto dataset = Write("SELECT 'tail ' || (i % 500) AS tail FROM range(1000) AS r(i)");
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->columns[0].type, ColumnType::kText);
  EXPECT_TRUE(dataset->columns[0].vocabulary.empty());
}

TEST_F(DatasetTest, KeepsADeclaredTypeAndLearnsItsVocabulary) {
  DatasetSpec spec;
  schema::Column declared;
  declared.name = "tail";
  declared.type = ColumnType::kCategory;
  declared.description = "the plane";
  spec.declared = {declared};
  const auto dataset = Write("SELECT 'b' AS tail UNION ALL SELECT 'a' UNION ALL SELECT NULL", spec);
  ASSERT_TRUE(dataset.ok()) << dataset.error().ToString();
  EXPECT_EQ(dataset->columns[0].vocabulary, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(dataset->columns[0].description, "the plane");
}

TEST_F(DatasetTest, RefusesRolesThatTheRowsCannotPlay) {
  const std::string time = "TIMESTAMP '2013-01-01' AS at";
  EXPECT_EQ(Refusal("SELECT 1 AS id, " + time, {"att", "", "", ""}),
            "event_time: the rows have no column \"att\"; did you mean \"at\"");
  EXPECT_EQ(Refusal("SELECT 1 AS id", {"id", "", "", ""}),
            "event_time: column \"id\" is of type integer; it must be a timestamp");
  EXPECT_EQ(Refusal("SELECT " + time + " UNION ALL SELECT NULL", {"at", "", "", ""}),
            "event_time: 1 of 2 rows have no \"at\"");
  EXPECT_EQ(Refusal("SELECT unnest(['x', 'y', 'x']) AS id", {"", "", "id", ""}),
            "key: 1 of 3 rows repeat a value of \"id\", e.g. \"x\"");
}

TEST_F(DatasetTest, RefusesANewerFormatAndWhatIsNoDataset) {
  EXPECT_EQ(ParseDataset(R"({"format_version":2})").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(ParseDataset(R"({"format_version":1,"rows":3})").error().code, Code::kInvalidArgument);
  EXPECT_EQ(ParseDataset("[]").error().code, Code::kInvalidArgument);
  EXPECT_EQ(ReadDataset(scratch_.path()).error().code, Code::kNotFound);
}

TEST_F(DatasetTest, AnEmptyDatasetIsADataset) {
  const auto dataset = Write("SELECT 1 AS a, 'x' AS b WHERE false");
  ASSERT_TRUE(dataset.ok()) << dataset.error().ToString();
  EXPECT_EQ(dataset->rows, 0);
  EXPECT_TRUE(ReadDataset(directory_).ok());
}

class ProfileTest : public ::testing::Test {
 protected:
  ColumnProfile Of(const std::string& sql) {
    EXPECT_TRUE(session_.Materialise("t", sql).ok());
    const auto profile = Profile(session_, "t");
    EXPECT_TRUE(profile.ok()) << profile.error().ToString();
    return profile->front();
  }
  DuckdbSession session_ = OpenOver({});
};

// 1 to 100: mean 50.5, variance (100^2 - 1) / 12, the quantile at share s is the value at rank 100 s.
TEST_F(ProfileTest, OfTheNumbersFromOneToAHundred) {
  const ColumnProfile profile = Of("SELECT i AS x FROM range(1, 101) AS r(i)");
  EXPECT_EQ(profile.rows, 100);
  EXPECT_EQ(profile.missing, 0);
  EXPECT_EQ(profile.distinct, 100);
  ASSERT_TRUE(profile.moments.has_value());
  EXPECT_EQ(profile.moments->min, 1);
  EXPECT_EQ(profile.moments->max, 100);
  EXPECT_DOUBLE_EQ(profile.moments->mean, 50.5);
  EXPECT_NEAR(profile.moments->std, 28.86607004772212, 1e-12);
  ASSERT_EQ(profile.moments->quantiles.size(), 21U);
  EXPECT_EQ(profile.moments->quantiles[0], 1);
  EXPECT_EQ(profile.moments->quantiles[1], 5);
  EXPECT_EQ(profile.moments->quantiles[10], 50);
  EXPECT_EQ(profile.moments->quantiles[20], 100);
  EXPECT_EQ(profile.moments->histogram, std::vector<std::int64_t>(20, 5));
}

TEST_F(ProfileTest, CountsNaNAsMissingAndInfinitiesApart) {
  const ColumnProfile profile =
      Of("SELECT unnest([1.0, 3.0, 'nan'::DOUBLE, NULL, 'inf'::DOUBLE, '-inf'::DOUBLE]) AS x");
  EXPECT_EQ(profile.rows, 6);
  EXPECT_EQ(profile.missing, 2);
  EXPECT_EQ(profile.infinite, 2);
  EXPECT_EQ(profile.moments->mean, 2);
  EXPECT_EQ(profile.moments->std, 1);
  EXPECT_EQ(profile.moments->max, 3);
}

TEST_F(ProfileTest, OfOneValueAndOfNone) {
  EXPECT_EQ(Of("SELECT 7.5 AS x FROM range(3)").moments->histogram, std::vector<std::int64_t>{3});
  const ColumnProfile none = Of("SELECT NULL::DOUBLE AS x FROM range(3)");
  EXPECT_EQ(none.missing, 3);
  EXPECT_FALSE(none.moments.has_value());
}

TEST_F(ProfileTest, ListsTheMostFrequentTexts) {
  const ColumnProfile profile = Of("SELECT unnest(['b', 'a', 'b', NULL, 'c', 'a', 'b']) AS x");
  EXPECT_EQ(profile.distinct, 3);
  EXPECT_EQ(profile.top, (std::vector<std::pair<std::string, std::int64_t>>{{"b", 3}, {"a", 2}, {"c", 1}}));
}

TEST_F(ProfileTest, GivesThePeriodOfTimes) {
  const ColumnProfile profile =
      Of("SELECT unnest([TIMESTAMP '2013-01-02 03:00:00', NULL, TIMESTAMP '2013-01-01 00:00:00']) AS x");
  ASSERT_TRUE(profile.period.has_value());
  EXPECT_EQ(profile.period->first, "2013-01-01T00:00:00Z");
  EXPECT_EQ(profile.period->second, "2013-01-02T03:00:00Z");
}

TEST_F(ProfileTest, NamesAColumnThatIsNotThere) {
  ASSERT_TRUE(session_.Materialise("t", "SELECT 1 AS temp").ok());
  const auto profile = Profile(session_, "t", {"tmep"});
  ASSERT_FALSE(profile.ok());
  EXPECT_EQ(profile.error().message, "no column \"tmep\"; did you mean \"temp\"");
}

}  // namespace
}  // namespace mw::data
