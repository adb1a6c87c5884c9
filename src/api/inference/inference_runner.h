// What happens to an inference between its protocol's decoder and encoder: which version answers, decode, predict,
// answer, count, record. One for each thread that takes requests, used by that thread alone.
//
//   Run: choose a version -> source decodes -> admitted -> forest predicts -> reply is written -> counted, recorded
//             |                                       \-> BatchedCall: reply deferred -> worker -> Finish: the same
//             rest
//             \-> not in memory: TakeWait; the caller keeps the request, and runs it again once it was loaded
//
// What was answered is shown to the endpoint's shadow, if it has one (shadow_call.h).
// Invariants: an answer comes whole from one version; every request that was begun is counted exactly once as
// answered, refused or failed; nothing is allocated in the steady state for a model that predicts on this thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/inference/bookkeeper.h"
#include "api/inference/inference_request.h"
#include "api/inference/output_choice.h"
#include "api/inference/row_outputs.h"
#include "api/inference/shadow_call.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "serving/access_log.h"
#include "serving/admission.h"
#include "serving/batcher.h"
#include "serving/catalog.h"
#include "serving/model_control.h"
#include "serving/recording_lane.h"
#include "serving/response_cache.h"
#include "serving/shadow_lane.h"
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
  serving::Admission* admission = nullptr;      ///< null: everybody is let in
  serving::ShadowSender* shadow = nullptr;      ///< the thread's own; null: no shadow is shown anything
  serving::AccessLog* access_log = nullptr;     ///< the log itself; null when there is none
};

/// How long a request waits for a model that is on its way into memory, when its client waits longer.
inline constexpr Duration kLoadWaitMax = std::chrono::seconds(30);

/// A request that waits for its model.
struct ModelWait {
  std::string endpoint;
  std::int64_t version = 0;
  std::size_t bytes = 0;
  Duration arrived{0};  ///< Clock::Elapsed
  Duration until{0};    ///< as long as its client waits, and kLoadWaitMax at most
  Status outcome{};     ///< how waiting ended; set before it is resumed
};

class BatchedCall;

class InferenceRunner {
 public:
  explicit InferenceRunner(const InferenceContext& context);
  InferenceRunner(const InferenceRunner&) = delete;
  InferenceRunner& operator=(const InferenceRunner&) = delete;

  /// Has one request answered or refused, now or (Reply::Defer) later on this thread.
  /// Or nothing of all that: then TakeWait gives why.
  void Run(const InferenceTarget& target, RequestSource& source, Reply& reply);
  /// Of the last Run: the model that it could not ask; else null. The caller keeps the request, calls Await, and has it
  /// run again (`Resume`) when `resume` is called.
  std::shared_ptr<ModelWait> TakeWait() { return std::move(wait_); }
  /// `resume` is called once, on any thread, also at once.
  void Await(const std::shared_ptr<ModelWait>& wait, std::function<void()> resume);
  /// `run` calls Run once more.
  template <typename Run>
  void Resume(const ModelWait& wait, Run&& run) {
    resumed_ = &wait;
    run();
    resumed_ = nullptr;
  }
  /// The rest of a request whose batch has been computed, or not.
  void Finish(BatchedCall& call, serving::BatchAnswer& answer, Duration retry_after, Reply& reply);
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
  /// One request's way through; everything of the snapshot that it needs.
  struct Passage {
    const serving::ServedEndpoint& endpoint;
    const serving::Snapshot& snapshot;
    const InferenceTarget& target;
    RequestSource& source;
    serving::StageTimes times;
    Asker asker;
    bool from_cache = false;
    bool shown = false;  ///< to the endpoint's shadow, once it was answered
  };

  void RunOnChoice(Passage& passage, Reply& reply);
  bool WaitFor(const Passage& passage, const serving::RoutedVersion& entry);
  Error NotServed(const serving::ServedEndpoint& endpoint, const serving::RoutedVersion& entry) const;
  std::string_view ClientOf(const Passage& passage);
  bool Admit(const Passage& passage, const serving::ServedVersion& version, Reply& reply,
             serving::Admission::Pass& pass);
  bool MayShow(const Passage& passage) const;
  void Show(const Shared& shadow, std::unique_ptr<RequestBody> body, std::size_t bytes,
            const wire::ServingLimits& limits, PrimaryAnswer primary);
  void ShowNow(const Passage& passage, const Shared& version,
               const std::shared_ptr<const serving::TensorList>& outputs);
  void ShowFinished(BatchedCall& call, serving::BatchAnswer& answer);
  const serving::ShadowMetrics& ShadowMetricsFor(const serving::ServedVersion& shadow);
  Result<const Shared*> Pick(const serving::ServedEndpoint& endpoint, std::string_view version);
  std::string_view StickyValue(const Passage& passage);
  void RunOn(Passage& passage, const Shared& version, Reply& reply);
  bool AnswerFromCache(Passage& passage, const Shared& version, Reply& reply);
  void KeepAnswer(const serving::ServedEndpoint& endpoint, const serving::Model& model);
  std::span<const serving::TensorView> RowsOutputs(const serving::Model& model);
  void AnswerNow(Passage& passage, const serving::ServedVersion& version, std::span<const serving::TensorView> outputs,
                 Reply& reply);
  void RunHere(Passage& passage, const Shared& version, Reply& reply);
  void RunBatched(const Passage& passage, const Shared& version, serving::Admission::Pass pass, Reply& reply);
  void AnswerBatched(const BatchedCall& call, std::span<const serving::TensorView> outputs, Reply& reply);
  void CountRefusal(const BatchedCall& call, const Error& error);
  void RefuseUnserved(const InferenceTarget& target, const Asker& asker, const Error& error, Duration retry_after,
                      Reply& reply);
  std::string_view RequestId();

  const Clock& clock_;
  MetricsRegistry& metrics_;
  serving::Catalog& catalog_;
  serving::CatalogReader& reader_;
  Counter& unknown_models_;
  serving::ResponseCache* cache_;
  serving::ModelControl* const control_;
  Bookkeeper books_;
  serving::Admission* admission_;
  serving::ShadowSender* shadow_;
  const ModelWait* resumed_ = nullptr;  // of the request at hand, when it waited before
  std::shared_ptr<ModelWait> wait_;     // of the request at hand, when it has to
  std::string client_;                  // the digest of a token
  struct Shown {
    const Counter* of;  // as a tally's
    serving::ShadowMetrics metrics;
  };
  std::vector<Shown> shadows_;
  const serving::Model* decoded_for_ = nullptr;  // what request_ was decoded for already
  std::string canonical_;                        // the input as the cache knows it
  InferenceRequest request_;
  std::vector<float> values_;
  RowOutputs row_outputs_;
  std::vector<double> exact_values_;  // of a model whose answers are doubles
  OutputChoice outputs_;
  std::string_view id_;  // the client's or next_id_
  std::string next_id_;  // 16 digits, random, this thread's own; 16 that count
  std::uint64_t id_count_ = 0;
};

}  // namespace mw::api::inference
