// Sorts rows into windows and cuts pieces.
#include "serving/window_builder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "base/text.h"

namespace mw::serving {
namespace {

constexpr std::size_t kPredictionsAtOnce = 4096;

void Touch(wire::WindowPiece& piece, std::int64_t received_us) {
  const Timestamp at = FromMicros(received_us);
  if (piece.first_received == Timestamp{} || at < piece.first_received) piece.first_received = at;
  piece.last_received = std::max(piece.last_received, at);
}

void CountRequests(wire::WindowPiece& piece, Outcome outcome, std::uint64_t requests) {
  const auto count = static_cast<std::int64_t>(requests);
  piece.requests += count;
  if (outcome == Outcome::kRefused) piece.refused += count;
  if (outcome == Outcome::kFailed) piece.failures += count;
}

bool IsFuture(std::int64_t event_time_us, std::int64_t received_us) {
  return event_time_us > received_us + kClockSkewMax.count();
}

/// A category's codes by name; a code that is no place in the vocabulary is of the wrong type.
void AddCategories(sketch::ColumnProfile& column, const std::vector<std::string>& vocabulary,
                   std::span<const float> codes) {
  std::vector<std::uint64_t> counts(vocabulary.size());
  std::uint64_t missing = 0;
  std::uint64_t wrong = 0;
  for (const float code : codes) {
    if (std::isnan(code)) {
      ++(schema::Encoder::IsUnknownCategory(code) ? wrong : missing);
    } else if (code >= 0 && code < static_cast<float>(counts.size())) {
      ++counts[static_cast<std::size_t>(code)];
    } else {
      ++wrong;
    }
  }
  column.AddMissing(missing);
  column.AddWrongType(wrong);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) column.AddValue(vocabulary[i], counts[i]);
  }
}

sketch::Profile ProfileOf(const RecordedVersion& version, const wire::PredictionSample& sample) {
  sketch::Profile profile;
  const std::size_t width = version.features.size();
  std::vector<float> values(sample.rows());
  for (std::size_t feature = 0; feature < width; ++feature) {
    for (std::size_t row = 0; row < values.size(); ++row) values[row] = sample.features[row * width + feature];
    sketch::ColumnProfile column(version.features[feature].spec);
    if (column.numeric()) {
      column.AddNumbers(values);
    } else {
      AddCategories(column, version.features[feature].vocabulary, values);
    }
    profile.Add(std::move(column));
  }
  return profile;
}

/// What a model answers as probabilities may be none: sums that overflow. Then none of the piece are kept.
bool AreProbabilities(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return value >= 0 && value <= 1; });
}

}  // namespace

WindowBuilder::WindowBuilder(WindowBuilderOptions options, Sink sink)
    : options_(std::move(options)), sink_(std::move(sink)) {}

WindowBuilder::Window WindowBuilder::NewWindow(const std::shared_ptr<const RecordedVersion>& version,
                                               Timestamp start) const {
  Window window;
  window.version = version;
  window.piece.server = options_.server;
  window.piece.boot = options_.boot;
  window.piece.endpoint = version->endpoint;
  window.piece.model = version->model;
  window.piece.version = version->version;
  window.piece.window_start = start;
  if (!version->classes.empty()) {
    window.piece.prediction = sketch::ColumnProfile({window.piece.prediction.name(), sketch::ValueKind::kCategory});
  }
  return window;
}

WindowBuilder::Window& WindowBuilder::WindowOf(const std::shared_ptr<const RecordedVersion>& version,
                                               std::int64_t event_time_us) {
  const Timestamp start = wire::WindowStart(FromMicros(event_time_us));
  const Key key{version.get(), ToMicros(start)};
  auto found = windows_.find(key);
  if (found != windows_.end()) return found->second;
  if (windows_.size() >= options_.windows_max) MakeRoom();
  return windows_.emplace(key, NewWindow(version, start)).first->second;
}

void WindowBuilder::MakeRoom() {
  Cut();
  // The sink takes nothing: memory stays bounded all the same.
  for (const auto& [key, window] : windows_) forgotten_rows_ += static_cast<std::uint64_t>(window.piece.rows);
  windows_.clear();
}

void WindowBuilder::Add(const RecordingLane::Record& record) {
  std::size_t sampled = 0;
  std::size_t key_at = 0;
  const bool answered = !record.predictions.empty();
  for (std::size_t row = 0; row < std::max<std::size_t>(record.predictions.size(), 1); ++row) {
    const std::int64_t given_us = record.event_times_us[record.event_times_us.size() > 1 ? row : 0];
    const bool future = IsFuture(given_us, record.received_us);
    const std::int64_t time_us = given_us == kNoEventTime || future ? record.received_us : given_us;
    Window& window = WindowOf(*record.version, time_us);
    wire::WindowPiece& piece = window.piece;
    Touch(piece, record.received_us);
    if (row == 0 && record.counts_request) {
      CountRequests(piece, record.outcome, 1);
      if (answered) piece.latency.Add(record.latency);
    }
    if (!answered) return;
    ++piece.rows;
    piece.future_rows += future ? 1 : 0;
    future_rows_ += future ? 1 : 0;
    window.rates += record.rate;
    const float prediction = record.predictions[row];
    if (window.version->threshold && static_cast<double>(prediction) >= *window.version->threshold)
      ++piece.flagged_rows;
    window.predictions.push_back(prediction);
    if (window.predictions.size() >= kPredictionsAtOnce) FoldPredictions(window);
    if (sampled == record.sampled.size() || record.sampled[sampled] != row) continue;
    const std::size_t key_size = record.key_sizes.empty() ? 0 : record.key_sizes[sampled];
    AddSampled(window, record, sampled++, time_us, record.keys.substr(key_at, key_size));
    key_at += key_size;
  }
}

void WindowBuilder::AddSampled(Window& window, const RecordingLane::Record& record, std::size_t sampled,
                               std::int64_t event_time_us, std::string_view key) {
  wire::PredictionSample& sample = window.piece.sample;
  const std::size_t row = record.sampled[sampled];
  const std::size_t width = window.version->features.size();
  const std::span<const float> features = record.features.subspan(sampled * width, width);
  sample.ids.push_back(record.single ? std::string(record.id) : Cat(record.id, "/", record.first_row + row));
  if (!key.empty() && sample.keys.empty()) sample.keys.resize(sample.ids.size() - 1);
  if (!key.empty() || !sample.keys.empty()) sample.keys.emplace_back(key);
  sample.event_times_us.push_back(event_time_us);
  sample.predictions.push_back(record.predictions[row]);
  sample.features.insert(sample.features.end(), features.begin(), features.end());
  const std::size_t classes = record.class_probabilities.size() / record.sampled.size();
  const std::span<const float> own = record.class_probabilities.subspan(sampled * classes, classes);
  sample.class_probabilities.insert(sample.class_probabilities.end(), own.begin(), own.end());
  window.sample_bytes += features.size_bytes() + own.size_bytes() + record.id.size() + key.size() + 32;
  if (sample.rows() < options_.sample_rows_max && window.sample_bytes < options_.sample_bytes_max) return;
  Window next = NewWindow(window.version, window.piece.window_start);
  if (CutOne(window)) window = std::move(next);
}

void WindowBuilder::AddLost(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us,
                            std::int64_t received_us, std::uint64_t rows,
                            const std::array<std::uint64_t, 3>& requests) {
  const bool usable = event_time_us != kNoEventTime && !IsFuture(event_time_us, received_us);
  Window& window = WindowOf(version, usable ? event_time_us : received_us);
  wire::WindowPiece& piece = window.piece;
  Touch(piece, received_us);
  piece.rows += static_cast<std::int64_t>(rows);
  piece.dropped_rows += static_cast<std::int64_t>(rows);
  for (const Outcome outcome : {Outcome::kAnswered, Outcome::kRefused, Outcome::kFailed}) {
    CountRequests(piece, outcome, requests[static_cast<std::size_t>(outcome)]);
  }
  window.rates += static_cast<double>(rows);
}

void WindowBuilder::FoldPredictions(Window& window) {
  const std::vector<std::string>& classes = window.version->classes;
  if (classes.empty()) {
    window.piece.prediction.AddNumbers(window.predictions);
  } else {
    AddCategories(window.piece.prediction, classes, window.predictions);
  }
  window.predictions.clear();
}

bool WindowBuilder::CutOne(Window& window) {
  wire::WindowPiece& piece = window.piece;
  piece.sequence = ++sequence_;
  FoldPredictions(window);
  piece.sampled_rows = static_cast<std::int64_t>(piece.sample.rows());
  piece.sample_rate = piece.rows == 0 ? 1 : std::clamp(window.rates / static_cast<double>(piece.rows), 0.0, 1.0);
  for (const RecordedVersion::Feature& feature : window.version->features) {
    piece.sample.feature_names.push_back(feature.spec.name);
  }
  if (window.version->records_classes && AreProbabilities(piece.sample.class_probabilities)) {
    piece.sample.class_names = window.version->classes;
  } else {
    piece.sample.class_probabilities.clear();
  }
  piece.features = ProfileOf(*window.version, piece.sample);
  if (sink_(piece)) return true;
  dropped_rows_ += static_cast<std::uint64_t>(piece.sampled_rows);
  piece.dropped_rows += piece.sampled_rows;
  piece.sampled_rows = 0;
  piece.sample = {};
  piece.features = {};
  window.sample_bytes = 0;
  return false;
}

void WindowBuilder::Cut() {
  for (auto window = windows_.begin(); window != windows_.end();) {
    window = CutOne(window->second) ? windows_.erase(window) : std::next(window);
  }
}

}  // namespace mw::serving
