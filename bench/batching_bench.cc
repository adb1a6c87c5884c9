// What batching costs and what it gains; prints its own tables. Processor time throughout, so that other work on the
// machine moves it little.
//   1. from Submit to done with a worker that does nothing: microseconds of processor time a job
//   2. a worker that takes a + b * n: processor time of a row one by one and joined, and how much of it is the worker's
//   3. joining and cutting rows
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "serving/batcher.h"
#include "serving/tensor_batch.h"

namespace mw::serving {
namespace {

constexpr std::size_t kFeatures = 30;

double ProcessorUs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

void Work(double rounds) {
  volatile std::uint64_t state = 1;
  for (double i = 0; i < rounds; ++i) state = state * 6364136223846793005U + 1;
}

/// Measured once, over a time that is long beside the clock's ticks.
double RoundsPerUs() {
  static const double rounds = [] {
    constexpr double kRounds = 2e8;
    const double before = ProcessorUs();
    Work(kRounds);
    return kRounds / (ProcessorUs() - before);
  }();
  return rounds;
}

TensorList Rows(std::size_t rows, std::size_t columns) {
  TensorList list;
  const std::int64_t shape[] = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
  list.Add("rows", Datatype::kFp32, shape, rows * columns * sizeof(float));
  return list;
}

/// Answers one float for each row after keeping the processor busy for a + b * n.
class BusyRunner final : public Runner {
 public:
  BusyRunner(double fixed_us, double row_us) : cost_{fixed_us, row_us} {}
  Result<TensorList> Run(const TensorList& batch, Duration) override {
    const auto rows = static_cast<std::size_t>(batch[0].shape[0]);
    if (cost_.known()) Work(cost_.PredictUs(rows) * RoundsPerUs());
    ++batches;
    return Rows(rows, 1);
  }
  std::atomic<std::size_t> batches{0};

 private:
  const CostModel cost_;
};

class BusyBackend final : public Backend {
 public:
  BusyBackend(double fixed_us, double row_us) : runner(fixed_us, row_us) {}
  [[nodiscard]] const BackendInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Runner*> runners() override { return {&runner}; }
  BusyRunner runner;

 private:
  BackendInfo info_;
};

struct Figures {
  double jobs_per_second = 0, processor_us = 0, rows_per_batch = 0;
};

/// `in_flight` jobs at a time for each of `threads` clients, for `seconds`.
Figures Drive(BusyBackend& backend, const BatchSettings& settings, int threads, int in_flight, double seconds) {
  const RealClock clock;
  MetricsRegistry registry;
  Batcher batcher(clock, registry);
  auto queue = *batcher.Add(backend, "bench", "1", settings, CostModel{});
  const auto inputs = std::make_shared<const TensorList>(Rows(1, kFeatures));
  std::atomic<std::size_t> jobs{0};
  const double processor = ProcessorUs();
  const Duration start = clock.Elapsed(), end = start + Duration(static_cast<std::int64_t>(seconds * 1e6));
  std::vector<std::thread> clients;
  for (int i = 0; i < threads; ++i) {
    clients.emplace_back([&] {
      std::counting_semaphore<> room(in_flight);
      while (clock.Elapsed() < end) {
        room.acquire();
        BatchJob job;
        job.inputs = inputs;
        job.done = [&](const BatchAnswer&) {
          jobs.fetch_add(1, std::memory_order_relaxed);
          room.release();
        };
        if (!queue->Submit(std::move(job)).has_value()) room.release();
      }
      for (int left = 0; left < in_flight; ++left) room.acquire();
    });
  }
  for (std::thread& client : clients) client.join();
  const double took = std::chrono::duration<double>(clock.Elapsed() - start).count();
  const auto done = static_cast<double>(jobs.load());
  return {done / took, (ProcessorUs() - processor) / done, done / static_cast<double>(backend.runner.batches.load())};
}

void Overhead() {
  std::printf("Submit to done, a worker that does nothing, 30 floats a row\n%10s %10s %14s %16s %12s\n", "clients",
              "in flight", "jobs/s", "processor us/job", "rows/batch");
  for (const auto& [threads, in_flight] : {std::pair{1, 1}, {1, 16}, {1, 256}, {2, 64}}) {
    BusyBackend backend(0, 0);
    const Figures figures = Drive(backend, {}, threads, in_flight, 1);
    std::printf("%10d %10d %14.0f %16.2f %12.1f\n", threads, in_flight, figures.jobs_per_second, figures.processor_us,
                figures.rows_per_batch);
  }
}

void Joining() {
  RoundsPerUs();
  std::printf(
      "\nProcessor us a row, a worker that takes a + b n, 128 one-row jobs in flight\n%18s %12s %10s %12s %16s\n",
      "a + b n, us", "one by one", "joined", "rows/batch", "of that a/n + b");
  for (const auto& [fixed, row] : {std::pair{45.0, 2.9}, {100.0, 1.0}, {1000.0, 10.0}, {5.0, 20.0}}) {
    BusyBackend alone(fixed, row), joined(fixed, row);
    BatchSettings one;
    one.batch_rows_max = 1;
    const Figures single = Drive(alone, one, 1, 128, 1);
    const Figures many = Drive(joined, {}, 1, 128, 1);
    std::printf("%8.0f + %5.1f n %12.1f %10.1f %12.1f %15.0f%%\n", fixed, row, single.processor_us, many.processor_us,
                many.rows_per_batch, 100 * (fixed / many.rows_per_batch + row) / many.processor_us);
  }
}

void Copying() {
  std::printf("\nJoining and cutting again, processor ns a row of 30 floats in and one out\n");
  for (const std::size_t jobs : {2U, 16U, 256U}) {
    const TensorList part = Rows(1, kFeatures);
    const std::vector<const TensorList*> parts(jobs, &part);
    const std::vector<std::size_t> rows(jobs, 1);
    const TensorList answer = Rows(jobs, 1);
    TensorList joined;
    const std::size_t rounds = 2'000'000 / jobs;
    const double before = ProcessorUs();
    for (std::size_t i = 0; i < rounds; ++i) {
      if (!JoinRows(parts, joined).ok() || !CutRows(answer, rows).ok()) std::printf("failed\n");
    }
    std::printf("%6zu jobs: %6.0f\n", jobs, (ProcessorUs() - before) * 1e3 / static_cast<double>(rounds * jobs));
  }
}

}  // namespace
}  // namespace mw::serving

int main() {
  mw::serving::Overhead();
  mw::serving::Joining();
  mw::serving::Copying();
}
