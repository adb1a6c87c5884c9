// What a model server tells the control plane about its predictions: pieces of windows. A window is one hour of
// event time of one version at one endpoint; any number of pieces, from any number of servers, make it up.
//
// Up: PUT /api/v1/servers/{server}/windows with a frame of pieces. (server, boot, sequence) names a piece for
// ever: a receiver that has it already keeps what it has. Pure values and bytes, any thread.
// Invariants of a piece that was read: names are names, no counter is negative or above that which it is part of,
// sampled_rows is the number of rows in the sample, `features` profiles just these rows, event times lie in the
// window, class probabilities are probabilities of classes with names of their own, and the bytes are those that were
// written (a checksum is the last of them). Unknown sections are skipped and a greater format_version is refused, so
// the two planes may differ by one version either way.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sketch/profile.h"

namespace mw::wire {

inline constexpr std::uint64_t kWindowPieceFormatVersion = 1;
inline constexpr Duration kWindowLength = std::chrono::hours(1);

// Limits: a writer keeps to them, a reader refuses what goes beyond.
inline constexpr std::size_t kSampleRowsMax = 4096;     ///< of one piece; a writer cuts there
inline constexpr std::size_t kSampleFeaturesMax = 512;  ///< of wider models no features are recorded
inline constexpr std::size_t kSampleIdBytesMax = 320;   ///< of one prediction id
inline constexpr std::size_t kSampleKeyBytesMax = 256;  ///< of one entity key; longer ones are left out
inline constexpr std::size_t kSampleClassesMax = 100;   ///< of models of more classes no probabilities are recorded
inline constexpr std::size_t kPieceBytesMax = std::size_t{32} << 20;
inline constexpr std::size_t kFrameBytesMax = std::size_t{64} << 20;  ///< the body of one PUT
inline constexpr std::size_t kFramePiecesMax = 65'536;

/// The start of the hour of event time that `event_time` lies in.
Timestamp WindowStart(Timestamp event_time);

/// A prediction is in the sample iff SampleHash(its id) < rate * 2^64: every server, request, answer and later
/// label decides the same. The hash is part of the format: it never changes.
std::uint64_t SampleHash(std::string_view prediction_id);
bool InSample(std::uint64_t hash, double rate);

/// How long answers took, in wall time: from the whole request to the whole answer. Buckets are logarithmic, 16 to
/// an octave: a value read back is at most 6.25 % too large. Mergeable; the order does not matter.
class LatencyHistogram {
 public:
  static constexpr int kSubBuckets = 16;
  static constexpr int kOctaves = 24;  ///< up to 2^28 us, 4.5 minutes; longer ones count there
  static constexpr int kBuckets = kSubBuckets * (kOctaves + 1);

  void Add(Duration latency, std::uint64_t count = 1);
  void Merge(const LatencyHistogram& other);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration sum() const { return Duration(sum_us_); }
  /// The upper end of the bucket that holds the share-th answer; zero when there is none. 0 <= share <= 1.
  [[nodiscard]] Duration Quantile(double share) const;
  [[nodiscard]] std::uint64_t bucket(int index) const { return counts_[static_cast<std::size_t>(index)]; }
  /// The largest latency that counts in the bucket.
  static Duration UpperEnd(int bucket);
  bool operator==(const LatencyHistogram&) const = default;

  void Write(sketch::ByteWriter& out) const;
  static Result<LatencyHistogram> Read(sketch::ByteReader& in);

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::int64_t sum_us_ = 0;
};

/// The rows that were sampled, by column. All lists have one entry for each row, but for those that say otherwise.
struct PredictionSample {
  std::vector<std::string> ids;              ///< "<request id>" of one row, "<request id>/<row>" of several
  std::vector<std::string> keys;             ///< entity keys; empty when no row had one
  std::vector<std::int64_t> event_times_us;  ///< microseconds UTC since 1970
  std::vector<float> predictions;            ///< of several classes, the place of the likeliest
  std::vector<std::string> feature_names;    ///< in the model's order; empty: features are not recorded
  std::vector<float> features;               ///< rows x feature_names, row-major, as the model saw them; NaN is missing
  std::vector<std::string> class_names;      ///< of several classes, in the order of the model's outputs; else empty
  std::vector<float> class_probabilities;    ///< rows x class_names, row-major, as answered; each from 0 to 1
  [[nodiscard]] std::size_t rows() const { return ids.size(); }
};

struct WindowPiece {
  std::string server;          ///< the model server's id, the same over restarts with one state directory
  std::string boot;            ///< made at each start of the server; ascends
  std::uint64_t sequence = 0;  ///< from 1, of this boot
  std::string endpoint;
  std::string model;
  std::int64_t version = 0;
  Timestamp window_start;
  Duration window_length = kWindowLength;

  std::int64_t rows = 0;          ///< predicted, all of them
  std::int64_t sampled_rows = 0;  ///< in `sample` and `features`
  std::int64_t dropped_rows = 0;  ///< of `rows`, those that may have been sampled but were lost: something was full
  std::int64_t requests = 0;      ///< answered or not; one with rows of two windows counts in that of its first
  std::int64_t failures = 0;      ///< of `requests`, valid ones that got no prediction, or not for all their rows
  std::int64_t refused = 0;       ///< of the other `requests`, those refused because of what they held
  std::int64_t flagged_rows = 0;  ///< of prediction.rows(), those at or above the model's threshold
  std::int64_t future_rows = 0;   ///< of `rows`, those whose event time was too far ahead: their receipt counts instead
  LatencyHistogram latency;       ///< one entry for each request that was answered
  Timestamp first_received;       ///< wall time of the first request in here, and of the last
  Timestamp last_received;

  sketch::Profile features;  ///< categories by name; those that the vocabulary lacks are of a wrong type
  /// Of `rows`, sampled or not; it lacks only what was lost in a full queue. A category, by the names of the classes,
  /// when the model has several.
  sketch::ColumnProfile prediction{sketch::ColumnSpec{"prediction", sketch::ValueKind::kNumber}};
  double sample_rate = 1;  ///< the mean chance that a row of `rows` was sampled
  PredictionSample sample;
};

std::string ToBytes(const WindowPiece& piece);
/// Errors: kDataLoss for bytes that are no piece; kInvalidArgument for one that breaks the invariants, naming what;
/// kFailedPrecondition for a newer format.
Result<WindowPiece> WindowPieceFromBytes(std::string_view bytes);

/// Puts a piece's bytes at the end of a frame. A frame is nothing but such entries one after the other, so two
/// frames put together are a frame; the empty text is one of no pieces.
void AppendToFrame(std::string& frame, std::string_view piece_bytes);
/// The pieces' bytes, pointing into the frame; each is whole by its checksum, and not looked at further.
/// Errors: kDataLoss; kResourceExhausted beyond the limits.
Result<std::vector<std::string_view>> SplitFrame(std::string_view frame);
/// Both at once. Errors: the same, naming the piece by its place.
Result<std::vector<WindowPiece>> WindowPiecesFromFrame(std::string_view frame);

}  // namespace mw::wire
