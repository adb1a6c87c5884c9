// The world of this module's tests, on one thread: simulated time, an executor whose programs are functions, blobs
// in memory, a database that answers at once, and a loop that runs waiting work in an order drawn from the seed. The
// control plane can be killed at any named point and made anew over what is left; the machine can lose power.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "blob/memory_blobs.h"
#include "db/inline_database.h"
#include "exec/fake_executor.h"
#include "pipelines/pipelines.h"

namespace mw::pipelines {

/// Runs posted work in an order that the seed decides.
class SeededLoop final : public Executor {
 public:
  explicit SeededLoop(std::uint64_t seed) : random_(seed) {}
  void Post(std::function<void()> work) override { work_.push_back(std::move(work)); }
  void RunAll() {
    const Scope scope(this);
    while (!work_.empty()) {
      std::swap(work_[random_.Below(work_.size())], work_.back());
      const auto work = std::move(work_.back());
      work_.pop_back();
      work();
    }
  }
  /// Runs `task` and everything else to the end.
  template <typename T>
  T Wait(Task<T> task) {
    std::optional<T> result;
    const Scope scope(this);
    Spawn(*this, Into(std::move(task), result));
    RunAll();
    MW_ASSERT(result.has_value());
    return std::move(*result);
  }

 private:
  template <typename T>
  static Task<void> Into(Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
  Random random_;
  std::vector<std::function<void()>> work_;
};

class SimulatedTokens final : public StepTokens {
 public:
  std::string Issue(const RunId& run, const std::string& attempt_id) override {
    open.insert(attempt_id);
    return Cat("token-", run.text(), "-", attempt_id);
  }
  void Revoke(const std::string& attempt_id) override { open.erase(attempt_id); }
  std::set<std::string> open;
};

/// Keeps in memory what it is told.
class SimulatedRecorder final : public StepRecorder {
 public:
  Status RunSubmitted(db::Transaction&, const RunRecord&, const Graph&) override { return Ok(); }
  Status StepFinished(db::Transaction&, const FinishedStep& finished) override {
    metrics[Cat(finished.run.text(), "/", finished.step.name)] = finished.result.metrics.Dump();
    return Ok();
  }
  Status RunEnded(db::Transaction&, const RunRecord& run, RunState state, Timestamp) override {
    ended[run.id.text()].push_back(state);
    return Ok();
  }
  std::map<std::string, std::string> metrics;
  std::map<std::string, std::vector<RunState>> ended;
};

/// What a simulated program sees of its attempt.
struct SimulatedAttempt {
  std::string run;
  std::string step;
  std::string id;
  std::string directory;
  std::vector<std::string> argv;
  [[nodiscard]] std::string Read(const std::string& input) const {
    return ReadFile(Cat(directory, "/inputs/", input)).value_or("(no input)");
  }
  void Write(const std::string& output, const std::string& content) const {
    MW_ASSERT(WriteFileDurably(Cat(directory, "/outputs/", output), content).ok());
  }
  void Result(const std::string& json) const { MW_ASSERT(WriteFileDurably(Cat(directory, "/result.json"), json).ok()); }
};

class SimulatedMachine {
 public:
  using Program = std::function<exec::FakeRun(const SimulatedAttempt&)>;

  explicit SimulatedMachine(std::uint64_t seed, Program program = nullptr)
      : clock(FromMicros(1'600'000'000'000'000)),
        random(seed),
        loop(seed),
        directory_(MakeDirectory()),
        database(Cat(directory_, "/test.db")),
        executor(clock, [this](const exec::AttemptSpec& spec) { return Run(spec); }),
        program_(std::move(program)) {
    std::vector<db::Migration> migrations = Migrations();
    for (const auto& more : {jobs::Migrations(), lineage::Migrations()}) {
      migrations.insert(migrations.end(), more.begin(), more.end());
    }
    const Status migrated = database.Migrate(migrations);
    EXPECT_TRUE(migrated.ok()) << migrated.error().ToString();
    MW_ASSERT(MakeDirectories(base()).ok());
    Start();
  }
  ~SimulatedMachine() {
    Stop();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  /// The pipeline's folder.
  [[nodiscard]] std::string base() const { return directory_ + "/base"; }
  void WriteBase(const std::string& name, const std::string& content) const {
    MW_ASSERT(WriteFileDurably(Cat(base(), "/", name), content).ok());
  }

  Submission SubmissionOf(const std::string& yaml, Overrides overrides = {}) const {
    return {yaml, "p.yaml", base(), std::move(overrides), ""};
  }
  Result<RunId> TrySubmit(const std::string& yaml, Overrides overrides = {}) {
    return loop.Wait(pipelines->Submit(SubmissionOf(yaml, std::move(overrides))));
  }
  RunId Submit(const std::string& yaml, Overrides overrides = {}) {
    const auto id = TrySubmit(yaml, std::move(overrides));
    EXPECT_TRUE(id.ok()) << id.error().ToString();
    return id.value_or(RunId());
  }
  RunDetails Get(const RunId& id) { return std::move(*loop.Wait(pipelines->Get(id))); }
  RunState StateOf(const RunId& id) { return Get(id).run.state; }
  /// "import=succeeded train=cached"
  std::string Tasks(const RunId& id) {
    std::vector<std::string> words;
    for (const TaskDetails& task : Get(id).tasks) words.push_back(Cat(task.record.step, "=", Name(task.record.state)));
    return Join(words, " ");
  }
  TaskRecord TaskOf(const RunId& id, std::string_view step) {
    for (TaskDetails& task : Get(id).tasks) {
      if (task.record.step == step) return std::move(task.record);
    }
    ADD_FAILURE() << "no step " << step;
    return {};
  }

  /// One tick and all that follows from it at this moment; then time goes to what comes next, at most to `until`.
  void Step(Timestamp until = kNever) {
    Timestamp next = loop.Wait(reconciler->Tick(clock.Now()));
    if (woken_ || reconciler->killed()) next = clock.Now();
    woken_ = false;
    next = std::min({next, executor.NextChange(), until});
    if (next > clock.Now() && next != kNever) clock.Advance(next - clock.Now());
    executor.Settle();
  }
  /// Steps until the run has ended, or an hour of simulated time has passed.
  RunState Finish(const RunId& id) {
    const Timestamp deadline = clock.Now() + std::chrono::hours(1);
    while (!IsFinal(StateOf(id)) && clock.Now() < deadline && !reconciler->killed()) Step(deadline);
    return StateOf(id);
  }
  void StepFor(Duration duration) {
    const Timestamp end = clock.Now() + duration;
    do Step(end);
    while (clock.Now() < end);
    Step(end);
  }

  void Start() {
    RunnerOptions options;
    options.runs_directory = directory_ + "/runs";
    options.mw_step = "/bin/mw-step";
    options.program = program_version;
    options.capacity = capacity;
    options.killed_at = [this](std::string_view point) { return killed_at && killed_at(point); };
    const RunnerParts parts{database, blobs, jobs, loop, tokens, lineage, recorder, digests, clock, metrics};
    reconciler = std::make_unique<RunReconciler>(parts, options);
    reconciler->OnWake([this] { woken_ = true; });
    pipelines = std::make_unique<Pipelines>(parts, options, *reconciler);
  }
  void Stop() {
    if (!reconciler) return;
    Drain();
    pipelines.reset();
    reconciler.reset();
  }
  void Restart() {
    Stop();
    Start();
  }

  SimulatedClock clock;
  Random random;
  SeededLoop loop;

 private:
  /// In memory where there is such a place: hundreds of worlds should not wait for the disk.
  static std::string MakeDirectory() {
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    std::string pattern = Cat(memory ? "/dev/shm/" : ::testing::TempDir(), "millwright-pipelines.XXXXXX");
    MW_ASSERT(mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }
  void Drain() {
    const Executor::Scope scope(&loop);
    Spawn(loop, reconciler->Drain());
    loop.RunAll();
  }
  exec::FakeRun Run(const exec::AttemptSpec& spec) {
    const auto parts = Split(spec.directory, '/');
    const std::size_t n = parts.size();
    const SimulatedAttempt attempt{std::string(parts[n - 3]), std::string(parts[n - 2]), spec.attempt_id,
                                   spec.directory, spec.argv};
    launched.push_back(attempt);
    return program_ ? program_(attempt) : exec::FakeRun{};
  }
  std::string directory_;

 public:
  db::InlineDatabase database;
  blob::MemoryBlobs blobs;
  exec::FakeExecutor executor;
  jobs::Jobs jobs{executor, clock};
  SimulatedTokens tokens;
  lineage::Lineage lineage{clock};
  SimulatedRecorder recorder;
  FileDigests digests;
  MetricsRegistry metrics;
  std::vector<SimulatedAttempt> launched;  ///< in order of the first launch of each attempt
  Resources capacity{2, std::int64_t{4} << 30};
  std::string program_version = "0.1.0";
  std::function<bool(std::string_view)> killed_at;
  std::unique_ptr<RunReconciler> reconciler;
  std::unique_ptr<Pipelines> pipelines;

 private:
  Program program_;
  bool woken_ = false;
};

}  // namespace mw::pipelines
