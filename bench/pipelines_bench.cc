// Steps that do nothing, end to end on real parts (SQLite with fsync, blobs, shims): steps a second, and the overhead
// of dispatch: from the end of a step's program, as its shim saw it, to the start of its successor's program.
//   pipelines_bench [steps side by side, 200] [steps in a chain, 60]      with mw-shim beside it
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/log.h"
#include "blob/directory_blobs.h"
#include "db/sqlite_database.h"
#include "exec/process_executor.h"
#include "jobs/jobs.h"
#include "lineage/lineage.h"
#include "pipelines/pipelines.h"

namespace mw::pipelines {
namespace {

class NoTokens final : public StepTokens {
 public:
  std::string Issue(const RunId&, const std::string&) override { return "token"; }
  void Revoke(const std::string&) override {}
};

class NoRecords final : public StepRecorder {
 public:
  Status RunSubmitted(db::Transaction&, const RunRecord&, const Graph&) override { return Ok(); }
  Status StepFinished(db::Transaction&, const FinishedStep&) override { return Ok(); }
  Status RunEnded(db::Transaction&, const RunRecord&, RunState, Timestamp) override { return Ok(); }
};

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().ToString().c_str());
    exit(1);
  }
  return std::move(*result);
}

/// A control loop for one reconciler: wakes that come together make one tick.
class Ticker {
 public:
  Ticker(RunLoop& loop, RunReconciler& reconciler, const Clock& clock)
      : loop_(loop), reconciler_(reconciler), clock_(clock) {}
  void Wake() {
    if (!asked_.exchange(true)) loop_.Post([this] { Spawn(loop_, Tick()); });
  }

 private:
  Task<void> Tick() {
    if (ticking_) co_return;
    ticking_ = true;
    while (asked_.exchange(false)) co_await reconciler_.Tick(clock_.Now());
    ticking_ = false;
  }
  RunLoop& loop_;
  RunReconciler& reconciler_;
  const Clock& clock_;
  std::atomic<bool> asked_ = false;
  bool ticking_ = false;
};

std::string Wide(int steps) {
  std::string yaml = "pipeline: wide\ndefaults: {cpu: 0.02, cache: false}\nsteps:\n";
  for (int i = 0; i < steps; ++i) CatTo(yaml, "  s", i, ": {run: [/bin/true]}\n");
  return yaml;
}

std::string Chain(int steps) {
  std::string yaml = "pipeline: chain\ndefaults: {cpu: 0.02, cache: false}\nsteps:\n  s0: {run: [/bin/true]}\n";
  for (int i = 1; i < steps; ++i) CatTo(yaml, "  s", i, ": {run: [/bin/true], after: [s", i - 1, "]}\n");
  return yaml;
}

double Milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

void PrintDispatch(const RunDetails& run) {
  std::vector<double> overheads;
  for (std::size_t i = 1; i < run.tasks.size(); ++i) {
    const jobs::Attempt& attempt = run.tasks[i].attempts.back();
    overheads.push_back(Milliseconds(attempt.created - run.tasks[i - 1].record.ended));
  }
  if (overheads.empty()) return;
  std::sort(overheads.begin(), overheads.end());
  std::printf("dispatch, end of a step to its successor's launch record: p50 %.1f ms  p99 %.1f ms\n",
              overheads[overheads.size() / 2], overheads[overheads.size() * 99 / 100]);
}

void Bench(const std::string& home, const std::string& shim, int wide, int chain) {
  const RealClock clock;
  const auto database = Must(db::SqliteDatabase::Open(home + "/bench.db"));
  std::vector<db::Migration> migrations = Migrations();
  for (const auto& more : {jobs::Migrations(), lineage::Migrations()}) {
    migrations.insert(migrations.end(), more.begin(), more.end());
  }
  if (!database->Migrate(migrations).ok()) exit(1);
  const auto blobs = Must(blob::DirectoryBlobs::Open(home + "/blobs"));
  const auto executor = Must(exec::ProcessExecutor::Start(shim));
  jobs::Jobs jobs(*executor, clock);
  RunLoop loop;
  RunLoop workers;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&workers] { workers.Run(); });
  NoTokens tokens;
  NoRecords records;
  lineage::Lineage lineage(clock);
  FileDigests digests;
  MetricsRegistry metrics;
  RunnerOptions options;
  options.runs_directory = home + "/runs";
  options.capacity = {2, 0};
  options.path = "/usr/bin:/bin";
  const RunnerParts parts{*database, *blobs, jobs, workers, tokens, lineage, records, digests, clock, metrics};
  RunReconciler reconciler(parts, options);
  Ticker ticker(loop, reconciler, clock);
  reconciler.OnWake([&ticker] { ticker.Wake(); });
  jobs.OnChange([&ticker] { ticker.Wake(); });
  Pipelines pipelines(parts, options, reconciler);
  std::thread control([&loop] { loop.Run(); });

  for (const bool is_chain : {false, true}) {
    const int steps = is_chain ? chain : wide;
    const Submission submission{is_chain ? Chain(steps) : Wide(steps), "bench.yaml", home, {}, ""};
    const Duration begin = clock.Elapsed();
    const RunId id = Must(SyncWait(pipelines.Submit(submission)));
    RunDetails run = Must(SyncWait(pipelines.Get(id)));
    while (!IsFinal(run.run.state)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      run = Must(SyncWait(pipelines.Get(id)));
    }
    const double seconds = Milliseconds(clock.Elapsed() - begin) / 1000;
    std::printf("%s: %d steps in %.2f s, %.0f steps/s (%s)\n", is_chain ? "chain" : "side by side", steps, seconds,
                steps / seconds, std::string(Name(run.run.state)).c_str());
    if (is_chain) PrintDispatch(run);
  }
  jobs.OnChange(nullptr);
  loop.Stop();
  control.join();
  SyncWait(reconciler.Drain());
  workers.Stop();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace mw::pipelines

int main(int argc, char** argv) {
  std::string home = "/tmp/millwright-pipelines-bench.XXXXXX";
  if (mkdtemp(home.data()) == nullptr) return 1;
  mw::SetLogLevel(mw::LogLevel::kWarning);
  const std::string shim = std::filesystem::path(argv[0]).parent_path().string() + "/mw-shim";
  mw::pipelines::Bench(home, shim, argc > 1 ? atoi(argv[1]) : 200, argc > 2 ? atoi(argv[2]) : 60);
  std::error_code ignored;
  std::filesystem::remove_all(home, ignored);
  return 0;
}
