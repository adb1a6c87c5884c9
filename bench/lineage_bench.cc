// What a question about lineage takes in a graph of a million nodes: 500,000 executions that each read two artifacts
// and made one, among them a chain of 1,000 steps and a dataset that 20,000 trainings read. Nine rounds each, medians,
// in wall and in processor time of this process; beside it the same walk as one recursive statement. SQLite, and
// PostgreSQL when MILLWRIGHT_TEST_POSTGRES names a server:  tools/with-postgres build/release/bin/lineage_bench
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "base/text.h"
#include "db/postgres_connection.h"
#include "db/postgres_database.h"
#include "db/sqlite_database.h"
#include "lineage/lineage.h"
#include "lineage/metadata.h"

namespace mw::lineage {
namespace {

constexpr int kRounds = 9;
constexpr std::int64_t kNodes = 500'000;  // executions, and artifacts
constexpr std::int64_t kChain = 1'000, kFan = 20'000;
const RealClock kClock;

[[noreturn]] void Fail(const Error& error) {
  fprintf(stderr, "lineage_bench: %s\n", error.ToString().c_str());
  exit(1);
}

double ProcessorMillis() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string Id(std::int64_t number) { return Cat("0190000000000000000000000", 1'000'000 + number); }

/// Artifact i is made by execution i. Of the first kChain each reads the one before; the next kFan read artifact 0 and
/// nothing reads what they make; each of the rest reads two of the rest, somewhere before it.
Status Fill(db::Transaction& transaction) {
  const std::string numbers = Cat("WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n",
                                  " WHERE i < ", kNodes - 1, ") ");
  const std::string id = "'0190000000000000000000000' || CAST(1000000 + i AS TEXT)";
  TRY(transaction.Execute(Cat("INSERT INTO lineage_artifacts (id, project, type, digest, metadata, created_at,",
                              " updated_at, title, searchable) ", numbers, "SELECT ", id,
                              ", 'default', 'dataset', 'sha256:' || CAST(i AS TEXT), '{\"rows\":1000}', i, i, '', 1",
                              " FROM n")));
  TRY(transaction.Execute(
      Cat("INSERT INTO lineage_executions (id, project, type, name, state, code_version,",
          " configuration, environment, started_at, ended_at, created_at) ", numbers, "SELECT ", id,
          ", 'default', 'train', 'flights/train', 'complete', 'sha256:c', '{\"with\":{\"depth\":6}}',"
          " '{\"host\":\"h\"}', i, i, i FROM n")));
  TRY(transaction.Execute(Cat("INSERT INTO lineage_events (execution_id, direction, port, artifact_id) ", numbers,
                              "SELECT ", id, ", 'output', 'model', ", id, " FROM n")));
  const auto reads = [&](std::string_view port, const std::string& which, const std::string& where) {
    return transaction.Execute(Cat("INSERT INTO lineage_events (execution_id, direction, port, artifact_id) ", numbers,
                                   "SELECT ", id, ", 'input', '", port, "', '0190000000000000000000000' ||",
                                   " CAST(1000000 + ", which, " AS TEXT) FROM n WHERE ", where));
  };
  TRY(reads("rows", "i - 1", Cat("i > 0 AND i < ", kChain)));
  TRY(reads("rows", "0", Cat("i >= ", kChain, " AND i < ", kChain + kFan)));
  const std::string rest = Cat("i > ", kChain + kFan);
  const std::string span = Cat("(i - ", kChain + kFan, ")");
  TRY(reads("rows", Cat("i - 1 - ((i * 7919) % ", span, ")"), rest));
  TRY(reads("more", Cat("i - 1 - ((i * 104729) % ", span, ")"), rest));
  return Ok();
}

/// The walk as one statement that knows no nodes but ids, cut at as many.
Result<std::size_t> Recursive(db::Snapshot& snapshot, const ArtifactId& from, bool down) {
  const std::string_view near = down ? "input" : "output", far = down ? "output" : "input";
  const db::Rows rows = TRY(snapshot.Query(
      Cat("WITH RECURSIVE reached (artifact_id) AS (SELECT id FROM lineage_artifacts WHERE id = ? UNION",
          " SELECT f.artifact_id FROM reached r JOIN lineage_events v ON v.artifact_id = r.artifact_id AND",
          " v.direction = '", near, "' JOIN lineage_events f ON f.execution_id = v.execution_id AND f.direction = '",
          far, "') SELECT artifact_id FROM reached LIMIT 10001"),
      {from.text()}));
  return rows.size();
}

struct Figure {
  double wall = 0, processor = 0;
  std::size_t count = 0;
};

Figure Time(const std::function<Result<std::size_t>()>& ask) {
  std::vector<double> walls, processors;
  Figure figure;
  for (int round = 0; round < kRounds; ++round) {
    const double processor = ProcessorMillis();
    const Duration start = kClock.Elapsed();
    const Result<std::size_t> count = ask();
    if (!count.ok()) Fail(count.error());
    walls.push_back(static_cast<double>((kClock.Elapsed() - start).count()) / 1e3);
    processors.push_back(ProcessorMillis() - processor);
    figure.count = *count;
  }
  figure.wall = Median(walls);
  figure.processor = Median(processors);
  return figure;
}

void Print(std::string_view question, const Figure& figure) {
  printf("  %-52s %8zu %9.1f %9.1f\n", std::string(question).c_str(), figure.count, figure.wall, figure.processor);
}

/// What PostgreSQL's autovacuum has done long before there are a million.
void Vacuum(const std::string& conninfo) {
  const auto connection = db::PostgresConnection::Open(conninfo, db::Use::kRead);
  if (!connection.ok()) Fail(connection.error());
  for (const char* table : {"artifacts", "executions", "events"}) {
    const Status vacuumed = (*connection)->RunScript(Cat("VACUUM ANALYZE lineage_", table));
    if (!vacuumed.ok()) Fail(vacuumed.error());
  }
}

void Measure(std::string_view name, db::Database& database, const std::function<void()>& settle) {
  const Status migrated = database.Migrate(Migrations());
  if (!migrated.ok()) Fail(migrated.error());
  const Duration start = kClock.Elapsed();
  const Status filled = SyncWait(database.Write([](db::Transaction& t) { return Fill(t); }));
  if (!filled.ok()) Fail(filled.error());
  settle();
  printf("%s: %lld nodes, filled in %.1f s\n  %-52s %8s %9s %9s\n", std::string(name).c_str(),
         static_cast<long long>(2 * kNodes), static_cast<double>((kClock.Elapsed() - start).count()) / 1e6, "question",
         "found", "wall ms", "cpu ms");
  const auto read = [&](auto work) {
    return [&database, work]() -> Result<std::size_t> { return SyncWait(database.Read(work)); };
  };
  const auto ids = [](const ArtifactId& from, Way way) {
    return [from, way](db::Snapshot& s) -> Result<std::size_t> {
      return TRY(Lineage::WalkIds(s, {from}, way, {}))
      .artifacts.size();
    };
  };
  const auto graph = [](const ArtifactId& from, Way way) {
    return [from, way](db::Snapshot& s) -> Result<std::size_t> {
      return TRY(Lineage::Walk(s, {from}, way, {}))
      .artifacts.size();
    };
  };
  const ArtifactId first(Id(0)), end_of_chain(Id(kChain - 1)), last(Id(kNodes - 1)), early(Id(kChain + kFan + 1)),
      leaf(Id(kChain + 7));
  Print("origin of the end of a chain of 1,000: graph", Time(read(graph(end_of_chain, Way::kUpstream))));
  Print("origin of the end of a chain of 1,000: ids", Time(read(ids(end_of_chain, Way::kUpstream))));
  Print("  as one recursive statement", Time(read([&](db::Snapshot& s) { return Recursive(s, end_of_chain, false); })));
  Print("origin of one training of 20,000: graph", Time(read(graph(leaf, Way::kUpstream))));
  Print("what the dataset of 20,000 trainings reached: ids", Time(read(ids(first, Way::kDownstream))));
  Print("  as one recursive statement", Time(read([&](db::Snapshot& s) { return Recursive(s, first, true); })));
  Print("what the dataset of 20,000 trainings reached: graph", Time(read(graph(first, Way::kDownstream))));
  Print("what an early artifact reached (most of all): ids", Time(read(ids(early, Way::kDownstream))));
  Print("origin of the last artifact (most of all): ids", Time(read(ids(last, Way::kUpstream))));
  Print("  as one recursive statement", Time(read([&](db::Snapshot& s) { return Recursive(s, early, true); })));
  Print("whether that is in 20 live versions", Time(read([&](db::Snapshot& s) -> Result<std::size_t> {
          std::vector<ArtifactId> live;
          for (std::int64_t i = 0; i < 20; ++i) live.emplace_back(Id(kChain + 10 * i));
          return TRY(Lineage::Reached(s, {first}, live))
          .size();
        })));
  Print("around the last artifact, 6 hops: graph", Time(read([&](db::Snapshot& s) -> Result<std::size_t> {
          return TRY(Lineage::Walk(s, {last}, Way::kBoth, {.hops_max = 6}))
          .artifacts.size();
        })));
  Print("a page of 100 by type and time", Time(read([&](db::Snapshot& s) -> Result<std::size_t> {
          ListQuery query;
          query.filter = R"(schema_title = "system.Dataset" AND create_time > "1970-01-01T00:00:00.2Z")";
          return TRY(Metadata::ListArtifacts(s, query))
          .entries.size();
        })));
}

int Run() {
  const std::string directory =
      Cat(std::filesystem::temp_directory_path().string(), "/lineage_bench.", kClock.Elapsed().count());
  std::filesystem::create_directories(directory);
  {
    auto sqlite = db::SqliteDatabase::Open(directory + "/bench.db");
    if (!sqlite.ok()) Fail(sqlite.error());
    Measure("SQLite", **sqlite, [] {});
  }
  std::filesystem::remove_all(directory);
  if (const char* conninfo = getenv("MILLWRIGHT_TEST_POSTGRES")) {
    auto postgres = db::PostgresDatabase::Open(
        {.conninfo = conninfo, .backup_directory = std::filesystem::temp_directory_path().string()});
    if (!postgres.ok()) Fail(postgres.error());
    Measure("PostgreSQL", **postgres, [&] { Vacuum(conninfo); });
  }
  return 0;
}

}  // namespace
}  // namespace mw::lineage

int main() { return mw::lineage::Run(); }
