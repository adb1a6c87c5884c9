// A fresh database for one test, of either driver, gone when this ends. For tests of every module that has
// a store: run them as a typed suite over db::TestDrivers, so that both databases prove the SQL.
//
//   template <typename Driver>
//   class RegistryTest : public db::StoreTest<Driver> {
//    protected:
//     RegistryTest() : db::StoreTest<Driver>(Migrations()) {}
//     void Begin() override { registry_.emplace(*this->database_, clock_); }
//   };
//   TYPED_TEST_SUITE(RegistryTest, db::TestDrivers, db::TestDriverNames);
//
// PostgreSQL is the server that tools/with-postgres starts; each test gets a schema of its own there.
// Without it a test fails and says so: it is never skipped in silence.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/task.h"
#include "base/text.h"
#include "db/postgres_database.h"
#include "db/sqlite_database.h"

namespace mw::db {

/// A directory for one test, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = Cat(::testing::TempDir(), "millwright-db.XXXXXX");
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    EXPECT_FALSE(path_.empty()) << "cannot make " << pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class TemporarySqlite {
 public:
  static constexpr const char* kName = "Sqlite";
  /// What OpenAt takes, also in another process.
  [[nodiscard]] std::string place() const { return Cat(directory_.path(), "/test.db"); }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  [[nodiscard]] Result<std::unique_ptr<Database>> Open() const { return OpenAt(place()); }
  static Result<std::unique_ptr<Database>> OpenAt(const std::string& place) { return SqliteDatabase::Open(place); }

 private:
  TemporaryDirectory directory_;
};

class TemporaryPostgres {
 public:
  static constexpr const char* kName = "Postgres";
  TemporaryPostgres() : schema_(Cat("test_", NewIdText(RealClock()))) {
    if (server().empty()) {
      ADD_FAILURE() << "MILLWRIGHT_TEST_POSTGRES is not set: run this test through tools/with-postgres, "
                       "which starts a PostgreSQL for it";
    } else {
      RunOnServer(Cat("CREATE SCHEMA ", schema_));
    }
  }
  ~TemporaryPostgres() {
    if (!server().empty()) RunOnServer(Cat("DROP SCHEMA ", schema_, " CASCADE"));
  }
  TemporaryPostgres(const TemporaryPostgres&) = delete;
  TemporaryPostgres& operator=(const TemporaryPostgres&) = delete;

  /// The connection string of the server that the tests use; empty when there is none.
  static std::string server() {
    const char* conninfo = getenv("MILLWRIGHT_TEST_POSTGRES");
    return conninfo == nullptr ? "" : conninfo;
  }
  /// Runs one statement on a connection of its own, beside the database under test; fails the test when it cannot.
  static void RunOnServer(const std::string& sql) {
    PGconn* connection = PQconnectdb(server().c_str());
    PQsetNoticeProcessor(
        connection, [](void*, const char*) {}, nullptr);
    PGresult* result = PQexec(connection, sql.c_str());
    const bool done = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    if (!done) ADD_FAILURE() << sql << ": " << PQerrorMessage(connection);
    PQclear(result);
    PQfinish(connection);
  }

  [[nodiscard]] std::string place() const {
    return Cat(server(), " options='-c search_path=", schema_, "' application_name=", directory_.path());
  }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  [[nodiscard]] Result<std::unique_ptr<Database>> Open() const {
    // Never the server that libpq would find by itself.
    if (server().empty()) return FailedPrecondition("no PostgreSQL to test with");
    return PostgresDatabase::Open({.conninfo = place(), .backup_directory = directory_.path()});
  }
  static Result<std::unique_ptr<Database>> OpenAt(const std::string& place) {
    return PostgresDatabase::Open({.conninfo = place, .backup_directory = ::testing::TempDir()});
  }

 private:
  TemporaryDirectory directory_;
  std::string schema_;
};

using TestDrivers = ::testing::Types<TemporarySqlite, TemporaryPostgres>;
struct TestDriverNames {
  template <typename Driver>
  static std::string GetName(int) {
    return Driver::kName;
  }
};

/// A test on a fresh database with a module's tables.
template <typename Driver>
class StoreTest : public ::testing::Test {
 protected:
  explicit StoreTest(std::vector<Migration> migrations) : migrations_(std::move(migrations)) {}
  void SetUp() final { Open(); }
  /// Makes what is tested, on the database that is there now.
  virtual void Begin() {}
  /// Opens the database, and once more when it is called again: what is tested is ended first. Use it with ASSERT.
  void Open() {
    database_.reset();
    auto opened = driver_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    database_ = *std::move(opened);
    const Status migrated = database_->Migrate(migrations_);
    ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
    Begin();
  }
  template <typename Work>
  auto Write(Work work) {
    return SyncWait(database_->Write(std::move(work)));
  }
  template <typename Work>
  auto Read(Work work) {
    return SyncWait(database_->Read(std::move(work)));
  }

  Driver driver_;
  std::unique_ptr<Database> database_;

 private:
  std::vector<Migration> migrations_;
};

}  // namespace mw::db
