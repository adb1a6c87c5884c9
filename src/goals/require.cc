// Parses requirements, money and rates.
#include "goals/require.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/yaml.h"

namespace mw::goals {
namespace {

bool IsCurrency(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// ParseDouble reads "nan" and "inf" too, which no bound or cost may be.
std::optional<double> ParseFinite(std::string_view text) {
  const std::optional<double> value = ParseDouble(text);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

Result<double> ParseNumber(std::string_view text, const Metric& metric) {
  const std::optional<double> value = ParseFinite(text);
  if (value) return *value;
  return InvalidArgument(Quoted(text), " is no number for ", metric.id);
}

Result<double> ParseBoundShare(std::string_view text, const Metric& metric) {
  const Result<double> share = ParseShare(text);
  if (!share.ok() || !std::isfinite(*share)) {
    return InvalidArgument(Quoted(text), " is no share for ", metric.id, "; write 45% or 0.45");
  }
  const bool may_be_negative = metric.id == "saving";
  if (*share > 1 || (*share < 0 && !may_be_negative)) {
    return InvalidArgument(metric.id, " lies between 0 and 1, not at ", text,
                           *share > 1 && *share <= 100 ? Cat("; write ", text, "% or ", *share / 100) : std::string());
  }
  return *share;
}

Result<double> ParseSeconds(std::string_view text, const Metric& metric) {
  const Result<Duration> duration = ParseDuration(text);
  if (duration.ok() && duration->count() >= 0) return static_cast<double>(duration->count()) / 1e6;
  return InvalidArgument(Quoted(text), " is no duration for ", metric.id, "; write 20ms, 90m, 2h or 45d");
}

Result<double> ParseBound(std::string_view text, const Metric& metric, std::string& currency) {
  switch (metric.unit) {
    case Unit::kShare: return ParseBoundShare(text, metric);
    case Unit::kSeconds: return ParseSeconds(text, metric);
    case Unit::kPerSecond: return ParseRate(text);
    case Unit::kNumber:
      if (metric.in_percent && text.ends_with('%')) return ParseShare(text);
      return ParseNumber(text, metric);
    case Unit::kCount: return ParseNumber(text, metric);
    case Unit::kMoney: break;
  }
  Money money = TRY(ParseMoney(text));
  currency = std::move(money.currency);
  return money.amount;
}

struct Pieces {
  std::string_view metric, op, value;
};

Result<Pieces> Cut(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=!");
  const std::size_t after = at == std::string_view::npos ? at : text.find_first_not_of("<>=!", at);
  if (after == std::string_view::npos || Trim(text.substr(0, at)).empty()) {
    return InvalidArgument(Quoted(text), " is no requirement; write `metric >= value`, such as roc_auc >= 0.68");
  }
  return Pieces{Trim(text.substr(0, at)), text.substr(at, after - at), Trim(text.substr(after))};
}

Result<Requirement::Op> ParseOp(const Pieces& pieces) {
  if (pieces.op == ">=") return Requirement::Op::kAtLeast;
  if (pieces.op == "<=") return Requirement::Op::kAtMost;
  return InvalidArgument("operator ", Quoted(pieces.op), " is not known; write ", pieces.metric, " ",
                         pieces.op.starts_with('<') ? "<= " : ">= ", pieces.value);
}

Status CheckDirection(const Metric& metric, Requirement::Op op, const Pieces& pieces) {
  const bool at_least = op == Requirement::Op::kAtLeast;
  if (metric.better == Better::kNeither || at_least == (metric.better == Better::kHigher)) return Ok();
  return InvalidArgument(pieces.metric, " is better when ", at_least ? "lower" : "higher",
                         ", and require states the healthy condition; write ", pieces.metric,
                         at_least ? " <= " : " >= ", pieces.value);
}

Result<const Metric*> KnownMetric(std::string_view id, Problem problem) {
  const Metric* metric = FindMetric(id);
  if (metric == nullptr) return InvalidArgument(UnknownMetric(id, problem));
  if (IsComputable(*metric, problem)) return metric;
  std::vector<std::string> others;
  for (const std::string_view other : MetricIds(problem)) {
    if (FindMetric(other)->kind == Kind::kQuality) others.emplace_back(other);
  }
  return InvalidArgument(id, " cannot be computed for ", ProblemName(problem), "; choose from ", Join(others, ", "));
}

}  // namespace

Result<Money> ParseMoney(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  const std::size_t space = trimmed.rfind(' ');
  if (space != std::string_view::npos) {
    const std::optional<double> amount = ParseFinite(Trim(trimmed.substr(0, space)));
    const std::string_view currency = trimmed.substr(space + 1);
    if (amount && *amount >= 0 && IsCurrency(currency)) return Money{*amount, std::string(currency)};
  }
  return InvalidArgument(Quoted(text), " is no amount of money; write it as 900 USD");
}

Result<Money> ParseMoneyPerHour(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  if (trimmed.ends_with("/h")) {
    Result<Money> money = ParseMoney(trimmed.substr(0, trimmed.size() - 2));
    if (money.ok()) return money;
  }
  return InvalidArgument(Quoted(text), " is no cost per hour; write it as 600 USD/h");
}

Result<double> ParseRate(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  constexpr std::pair<char, double> kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
  if (trimmed.size() > 2 && trimmed[trimmed.size() - 2] == '/') {
    const std::optional<double> count = ParseFinite(Trim(trimmed.substr(0, trimmed.size() - 2)));
    for (const auto& [unit, seconds] : kUnits) {
      if (trimmed.back() == unit && count && *count >= 0) return *count / seconds;
    }
  }
  return InvalidArgument(Quoted(text), " is no rate; write it as 500/s");
}

std::string FormatMoney(double amount, std::string_view currency) {
  if (!std::isfinite(amount)) return Cat("an unknown amount of ", currency);
  if (std::fabs(amount) >= 1e7) return Cat(Fixed(amount / 1e6, 1), " M", currency);
  return Cat(WithThousands(std::llround(amount)), " ", currency);
}

bool Requirement::Holds(double measured) const { return op == Op::kAtLeast ? measured >= value : measured <= value; }

double Requirement::Margin(double measured) const { return op == Op::kAtLeast ? measured - value : value - measured; }

std::string_view Requirement::Need() const { return std::string_view(text).substr(metric.size() + 1); }

Result<Requirement> ParseRequirement(std::string_view text, Problem problem) {
  const Pieces pieces = TRY(Cut(text));
  const Metric* metric = TRY(KnownMetric(pieces.metric, problem));
  Requirement requirement;
  requirement.metric = pieces.metric;
  requirement.op = TRY(ParseOp(pieces));
  TRY(CheckDirection(*metric, requirement.op, pieces));
  requirement.value = TRY(ParseBound(pieces.value, *metric, requirement.currency));
  requirement.text = Cat(pieces.metric, " ", pieces.op, " ", pieces.value);
  return requirement;
}

}  // namespace mw::goals
