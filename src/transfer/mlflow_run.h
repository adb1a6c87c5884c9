// The parts of MLflow's entities that every source has to make, so that all make the same. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "tracking/logged_model.h"
#include "tracking/points.h"

namespace mw::transfer {

/// "FINISHED" of the numbers that MLflow's file store writes; a name as it is.
std::string RunStatusName(std::string_view status);
/// The same of logged models: "LOGGED_MODEL_READY".
std::string ModelStatusName(std::int64_t status);
/// The array in a member; empty when there is none.
const Json::Array& ListIn(const Json* json, std::string_view key);
/// An integer that some write as a text; 0 when there is none.
std::int64_t IntegerOf(const Json& json, std::string_view key);
/// Of a logged model's metric in JSON; nothing for one without a value.
std::optional<tracking::ModelMetric> ModelMetricOf(const Json& metric);
/// {"key", "value"}
Json PairJson(std::string_view key, std::string_view value);
/// A double as JSON: NaN and infinities as texts.
Json NumberJson(double value);
/// The reverse, also of an integer. Nothing for what is no number.
std::optional<double> NumberOf(const Json* json);
/// A digest of all of it, as the "fingerprint" of a run or model.
std::string FingerprintOf(const Json& entity);

}  // namespace mw::transfer
