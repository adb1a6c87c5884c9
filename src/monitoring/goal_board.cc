// Strips of cells, sums of money, and how they are written.
#include "monitoring/goal_board.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "base/text.h"

namespace mw::monitoring {
namespace {

using goals::Outcome;

const std::vector<MeasuredWindow>& WindowsFor(const MeasuredWindows& windows, const goals::WindowLength& length) {
  static const std::vector<MeasuredWindow> kNone;
  const auto found = windows.find(goals::FormatWindowLength(length));
  return found == windows.end() ? kNone : found->second;
}

bool IsProduction(const MeasuredWindow& window) { return window.stage == goals::Stage::kProduction; }

// A missed one says most, then one that was measured.
int Weight(const MeasuredTarget& target) {
  if (target.verdict.outcome == Outcome::kMissed) return 2;
  return target.verdict.outcome == Outcome::kMet ? 1 : 0;
}

Json Number(const std::optional<double>& value) { return value && std::isfinite(*value) ? Json(*value) : Json(); }

// ".72", "15", "-3": no more than a strip of months has room for.
std::string Short(const goals::Metric& metric, double value, int digits) {
  const double shown = metric.in_percent ? value * 100 : value;
  std::string text = Fixed(shown, digits);
  if (metric.in_percent) return text == "-0" ? "0" : text;
  if (text.starts_with("0.")) return text.substr(1);
  return text.starts_with("-0.") ? "-" + text.substr(2) : text;
}

// One digit more where rounding would show a miss as a hit.
std::string QualityText(const goals::Metric& metric, const goals::Requirement& require, double value, bool missed) {
  const int digits = metric.in_percent ? 0 : 2;
  const double scale = std::pow(10.0, digits) * (metric.in_percent ? 100 : 1);
  const bool hides = missed && require.Holds(std::round(value * scale) / scale);
  return Short(metric, value, hides ? digits + 1 : digits);
}

std::string CellText(const goals::Target& line, const MeasuredTarget& target) {
  const goals::Metric* metric = goals::FindMetric(line.require.metric);
  const bool missed = target.verdict.outcome == Outcome::kMissed;
  const std::string mark = missed ? "!" : "";
  if (metric == nullptr) return "-";
  if (!target.verdict.value) {
    const bool guess = target.estimate && target.estimate->value;
    return guess ? Cat("~", QualityText(*metric, line.require, *target.estimate->value, false)) : "-";
  }
  if (line.kind == goals::Kind::kQuality)
    return QualityText(*metric, line.require, *target.verdict.value, missed) + mark;
  if (!missed) return "ok";
  if (target.within) return Cat(Fixed(*target.within * 100, 0), "%!");
  if (metric->unit == goals::Unit::kSeconds && *target.verdict.value >= 86'400) {
    const double days = *target.verdict.value / 86'400;
    return Cat(Fixed(days, line.require.Holds(std::round(days) * 86'400) ? 1 : 0), "d!");
  }
  return Cat(Short(*metric, *target.verdict.value, metric->in_percent ? 1 : 2), "!");
}

Json EstimateJson(const std::optional<evaluation::MetricValue>& estimate) {
  if (!estimate) return nullptr;
  return Json::Make({{"value", Number(estimate->value)},
                     {"low", Number(estimate->low)},
                     {"high", Number(estimate->high)},
                     {"reason", estimate->reason}});
}

// Without labels the value shown is the estimate, and no verdict follows from it.
Json CellJson(const goals::Target& line, const MeasuredTarget* target) {
  if (target == nullptr) return Json::Make({{"value", nullptr}, {"outcome", "not measurable yet"}, {"text", ""}});
  const goals::TargetVerdict& verdict = target->verdict;
  const bool estimated = !verdict.value && target->estimate && target->estimate->value;
  const auto pick = [&](const std::optional<double>& own, std::optional<double> evaluation::MetricValue::*guess) {
    return Number(estimated ? (*target->estimate).*guess : own);
  };
  return Json::Make({{"value", pick(verdict.value, &evaluation::MetricValue::value)},
                     {"low", pick(verdict.low, &evaluation::MetricValue::low)},
                     {"high", pick(verdict.high, &evaluation::MetricValue::high)},
                     {"outcome", goals::OutcomeName(verdict.outcome)},
                     {"text", CellText(line, *target)},
                     {"estimate", estimated},
                     {"estimated", EstimateJson(target->estimate)},
                     {"within", Number(target->within)},
                     {"no_model", Number(verdict.no_model)},
                     {"miss_cost", Number(target->miss_cost)},
                     {"reason", verdict.reason}});
}

Json BinsJson(const evaluation::Report& report) {
  Json bins = Json::MakeArray();
  for (const evaluation::CalibrationBin& bin : report.calibration) {
    bins.Append(Json::Make(
        {{"rows", bin.rows}, {"mean_predicted", bin.mean_predicted}, {"positive_share", bin.positive_share}}));
  }
  return bins;
}

Json MetricsJson(const std::vector<evaluation::MetricValue>& metrics) {
  Json out = Json::MakeObject();
  for (const evaluation::MetricValue& metric : metrics) {
    out[metric.metric] =
        Json::Make({{"value", Number(metric.value)}, {"low", Number(metric.low)}, {"high", Number(metric.high)}});
  }
  return out;
}

Json SlicesJson(const evaluation::Report& report) {
  Json slices = Json::MakeArray();
  for (const evaluation::SliceReport& slice : report.slices) {
    slices.Append(Json::Make({{"column", slice.column},
                              {"value", slice.value},
                              {"rows", slice.counts.rows},
                              {"reason", slice.reason},
                              {"metrics", MetricsJson(slice.metrics)}}));
  }
  return slices;
}

Json WindowJson(const MeasuredWindow& window) {
  Json versions = Json::MakeArray();
  for (const std::int64_t version : window.versions) versions.Append(version);
  return Json::Make({{"from", FormatTime(window.window.from)},
                     {"to", FormatTime(window.window.until)},
                     {"label", window.window.label},
                     {"stage", goals::StageName(window.stage)},
                     {"version", window.version},
                     {"versions", std::move(versions)},
                     {"rows", window.rows},
                     {"labelled", window.labelled},
                     {"coverage", window.coverage},
                     {"impossible_labels", window.impossible},
                     {"first_impossible_label", window.first_impossible},
                     {"provisional", window.provisional},
                     {"open", window.open},
                     {"no_model", window.report.no_model.rule},
                     {"rule_cost", Number(window.report.rule_cost)},
                     {"metrics", MetricsJson(window.report.overall)},
                     {"calibration", BinsJson(window.report)},
                     {"slices", SlicesJson(window.report)}});
}

// What misses of a target have cost in production so far.
std::optional<double> MissCost(const GoalBoard& board, std::size_t index, const goals::Target& line) {
  std::optional<double> total;
  for (const MeasuredWindow& window : WindowsFor(board.windows, line.window)) {
    if (!IsProduction(window) || !window.targets[index].miss_cost) continue;
    total = total.value_or(0) + *window.targets[index].miss_cost;
  }
  return total;
}

std::string MissCostText(const GoalBoard& board, const goals::Target& line, const std::optional<double>& cost) {
  if (cost) return Cat("~", ShortMoney(*cost, board.goal.Currency()), " so far");
  if (line.cost_of_miss) return Cat(goals::FormatMoney(line.cost_of_miss->amount, line.cost_of_miss->currency), "/h");
  return {};
}

Json TargetJson(const GoalBoard& board, std::size_t index, const goals::Target& line, const std::string& feasibility) {
  Json cells = Json::MakeArray();
  for (const MeasuredWindow& column : WindowsFor(board.windows, BoardLength(board.goal))) {
    cells.Append(CellJson(line, TargetIn(board, index, column)));
  }
  const std::optional<double> cost = MissCost(board, index, line);
  return Json::Make({{"name", line.name},
                     {"kind", goals::KindName(line.kind)},
                     {"metric", line.require.metric},
                     {"need", line.require.Need()},
                     {"objective", Number(line.objective)},
                     {"priority", line.priority},
                     {"window", goals::FormatWindowLength(line.window)},
                     {"miss_costs", MissCostText(board, line, cost)},
                     {"miss_cost", Number(cost)},
                     {"feasibility", feasibility},
                     {"cells", std::move(cells)}});
}

Json WhyJson(const Why& why) {
  Json targets = Json::MakeArray();
  for (const std::string& target : why.targets) targets.Append(target);
  Json evidence = Json::MakeArray();
  for (const Evidence& item : why.evidence) {
    evidence.Append(Json::Make({{"kind", item.kind}, {"text", item.text}, {"value", Number(item.value)}}));
  }
  return Json::Make({{"window", why.window.label},
                     {"from", FormatTime(why.window.from)},
                     {"to", FormatTime(why.window.until)},
                     {"targets", std::move(targets)},
                     {"sentence", why.sentence},
                     {"evidence", std::move(evidence)},
                     {"remedy", Json::Make({{"text", why.remedy.text},
                                            {"command", why.remedy.command},
                                            {"worth", Number(why.remedy.worth)}})}});
}

// A goal is missed where its KPI is; one without a KPI where a target of priority 1 is. It is met once a window has
// measured all that decides of its quality.
bool Decides(const goals::Goal& goal, std::size_t index, const goals::Target& line) {
  return goal.kpi ? index == 0 : line.priority == 1;
}

struct Standing {
  std::string state = "unknown";
  Json missed_in = Json::MakeArray();
};
Standing StandingOf(const GoalBoard& board, const std::vector<goals::Target>& lines) {
  Standing standing;
  for (const MeasuredWindow& column : WindowsFor(board.windows, BoardLength(board.goal))) {
    if (!IsProduction(column)) continue;
    bool missed = false, measured = false, lacking = false;
    for (std::size_t index = 0; index < lines.size(); ++index) {
      const MeasuredTarget* target = TargetIn(board, index, column);
      if (target == nullptr || !Decides(board.goal, index, lines[index])) continue;
      missed = missed || target->verdict.outcome == Outcome::kMissed;
      const bool known = target->verdict.outcome != Outcome::kNotMeasurable;
      measured = measured || known;
      lacking = lacking || (!known && lines[index].kind == goals::Kind::kQuality);
    }
    if (missed) standing.missed_in.Append(column.window.label);
    if (measured && !lacking && standing.state == "unknown") standing.state = "met";
  }
  if (!standing.missed_in.AsArray().empty()) standing.state = "missed";
  return standing;
}

// First and last of some labels: "May-Dec 2013".
std::string SpanOf(const std::vector<std::string>& labels) {
  if (labels.empty()) return {};
  if (labels.size() == 1) return labels.front();
  return Cat(ShortLabels(labels).front(), "-", labels.back());
}

Json SavedJson(const GoalBoard& board) {
  double amount = 0;
  std::vector<std::string> labels;
  for (const MeasuredWindow& window : WindowsFor(board.windows, BoardLength(board.goal))) {
    const evaluation::MetricValue* saving = evaluation::FindMetric(window.report.overall, "saving");
    if (!IsProduction(window) || saving == nullptr || !saving->value || !window.report.rule_cost) continue;
    amount += *saving->value * *window.report.rule_cost;
    labels.push_back(window.window.label);
  }
  if (labels.empty()) return nullptr;
  return Json::Make({{"amount", amount},
                     {"text", Cat(ShortMoney(amount, board.goal.Currency()), " ", SpanOf(labels),
                                  " against the best rule without a model (costs as the goal names them)")}});
}

}  // namespace

const goals::WindowLength& BoardLength(const goals::Goal& goal) { return goal.kpi ? goal.kpi->window : goal.window; }

std::vector<goals::WindowLength> LengthsOf(const goals::Goal& goal) {
  std::vector<goals::WindowLength> lengths = {BoardLength(goal)};
  for (const goals::Target& line : LinesOf(goal)) {
    if (std::find(lengths.begin(), lengths.end(), line.window) == lengths.end()) lengths.push_back(line.window);
  }
  return lengths;
}

const MeasuredTarget* TargetIn(const GoalBoard& board, std::size_t index, const MeasuredWindow& column) {
  const std::vector<goals::Target> lines = LinesOf(board.goal);
  if (!IsProduction(column) || lines[index].window == BoardLength(board.goal)) {
    return index < column.targets.size() ? &column.targets[index] : nullptr;
  }
  const MeasuredTarget* worst = nullptr;
  for (const MeasuredWindow& window : WindowsFor(board.windows, lines[index].window)) {
    if (window.window.from < column.window.from || window.window.from >= column.window.until) continue;
    if (index >= window.targets.size()) continue;
    if (worst == nullptr || Weight(window.targets[index]) >= Weight(*worst)) worst = &window.targets[index];
  }
  return worst;
}

void AddEvaluations(GoalBoard& board, const std::vector<VersionFacts>& versions) {
  std::vector<MeasuredWindow>& columns = board.windows[goals::FormatWindowLength(BoardLength(board.goal))];
  std::vector<MeasuredWindow> evaluated;
  for (const VersionFacts& facts : versions) {
    const auto answered = [&](const MeasuredWindow& window) {
      return std::find(window.versions.begin(), window.versions.end(), facts.version) != window.versions.end();
    };
    if (!columns.empty() && std::none_of(columns.begin(), columns.end(), answered)) continue;
    std::optional<MeasuredWindow> own = EvaluationWindow(board.goal, facts);
    const auto overlaps = [&](const MeasuredWindow& other) {
      return own->window.from < other.window.until && other.window.from < own->window.until;
    };
    if (!own || std::any_of(columns.begin(), columns.end(), overlaps)) continue;
    if (std::none_of(evaluated.begin(), evaluated.end(), overlaps)) evaluated.push_back(*std::move(own));
  }
  columns.insert(columns.end(), std::make_move_iterator(evaluated.begin()), std::make_move_iterator(evaluated.end()));
  std::sort(columns.begin(), columns.end(),
            [](const MeasuredWindow& a, const MeasuredWindow& b) { return a.window.from < b.window.from; });
}

std::vector<std::string> ShortLabels(const std::vector<std::string>& labels) {
  std::set<std::string> years;
  for (const std::string& label : labels) years.insert(label.size() > 5 ? label.substr(label.size() - 5) : label);
  if (years.size() != 1 || labels.empty() || labels.front().size() <= 5 || years.begin()->front() != ' ') return labels;
  std::vector<std::string> out;
  for (const std::string& label : labels) out.push_back(label.substr(0, label.size() - 5));
  return out;
}

std::vector<std::string> Feasibility(const goals::Goal& goal, const MeasuredWindows& windows) {
  std::vector<std::string> out;
  const std::vector<goals::Target> lines = LinesOf(goal);
  for (std::size_t index = 0; index < lines.size(); ++index) {
    std::vector<std::string> labels;
    std::vector<std::size_t> missed;
    std::set<std::int64_t> versions;
    for (const MeasuredWindow& window : WindowsFor(windows, lines[index].window)) {
      if (!IsProduction(window) || index >= window.targets.size()) continue;
      const Outcome outcome = window.targets[index].verdict.outcome;
      if (outcome == Outcome::kNotMeasurable) continue;
      if (outcome == Outcome::kMissed) missed.push_back(labels.size());
      labels.push_back(window.window.label);
      versions.insert(window.version);
    }
    if (labels.empty()) {
      out.emplace_back();
      continue;
    }
    const std::vector<std::string> brief = ShortLabels(labels);
    std::vector<std::string> names, by;
    for (const std::size_t at : missed) names.push_back(brief[at]);
    for (const std::int64_t version : versions) by.push_back(Cat("v", version));
    const bool one_year = brief.front() != labels.front();
    out.push_back(Cat("would have been met in ", labels.size() - missed.size(), " of ", labels.size(),
                      lines[index].window.months ? " months" : " windows",
                      one_year ? Cat(" of ", labels.front().substr(labels.front().size() - 4)) : "", " by ",
                      Join(by, ", "), names.empty() ? "" : Cat(" (", Join(names, ", "), " missed)")));
  }
  return out;
}

Json ToJson(const GoalBoard& board) {
  const std::vector<goals::Target> lines = LinesOf(board.goal);
  const Standing standing = StandingOf(board, lines);
  Json windows = Json::MakeArray();
  for (const MeasuredWindow& window : WindowsFor(board.windows, BoardLength(board.goal))) {
    windows.Append(WindowJson(window));
  }
  const std::vector<std::string> feasibility = Feasibility(board.goal, board.windows);
  Json targets = Json::MakeArray();
  for (std::size_t index = 0; index < lines.size(); ++index) {
    targets.Append(TargetJson(board, index, lines[index], feasibility[index]));
  }
  Json whys = Json::MakeArray();
  for (const Why& why : board.whys) whys.Append(WhyJson(why));
  return Json::Make({{"goal", board.goal.name},
                     {"version", board.goal_version},
                     {"outcome", board.goal.outcome},
                     {"owner", board.goal.owner},
                     {"model", board.goal.model},
                     {"endpoint", board.endpoint},
                     {"currency", board.goal.Currency()},
                     {"timezone", board.goal.zone.name()},
                     {"state", standing.state},
                     {"missed_in", standing.missed_in},
                     {"pending", board.pending},
                     {"windows", std::move(windows)},
                     {"targets", std::move(targets)},
                     {"whys", std::move(whys)},
                     {"saved", SavedJson(board)}});
}

}  // namespace mw::monitoring
