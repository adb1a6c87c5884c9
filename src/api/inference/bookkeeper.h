// What is kept of each request once it was answered or refused: the counts of its version, the record that monitoring
// judges, its line in the access log. One for each thread that takes requests, used by that thread alone.
//
// Invariants: every request that was begun is counted exactly once as answered, refused or failed; nothing waits for
// another thread, nothing is allocated in the steady state.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "api/inference/access_scribe.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "serving/recording_lane.h"
#include "serving/response_cache.h"
#include "serving/served.h"
#include "serving/version_metrics.h"

namespace mw::api::inference {

class Bookkeeper {
 public:
  /// `recording`, `access`: the thread's own lanes; null: nothing is recorded, or written down.
  Bookkeeper(const Clock& clock, MetricsRegistry& metrics, serving::RecordingLane* recording,
             serving::AccessLane* access)
      : clock_(clock), metrics_(metrics), recording_(recording), scribe_(access) {}
  Bookkeeper(const Bookkeeper&) = delete;
  Bookkeeper& operator=(const Bookkeeper&) = delete;

  struct Answered {
    Asker asker;
    std::string_view id;
    std::size_t rows = 0;
    std::span<const float> features;  ///< of a row model: rows x its features
    std::span<const float> values;    ///< what was predicted: rows x the model's outputs
    std::span<const std::int64_t> event_times_us;
    std::span<const std::string_view> keys;
    std::uint64_t unknown_categories = 0;
    std::int64_t rows_per_second_full = 0;
    const serving::StageTimes& times;
    std::uint64_t bytes = 0;  ///< of the answer
    bool from_cache = false;
    bool is_probe = false;  ///< counted, and not recorded
  };
  void CountAnswered(const serving::ServedVersion& version, const Answered& answered);
  /// A 4xx is the caller's (refused), anything else the server's own (failed). `request` without version and outcome.
  void CountRefused(const serving::ServedVersion& version, AccessScribe::Request request, const Error& error,
                    Duration start);
  /// No version was there to be asked.
  void CountUnserved(AccessScribe::Request request, const Error& error, Duration start);

  /// Whether Asker::kept is wanted of requests that are answered later.
  [[nodiscard]] bool wants_origins() const { return scribe_.writes(); }
  serving::CacheMetrics& CacheMetricsOf(const serving::ServedVersion& version) { return TallyFor(version).cache; }
  /// Brings what was counted to the shared metrics: call when there is nothing more to do for the moment.
  void Flush();

 private:
  struct Tally {
    const Counter* of;  // the version's first metric, which outlives the version
    serving::VersionTally counts;
    serving::CacheMetrics cache;
  };

  void Record(const serving::ServedVersion& version, const Answered& answered, bool failed);
  Tally& TallyFor(const serving::ServedVersion& version);

  const Clock& clock_;
  MetricsRegistry& metrics_;
  serving::RecordingLane* const recording_;
  AccessScribe scribe_;
  std::vector<float> recorded_;  // of several classes the number of the most probable, of several targets the first
  std::vector<Tally> tallies_;   // since the last Flush
};

}  // namespace mw::api::inference
