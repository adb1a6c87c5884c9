// What recording needs to know of a version, also after the model itself is gone, and what the server's loops
// share about its traffic. Made once by the catalog; any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serving/model.h"
#include "sketch/column_profile.h"

namespace mw::serving {

/// In place of a row's event time in microseconds: it has none, its receipt counts.
inline constexpr std::int64_t kNoEventTime = INT64_MIN;

/// How many rows a second of event time has. A row costs one or two relaxed atomic operations. Seconds share a
/// small table, so a count may be lost to another second's: then more rows are sampled than need be, never fewer.
class TrafficRate {
 public:
  /// Adds rows to a second (since 1970) and gives how many a second there are: the second's own so far or all of
  /// the one before, whichever is more.
  std::uint64_t Add(std::int64_t second, std::uint32_t rows);

 private:
  static constexpr std::size_t kSlots = 256;
  static constexpr int kRowsBits = 24;
  static constexpr std::uint64_t kRowsMask = (std::uint64_t{1} << kRowsBits) - 1;
  std::atomic<std::uint64_t>& SlotOf(std::int64_t second) {
    return slots_[static_cast<std::uint64_t>(second) % kSlots];
  }
  std::array<std::atomic<std::uint64_t>, kSlots> slots_{};  ///< the second's low bits, then its rows
};

/// What became of a request: predictions for all its rows, a complaint about what it held, or neither.
enum class Outcome : std::uint8_t { kAnswered, kRefused, kFailed };

/// What found no room on its way to the recorder thread. That thread takes the counts away again and again;
/// all of them then count at the event time of the last.
struct LostRows {
  std::atomic<std::uint64_t> rows{0};
  std::array<std::atomic<std::uint64_t>, 3> requests{};  ///< by outcome
  std::atomic<std::int64_t> event_time_us{0};
};

struct RecordedVersion {
  struct Feature {
    sketch::ColumnSpec spec;
    std::vector<std::string> vocabulary;  ///< a category's
  };
  std::string endpoint;
  std::string model;  ///< as its package calls it; of a bare file, the endpoint's name
  std::int64_t version = 0;
  std::vector<Feature> features;     ///< in the model's order; empty when there are too many to record
  std::vector<std::string> classes;  ///< names; empty unless predictions are places among several classes
  bool records_classes = false;      ///< with the probabilities of each: several, and not too many
  std::optional<double> threshold;   ///< at or above it a row is flagged
  mutable TrafficRate traffic;
  mutable LostRows lost;

  RecordedVersion(const std::string& endpoint_in, std::int64_t version_in, const Model& of);
};

}  // namespace mw::serving
