// Worker processes that answer, crash, hang, lie and end: mw-backend itself, and misbehaving workers as small Python
// programs, which show the protocol from another language as well.
#include "serving/backend/worker_process.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"

namespace mw::serving {
namespace {

constexpr std::chrono::seconds kLong{20};

// What every misbehaving worker begins with: hello() and read_run() as worker_protocol.h describes them.
constexpr std::string_view kPython = R"(
import json, os, signal, socket, struct, sys, time
s = socket.socket(fileno=3)
def frame(kind, id, payload): s.sendall(struct.pack("<IIQ", len(payload), kind, id) + payload)
def spec(name): return {"name": name, "datatype": "FP32", "shape": [-1, -1]}
def hello(**more):
    frame(1, 0, json.dumps({"protocol": 1, "platform": "test", "library": "test 1", "batchable": True,
                            "inputs": [spec("x")], "outputs": [spec("x")], **more}).encode())
def exactly(n):
    b = b""
    while len(b) < n:
        more = s.recv(n - len(b))
        if not more: sys.exit(0)
        b += more
    return b
def read_run():
    size, kind, id = struct.unpack("<IIQ", exactly(16))
    return id, exactly(size)
)";

std::string Backend_() { return Cat(kBinaryDirectory, "/bin/mw-backend"); }

WorkerOptions Options(std::vector<std::string> command) {
  WorkerOptions options;
  options.confiner = Backend_();
  options.command = std::move(command);
  options.directory = "/";
  options.start_timeout = kLong;
  return options;
}

WorkerOptions Python(std::string_view program) {
  return Options({"/usr/bin/python3", "-S", "-c", Cat(kPython, program)});
}

TensorList Rows(std::int64_t rows, float first) {
  TensorList batch;
  const std::array<std::int64_t, 2> shape = {rows, 3};
  const auto room = batch.Add("x", Datatype::kFp32, shape, static_cast<std::size_t>(rows) * 12);
  for (std::size_t i = 0; i < room.size() / 4; ++i) {
    const float value = first + static_cast<float>(i);
    std::memcpy(room.data() + 4 * i, &value, 4);
  }
  return batch;
}

std::size_t CountEntries(const char* directory) {
  std::size_t count = 0;
  DIR* open = opendir(directory);
  while (readdir(open) != nullptr) ++count;
  closedir(open);
  return count;
}

/// Asks until the worker that was started again answers.
Result<TensorList> RunUntilBack(WorkerProcess& worker) {
  const RealClock clock;
  for (const Duration end = clock.Elapsed() + kLong; clock.Elapsed() < end; poll(nullptr, 0, 5)) {
    auto answer = worker.Run(Rows(1, 0), kLong);
    if (answer.ok()) return answer;
  }
  return DeadlineExceeded("the worker never came back");
}

TEST(WorkerProcess, EveryBatchComesBack) {
  auto worker = WorkerProcess::Start(Options({Backend_(), "echo"}));
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  EXPECT_EQ((*worker)->info().platform, "echo");
  EXPECT_GT((*worker)->info().memory_bytes, 100'000U);
  for (int i = 0; i < 100; ++i) {
    const TensorList batch = Rows(1 + i * 100, static_cast<float>(i));
    const auto answer = (*worker)->Run(batch, kLong);
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
    ASSERT_EQ(answer->size(), 1U);
    EXPECT_EQ((*answer)[0].bytes, batch[0].bytes);
  }
}

TEST(WorkerProcess, WhatTheWorkerRefusesIsItsAnswerAndItLivesOn) {
  auto worker = WorkerProcess::Start(Options({Backend_(), "echo"}));
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  TensorList wrong;
  const std::array<std::int64_t, 1> shape = {1};
  wrong.Append({"y", Datatype::kFp32, shape, std::string_view("\0\0\0\0", 4)});
  EXPECT_EQ((*worker)->Run(wrong, kLong).error().code, Code::kInvalidArgument);
  EXPECT_TRUE((*worker)->Run(Rows(1, 1), kLong).ok());
  EXPECT_EQ((*worker)->restarts(), 0U);
}

TEST(WorkerProcess, TheProcessIsConfined) {
  setenv("MILLWRIGHT_SECRET_CANARY", "secret", 1);
  auto worker = WorkerProcess::Start(Python(R"(
seen = {"env": sorted(os.environ), "fds": sorted(int(f) for f in os.listdir("/proc/self/fd")), "cwd": os.getcwd(),
        "sid": os.getsid(0) == os.getpid(), "status": [l for l in open("/proc/self/status") if "NoNewPrivs" in l]}
try:
    with open("/tmp/millwright_worker_writes", "w") as f: f.write("x")
    seen["wrote"] = True
except OSError as e: seen["wrote"] = False
hello(library=json.dumps(seen))
read_run()
)"));
  unsetenv("MILLWRIGHT_SECRET_CANARY");
  std::filesystem::remove("/tmp/millwright_worker_writes");
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  const auto seen = Json::Parse((*worker)->info().library);
  ASSERT_TRUE(seen.ok()) << (*worker)->info().library;
  std::string names;
  for (const Json& name : seen->Find("env")->AsArray()) CatTo(names, name.AsString(), " ");
  EXPECT_EQ(names.find("MILLWRIGHT"), std::string::npos) << names;
  // 0 to 5, and the one that lists them.
  EXPECT_LE(seen->Find("fds")->AsArray().size(), 7U) << seen->Dump();
  EXPECT_EQ(seen->Find("cwd")->AsString(), "/");
  EXPECT_TRUE(seen->Find("sid")->AsBool());
  EXPECT_EQ(seen->Find("status")->AsArray()[0].AsString(), "NoNewPrivs:\t1\n");
  EXPECT_FALSE(seen->Find("wrote")->AsBool());
}

TEST(WorkerProcess, ACrashFailsTheBatchAtHandAndTheNextIsAnswered) {
  Counter restarts;
  WorkerOptions options = Python(R"(
hello()
while True:
    id, payload = read_run()
    if struct.unpack_from("<f", payload, 64)[0] == 13:
        print("about to fall over", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    frame(3, id, payload)
)");
  options.restarts = &restarts;
  auto worker = WorkerProcess::Start(options);
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  ASSERT_TRUE((*worker)->Run(Rows(1, 1), kLong).ok());
  const auto crash = (*worker)->Run(Rows(1, 13), kLong);
  EXPECT_EQ(crash.error().code, Code::kUnavailable);
  EXPECT_EQ(crash.error().message,
            "the model's worker was killed by signal 11 (Segmentation fault); its last words: \"about to fall over\"");
  EXPECT_TRUE((*worker)->Run(Rows(1, 2), kLong).ok());
  EXPECT_EQ(restarts.Value(), 1U);
}

TEST(WorkerProcess, AWorkerThatIsKilledInTheMiddleOfABatchIsReplaced) {
  auto worker = WorkerProcess::Start(
      Python("hello()\nid, payload = read_run()\nframe(3, id, payload)\nread_run()\ntime.sleep(100)\n"));
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  ASSERT_TRUE((*worker)->Run(Rows(1, 1), kLong).ok());
  std::thread killer([pid = (*worker)->pid()] {
    poll(nullptr, 0, 20);
    kill(pid, SIGKILL);
  });
  const auto killed = (*worker)->Run(Rows(1, 1), kLong);
  killer.join();
  EXPECT_EQ(killed.error().code, Code::kUnavailable);
  EXPECT_TRUE((*worker)->Run(Rows(1, 1), kLong).ok());
}

TEST(WorkerProcess, AWorkerThatHangsIsEndedWithAllItStarted) {
  Counter timeouts;
  WorkerOptions options = Python(R"(
child = os.fork()
if child == 0:
    while True: time.sleep(100)
hello(library=str(child))
id, payload = read_run()
frame(3, id, payload)
read_run()
while True: time.sleep(100)
)");
  options.timeouts = &timeouts;
  auto worker = WorkerProcess::Start(options);
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  const int child = std::stoi((*worker)->info().library);
  ASSERT_TRUE((*worker)->Run(Rows(1, 1), kLong).ok());
  EXPECT_EQ((*worker)->Run(Rows(1, 1), std::chrono::milliseconds(50)).error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(timeouts.Value(), 1U);
  const RealClock clock;
  for (const Duration end = clock.Elapsed() + kLong; kill(child, 0) == 0 && clock.Elapsed() < end;) {
    // An orphan that nobody reaps is dead all the same.
    const auto stat = ReadFile(Cat("/proc/", child, "/stat"));
    if (!stat.ok() || stat->find(") Z") != std::string::npos) break;
    poll(nullptr, 0, 5);
  }
  const auto stat = ReadFile(Cat("/proc/", child, "/stat"));
  EXPECT_TRUE(!stat.ok() || stat->find(") Z") != std::string::npos) << *stat;
  EXPECT_TRUE(RunUntilBack(**worker).ok());
}

TEST(WorkerProcess, NonsenseEndsTheWorkerAndIsNeverAnAnswer) {
  const std::string_view lies[] = {
      "os.write(3, b'\\xff' * 100)",  // no frame
      "frame(3, id + 1, payload)",    // another run's answer
      "frame(3, id, payload[:40])",   // cut short
      "frame(3, id, payload[:16] + b'\\x0b\\x02\\x01\\0' + payload[20:32] + struct.pack('<q', 7) + "
      "payload[40:])",                                     // rows
      "frame(3, id, payload.replace(b'x\\0', b'z\\0'))",   // another output
      "frame(3, id, struct.pack('<I', 0) + b'\\0' * 12)",  // none
      "hello()",                                           // out of turn
      "s.close()",                                         // and lives on
  };
  for (const std::string_view lie : lies) {
    auto worker = WorkerProcess::Start(
        Python(Cat("hello()\nid, payload = read_run()\nframe(3, id, payload)\nid, payload = read_run()\n", lie,
                   "\ntime.sleep(100)\n")));
    ASSERT_TRUE(worker.ok()) << worker.error().ToString();
    ASSERT_TRUE((*worker)->Run(Rows(2, 1), kLong).ok()) << lie;
    const auto answer = (*worker)->Run(Rows(2, 1), kLong);
    ASSERT_FALSE(answer.ok()) << lie;
    EXPECT_EQ(answer.error().code, lie == "s.close()" ? Code::kUnavailable : Code::kInternal)
        << answer.error().ToString();
    EXPECT_TRUE((*worker)->Run(Rows(2, 1), kLong).ok()) << lie;
  }
}

TEST(WorkerProcess, AWorkerThatWritesMuchIsNotHeldUpByIt) {
  auto worker = WorkerProcess::Start(Python(R"(
hello()
while True:
    id, payload = read_run()
    print("x" * 1000000, file=sys.stderr)
    print("y" * 1000000, flush=True)
    frame(3, id, payload)
)"));
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((*worker)->Run(Rows(1, 1), kLong).ok());
}

TEST(WorkerProcess, AWorkerThatCannotStartSaysWhy) {
  const auto exits = WorkerProcess::Start(Python("print('no module named sklearn', file=sys.stderr)\nsys.exit(3)\n"));
  EXPECT_EQ(exits.error().code, Code::kUnavailable);
  EXPECT_EQ(exits.error().message,
            "the model's worker ended with exit code 3; its last words: \"no module named sklearn\"");
  const auto tells =
      WorkerProcess::Start(Python(R"(frame(4, 0, b'{"code":"INVALID_ARGUMENT","message":"no such model"}'))"));
  EXPECT_EQ(tells.error().code, Code::kInvalidArgument);
  EXPECT_EQ(tells.error().message, "no such model");
  const auto absent = WorkerProcess::Start(Options({"/nonexistent/program"}));
  EXPECT_EQ(absent.error().message, "starting /nonexistent/program: No such file or directory");
  WorkerOptions slow = Python("time.sleep(100)\n");
  slow.start_timeout = std::chrono::milliseconds(50);
  EXPECT_EQ(WorkerProcess::Start(slow).error().code, Code::kDeadlineExceeded);
}

// The first restart is at once, then the pauses grow; a batch in a pause is told so at once.
TEST(WorkerProcess, AWorkerThatKeepsFailingIsLeftAloneForLongerEachTime) {
  char directory[] = "/tmp/mw_worker_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string marker = Cat(directory, "/broken");
  auto worker = WorkerProcess::Start(
      Python(Cat("if os.path.exists('", marker, "'): sys.exit(1)\nhello()\nid, p = read_run()\nsys.exit(1)\n")));
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  ASSERT_TRUE(WriteFileDurably(marker, "").ok());
  EXPECT_FALSE((*worker)->Run(Rows(1, 1), kLong).ok());  // crash, started again at once
  EXPECT_TRUE((*worker)->Ready());
  EXPECT_FALSE((*worker)->Run(Rows(1, 1), kLong).ok());  // that one cannot start
  EXPECT_FALSE((*worker)->Ready());
  const auto told = (*worker)->Run(Rows(1, 1), kLong);
  EXPECT_EQ(told.error().code, Code::kUnavailable);
  EXPECT_EQ((*worker)->restarts(), 1U);
  const RealClock clock;
  const Duration before = clock.Elapsed();
  while (!(*worker)->Ready()) poll(nullptr, 0, 1);
  EXPECT_GT(clock.Elapsed() - before, kPauseFirst / 2);
  std::filesystem::remove_all(directory);
  EXPECT_FALSE((*worker)->Run(Rows(1, 1), kLong).ok());  // started, and crashes at its first batch as ever
  EXPECT_EQ((*worker)->restarts(), 2U);
}

// Loading may take longer than a batch may wait: the batch is told, the worker goes on loading.
TEST(WorkerProcess, ABatchDoesNotWaitForASlowStartAndDoesNotEndIt) {
  char directory[] = "/tmp/mw_worker_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  auto worker = WorkerProcess::Start(Python(Cat("first = not os.path.exists('", directory, R"(/slow')
while not first and not os.path.exists(')",
                                                directory, R"(/go'): time.sleep(0.001)
hello()
while True:
    id, payload = read_run()
    if first: sys.exit(1)
    frame(3, id, payload)
)")));
  ASSERT_TRUE(worker.ok()) << worker.error().ToString();
  ASSERT_TRUE(WriteFileDurably(Cat(directory, "/slow"), "").ok());
  EXPECT_FALSE((*worker)->Run(Rows(1, 1), kLong).ok());
  const int pid = (*worker)->pid();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((*worker)->Run(Rows(1, 1), std::chrono::milliseconds(10)).error().code, Code::kUnavailable);
  }
  EXPECT_EQ((*worker)->pid(), pid);
  ASSERT_TRUE(WriteFileDurably(Cat(directory, "/go"), "").ok());
  EXPECT_TRUE((*worker)->Run(Rows(1, 1), kLong).ok());
  EXPECT_EQ((*worker)->pid(), pid);
  std::filesystem::remove_all(directory);
}

// However the server ends, its workers end: here a process of its own that starts one and is killed.
TEST(WorkerProcess, AWorkerDiesWithItsServer) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t server = fork();
  if (server == 0) {
    const auto worker = WorkerProcess::Start(Options({Backend_(), "echo"}));
    const int pid = worker.ok() ? (*worker)->pid() : -1;
    if (write(ends[1], &pid, sizeof pid) == sizeof pid) pause();
    _exit(0);
  }
  int pid = -1;
  ASSERT_EQ(read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ASSERT_GT(pid, 0);
  EXPECT_EQ(kill(pid, SIGSTOP), 0);  // not even one that stands still stays
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  const auto gone = [&] {
    const auto stat = ReadFile(Cat("/proc/", pid, "/stat"));
    return !stat.ok() || stat->find(") Z") != std::string::npos;
  };
  const RealClock clock;
  for (const Duration end = clock.Elapsed() + kLong; !gone() && clock.Elapsed() < end;) poll(nullptr, 0, 5);
  EXPECT_TRUE(gone());
  close(ends[0]);
  close(ends[1]);
}

/// Kills the worker before each batch and asks until it is back.
void KillAgainAndAgain(WorkerProcess& worker, int times) {
  ASSERT_TRUE(worker.Run(Rows(1, 1), kLong).ok());
  for (int i = 0; i < times; ++i) {
    kill(worker.pid(), SIGKILL);
    EXPECT_EQ(worker.Run(Rows(1, 1), kLong).error().code, Code::kUnavailable);
    ASSERT_TRUE(worker.Run(Rows(1, 1), kLong).ok()) << i;
  }
  EXPECT_EQ(worker.restarts(), static_cast<std::uint64_t>(times));
}

TEST(WorkerProcess, AThousandRestartsLeaveNothingBehind) {
  const std::size_t before = CountEntries("/proc/self/fd");
  auto backend = StartWorkers(Options({Backend_(), "echo"}), 4);
  ASSERT_TRUE(backend.ok()) << backend.error().ToString();
  const std::size_t running = CountEntries("/proc/self/fd");
  EXPECT_EQ(running, before + 4 * 4);
  std::vector<std::thread> threads;
  for (Runner* runner : (*backend)->runners()) {
    threads.emplace_back([runner] { KillAgainAndAgain(dynamic_cast<WorkerProcess&>(*runner), 250); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(CountEntries("/proc/self/fd"), running);
  backend->reset();
  EXPECT_EQ(CountEntries("/proc/self/fd"), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no child is left, not even a dead one
}

TEST(Workers, SeveralOfOneProgramAreOneBackend) {
  const auto backend = StartWorkers(Options({Backend_(), "echo"}), 3);
  ASSERT_TRUE(backend.ok()) << backend.error().ToString();
  EXPECT_EQ((*backend)->info().library, "Millwright");
  ASSERT_EQ((*backend)->runners().size(), 3U);
  for (Runner* runner : (*backend)->runners()) EXPECT_TRUE(runner->Run(Rows(2, 1), kLong).ok());
}

}  // namespace
}  // namespace mw::serving
