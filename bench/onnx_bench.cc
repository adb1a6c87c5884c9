// ONNX Runtime in this process beside the same library behind a worker process (Backend::Run), in turns, by processor
// time of every process that takes part: what isolation costs (docs/decisions/0009-foreign-code.md).
//
//   onnx_bench [DIRECTORY OF mw-backend]
//
// Tables, on one processor: a perceptron 30-256-256-128-1 and an ensemble of 100 trees of depth 6 at several batch
// sizes; the bare way there and back by Unix socket and by shared memory with a futex; load times without and with the
// compile cache; memory of a loaded worker beside its file's size, from which EstimateBackendMemory has its factors.
#include <dlfcn.h>
#include <linux/futex.h>
#include <onnxruntime_c_api.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/random.h"
#include "base/text.h"
#include "forest/xgboost_oracle.h"
#include "serving/backend/onnx_backend.h"
#include "serving/backend/test_onnx.h"
#include "serving/backend/worker_process.h"
#include "serving/backend/xgboost_backend.h"

namespace mw::serving {
namespace {

constexpr int kTurns = 21;
constexpr double kWindowSeconds = 0.05;
constexpr std::chrono::seconds kLong{60};
constexpr std::int64_t kFeatures = 30;

double Seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

clockid_t ClockOf(pid_t pid) {
  clockid_t clock{};
  if (clock_getcpuclockid(pid, &clock) != 0) std::abort();
  return clock;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Processor time of one call, over a window; `clocks` of every process that takes part.
double CpuPerCall(const std::function<void()>& call, const std::vector<clockid_t>& clocks) {
  const auto total = [&] {
    double sum = 0;
    for (const clockid_t clock : clocks) sum += Seconds(clock);
    return sum;
  };
  const double wall = Seconds(CLOCK_MONOTONIC), before = total();
  int calls = 0;
  while (Seconds(CLOCK_MONOTONIC) - wall < kWindowSeconds || calls < 3) {
    call();
    ++calls;
  }
  return (total() - before) / calls;
}

/// ONNX Runtime as a program that trusts it would use it: one thread, inputs and outputs bound to its own memory.
class InProcess {
 public:
  explicit InProcess(const std::string& model) {
    void* library = dlopen("libonnxruntime.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) Die(dlerror());
    api_ = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"))()->GetApi(18);
    OrtSessionOptions* options = nullptr;
    Check(api_->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", &env_));
    Check(api_->CreateSessionOptions(&options));
    Check(api_->SetIntraOpNumThreads(options, 1));
    Check(api_->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
    Check(api_->CreateSessionFromArray(env_, model.data(), model.size(), options, &session_));
    Check(api_->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory_));
  }
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;

  void Run(std::vector<float>& rows, std::vector<float>& answers) {
    const auto count = static_cast<std::int64_t>(answers.size());
    const std::array<std::int64_t, 2> in_shape = {count, kFeatures}, out_shape = {count, 1};
    OrtValue* in = Tensor(rows, in_shape);
    OrtValue* out = Tensor(answers, out_shape);
    const char* in_name = "x";
    const char* out_name = "y";
    Check(api_->Run(session_, nullptr, &in_name, &in, 1, &out_name, 1, &out));
    api_->ReleaseValue(in);
    api_->ReleaseValue(out);
  }

 private:
  [[noreturn]] static void Die(const char* words) {
    std::fprintf(stderr, "onnx_bench: %s\n", words);
    std::exit(1);
  }
  void Check(OrtStatus* status) const {
    if (status != nullptr) Die(api_->GetErrorMessage(status));
  }
  OrtValue* Tensor(std::vector<float>& values, const std::array<std::int64_t, 2>& shape) const {
    OrtValue* value = nullptr;
    Check(api_->CreateTensorWithDataAsOrtValue(memory_, values.data(), values.size() * sizeof(float), shape.data(), 2,
                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    return value;
  }
  const OrtApi* api_ = nullptr;
  OrtEnv* env_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

template <typename T>
T Must(Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::fprintf(stderr, "onnx_bench: %s\n", result.error().ToString().c_str());
  std::exit(1);
}

std::vector<float> RandomRows(std::size_t rows) {
  Random random(7);
  std::vector<float> values(rows * kFeatures);
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

TensorList Batch(const std::vector<float>& rows) {
  TensorList batch;
  const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(rows.size()) / kFeatures, kFeatures};
  batch.Append({"x", Datatype::kFp32, shape,
                std::string_view(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(float))});
  return batch;
}

struct Place {
  std::string directory, program;
  [[nodiscard]] std::string Write(const std::string& name, const std::string& bytes) const {
    const std::string path = Cat(directory, "/", name);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  [[nodiscard]] NativeBackendOptions Options() const {
    NativeBackendOptions options;
    options.program = program;
    return options;
  }
};

void CompareModel(const Place& place, const char* name, const std::string& model,
                  const std::vector<std::size_t>& batches) {
  const auto backend = Must(StartOnnxBackend(place.Write("model.onnx", model), place.Options()));
  auto* worker = dynamic_cast<WorkerProcess*>(backend->runners()[0]);
  InProcess direct(model);
  for (const std::size_t count : batches) {
    std::vector<float> rows = RandomRows(count), answers(count);
    const TensorList batch = Batch(rows);
    std::string found;
    const auto here = [&] { direct.Run(rows, answers); };
    const auto there = [&] { found = Must(worker->Run(batch, kLong))[0].bytes; };
    std::vector<double> in_process, isolated;
    for (int turn = 0; turn < kTurns; ++turn) {
      in_process.push_back(CpuPerCall(here, {CLOCK_PROCESS_CPUTIME_ID}));
      isolated.push_back(CpuPerCall(there, {CLOCK_PROCESS_CPUTIME_ID, ClockOf(worker->pid())}));
    }
    const bool same = std::memcmp(found.data(), answers.data(), found.size()) == 0;
    const double a = Median(in_process), b = Median(isolated);
    std::printf("%-20s %5zu rows  in process %9.1f us (%9.0f rows/s)   worker %9.1f us (%9.0f rows/s)   %.3fx  %s\n",
                name, count, a * 1e6, static_cast<double>(count) / a, b * 1e6, static_cast<double>(count) / b, b / a,
                same ? "same bits" : "ANSWERS DIFFER");
  }
}

/// Two processes that hand 7,680 bytes and their answer to and fro, with nothing around them: what each way costs at
/// least. An untrusted peer may change shared memory after it was looked at, so that is copied out before it is read.
struct Shared {
  std::atomic<std::uint32_t> turn;  // even: the server's, odd: the worker's
  std::array<char, 8 << 20> bytes;
};

class Way {
 public:
  virtual ~Way() = default;
  virtual void Ask(char* bytes, std::size_t size) = 0;
  virtual void Answer(char* bytes, std::size_t size) = 0;
};

class ByFutex final : public Way {
 public:
  ByFutex()
      : shared_(*static_cast<Shared*>(
            mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~ByFutex() override { munmap(&shared_, sizeof(Shared)); }
  void Ask(char* bytes, std::size_t size) override {
    std::memcpy(shared_.bytes.data(), bytes, size);
    Pass();
    WaitFor(0);
    std::memcpy(bytes, shared_.bytes.data(), size);
  }
  void Answer(char* bytes, std::size_t size) override {
    WaitFor(1);
    std::memcpy(bytes, shared_.bytes.data(), size);
    std::memcpy(shared_.bytes.data(), bytes, size);
    Pass();
  }

 private:
  void WaitFor(std::uint32_t side) {
    for (std::uint32_t turn = shared_.turn.load(); turn % 2 != side; turn = shared_.turn.load()) {
      syscall(SYS_futex, &shared_.turn, FUTEX_WAIT, turn, nullptr, nullptr, 0);
    }
  }
  void Pass() {
    shared_.turn.fetch_add(1);
    syscall(SYS_futex, &shared_.turn, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  Shared& shared_;
};

class BySocket final : public Way {
 public:
  BySocket() {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()) != 0) std::abort();
  }
  ~BySocket() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  void Ask(char* bytes, std::size_t size) override {
    Give(0, bytes, size);
    Take(0, bytes, size);
  }
  void Answer(char* bytes, std::size_t size) override {
    Take(1, bytes, size);
    Give(1, bytes, size);
  }

 private:
  void Give(std::size_t end, const char* bytes, std::size_t size) const {
    for (std::size_t at = 0; at < size;) {
      const ssize_t sent = send(ends_[end], bytes + at, size - at, MSG_NOSIGNAL);
      if (sent <= 0) std::exit(0);
      at += static_cast<std::size_t>(sent);
    }
  }
  void Take(std::size_t end, char* bytes, std::size_t size) const {
    for (std::size_t at = 0; at < size;) {
      const ssize_t got = recv(ends_[end], bytes + at, size - at, 0);
      if (got <= 0) std::exit(0);
      at += static_cast<std::size_t>(got);
    }
  }
  std::array<int, 2> ends_{};
};

std::vector<double> TimeWay(Way& way, std::size_t size) {
  const pid_t worker = fork();
  std::vector<char> bytes(size, 'x');
  while (worker == 0) way.Answer(bytes.data(), size);
  const auto call = [&] { way.Ask(bytes.data(), size); };
  std::vector<double> times;
  for (int turn = 0; turn < kTurns; ++turn) {
    times.push_back(CpuPerCall(call, {CLOCK_PROCESS_CPUTIME_ID, ClockOf(worker)}));
  }
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  return times;
}

std::vector<double> TimeWorker(const Place& place, std::size_t size) {
  WorkerOptions options;
  options.confiner = place.program;
  options.command = {place.program, "echo"};
  options.directory = "/";
  const auto worker = Must(WorkerProcess::Start(options));
  TensorList batch;
  const std::array<std::int64_t, 2> shape = {1, static_cast<std::int64_t>(size / 4)};
  batch.Add("x", Datatype::kFp32, shape, size);
  const auto call = [&] { Must(worker->Run(batch, kLong)); };
  std::vector<double> times;
  for (int turn = 0; turn < kTurns; ++turn) {
    times.push_back(CpuPerCall(call, {CLOCK_PROCESS_CPUTIME_ID, ClockOf(worker->pid())}));
  }
  return times;
}

void CompareWays(const Place& place) {
  std::printf("\nthere and back, the same bytes both ways, processor time of both sides: median (least)\n");
  for (const std::size_t size : {256U, 7'680U, 122'880U, 1U << 20}) {
    ByFutex futex;
    BySocket socket;
    const std::pair<const char*, std::vector<double>> ways[] = {{"bare socket", TimeWay(socket, size)},
                                                                {"bare shared memory", TimeWay(futex, size)},
                                                                {"worker as it is", TimeWorker(place, size)}};
    std::printf("%9zu bytes", size);
    for (const auto& [name, times] : ways) {
      std::printf("   %s %7.1f us (%.1f)", name, Median(times) * 1e6,
                  *std::min_element(times.begin(), times.end()) * 1e6);
    }
    std::printf("\n");
  }
}

/// Wall time until the hello, and what the worker takes then.
void MeasureLoad(const Place& place, const char* name, const std::string& path) {
  const bool onnx = path.ends_with(".onnx");
  NativeBackendOptions options = place.Options();
  std::vector<double> plain, cached;
  double memory = 0;
  for (int i = 0; i < 10; ++i) {
    options.cache_directory = i % 2 == 0 ? "" : Cat(place.directory, "/compiled");
    const double before = Seconds(CLOCK_MONOTONIC);
    const auto backend = Must(onnx ? StartOnnxBackend(path, options) : StartXgboostBackend(path, options));
    (i % 2 == 0 ? plain : cached).push_back(Seconds(CLOCK_MONOTONIC) - before);
    memory = static_cast<double>(backend->info().memory_bytes);
  }
  const auto size = static_cast<double>(std::filesystem::file_size(path));
  const auto estimate = static_cast<double>(Must(EstimateBackendMemory(path)));
  std::printf(
      "%-24s file %9.3f MB   load %7.1f ms, again with a compile cache %7.1f ms   memory %7.1f MB, estimated %7.1f\n",
      name, size / 1e6, Median(plain) * 1e3, Median(cached) * 1e3, memory / 1e6, estimate / 1e6);
}

forest::XgboostOracle TrainTrees(const char* depth, int rounds) {
  constexpr std::size_t kRows = 5'000;
  forest::TrainingRows rows;
  rows.num_features = kFeatures;
  rows.values = RandomRows(kRows);
  Random random(9);
  for (std::size_t i = 0; i < kRows; ++i) {
    rows.labels.push_back(rows.values[i * kFeatures] + random.Normal() > 0 ? 1.0F : 0.0F);
  }
  return forest::XgboostOracle::Train(rows, {{"objective", "binary:logistic"}, {"max_depth", depth}}, rounds);
}

void MeasureLoading(const Place& place) {
  std::printf("\nloading\n");
  const std::vector<std::int64_t> wide(4, 2048), deep(1'000, 64);
  const auto onnx = [&](const char* name, const std::string& model) {
    MeasureLoad(place, name, place.Write("loaded.onnx", model));
  };
  onnx("perceptron 10-1", testing::OnnxPerceptron({10, 1}));
  onnx("perceptron 30-256-128", testing::OnnxPerceptron({kFeatures, 256, 256, 128, 1}));
  onnx("perceptron 2048 x 3", testing::OnnxPerceptron(wide));
  onnx("perceptron 64 x 1000", testing::OnnxPerceptron(deep));
  onnx("100 trees of depth 6", testing::OnnxTrees(100, 6, kFeatures));
  onnx("1000 trees of depth 8", testing::OnnxTrees(1'000, 8, kFeatures));
  for (const char* format : {"json", "ubj", "deprecated"}) {
    const std::string file = Cat("loaded.", format);
    MeasureLoad(place, Cat("XGBoost 100 d6 ", format).c_str(), place.Write(file, TrainTrees("6", 100).Save(format)));
    MeasureLoad(place, Cat("XGBoost 1000 d8 ", format).c_str(), place.Write(file, TrainTrees("8", 1'000).Save(format)));
  }
}

/// To one processor, as on a machine whose processors all have work: a wake-up that rouses an idle processor costs a
/// virtual machine many times what the batch's way does, and says nothing of a machine that is busy.
void StayOnOneProcessor(bool one) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  const int all = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)), here = sched_getcpu();
  for (int i = 0; i < all; ++i) {
    if (!one || i == here) CPU_SET(static_cast<unsigned>(i), &processors);
  }
  if (sched_setaffinity(0, sizeof processors, &processors) != 0) std::perror("onnx_bench: sched_setaffinity");
}

int Main(const std::string& programs) {
  std::string directory = "/tmp/mw-onnx-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  const Place place{directory, Cat(programs, "/mw-backend")};
  std::printf("processor time of one batch, medians of %d turns\n", kTurns);
  const std::string perceptron = testing::OnnxPerceptron({kFeatures, 256, 256, 128, 1});
  StayOnOneProcessor(true);
  CompareModel(place, "perceptron", perceptron, {1, 16, 64, 256, 1024});
  CompareModel(place, "100 trees of depth 6", testing::OnnxTrees(100, 6, kFeatures), {1, 16, 64, 256, 1024});
  CompareWays(place);
  StayOnOneProcessor(false);
  std::printf("\nthe same where the two may run on different processors\n");
  CompareModel(place, "perceptron", perceptron, {64});
  MeasureLoading(place);
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace mw::serving

int main(int argc, char** argv) {
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return mw::serving::Main(argc > 1 ? std::filesystem::absolute(argv[1]) : beside);
}
