// Each formula follows its library's order of operations: XGBoost's and ONNX Runtime's in floats, LightGBM's in
// doubles.
#include "forest/transform.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace mw::forest {
namespace {

float Sigmoid(float margin) {
  constexpr float kEpsilon = 1e-16F;
  const float bounded = std::min(-margin, 88.7F);  // keeps the exponential finite
  return 1.0F / (std::exp(bounded) + 1.0F + kEpsilon);
}

// Less the greatest margin, so that no exponential overflows; their sum is the one thing in double.
template <typename Sum>
void Softmax(const Sum* margins, std::size_t count, Sum* out) {
  Sum greatest = margins[0];
  for (std::size_t i = 1; i < count; ++i) greatest = std::fmax(margins[i], greatest);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = std::exp(margins[i] - greatest);
    sum += static_cast<double>(out[i]);
  }
  for (std::size_t i = 0; i < count; ++i) out[i] /= static_cast<Sum>(sum);
}

template <typename Sum>
Sum TopClass(const Sum* margins, std::size_t count) {
  return static_cast<Sum>(std::max_element(margins, margins + count) - margins);
}

template <typename Sum>
Sum SignedSquare(Sum value) {
  return static_cast<Sum>((value > 0 ? 1 : 0) - (value < 0 ? 1 : 0)) * value * value;
}

template <typename Sum>
Sum OnnxLogistic(Sum value) {
  const Sum positive = 1 / (1 + std::exp(-std::abs(value)));
  return value < 0 ? 1 - positive : positive;
}

/// The inverse error function by Winitzki's approximation, as the runtime has it.
float Probit(float value) {
  const float x = 2 * value - 1;
  const float sign = x < 0 ? -1.0F : 1.0F;
  const float log = std::log((1 - x) * (1 + x));
  const float v = 2 / (3.14159F * 0.147F) + 0.5F * log;
  const float v2 = 1 / 0.147F * log;
  const float v3 = -v + std::sqrt(v * v - v2);
  return 1.41421356F * (sign * std::sqrt(v3));
}

template <typename Sum>
void OnnxSoftmax(const Sum* margins, std::size_t count, Sum* out, bool skip_zeros) {
  Sum greatest = -std::numeric_limits<Sum>::max();
  for (std::size_t i = 0; i < count; ++i) greatest = margins[i] > greatest ? margins[i] : greatest;
  const Sum of_zero = std::exp(-greatest);
  Sum sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    constexpr float kNearZero = 0.0000001F;
    const Sum margin = margins[i];
    if (skip_zeros && !(margin > static_cast<Sum>(kNearZero) || margin < static_cast<Sum>(-kNearZero))) {
      out[i] = margin * of_zero;
    } else {
      out[i] = std::exp(margin - greatest);
      sum += out[i];
    }
  }
  for (std::size_t i = 0; i < count; ++i) out[i] /= sum;
}

/// The transforms that take one number at a time.
template <typename Sum, typename Map>
void Each(const Sum* margins, std::size_t count, Sum* out, const Map& map) {
  for (std::size_t i = 0; i < count; ++i) out[i] = map(margins[i]);
}

template <typename Sum>
void TransformEach(const Epilogue& epilogue, const Sum* margins, std::size_t count, Sum* out) {
  switch (epilogue.transform) {
    case Transform::kSigmoid:
      return Each(margins, count, out, [](Sum x) { return static_cast<Sum>(Sigmoid(static_cast<float>(x))); });
    case Transform::kHinge: return Each(margins, count, out, [](Sum x) { return x > 0 ? Sum{1} : Sum{0}; });
    case Transform::kExp: return Each(margins, count, out, [](Sum x) { return std::exp(x); });
    case Transform::kSteepSigmoid:
      return Each(margins, count, out, [steepness = static_cast<Sum>(epilogue.steepness)](Sum x) {
        return Sum{1} / (Sum{1} + std::exp(-steepness * x));
      });
    case Transform::kSignedSquare: return Each(margins, count, out, [](Sum x) { return SignedSquare(x); });
    case Transform::kLogOnePlusExp: return Each(margins, count, out, [](Sum x) { return std::log1p(std::exp(x)); });
    case Transform::kOnnxLogistic: return Each(margins, count, out, [](Sum x) { return OnnxLogistic(x); });
    case Transform::kOnnxProbit:
      return Each(margins, count, out, [](Sum x) { return static_cast<Sum>(Probit(static_cast<float>(x))); });
    default:
      if (margins != out) std::copy_n(margins, count, out);
  }
}

template <typename Sum>
void TwoClasses(const Epilogue& epilogue, Sum margin, Sum* out) {
  if (epilogue.second_class == SecondClass::kComplement) {
    out[0] = 1 - margin;
    out[1] = margin;
  } else if (epilogue.transform == Transform::kOnnxLogistic) {
    out[0] = OnnxLogistic(-margin);
    out[1] = OnnxLogistic(margin);
  } else {
    const bool swapped = epilogue.second_class == SecondClass::kMirrored && !(margin > 0);
    out[0] = swapped ? margin : -margin;
    out[1] = swapped ? -margin : margin;
  }
}

template <typename Sum>
void NormaliseL1(Sum* values, std::size_t count) {
  Sum sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::abs(values[i]);
  if (sum == 0) return;
  for (std::size_t i = 0; i < count; ++i) values[i] /= sum;
}

template <typename Sum>
void PredictRow(const Epilogue& epilogue, std::size_t num_sums, const Sum* margins, Sum* out) {
  switch (epilogue.transform) {
    case Transform::kSoftmax:
    case Transform::kLightgbmSoftmax: return Softmax(margins, num_sums, out);
    case Transform::kOnnxSoftmax: return OnnxSoftmax(margins, num_sums, out, false);
    case Transform::kOnnxSoftmaxZero: return OnnxSoftmax(margins, num_sums, out, true);
    case Transform::kTopClass: out[0] = TopClass(margins, num_sums); return;
    default: TransformEach(epilogue, margins, num_sums, out);
  }
}

/// Whether rows do not matter: each number is taken by itself.
bool TakesEachAlone(const Epilogue& epilogue) {
  switch (epilogue.transform) {
    case Transform::kSoftmax:
    case Transform::kTopClass:
    case Transform::kLightgbmSoftmax:
    case Transform::kOnnxSoftmax:
    case Transform::kOnnxSoftmaxZero: return false;
    default: return epilogue.second_class == SecondClass::kNo && !epilogue.l1_normalised && epilogue.divide_margins;
  }
}

}  // namespace

std::size_t NumPredictions(const Epilogue& epilogue, std::size_t num_sums) {
  if (epilogue.transform == Transform::kTopClass) return 1;
  return epilogue.second_class == SecondClass::kNo ? num_sums : 2;
}

template <typename Sum>
void FinishSums(const Epilogue& epilogue, std::size_t num_sums, std::size_t rows, Sum* sums) {
  const auto divisor = static_cast<Sum>(epilogue.divisor);
  if (divisor != 0 && epilogue.divide_margins) {
    for (std::size_t i = 0; i < rows * num_sums; ++i) sums[i] /= divisor;
  }
  if (epilogue.addends.empty()) return;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < num_sums; ++i) sums[row * num_sums + i] += static_cast<Sum>(epilogue.addends[i]);
  }
}

template <typename Sum>
void Predictions(const Epilogue& epilogue, std::size_t num_sums, std::size_t rows, const Sum* margins,
                 Sum* predictions) {
  if (TakesEachAlone(epilogue)) return TransformEach(epilogue, margins, rows * num_sums, predictions);
  const std::size_t width = NumPredictions(epilogue, num_sums);
  for (std::size_t row = 0; row < rows; ++row) {
    const Sum* from = margins + row * num_sums;
    Sum* to = predictions + row * width;
    if (epilogue.divisor != 0 && !epilogue.divide_margins) {
      for (std::size_t i = 0; i < num_sums; ++i) to[i] = from[i] / static_cast<Sum>(epilogue.divisor);
      from = to;
    }
    if (epilogue.second_class != SecondClass::kNo) {
      TwoClasses(epilogue, from[0], to);
    } else {
      PredictRow(epilogue, num_sums, from, to);
    }
    if (epilogue.l1_normalised) NormaliseL1(to, width);
  }
}

template void FinishSums(const Epilogue&, std::size_t, std::size_t, float*);
template void FinishSums(const Epilogue&, std::size_t, std::size_t, double*);
template void Predictions(const Epilogue&, std::size_t, std::size_t, const float*, float*);
template void Predictions(const Epilogue&, std::size_t, std::size_t, const double*, double*);

}  // namespace mw::forest
