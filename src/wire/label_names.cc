// From words to numbers.
#include "wire/label_names.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "wire/desired_state.h"

namespace mw::wire {
namespace {

constexpr std::string_view kRegression = "regression";
constexpr std::size_t kShown = 20;  // classes that a message names

std::string LabelOf(const PackageInfo& info) { return info.label.empty() ? "the label" : info.label; }

/// What a text says where the two classes are the truth values. Where false is the one to look for, digits say nothing:
/// as a number, 1 is the class to look for.
std::optional<bool> TruthAmong(const std::vector<std::string>& names, std::string_view text) {
  const bool straight = names[0] == "false" && names[1] == "true";
  const bool turned = names[0] == "true" && names[1] == "false";
  if (!straight && (!turned || ParseDouble(text))) return std::nullopt;
  return TruthOf(text);
}

Result<double> NumberOf(const PackageInfo& info, std::string_view text) {
  if (info.type == kRegression) {
    if (const std::optional<double> number = ParseDouble(text)) return *number;
    return InvalidArgument("it is ", Quoted(text), "; the model predicts a number");
  }
  static const std::vector<std::string> kTruth = {"false", "true"};
  const auto& names = info.label_values.empty() ? kTruth : info.label_values;
  const int place = PlaceOfName(names, text);
  if (place >= 0) return place;
  if (const std::optional<bool> truth = TruthAmong(names, text)) return *truth == (names[1] == "true") ? 1 : 0;
  return InvalidArgument("it is ", Quoted(text), "; ", LabelOf(info), " is ", Quoted(names[0]), " or ",
                         Quoted(names[1]));
}

Error NoSuchNumber(const PackageInfo& info, const std::vector<std::string>& classes, std::size_t label, double value) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < std::min(classes.size(), kShown); ++i) known.push_back(Cat(i, " ", classes[i]));
  if (classes.size() > kShown) known.push_back(Cat("... ", classes.size() - 1, " ", classes.back()));
  if (info.classes.empty() && classes.empty()) known = {"0 or 1"};
  return InvalidArgument("label ", label + 1, ": it is ", value, "; ", LabelOf(info), " is ",
                         info.classes.empty() ? "" : "the number of a class, or its name: ", Join(known, ", "));
}

}  // namespace

const std::vector<std::string>& LabelNames(const PackageInfo& info) {
  return info.classes.empty() ? info.label_values : info.classes;
}

std::optional<bool> TruthOf(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "y", "t", "1"}) {
    if (EqualsIgnoreCase(text, yes)) return true;
  }
  for (const std::string_view no : {"false", "no", "n", "f", "0"}) {
    if (EqualsIgnoreCase(text, no)) return false;
  }
  return std::nullopt;
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

Status CheckNumbers(const PackageInfo& info, const std::vector<std::string>& classes,
                    const std::vector<Label>& labels) {
  if (info.type == kRegression) return Ok();
  const double end = info.classes.empty() ? 2 : static_cast<double>(classes.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double value = labels[i].value;
    const bool is_number = labels[i].text.empty();
    if (is_number && !(value >= 0 && value < end && value == std::floor(value))) {
      return NoSuchNumber(info, info.classes.empty() ? info.label_values : classes, i, value);
    }
  }
  return Ok();
}

std::string KeptSentence(std::int64_t rows, std::int64_t kept) {
  if (kept >= rows) return "";
  return Cat("the record keeps ", WithThousands(kept), " of ", WithThousands(rows), " predictions (more than ",
             WithThousands(RecordingRules().rows_per_second_full), " a second came): labels of the others find none");
}

}  // namespace mw::wire
