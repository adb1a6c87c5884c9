// What a session reads, refuses and reports.
#include "data/duckdb_session.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/testing.h"

namespace mw::data {
namespace {

constexpr std::string_view kCsv =
    "name,delay,late,at\n"
    "a,1.5,true,2013-07-01T04:00:00Z\n"
    "b,,false,2013-07-01T05:00:00Z\n"
    ",3,,\n";

class DuckdbSessionTest : public ::testing::Test {
 protected:
  ScratchDirectory scratch_;
  DuckdbSession session_ = OpenOver({scratch_.path()});
};

TEST_F(DuckdbSessionTest, InfersTheTypesOfACsvFile) {
  ASSERT_TRUE(session_.Bind("t", scratch_.File("t.csv", kCsv)).ok());
  const auto columns = session_.Describe("SELECT * FROM t");
  ASSERT_TRUE(columns.ok()) << columns.error().ToString();
  ASSERT_EQ(columns->size(), 4U);
  EXPECT_EQ((*columns)[0].type, schema::ColumnType::kText);
  EXPECT_EQ((*columns)[1].type, schema::ColumnType::kFloat);
  EXPECT_EQ((*columns)[2].type, schema::ColumnType::kBoolean);
  EXPECT_EQ((*columns)[3].type, schema::ColumnType::kTimestamp);
}

TEST_F(DuckdbSessionTest, StreamsValuesAndMissingOnes) {
  ASSERT_TRUE(session_.Bind("t", scratch_.File("t.csv", kCsv)).ok());
  std::size_t rows = 0;
  const Status status = session_.Stream("SELECT * FROM t;", [&](const Chunk& chunk) {
    rows += chunk.rows();
    EXPECT_EQ(chunk.Texts(0)[0], "a");
    EXPECT_TRUE(chunk.IsMissing(0, 2));
    EXPECT_EQ(chunk.Numbers(1)[0], 1.5);
    EXPECT_TRUE(std::isnan(chunk.Numbers(1)[1]));
    EXPECT_EQ(chunk.Numbers(2)[0], 1);
    EXPECT_EQ(chunk.Numbers(2)[1], 0);
    EXPECT_EQ(FormatTime(FromMicros(chunk.Times(3)[1])), "2013-07-01T05:00:00Z");
    EXPECT_EQ(chunk.Times(3)[2], Chunk::kMissingTime);
    return Ok();
  });
  ASSERT_TRUE(status.ok()) << status.error().ToString();
  EXPECT_EQ(rows, 3U);
}

TEST_F(DuckdbSessionTest, KeepsTheOrderOfManyChunks) {
  double expected = 0;
  const Status status = session_.Stream("SELECT i FROM range(100000) AS r(i) ORDER BY i", [&](const Chunk& chunk) {
    for (const double value : chunk.Numbers(0)) EXPECT_EQ(value, expected++);
    return Ok();
  });
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(expected, 100000);
}

TEST_F(DuckdbSessionTest, EndsAQueryByTheVisitorsError) {
  const Status status =
      session_.Stream("SELECT * FROM range(100000)", [](const Chunk&) { return Status(Cancelled("enough")); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kCancelled);
}

TEST_F(DuckdbSessionTest, NamesQueryFileAndLine) {
  ASSERT_TRUE(session_.Bind("t", scratch_.File("t.csv", kCsv)).ok());
  const auto columns = session_.Describe("SELECT\n  name,\n  dealy\nFROM t", "features.sql");
  ASSERT_FALSE(columns.ok());
  EXPECT_EQ(columns.error().code, Code::kInvalidArgument);
  EXPECT_TRUE(columns.error().message.starts_with("features.sql:3: Referenced column \"dealy\" not found"))
      << columns.error().message;
  EXPECT_NE(columns.error().message.find("\"delay\""), std::string::npos) << columns.error().message;
}

TEST_F(DuckdbSessionTest, NamesTheLineOfABrokenCsvFile) {
  const auto refusal = [this](const std::string& content) {
    const std::string path = scratch_.File("t.csv", content);
    const Status status = session_.Bind("t", path);
    EXPECT_FALSE(status.ok());
    if (status.ok()) return std::string();
    EXPECT_EQ(status.error().code, Code::kInvalidArgument);
    EXPECT_TRUE(status.error().ToString().starts_with(path)) << status.error().ToString();
    return status.error().ToString().substr(path.size());
  };
  EXPECT_EQ(refusal("a,b\n1,2\n3,4,5\n6,7\n"), ":3: Original Line: 3,4,5 Expected Number of Columns: 2 Found: 3");
  EXPECT_EQ(refusal("a,b\n1,2\n3\n6,7\n"), ":3: Original Line: 3 Expected Number of Columns: 2 Found: 1");
  EXPECT_EQ(refusal("a,b\n1,2\n3,\"4\n5,6\n"), ":3: Original Line: 3,\"4 5,6 Value with unterminated quote found.");
  EXPECT_TRUE(refusal("a,b\n1,\xff\xfe\n2,3\n").find("utf-8") != std::string::npos);
  EXPECT_EQ(refusal("a,a\n1,2\n"), ": line 1: the name \"a\" stands twice; rename one of the columns");
  std::string many = "a,b\n";
  for (int i = 0; i < 60000; ++i) many += "1,2\n";
  EXPECT_EQ(refusal(many + "1,2,3\n"), ":60002: Original Line: 1,2,3 Expected Number of Columns: 2 Found: 3");
}

TEST_F(DuckdbSessionTest, ReadsSemicolonsQuotesAndLateFractions) {
  std::string content = "a;\"b \"\"x\"\"\"\n";
  for (int i = 0; i < 30000; ++i) content += "1;\"hello; you\"\n";
  content += "2.5;\n";
  ASSERT_TRUE(session_.Bind("t", scratch_.File("t.csv", content)).ok());
  const auto rows = session_.Query("SELECT sum(a), count(\"b \"\"x\"\"\"), count(*), max(\"b \"\"x\"\"\") FROM t");
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ((*rows)[0][0].AsDouble(), 30002.5);
  EXPECT_EQ((*rows)[0][1].AsInt(), 30000);
  EXPECT_EQ((*rows)[0][2].AsInt(), 30001);
  EXPECT_EQ((*rows)[0][3].AsString(), "hello; you");
}

TEST_F(DuckdbSessionTest, RefusesWhatIsNoParquetAndWhatIsNotThere) {
  const Status broken = session_.Bind("t", scratch_.File("t.parquet", "not a parquet file at all"));
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, Code::kInvalidArgument);
  EXPECT_NE(broken.error().message.find("t.parquet"), std::string::npos) << broken.error().message;
  const Status absent = session_.Bind("t", scratch_.path() + "/absent.parquet");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, Code::kNotFound);
  EXPECT_FALSE(session_.Bind("t", scratch_.File("t.xlsx", "x")).ok());
}

TEST_F(DuckdbSessionTest, TakesOneSelectAndNothingElse) {
  EXPECT_FALSE(session_.Describe("SELECT 1; SELECT 2").ok());
  EXPECT_FALSE(session_.Describe("CREATE TABLE x (i INTEGER)").ok());
  EXPECT_FALSE(session_.Describe("COPY (SELECT 1) TO 'x.parquet'").ok());
  EXPECT_FALSE(session_.Materialise("t", "SELECT [1, 2] AS list").ok());
  EXPECT_TRUE(session_.Materialise("t", "SELECT 1 AS one; -- done").ok());
}

TEST_F(DuckdbSessionTest, SeesNoFileButItsOwn) {
  ScratchDirectory other;
  const std::string path = other.File("secret.csv", "a\n1\n");
  const std::string around = scratch_.path() + "/../" + path.substr(path.find("mw-data"));
  for (const std::string& sql :
       {"SELECT * FROM read_csv('" + path + "')", "SELECT * FROM read_text('" + around + "')",
        std::string("SELECT * FROM read_text('/etc/passwd')"), std::string("SELECT * FROM glob('/etc/*')")}) {
    EXPECT_FALSE(session_.Materialise("t", sql).ok()) << sql;
  }
  for (const std::string& sql :
       {"COPY (SELECT 1) TO '" + other.path() + "/x.csv'", "ATTACH '" + other.path() + "/x.db'",
        std::string("INSTALL httpfs"), std::string("LOAD httpfs"), std::string("SET enable_external_access = true")}) {
    EXPECT_FALSE(session_.Execute(sql).ok()) << sql;
  }
}

TEST_F(DuckdbSessionTest, WritesTheSameBytesForTheSameRows) {
  const std::string sql = "SELECT i, i % 7 AS k, sqrt(i) AS root, 'text ' || i AS t FROM range(300000) AS r(i)";
  const std::string first = scratch_.path() + "/1.parquet";
  const std::string second = scratch_.path() + "/2.parquet";
  ASSERT_TRUE(session_.WriteParquet(sql, first).ok());
  ASSERT_TRUE(session_.WriteParquet(sql, second).ok());
  EXPECT_EQ(*ReadFile(first), *ReadFile(second));
  ASSERT_TRUE(session_.Bind("t", first).ok());
  const auto rows = session_.Query("SELECT count(*), sum(i), max(t) FROM t");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows)[0][0].AsInt(), 300000);
  EXPECT_EQ((*rows)[0][1].AsInt(), 44999850000);
}

TEST_F(DuckdbSessionTest, SaysWhenMemoryIsNotEnough) {
  SessionOptions options;
  options.memory_bytes = std::int64_t{16} << 20;
  auto session = DuckdbSession::Open(options);
  ASSERT_TRUE(session.ok());
  const Status status = session->Materialise("t", "SELECT i, random() AS r FROM range(20000000) AS t(i) ORDER BY r");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kResourceExhausted) << status.error().message;
}

TEST(SqlTest, QuotesNamesTextsAndTimes) {
  EXPECT_EQ(SqlName("wind \"x\""), "\"wind \"\"x\"\"\"");
  EXPECT_EQ(SqlText("it's"), "'it''s'");
  auto session = OpenOver({});
  const auto rows = session.Query(Cat("SELECT ", SqlTime(FromMicros(1372651200000000)), " AS t"));
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows)[0][0].AsString(), "2013-07-01T04:00:00Z");
}

}  // namespace
}  // namespace mw::data
