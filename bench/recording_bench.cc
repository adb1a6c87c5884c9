// What recording costs, for bench/recording_bench.py and alone.
//   recording_bench serve PACKAGE  five servers of one model in this process, until standard input ends:
//                                  `off` records nothing, `live` as a server does, `full` samples every row,
//                                  `away` as live with a control plane that never answers, `log` is live with the
//                                  access log. Prints their ports, at the end what each recorded.
//   recording_bench lane           nanoseconds that a row takes on the loop's thread
#include <sys/eventfd.h>

#include <cstdio>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "api/inference/inference_api.h"
#include "base/file.h"
#include "base/log.h"
#include "net/loop_server.h"
#include "serving/recorder.h"
#include "serving/test_model.h"

namespace mw {
namespace {

using serving::testing::TestDirectory;

/// Takes window pieces and does nothing with them.
class Taker final : public net::LoopHandler {
 public:
  void Handle(const net::RequestView&, net::ResponseWriter& out) override { out.Json("{}"); }
};

/// One way to record, with a server of its own.
struct Side {
  enum class Kind : std::uint8_t { kOff, kLive, kFull, kAway, kLog };
  Side(const char* name_in, Kind kind_in) : name(name_in), kind(kind_in) {}
  const char* name;
  Kind kind;
  TestDirectory directory;
  MetricsRegistry metrics;
  serving::Catalog catalog{metrics};
  std::unique_ptr<serving::Recorder> recorder;
  std::unique_ptr<serving::AccessLog> log;
  std::unique_ptr<net::LoopServer> server;

  Status Start(const std::string& package, const std::string& control_plane, const Clock& clock) {
    TRY(catalog.Deploy("bench", 1, package, package));
    if (kind == Kind::kFull) catalog.SetRecording({.rows_per_second_full = std::numeric_limits<std::int64_t>::max()});
    catalog.SetReady(true);
    if (kind != Kind::kOff) {
      serving::RecorderOptions options;
      options.control_plane.url = kind == Kind::kAway ? "http://127.0.0.1:1" : control_plane;
      options.state_directory = directory.path();
      options.server_id = "bench";
      recorder = TRY(serving::Recorder::Make(std::move(options), clock, metrics));
    }
    if (kind == Kind::kLog) {
      serving::AccessLogOptions options;
      options.state_directory = directory.path();
      log = TRY(serving::AccessLog::Make(std::move(options), clock, metrics));
    }
    const auto make_handler = [&](int) {
      api::inference::InferenceContext context{catalog, metrics, clock, "bench"};
      if (recorder != nullptr) context.recording = &recorder->NewLane();
      if (log != nullptr) context.access = &log->NewLane();
      return std::make_unique<api::inference::InferenceHandler>(context);
    };
    server = TRY(net::LoopServer::Start(net::LoopServerOptions{}, make_handler, metrics));
    if (recorder != nullptr) recorder->Start();
    if (log != nullptr) log->Start();
    return Ok();
  }
  void Stop() {
    server.reset();
    recorder.reset();
    log.reset();
    const auto counter = [this](std::string_view metric, const Labels& labels = {}) {
      return metrics.AddCounter(metric, "", labels).Value();
    };
    std::printf(
        "%s rows %llu sampled %llu lost %llu dropped %llu pieces %llu sent_bytes %llu log_lines %llu\n", name,
        static_cast<unsigned long long>(
            counter("millwright_inference_rows_total", {{"model", "bench"}, {"version", "1"}})),
        static_cast<unsigned long long>(counter("millwright_recording_sampled_rows_total")),
        static_cast<unsigned long long>(counter("millwright_recording_dropped_rows_total", {{"reason", "queue_full"}})),
        static_cast<unsigned long long>(counter("millwright_recording_dropped_rows_total", {{"reason", "spool_full"}})),
        static_cast<unsigned long long>(counter("millwright_recording_pieces_total")),
        static_cast<unsigned long long>(counter("millwright_recording_sent_bytes_total")),
        static_cast<unsigned long long>(counter("millwright_access_log_lines_total")));
  }
};

Status Serve(const std::string& package) {
  SetLogLevel(LogLevel::kError);
  const RealClock clock;
  MetricsRegistry metrics;
  net::LoopServerOptions taker_options;
  taker_options.loops = 1;
  const auto taker = TRY(net::LoopServer::Start(
      std::move(taker_options), [](int) { return std::make_unique<Taker>(); }, metrics));
  const std::string control_plane = Cat("http://127.0.0.1:", taker->port());
  using Kind = Side::Kind;
  Side sides[] = {
      {"off", Kind::kOff}, {"live", Kind::kLive}, {"full", Kind::kFull}, {"away", Kind::kAway}, {"log", Kind::kLog}};
  for (Side& side : sides) {
    TRY(side.Start(package, control_plane, clock));
    std::printf("%s %d\n", side.name, side.server->port());
  }
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  for (Side& side : sides) side.Stop();
  return Ok();
}

/// Nanoseconds for one row of 20 features: the best of many short windows.
double Nanos(serving::RecordingLane& lane, const std::shared_ptr<const serving::RecordedVersion>& version,
             std::int64_t rows_per_second_full, std::int64_t event_time_us) {
  const RealClock clock;
  const std::vector<float> features(20, 1.5F);
  const float prediction = 0.25F;
  constexpr int kRows = 2000;
  double best = 1e9;
  for (int repeat = 0; repeat < 500; ++repeat) {
    lane.Drain([](const serving::RecordingLane::Record&) {});
    const Duration start = clock.Elapsed();
    for (int row = 0; row < kRows; ++row) {
      serving::RecordedRequest request;
      request.id = "0193a1b2c3d4e5f60718293a4b5c6d7e";
      request.features = features;
      request.predictions = std::span(&prediction, 1);
      const std::int64_t time = event_time_us + row * 60'000'000LL;
      if (event_time_us != serving::kNoEventTime) request.event_times_us = std::span(&time, 1);
      request.start = start;
      request.latency = Duration(5);
      lane.AddAnswered(version, rows_per_second_full, request);
    }
    best = std::min(best, 1e3 * static_cast<double>((clock.Elapsed() - start).count()) / kRows);
  }
  return best;
}

Status LaneTimes() {
  const TestDirectory directory;
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) names.push_back(Cat("f", i));
  TRY(WriteFileDurably(directory / "model.json", serving::testing::RandomXgboostJson(7, names)));
  const auto model = TRY(serving::Model::Load(directory / "model.json"));
  const auto version = std::make_shared<const serving::RecordedVersion>("bench", 1, *model);
  const RealClock clock;
  const FileDescriptor wake(eventfd(0, EFD_NONBLOCK));
  Counter lost;
  serving::RecordingLane lane(clock, wake.get(), lost);
  std::printf("a row of 20 features on the loop's thread: %.0f ns when its traffic is sampled,",
              Nanos(lane, version, 1000, serving::kNoEventTime));
  std::printf(" %.0f ns when every row is,",
              Nanos(lane, version, std::numeric_limits<std::int64_t>::max(), serving::kNoEventTime));
  std::printf(" %.0f ns in a replay of the past\n", Nanos(lane, version, 1000, 1'372'636'800'000'000));
  return Ok();
}

int Main(const std::vector<std::string_view>& words) {
  Status status = InvalidArgument("usage: recording_bench serve PACKAGE | lane");
  if (words.size() == 2 && words[0] == "serve") status = Serve(std::string(words[1]));
  if (words.size() == 1 && words[0] == "lane") status = LaneTimes();
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.error().ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace mw

int main(int argc, char** argv) { return mw::Main({argv + 1, argv + argc}); }
