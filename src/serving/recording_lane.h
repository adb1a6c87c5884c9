// The way of rows from one server loop to the recorder thread: a ring of bytes with one writer and one reader.
// Nobody waits for anybody: a row that finds no room is counted as lost, and that is all.
//
//   loop's thread: AddAnswered, AddRefused, AddFailed --> [ records ] --> Drain: recorder thread
//
// The writer decides which rows are in the sample (wire/window_record.h), so of the others only prediction and
// time are copied. In the steady state it allocates nothing and calls nothing but, once in a quarter of a ring,
// the eventfd that wakes the reader. Versions travel in the ring as well: the reader owns each that it reads of.
// Invariant: what is counted as answered comes out of Drain or stands in the version's `lost`, exactly once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "serving/recorded_version.h"

namespace mw::serving {

/// Event times further ahead of their receipt are taken for a clock that is wrong.
inline constexpr Duration kClockSkewMax = std::chrono::minutes(5);

/// What a handler knows of one answered request. Everything is copied.
struct RecordedRequest {
  std::string_view id;                 ///< the request's
  std::span<const float> features;     ///< rows x the model's features, as the model saw them
  std::span<const float> predictions;  ///< one for each row
  /// Rows x the model's classes where the version records them, else not looked at.
  std::span<const float> class_probabilities{};
  /// Microseconds since 1970 or kNoEventTime: none, one for all rows, or one for each.
  std::span<const std::int64_t> event_times_us;
  std::span<const std::string_view> keys;  ///< none, or one for each row; empty: none
  Duration start{0};                       ///< Clock::Elapsed when the request was whole
  Duration latency{0};
  bool failed = false;  ///< a row got no prediction
};

class RecordingLane {
 public:
  /// `wake_descriptor`: an eventfd that the reader waits on; outlives the lane, as the clock and the counter do.
  RecordingLane(const Clock& clock, int wake_descriptor, Counter& lost_rows, std::size_t ring_bytes = kRingBytes);

  // The writer's.
  void AddAnswered(const std::shared_ptr<const RecordedVersion>& version, std::int64_t rows_per_second_full,
                   const RecordedRequest& request);
  /// A request that was refused because of what it held, or because rows a second or in flight were used up.
  void AddRefused(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us, Duration start);
  /// A valid request without an answer.
  void AddFailed(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us, Duration start);

  /// One or more rows of one request, or a request without an answer (no rows, one event time), as the reader sees
  /// them: views into the ring.
  struct Record {
    const std::shared_ptr<const RecordedVersion>* version = nullptr;  ///< never null in Drain
    Outcome outcome = Outcome::kAnswered;
    bool counts_request = false;  ///< of a request in several records, only the first one does
    std::size_t first_row = 0;    ///< the first record's row within its request
    bool single = false;          ///< the request has one row: its id is the prediction's
    std::int64_t received_us = 0;
    Duration latency{0};
    double rate = 1;                               ///< the mean chance of these rows to be sampled
    std::string_view id;                           ///< empty when no row is sampled
    std::span<const std::int64_t> event_times_us;  ///< one for all rows, or one for each
    std::span<const float> predictions;            ///< one for each row
    std::span<const std::uint32_t> sampled;        ///< places of the sampled rows in this record
    std::span<const float> features;               ///< of the sampled rows
    std::span<const float> class_probabilities;    ///< of the sampled rows, where the version records them
    std::span<const std::uint16_t> key_sizes;      ///< of the sampled rows, or none
    std::string_view keys;                         ///< one after the other
  };

  ~RecordingLane();
  RecordingLane(const RecordingLane&) = delete;
  RecordingLane& operator=(const RecordingLane&) = delete;

  /// The reader's: calls use(const Record&) for everything that was added.
  template <typename Use>
  void Drain(const Use& use) {
    wake_wanted_.store(false, std::memory_order_relaxed);
    std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    for (const std::uint64_t head = head_.load(std::memory_order_acquire); tail < head;) {
      Record record;
      const std::uint64_t next = Read(tail, record);
      if (record.version != nullptr) use(record);
      tail = next;
      tail_.store(tail, std::memory_order_release);
    }
  }
  /// The reader's: versions whose rows it has read and may read again.
  [[nodiscard]] const std::vector<std::shared_ptr<const RecordedVersion>>& versions() const { return versions_; }

  static constexpr std::size_t kRingBytes = std::size_t{8} << 20;

 private:
  struct Header;
  struct Part;  // the rows of a request that go into one record

  std::byte* Reserve(std::size_t bytes, std::size_t spare_bytes);
  void Commit(std::size_t bytes);
  bool Introduce(const std::shared_ptr<const RecordedVersion>& version);
  bool AddPart(const RecordedVersion& version, const RecordedRequest& request, const Part& part);
  double ChooseSample(const RecordedVersion& version, std::int64_t rows_per_second_full, const RecordedRequest& request,
                      Part& part);
  void AddUnanswered(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us, Duration start,
                     Outcome outcome);
  void Lose(const RecordedVersion& version, std::int64_t event_time_us, std::size_t rows,
            std::optional<Outcome> request);
  std::int64_t ReceivedAt(Duration start);
  std::uint64_t Read(std::uint64_t tail, Record& record);
  void ReadRows(const std::byte* at, const Header& header, Record& record) const;
  void Forget();

  const Clock& clock_;
  const int wake_descriptor_;
  Counter& lost_rows_;
  const std::size_t ring_bytes_;
  std::unique_ptr<std::byte[]> ring_;  // pages that were never written take no memory

  // The writer's own.
  std::vector<const RecordedVersion*> introduced_;
  std::vector<std::uint32_t> sampled_;
  std::string prediction_id_;
  std::int64_t wall_offset_us_ = 0;  // wall time minus Elapsed
  Duration wall_offset_until_{0};

  // The reader's own.
  std::vector<std::shared_ptr<const RecordedVersion>> versions_;

  alignas(64) std::atomic<std::uint64_t> head_{0};  // bytes ever written
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // bytes ever read
  std::atomic<bool> wake_wanted_{false};
};

}  // namespace mw::serving
