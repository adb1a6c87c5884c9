// `require: metric op value`, the healthy condition as goals, gates and rollouts write it, and the
// money in which costs are written. Bounds are inclusive, and a value that is not a number never holds.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "goals/metric.h"

namespace mw::goals {

struct Money {
  double amount = 0;
  std::string currency;  ///< "USD": three capital letters
  bool operator==(const Money&) const = default;
};
/// "900 USD". Errors: kInvalidArgument.
Result<Money> ParseMoney(std::string_view text);
/// "600 USD/h": money per hour. Errors: kInvalidArgument.
Result<Money> ParseMoneyPerHour(std::string_view text);
/// "500/s" or "2/m", "3/h", "9/d" -> per second. Errors: kInvalidArgument.
Result<double> ParseRate(std::string_view text);
/// "450,000 USD", "1.33 MUSD": whole units below ten million, shorter above.
std::string FormatMoney(double amount, std::string_view currency);

struct Requirement {
  enum class Op : std::uint8_t { kAtLeast, kAtMost };
  std::string metric;
  Op op = Op::kAtLeast;
  double value = 0;      ///< in the metric's unit (see Unit)
  std::string currency;  ///< of money, else empty
  std::string text;      ///< as written, single spaces: "recall >= 45%"
  bool operator==(const Requirement&) const = default;

  /// Inclusive; false for NaN.
  [[nodiscard]] bool Holds(double measured) const;
  /// How far `measured` is on the healthy side (negative: short of it), in the metric's unit.
  [[nodiscard]] double Margin(double measured) const;
  /// ">= 0.68", as written.
  [[nodiscard]] std::string_view Need() const;
};

/// Errors: kInvalidArgument saying what is wrong and what to write: an unknown metric (with the nearest
/// known one), one that this problem does not have, an operator other than >= and <=, a bound in the
/// unhealthy direction, a value without the metric's unit or outside its range.
Result<Requirement> ParseRequirement(std::string_view text, Problem problem);

}  // namespace mw::goals
