// PostgreSQL: the contract, and what only a server can do wrong.
#include "db/postgres_database.h"

#include "db/database_contract.h"
#include "db/postgres_values.h"

namespace mw::db {

MW_DATABASE_CONTRACT(Postgres, TemporaryPostgres);

namespace {

class PostgresDatabaseTest : public DatabaseFixture<TemporaryPostgres> {
 protected:
  /// Ends this test's connections from outside, as a restart of the server does.
  void CutConnections() {
    TemporaryPostgres::RunOnServer(
        Cat("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '",
            place_->directory(), "'"));
  }
};

TEST_F(PostgresDatabaseTest, ComesBackAfterTheServerWasRestarted) {
  ASSERT_TRUE(Write(Insert(1)).ok());
  CutConnections();
  const auto written = Write(Insert(2));
  ASSERT_TRUE(written.ok()) << "nothing was asked yet, so nobody need notice: " << written.error().ToString();
  for (int i = 0; i < 2 * ReaderPool::kReaders; ++i) EXPECT_EQ(Count("things"), 2);
}

TEST_F(PostgresDatabaseTest, ReadersComeBackToo) {
  CutConnections();
  for (int i = 0; i < 2 * ReaderPool::kReaders; ++i) EXPECT_EQ(Count("things"), 0);
}

TEST_F(PostgresDatabaseTest, AnswersUnavailableWhileTheServerIsAway) {
  const std::string name = Cat("away_", NewIdText(RealClock()));
  TemporaryPostgres::RunOnServer(Cat("CREATE DATABASE ", name, " TEMPLATE template0"));
  {
    auto db = TemporaryPostgres::OpenAt(Cat(TemporaryPostgres::server(), " dbname=", name));
    ASSERT_TRUE(db.ok()) << db.error().ToString();
    ASSERT_TRUE((*db)->Migrate(Steps()).ok());
    TemporaryPostgres::RunOnServer(Cat("ALTER DATABASE ", name, " ALLOW_CONNECTIONS false"));
    TemporaryPostgres::RunOnServer(
        Cat("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '", name, "'"));
    const auto write = SyncWait((*db)->Write(Insert(1)));
    ASSERT_FALSE(write.ok());
    EXPECT_EQ(write.error().code, Code::kUnavailable);
    EXPECT_NE(write.error().message.find("does not answer"), std::string::npos) << write.error().message;
    const auto read = SyncWait((*db)->Read([](Snapshot& s) { return s.Query("SELECT 1"); }));
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, Code::kUnavailable);
    TemporaryPostgres::RunOnServer(Cat("ALTER DATABASE ", name, " ALLOW_CONNECTIONS true"));
    EXPECT_TRUE(SyncWait((*db)->Write(Insert(1))).ok());
    EXPECT_TRUE(SyncWait((*db)->Read([](Snapshot& s) { return s.Query("SELECT 1"); })).ok());
  }
  TemporaryPostgres::RunOnServer(Cat("DROP DATABASE ", name));
}

TEST_F(PostgresDatabaseTest, AConnectionLostInAClosureSparesItsGroup) {
  std::vector<Work> works;
  for (std::int64_t id = 0; id < 5; ++id) {
    works.push_back([id](Transaction& t) -> Result<std::int64_t> {
      if (id == 2) TRY(t.Query("SELECT pg_terminate_backend(pg_backend_pid())"));
      return t.Execute("INSERT INTO things (id) VALUES (?)", {id});
    });
  }
  const auto results = WriteTogether(works);
  for (std::size_t id = 0; id < results.size(); ++id) EXPECT_EQ(results[id].ok(), id != 2) << id;
  EXPECT_EQ(results[2].error().code, Code::kUnavailable);
  EXPECT_EQ(Count("things"), 4);
}

TEST_F(PostgresDatabaseTest, SaysThatTheOutcomeIsUnknownWhenLostInTheCommit) {
  // A trigger that is due at commit ends its own connection there.
  ASSERT_TRUE(WriteSql("CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS "
                       "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'")
                  .ok());
  ASSERT_TRUE(WriteSql("CREATE CONSTRAINT TRIGGER lost AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED "
                       "FOR EACH ROW EXECUTE FUNCTION lose()")
                  .ok());
  std::atomic<int> runs{0};
  const auto lost = Write([&runs](Transaction& t) {
    ++runs;
    return t.Execute("INSERT INTO things (id) VALUES (1)");
  });
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code, Code::kUnavailable);
  EXPECT_NE(lost.error().message.find("whether this write was kept is unknown"), std::string::npos)
      << lost.error().message;
  EXPECT_EQ(runs, 1) << "it may have been kept, so it is not repeated";
  EXPECT_TRUE(WriteSql("INSERT INTO parts (thing, name) SELECT id, 'a' FROM things").ok()) << "the writer is back";
}

TEST_F(PostgresDatabaseTest, ADeferredConstraintFailsItsClosureAlone) {
  ASSERT_TRUE(
      WriteSql("CREATE TABLE deferred (id BIGINT, thing BIGINT REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED)")
          .ok());
  const auto insert = [](std::int64_t id, std::int64_t thing) -> Work {
    return [=](Transaction& t) { return t.Execute("INSERT INTO deferred VALUES (?, ?)", {id, thing}); };
  };
  const auto results = WriteTogether({Insert(1), insert(1, 1), insert(2, 99), insert(3, 1)});
  EXPECT_TRUE(results[0].ok() && results[1].ok() && results[3].ok());
  ASSERT_FALSE(results[2].ok());
  EXPECT_EQ(results[2].error().code, Code::kFailedPrecondition);
  EXPECT_EQ(Count("deferred"), 2);
}

TEST_F(PostgresDatabaseTest, WaitsForTheDiskWhateverTheServersDefaultIs) {
  db_.reset();
  auto db = TemporaryPostgres::OpenAt(
      Cat(TemporaryPostgres::server(), " options='-c synchronous_commit=off -c search_path=pg_temp,", "public'"));
  ASSERT_TRUE(db.ok()) << db.error().ToString();
  const auto setting =
      SyncWait((*db)->Write([](Transaction& t) { return t.Query("SELECT current_setting('synchronous_commit')"); }));
  ASSERT_TRUE(setting.ok()) << setting.error().ToString();
  EXPECT_EQ((*setting)[0].Text(0), "on");
}

TEST_F(PostgresDatabaseTest, SaysWhyItCannotBeReached) {
  const auto refused = PostgresDatabase::Open({.conninfo = "host=/nowhere dbname=flights"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_NE(refused.error().message.find("PostgreSQL database flights at /nowhere:5432 does not answer"),
            std::string::npos)
      << refused.error().message;
  const auto nonsense = PostgresDatabase::Open({.conninfo = "hst=a"});
  ASSERT_FALSE(nonsense.ok());
  EXPECT_EQ(nonsense.error().code, Code::kInvalidArgument);
}

TEST_F(PostgresDatabaseTest, WantsADatabaseOfUnicode) {
  const std::string name = Cat("latin_", NewIdText(RealClock()));
  TemporaryPostgres::RunOnServer(Cat("CREATE DATABASE ", name, " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"));
  const auto refused = TemporaryPostgres::OpenAt(Cat(TemporaryPostgres::server(), " dbname=", name));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("has the encoding LATIN1"), std::string::npos) << refused.error().message;
  TemporaryPostgres::RunOnServer(Cat("DROP DATABASE ", name));
}

TEST_F(PostgresDatabaseTest, AMigrationWithoutItsBackupDoesNotHappen) {
  db_.reset();
  auto db = PostgresDatabase::Open({.conninfo = place_->place(), .backup_directory = "/nowhere"});
  ASSERT_TRUE(db.ok()) << db.error().ToString();
  const Status refused = (*db)->Migrate(MoreSteps());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("the backup before the migration failed; pg_dump said:"), std::string::npos)
      << refused.error().message;
  db->reset();
  db = PostgresDatabase::Open({.conninfo = place_->place(), .backup_directory = "/nowhere", .no_backup = true});
  ASSERT_TRUE(db.ok()) << db.error().ToString();
  EXPECT_TRUE((*db)->Migrate(MoreSteps()).ok());
}

TEST_F(PostgresDatabaseTest, PreparesNoMoreStatementsThanItsBound) {
  for (int i = 0; i < 600; ++i) {
    const auto answer = Write([i](Transaction& t) -> Result<std::int64_t> {
      return TRY(t.Query(Cat("SELECT ", i, " + CAST(? AS BIGINT)"), {std::int64_t{1}}))
      [0].Int(0);
    });
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
    ASSERT_EQ(*answer, i + 1);
  }
  const auto kept = Write([](Transaction& t) -> Result<std::int64_t> {
    return TRY(t.Query("SELECT count(*) FROM pg_prepared_statements"))
    [0].Int(0);
  });
  EXPECT_LE(*kept, 256);
}

}  // namespace
}  // namespace mw::db
