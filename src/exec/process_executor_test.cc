// The process executor keeps the contract with real programs, and survives the deaths it is made for: of the control
// plane, of the shim, of the program. After every test no process of any attempt is left.
#include "exec/process_executor.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "exec/attempt_directory.h"
#include "exec/attempt_files.h"
#include "exec/executor_contract.h"

namespace mw::exec {
namespace {

using namespace std::chrono_literals;

std::string ShimPath() { return Cat(kBinaryDirectory, "/bin/mw-shim"); }

std::string InWork(const AttemptSpec& spec, std::string_view name) {
  return Cat(spec.directory, '/', kWorkDirectory, '/', name);
}

int CountMarked(const std::string& attempt_id) {
  const std::string mark = Cat('\0', "MILLWRIGHT_ATTEMPT_ID=", attempt_id, '\0');
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (!ParseInt(entry.path().filename().string())) continue;
    const Result<std::string> environment = ReadFile(entry.path() / "environ");
    if (environment.ok() && Cat('\0', *environment).find(mark) != std::string::npos) ++count;
  }
  return count;
}

class ProcessHarness final : public ExecutorHarness {
 public:
  ProcessHarness() {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    Restart();
  }
  ~ProcessHarness() override {
    for (const AttemptSpec& spec : specs_) {
      while (CountMarked(spec.attempt_id) > 0 && Pass()) {
      }
      EXPECT_EQ(CountMarked(spec.attempt_id), 0) << "processes of " << spec.attempt_id << " are left";
      while (LockHolder(spec.directory) != 0 && Pass()) {
      }
      EXPECT_EQ(LockHolder(spec.directory), 0) << "the shim of " << spec.attempt_id << " is left";
    }
    std::filesystem::remove_all(root_);
  }
  Executor& executor() override { return *executor_; }
  void Restart() override {
    executor_.reset();
    Result<std::unique_ptr<ProcessExecutor>> made = ProcessExecutor::Start(ShimPath());
    ASSERT_TRUE(made.ok()) << made.error().ToString();
    executor_ = std::move(*made);
  }
  bool Pass() override {
    std::this_thread::sleep_for(1ms);  // NOLINT(no-sleeps): Poll asks a directory; it has a deadline
    return std::chrono::steady_clock::now() < deadline_;
  }
  int Starts(const AttemptSpec& spec) override {
    const Result<std::string> ledger = ReadFile(Cat(spec.directory, "/ledger"));
    return ledger.ok() ? static_cast<int>(std::count(ledger->begin(), ledger->end(), '\n')) : 0;
  }
  /// Runs `script` in /bin/sh after it has written its line to the ledger.
  AttemptSpec Script(const std::string& script) {
    AttemptSpec spec;
    spec.attempt_id = Cat(std::filesystem::path(root_).filename().string(), '-', specs_.size());
    spec.directory = Cat(root_, '/', specs_.size());
    spec.argv = {"/bin/sh", "-c", Cat("echo started >> ../ledger; ", script)};
    spec.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
    spec.grace = 200ms;
    specs_.push_back(spec);
    return spec;
  }
  AttemptSpec Make(Behaviour behaviour) override {
    switch (behaviour) {
      case Behaviour::kSucceeds: return Script("echo hello");
      case Behaviour::kExitsWith3: return Script("exit 3");
      case Behaviour::kKilledBySegv: return Script("kill -SEGV $$");
      case Behaviour::kRunsForever: return Script("exec sleep 1000");
      case Behaviour::kIgnoresTerm: break;
      case Behaviour::kCannotStart: {
        AttemptSpec spec = Script("");
        spec.argv = {"no-such-program"};
        return spec;
      }
    }
    AttemptSpec spec = Script("");
    spec.argv[2] = "trap '' TERM; echo started >> ../ledger; while :; do sleep 0.05; done";
    return spec;
  }

 private:
  std::string root_ = "/tmp/mw-process-executor-XXXXXX";
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + 30s;
  std::vector<AttemptSpec> specs_;
  std::unique_ptr<ProcessExecutor> executor_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Process, ExecutorContract, ProcessHarness);

class ProcessExecutorTest : public testing::Test {
 protected:
  AttemptStatus Poll(const AttemptSpec& spec) {
    return harness_.executor().Poll(spec.attempt_id, spec.directory).value_or(AttemptStatus{});
  }
  AttemptStatus Await(const AttemptSpec& spec, AttemptState state) {
    AttemptStatus status = Poll(spec);
    while (status.state != state && harness_.Pass()) status = Poll(spec);
    EXPECT_EQ(status.state, state);
    return status;
  }
  void Launch(const AttemptSpec& spec) {
    const Status launched = harness_.executor().Launch(spec);
    ASSERT_TRUE(launched.ok()) << launched.error().ToString();
  }
  // Waits until the program has written `name` in its working directory; its content.
  std::string AwaitFile(const AttemptSpec& spec, const std::string& name) {
    const std::string path = InWork(spec, name);
    std::string content;
    while (content.empty() && harness_.Pass()) content = ReadFile(path).value_or("");
    EXPECT_NE(content, "") << path;
    return content;
  }
  ExitRecord Run(const AttemptSpec& spec) {
    Launch(spec);
    return Await(spec, AttemptState::kExited).exit.value_or(ExitRecord{});
  }
  std::string LogOf(const AttemptSpec& spec) { return ReadLog(spec.directory, 0, 64 << 20).value_or("?"); }
  bool IsGone(const std::string& pid) {
    const pid_t number = static_cast<pid_t>(ParseInt(Trim(pid)).value_or(-1));
    while (kill(number, 0) == 0 && harness_.Pass()) {
    }
    return kill(number, 0) != 0;
  }

  ProcessHarness harness_;
};

constexpr const char* kTestDirectory = "MW_TEST_LAUNCH_AND_DIE";

// Not a test: the control plane that ControlPlaneKilled starts and that kills itself.
TEST(ProcessExecutorHelper, DISABLED_LaunchAndDie) {
  const char* directory = getenv(kTestDirectory);
  ASSERT_NE(directory, nullptr);
  AttemptSpec spec;
  spec.attempt_id = getenv("MW_TEST_ATTEMPT");
  spec.directory = directory;
  spec.argv = {"/bin/sh", "-c",
               "echo started >> ../ledger; echo $$ > pid; while [ ! -e go ]; do sleep 0.01; done; echo done"};
  spec.environment = {{"PATH", "/usr/bin:/bin"}};
  const std::unique_ptr<ProcessExecutor> executor = ProcessExecutor::Start(ShimPath()).value();
  ASSERT_TRUE(executor->Launch(spec).ok());
  kill(0, SIGKILL);  // its whole process group, as a terminal or a supervisor would
}

TEST_F(ProcessExecutorTest, TheProgramOutlivesTheControlPlaneAndIsAdopted) {
  const AttemptSpec spec = harness_.Script("");
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=ProcessExecutorHelper.DISABLED_LaunchAndDie";
  std::string disabled = "--gtest_also_run_disabled_tests";
  std::string directory = Cat(kTestDirectory, '=', spec.directory);
  std::string attempt = Cat("MW_TEST_ATTEMPT=", spec.attempt_id);
  char* const argv[] = {program.data(), filter.data(), disabled.data(), nullptr};
  char* const environment[] = {directory.data(), attempt.data(), nullptr};
  posix_spawnattr_t own_group;
  posix_spawnattr_init(&own_group);
  posix_spawnattr_setflags(&own_group, POSIX_SPAWN_SETPGROUP);
  pid_t control_plane = -1;
  ASSERT_EQ(posix_spawn(&control_plane, program.c_str(), nullptr, &own_group, argv, environment), 0);
  posix_spawnattr_destroy(&own_group);
  int status = 0;
  ASSERT_EQ(waitpid(control_plane, &status, 0), control_plane);
  ASSERT_TRUE(WIFSIGNALED(status));

  Await(spec, AttemptState::kRunning);
  const std::string pid = AwaitFile(spec, "pid");
  Launch(spec);
  std::atomic<bool> woken = false;
  harness_.executor().OnChange([&] { woken = true; });
  ASSERT_TRUE(WriteFileDurably(InWork(spec, "go"), "").ok());
  while (!woken && harness_.Pass()) {
  }
  EXPECT_TRUE(woken);
  harness_.executor().OnChange(nullptr);
  EXPECT_TRUE(Await(spec, AttemptState::kExited).exit->succeeded());
  EXPECT_EQ(LogOf(spec), "done\n");
  EXPECT_EQ(harness_.Starts(spec), 1);
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(ProcessExecutorTest, WithTheShimDieTheProgramAndItsRunawayChildren) {
  const AttemptSpec spec =
      harness_.Script("setsid sh -c 'trap \"\" TERM HUP; echo $$ > runaway; sleep 1000' & echo $$ > pid; sleep 1000");
  Launch(spec);
  const std::string pid = AwaitFile(spec, "pid");
  const std::string runaway = AwaitFile(spec, "runaway");
  std::atomic<bool> woken = false;
  harness_.executor().OnChange([&] { woken = true; });
  ASSERT_EQ(kill(LockHolder(spec.directory), SIGKILL), 0);
  while (!woken && harness_.Pass()) {
  }
  EXPECT_TRUE(woken);
  harness_.executor().OnChange(nullptr);
  EXPECT_TRUE(IsGone(pid)) << "the program itself dies without anybody's help";
  Await(spec, AttemptState::kLost);
  EXPECT_TRUE(IsGone(runaway));
  Launch(spec);
  EXPECT_EQ(Poll(spec).state, AttemptState::kLost);
  EXPECT_EQ(harness_.Starts(spec), 1);
}

TEST_F(ProcessExecutorTest, AKilledProgramIsAnExitWithItsSignal) {
  const AttemptSpec spec = harness_.Script("echo $$ > pid; exec sleep 1000");
  Launch(spec);
  ASSERT_EQ(kill(static_cast<pid_t>(*ParseInt(Trim(AwaitFile(spec, "pid")))), SIGKILL), 0);
  const ExitRecord exit = *Await(spec, AttemptState::kExited).exit;
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_FALSE(exit.canceled || exit.timed_out);
}

TEST_F(ProcessExecutorTest, SigtermToTheShimWithoutACancelEndsItButIsNoCancel) {
  const AttemptSpec spec = harness_.Script("echo $$ > pid; exec sleep 1000");
  Launch(spec);
  AwaitFile(spec, "pid");
  ASSERT_EQ(kill(LockHolder(spec.directory), SIGTERM), 0);
  const ExitRecord exit = *Await(spec, AttemptState::kExited).exit;
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_FALSE(exit.canceled);
}

TEST_F(ProcessExecutorTest, CancelReachesGrandchildrenThatLeftTheSessionAndIgnoreSigterm) {
  const AttemptSpec spec = harness_.Script(
      "trap '' TERM; setsid sh -c 'trap \"\" TERM; setsid sleep 1000 & echo $! > b; echo $$ > a; sleep 1000' & "
      "sleep 1000 & wait; wait");
  Launch(spec);
  const std::string a = AwaitFile(spec, "a");
  const std::string b = AwaitFile(spec, "b");
  ASSERT_TRUE(harness_.executor().Cancel(spec.attempt_id, spec.directory).ok());
  const ExitRecord exit = *Await(spec, AttemptState::kExited).exit;
  EXPECT_TRUE(exit.canceled);
  EXPECT_TRUE(IsGone(a));
  EXPECT_TRUE(IsGone(b));
}

TEST_F(ProcessExecutorTest, TheGraceIsForChildrenToo) {
  AttemptSpec spec = harness_.Script(
      "sh -c 'trap \"sleep 0.5; echo saved > checkpoint; exit 0\" TERM; echo x > up; while :; do sleep 0.01; done' & "
      "wait");
  spec.grace = 20s;
  Launch(spec);
  AwaitFile(spec, "up");
  ASSERT_TRUE(harness_.executor().Cancel(spec.attempt_id, spec.directory).ok());
  const ExitRecord exit = *Await(spec, AttemptState::kExited).exit;
  EXPECT_TRUE(exit.canceled);
  EXPECT_EQ(ReadFile(InWork(spec, "checkpoint")).value_or(""), "saved\n");
}

TEST_F(ProcessExecutorTest, WhatAnEndedProgramLeavesBehindIsEnded) {
  const AttemptSpec spec = harness_.Script("setsid sleep 1000 & echo $! > left; exit 0");
  EXPECT_TRUE(Run(spec).succeeded());
  EXPECT_TRUE(IsGone(AwaitFile(spec, "left")));
}

TEST_F(ProcessExecutorTest, AProcessThatForksAllTheTimeCannotOutrunTheKill) {
  const AttemptSpec spec = harness_.Script("echo 'sh hop.sh & exit' > hop.sh; sh hop.sh");
  EXPECT_TRUE(Run(spec).succeeded());
  EXPECT_EQ(CountMarked(spec.attempt_id), 0);
}

TEST_F(ProcessExecutorTest, TheLogKeepsBeginningAndEndWithinItsCap) {
  AttemptSpec spec = harness_.Script("echo first; head -c 3000000 /dev/zero | tr '\\0' 'x'; echo; echo last >&2");
  spec.limits.log_bytes = 10'000;
  EXPECT_TRUE(Run(spec).succeeded());
  const std::string log = LogOf(spec);
  EXPECT_LE(log.size(), 10'000U + 160);
  EXPECT_GE(log.size(), 10'000U);
  EXPECT_TRUE(log.starts_with("first\nxxx"));
  EXPECT_TRUE(log.ends_with("xxx\nlast\n"));
  EXPECT_NE(log.find("\n[millwright: the log is full;"), std::string::npos);
  EXPECT_NE(log.find(Cat("[millwright: ", 6 + 3'000'000 + 1 + 5 - 10'000, " bytes are missing here]\n")),
            std::string::npos);
}

TEST_F(ProcessExecutorTest, ALogThatJustFitsIsWhole) {
  AttemptSpec spec = harness_.Script("printf 12345678");
  spec.limits.log_bytes = 8;
  EXPECT_TRUE(Run(spec).succeeded());
  EXPECT_TRUE(LogOf(spec).starts_with("123456"));
  EXPECT_TRUE(LogOf(spec).ends_with("78"));
  EXPECT_EQ(LogOf(spec).find("missing"), std::string::npos);
}

TEST_F(ProcessExecutorTest, LimitsAreInForce) {
  AttemptSpec spec = harness_.Script("for what in v t f n p c; do ulimit -$what; done");
  spec.limits.memory_bytes = 512 << 20;
  spec.limits.cpu_seconds = 77;
  spec.limits.file_bytes = 1 << 20;
  spec.limits.open_files = 99;
  spec.limits.processes = 4000;
  EXPECT_TRUE(Run(spec).succeeded()) << LogOf(spec);
  EXPECT_EQ(LogOf(spec), "524288\n77\n2048\n99\n4000\n0\n");
}

TEST_F(ProcessExecutorTest, AProgramThatWantsTooMuchMemoryFails) {
  AttemptSpec spec = harness_.Script("exec dd if=/dev/zero of=/dev/null bs=400M count=1");
  spec.limits.memory_bytes = 100 << 20;
  EXPECT_EQ(Run(spec).exit_code, 1);
}

TEST_F(ProcessExecutorTest, CpuTimeIsLimitedAndMeasured) {
  AttemptSpec spec = harness_.Script("while :; do :; done");
  spec.limits.cpu_seconds = 1;
  const ExitRecord exit = Run(spec);
  EXPECT_EQ(exit.signal, SIGXCPU);
  EXPECT_NEAR(exit.user_cpu_seconds + exit.system_cpu_seconds, 1.0, 0.5);
  EXPECT_GT(exit.memory_peak_bytes, 100'000);
}

TEST_F(ProcessExecutorTest, OnlyTheGivenEnvironmentReachesTheProgram) {
  setenv("MW_TEST_SECRET_OF_THE_CONTROL_PLANE", "leaked", 1);
  AttemptSpec spec = harness_.Script("");
  spec.argv = {"env"};  // found on the given PATH
  spec.environment["A"] = "b=c\nd";
  EXPECT_TRUE(Run(spec).succeeded());
  EXPECT_EQ(LogOf(spec),
            Cat("A=b=c\nd\nPATH=/usr/local/bin:/usr/bin:/bin\nMILLWRIGHT_ATTEMPT_ID=", spec.attempt_id, "\n"));
}

TEST_F(ProcessExecutorTest, NothingElseIsInherited) {
  const FileDescriptor leaky(open("/dev/null", O_RDWR));  // on purpose without O_CLOEXEC
  signal(SIGPIPE, SIG_IGN);
  const AttemptSpec spec = harness_.Script(
      "echo $(ls /proc/self/fd); readlink /proc/self/fd/0; pwd; grep -E '^NoNewPrivs' /proc/self/status;"
      "grep -E '^SigBlk' /proc/self/status; printf '%x' $((0x$(grep SigIgn /proc/self/status | cut -f2) & "
      "0x7fffffff))");
  EXPECT_TRUE(Run(spec).succeeded());
  signal(SIGPIPE, SIG_DFL);
  // Signals 32 and 33 are glibc's own: posix_spawn ignores them and no program can ask for them.
  EXPECT_EQ(LogOf(spec),
            Cat("0 1 2 3\n/dev/null\n", spec.directory, "/work\nNoNewPrivs:\t1\nSigBlk:\t0000000000000000\n0"));
}

TEST_F(ProcessExecutorTest, AMissingWorkingDirectoryIsNamed) {
  AttemptSpec spec = harness_.Script("");
  spec.working_directory = "/no/such/place";
  EXPECT_EQ(Run(spec).failure, "cannot enter the working directory /no/such/place: No such file or directory");
}

TEST_F(ProcessExecutorTest, AMissingProgramIsNamedAndAFailureIsReadable) {
  AttemptSpec spec = harness_.Script("");
  spec.argv = {"/no/such/\"program\"\n"};
  EXPECT_EQ(Run(spec).failure, "cannot run /no/such/'program'?: No such file or directory");
}

TEST_F(ProcessExecutorTest, AfterAPowerCutWithNothingButStartedItIsLost) {
  const AttemptSpec spec = harness_.Script("");
  ASSERT_TRUE(MakeDirectories(spec.directory).ok());
  ASSERT_TRUE(WriteFileDurably(Cat(spec.directory, '/', kStartedFile), "").ok());
  Launch(spec);
  EXPECT_EQ(Poll(spec).state, AttemptState::kLost);
  EXPECT_EQ(harness_.Starts(spec), 0);
}

TEST_F(ProcessExecutorTest, ATornSpecIsRefusedByTheShimAndReplacedByTheNextLaunch) {
  const AttemptSpec spec = harness_.Script("");
  ASSERT_TRUE(PrepareDirectory(spec).ok());
  const std::string whole = ReadFile(Cat(spec.directory, "/spec")).value();
  const std::string command = Cat(ShimPath(), " ", spec.directory);
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
    ASSERT_TRUE(WriteFileDurably(Cat(spec.directory, "/spec"), whole.substr(0, length)).ok());
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), EBADMSG) << length;
  }
  ASSERT_TRUE(WriteFileDurably(Cat(spec.directory, "/spec"), whole + "x").ok());
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), EBADMSG);
  EXPECT_EQ(harness_.Starts(spec), 0);
  EXPECT_TRUE(Run(spec).succeeded());
}

TEST_F(ProcessExecutorTest, ShimsAloneRunAProgramOnceHoweverManyThereAre) {
  const AttemptSpec spec = harness_.Script("sleep 0.1");
  ASSERT_TRUE(PrepareDirectory(spec).ok());
  const std::string command = Cat(ShimPath(), " ", spec.directory);
  const auto start_shims = [&command] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_EQ(std::system(command.c_str()), 0); });
    for (std::thread& thread : threads) thread.join();
  };
  start_shims();
  EXPECT_TRUE(Await(spec, AttemptState::kExited).exit->succeeded());
  start_shims();
  while (LockHolder(spec.directory) != 0 && harness_.Pass()) {
  }
  EXPECT_EQ(harness_.Starts(spec), 1);
}

TEST_F(ProcessExecutorTest, ADamagedExitRecordIsNotTakenForSuccess) {
  const AttemptSpec spec = harness_.Script("");
  ASSERT_TRUE(Run(spec).succeeded());
  const std::string path = Cat(spec.directory, '/', kExitFile);
  const std::string whole = ReadFile(path).value();
  for (const std::string& damaged :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("{}"), std::string("{\"format_version\":2}")}) {
    ASSERT_TRUE(WriteFileDurably(path, damaged).ok());
    const Result<AttemptStatus> status = harness_.executor().Poll(spec.attempt_id, spec.directory);
    ASSERT_FALSE(status.ok()) << damaged;
    EXPECT_EQ(status.error().code, Code::kDataLoss);
  }
}

TEST_F(ProcessExecutorTest, ManyAtOnceAllEndAndTheWatchSeesTheLast) {
  std::atomic<int> wakes = 0;
  harness_.executor().OnChange([&] { ++wakes; });
  std::vector<AttemptSpec> specs;
  for (int i = 0; i < 40; ++i) specs.push_back(harness_.Script("sleep 0.05; exit 0"));
  for (const AttemptSpec& spec : specs) Launch(spec);
  int seen = -1;
  std::set<std::string> ended;
  while (ended.size() < specs.size() && harness_.Pass()) {
    if (wakes == seen) continue;  // only a wake makes it look again
    seen = wakes;
    for (const AttemptSpec& spec : specs) {
      if (Poll(spec).state == AttemptState::kExited) ended.insert(spec.attempt_id);
    }
  }
  EXPECT_EQ(ended.size(), specs.size());
  harness_.executor().OnChange(nullptr);
}

// Shims, programs and control planes are killed at seeded moments while everything is launched again and again.
TEST_F(ProcessExecutorTest, WhateverIsKilledEveryAttemptIsDecidedAndNoneRanTwice) {
  Random random(20130701);
  std::vector<AttemptSpec> specs;
  for (int i = 0; i < 24; ++i) {
    specs.push_back(harness_.Script("echo $$ > pid; (sleep 0.3; :) & sleep 0.$(($$ % 3)); exit $(($$ % 4))"));
  }
  const auto open = [&](const AttemptSpec& spec) {
    const AttemptState state = Poll(spec).state;
    return state != AttemptState::kExited && state != AttemptState::kLost;
  };
  while (std::any_of(specs.begin(), specs.end(), open) && harness_.Pass()) {
    const AttemptSpec& spec = specs[random.Below(specs.size())];
    switch (random.Below(8)) {
      case 0:
        if (const pid_t shim = LockHolder(spec.directory); shim > 0) kill(shim, SIGKILL);
        break;
      case 1:
        if (const auto pid = ParseInt(Trim(ReadFile(InWork(spec, "pid")).value_or("")));
            pid && LockHolder(spec.directory) > 0) {
          kill(static_cast<pid_t>(*pid), SIGKILL);
        }
        break;
      case 2: harness_.Restart(); break;
      case 3: EXPECT_TRUE(harness_.executor().Cancel(spec.attempt_id, spec.directory).ok()); break;
      default: static_cast<void>(harness_.executor().Launch(spec));
    }
  }
  for (const AttemptSpec& spec : specs) {
    EXPECT_FALSE(open(spec)) << spec.attempt_id;
    EXPECT_LE(harness_.Starts(spec), 1) << spec.attempt_id;
  }
}

TEST(ProcessExecutorStart, AMissingShimIsNamed) {
  const auto made = ProcessExecutor::Start("/no/such/mw-shim");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, Code::kNotFound);
}

TEST_F(ProcessExecutorTest, TheIsolationTierSaysWhatAndWhy) {
  const std::string tier = harness_.executor().IsolationTier();
  EXPECT_TRUE(tier.starts_with("rlimits: ")) << tier;
  EXPECT_NE(tier.find("cgroup"), std::string::npos) << tier;
}

}  // namespace
}  // namespace mw::exec
