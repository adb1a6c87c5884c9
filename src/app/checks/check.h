// One line of `doctor`: what was looked at, how it is, and the command that mends it. Plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mw::app {

enum class Health : std::uint8_t { kOk, kWarn, kBad };
/// "ok", "warn", "bad".
std::string_view HealthName(Health health);

struct Check {
  std::string name;
  Health health = Health::kOk;
  std::string value;
  std::string remedy;  ///< empty when it is well
};
using Checks = std::vector<Check>;

/// {"check","state","value","remedy"}
Json ToJson(const Check& check);
/// What is no such object counts as bad.
Check CheckFromJson(const Json& json);

/// For a screen of `width` columns: name, value (wrapped), and below it the remedy of what is not well.
std::string Describe(const Checks& checks, std::size_t width);

}  // namespace mw::app
