// Puts recorded rows together to pieces of windows: one at a time for each version and hour of event time. What a
// piece says of its sample is computed in bulk when the piece is cut.
//
//   Add, AddLost --> (version, hour): counts, sample --Cut, or 4,096 sampled rows--> piece --> the sink
//
// A piece that the sink refuses gives up its sample and keeps its counts for the next cut, so rows are counted
// however long nobody takes them. One thread, no clock. Invariant: the counts of all pieces that the sink took
// and of those still here are the counts of all that was added.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "serving/recorded_version.h"
#include "serving/recording_lane.h"
#include "wire/window_record.h"

namespace mw::serving {

struct WindowBuilderOptions {
  std::string server;
  std::string boot;
  std::size_t sample_rows_max = wire::kSampleRowsMax;   ///< of one piece
  std::size_t sample_bytes_max = std::size_t{8} << 20;  ///< of one piece: features, ids and keys
  std::size_t windows_max = 2048;                       ///< at once; one more cuts all
};

class WindowBuilder {
 public:
  /// Keeps a piece, or says false.
  using Sink = std::function<bool(const wire::WindowPiece& piece)>;
  WindowBuilder(WindowBuilderOptions options, Sink sink);

  void Add(const RecordingLane::Record& record);
  /// Rows and requests (by outcome) of which nothing is known but their number.
  void AddLost(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us,
               std::int64_t received_us, std::uint64_t rows, const std::array<std::uint64_t, 3>& requests);
  /// Gives every window that has anything to the sink.
  void Cut();

  // Since the start.
  [[nodiscard]] std::uint64_t future_rows() const { return future_rows_; }        ///< whose event time was not believed
  [[nodiscard]] std::uint64_t dropped_rows() const { return dropped_rows_; }      ///< sampled, then refused by the sink
  [[nodiscard]] std::uint64_t forgotten_rows() const { return forgotten_rows_; }  ///< even their count was given up

 private:
  struct Window {
    std::shared_ptr<const RecordedVersion> version;
    wire::WindowPiece piece;         // counts and sample; profiles when it is cut
    std::vector<float> predictions;  // not in piece.prediction yet
    std::size_t sample_bytes = 0;
    double rates = 0;  // sum over rows
  };
  using Key = std::pair<const RecordedVersion*, std::int64_t>;

  Window& WindowOf(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us);
  Window NewWindow(const std::shared_ptr<const RecordedVersion>& version, Timestamp start) const;
  void AddSampled(Window& window, const RecordingLane::Record& record, std::size_t sampled, std::int64_t event_time_us,
                  std::string_view key);
  static void FoldPredictions(Window& window);
  bool CutOne(Window& window);
  void MakeRoom();

  WindowBuilderOptions options_;
  Sink sink_;
  std::map<Key, Window> windows_;
  std::uint64_t sequence_ = 0;
  std::uint64_t future_rows_ = 0;
  std::uint64_t dropped_rows_ = 0;
  std::uint64_t forgotten_rows_ = 0;
};

}  // namespace mw::serving
