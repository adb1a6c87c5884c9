// Rows come back in event-time order, chosen by columns and times.
#include "data/rows.h"

#include <gtest/gtest.h>

#include "data/testing.h"

namespace mw::data {
namespace {

class RowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DatasetSpec spec;
    spec.roles = {"at", "", "id", ""};
    const auto written =
        WriteDataset(session_,
                     "SELECT 'f' || i AS id, TIMESTAMPTZ '2013-01-01 00:00:00Z' + to_hours(i // 2) AS at, i AS n"
                     " FROM range(9, -1, -1) AS r(i)",
                     spec, directory_);
    ASSERT_TRUE(written.ok()) << written.error().ToString();
  }
  std::string Ids(const RowQuery& query) {
    std::string ids;
    const Status status = StreamRows(session_, directory_, query, [&](const Chunk& chunk) {
      for (const std::string_view id : chunk.Texts(0)) CatTo(ids, id, " ");
      return Ok();
    });
    return status.ok() ? ids : status.error().ToString();
  }

  ScratchDirectory scratch_;
  std::string directory_ = scratch_.Directory("rows");
  DuckdbSession session_ = OpenOver({scratch_.path()});
};

TEST_F(RowsTest, ComeByTimeThenByKey) { EXPECT_EQ(Ids({}), "f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 "); }

TEST_F(RowsTest, AreChosenByTimeAndLimit) {
  RowQuery query;
  query.from = *ParseTime("2013-01-01T01:00:00Z");
  query.until = *ParseTime("2013-01-01T03:00:00Z");
  EXPECT_EQ(Ids(query), "f2 f3 f4 f5 ");
  query.limit = 3;
  EXPECT_EQ(Ids(query), "f2 f3 f4 ");
}

TEST_F(RowsTest, ColumnsComeInTheOrderAsked) {
  RowQuery query;
  query.columns = {"n", "id"};
  double sum = 0;
  const Status status = StreamRows(session_, directory_, query, [&](const Chunk& chunk) {
    EXPECT_EQ(chunk.columns(), 2U);
    for (const double n : chunk.Numbers(0)) sum += n;
    EXPECT_EQ(chunk.Texts(1)[0], "f0");
    return Ok();
  });
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(sum, 45);
  query.columns = {"idd"};
  EXPECT_NE(Ids(query).find("no column \"idd\"; did you mean \"id\""), std::string::npos);
}

TEST_F(RowsTest, SayWhenTheFileIsNotWhatIsWrittenBesideIt) {
  ASSERT_TRUE(
      session_.WriteParquet("SELECT 1 AS id, TIMESTAMPTZ '2013-01-01' AS at, 2 AS n", directory_ + "/data.parquet")
          .ok());
  const Status status = StreamRows(session_, directory_, {}, [](const Chunk&) { return Ok(); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kDataLoss);
}

}  // namespace
}  // namespace mw::data
