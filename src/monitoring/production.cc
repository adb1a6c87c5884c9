// One window of production against a goal.
#include "monitoring/production.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "evaluation/class_estimate.h"
#include "evaluation/estimate.h"
#include "evaluation/evaluate.h"
#include "monitoring/production_operation.h"

namespace mw::monitoring {
namespace {

using evaluation::AnsweredRows;
using evaluation::MetricValue;
using goals::Problem;
using predictions::JoinedRows;

constexpr std::uint64_t kSeed = 1;
constexpr std::int64_t kHourMicros = 3'600'000'000;
constexpr std::string_view kMissing = "(missing)";

const VersionFacts* FactsOf(const ProductionInput& input, std::int64_t version) {
  if (input.versions == nullptr) return nullptr;
  for (const VersionFacts& facts : *input.versions) {
    if (facts.version == version) return &facts;
  }
  return nullptr;
}

std::string ValueText(const schema::Column* column, float value) {
  if (std::isnan(value)) return std::string(kMissing);
  if (column != nullptr && !column->vocabulary.empty()) {
    const auto code = static_cast<std::size_t>(std::max(value, 0.0F));
    return code < column->vocabulary.size() ? column->vocabulary[code] : std::string(kMissing);
  }
  return Cat(static_cast<double>(value));
}

// The rows by the values of one feature. The same number means different words in different versions.
std::optional<evaluation::SliceColumn> SliceBy(const ProductionInput& input, const std::string& name) {
  const JoinedRows& rows = input.rows;
  const auto found = std::find(rows.feature_names.begin(), rows.feature_names.end(), name);
  if (found == rows.feature_names.end() || rows.features.empty()) return std::nullopt;
  const auto feature = static_cast<std::size_t>(found - rows.feature_names.begin());
  evaluation::SliceColumn column{.name = name, .codes = std::vector<std::uint32_t>(rows.size()), .values = {}};
  std::map<std::string, std::uint32_t, std::less<>> codes;
  std::map<std::pair<std::int64_t, float>, std::uint32_t> known;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    float value = rows.features[row * rows.feature_names.size() + feature];
    if (std::isnan(value)) value = -std::numeric_limits<float>::infinity();  // NaN is no key
    const auto [at, added] = known.try_emplace({rows.versions[row], value}, 0U);
    if (added) {
      const VersionFacts* facts = FactsOf(input, rows.versions[row]);
      const schema::Column* schema = facts == nullptr ? nullptr : facts->schema.Find(name);
      const std::string text = ValueText(schema, std::isinf(value) ? std::nanf("") : value);
      at->second = codes.try_emplace(text, static_cast<std::uint32_t>(codes.size())).first->second;
      if (codes.size() > kSliceValuesMax) return std::nullopt;
    }
    column.codes[row] = at->second;
  }
  column.values.resize(codes.size());
  for (const auto& [text, code] : codes) column.values[code] = text;
  return column;
}

std::vector<std::string> SliceNames(const goals::Goal& goal) {
  std::vector<std::string> names = goal.slices;
  for (const goals::Target& target : goal.targets) {
    for (const std::string& name : target.slices) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

// Training rows that did not say when they were made each row a block of its own, and so does production.
bool IsDated(const VersionFacts* facts) { return facts == nullptr || facts->trained_until.has_value(); }

std::vector<std::uint32_t> EachItsOwn(std::size_t rows) {
  std::vector<std::uint32_t> blocks(rows);
  std::iota(blocks.begin(), blocks.end(), 0U);
  return blocks;
}

// Rows of an hour share what happened in it; of different places a little less.
std::vector<std::uint32_t> BlocksOf(const JoinedRows& rows, const evaluation::SliceColumn* slice) {
  std::unordered_map<std::int64_t, std::uint32_t> numbers;
  std::vector<std::uint32_t> blocks;
  blocks.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::int64_t hour = rows.event_times_us[row] / kHourMicros;
    const std::int64_t key = hour * static_cast<std::int64_t>(kSliceValuesMax + 1) +
                             (slice == nullptr ? 0 : std::int64_t{slice->codes[row]});
    blocks.push_back(numbers.try_emplace(key, static_cast<std::uint32_t>(numbers.size())).first->second);
  }
  return blocks;
}

std::vector<std::uint32_t> Renumbered(const std::vector<std::uint32_t>& blocks) {
  std::unordered_map<std::uint32_t, std::uint32_t> numbers;
  std::vector<std::uint32_t> out;
  out.reserve(blocks.size());
  for (const std::uint32_t block : blocks) {
    out.push_back(numbers.try_emplace(block, static_cast<std::uint32_t>(numbers.size())).first->second);
  }
  return out;
}

// A row's answers put behind `out`; false when it was recorded without them.
bool AppendAnswers(Problem problem, const JoinedRows& rows, std::size_t row, std::vector<double>& out) {
  if (problem != Problem::kMulticlassClassification) {
    out.push_back(static_cast<double>(rows.predictions[row]));
    return true;
  }
  const std::size_t classes = rows.classes.size();
  const auto first = rows.class_probabilities.begin() + static_cast<std::ptrdiff_t>(row * classes);
  if (classes == 0 || std::isnan(*first)) return false;
  out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(classes));
  return true;
}

bool IsPossible(Problem problem, const JoinedRows& rows, double label) {
  switch (problem) {
    case Problem::kBinaryClassification: return label == 0 || label == 1;
    case Problem::kMulticlassClassification:
      return label >= 0 && label < static_cast<double>(rows.classes.size()) && label == std::floor(label);
    case Problem::kRegression: break;
  }
  return std::isfinite(label);
}

// Labelled rows with their blocks, and the slices that they are in.
struct KnownRows : LabelledRows {
  std::vector<evaluation::SliceColumn> slices;
};

KnownRows KnownOf(Problem problem, const JoinedRows& rows, const std::vector<std::uint32_t>& blocks,
                  const std::vector<evaluation::SliceColumn>& slices) {
  KnownRows out{Labelled(problem, rows), {}};
  for (const std::size_t row : out.origin) out.answered.blocks.push_back(blocks[row]);
  out.answered.blocks = Renumbered(out.answered.blocks);
  for (const evaluation::SliceColumn& slice : slices) {
    evaluation::SliceColumn kept{.name = slice.name, .codes = {}, .values = slice.values};
    for (const std::size_t row : out.origin) kept.codes.push_back(slice.codes[row]);
    out.slices.push_back(std::move(kept));
  }
  return out;
}

// The version's own shares of the classes, in the order of the endpoint's list.
evaluation::TrainingLabels TrainingOf(const VersionFacts& facts, const std::vector<std::string>& classes) {
  evaluation::TrainingLabels training = facts.training;
  if (training.class_shares.size() != facts.classes.size() || classes.empty()) return training;
  training.class_shares.assign(classes.size(), 0);
  for (std::size_t own = 0; own < facts.classes.size(); ++own) {
    const auto found = std::find(classes.begin(), classes.end(), facts.classes[own]);
    if (found == classes.end()) continue;
    training.class_shares[static_cast<std::size_t>(found - classes.begin())] = facts.training.class_shares[own];
  }
  return training;
}

Result<evaluation::Report> ReportOf(const goals::Goal& goal, const KnownRows& known, const VersionFacts* facts,
                                    const ProductionOptions& options) {
  if (known.origin.empty()) return evaluation::EmptyReport(goal.problem, "no labels yet");
  evaluation::MeasureOptions measure;
  measure.threshold = goal.threshold;
  measure.costs = evaluation::CostsOf(&goal);
  if (facts != nullptr) measure.training = TrainingOf(*facts, known.answered.classes);
  measure.bootstrap = {.replicates = options.replicates, .confidence = 0.95, .seed = kSeed};
  return evaluation::MeasureAnswers(known.answered, known.slices, measure);
}

// Money is that of all rows: a row of the sample stands for as many as its weight says.
void ScaleMoney(const JoinedRows& rows, const KnownRows& known, evaluation::Report& report) {
  if (known.origin.empty()) return;
  double weight = 0;
  for (const std::size_t row : known.origin) weight += static_cast<double>(rows.weights[row]);
  const double scale = weight / static_cast<double>(known.origin.size());
  if (report.rule_cost) *report.rule_cost *= scale;
  if (report.cost) *report.cost *= scale;
}

goals::Measurements QualityOf(const evaluation::Report& report) {
  goals::Measurements measured = evaluation::ToMeasurements(report);
  const auto count = [&](std::string_view name, std::int64_t value) {
    measured.model.push_back({std::string(name), static_cast<double>(value), std::nullopt, std::nullopt, ""});
  };
  count("rows", report.counts.rows);
  if (report.problem == Problem::kBinaryClassification) count("positives", report.counts.positives);
  if (report.counts.rows == 0) return measured;
  const std::string few = evaluation::Shortage(report, evaluation::kClassMin);
  if (few.empty()) return measured;
  const std::string reason = Cat("insufficient data: ", few);
  for (goals::Measurement& measurement : measured.model) measurement = {measurement.metric, {}, {}, {}, reason};
  measured.rule_cost.reset();
  return measured;
}

// What the costs would have been with probabilities that mean what they say, as far as earlier windows tell.
std::optional<double> RecalibratedSaving(const goals::Goal& goal, const AnsweredRows& reference,
                                         const AnsweredRows& answered) {
  if (!goal.costs || reference.labels.empty()) return std::nullopt;
  const std::vector<std::uint8_t> positives(reference.labels.begin(), reference.labels.end());
  const auto calibration = evaluation::CalibrateIfBetter(reference.answers, positives, kSeed);
  if (!calibration) return std::nullopt;
  evaluation::ScoredRows rows{std::vector<std::uint8_t>(answered.labels.begin(), answered.labels.end()),
                              answered.answers, answered.blocks};
  for (double& p : rows.probabilities) p = std::clamp((*calibration)(p), 0.0, 1.0);
  const auto ranked = evaluation::RankedRows::Make(rows, goal.threshold);
  if (!ranked.ok()) return std::nullopt;
  const auto scores = evaluation::ScoresOf(evaluation::Count(*ranked), evaluation::CostsOf(&goal));
  const double saving = evaluation::Get(scores, evaluation::MetricId::kSaving);
  return std::isfinite(saving) ? std::optional(saving) : std::nullopt;
}

// What was expected of a labelled row, and what came: see SliceGap.
std::pair<double, double> ExpectedAndCame(const AnsweredRows& answered, std::size_t row) {
  if (answered.problem != Problem::kMulticlassClassification) return {answered.answers[row], answered.labels[row]};
  const std::size_t classes = answered.classes.size();
  const auto first = answered.answers.begin() + static_cast<std::ptrdiff_t>(row * classes);
  const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
  return {*best, answered.labels[row] == static_cast<double>(best - first) ? 1 : 0};
}

// A row's part in the difference of observed and predicted, summed by value of a column.
void AddGaps(const KnownRows& known, const evaluation::SliceColumn& slice, std::vector<SliceGap>& gaps) {
  std::vector<SliceGap> own(slice.values.size());
  for (std::size_t i = 0; i < known.origin.size(); ++i) {
    SliceGap& gap = own[slice.codes[known.origin[i]]];
    const auto [expected, came] = ExpectedAndCame(known.answered, i);
    ++gap.rows;
    gap.predicted += expected;
    gap.observed += came;
  }
  for (std::size_t code = 0; code < own.size(); ++code) {
    SliceGap& gap = own[code];
    if (gap.rows < evaluation::kClassMin) continue;
    gap.column = slice.name;
    gap.value = slice.values[code];
    gap.predicted /= static_cast<double>(gap.rows);
    gap.observed /= static_cast<double>(gap.rows);
    gaps.push_back(std::move(gap));
  }
}

bool IsSliceable(const ProductionInput& input, const std::string& feature) {
  if (input.versions == nullptr) return false;
  return std::any_of(input.versions->begin(), input.versions->end(), [&](const VersionFacts& facts) {
    const schema::Column* column = facts.schema.Find(feature);
    return column != nullptr &&
           (column->type == schema::ColumnType::kCategory || column->type == schema::ColumnType::kBoolean);
  });
}

std::vector<SliceGap> GapsOf(const ProductionInput& input, const KnownRows& known) {
  std::vector<SliceGap> gaps;
  for (const std::string& feature : input.rows.feature_names) {
    if (!IsSliceable(input, feature)) continue;
    if (const auto slice = SliceBy(input, feature)) AddGaps(known, *slice, gaps);
  }
  std::stable_sort(gaps.begin(), gaps.end(), [](const SliceGap& a, const SliceGap& b) {
    const auto weight = [](const SliceGap& gap) {
      return std::fabs(gap.observed - gap.predicted) * std::sqrt(static_cast<double>(gap.rows));
    };
    return weight(a) > weight(b);
  });
  return gaps;
}

void CountVersions(const ProductionInput& input, MeasuredWindow& out) {
  std::map<std::int64_t, std::int64_t> rows;
  for (const predictions::WindowSummary& hour : input.hours) {
    const std::int64_t once = hour.rows - hour.repeated_rows;
    rows[hour.version] += once;
    out.rows += once;
  }
  std::int64_t most = -1;
  for (const auto& [version, count] : rows) {
    out.versions.push_back(version);
    if (count <= most) continue;
    most = count;
    out.version = version;
  }
}

bool Covered(const goals::Goal& goal, const ProductionInput& input, const MeasuredWindow& out) {
  const double expected = goal.labels ? goal.labels->expected_share : 1;
  if (out.coverage >= kCoveredShare * expected) return true;
  if (out.labelled == 0 || !input.label_delay_p95_s) return false;
  const Duration delay(static_cast<std::int64_t>(*input.label_delay_p95_s * 1e6));
  return input.seen_until >= input.window.until + delay;
}

Result<std::vector<MetricValue>> EstimatedClasses(const ProductionInput& input,
                                                  const std::vector<std::uint32_t>& blocks,
                                                  const evaluation::BootstrapOptions& bootstrap) {
  const std::size_t classes = input.rows.classes.size();
  std::vector<double> answers;
  std::vector<std::uint32_t> own_blocks;
  for (std::size_t row = 0; row < input.rows.size(); ++row) {
    if (!AppendAnswers(Problem::kMulticlassClassification, input.rows, row, answers)) continue;
    own_blocks.push_back(blocks[row]);
  }
  if (answers.empty()) return std::vector<MetricValue>();
  const std::vector<std::uint32_t> labels(input.reference.labels.begin(), input.reference.labels.end());
  const auto calibration = evaluation::CalibrateClasses(classes, input.reference.answers, labels, kSeed);
  return evaluation::EstimateClassMetrics(classes, answers, Renumbered(own_blocks), calibration, bootstrap);
}

// What a regression will miss by cannot be told from its answers alone.
Result<std::vector<MetricValue>> Estimated(const goals::Goal& goal, const ProductionInput& input,
                                           const std::vector<std::uint32_t>& blocks, const ProductionOptions& options) {
  const evaluation::BootstrapOptions bootstrap{.replicates = options.replicates, .confidence = 0.95, .seed = kSeed};
  if (goal.problem == Problem::kRegression) return std::vector<MetricValue>();
  if (goal.problem == Problem::kMulticlassClassification) return EstimatedClasses(input, blocks, bootstrap);
  const std::vector<double> probabilities(input.rows.predictions.begin(), input.rows.predictions.end());
  const std::vector<std::uint8_t> positives(input.reference.labels.begin(), input.reference.labels.end());
  return evaluation::EstimateMetrics(
      probabilities, blocks, evaluation::CalibrateIfBetter(input.reference.answers, positives, kSeed),
      {.threshold = goal.threshold, .costs = evaluation::CostsOf(&goal), .bootstrap = bootstrap});
}

// Money that the miss has cost so far.
std::optional<double> MissCost(const goals::Target& target, const goals::TargetVerdict& verdict,
                               const MeasuredWindow& window) {
  if (verdict.outcome != goals::Outcome::kMissed) return std::nullopt;
  if (verdict.metric == "saving" && window.report.rule_cost && verdict.value) {
    return -target.require.Margin(*verdict.value) * *window.report.rule_cost;
  }
  if (target.cost_of_miss) return target.cost_of_miss->amount * window.hours;
  return std::nullopt;
}

goals::TargetVerdict JudgeLine(const goals::Goal& goal, const goals::Target& line, goals::Stage stage,
                               const goals::Measurements& measured) {
  goals::Goal one = goal;
  one.kpi.reset();
  one.targets = {line};
  return goals::Judge(one, stage, measured).front();
}

MeasuredTarget Measure(const goals::Goal& goal, const goals::Target& line, const ProductionInput& input,
                       const goals::Measurements& quality, const std::vector<MetricValue>& estimates,
                       const MeasuredWindow& window) {
  goals::Measurements measured = quality;
  MeasuredTarget out;
  if (line.kind != goals::Kind::kQuality) {
    const OperationMeasure operation = MeasureOperation(line, input, FactsOf(input, window.version));
    measured.model.push_back(operation.measurement);
    out.within = operation.within;
  }
  out.verdict = JudgeLine(goal, line, goals::Stage::kProduction, measured);
  out.miss_cost = MissCost(line, out.verdict, window);
  if (const MetricValue* estimate = evaluation::FindMetric(estimates, line.require.metric)) out.estimate = *estimate;
  return out;
}

}  // namespace

LabelledRows Labelled(Problem problem, const JoinedRows& rows) {
  LabelledRows out;
  out.answered.problem = problem;
  if (problem == Problem::kMulticlassClassification) out.answered.classes = rows.classes;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (std::isnan(rows.labels[row])) continue;
    if (!IsPossible(problem, rows, rows.labels[row])) {
      if (++out.impossible == 1) {
        out.first_impossible = Cat("prediction ", Quoted(rows.ids[row]), " has the label ", rows.labels[row]);
      }
      continue;
    }
    if (!AppendAnswers(problem, rows, row, out.answered.answers)) continue;
    out.answered.labels.push_back(rows.labels[row]);
    out.origin.push_back(row);
  }
  return out;
}

std::vector<goals::Target> LinesOf(const goals::Goal& goal) {
  std::vector<goals::Target> lines;
  if (goal.kpi) {
    const goals::Metric* metric = goals::FindMetric(goal.kpi->require.metric);
    lines.push_back({.name = goal.kpi->name,
                     .kind = metric == nullptr ? goals::Kind::kQuality : metric->kind,
                     .priority = 1,
                     .require = goal.kpi->require,
                     .cost_of_miss = {},
                     .objective = {},
                     .calendar = {},
                     .peak_per_second = {},
                     .window = goal.kpi->window,
                     .slices = goal.slices});
  }
  lines.insert(lines.end(), goal.targets.begin(), goal.targets.end());
  return lines;
}

Result<MeasuredWindow> MeasureWindow(const goals::Goal& goal, const ProductionInput& input,
                                     const ProductionOptions& options) {
  MeasuredWindow out;
  out.window = input.window;
  CountVersions(input, out);
  const Timestamp passed = std::clamp(input.seen_until, input.window.from, input.window.until);
  out.hours = static_cast<double>((passed - input.window.from).count()) / 3.6e9;
  out.open = input.seen_until < input.window.until;

  std::vector<evaluation::SliceColumn> slices;
  for (const std::string& name : SliceNames(goal)) {
    if (auto slice = SliceBy(input, name)) slices.push_back(*std::move(slice));
  }
  const VersionFacts* facts = FactsOf(input, out.version);
  const evaluation::SliceColumn* places = slices.empty() ? nullptr : &slices.front();
  const bool dated = IsDated(facts);
  const std::vector<std::uint32_t> blocks = dated ? BlocksOf(input.rows, places) : EachItsOwn(input.rows.size());
  const KnownRows known = KnownOf(goal.problem, input.rows, blocks, slices);
  out.impossible = known.impossible;
  out.first_impossible = known.first_impossible;
  out.labelled = static_cast<std::int64_t>(known.origin.size());
  out.coverage =
      input.rows.size() == 0 ? 0 : static_cast<double>(out.labelled) / static_cast<double>(input.rows.size());
  out.provisional = !Covered(goal, input, out);

  out.report = TRY(ReportOf(goal, known, facts, options));
  ScaleMoney(input.rows, known, out.report);
  out.report.model = goal.model;
  out.report.label = goal.label;
  out.report.block = dated ? Cat("hour of event time", places == nullptr ? "" : " and " + places->name) : "row";
  out.report.currency = goal.Currency();
  out.gaps = GapsOf(input, known);
  out.recalibrated_saving = RecalibratedSaving(goal, input.reference, known.answered);

  std::vector<MetricValue> estimates;
  if (out.provisional && input.rows.size() > 0) estimates = TRY(Estimated(goal, input, blocks, options));
  const goals::Measurements quality = QualityOf(out.report);
  for (const goals::Target& line : LinesOf(goal)) {
    out.targets.push_back(Measure(goal, line, input, quality, estimates, out));
  }
  return out;
}

std::optional<MeasuredWindow> EvaluationWindow(const goals::Goal& goal, const VersionFacts& facts) {
  if (!facts.report) return std::nullopt;
  const Result<Timestamp> from = ParseTime(facts.report->from), until = ParseTime(facts.report->until);
  if (!from.ok() || !until.ok()) return std::nullopt;
  const goals::WindowLength& length = goal.kpi ? goal.kpi->window : goal.window;
  const std::vector<goals::Window> windows = goals::WindowsOf(length, goal.zone, *from, *until + Duration(1));
  if (windows.empty()) return std::nullopt;
  MeasuredWindow out;
  out.window = windows.front();
  out.stage = goals::Stage::kEvaluation;
  out.window.until = windows.back().until;
  if (windows.size() > 1) out.window.label = Cat(windows.front().label, " - ", windows.back().label);
  out.version = facts.version;
  out.versions = {facts.version};
  out.rows = out.labelled = facts.report->counts.rows;
  out.coverage = 1;
  out.provisional = out.open = false;
  out.report = *facts.report;
  const goals::Measurements measured = evaluation::ToMeasurements(out.report);
  for (const goals::Target& line : LinesOf(goal)) {
    MeasuredTarget target;
    target.verdict = JudgeLine(goal, line, goals::Stage::kEvaluation, measured);
    out.targets.push_back(std::move(target));
  }
  return out;
}

}  // namespace mw::monitoring
