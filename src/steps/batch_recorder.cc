// Records of rows for the window builder; frames into the spool.
#include "steps/batch_recorder.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "wire/window_record.h"

namespace mw::steps {
namespace {

constexpr std::size_t kFrameBytes = std::size_t{4} << 20;
/// The disk is the bound: rows that are predicted are recorded.
constexpr std::uint64_t kSpoolBytesMax = std::uint64_t{1} << 40;

std::string Digits(std::int64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%08lld", static_cast<long long>(number));
  return digits;
}

}  // namespace

BatchRecorder::BatchRecorder(BatchRecorderOptions options, const serving::Model& model)
    : options_(std::move(options)),
      version_(std::make_shared<serving::RecordedVersion>(options_.endpoint, options_.version, model)) {}

Result<std::unique_ptr<BatchRecorder>> BatchRecorder::Start(BatchRecorderOptions options, const serving::Model& model) {
  std::unique_ptr<BatchRecorder> recorder(new BatchRecorder(std::move(options), model));
  const BatchRecorderOptions& own = recorder->options_;
  recorder->spool_ = TRY(serving::WindowSpool::Open(own.directory + "/windows", kSpoolBytesMax));
  serving::WindowSenderOptions send;
  send.control_plane = own.control_plane;
  send.state_directory = own.directory;
  send.server_id = Cat("batch-", own.batch_id);
  recorder->sender_ = TRY(serving::WindowSender::Make(std::move(send), *recorder->spool_, recorder->metrics_));
  recorder->sender_thread_ = std::thread([sender = recorder->sender_.get()] { sender->Run(); });
  recorder->sender_->Notify();
  return recorder;
}

BatchRecorder::~BatchRecorder() {
  if (!sender_thread_.joinable()) return;
  sender_->Finish(std::chrono::milliseconds(0));
  sender_thread_.join();
}

void BatchRecorder::BeginPart(std::int64_t part) {
  boot_ = Cat("part-", Digits(part));
  frames_ = 0;
  frame_.clear();
  spooled_ = Ok();
  builder_ = std::make_unique<serving::WindowBuilder>(
      serving::WindowBuilderOptions{.server = Cat("batch-", options_.batch_id), .boot = boot_},
      [this](const wire::WindowPiece& piece) { return Keep(piece); });
}

void BatchRecorder::Add(const Rows& rows) {
  const std::size_t count = rows.predictions.size();
  const std::size_t width = version_->features.size();
  const std::size_t stride = rows.features.size() / count;
  const std::size_t classes = version_->records_classes ? version_->classes.size() : 0;
  sampled_.clear();
  features_.clear();
  probabilities_.clear();
  key_sizes_.clear();
  keys_.clear();
  std::string id = Cat(options_.batch_id, "/");
  const std::size_t id_bytes = id.size();
  for (std::size_t row = 0; row < count; ++row) {
    if (options_.sample_rate < 1) {
      id.resize(id_bytes);
      CatTo(id, rows.first + static_cast<std::int64_t>(row));
      if (!wire::InSample(wire::SampleHash(id), options_.sample_rate)) continue;
    }
    sampled_.push_back(static_cast<std::uint32_t>(row));
    const auto features = rows.features.subspan(row * stride, width);
    features_.insert(features_.end(), features.begin(), features.end());
    const auto own = rows.probabilities.subspan(classes == 0 ? 0 : row * classes, classes);
    probabilities_.insert(probabilities_.end(), own.begin(), own.end());
    if (rows.keys.empty()) continue;
    const std::string_view key =
        rows.keys[row].size() <= wire::kSampleKeyBytesMax ? rows.keys[row] : std::string_view();
    key_sizes_.push_back(static_cast<std::uint16_t>(key.size()));
    keys_ += key;
  }
  times_.assign(1, serving::kNoEventTime);
  if (!rows.times.empty()) times_.assign(rows.times.begin(), rows.times.end());
  serving::RecordingLane::Record record;
  record.version = &version_;
  record.first_row = static_cast<std::size_t>(rows.first);
  record.received_us = ToMicros(options_.started);
  record.rate = options_.sample_rate;
  record.id = options_.batch_id;
  record.event_times_us = times_;
  record.predictions = rows.predictions;
  record.sampled = sampled_;
  record.features = features_;
  record.class_probabilities = probabilities_;
  record.key_sizes = key_sizes_;
  record.keys = keys_;
  builder_->Add(record);
}

bool BatchRecorder::Keep(const wire::WindowPiece& piece) {
  if (!spooled_.ok()) return false;
  wire::AppendToFrame(frame_, wire::ToBytes(piece));
  sampled_rows_ += piece.sampled_rows;
  if (frame_.size() >= kFrameBytes) spooled_ = SpoolFrame();
  return spooled_.ok();
}

Status BatchRecorder::SpoolFrame() {
  if (frame_.empty()) return Ok();
  const std::string name = Cat(boot_, "-", Digits(++frames_));
  spool_->Remove(name);  // of a part that a kill cut short
  TRY(spool_->Add(name, frame_));
  frame_.clear();
  sender_->Notify();
  return Ok();
}

Status BatchRecorder::EndPart() {
  builder_->Cut();
  builder_.reset();
  TRY(std::exchange(spooled_, Ok()));
  return SpoolFrame();
}

Status BatchRecorder::Deliver(std::chrono::milliseconds timeout) {
  sender_->Finish(timeout);
  sender_thread_.join();
  if (spool_->bytes() == 0) return Ok();
  return Unavailable("the control plane at ", options_.control_plane.url, " did not take all that was recorded");
}

}  // namespace mw::steps
