// SQLite: the contract, and what only a file can do wrong.
#include "db/sqlite_database.h"

#include <sys/stat.h>

#include <fstream>

#include "db/database_contract.h"
#include "db/faulty_vfs.h"

namespace mw::db {

MW_DATABASE_CONTRACT(Sqlite, TemporarySqlite);

namespace {

class SqliteDatabaseTest : public DatabaseFixture<TemporarySqlite> {
 protected:
  void SetUp() override {}  // each test opens by itself

  void OpenAndMigrate() {
    Reopen();
    ASSERT_NE(db_, nullptr);
    const Status migrated = db_->Migrate(Steps());
    ASSERT_TRUE(migrated.ok()) << migrated.error().ToString();
  }
  /// Why the file cannot be opened.
  std::string Refusal() {
    const auto opened = place_->Open();
    return opened.ok() ? "opened" : opened.error().ToString();
  }
  void RunSql(const std::string& path, const char* sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }
};

TEST_F(SqliteDatabaseTest, SaysThatAFileIsNoDatabase) {
  std::ofstream(place_->place()) << std::string(5000, 'x');
  EXPECT_EQ(Refusal(), Cat(place_->place(), " is not a database; move it away, or name another home"));
}

TEST_F(SqliteDatabaseTest, LeavesDatabasesOfOtherProgramsAlone) {
  RunSql(place_->place(), "CREATE TABLE experiments (id INTEGER)");
  EXPECT_EQ(Refusal(), Cat(place_->place(), " is a database of another program; move it away, or name another home"));
}

TEST_F(SqliteDatabaseTest, SaysThatTheDirectoryIsMissing) {
  const auto opened = SqliteDatabase::Open(Cat(place_->directory(), "/nowhere/test.db"));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::kNotFound);
  EXPECT_NE(opened.error().message.find("/nowhere/test.db.lock"), std::string::npos) << opened.error().message;
}

TEST_F(SqliteDatabaseTest, SaysThatAnotherProcessHasItOpen) {
  OpenAndMigrate();
  EXPECT_EQ(Refusal(), Cat("the database ", place_->place(),
                           " is open in another Millwright; stop that one, or name another home"));
}

TEST_F(SqliteDatabaseTest, SaysThatTheFileIsDamaged) {
  OpenAndMigrate();
  for (std::int64_t id = 0; id < 200; ++id) ASSERT_TRUE(Write(Insert(id)).ok());
  db_.reset();
  {
    // The second page is the root of a table: noise there is found when it is read.
    std::fstream file(place_->place(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(static_cast<std::size_t>(4096) * 3, '\x5a');
  }
  const auto opened = place_->Open();
  const Status migrated = opened.ok() ? (*opened)->Migrate(Steps()) : Status(opened.error());
  ASSERT_FALSE(migrated.ok());
  EXPECT_EQ(migrated.error().code, Code::kDataLoss) << migrated.error().ToString();
  EXPECT_NE(migrated.error().message.find("is damaged"), std::string::npos) << migrated.error().message;
}

TEST_F(SqliteDatabaseTest, WritesToItsLogAndFlushesIt) {
  OpenAndMigrate();
  struct stat status {};
  EXPECT_EQ(stat(Cat(place_->place(), "-wal").c_str(), &status), 0);
  EXPECT_EQ(ReadValue("PRAGMA journal_mode"), Value(std::string("wal")));
  EXPECT_EQ(ReadValue("PRAGMA synchronous"), Value(std::int64_t{2}));
}

TEST_F(SqliteDatabaseTest, ItsFilesAreNobodyElses) {
  OpenAndMigrate();
  ASSERT_TRUE(db_->Migrate(MoreSteps()).ok());
  for (const char* suffix : {"", "-wal", "-shm", ".lock", ".before-1"}) {
    struct stat status {};
    ASSERT_EQ(stat(Cat(place_->place(), suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
  }
}

TEST_F(SqliteDatabaseTest, FlushesOnceForAGroup) {
  FaultyVfs vfs;
  OpenAndMigrate();
  ASSERT_TRUE(Write(Insert(1000)).ok());
  const int before = vfs.flushes();
  ASSERT_TRUE(Write(Insert(1001)).ok());
  const int alone = vfs.flushes() - before;
  EXPECT_GE(alone, 1) << "every acknowledged write was flushed";
  std::vector<Work> works;
  for (std::int64_t id = 0; id < 200; ++id) works.push_back(Insert(id));
  const int group = vfs.flushes();
  for (const auto& result : WriteTogether(works)) ASSERT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(vfs.flushes() - group, alone) << "200 writes cost as many flushes as one";
  db_.reset();
}

/// A full disk, a failing write, a failing flush: at the first operation, the second, and so on until none is left.
TEST_F(SqliteDatabaseTest, KeepsWhatItAcknowledgedThroughEveryFault) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC}) {
    bool failed = true;
    int operations = 0;
    for (; failed; ++operations) {
      ASSERT_LT(operations, 200);
      SCOPED_TRACE(Cat("SQLite's code ", code, " after ", operations, " operations"));
      TemporarySqlite place;
      std::vector<std::int64_t> acknowledged;
      {
        FaultyVfs vfs;
        auto db = place.Open();
        ASSERT_TRUE(db.ok() && (*db)->Migrate(Steps()).ok());
        vfs.FailAfter(operations, code);
        for (std::int64_t id = 1; id <= 3; ++id) {
          const auto done = SyncWait((*db)->Write([id](Transaction& t) {
            return t.Execute("INSERT INTO things (id, bytes) VALUES (?, ?)", {id, Bytes{std::string(3000, 'x')}});
          }));
          if (done.ok()) {
            acknowledged.push_back(id);
          } else {
            EXPECT_EQ(done.error().code, code == SQLITE_FULL ? Code::kResourceExhausted : Code::kUnavailable)
                << done.error().ToString();
          }
        }
        failed = vfs.failed();
        vfs.Mend();
        const auto after = SyncWait((*db)->Write(Insert(7)));
        EXPECT_TRUE(after.ok()) << "nothing needs to be restarted: " << after.error().ToString();
        acknowledged.push_back(7);
      }
      auto db = place.Open();
      ASSERT_TRUE(db.ok()) << db.error().ToString();
      for (const std::int64_t id : acknowledged) {
        const auto rows =
            SyncWait((*db)->Read([id](Snapshot& s) { return s.Query("SELECT id FROM things WHERE id = ?", {id}); }));
        EXPECT_EQ(rows->size(), 1U) << id;
      }
    }
    EXPECT_GT(operations, 3) << "faults were really met";
  }
}

TEST_F(SqliteDatabaseTest, SaysThatTheDiskIsFull) {
  FaultyVfs vfs;
  OpenAndMigrate();
  vfs.FailAfter(0, SQLITE_FULL);
  const auto refused = Write(Insert(1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().ToString(), Cat("no space left: the disk that holds ", place_->place(),
                                            " is full; free some space, nothing needs to be restarted"));
  vfs.Mend();
  db_.reset();
}

TEST_F(SqliteDatabaseTest, ABackupCanBeOpened) {
  OpenAndMigrate();
  ASSERT_TRUE(Write(Insert(42)).ok());
  ASSERT_TRUE(db_->Migrate(MoreSteps()).ok());
  ASSERT_TRUE(Write(Insert(43)).ok());
  const auto backup = SqliteDatabase::Open(Cat(place_->place(), ".before-1"));
  ASSERT_TRUE(backup.ok()) << backup.error().ToString();
  EXPECT_TRUE((*backup)->Migrate(Steps()).ok());
  const auto rows = SyncWait((*backup)->Read([](Snapshot& s) { return s.Query("SELECT id FROM things"); }));
  ASSERT_EQ(rows->size(), 1U) << "as it was before the migration";
  EXPECT_EQ((*rows)[0].Int(0), 42);
}

TEST_F(SqliteDatabaseTest, KeepsTheLastBackups) {
  std::vector<Migration> steps;
  for (int number = 1; number <= 6; ++number) {
    steps.push_back({"many", number, Cat("CREATE TABLE t", number, " (id BIGINT);")});
    Reopen();
    ASSERT_TRUE(db_->Migrate(steps).ok());
  }
  for (int number = 1; number <= 5; ++number) {
    EXPECT_EQ(std::filesystem::exists(Cat(place_->place(), ".before-", number)), number > 2) << number;
  }
}

TEST_F(SqliteDatabaseTest, AMigrationWithoutItsBackupDoesNotHappen) {
  OpenAndMigrate();
  ASSERT_TRUE(std::filesystem::create_directories(Cat(place_->place(), ".before-1/in the way")));
  const Status refused = db_->Migrate(MoreSteps());
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find(".before-1"), std::string::npos) << refused.error().message;
  EXPECT_EQ(Count("schema_steps"), 1);
}

TEST_F(SqliteDatabaseTest, RefusesTheBytesThatStandForNaN) {
  OpenAndMigrate();
  const auto refused = WriteSql("INSERT INTO things (id, bytes) VALUES (1, ?)", {Bytes{"millwright:NaN"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace mw::db
