// A request that a shadow is shown once the primary version has answered it: decoded anew for the shadow's model, which
// may take other columns, predicted, compared (answer_difference.h). Nobody gets what the shadow answers.
//
// Made and destroyed on the request's thread, computed on the shadow lane's (serving/shadow_lane.h).
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "api/inference/answer_difference.h"
#include "api/inference/inference_request.h"
#include "serving/shadow_lane.h"

namespace mw::api::inference {

/// What the primary answered: of a row model values, of a tensor model all outputs.
struct PrimaryAnswer {
  std::shared_ptr<const serving::ServedVersion> version;
  std::size_t rows = 0;
  std::vector<float> values{};
  std::shared_ptr<const serving::TensorList> outputs{};
};

class ShadowCall final : public serving::ShadowJob {
 public:
  using Shared = std::shared_ptr<const serving::ServedVersion>;
  /// `body`: a kept one (RequestSource::Keep). `clock` outlives the call.
  ShadowCall(const serving::ShadowMetrics& metrics, Shared shadow, std::unique_ptr<RequestBody> body,
             const wire::ServingLimits& limits, PrimaryAnswer primary, const Clock& clock);

  Next Compute() override;
  void Ask(const std::atomic<bool>& stopping) override;

 private:
  bool Decode();
  std::optional<AnswerDifference> Predict() const;
  void Count(const std::optional<AnswerDifference>& difference);

  Shared shadow_;
  const std::unique_ptr<RequestBody> body_;
  const wire::ServingLimits limits_;
  PrimaryAnswer primary_;
  const Clock& clock_;
  // Of a model with workers.
  std::shared_ptr<const serving::TensorList> inputs_;
  std::size_t rows_ = 0;
  std::optional<Result<serving::TensorList>> answered_;
};

}  // namespace mw::api::inference
