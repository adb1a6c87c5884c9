// The world of the suites that every driver of db::Database passes: a fresh database of that driver with two tables.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"
#include "db/temporary_database.h"

namespace mw::db {

template <typename Driver>
class DatabaseFixture : public ::testing::Test {
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

}  // namespace mw::db
