// A request that waits for a worker: what it needs to be answered and recorded, kept beyond the request itself.
//
//   Start: submitted to the version's queue --worker--> Finish on the request's thread: answer, count, record
//            \--refused at once--> Finish                 client gone: cancelled, counted as failed
//
// Ownership: the protocol's Defer keeps it. One thread but for the answer, which the batcher's thread brings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/inference_request.h"
#include "serving/admission.h"
#include "serving/batcher.h"
#include "serving/response_cache.h"
#include "serving/version_metrics.h"

namespace mw::api::inference {

class InferenceRunner;

/// A copy of what a request says beside its values.
struct KeptRequest {
  explicit KeptRequest(const InferenceRequest& request, std::string_view request_id);
  KeptRequest(const KeptRequest&) = delete;
  KeptRequest& operator=(const KeptRequest&) = delete;

  std::string id, event_time;
  std::vector<std::int64_t> event_times_us;
  std::vector<std::string> key_texts;
  std::vector<std::string_view> keys;
  std::size_t rows;
  std::uint64_t unknown_categories;
  bool wants_value, wants_decision;
  std::vector<std::string> output_names;
  std::vector<std::string_view> wanted_outputs;
  std::vector<std::string> classified_names;
  std::vector<Classification> classifications;
  bool is_probe;
};

class BatchedCall final : public Waiting {
 public:
  /// Everything that `runner` needs to finish it. `inputs`: of a row model its one matrix.
  BatchedCall(InferenceRunner& runner, std::shared_ptr<const serving::ServedVersion> version,
              std::shared_ptr<const serving::TensorList> inputs, const InferenceRequest& request, std::string_view id,
              std::int64_t rows_per_second_full, const serving::StageTimes& times);
  ~BatchedCall() override;

  /// Defers the reply and submits: afterwards the call belongs to the reply and may be finished already.
  static void Start(std::unique_ptr<BatchedCall> call, Duration deadline, std::uint64_t priority, Reply& reply);
  void Finish(Reply& reply) override;
  /// Before Start.
  void KeepAnswerAs(std::string_view canonical_input, const serving::CachePolicy& policy) {
    canonical_input_ = canonical_input;
    cache_policy_ = policy;
  }
  /// Before Start: for the access log.
  void KeepOrigin(const serving::AccessOrigin& origin) { origin_ = origin; }
  [[nodiscard]] const serving::AccessOrigin& origin() const { return origin_; }
  void Hold(serving::Admission::Pass pass) { pass_ = std::move(pass); }
  /// What is shown to a shadow when the answer is there.
  struct ForShadow {
    std::shared_ptr<const serving::ServedVersion> shadow{};  ///< null: nothing
    std::unique_ptr<RequestBody> body{};
    std::size_t bytes = 0;
    wire::ServingLimits limits{};
  };
  void ShowTo(ForShadow shadow) { for_shadow_ = std::move(shadow); }
  [[nodiscard]] ForShadow TakeForShadow() { return std::move(for_shadow_); }
  [[nodiscard]] const std::string& canonical_input() const { return canonical_input_; }
  [[nodiscard]] const serving::CachePolicy& cache_policy() const { return cache_policy_; }

  [[nodiscard]] const serving::ServedVersion& version() const { return *version_; }
  [[nodiscard]] const std::shared_ptr<const serving::ServedVersion>& shared_version() const { return version_; }
  [[nodiscard]] const serving::TensorList& inputs() const { return *inputs_; }
  [[nodiscard]] const KeptRequest& request() const { return request_; }
  [[nodiscard]] std::int64_t rows_per_second_full() const { return rows_per_second_full_; }
  [[nodiscard]] const serving::StageTimes& times() const { return times_; }

 private:
  /// What the batcher's thread writes before it resumes, and the request's thread reads afterwards.
  struct Mail {
    serving::BatchAnswer answer{};
    std::unique_ptr<Resumer> resumer;
  };

  InferenceRunner& runner_;
  const std::shared_ptr<const serving::ServedVersion> version_;
  const std::shared_ptr<const serving::TensorList> inputs_;
  const KeptRequest request_;
  const std::int64_t rows_per_second_full_;
  const serving::StageTimes times_;
  /// The request's thread's own.
  struct Submitted {
    std::optional<serving::BatchTicket> ticket;
    Duration retry_after{0};  // of a refusal
  };
  std::shared_ptr<Mail> mail_ = std::make_shared<Mail>();
  std::shared_ptr<Submitted> submitted_ = std::make_shared<Submitted>();
  std::string canonical_input_;
  serving::CachePolicy cache_policy_;
  serving::AccessOrigin origin_;
  serving::Admission::Pass pass_;
  ForShadow for_shadow_;
  bool finished_ = false;
};

}  // namespace mw::api::inference
