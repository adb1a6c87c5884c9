// From the sums of the leaves to margins and predictions, each in the arithmetic of the library that trained the
// model, step by step: equal results in every bit are the point. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mw::forest {

enum class Transform : std::uint8_t {
  kNone,
  // XGBoost's.
  kSigmoid,
  kHinge,  ///< 1 above 0, else 0
  kExp,    ///< LightGBM's too
  kSoftmax,
  kTopClass,  ///< of several sums the number of the greatest
  // LightGBM's.
  kSteepSigmoid,     ///< 1 / (1 + exp(-steepness * x))
  kSignedSquare,     ///< regression on square roots
  kLogOnePlusExp,    ///< cross_entropy_lambda
  kLightgbmSoftmax,  ///< a double throughout
  // ONNX Runtime's.
  kOnnxLogistic,
  kOnnxSoftmax,
  kOnnxSoftmaxZero,
  kOnnxProbit,
};

/// One sum that answers for two classes, as ONNX has it: which two numbers are written.
enum class SecondClass : std::uint8_t {
  kNo,          ///< just the one
  kComplement,  ///< 1 - p, p
  kNegative,    ///< -x, x; by kOnnxLogistic both of the sigmoid
  kMirrored,    ///< -x, x where x is above 0, else x, -x; by kOnnxLogistic both of the sigmoid
};

struct Epilogue {
  Transform transform = Transform::kNone;
  SecondClass second_class = SecondClass::kNo;
  bool l1_normalised = false;  ///< predictions are divided by the sum of their sizes (ONNX: Normalizer)
  double steepness = 1;        ///< kSteepSigmoid's
  double divisor = 0;          ///< sums are divided by it, unless it is 0
  bool divide_margins = true;  ///< margins too, or predictions alone (LightGBM's raw scores are not)
  std::vector<float> addends;  ///< added to the sums at the end, one for each output; empty for none
};

/// Numbers of one row's predictions.
std::size_t NumPredictions(const Epilogue& epilogue, std::size_t num_sums);
/// Sums become margins, in place: `rows` x `num_sums`.
template <typename Sum>
void FinishSums(const Epilogue& epilogue, std::size_t num_sums, std::size_t rows, Sum* sums);
/// Margins become predictions. `margins`: `rows` x `num_sums`; `predictions`: `rows` x NumPredictions, may be `margins`
/// itself where both are of one size.
template <typename Sum>
void Predictions(const Epilogue& epilogue, std::size_t num_sums, std::size_t rows, const Sum* margins,
                 Sum* predictions);

}  // namespace mw::forest
