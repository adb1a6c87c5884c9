// A request as named tensors: how the binary tensor extension and gRPC bring it, and what a tensor model takes. The
// resolver turns it into what the model at hand takes: rows of floats, or its own inputs in their order.
//
// A row model takes one numeric matrix [n, features] under any name, in the model's order, or one tensor [n] or [n, 1]
// for each column by its name (numbers, BYTES for categories, BOOL); NaN is a missing value, and so is a text that is
// empty. Tensors named like the schema's event time and key are understood beside them; any other is refused.
//
// A tensor model takes each of its inputs by name; numbers of another datatype are converted where every value fits.
// Where all its inputs are columns, [n] or [n, 1], one matrix [n, columns] stands for them in their order.
//
// One resolver for each thread, used again: in the steady state it allocates nothing for a row model. What it gives
// points into it and into the request. Invariant after success: every feature was written by the encoder or checked
// like it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/inference_request.h"
#include "api/inference/row_layout.h"
#include "base/clock.h"
#include "base/result.h"
#include "serving/model.h"
#include "serving/tensor.h"

namespace mw::api::inference {

struct TensorRequest {
  std::string_view id;
  std::string_view event_time;              ///< parameter event_time; empty: none
  Duration timeout{0};                      ///< how long the client waits; 0: not said
  std::uint64_t priority = 0;               ///< 1 is the most urgent; 0: not said
  std::vector<serving::TensorView> inputs;  ///< each checked by serving::CheckTensor
  std::vector<std::string_view> outputs;    ///< names of those that are wanted; none: all
  std::vector<Classification> classifications;

  void Clear() {
    id = event_time = {};
    timeout = Duration{0};
    priority = 0;
    inputs.clear();
    outputs.clear();
    classifications.clear();
  }
};

/// What no clock of a client shows is refused: a window of it would be looked at for ever. Times ahead are taken, and
/// their receipt counts (serving/window_builder.h). Errors: kInvalidArgument.
Result<std::int64_t> EventTimeMicros(std::string_view text);

/// Of a tensor that a request names and the model has not; `what`: "input", "output". Suggests the nearest name.
Error UnknownTensor(std::string_view what, std::string_view name, const std::vector<serving::TensorSpec>& known);

class TensorResolver {
 public:
  /// Errors: kInvalidArgument naming the tensor or the column, the row, the value and what was expected.
  Status Resolve(const TensorRequest& request, const serving::Model& model, const wire::ServingLimits& limits,
                 InferenceRequest& out);
  /// The first row's, as far as the last Resolve came.
  [[nodiscard]] std::int64_t event_time_us() const;

 private:
  Status ResolveRows(const TensorRequest& request, InferenceRequest& out);
  Status TakeTensor(const serving::TensorView& tensor);
  Status TakeMatrix(const serving::TensorView& tensor);
  void TakeAsItLies(std::string_view bytes);
  Status TakeColumn(const serving::TensorView& tensor, int feature);
  Result<float> TextCell(int feature, std::string_view text);
  Result<float> NumberCell(serving::Datatype datatype, int feature, double value) const;
  Status CheckFinite(const serving::TensorView& tensor) const;
  Status TakeKeys(const serving::TensorView& tensor);
  Status TakeTimes(const serving::TensorView& tensor);
  Status ResolveTensors(const TensorRequest& request, InferenceRequest& out);
  Status SplitMatrix(const serving::TensorView& matrix);
  Status TakeAs(const serving::TensorSpec& spec, const serving::TensorView& tensor);
  Status CheckRows(InferenceRequest& out) const;

  const serving::Model* model_ = nullptr;
  const wire::ServingLimits* limits_ = nullptr;
  RowLayout layout_;
  std::vector<float> features_;
  std::span<const float> cells_;  // features_, or the request's own matrix where it can be taken as it lies
  std::vector<std::int64_t> times_us_;
  std::string_view event_time_;
  std::vector<std::string_view> keys_;
  std::vector<std::string> key_digits_;  // of keys that are numbers
  std::uint64_t unknown_categories_ = 0;
  std::shared_ptr<serving::TensorList> tensors_;  // of a tensor model; the batch takes a share in it
  std::string converted_;
};

}  // namespace mw::api::inference
