// The formulas are those of XGBoost 1.7.4's objectives, step by step in float32.
#include "forest/objective.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace mw::forest {
namespace {

constexpr std::array<std::pair<Objective, std::string_view>, 4> kNames = {{
    {Objective::kLogistic, "binary:logistic"},
    {Objective::kLogitRaw, "binary:logitraw"},
    {Objective::kSquaredError, "reg:squarederror"},
    {Objective::kSoftmax, "multi:softprob"},
}};

float Sigmoid(float margin) {
  constexpr float kEpsilon = 1e-16F;
  const float bounded = std::min(-margin, 88.7F);  // keeps the exponential finite
  return 1.0F / (std::exp(bounded) + 1.0F + kEpsilon);
}

// Less the greatest margin, so that no exponential overflows; their sum is the one thing in double.
void Softmax(std::span<float> margins) {
  float greatest = margins.front();
  for (const float margin : margins) greatest = std::fmax(margin, greatest);
  double sum = 0;
  for (float& margin : margins) {
    margin = std::exp(margin - greatest);
    sum += static_cast<double>(margin);
  }
  for (float& margin : margins) margin /= static_cast<float>(sum);
}

}  // namespace

std::string_view ObjectiveName(Objective objective) {
  for (const auto& [known, name] : kNames) {
    if (known == objective) return name;
  }
  return "";
}

Result<Objective> ObjectiveFromName(std::string_view name) {
  std::string known;
  for (const auto& [objective, spelled] : kNames) {
    if (spelled == name) return objective;
    CatTo(known, known.empty() ? "" : ", ", spelled);
  }
  return Unimplemented("the model's objective is ", Quoted(name), "; evaluated are ", known);
}

Result<float> BaseMargin(Objective objective, float base_score) {
  if (objective != Objective::kLogistic) return base_score;
  if (!(base_score > 0.0F && base_score < 1.0F)) {
    return InvalidArgument("the model's base_score is ", base_score, "; ", ObjectiveName(objective),
                           " wants a probability above 0 and below 1");
  }
  return -std::log(1.0F / base_score - 1.0F);
}

void Transform(Objective objective, std::size_t outputs, std::span<float> margins) {
  if (objective == Objective::kLogistic) {
    for (float& margin : margins) margin = Sigmoid(margin);
  } else if (objective == Objective::kSoftmax) {
    for (std::size_t row = 0; row < margins.size(); row += outputs) Softmax(margins.subspan(row, outputs));
  }
}

}  // namespace mw::forest
