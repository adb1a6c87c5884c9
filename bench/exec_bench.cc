// What a step costs besides itself: Launch, the way from a program's end to the control plane's knowing, a chain of
// steps that do nothing, and many at once; beside the time of one fsync on the same disk, of which a step needs four.
//   exec_bench MW_SHIM [DIRECTORY]
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "exec/process_executor.h"

namespace {

using namespace mw;

class Wakes {
 public:
  void Wake() {
    const Lock lock(mutex_);
    last_ = clock_.Now();
    ++count_;
    wake_.NotifyAll();
  }
  // The time of the first wake after the `seen`th.
  Timestamp Await(int& seen) {
    const Lock lock(mutex_);
    while (count_ == seen) wake_.Wait(mutex_);
    seen = count_;
    return last_;
  }

 private:
  RealClock clock_;
  Mutex mutex_;
  CondVar wake_;
  int count_ MW_GUARDED_BY(mutex_) = 0;
  Timestamp last_ MW_GUARDED_BY(mutex_){};
};

struct Times {
  std::vector<double> ms;
  void Add(Duration duration) { ms.push_back(static_cast<double>(duration.count()) / 1000); }
  void Print(const char* name) {
    std::sort(ms.begin(), ms.end());
    const auto at = [this](double share) {
      return ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))];
    };
    std::printf("%-44s p50 %7.2f ms   p90 %7.2f ms   p99 %7.2f ms\n", name, at(0.5), at(0.9), at(0.99));
  }
};

class Bench {
 public:
  Bench(exec::Executor& executor, std::string root) : executor_(executor), root_(std::move(root)) {
    executor_.OnChange([this] { wakes_.Wake(); });
  }
  ~Bench() { executor_.OnChange(nullptr); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void Syncs() {
    Times times;
    for (int i = 0; i < 100; ++i) {
      const Duration before = clock_.Elapsed();
      const FileDescriptor file(open(Cat(root_, "/sync", i).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      if (write(file.get(), "x", 1) != 1 || fsync(file.get()) != 0) std::abort();
      times.Add(clock_.Elapsed() - before);
    }
    times.Print("one file made and synced");
  }

  void Chain(int steps) {
    Times launch;
    Times known;
    Times step;
    int seen = 0;
    for (int i = 0; i < steps; ++i) {
      const Duration begin = clock_.Elapsed();
      const exec::AttemptSpec spec = Launch();
      launch.Add(clock_.Elapsed() - begin);
      for (;;) {
        const Timestamp woken = wakes_.Await(seen);
        const exec::AttemptStatus status = executor_.Poll(spec.attempt_id, spec.directory).value();
        if (status.state != exec::AttemptState::kExited) continue;
        known.Add(std::max(Duration(0), woken - status.exit->ended));
        break;
      }
      step.Add(clock_.Elapsed() - begin);
    }
    launch.Print("Launch");
    known.Print("program's end to the control plane's wake");
    step.Print("whole step (/bin/true), one after the other");
  }

  void Many(std::size_t steps, std::size_t at_once) {
    std::vector<exec::AttemptSpec> open;
    std::size_t launched = 0;
    std::size_t ended = 0;
    int seen = 0;
    const Duration begin = clock_.Elapsed();
    while (ended < steps) {
      for (; open.size() < at_once && launched < steps; ++launched) open.push_back(Launch());
      wakes_.Await(seen);
      ended += std::erase_if(open, [this](const exec::AttemptSpec& spec) {
        return executor_.Poll(spec.attempt_id, spec.directory).value().state == exec::AttemptState::kExited;
      });
    }
    const double seconds = static_cast<double>((clock_.Elapsed() - begin).count()) / 1e6;
    std::printf("%zu steps, %zu at once: %.0f steps/s\n", steps, at_once, static_cast<double>(steps) / seconds);
  }

 private:
  exec::AttemptSpec Launch() {
    exec::AttemptSpec spec;
    spec.attempt_id = Cat("bench", number_++);
    spec.directory = Cat(root_, '/', spec.attempt_id);
    spec.argv = {"/bin/true"};
    const Status launched = executor_.Launch(spec);
    if (!launched.ok()) {
      std::fprintf(stderr, "%s\n", launched.error().ToString().c_str());
      std::exit(1);
    }
    return spec;
  }

  exec::Executor& executor_;
  std::string root_;
  RealClock clock_;
  Wakes wakes_;
  int number_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: exec_bench MW_SHIM [DIRECTORY]\n");
    return 2;
  }
  std::string root = Cat(argc > 2 ? argv[2] : "/tmp", "/mw-exec-bench-XXXXXX");
  if (mkdtemp(root.data()) == nullptr) return 1;
  const auto executor = exec::ProcessExecutor::Start(argv[1]);
  if (!executor.ok()) {
    std::fprintf(stderr, "%s\n", executor.error().ToString().c_str());
    return 1;
  }
  {
    Bench bench(**executor, root);
    bench.Syncs();
    bench.Chain(100);
    bench.Many(200, 16);
  }
  std::filesystem::remove_all(root);
  return 0;
}
