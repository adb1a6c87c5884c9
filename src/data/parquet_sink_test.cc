// Rows of every type through a stream into Parquet and back.
#include "data/parquet_sink.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "data/testing.h"

namespace mw::data {
namespace {

constexpr const char* kEveryType =
    "SELECT i::HUGEINT * 1000000000000 AS big, (i / 100)::DECIMAL(18,3) AS price, DATE '2020-01-01' + i::INTEGER AS "
    "day, "
    "'t' || i AS word, [i, i + 1] AS list, {'a': i, 'b': 'x' || i} AS pair, ('e' || i % 3)::ENUM('e0', 'e1', 'e2') AS "
    "e, "
    "CASE WHEN i % 7 = 0 THEN NULL ELSE 'blob' || i END::BLOB AS blob, i::DOUBLE AS value, 'k' || i AS key FROM ";

/// The answer to a row is twice its value; rows whose value is a multiple of 10 have none.
std::shared_ptr<const AnsweredBlock> Answer(const std::shared_ptr<const RowBatch>& rows) {
  const auto block = std::make_shared<AnsweredBlock>();
  block->rows = rows;
  block->added.resize(4);
  for (std::size_t row = 0; row < rows->rows(); ++row) {
    const double value = rows->values().Numbers(0)[row];
    block->added[0].floats.push_back(static_cast<float>(2 * value));
    block->added[1].floats.insert(block->added[1].floats.end(), {static_cast<float>(value), -1.0F});
    block->added[2].booleans.push_back(value > 50 ? 1 : 0);
    block->added[3].texts.push_back(rows->values().Texts(1)[row]);
    block->answered.push_back(static_cast<int>(value) % 10 == 0 ? 0 : 1);
  }
  return block;
}

std::vector<AddedColumn> Added() {
  return {{"twice", AddedColumn::Kind::kFloat},
          {"two", AddedColumn::Kind::kFloats, 2},
          {"large", AddedColumn::Kind::kBoolean},
          {"again", AddedColumn::Kind::kText}};
}

/// Writes rows [from, from + count) of the query's, in slices of at most `slice` rows.
void WriteRows(const ScratchDirectory& scratch, const std::string& sql, const std::string& path, std::size_t slice) {
  DuckdbSession session = OpenOver({scratch.path()});
  auto stream = RowStream::Start(session, sql, 8, "rows");
  ASSERT_TRUE(stream.ok()) << stream.error().ToString();
  ASSERT_EQ(stream->value_columns().size(), 2U);
  auto sink = ParquetSink::Make(OpenOver({scratch.path()}), stream->kept(), Added());
  ASSERT_TRUE(sink.ok());
  std::shared_ptr<const AnsweredBlock> block;
  std::size_t at = 0;
  const Status written = (*sink)->Write(path, [&]() -> Result<BlockSlice> {
    if (block == nullptr || at == block->rows->rows()) {
      const auto rows = TRY(stream->Next());
      if (rows == nullptr) return BlockSlice{};
      block = Answer(rows);
      at = 0;
    }
    const std::size_t count = std::min(slice, block->rows->rows() - at);
    return BlockSlice{block, std::exchange(at, at + count), count};
  });
  ASSERT_TRUE(written.ok()) << written.error().ToString();
}

TEST(ParquetSinkTest, EveryTypePassesUnchanged) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/out.parquet";
  WriteRows(scratch, Cat(kEveryType, "range(10000) t(i)"), path, 2048);
  DuckdbSession session = OpenOver({scratch.path()});
  const std::string kept = "big, price, day, word, list, pair, e::VARCHAR AS e, blob";
  const auto differences =
      session.Query(Cat("SELECT count(*) FROM ((SELECT ", kept, " FROM (", kEveryType,
                        "range(10000) t(i))) EXCEPT ALL (SELECT ", kept, " FROM read_parquet(", SqlText(path), ")))"));
  ASSERT_TRUE(differences.ok()) << differences.error().ToString();
  EXPECT_EQ((*differences)[0][0].AsInt(), 0);
  const auto answers = session.Query(Cat(
      "SELECT count(*), count(twice), count(two), count(large), sum(CASE WHEN large THEN 1 ELSE 0 END), "
      "min(word = 't' || substr(again, 2) AND (twice IS NULL OR (twice / 2)::BIGINT::VARCHAR = substr(again, 2)) AND "
      "(two IS NULL OR (two[1] * 2 = twice AND two[2] = -1))) FROM read_parquet(",
      SqlText(path), ")"));
  ASSERT_TRUE(answers.ok()) << answers.error().ToString();
  const auto& row = (*answers)[0];
  EXPECT_EQ(row[0].AsInt(), 10'000);
  EXPECT_EQ(row[1].AsInt(), 9'000);
  EXPECT_EQ(row[2].AsInt(), 9'000);
  EXPECT_EQ(row[3].AsInt(), 9'000);
  EXPECT_EQ(row[4].Dump(), "8955") << "51 to 9999 without the multiples of 10";
  EXPECT_TRUE(row[5].AsBool());
}

TEST(ParquetSinkTest, HowRowsAreCutDoesNotShowInTheBytes) {
  const ScratchDirectory scratch;
  const std::string sql = Cat(kEveryType, "range(300000) t(i)");
  WriteRows(scratch, sql, scratch.path() + "/whole.parquet", 2048);
  WriteRows(scratch, sql, scratch.path() + "/cut.parquet", 777);
  EXPECT_EQ(*ReadFile(scratch.path() + "/whole.parquet"), *ReadFile(scratch.path() + "/cut.parquet"));
}

TEST(ParquetSinkTest, ASourceThatFailsEndsTheFileWithItsOwnError) {
  const ScratchDirectory scratch;
  DuckdbSession session = OpenOver({scratch.path()});
  const auto stream = RowStream::Start(session, Cat(kEveryType, "range(10) t(i)"), 8, "rows");
  ASSERT_TRUE(stream.ok());
  const auto sink = ParquetSink::Make(OpenOver({scratch.path()}), stream->kept(), Added());
  ASSERT_TRUE(sink.ok());
  const Status written = (*sink)->Write(scratch.path() + "/out.parquet",
                                        []() -> Result<BlockSlice> { return DataLoss("row 3 went missing"); });
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, Code::kDataLoss);
  EXPECT_EQ(written.error().message, "row 3 went missing");
}

TEST(RowStreamTest, AValueOfATypeThatNoModelTakesIsRefused) {
  const ScratchDirectory scratch;
  DuckdbSession session = OpenOver({scratch.path()});
  EXPECT_TRUE(RowStream::Start(session, "SELECT [1] AS many, 1 AS one", 1, "rows").ok());
  const auto refused = RowStream::Start(session, "SELECT [1] AS many, 1 AS one", 0, "rows");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, "rows: column \"many\" is of a type that no model takes");
}

}  // namespace
}  // namespace mw::data
