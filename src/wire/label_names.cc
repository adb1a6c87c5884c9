// From words to numbers.
#include "wire/label_names.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace mw::wire {
namespace {

constexpr std::string_view kRegression = "regression";

Result<double> NumberOf(const PackageInfo& info, std::string_view text) {
  if (info.type == kRegression) {
    if (const std::optional<double> number = ParseDouble(text)) return *number;
    return InvalidArgument("it is ", Quoted(text), "; the model predicts a number");
  }
  static const std::vector<std::string> kTruth = {"false", "true"}, kDigits = {"0", "1"};
  const auto& names = info.label_values.empty() ? kTruth : info.label_values;
  int place = PlaceOfName(names, text);
  if (place < 0 && info.label_values.empty()) place = PlaceOfName(kDigits, text);
  if (place >= 0) return place;
  return InvalidArgument("it is ", Quoted(text), "; ", info.label.empty() ? "the label" : info.label, " is ",
                         Quoted(names[0]), " or ", Quoted(names[1]));
}

}  // namespace

const std::vector<std::string>& LabelNames(const PackageInfo& info) {
  return info.classes.empty() ? info.label_values : info.classes;
}

int PlaceOfName(const std::vector<std::string>& names, std::string_view text) {
  auto found = std::find(names.begin(), names.end(), text);
  if (const std::optional<double> number = ParseDouble(text); found == names.end() && number) {
    found =
        std::find_if(names.begin(), names.end(), [&](const std::string& name) { return ParseDouble(name) == number; });
  }
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

Status NumberLabels(const PackageInfo& info, std::vector<Label>& labels) {
  if (!info.classes.empty()) return Ok();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].text.empty()) continue;
    labels[i].value = TRY(NumberOf(info, labels[i].text).In(Cat("label ", i + 1)));
    labels[i].text.clear();
  }
  return Ok();
}

}  // namespace mw::wire
