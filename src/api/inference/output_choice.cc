// Names, and the order of values.
#include "api/inference/output_choice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "api/inference/tensor_json.h"
#include "api/inference/tensor_request.h"
#include "api/inference/tensor_values.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using serving::TensorSpec;
using serving::TensorView;

const TensorSpec* FindSpec(const serving::Model& model, std::string_view name) {
  const auto found = std::find_if(model.outputs().begin(), model.outputs().end(),
                                  [name](const TensorSpec& spec) { return spec.name == name; });
  return found == model.outputs().end() ? nullptr : &*found;
}

}  // namespace

Status ChooseOutputs(const serving::Model& model, std::span<const std::string_view> outputs,
                     std::span<const Classification> classifications, InferenceRequest& out) {
  out.classifications = classifications;
  if (outputs.empty()) return Ok();
  if (model.takes_rows()) out.wants_value = out.wants_decision = false;
  for (const std::string_view name : outputs) {
    if (FindSpec(model, name) == nullptr) return UnknownTensor("output", name, model.outputs());
    if (!model.takes_rows()) continue;
    (name == model.output_name() ? out.wants_value : out.wants_decision) = true;
  }
  for (const Classification& wanted : classifications) {
    if (FindSpec(model, wanted.output)->datatype != serving::Datatype::kBytes) continue;
    return InvalidArgument("output ", Quoted(wanted.output), " holds texts, which have no order of classes");
  }
  if (!model.takes_rows()) out.wanted_outputs = outputs;
  return Ok();
}

std::span<const TensorView> OutputChoice::Named(const serving::TensorList& outputs,
                                                std::span<const std::string_view> wanted) {
  named_.clear();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorView output = outputs[i];
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), output.name) != wanted.end()) {
      named_.push_back(output);
    }
  }
  return named_;
}

std::span<const TensorView> OutputChoice::Classify(const serving::Model& model, std::span<const Classification> wanted,
                                                   std::size_t rows, std::span<const TensorView> outputs) {
  classified_.assign(outputs.begin(), outputs.end());
  classes_.resize(std::max(classes_.size(), outputs.size()));
  for (std::size_t i = 0; i < classified_.size(); ++i) {
    TensorView& output = classified_[i];
    const auto how = std::find_if(wanted.begin(), wanted.end(),
                                  [&output](const Classification& one) { return one.output == output.name; });
    if (how == wanted.end()) continue;
    Append(model, output, rows, how->count, classes_[i]);
    output.datatype = serving::Datatype::kBytes;
    output.shape = classes_[i].shape;
    output.bytes = classes_[i].bytes;
  }
  return classified_;
}

void OutputChoice::Append(const serving::Model& model, const TensorView& output, std::size_t rows, std::size_t count,
                          Classes& out) {
  const std::size_t size = serving::DatatypeBytes(output.datatype);
  const bool by_row = !output.shape.empty() && output.shape[0] == static_cast<std::int64_t>(rows);
  const std::size_t groups = by_row ? rows : 1;
  const std::size_t width = output.bytes.size() / size / groups;
  const std::size_t chosen = std::min(count, width);
  const bool labelled = output.name == model.output_name() && model.classes().size() == width;
  out.shape.clear();
  if (by_row) out.shape.push_back(static_cast<std::int64_t>(rows));
  out.shape.push_back(static_cast<std::int64_t>(chosen));
  out.bytes.clear();
  values_.resize(width);
  order_.resize(width);
  std::string text;
  for (std::size_t group = 0; group < groups; ++group) {
    const char* const begin = output.bytes.data() + group * width * size;
    for (std::size_t i = 0; i < width; ++i) {
      const double value = NumberAt(output.datatype, begin + i * size);
      values_[i] = std::isnan(value) ? -HUGE_VAL : value;
    }
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::partial_sort(
        order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(chosen), order_.end(),
        [this](std::size_t a, std::size_t b) { return values_[a] != values_[b] ? values_[a] > values_[b] : a < b; });
    for (std::size_t i = 0; i < chosen; ++i) {
      std::string_view element(begin + order_[i] * size, size);
      text.clear();
      AppendElementJson(text, output.datatype, element);
      CatTo(text, ":", order_[i]);
      if (labelled) CatTo(text, ":", model.classes()[order_[i]]);
      serving::AppendElement(out.bytes, text);
    }
  }
}

}  // namespace mw::api::inference
