// Experiments full of runs, and the load of those who log them; for bench/tracking_table.py and for looking at pages.
//   tracking_bench fill DATABASE [--experiment NAME] [--runs N] [--metrics N] [--params N] [--steps N]
//       adds runs to a database that no server has open: HOME/millwright.db, or postgresql://...
//       100,000 runs of 50 metrics and 20 parameters unless told otherwise; each metric with N steps (1)
//   tracking_bench load PORT RUN,RUN,... metric|batch CONNECTIONS SECONDS
//       logs to runs of a server that speaks MLflow's API, every point another one: one a request, or 1,000;
//       prints {"requests_per_second","points_per_second","p50_ms","p99_ms","failed"}
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/task.h"
#include "base/text.h"
#include "db/postgres_database.h"
#include "db/sqlite_database.h"
#include "net/load_client.h"
#include "tracking/tracking.h"

namespace mw {
namespace {

using tracking::ExperimentId;
using tracking::RunId;
using tracking::Tracking;

constexpr std::int64_t kRunsOfTransaction = 200;
constexpr std::int64_t kPointsOfBatch = 5000;
constexpr std::int64_t kPointsOfRequest = 1000;
const RealClock kClock;

[[noreturn]] void Fail(const Error& error) {
  fprintf(stderr, "tracking_bench: %s\n", error.ToString().c_str());
  exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) Fail(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Flags as "--name value" after the first arguments.
class Flags {
 public:
  Flags(int count, char** values) {
    for (int i = 0; i + 1 < count; i += 2) values_[values[i]] = values[i + 1];
  }
  [[nodiscard]] std::string Text(const std::string& name, std::string otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  [[nodiscard]] std::int64_t Int(const std::string& name, std::int64_t otherwise) const {
    return ParseInt(Text(name, Cat(otherwise))).value_or(otherwise);
  }

 private:
  std::map<std::string, std::string> values_;
};

struct Shape {
  std::string experiment;
  std::int64_t runs, metrics, params, steps;
};

std::string MetricName(std::int64_t index) {
  static constexpr const char* kNames[] = {"loss", "accuracy", "auc", "f1", "precision", "recall", "rmse", "log_loss"};
  static constexpr const char* kParts[] = {"val", "train", "test", "holdout", "ema", "north", "south"};
  const std::int64_t part = index / 8;
  return part < 7 ? Cat(kParts[part], "/", kNames[index % 8]) : Cat("layer_", index - 56, "/gradient_norm");
}

std::string ParamName(std::int64_t index) {
  static constexpr const char* kNames[] = {"learning_rate", "depth", "optimizer", "batch_size", "dropout", "seed"};
  return index < 6 ? kNames[index] : Cat("option_", index);
}

std::string ParamValue(std::int64_t index, std::int64_t run) {
  static constexpr const char* kOptimizers[] = {"adam", "sgd", "adamw", "rmsprop"};
  switch (index) {
    case 0: return Cat(std::pow(10.0, -static_cast<double>(run % 5) - 1));
    case 1: return Cat(run % 12 + 1);
    case 2: return kOptimizers[run % 4];
    case 5: return Cat(run);
    default: return Cat("value ", (run * (index + 7)) % 97);
  }
}

/// A curve that falls (losses) or rises, with noise; one run of 500 diverges into NaN.
double ValueAt(std::int64_t run, std::int64_t metric, std::int64_t step, std::int64_t steps, Random& random) {
  if (run % 500 == 499 && metric % 8 == 0 && step * 2 >= steps) return std::nan("");
  const double progress = static_cast<double>(step + 1) / static_cast<double>(steps);
  const double quality = static_cast<double>((run * 2654435761) % 1000003) / 1000003;
  const double noise = (random.Uniform() - 0.5) * 0.05;
  const double fall = std::exp(-4 * progress) * (1 + quality) + 0.1 * quality;
  const bool falls = metric % 8 == 0 || metric % 8 >= 6;
  return (falls ? fall : 1 - 0.5 * fall) + noise;
}

class Filler {
 public:
  Filler(db::Database& database, Shape shape) : database_(database), shape_(std::move(shape)) {}

  void Fill() {
    Prepare();
    const Duration start = kClock.Elapsed();
    for (std::int64_t run = 0; run < shape_.runs; run += kRunsOfTransaction) {
      const std::int64_t end = std::min(run + kRunsOfTransaction, shape_.runs);
      Must(SyncWait(database_.Write([&](db::Transaction& t) { return FillRuns(t, run, end); })));
      if (run % 10'000 == 0) fprintf(stderr, "\r%lld runs", static_cast<long long>(run));
    }
    const double seconds = std::chrono::duration<double>(kClock.Elapsed() - start).count();
    fprintf(stderr, "\r%lld runs in %.1f s; experiment %s\n", static_cast<long long>(shape_.runs), seconds,
            experiment_.text().c_str());
  }

 private:
  /// A database of a home has its tables already.
  void Prepare() {
    if (!SyncWait(tracking_.ListExperiments("default")).ok()) Must(database_.Migrate(tracking::Migrations()));
    auto known = SyncWait(tracking_.GetExperimentByName("default", shape_.experiment));
    if (known.ok()) {
      experiment_ = known->id;
      return;
    }
    tracking::NewExperiment made;
    made.name = shape_.experiment;
    experiment_ = Must(SyncWait(tracking_.CreateExperiment(std::move(made))));
  }

  Status FillRuns(db::Transaction& t, std::int64_t run, std::int64_t end) {
    for (; run < end; ++run) TRY(FillRun(t, run));
    return Ok();
  }

  Status FillRun(db::Transaction& t, std::int64_t index) {
    const std::int64_t length = 60'000 + (index * 7919) % 7'200'000;
    tracking::NewRun run;
    run.id = NewId<RunId>(kClock);
    run.experiment = experiment_;
    run.started = now_ - (shape_.runs - index) * 300'000;
    run.user = index % 3 == 0 ? "ada" : "grace";
    run.tags = {{"team", index % 2 == 0 ? "growth" : "risk"}, {"mlflow.source.name", Cat("train_", index % 9, ".py")}};
    TRY(tracking_.CreateRun(t, run));
    TRY(LogTo(t, run.id, index, run.started, length));
    tracking::RunChange change;
    change.status = index % 50 == 7 ? tracking::RunStatus::kFailed : tracking::RunStatus::kFinished;
    change.ended = run.started + length;
    TRY(Tracking::UpdateRun(t, run.id, change));
    return Ok();
  }

  Status LogTo(db::Transaction& t, const RunId& id, std::int64_t index, std::int64_t started, std::int64_t length) {
    tracking::LogBatch batch;
    batch.run = id;
    for (std::int64_t i = 0; i < shape_.params; ++i) batch.params.emplace_back(ParamName(i), ParamValue(i, index));
    for (std::int64_t step = 0; step < shape_.steps; ++step) {
      const std::int64_t time = started + length * (step + 1) / shape_.steps;
      for (std::int64_t metric = 0; metric < shape_.metrics; ++metric) {
        if ((index + metric) % 41 == 40) continue;  // not every run has every metric
        const double value = ValueAt(index, metric, step, shape_.steps, random_);
        batch.metrics.push_back({MetricName(metric), {time, step, value}});
      }
      if (static_cast<std::int64_t>(batch.metrics.size()) < kPointsOfBatch && step + 1 < shape_.steps) continue;
      TRY(Tracking::Log(t, batch));
      batch.metrics.clear();
      batch.params.clear();
    }
    return Ok();
  }

  db::Database& database_;
  Shape shape_;
  Tracking tracking_{database_, kClock};
  ExperimentId experiment_;
  Random random_{7};
  std::int64_t now_ = ToMicros(kClock.Now()) / 1000;
};

int Fill(const std::string& place, const Flags& flags) {
  SetLogLevel(LogLevel::kWarning);
  const bool postgres = place.starts_with("postgres");
  const auto database =
      Must(postgres ? db::PostgresDatabase::Open({place, ".", false}) : db::SqliteDatabase::Open(place));
  Filler(*database, {flags.Text("--experiment", "filled"), flags.Int("--runs", 100'000), flags.Int("--metrics", 50),
                     flags.Int("--params", 20), flags.Int("--steps", 1)})
      .Fill();
  return 0;
}

/// Requests that log; the next one's points are behind those of the one before.
class Logger {
 public:
  Logger(std::vector<std::string> runs, bool batch) : runs_(std::move(runs)), batch_(batch) {}

  void Next(std::string& out) {
    body_.clear();
    CatTo(body_, "{\"run_id\": \"", runs_[static_cast<std::size_t>(request_++) % runs_.size()], "\", ");
    if (batch_) {
      body_ += "\"metrics\": [";
      for (std::int64_t i = 0; i < kPointsOfRequest; ++i) {
        body_ += i == 0 ? "{" : ", {";
        AddPoint(i % 10);
        body_ += "}";
      }
      body_ += "]}";
    } else {
      AddPoint(0);
      body_ += "}";
    }
    CatTo(out, "POST /api/2.0/mlflow/runs/log-", batch_ ? "batch" : "metric",
          " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ", body_.size(),
          "\r\n\r\n", body_);
  }

 private:
  void AddPoint(std::int64_t metric) {
    const std::int64_t step = point_++ / (batch_ ? 10 : 1);
    const auto value = static_cast<double>((point_ * 7919) % 1'000'003) / 1'000'003;
    CatTo(body_, "\"key\": \"metric_", metric, "\", \"value\": ", value, ", \"timestamp\": ", began_ + step,
          ", \"step\": ", step);
  }

  std::vector<std::string> runs_;
  bool batch_;
  std::string body_;
  std::int64_t request_ = 0, point_ = 0;
  std::int64_t began_ = ToMicros(kClock.Now()) / 1000;
};

int Load(int port, std::string_view runs, bool batch, int connections, double seconds) {
  std::vector<std::string> ids;
  for (const std::string_view id : Split(runs, ',')) ids.emplace_back(id);
  Logger logger(std::move(ids), batch);
  net::LoadOptions options;
  options.port = port;
  options.connections = connections;
  options.in_flight_max = 1;
  const Duration end = kClock.Elapsed() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  std::vector<double> latencies;
  std::int64_t failed = 0;
  const auto next = [&](std::string& out) {
    if (kClock.Elapsed() >= end) return false;
    logger.Next(out);
    return true;
  };
  const auto sink = [&](const net::LoadAnswer& answer) {
    latencies.push_back(std::chrono::duration<double, std::milli>(answer.latency).count());
    if (answer.status == 200) return;
    if (++failed == 1) fprintf(stderr, "%d %s\n", answer.status, std::string(answer.body).c_str());
  };
  const net::LoadReport report = Must(net::RunLoad(options, next, sink));
  std::sort(latencies.begin(), latencies.end());
  const double rate = static_cast<double>(report.answered) / std::chrono::duration<double>(report.elapsed).count();
  const auto at = [&](double share) {
    return latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  const double points = rate * static_cast<double>(batch ? kPointsOfRequest : 1);
  const Json result = Json::Make({{"requests_per_second", rate},
                                  {"points_per_second", points},
                                  {"p50_ms", at(0.5)},
                                  {"p99_ms", at(0.99)},
                                  {"failed", failed}});
  printf("%s\n", result.Dump().c_str());
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mw

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "fill" && argc > 2) return mw::Fill(argv[2], mw::Flags(argc - 3, argv + 3));
  if (verb == "load" && argc == 7) {
    return mw::Load(atoi(argv[2]), argv[3], std::string_view(argv[4]) == "batch", atoi(argv[5]), atof(argv[6]));
  }
  fprintf(stderr,
          "usage: tracking_bench fill DATABASE [--runs N ...] | load PORT RUNS metric|batch CONNECTIONS SECONDS\n");
  return 2;
}
