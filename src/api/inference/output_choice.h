// Which of a model's outputs go back, and in what form: all, those that are named, or the likeliest classes of one
// (the classification extension: BYTES "value:index" or "value:index:label", the highest value first). One for each
// thread, used again; tensors that it gives point into it and into those it was given, until its next call.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/inference_request.h"
#include "base/result.h"
#include "serving/model.h"
#include "serving/tensor.h"

namespace mw::api::inference {

/// Takes over what a request names. Errors: kInvalidArgument naming an output that the model has not, or one of texts
/// that is wanted as classes.
Status ChooseOutputs(const serving::Model& model, std::span<const std::string_view> outputs,
                     std::span<const Classification> classifications, InferenceRequest& out);

class OutputChoice {
 public:
  /// Those of `outputs` that are wanted; all when none is named.
  std::span<const serving::TensorView> Named(const serving::TensorList& outputs,
                                             std::span<const std::string_view> wanted);
  /// `outputs` with classes in place of those that are wanted so. Costs nothing when none is.
  std::span<const serving::TensorView> Classified(const serving::Model& model, std::span<const Classification> wanted,
                                                  std::size_t rows, std::span<const serving::TensorView> outputs) {
    if (wanted.empty()) [[likely]]
      return outputs;
    return Classify(model, wanted, rows, outputs);
  }

 private:
  struct Classes {
    std::vector<std::int64_t> shape;
    std::string bytes;
  };
  std::span<const serving::TensorView> Classify(const serving::Model& model, std::span<const Classification> wanted,
                                                std::size_t rows, std::span<const serving::TensorView> outputs);
  void Append(const serving::Model& model, const serving::TensorView& output, std::size_t rows, std::size_t count,
              Classes& out);

  std::vector<serving::TensorView> named_, classified_;
  std::vector<Classes> classes_;  // of each output that is wanted so
  std::vector<std::size_t> order_;
  std::vector<double> values_;
};

}  // namespace mw::api::inference
