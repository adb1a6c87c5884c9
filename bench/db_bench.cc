// How many writes a second the databases acknowledge, with one writer and with 64, beside the time of one
// fsync on the same disk in the same run. Five rounds in turns, medians. PostgreSQL is measured when
// MILLWRIGHT_TEST_POSTGRES names a server:  tools/with-postgres build/release/bin/db_bench
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/task.h"
#include "base/text.h"
#include "db/postgres_database.h"
#include "db/sqlite_database.h"

namespace mw::db {
namespace {

constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kRoundTime{1000};
constexpr std::size_t kWriters = 64;
const RealClock kClock;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

[[noreturn]] void Fail(const Error& error) {
  fprintf(stderr, "db_bench: %s\n", error.ToString().c_str());
  exit(1);
}

/// Microseconds of one append of 4 KiB and fdatasync: what one commit costs at least.
double FsyncMicros(const std::string& directory) {
  const std::string path = Cat(directory, "/fsync");
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string page(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < 100; ++i) {
    const Duration start = kClock.Elapsed();
    if (write(file, page.data(), page.size()) < 0 || fdatasync(file) != 0) Fail(ErrnoError(errno, path));
    times.push_back(static_cast<double>((kClock.Elapsed() - start).count()));
  }
  close(file);
  unlink(path.c_str());
  return Median(times);
}

Task<void> WriteUntil(Database& db, Duration end, std::int64_t& next, std::int64_t& written, std::size_t& left) {
  while (kClock.Elapsed() < end) {
    const std::int64_t id = next++;
    const auto done = co_await db.Write([id](Transaction& t) {
      return t.Execute("INSERT INTO bench_points (id, run, value) VALUES (?, ?, ?)",
                       {id, std::string("0193a7c2d5e17f3a9b4c6d8e0f1a2b3c"), 0.5});
    });
    if (!done.ok()) Fail(done.error());
    ++written;
  }
  --left;
}

double WritesPerSecond(Database& db, std::size_t writers, std::int64_t& next) {
  RunLoop loop;
  std::int64_t written = 0;
  std::size_t left = writers;
  const Duration start = kClock.Elapsed();
  for (std::size_t i = 0; i < writers; ++i) Spawn(loop, WriteUntil(db, start + kRoundTime, next, written, left));
  const Executor::Scope scope(&loop);
  loop.RunUntil([&left] { return left == 0; });
  return static_cast<double>(written) * 1e6 / static_cast<double>((kClock.Elapsed() - start).count());
}

struct Candidate {
  const char* name;
  std::unique_ptr<Database> db;
  std::int64_t next = 1;
  std::vector<double> alone, together;
};

std::unique_ptr<Database> Must(Result<std::unique_ptr<Database>> opened) {
  if (!opened.ok()) Fail(opened.error());
  return std::move(*opened);
}

void RunStatement(Database& db, const std::string& sql) {
  const auto done = SyncWait(db.Write([&sql](Transaction& t) { return t.Execute(sql); }));
  if (!done.ok()) Fail(done.error());
}

void Report(const std::vector<Candidate>& candidates, double fsync_micros) {
  printf("one fsync %.0f us (median), at most %.0f commits/s one after the other\n\n", fsync_micros,
         1e6 / fsync_micros);
  printf("%-12s %14s %14s %8s %22s\n", "database", "1 writer/s", "64 writers/s", "factor", "64 writers, per fsync");
  for (const Candidate& candidate : candidates) {
    const double alone = Median(candidate.alone);
    const double together = Median(candidate.together);
    printf("%-12s %14.0f %14.0f %7.1fx %22.1f\n", candidate.name, alone, together, together / alone,
           together * fsync_micros / 1e6);
  }
}

int Run() {
  SetLogLevel(LogLevel::kError);
  std::string directory = (std::filesystem::temp_directory_path() / "millwright-bench.XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) Fail(ErrnoError(errno, directory));
  const char* server = getenv("MILLWRIGHT_TEST_POSTGRES");
  const std::string schema = Cat("bench_", NewIdText(kClock));

  std::vector<Candidate> candidates;
  candidates.push_back({"SQLite", Must(SqliteDatabase::Open(Cat(directory, "/bench.db"))), 1, {}, {}});
  if (server != nullptr) {
    RunStatement(*Must(PostgresDatabase::Open({.conninfo = server})), Cat("CREATE SCHEMA ", schema));
    const std::string place = Cat(server, " options='-c search_path=", schema, "'");
    candidates.push_back({"PostgreSQL", Must(PostgresDatabase::Open({.conninfo = place})), 1, {}, {}});
  }
  for (const Candidate& candidate : candidates) {
    RunStatement(*candidate.db,
                 "CREATE TABLE bench_points (id BIGINT PRIMARY KEY, run TEXT NOT NULL, value DOUBLE PRECISION)");
  }
  std::vector<double> fsyncs;
  for (int round = 0; round < kRounds; ++round) {
    fsyncs.push_back(FsyncMicros(directory));
    for (Candidate& candidate : candidates) {
      candidate.alone.push_back(WritesPerSecond(*candidate.db, 1, candidate.next));
      candidate.together.push_back(WritesPerSecond(*candidate.db, kWriters, candidate.next));
    }
  }
  Report(candidates, Median(fsyncs));
  candidates.clear();
  if (server != nullptr) {
    RunStatement(*Must(PostgresDatabase::Open({.conninfo = server})), Cat("DROP SCHEMA ", schema, " CASCADE"));
  } else {
    printf("\nPostgreSQL was not measured: run through tools/with-postgres\n");
  }
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace mw::db

int main() { return mw::db::Run(); }
