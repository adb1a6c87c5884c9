// Every driver of db::Database: what comes back of what was put in, and what statements do.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "db/contract_fixture.h"
#include "db/scan.h"

namespace mw::db {

template <typename Driver>
class ValueContract : public DatabaseFixture<Driver> {};
TYPED_TEST_SUITE_P(ValueContract);

// Values -----------------------------------------------------------------------------------------

TYPED_TEST_P(ValueContract, KeepsEveryInteger) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, (std::int64_t{1} << 53) + 1, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    ASSERT_TRUE(this->WriteSql("DELETE FROM things").ok());
    ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, whole) VALUES (1, ?)", {value}).ok());
    EXPECT_EQ(this->ReadValue("SELECT whole FROM things"), Value(value));
    EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE whole = ?", {value}), Value(std::int64_t{1}));
  }
}

TYPED_TEST_P(ValueContract, KeepsEveryDouble) {
  using Limits = std::numeric_limits<double>;
  for (const double value : {0.0, -0.5, 1e300, 0.1, 3.0, Limits::denorm_min(), Limits::max(), Limits::lowest(),
                             Limits::infinity(), -Limits::infinity(), 9007199254740993.0}) {
    ASSERT_TRUE(this->WriteSql("DELETE FROM things").ok());
    ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, number) VALUES (1, ?)", {value}).ok());
    EXPECT_EQ(this->ReadValue("SELECT number FROM things"), Value(value)) << value;
  }
}

TYPED_TEST_P(ValueContract, KeepsNaNApartFromNull) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, number) VALUES (1, ?), (2, ?), (3, ?), (4, ?)",
                             {nan, nullptr, 1.5, std::numeric_limits<double>::infinity()})
                  .ok());
  const Result<Rows> rows = this->Read("SELECT id, number FROM things ORDER BY number NULLS FIRST");
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  ASSERT_EQ(rows->size(), 4U);
  EXPECT_TRUE((*rows)[0].IsNull(1));
  EXPECT_EQ((*rows)[1].Double(1), 1.5);
  EXPECT_EQ((*rows)[2].Double(1), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan((*rows)[3].Double(1))) << "NaN is the greatest number";
  EXPECT_EQ(this->ReadValue("SELECT id FROM things WHERE number = ?", {nan}), Value(std::int64_t{1}));
  EXPECT_TRUE(std::isnan(std::get<double>(this->ReadValue("SELECT max(number) FROM things"))));
}

TYPED_TEST_P(ValueContract, KeepsTextAndBytesApart) {
  std::string every;
  for (int i = 0; i < 256; ++i) every.push_back(static_cast<char>(i));
  for (const std::string& text :
       {std::string(), std::string("NaN"), std::string("it's a ? \"quoted\" -- /* text */ \\"),
        std::string("Zürich 日本 🛫"), std::string("12")}) {
    ASSERT_TRUE(this->WriteSql("DELETE FROM things").ok());
    ASSERT_TRUE(
        this->WriteSql("INSERT INTO things (id, text, bytes) VALUES (1, ?, ?)", {text, Bytes{text + every}}).ok());
    EXPECT_EQ(this->ReadValue("SELECT text FROM things"), Value(text));
    EXPECT_EQ(this->ReadValue("SELECT bytes FROM things"), Value(Bytes{text + every}));
    EXPECT_EQ(this->ReadValue("SELECT id FROM things WHERE text = ?", {text}), Value(std::int64_t{1}));
  }
  ASSERT_TRUE(this->WriteSql("UPDATE things SET bytes = ?", {Bytes{}}).ok());
  EXPECT_EQ(this->ReadValue("SELECT bytes FROM things"), Value(Bytes{}));
}

TYPED_TEST_P(ValueContract, KeepsBigBlobs) {
  std::string big(std::size_t{8} << 20, 'x');
  for (std::size_t i = 0; i < big.size(); i += 4097) big[i] = static_cast<char>(i);
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, bytes) VALUES (1, ?)", {Bytes{big}}).ok());
  EXPECT_TRUE(this->ReadValue("SELECT bytes FROM things") == Value(Bytes{big}));
}

TYPED_TEST_P(ValueContract, RefusesTextThatIsNone) {
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff\xfe")}) {
    const auto refused = this->WriteSql("INSERT INTO things (id, text) VALUES (1, ?)", {text});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument) << refused.error().ToString();
  }
  EXPECT_EQ(this->Count("things"), 0);
}

TYPED_TEST_P(ValueContract, ComparesTextByItsBytes) {
  ASSERT_TRUE(
      this->WriteSql("INSERT INTO things (id, text) VALUES (1, 'b'), (2, 'B'), (3, 'é'), (4, 'a'), (5, '_')").ok());
  const Result<Rows> rows = this->Read("SELECT text FROM things ORDER BY text");
  std::string order;
  for (const Row& row : *rows) order += row.Text(0);
  EXPECT_EQ(order, "B_abé");
  EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE text LIKE 'B%'"), Value(std::int64_t{1}));
}

TYPED_TEST_P(ValueContract, LeavesQuestionMarksInLiteralsAndCommentsAlone) {
  const Result<Rows> rows = this->Read("SELECT '?''?', ? -- what?\n /* ?? */ , CAST(? AS BIGINT) + 1 AS \"a?\"",
                                       {std::string("x"), std::int64_t{41}});
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ((*rows)[0].Text(0), "?'?");
  EXPECT_EQ((*rows)[0].Text(1), "x");
  EXPECT_EQ((*rows)[0].Int(2), 42);
}

TYPED_TEST_P(ValueContract, AnswersComputedColumns) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, whole, number) VALUES (1, 40, 0.5), (2, 2, 0.25)").ok());
  const Result<Rows> rows = this->Read("SELECT sum(whole), sum(number), max(id) = 2, count(*), NULL FROM things");
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ((*rows)[0].Int(0), 42);
  EXPECT_EQ((*rows)[0].Double(1), 0.75);
  EXPECT_EQ((*rows)[0].Int(2), 1);
  EXPECT_EQ((*rows)[0].Int(3), 2);
  EXPECT_TRUE((*rows)[0].IsNull(4));
}

// Statements -------------------------------------------------------------------------------------

TYPED_TEST_P(ValueContract, HandsOverRowsOneByOne) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, text, number) VALUES (1, 'a', -2.5), (2, '', 7), (3, ?, ?)",
                             {"\u00e4", nan})
                  .ok());
  std::string seen;
  const Status scanned = SyncWait(this->db_->Read([&seen](Snapshot& snapshot) -> Status {
    TRY(Scan(
        snapshot, "SELECT id, text, number FROM things WHERE id > ? ORDER BY id", {std::int64_t{0}},
        [&seen](const RowView& row) { CatTo(seen, row.Int(0), row.Text(1), row.Double(2) < 0 ? "-" : "+", " "); }));
    EXPECT_TRUE(Scan(snapshot, "SELECT id, number FROM things WHERE id = 3", {}, [](const RowView& row) {
                  EXPECT_TRUE(std::isnan(row.Double(1)));
                }).ok());
    const Status wrong = Scan(snapshot, "SELECT id FROM nowhere", {}, [](const RowView&) { ADD_FAILURE(); });
    EXPECT_EQ(wrong.error().code, Code::kInternal);
    EXPECT_FALSE(snapshot.Query("SELECT 1").ok()) << "a statement that fails ends its closure";
    return Ok();
  }));
  EXPECT_FALSE(scanned.ok());
  EXPECT_EQ(seen, "1a- 2+ 3\u00e4+ ");
}

TYPED_TEST_P(ValueContract, CountsChangedRows) {
  EXPECT_EQ(*this->WriteSql("INSERT INTO things (id) VALUES (1), (2), (3)"), 3);
  EXPECT_EQ(*this->WriteSql("UPDATE things SET whole = 1 WHERE id > 1"), 2);
  EXPECT_EQ(*this->WriteSql("INSERT INTO things (id) VALUES (3) ON CONFLICT (id) DO NOTHING"), 0);
  EXPECT_EQ(*this->WriteSql("DELETE FROM things WHERE id = 9"), 0);
  EXPECT_EQ(*this->WriteSql("CREATE TABLE other (id BIGINT)"), 0);
}

TYPED_TEST_P(ValueContract, ReturnsRowsOfAWrite) {
  const auto returned = this->Write([](Transaction& t) -> Result<std::int64_t> {
    const Rows rows = TRY(t.Query("INSERT INTO things (id, whole) VALUES (?, ?) RETURNING id + whole",
                                  {std::int64_t{1}, std::int64_t{2}}));
    return rows[0].Int(0);
  });
  ASSERT_TRUE(returned.ok()) << returned.error().ToString();
  EXPECT_EQ(*returned, 3);
}

TYPED_TEST_P(ValueContract, NamesWhatAConstraintRefused) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id) VALUES (1)").ok());
  const std::vector<std::pair<std::string, Code>> cases = {
      {"INSERT INTO things (id) VALUES (1)", Code::kAlreadyExists},
      {"INSERT INTO parts (thing, name) VALUES (1, 'a'), (1, 'a')", Code::kAlreadyExists},
      {"INSERT INTO parts (thing, name) VALUES (7, 'a')", Code::kFailedPrecondition},
      {"INSERT INTO parts (thing, name) VALUES (1, NULL)", Code::kInvalidArgument},
      {"INSERT INTO parts (thing, name) VALUES (1, '')", Code::kInvalidArgument},
      {"INSERT INTO nowhere (thing) VALUES (1)", Code::kInternal},
      {"INSERT INTO things (id) VALUES (?)", Code::kInternal},
  };
  for (const auto& [sql, code] : cases) {
    const auto refused = this->WriteSql(sql);
    ASSERT_FALSE(refused.ok()) << sql;
    EXPECT_EQ(CodeName(refused.error().code), CodeName(code)) << refused.error().ToString();
  }
  EXPECT_EQ(this->Count("things"), 1);
  EXPECT_EQ(this->Count("parts"), 0);
}

TYPED_TEST_P(ValueContract, KeepsNothingOfAClosureThatFails) {
  const auto failed = this->Write([](Transaction& t) -> Result<std::int64_t> {
    TRY(t.Execute("INSERT INTO things (id) VALUES (1)"));
    return NotFound("model \"iris\" has no version 7");
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kNotFound);
  EXPECT_EQ(failed.error().message, "model \"iris\" has no version 7");
  EXPECT_EQ(this->Count("things"), 0);
}

TYPED_TEST_P(ValueContract, AStatementThatFailsEndsItsClosure) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id) VALUES (1)").ok());
  Code later = Code::kUnknown;
  const auto failed = this->Write([&later](Transaction& t) -> Result<std::int64_t> {
    TRY(t.Execute("INSERT INTO things (id) VALUES (2)"));
    const auto ignored = t.Execute("INSERT INTO things (id) VALUES (1)");
    EXPECT_FALSE(ignored.ok());
    const auto after = t.Query("SELECT 1");
    later = after.ok() ? Code::kUnknown : after.error().code;
    return 5;
  });
  ASSERT_FALSE(failed.ok()) << "success returned after a failed statement must not count";
  EXPECT_EQ(failed.error().code, Code::kAlreadyExists);
  EXPECT_EQ(later, Code::kAlreadyExists);
  EXPECT_EQ(this->Count("things"), 1);
}

REGISTER_TYPED_TEST_SUITE_P(ValueContract, KeepsEveryInteger, KeepsEveryDouble, KeepsNaNApartFromNull,
                            KeepsTextAndBytesApart, KeepsBigBlobs, RefusesTextThatIsNone, ComparesTextByItsBytes,
                            LeavesQuestionMarksInLiteralsAndCommentsAlone, AnswersComputedColumns,
                            HandsOverRowsOneByOne, CountsChangedRows, ReturnsRowsOfAWrite, NamesWhatAConstraintRefused,
                            KeepsNothingOfAClosureThatFails, AStatementThatFailsEndsItsClosure);

}  // namespace mw::db
