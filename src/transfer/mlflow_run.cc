// Names behind the numbers of MLflow's enums.
#include "transfer/mlflow_run.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/text.h"
#include "tracking/kept_value.h"

namespace mw::transfer {
namespace {

constexpr std::array<std::string_view, 6> kRunStatuses = {"", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
constexpr std::array<std::string_view, 4> kModelStatuses = {"LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING",
                                                            "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"};

}  // namespace

std::string RunStatusName(std::string_view status) {
  const auto number = ParseInt(status);
  if (!number) return status.empty() ? "RUNNING" : std::string(status);
  if (*number < 1 || *number >= static_cast<std::int64_t>(kRunStatuses.size())) return "RUNNING";
  return std::string(kRunStatuses.at(static_cast<std::size_t>(*number)));
}

std::string ModelStatusName(std::int64_t status) {
  if (status < 0 || status >= static_cast<std::int64_t>(kModelStatuses.size())) status = 0;
  return std::string(kModelStatuses.at(static_cast<std::size_t>(status)));
}

Json PairJson(std::string_view key, std::string_view value) { return Json::Make({{"key", key}, {"value", value}}); }

Json NumberJson(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

std::optional<double> NumberOf(const Json* json) {
  if (json == nullptr) return std::nullopt;
  if (json->IsNumber()) return json->AsDouble();
  if (!json->IsString()) return std::nullopt;
  const std::string text = ToLower(json->AsString());
  if (text == "infinity") return HUGE_VAL;
  if (text == "-infinity") return -HUGE_VAL;
  return ParseDouble(text);
}

const Json::Array& ListIn(const Json* json, std::string_view key) {
  static const Json::Array kNone;
  const Json* list = json == nullptr ? nullptr : json->Find(key);
  return list != nullptr && list->IsArray() ? list->AsArray() : kNone;
}

std::int64_t IntegerOf(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  if (member == nullptr) return 0;
  if (member->IsInt()) return member->AsInt();
  return member->IsString() ? std::int64_t{ParseInt(member->AsString()).value_or(0)} : 0;
}

std::optional<tracking::ModelMetric> ModelMetricOf(const Json& metric) {
  const std::optional<double> value = NumberOf(metric.Find("value"));
  if (!value) return std::nullopt;
  tracking::ModelMetric out;
  out.key = metric.StringOr("key", "");
  out.point = {IntegerOf(metric, "timestamp"), IntegerOf(metric, "step"), tracking::KeptValue(*value)};
  out.run = metric.StringOr("run_id", "");
  out.dataset_name = metric.StringOr("dataset_name", "");
  out.dataset_digest = metric.StringOr("dataset_digest", "");
  return out;
}

// The number is that of what importing brings: where an older program took a run for whole, more of it comes now.
std::string FingerprintOf(const Json& entity) { return Sha256Hex(Cat("2 ", entity.Dump())); }

}  // namespace mw::transfer
