// What happens to an inference between its protocol's decoder and encoder: which version answers, decode, predict,
// answer, count, record. One for each thread that takes requests, used by that thread alone.
//
//   Run: choose a version -> source decodes -> model predicts -> reply is written -> counted, recorded
//
// Invariants: an answer comes whole from one version; every request that was begun is counted exactly once as
// answered, refused or failed; nothing is allocated in the steady state for a model that predicts on this thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/inference/inference_request.h"
#include "api/inference/row_outputs.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "serving/catalog.h"
#include "serving/recording_lane.h"
#include "serving/version_metrics.h"

namespace mw::api::inference {

/// A request with this id is answered like any other and not recorded: `doctor` asks with rows of the training data.
inline constexpr std::string_view kProbeId = "millwright.probe";

/// What all threads share; every part outlives them.
struct InferenceContext {
  serving::Catalog& catalog;
  MetricsRegistry& metrics;
  const Clock& clock;
  std::string program_version;
  serving::RecordingLane* recording = nullptr;  ///< the thread's own; null: nothing is recorded
};

class InferenceRunner {
 public:
  explicit InferenceRunner(const InferenceContext& context);
  InferenceRunner(const InferenceRunner&) = delete;
  InferenceRunner& operator=(const InferenceRunner&) = delete;

  /// Has one request answered or refused, now or (Reply::Defer) later on this thread.
  void Run(const InferenceTarget& target, RequestSource& source, Reply& reply);
  /// Calls `use` with the current snapshot, which stays whole until it returns.
  template <typename Use>
  decltype(auto) Read(Use&& use) {
    return reader_.Read(std::forward<Use>(use));
  }
  /// The version that a path names; the live one for an empty version.
  /// Errors: kNotFound naming what there is; kUnavailable while it is not in memory, which this call mends.
  Result<const serving::ServedVersion*> Find(const serving::Snapshot& snapshot, std::string_view model,
                                             std::string_view version);
  /// Brings what was counted to the shared metrics: call when there is nothing more to do for the moment.
  void Flush();

 private:
  struct Tally {
    const Counter* of;  // the version's first metric, which outlives the version
    serving::VersionTally counts;
  };

  void RunOn(const serving::Snapshot& snapshot, const serving::ServedVersion& version, RequestSource& source,
             Reply& reply);
  void Predict(const serving::ServedVersion& version);
  void Refuse(const serving::ServedVersion& version, const Error& error, const RequestSource& source, Duration start,
              Reply& reply);
  void Record(const serving::ServedVersion& version, std::int64_t rows_per_second_full,
              const serving::StageTimes& times, bool failed);
  std::string_view RequestId();
  serving::VersionTally& TallyOf(const serving::ServedVersion& version);

  const Clock& clock_;
  serving::Catalog& catalog_;
  serving::CatalogReader& reader_;
  Counter& unknown_models_;
  serving::RecordingLane* recording_;
  InferenceRequest request_;
  std::vector<float> values_;
  RowOutputs row_outputs_;
  std::vector<float> recorded_;  // of several classes, the number of the most probable
  std::string_view id_;          // the client's or next_id_
  std::string next_id_;          // 16 digits, random, this thread's own; 16 that count
  std::uint64_t id_count_ = 0;
  std::vector<Tally> tallies_;  // since the last Flush
};

}  // namespace mw::api::inference
