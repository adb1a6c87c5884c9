// What every driver of db::Database must do, as one suite: instantiated for SQLite and for PostgreSQL in
// their own tests. A driver's test file says
//   INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseContract, ::testing::Types<TemporarySqlite>);
//
// Durability is tested by a child process that is killed: the test runs itself again for the child's part,
// WriteUntilKilled, which tells each write that was acknowledged on its standard output.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/task.h"
#include "db/temporary_database.h"

namespace mw::db {

template <typename Driver>
class DatabaseContract : public ::testing::Test {
 public:
  using Work = std::function<Result<std::int64_t>(Transaction&)>;

  static std::vector<Migration> Steps() {
    return {{"things", 1, R"sql(
CREATE TABLE things (
  id BIGINT PRIMARY KEY,
  number DOUBLE PRECISION,
  text TEXT COLLATE "C",
  bytes BYTEA,
  whole BIGINT
);
CREATE TABLE parts (
  thing BIGINT NOT NULL REFERENCES things (id),
  name TEXT COLLATE "C" NOT NULL CHECK (name <> ''),
  UNIQUE (thing, name)
);
)sql"}};
  }
  static std::vector<Migration> MoreSteps() {
    std::vector<Migration> steps = Steps();
    steps.push_back({"things", 2, "ALTER TABLE things ADD COLUMN colour TEXT COLLATE \"C\";"});
    steps.push_back({"places", 1, "CREATE TABLE places (id BIGINT PRIMARY KEY);"});
    return steps;
  }

  static Work Insert(std::int64_t id) {
    return [id](Transaction& t) { return t.Execute("INSERT INTO things (id) VALUES (?)", {id}); };
  }

 protected:
  void SetUp() override {
    auto opened = place_->Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    db_ = std::move(*opened);
    const Status migrated = db_->Migrate(Steps());
    ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
  }

  void Reopen() {
    db_.reset();
    auto opened = place_->Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    db_ = std::move(*opened);
  }

  Result<std::int64_t> Write(Work work) { return SyncWait(db_->Write(std::move(work))); }
  Result<std::int64_t> WriteSql(std::string sql, Values values = {}) {
    return Write([=](Transaction& t) { return t.Execute(sql, values); });
  }
  Result<Rows> Read(std::string sql, Values values = {}) {
    return SyncWait(db_->Read([=](Snapshot& s) { return s.Query(sql, values); }));
  }
  /// The one value of the one row.
  Value ReadValue(std::string sql, Values values = {}) {
    const Result<Rows> rows = Read(std::move(sql), std::move(values));
    if (!rows.ok() || rows->size() != 1) {
      ADD_FAILURE() << (rows.ok() ? Cat(rows->size(), " rows") : rows.error().ToString());
      return nullptr;
    }
    return (*rows)[0].At(0);
  }
  std::int64_t Count(std::string table) {
    return std::get<std::int64_t>(ReadValue(Cat("SELECT count(*) FROM ", table)));
  }

  /// Enqueues all the works while the writer is held up by another closure, so that they form one group.
  std::vector<Result<std::int64_t>> WriteTogether(std::vector<Work> works) {
    std::atomic<bool> holding{false};
    std::atomic<bool> released{false};
    const auto hold = [&holding, &released](Transaction&) -> Result<std::int64_t> {
      holding = true;
      holding.notify_all();
      released.wait(false);
      return 0;
    };
    RunLoop loop;
    std::vector<Result<std::int64_t>> results(works.size(), Unknown("not answered"));
    std::size_t left = works.size() + 1;
    Result<std::int64_t> held = std::int64_t{0};
    Spawn(loop, Answer(*db_, hold, held, left));
    loop.Post([&holding] { holding.wait(false); });
    for (std::size_t i = 0; i < works.size(); ++i) Spawn(loop, Answer(*db_, works[i], results[i], left));
    loop.Post([&released] {
      released = true;
      released.notify_all();
    });
    const Executor::Scope scope(&loop);
    loop.RunUntil([&left] { return left == 0; });
    EXPECT_TRUE(held.ok());
    return results;
  }

  static Task<void> Answer(Database& db, Work work, Result<std::int64_t>& result, std::size_t& left) {
    result = co_await db.Write(std::move(work));
    --left;
  }

  std::optional<Driver> place_{std::in_place};
  std::unique_ptr<Database> db_;
};

TYPED_TEST_SUITE_P(DatabaseContract);

// Values -----------------------------------------------------------------------------------------

TYPED_TEST_P(DatabaseContract, KeepsEveryInteger) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, (std::int64_t{1} << 53) + 1, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    ASSERT_TRUE(this->WriteSql("DELETE FROM things").ok());
    ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, whole) VALUES (1, ?)", {value}).ok());
    EXPECT_EQ(this->ReadValue("SELECT whole FROM things"), Value(value));
    EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE whole = ?", {value}), Value(std::int64_t{1}));
  }
}

TYPED_TEST_P(DatabaseContract, KeepsEveryDouble) {
  using Limits = std::numeric_limits<double>;
  for (const double value : {0.0, -0.5, 1e300, 0.1, 3.0, Limits::denorm_min(), Limits::max(), Limits::lowest(),
                             Limits::infinity(), -Limits::infinity(), 9007199254740993.0}) {
    ASSERT_TRUE(this->WriteSql("DELETE FROM things").ok());
    ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, number) VALUES (1, ?)", {value}).ok());
    EXPECT_EQ(this->ReadValue("SELECT number FROM things"), Value(value)) << value;
  }
}

TYPED_TEST_P(DatabaseContract, KeepsNaNApartFromNull) {
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

TYPED_TEST_P(DatabaseContract, KeepsTextAndBytesApart) {
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

TYPED_TEST_P(DatabaseContract, KeepsBigBlobs) {
  std::string big(std::size_t{8} << 20, 'x');
  for (std::size_t i = 0; i < big.size(); i += 4097) big[i] = static_cast<char>(i);
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, bytes) VALUES (1, ?)", {Bytes{big}}).ok());
  EXPECT_TRUE(this->ReadValue("SELECT bytes FROM things") == Value(Bytes{big}));
}

TYPED_TEST_P(DatabaseContract, RefusesTextThatIsNone) {
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff\xfe")}) {
    const auto refused = this->WriteSql("INSERT INTO things (id, text) VALUES (1, ?)", {text});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument) << refused.error().ToString();
  }
  EXPECT_EQ(this->Count("things"), 0);
}

TYPED_TEST_P(DatabaseContract, ComparesTextByItsBytes) {
  ASSERT_TRUE(
      this->WriteSql("INSERT INTO things (id, text) VALUES (1, 'b'), (2, 'B'), (3, 'é'), (4, 'a'), (5, '_')").ok());
  const Result<Rows> rows = this->Read("SELECT text FROM things ORDER BY text");
  std::string order;
  for (const Row& row : *rows) order += row.Text(0);
  EXPECT_EQ(order, "B_abé");
  EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE text LIKE 'B%'"), Value(std::int64_t{1}));
}

TYPED_TEST_P(DatabaseContract, LeavesQuestionMarksInLiteralsAndCommentsAlone) {
  const Result<Rows> rows = this->Read("SELECT '?''?', ? -- what?\n /* ?? */ , CAST(? AS BIGINT) + 1 AS \"a?\"",
                                       {std::string("x"), std::int64_t{41}});
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ((*rows)[0].Text(0), "?'?");
  EXPECT_EQ((*rows)[0].Text(1), "x");
  EXPECT_EQ((*rows)[0].Int(2), 42);
}

TYPED_TEST_P(DatabaseContract, AnswersComputedColumns) {
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

TYPED_TEST_P(DatabaseContract, HandsOverRowsOneByOne) {
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

TYPED_TEST_P(DatabaseContract, CountsChangedRows) {
  EXPECT_EQ(*this->WriteSql("INSERT INTO things (id) VALUES (1), (2), (3)"), 3);
  EXPECT_EQ(*this->WriteSql("UPDATE things SET whole = 1 WHERE id > 1"), 2);
  EXPECT_EQ(*this->WriteSql("INSERT INTO things (id) VALUES (3) ON CONFLICT (id) DO NOTHING"), 0);
  EXPECT_EQ(*this->WriteSql("DELETE FROM things WHERE id = 9"), 0);
  EXPECT_EQ(*this->WriteSql("CREATE TABLE other (id BIGINT)"), 0);
}

TYPED_TEST_P(DatabaseContract, ReturnsRowsOfAWrite) {
  const auto returned = this->Write([](Transaction& t) -> Result<std::int64_t> {
    const Rows rows = TRY(t.Query("INSERT INTO things (id, whole) VALUES (?, ?) RETURNING id + whole",
                                  {std::int64_t{1}, std::int64_t{2}}));
    return rows[0].Int(0);
  });
  ASSERT_TRUE(returned.ok()) << returned.error().ToString();
  EXPECT_EQ(*returned, 3);
}

TYPED_TEST_P(DatabaseContract, NamesWhatAConstraintRefused) {
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

TYPED_TEST_P(DatabaseContract, KeepsNothingOfAClosureThatFails) {
  const auto failed = this->Write([](Transaction& t) -> Result<std::int64_t> {
    TRY(t.Execute("INSERT INTO things (id) VALUES (1)"));
    return NotFound("model \"iris\" has no version 7");
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kNotFound);
  EXPECT_EQ(failed.error().message, "model \"iris\" has no version 7");
  EXPECT_EQ(this->Count("things"), 0);
}

TYPED_TEST_P(DatabaseContract, AStatementThatFailsEndsItsClosure) {
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

// Reading ----------------------------------------------------------------------------------------

TYPED_TEST_P(DatabaseContract, AReadSeesOneSnapshot) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id) VALUES (1)").ok());
  const auto counts = SyncWait(this->db_->Read([this](Snapshot& s) -> Result<std::vector<std::int64_t>> {
    const std::int64_t before = TRY(s.Query("SELECT count(*) FROM things"))
    [0].Int(0);
    std::thread([this] { EXPECT_TRUE(this->Write(this->Insert(2)).ok()); }).join();
    const std::int64_t after = TRY(s.Query("SELECT count(*) FROM things"))
    [0].Int(0);
    return std::vector<std::int64_t>{before, after};
  }));
  ASSERT_TRUE(counts.ok()) << counts.error().ToString();
  EXPECT_EQ(*counts, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(this->Count("things"), 2) << "the next read sees the write";
}

TYPED_TEST_P(DatabaseContract, AReadCannotWrite) {
  const auto refused = this->Read("INSERT INTO things (id) VALUES (1) RETURNING id");
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(this->Count("things"), 0);
}

// Groups -----------------------------------------------------------------------------------------

TYPED_TEST_P(DatabaseContract, AFailingClosureSparesItsGroup) {
  std::vector<typename TestFixture::Work> works;
  for (std::int64_t id = 0; id < 12; ++id) {
    works.push_back([id](Transaction& t) -> Result<std::int64_t> {
      TRY(t.Execute("INSERT INTO things (id) VALUES (?)", {id}));
      if (id % 3 == 1) return InvalidArgument("no ", id);
      if (id % 3 == 2) TRY(t.Execute("INSERT INTO things (id) VALUES (?)", {id}));
      return id;
    });
  }
  const auto results = this->WriteTogether(works);
  for (std::size_t id = 0; id < results.size(); ++id) {
    if (id % 3 == 0) {
      ASSERT_TRUE(results[id].ok()) << results[id].error().ToString();
      EXPECT_EQ(*results[id], static_cast<std::int64_t>(id));
    } else {
      ASSERT_FALSE(results[id].ok());
      EXPECT_EQ(results[id].error().code, id % 3 == 1 ? Code::kInvalidArgument : Code::kAlreadyExists);
    }
  }
  EXPECT_EQ(this->ReadValue("SELECT sum(id) FROM things"), Value(std::int64_t{0 + 3 + 6 + 9}));
}

TYPED_TEST_P(DatabaseContract, ClosuresRunInTheOrderOfTheirCalls) {
  std::vector<typename TestFixture::Work> works;
  for (std::int64_t id = 0; id < 100; ++id) {
    works.push_back([id](Transaction& t) {
      return t.Execute("INSERT INTO things (id, whole) SELECT ?, count(*) FROM things", {id});
    });
  }
  for (const auto& result : this->WriteTogether(works)) ASSERT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE id = whole"), Value(std::int64_t{100}));
}

TYPED_TEST_P(DatabaseContract, SixtyFourWritersLoseNothing) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id, whole) VALUES (1, 0)").ok());
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 64; ++writer) {
    threads.emplace_back([this, &failures] {
      for (int i = 0; i < 5; ++i) {
        const auto done = this->Write([](Transaction& t) -> Result<std::int64_t> {
          const std::int64_t whole = TRY(t.Query("SELECT whole FROM things WHERE id = 1"))
          [0].Int(0);
          return t.Execute("UPDATE things SET whole = ? WHERE id = 1", {whole + 1});
        });
        if (!done.ok()) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(this->ReadValue("SELECT whole FROM things"), Value(std::int64_t{64 * 5}));
}

TYPED_TEST_P(DatabaseContract, RefusesMoreWaitingWritesThanItsBound) {
  std::vector<typename TestFixture::Work> works(GroupWriter::kWaitingMax + 50,
                                                [](Transaction&) -> Result<std::int64_t> { return 1; });
  std::size_t refused = 0;
  for (const auto& result : this->WriteTogether(works)) {
    if (result.ok()) continue;
    ++refused;
    EXPECT_EQ(result.error().code, Code::kResourceExhausted);
    EXPECT_NE(result.error().message.find("4096 writes are waiting"), std::string::npos) << result.error().message;
  }
  EXPECT_EQ(refused, 50U) << "the one that runs is no longer waiting";
}

TYPED_TEST_P(DatabaseContract, ClosingFinishesWhatWaits) {
  RunLoop loop;
  std::size_t left = 20;
  std::vector<Result<std::int64_t>> results(left, Unknown("not answered"));
  {
    const Executor::Scope scope(&loop);
    for (std::size_t i = 0; i < results.size(); ++i) {
      Spawn(loop, this->Answer(*this->db_, this->Insert(static_cast<std::int64_t>(i)), results[i], left));
    }
    loop.Post([this] { this->db_.reset(); });
    loop.RunUntil([&left] { return left == 0; });
  }
  for (const auto& result : results) EXPECT_TRUE(result.ok());
  this->Reopen();
  EXPECT_EQ(this->Count("things"), 20);
}

// Schema -----------------------------------------------------------------------------------------

TYPED_TEST_P(DatabaseContract, AppliesEachStepOnce) {
  ASSERT_TRUE(this->WriteSql("INSERT INTO things (id) VALUES (1)").ok());
  ASSERT_TRUE(this->db_->Migrate(this->Steps()).ok()) << "again: nothing to do";
  this->Reopen();
  const Status migrated = this->db_->Migrate(this->MoreSteps());
  ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
  EXPECT_EQ(*this->WriteSql("UPDATE things SET colour = 'red'"), 1);
  EXPECT_EQ(this->Count("places"), 0);
  EXPECT_EQ(this->Count("schema_steps"), 3);
}

TYPED_TEST_P(DatabaseContract, SavesTheDatabaseBeforeAStep) {
  const auto backups = [this] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(this->place_->directory())) {
      const std::string name = entry.path().filename();
      if (name.find(".before-") != std::string::npos) names.push_back(name);
    }
    return names;
  };
  EXPECT_TRUE(backups().empty()) << "there was nothing to save before the first step";
  ASSERT_TRUE(this->db_->Migrate(this->MoreSteps()).ok());
  ASSERT_EQ(backups().size(), 1U);
  EXPECT_TRUE(backups()[0].ends_with(".before-1")) << backups()[0];
}

TYPED_TEST_P(DatabaseContract, RefusesASchemaNewerThanTheProgram) {
  ASSERT_TRUE(this->db_->Migrate(this->MoreSteps()).ok());
  const Status refused = this->db_->Migrate(this->Steps());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("was written by a newer Millwright (it has schema step places 1; this "
                                         "program knows no places); run that version"),
            std::string::npos)
      << refused.error().message;
}

TYPED_TEST_P(DatabaseContract, AStepThatFailsLeavesNothing) {
  std::vector<Migration> steps = this->MoreSteps();
  steps.push_back({"places", 2, "CREATE TABLE more (id BIGINT); INSERT INTO nowhere VALUES (1);"});
  const Status failed = this->db_->Migrate(steps);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().ToString().find("schema step places 2"), std::string::npos) << failed.error().ToString();
  EXPECT_EQ(this->Count("schema_steps"), 1);
  EXPECT_FALSE(this->Read("SELECT * FROM more").ok());
  EXPECT_FALSE(this->Read("SELECT colour FROM things").ok());
  EXPECT_TRUE(this->db_->Migrate(this->MoreSteps()).ok()) << "and can be repeated once mended";
}

TYPED_TEST_P(DatabaseContract, IsOpenInOneProcessOnly) {
  const auto second = this->place_->Open();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_NE(second.error().message.find("another Millwright; stop that one"), std::string::npos)
      << second.error().message;
}

// Durability -------------------------------------------------------------------------------------

/// The child's part: four threads that write, and tell what was acknowledged, until they are killed.
template <typename Driver>
[[noreturn]] void WriteUntilKilled(const char* place) {
  auto db = Driver::OpenAt(place);
  if (!db.ok()) _exit(2);
  std::atomic<std::int64_t> next{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const std::int64_t id = ++next;
        if (!SyncWait((*db)->Write(DatabaseContract<Driver>::Insert(id))).ok()) _exit(3);
        const std::string line = Cat("acknowledged ", id, "\n");
        if (write(1, line.data(), line.size()) < 0) _exit(4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(0);
}

TYPED_TEST_P(DatabaseContract, WhatWasAcknowledgedSurvivesAKill) {
  this->db_.reset();
  if (const char* place = getenv("MILLWRIGHT_TEST_PLACE")) {
    this->place_.reset();  // a process that is killed cannot tidy up its own
    WriteUntilKilled<TypeParam>(place);
  }
  const ::testing::TestInfo* self = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string filter = Cat("--gtest_filter=", self->test_suite_name(), ".", self->name());
  std::string name = "test";
  std::vector<char*> arguments = {name.data(), filter.data(), nullptr};
  setenv("MILLWRIGHT_TEST_PLACE", this->place_->place().c_str(), 1);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  pid_t child = 0;
  ASSERT_EQ(posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  unsetenv("MILLWRIGHT_TEST_PLACE");
  close(ends[1]);

  std::string said;
  char buffer[4096];
  bool killed = false;
  for (ssize_t count = 1; count > 0;) {
    count = read(ends[0], buffer, sizeof buffer);
    if (count > 0) said.append(buffer, static_cast<std::size_t>(count));
    if (!killed && said.size() > 4000) killed = kill(child, SIGKILL) == 0;
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(killed && WIFSIGNALED(status)) << said;

  this->Reopen();
  int acknowledged = 0;
  for (const std::string_view line : Split(said, '\n')) {
    if (!line.starts_with("acknowledged ")) continue;
    const auto id = ParseInt(line.substr(13));
    if (!id) continue;
    ++acknowledged;
    EXPECT_EQ(this->ReadValue("SELECT count(*) FROM things WHERE id = ?", {std::int64_t{*id}}), Value(std::int64_t{1}));
  }
  EXPECT_GT(acknowledged, 100);
}

REGISTER_TYPED_TEST_SUITE_P(DatabaseContract, KeepsEveryInteger, KeepsEveryDouble, KeepsNaNApartFromNull,
                            KeepsTextAndBytesApart, KeepsBigBlobs, RefusesTextThatIsNone, ComparesTextByItsBytes,
                            LeavesQuestionMarksInLiteralsAndCommentsAlone, AnswersComputedColumns,
                            HandsOverRowsOneByOne, CountsChangedRows, ReturnsRowsOfAWrite, NamesWhatAConstraintRefused,
                            KeepsNothingOfAClosureThatFails, AStatementThatFailsEndsItsClosure, AReadSeesOneSnapshot,
                            AReadCannotWrite, AFailingClosureSparesItsGroup, ClosuresRunInTheOrderOfTheirCalls,
                            SixtyFourWritersLoseNothing, RefusesMoreWaitingWritesThanItsBound, ClosingFinishesWhatWaits,
                            AppliesEachStepOnce, SavesTheDatabaseBeforeAStep, RefusesASchemaNewerThanTheProgram,
                            AStepThatFailsLeavesNothing, IsOpenInOneProcessOnly, WhatWasAcknowledgedSurvivesAKill);

}  // namespace mw::db
