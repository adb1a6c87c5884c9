// Value by value, row by row.
#include "api/inference/answer_difference.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "api/inference/tensor_values.h"

namespace mw::api::inference {
namespace {

void Add(double first, double second, AnswerDifference& difference, bool& differs) {
  if (!std::isfinite(first) || !std::isfinite(second)) {
    differs = differs || !(first == second || (std::isnan(first) && std::isnan(second)));
    return;
  }
  const double apart = std::abs(first - second);
  ++difference.numbers;
  difference.sum += apart;
  difference.max = std::max(difference.max, apart);
}

/// Of one row: which side of the threshold, or which class; the same for all rows where nothing is decided.
std::ptrdiff_t DecisionOf(const serving::Model& model, std::span<const float> row) {
  if (!model.classes().empty()) return std::max_element(row.begin(), row.end()) - row.begin();
  return model.threshold() && static_cast<double>(row.front()) >= *model.threshold() ? 1 : 0;
}

bool SameForm(const serving::TensorView& first, const serving::TensorView& second) {
  return first.datatype == second.datatype && std::ranges::equal(first.shape, second.shape);
}

/// Walks the rows of one output of both. `decided` is told which rows differ in what is no number with a fraction.
void Compare(const serving::TensorView& first, const serving::TensorView& second, std::size_t rows,
             AnswerDifference& difference, std::vector<bool>& decided) {
  const std::size_t size = serving::DatatypeBytes(first.datatype);
  std::string_view first_texts = first.bytes, second_texts = second.bytes, first_text, second_text;
  std::size_t elements = 1;
  for (const std::int64_t dimension : first.shape) elements *= static_cast<std::size_t>(dimension);
  for (std::size_t at = 0; at < elements; ++at) {
    bool differs = false;
    if (size == 0) {
      if (!serving::NextElement(first_texts, first_text) || !serving::NextElement(second_texts, second_text)) return;
      differs = first_text != second_text;
    } else if (IsFloating(first.datatype)) {
      Add(NumberAt(first.datatype, first.bytes.data() + at * size),
          NumberAt(second.datatype, second.bytes.data() + at * size), difference, differs);
    } else {
      differs = first.bytes.substr(at * size, size) != second.bytes.substr(at * size, size);
    }
    if (differs) decided[at * rows / elements] = true;
  }
}

}  // namespace

std::optional<AnswerDifference> DifferenceOf(const serving::Model& first, std::span<const float> first_values,
                                             const serving::Model& second, std::span<const float> second_values) {
  const std::size_t width = first.num_outputs();
  if (width != second.num_outputs() || first.classes() != second.classes() ||
      first_values.size() != second_values.size()) {
    return std::nullopt;
  }
  AnswerDifference difference;
  for (std::size_t at = 0; at < first_values.size(); at += width) {
    const std::span<const float> a = first_values.subspan(at, width), b = second_values.subspan(at, width);
    bool differs = DecisionOf(first, a) != DecisionOf(second, b);
    for (std::size_t i = 0; i < width; ++i) Add(a[i], b[i], difference, differs);
    ++difference.rows;
    difference.disagreements += differs ? 1 : 0;
  }
  return difference;
}

std::optional<AnswerDifference> DifferenceOf(const serving::TensorList& first, const serving::TensorList& second,
                                             std::size_t rows) {
  AnswerDifference difference;
  std::vector<bool> decided(rows);
  bool comparable = false;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const auto other = second.Find(first[i].name);
    if (!other || !SameForm(first[i], *other)) continue;
    comparable = true;
    Compare(first[i], *other, rows, difference, decided);
  }
  if (!comparable) return std::nullopt;
  difference.rows = rows;
  difference.disagreements = static_cast<std::uint64_t>(std::count(decided.begin(), decided.end(), true));
  return difference;
}

}  // namespace mw::api::inference
