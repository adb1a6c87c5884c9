// Settings as JSON and back, each fault with its remedy.
#include "monitoring/settings.h"

#include <algorithm>

#include "base/text.h"
#include "monitoring/drift_window.h"

namespace mw::monitoring {
namespace {

constexpr std::string_view kTraining = "training";
constexpr std::size_t kNameBytesMax = 1024;

std::string_view Name(Sensitivity sensitivity) {
  switch (sensitivity) {
    case Sensitivity::kVertex: return "vertex";
    case Sensitivity::kStrict: return "strict";
    case Sensitivity::kSensitive: return "sensitive";
  }
  return "sensitive";
}

Error Wrong(std::string_view key, const Json& value, std::string_view instead) {
  std::string text = value.Dump();
  if (text.size() > 80) text = text.substr(0, 80) + "...";
  return InvalidArgument(key, " is ", text, "; write ", instead);
}

Status CheckKeys(const Json& json) {
  const std::vector<std::string_view> keys = {"sensitivity", "thresholds", "windows_in_a_row", "slices", "baseline"};
  if (!json.IsObject()) return InvalidArgument("settings are an object, as in {\"sensitivity\": \"strict\"}");
  for (const auto& [key, value] : json.AsObject()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const std::string_view nearest = Nearest(key, keys);
    return InvalidArgument("monitoring has no setting ", Quoted(key),
                           nearest.empty() ? std::string(".") : Cat("; did you mean ", nearest, "?"),
                           " There are sensitivity, thresholds, windows_in_a_row, slices and baseline");
  }
  return Ok();
}

/// The member, or nullptr where the default holds.
const Json* Given(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value == nullptr || value->IsNull() ? nullptr : value;
}

Status ReadSensitivity(const Json& value, Settings& out) {
  const Result<Sensitivity> sensitivity = SensitivityFromName(value.IsString() ? value.AsString() : "");
  if (!sensitivity.ok()) return Wrong("sensitivity", value, "vertex, strict or sensitive");
  out.sensitivity = *sensitivity;
  return Ok();
}

Status ReadThresholds(const Json& value, Settings& out) {
  if (!value.IsObject()) return Wrong("thresholds", value, "an object, as in {\"temp\": 0.1}");
  if (value.AsObject().size() > Settings::kThresholdsMax) {
    return InvalidArgument("thresholds of ", value.AsObject().size(), " columns; give at most ",
                           Settings::kThresholdsMax, " and choose a sensitivity for the others");
  }
  for (const auto& [column, threshold] : value.AsObject()) {
    if (threshold.IsNull()) continue;
    const bool is_share = threshold.IsNumber() && threshold.AsDouble() >= 0 && threshold.AsDouble() <= 1;
    if (!is_share) {
      return Wrong(Cat("thresholds.", column), threshold,
                   "a number from 0 (whatever exceeds the noise floor) to 1, or null for the default");
    }
    out.thresholds[column] = threshold.AsDouble();
  }
  return Ok();
}

Status ReadWindows(const Json& value, Settings& out) {
  const bool fits = value.IsInt() && value.AsInt() >= 1 && value.AsInt() <= Settings::kWindowsInARowMax;
  if (!fits) {
    return Wrong("windows_in_a_row", value, Cat("a whole number from 1 to ", Settings::kWindowsInARowMax));
  }
  out.windows_in_a_row = static_cast<int>(value.AsInt());
  return Ok();
}

Status ReadSlices(const Json& value, Settings& out) {
  constexpr std::string_view kInstead = "a list of columns, as in [\"origin\"]; [] for none, null for the goals' own";
  if (!value.IsArray()) return Wrong("slices", value, kInstead);
  out.slices.emplace();
  for (const Json& column : value.AsArray()) {
    const bool fits = column.IsString() && !column.AsString().empty() && column.AsString().size() <= kNameBytesMax;
    if (!fits) return Wrong("slices", value, kInstead);
    if (std::find(out.slices->begin(), out.slices->end(), column.AsString()) != out.slices->end()) continue;
    out.slices->push_back(column.AsString());
  }
  if (out.slices->size() > Settings::kSliceColumnsMax) {
    return InvalidArgument("slices by ", out.slices->size(), " columns; choose at most ", Settings::kSliceColumnsMax);
  }
  return Ok();
}

Result<Timestamp> DayFrom(std::string_view text) {
  const Timestamp at = TRY(ParseTime(text));
  if (at.time_since_epoch() % kDay != Duration(0)) return InvalidArgument("not midnight UTC");
  return at;
}

Status ReadBaseline(const Json& value, Settings& out) {
  constexpr std::string_view kInstead =
      "training, or FROM/TO in whole days (UTC), as in 2013-05-01/2013-06-01: at least one day, at most 366";
  const std::string text = value.IsString() ? value.AsString() : "";
  if (text == kTraining) return Ok();
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return Wrong("baseline", value, kInstead);
  const Result<Timestamp> from = DayFrom(std::string_view(text).substr(0, slash));
  const Result<Timestamp> until = DayFrom(std::string_view(text).substr(slash + 1));
  if (!from.ok() || !until.ok() || *until <= *from || *until - *from > Settings::kSpanMax) {
    return Wrong("baseline", value, kInstead);
  }
  out.baseline = Span{*from, *until};
  return Ok();
}

}  // namespace

std::string Name(const Span& span) {
  return Cat(FormatTime(span.from).substr(0, 10), "/", FormatTime(span.until).substr(0, 10));
}

DetectOptions Settings::Options() const {
  DetectOptions options;
  options.sensitivity = sensitivity;
  options.thresholds = thresholds;
  options.windows_in_a_row = windows_in_a_row;
  return options;
}

DetectOptions Settings::SliceOptions() const {
  DetectOptions options = Options();
  options.floor_quantile = 1;
  return options;
}

Json ToJson(const Settings& settings) {
  Json thresholds = Json::MakeObject();
  for (const auto& [column, threshold] : settings.thresholds) thresholds[column] = threshold;
  Json slices;
  if (settings.slices) {
    slices = Json::MakeArray();
    for (const std::string& column : *settings.slices) slices.Append(column);
  }
  return Json::Make({{"sensitivity", Name(settings.sensitivity)},
                     {"thresholds", std::move(thresholds)},
                     {"windows_in_a_row", settings.windows_in_a_row},
                     {"slices", std::move(slices)},
                     {"baseline", settings.baseline ? Name(*settings.baseline) : std::string(kTraining)}});
}

Result<Settings> SettingsFromJson(const Json& json) {
  TRY(CheckKeys(json));
  Settings out;
  if (const Json* value = Given(json, "sensitivity")) TRY(ReadSensitivity(*value, out));
  if (const Json* value = Given(json, "thresholds")) TRY(ReadThresholds(*value, out));
  if (const Json* value = Given(json, "windows_in_a_row")) TRY(ReadWindows(*value, out));
  if (const Json* value = Given(json, "slices")) TRY(ReadSlices(*value, out));
  if (const Json* value = Given(json, "baseline")) TRY(ReadBaseline(*value, out));
  return out;
}

}  // namespace mw::monitoring
