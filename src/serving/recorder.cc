// Drains lanes, cuts pieces, keeps them.
#include "serving/recorder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/assert.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"

namespace mw::serving {
namespace {

/// A file of the spool has at most so much, unless one piece has more.
constexpr std::size_t kFrameBytes = std::size_t{4} << 20;
/// Kept free for the counts of the last pieces when a server ends while its spool is full.
constexpr std::size_t kReservedBytes = std::size_t{1} << 20;
/// More than that does not wait in memory while the disk takes nothing.
constexpr std::size_t kUnspooledBytes = 2 * kFrameBytes;

/// Sorts by boot, then by number.
std::string FrameName(const std::string& boot, std::uint64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return Cat(boot, "-", digits);
}

}  // namespace

Recorder::Metrics::Metrics(MetricsRegistry& registry)
    : lost_rows(registry.AddCounter("millwright_recording_dropped_rows_total",
                                    "Rows that could not be recorded, only counted.", {{"reason", "queue_full"}})),
      dropped_rows(registry.AddCounter("millwright_recording_dropped_rows_total",
                                       "Rows that could not be recorded, only counted.", {{"reason", "spool_full"}})),
      future_rows(registry.AddCounter("millwright_recording_clock_skew_rows_total",
                                      "Rows whose event time was more than five minutes ahead; their receipt counts.")),
      sampled_rows(registry.AddCounter("millwright_recording_sampled_rows_total", "Rows in the sample.")),
      pieces(registry.AddCounter("millwright_recording_pieces_total", "Pieces of windows that were spooled.")) {}

Result<std::unique_ptr<Recorder>> Recorder::Make(RecorderOptions options, const Clock& clock,
                                                 MetricsRegistry& metrics) {
  std::unique_ptr<WindowSpool> spool =
      TRY(WindowSpool::Open(options.state_directory + "/windows", options.spool_bytes_max));
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoError(errno, "eventfd");
  std::unique_ptr<Recorder> recorder(
      new Recorder(std::move(options), clock, metrics, std::move(spool), std::move(wake)));
  WindowSenderOptions send;
  send.control_plane = recorder->options_.control_plane;
  send.state_directory = recorder->options_.state_directory;
  send.server_id = recorder->options_.server_id;
  send.retry_min = recorder->options_.retry_min;
  send.retry_max = recorder->options_.retry_max;
  recorder->sender_ = TRY(WindowSender::Make(std::move(send), *recorder->spool_, metrics));
  return recorder;
}

Recorder::Recorder(RecorderOptions options, const Clock& clock, MetricsRegistry& metrics,
                   std::unique_ptr<WindowSpool> spool, FileDescriptor wake)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      boot_(NewIdText(clock)),
      spool_(std::move(spool)),
      wake_(std::move(wake)),
      builder_(WindowBuilderOptions{.server = options_.server_id, .boot = boot_},
               [this](const wire::WindowPiece& piece) { return Keep(piece); }) {}

Recorder::~Recorder() { Stop(); }

RecordingLane& Recorder::NewLane() {
  MW_ASSERT(!recorder_thread_.joinable());
  lanes_.push_back(std::make_unique<RecordingLane>(clock_, wake_.get(), metrics_.lost_rows, options_.ring_bytes));
  return *lanes_.back();
}

void Recorder::Start() {
  recorder_thread_ = std::thread([this] { Run(); });
  sender_thread_ = std::thread([this] { sender_->Run(); });
}

void Recorder::Stop() {
  if (!recorder_thread_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  static_cast<void>(!write(wake_.get(), &one, sizeof one));
  recorder_thread_.join();
  sender_->Finish(options_.finish_timeout);
  sender_thread_.join();
}

void Recorder::Run() {
  Duration next_cut = clock_.Elapsed() + options_.cut_interval;
  while (!stopping_) {
    pollfd wake{wake_.get(), POLLIN, 0};
    poll(&wake, 1, static_cast<int>(options_.drain_interval.count()));
    std::uint64_t count = 0;
    static_cast<void>(!read(wake_.get(), &count, sizeof count));
    DrainAll();
    if (clock_.Elapsed() < next_cut) continue;
    Cut();
    next_cut = clock_.Elapsed() + options_.cut_interval;
  }
  DrainAll();
  Cut();
  Cut();  // the counts of what was refused with its sample
}

void Recorder::DrainAll() {
  for (const auto& lane : lanes_) {
    lane->Drain([this](const RecordingLane::Record& record) { builder_.Add(record); });
    for (const auto& version : lane->versions()) {
      LostRows& lost = version->lost;
      const std::uint64_t rows = lost.rows.exchange(0, std::memory_order_acquire);
      std::array<std::uint64_t, 3> requests{};
      for (std::size_t i = 0; i < requests.size(); ++i) {
        requests[i] = lost.requests[i].exchange(0, std::memory_order_relaxed);
      }
      if (rows == 0 && requests == std::array<std::uint64_t, 3>{}) continue;
      const std::int64_t time = lost.event_time_us.load(std::memory_order_relaxed);
      builder_.AddLost(version, time, ToMicros(clock_.Now()), rows, requests);
    }
  }
}

void Recorder::Cut() {
  builder_.Cut();
  SpoolFrame();
  TellMetrics();
}

/// With the sample while there is room; the counts alone, when the server ends, also into what is kept free.
bool Recorder::Keep(const wire::WindowPiece& piece) {
  const std::size_t reserved = stopping_ && piece.sampled_rows == 0 ? 0 : kReservedBytes;
  if (frame_.size() > kUnspooledBytes || !spool_->HasRoom(frame_.size() + reserved)) return false;
  const std::string bytes = wire::ToBytes(piece);
  if (bytes.size() > wire::kPieceBytesMax || !spool_->HasRoom(frame_.size() + bytes.size() + reserved)) return false;
  wire::AppendToFrame(frame_, bytes);
  metrics_.pieces.Add();
  metrics_.sampled_rows.Add(static_cast<std::uint64_t>(piece.sampled_rows));
  if (frame_.size() >= kFrameBytes) SpoolFrame();
  return true;
}

void Recorder::SpoolFrame() {
  if (frame_.empty()) return;
  const Status added = spool_->Add(FrameName(boot_, ++frames_), frame_);
  if (!added.ok()) {
    if (!spool_is_full_) LogError("window pieces not spooled", {{"error", Json(added.error().ToString())}});
    spool_is_full_ = true;
    return;
  }
  spool_is_full_ = false;
  frame_.clear();
  sender_->Notify();
}

void Recorder::TellMetrics() {
  metrics_.future_rows.Add(builder_.future_rows() - std::exchange(told_future_rows_, builder_.future_rows()));
  const std::uint64_t dropped = builder_.dropped_rows() + builder_.forgotten_rows();
  metrics_.dropped_rows.Add(dropped - std::exchange(told_dropped_rows_, dropped));
}

}  // namespace mw::serving
