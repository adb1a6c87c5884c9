// What happens to an inference between its protocol's decoder and encoder: which version answers, decode, predict,
// answer, count, record. One for each thread that takes requests, used by that thread alone.
//
//   Run: choose a version -> source decodes -> forest predicts -> reply is written -> counted, recorded
//                                         \-> BatchedCall: reply deferred -> worker -> Finish: the same rest
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

#include "api/inference/access_scribe.h"
#include "api/inference/inference_request.h"
#include "api/inference/row_outputs.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "serving/batcher.h"
#include "serving/catalog.h"
#include "serving/model_control.h"
#include "serving/recording_lane.h"
#include "serving/response_cache.h"
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
  serving::ResponseCache* cache = nullptr;      ///< null: no endpoint's answers are kept
  serving::AccessLane* access = nullptr;        ///< the thread's own; null: there is no access log
  serving::ModelControl* control = nullptr;     ///< null: models are neither loaded nor unloaded by name
};

class BatchedCall;

class InferenceRunner {
 public:
  explicit InferenceRunner(const InferenceContext& context);
  InferenceRunner(const InferenceRunner&) = delete;
  InferenceRunner& operator=(const InferenceRunner&) = delete;

  /// Has one request answered or refused, now or (Reply::Defer) later on this thread.
  void Run(const InferenceTarget& target, RequestSource& source, Reply& reply);
  /// The rest of a request whose batch has been computed, or not.
  void Finish(const BatchedCall& call, serving::BatchAnswer& answer, Duration retry_after, Reply& reply);
  /// A request whose client went before its batch was computed.
  void CountAbandoned(const BatchedCall& call);
  /// Calls `use` with the current snapshot, which stays whole until it returns.
  template <typename Use>
  decltype(auto) Read(Use&& use) {
    return reader_.Read(std::forward<Use>(use));
  }
  /// The version that a path names; the live one for an empty version.
  /// Errors: kNotFound naming what there is; kUnavailable while it is not in memory, which this call mends.
  using Shared = std::shared_ptr<const serving::ServedVersion>;
  Result<const Shared*> Find(const serving::Snapshot& snapshot, std::string_view model, std::string_view version);
  /// Brings what was counted to the shared metrics: call when there is nothing more to do for the moment.
  void Flush();
  [[nodiscard]] MetricsRegistry& metrics() { return metrics_; }
  [[nodiscard]] serving::ModelControl* control() { return control_; }  ///< may be null

 private:
  struct Tally {
    const Counter* of;  // the version's first metric, which outlives the version
    serving::VersionTally counts;
    serving::CacheMetrics cache;
  };

  /// What the record of an answered request needs.
  struct Answered {
    std::string_view id;
    std::span<const float> features;
    std::span<const std::int64_t> event_times_us;
    std::span<const std::string_view> keys;
    std::int64_t rows_per_second_full = 0;
    const serving::StageTimes& times;
    Asker asker;
    std::uint64_t bytes = 0;
    bool from_cache = false;
    bool is_probe = false;
  };

  /// One request's way through; everything of the snapshot that it needs.
  struct Passage {
    const serving::ServedEndpoint& endpoint;
    std::int64_t rows_per_second_full;
    serving::StageTimes times;
    Asker asker;
    bool from_cache = false;
  };

  Result<const Shared*> Pick(const serving::ServedEndpoint& endpoint, std::string_view version, std::string_view key);
  std::string_view StickyValue(const serving::ServedEndpoint& endpoint, const InferenceTarget& target,
                               RequestSource& source);
  void RunOn(Passage& passage, const Shared& version, RequestSource& source, Reply& reply);
  bool AnswerFromCache(Passage& passage, const Shared& version, Reply& reply);
  void KeepAnswer(const serving::ServedEndpoint& endpoint, const serving::Model& model);
  std::span<const serving::TensorView> RowsOutputs(const serving::Model& model);
  void AnswerNow(Passage& passage, const serving::ServedVersion& version, std::span<const serving::TensorView> outputs,
                 Reply& reply);
  void RunHere(Passage& passage, const serving::ServedVersion& version, Reply& reply);
  void RunBatched(const Passage& passage, const Shared& version, Reply& reply);
  void AnswerRows(const BatchedCall& call, Reply& reply);
  void AnswerTensors(const BatchedCall& call, const serving::TensorList& outputs, Reply& reply);
  void CountAnswered(const serving::ServedVersion& version, const Answered& answered, std::size_t rows,
                     std::uint64_t unknown_categories);
  void CountRefusal(const serving::ServedVersion& version, const Error& error, std::int64_t event_time_us,
                    Duration start, const AccessScribe::Request& request);
  void CountRefusal(const BatchedCall& call, const Error& error);
  void RefuseUnserved(const InferenceTarget& target, const Asker& asker, const Error& error, Duration retry_after,
                      Reply& reply);
  void Record(const serving::ServedVersion& version, const Answered& answered, bool failed);
  std::string_view RequestId();
  Tally& TallyFor(const serving::ServedVersion& version);

  const Clock& clock_;
  MetricsRegistry& metrics_;
  serving::Catalog& catalog_;
  serving::CatalogReader& reader_;
  Counter& unknown_models_;
  serving::RecordingLane* recording_;
  serving::ResponseCache* cache_;
  serving::ModelControl* const control_;
  AccessScribe scribe_;
  const serving::Model* decoded_for_ = nullptr;  // what request_ was decoded for already
  std::string canonical_;                        // the input as the cache knows it
  InferenceRequest request_;
  std::vector<float> values_;
  RowOutputs row_outputs_;
  std::vector<double> exact_values_;  // of a model whose answers are doubles
  std::vector<float> recorded_;  // of several classes the number of the most probable, of several targets the first
  std::vector<serving::TensorView> wanted_;
  std::string_view id_;  // the client's or next_id_
  std::string next_id_;  // 16 digits, random, this thread's own; 16 that count
  std::uint64_t id_count_ = 0;
  std::vector<Tally> tallies_;  // since the last Flush
};

}  // namespace mw::api::inference
