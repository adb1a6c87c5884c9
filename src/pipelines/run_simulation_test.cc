// Seeded simulation: random pipelines under kills at every named point around every effect, power cuts, failing and
// slow programs, cancels, and waiting work run in random order. After every step of time the invariants are checked
// on what is stored. The failing seed is the bug report: MILLWRIGHT_SEED=n runs it alone, MILLWRIGHT_SEEDS=n that many.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "pipelines/simulated_machine.h"

namespace mw::pipelines {
namespace {

using std::chrono::seconds;

struct PlannedProgram {
  Duration lasts{0};
  int fails_first = 0;     ///< so many attempts that end exit with 1
  bool bad_input = false;  ///< exits with 2, always
};

/// A random graph: each step reads from up to two earlier ones and writes one output.
struct RandomPipeline {
  std::string yaml;
  std::map<std::string, PlannedProgram> programs;
  std::map<std::string, std::vector<std::string>> inputs;
  bool can_succeed = true;
};

RandomPipeline MakePipeline(Random& random, std::uint64_t seed) {
  RandomPipeline pipeline;
  const std::size_t count = 2 + random.Below(6);
  const int retries = static_cast<int>(random.Below(3));
  CatTo(pipeline.yaml, "pipeline: p", seed, "\ndefaults: {retries: ", retries,
        ", backoff: 5s, cache: ", random.Below(4) != 0,
        "}\non_failure: {policy: ", random.Below(2) == 0 ? "fail_fast" : "fail_slow", "}\nsteps:\n");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = Cat("s", i);
    PlannedProgram& program = pipeline.programs[name];
    program.lasts = seconds(static_cast<int>(random.Below(30)));
    program.fails_first = random.Below(4) == 0 ? static_cast<int>(1 + random.Below(2)) : 0;
    program.bad_input = random.Below(25) == 0;
    if (program.bad_input || program.fails_first > retries) pipeline.can_succeed = false;
    std::string inputs;
    for (std::size_t k = 0; k < 2 && !names.empty() && random.Below(3) != 0; ++k) {
      const std::string& from = names[random.Below(names.size())];
      pipeline.inputs[name].push_back(from);
      CatTo(inputs, inputs.empty() ? "" : ", ", "i", k, ": ", from, ".out");
    }
    CatTo(pipeline.yaml, "  ", name, ": {run: [prog, \"", seed, "\", ", name,
          "], cpu: ", random.Below(2) == 0 ? "1" : "0.5", ", inputs: {", inputs, "}, outputs: {out: file}}\n");
    names.push_back(name);
  }
  return pipeline;
}

/// What a step makes of its inputs: what a run undisturbed would make too.
std::string OutputOf(const RandomPipeline& pipeline, const std::string& step) {
  std::string text = step;
  const auto inputs = pipeline.inputs.find(step);
  if (inputs == pipeline.inputs.end()) return Sha256Hex(text);
  for (const std::string& from : inputs->second) text += OutputOf(pipeline, from);
  return Sha256Hex(text);
}

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed)
      : random_(seed * 7919 + 1),
        pipeline_(MakePipeline(random_, seed)),
        machine_(seed, [this](const SimulatedAttempt& attempt) { return Run(attempt); }) {
    machine_.killed_at = [this](std::string_view point) {
      const bool now = kills_left_ > 0 && random_.Below(kill_odds_) == 0;
      if (now) points.insert(std::string(point));
      return now;
    };
    kills_left_ = static_cast<int>(random_.Below(7));
    kill_odds_ = 3 + random_.Below(20);
    cuts_left_ = static_cast<int>(random_.Below(kLostRetries + 1));
    will_cancel_ = random_.Below(5) == 0;
  }

  void Go() {
    run_ = machine_.Submit(pipeline_.yaml);
    const Timestamp deadline = machine_.clock.Now() + std::chrono::hours(2);
    while (!IsFinal(machine_.StateOf(run_)) && machine_.clock.Now() < deadline) {
      machine_.Step(deadline);
      if (machine_.reconciler->killed()) {
        --kills_left_;
        ++kills;
        if (cuts_left_ > 0 && random_.Below(3) == 0) Cut();
        machine_.Restart();
      } else if (cuts_left_ > 0 && random_.Below(12) == 0) {
        Cut();
        machine_.Restart();
      }
      if (will_cancel_ && random_.Below(8) == 0) Cancel();
      Check();
      if (::testing::Test::HasFailure()) return;
    }
    CheckEnd();
  }

  std::set<std::string> points;
  int kills = 0;

 private:
  void Cut() {
    --cuts_left_;
    machine_.executor.PowerCut();
  }

  void Cancel() {
    will_cancel_ = false;
    canceled_ = machine_.loop.Wait(machine_.pipelines->Cancel(run_)).ok();
  }

  exec::FakeRun Run(const SimulatedAttempt& attempt) {
    // I2, I4: a step is started only while it is LAUNCHING this very attempt, so never after its success.
    const auto stored =
        SyncWait(machine_.database.Read([&](db::Snapshot& snapshot) { return LoadRun(snapshot, RunId(attempt.run)); }));
    const auto found = std::find_if(stored->tasks.begin(), stored->tasks.end(),
                                    [&](const TaskRecord& record) { return record.step == attempt.step; });
    const TaskRecord& task = *found;
    EXPECT_EQ(task.attempt_id, attempt.id);
    EXPECT_TRUE(task.state == TaskState::kLaunching || task.state == TaskState::kCanceling) << Name(task.state);
    const PlannedProgram& program = pipeline_.programs.at(attempt.step);
    exec::FakeRun run{.lasts = program.lasts};
    if (program.bad_input) return {.lasts = program.lasts, .exit_code = 2};
    const std::size_t failures = ended_badly_[attempt.step].size();
    if (failures < static_cast<std::size_t>(program.fails_first)) {
      run.exit_code = 1;
      run.effect = [this, attempt] { ended_badly_[attempt.step].insert(attempt.id); };
      return run;
    }
    run.effect = [this, attempt] {
      ledger_[attempt.step].push_back(attempt.id);
      std::string text = attempt.step;
      const auto inputs = pipeline_.inputs.find(attempt.step);
      const std::size_t count = inputs == pipeline_.inputs.end() ? 0 : inputs->second.size();
      for (std::size_t k = 0; k < count; ++k) text += attempt.Read(Cat("i", k));
      attempt.Write("out", Sha256Hex(text));
    };
    return run;
  }

  void Check() {
    const RunDetails details = machine_.Get(run_);
    double cpu = 0;
    int open = 0;
    for (std::size_t i = 0; i < details.tasks.size(); ++i) {
      const TaskRecord& task = details.tasks[i].record;
      const auto& attempts = details.tasks[i].attempts;
      const auto open_here = std::count_if(attempts.begin(), attempts.end(), [](const jobs::Attempt& attempt) {
        return attempt.state != jobs::State::kEnded;
      });
      EXPECT_EQ(open_here, IsActive(task.state) ? 1 : 0) << "I1: " << task.step << " " << Name(task.state);
      open += static_cast<int>(open_here);
      if (IsActive(task.state)) {
        cpu += details.graph.steps[i].resources.cpu;
        for (const std::string& upstream : Dependencies(details.graph.steps[i])) {
          EXPECT_TRUE(IsDone(details.tasks[details.graph.IndexOf(upstream)].record.state)) << "I4: " << task.step;
        }
      }
      if (IsDone(task.state)) CheckOutputs(task);
    }
    EXPECT_LE(cpu, machine_.capacity.cpu + 1e-6) << "I5";
    EXPECT_LE(machine_.executor.Running(), open) << "I6: every program that runs has an open attempt";
    CheckEvents(details);
  }

  void CheckOutputs(const TaskRecord& task) {
    ASSERT_EQ(task.outputs.size(), 1U) << "I8";
    const auto content = machine_.blobs.Get(task.outputs[0].artifact.digest, 1000);
    ASSERT_TRUE(content.ok()) << "I8: " << task.step;
    EXPECT_EQ(*content, OutputOf(pipeline_, task.step)) << "I12: as if undisturbed";
  }

  /// I3: the history is unbroken, legal, and its end is what the tables say; nothing starts after the wish to cancel.
  void CheckEvents(const RunDetails& details) {
    const auto events = machine_.loop.Wait(machine_.pipelines->Events(run_, "", 1000));
    ASSERT_TRUE(events.ok());
    std::map<std::string, std::string> states;
    bool canceling = false;
    for (const RunEvent& event : *events) {
      const auto [state, is_first] = states.try_emplace(event.step, event.step.empty() ? "" : "waiting");
      EXPECT_EQ(event.from, state->second) << "I3: " << event.step;
      if (!event.step.empty()) {
        EXPECT_TRUE(Legal(TaskStateFromName(event.from), TaskStateFromName(event.to))) << event.from << event.to;
        EXPECT_FALSE(canceling && event.to == "launching") << "I4: " << event.step << " started after the cancel";
      } else {
        canceling = canceling || event.to == "canceling";
      }
      state->second = event.to;
    }
    EXPECT_EQ(states[""], Name(details.run.state)) << "I3";
    for (const TaskDetails& task : details.tasks) {
      const auto state = states.find(task.record.step);
      EXPECT_EQ(state == states.end() ? "waiting" : state->second, Name(task.record.state))
          << "I3: " << task.record.step;
    }
  }

  void CheckEnd() {
    const RunDetails details = machine_.Get(run_);
    ASSERT_TRUE(IsFinal(details.run.state)) << "I9: " << Name(details.run.state) << " " << machine_.Tasks(run_) << "\n"
                                            << pipeline_.yaml;
    if (!canceled_) {
      EXPECT_EQ(details.run.state, pipeline_.can_succeed ? RunState::kSucceeded : RunState::kFailed)
          << details.run.cause << "\n"
          << pipeline_.yaml;
    }
    machine_.StepFor(std::chrono::minutes(2));
    EXPECT_EQ(machine_.executor.Running(), 0) << "I6: nothing is left behind";
    for (const TaskDetails& task : details.tasks) {
      EXPECT_TRUE(IsFinal(task.record.state)) << task.record.step;
      for (const jobs::Attempt& attempt : task.attempts) EXPECT_LE(machine_.executor.Starts(attempt.id.text()), 1);
      if (task.record.state != TaskState::kSucceeded) continue;
      // I2: the attempt that succeeded is the last that worked.
      EXPECT_EQ(ledger_[task.record.step].back(), task.record.attempt_id) << task.record.step;
    }
    CheckCache(details);
    EXPECT_EQ(machine_.recorder.ended[run_.text()].back(), details.run.state);
  }

  /// I10: entries come from committed successes alone.
  void CheckCache(const RunDetails& details) {
    const auto entries = machine_.loop.Wait(
        machine_.database.Read([&details](db::Snapshot& snapshot) { return Entries(snapshot, details); }));
    ASSERT_TRUE(entries.ok());
    for (const CacheEntry& entry : *entries) {
      const TaskRecord& task = details.tasks[details.graph.IndexOf(entry.step)].record;
      EXPECT_EQ(task.state, TaskState::kSucceeded) << "I10: " << entry.step;
      EXPECT_EQ(task.attempt_id, entry.attempt_id) << "I10: " << entry.step;
    }
  }
  static Result<std::vector<CacheEntry>> Entries(db::Snapshot& snapshot, const RunDetails& details) {
    std::vector<CacheEntry> all;
    for (const Step& step : details.graph.steps) {
      for (CacheEntry& entry : TRY(EarlierEntries(snapshot, details.graph.pipeline, step.name, 100))) {
        all.push_back(std::move(entry));
      }
    }
    return all;
  }

  Random random_;
  RandomPipeline pipeline_;
  std::map<std::string, std::vector<std::string>> ledger_;  ///< attempts that did their work, in order
  std::map<std::string, std::set<std::string>> ended_badly_;
  int kills_left_ = 0;
  std::uint64_t kill_odds_ = 10;
  int cuts_left_ = 0;
  bool will_cancel_ = false;
  bool canceled_ = false;
  SimulatedMachine machine_;
  RunId run_;
};

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = getenv(name);
  const auto value = text == nullptr ? std::nullopt : ParseInt(text);
  return value ? static_cast<std::uint64_t>(*value) : otherwise;
}

TEST(RunSimulation, InvariantsHoldUnderEverySeed) {
  const std::uint64_t only = FromEnvironment("MILLWRIGHT_SEED", 0);
  const std::uint64_t count = only != 0 ? only : FromEnvironment("MILLWRIGHT_SEEDS", 250);
  std::set<std::string> points;
  int kills = 0;
  SetLogLevel(only != 0 ? LogLevel::kInfo : LogLevel::kError);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= count; ++seed) {
    SCOPED_TRACE(Cat("MILLWRIGHT_SEED=", seed));
    Simulation simulation(seed);
    simulation.Go();
    points.insert(simulation.points.begin(), simulation.points.end());
    kills += simulation.kills;
    if (HasFailure()) break;
  }
  SetLogLevel(LogLevel::kInfo);
  if (only == 0 && count >= 250) {
    EXPECT_GE(points.size(), 18U) << "kills have to reach all parts of the reconciler";
    EXPECT_GE(kills, 300);
  }
  RecordProperty("kills", kills);
  RecordProperty("points", static_cast<int>(points.size()));
}

// A small run that fails once, then the same again from the cache, killed once at each point that they pass.
TEST(RunSimulation, AKillAtEachPointChangesNothing) {
  SetLogLevel(LogLevel::kError);
  for (int at = 0;; ++at) {
    int seen = 0;
    int failures = 0;
    std::map<std::string, int> worked;
    SimulatedMachine machine(1, [&](const SimulatedAttempt& attempt) {
      if (attempt.step == "b" && failures++ == 0) return exec::FakeRun{.lasts = seconds(1), .exit_code = 1};
      return exec::FakeRun{.lasts = seconds(1), .effect = [&worked, attempt] {
                             ++worked[attempt.step];
                             attempt.Write("out", Cat(attempt.step, attempt.Read("in")));
                           }};
    });
    std::string killed_point;
    machine.killed_at = [&](std::string_view point) {
      if (seen++ != at) return false;
      killed_point = point;
      return true;
    };
    const std::string yaml =
        "pipeline: p\ndefaults: {retries: 1, backoff: 1s}\nsteps:\n  a: {run: [x, a], outputs: {out: file}}\n"
        "  b: {run: [x, b], inputs: {in: a.out}, outputs: {out: file}}\n";
    RunId run;
    for (const char* states : {"a=succeeded b=succeeded", "a=cached b=cached"}) {
      run = machine.Submit(yaml);
      machine.Finish(run);
      if (machine.reconciler->killed()) machine.Restart();
      EXPECT_EQ(machine.Finish(run), RunState::kSucceeded) << "killed at " << killed_point;
      EXPECT_EQ(machine.Tasks(run), states) << "killed at " << killed_point;
    }
    EXPECT_EQ(worked["a"], 1) << "killed at " << killed_point;
    EXPECT_EQ(worked["b"], 1) << "killed at " << killed_point;
    EXPECT_EQ(*machine.blobs.Get(machine.TaskOf(run, "b").outputs[0].artifact.digest, 100), "ba(no input)");
    if (killed_point.empty() || HasFailure()) {
      EXPECT_GT(at, 20) << "the run passes more points than that";
      break;
    }
  }
  SetLogLevel(LogLevel::kInfo);
}

}  // namespace
}  // namespace mw::pipelines
