// From answers to the evaluation of their problem.
#include "evaluation/answers.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/text.h"
#include "evaluation/evaluate.h"
#include "evaluation/multiclass.h"

namespace mw::evaluation {
namespace {

using goals::Problem;

ScoredRows Binary(const AnsweredRows& rows) {
  return {std::vector<std::uint8_t>(rows.labels.begin(), rows.labels.end()), rows.answers, rows.blocks};
}

ClassifiedRows Classes(const AnsweredRows& rows) {
  ClassifiedRows out{rows.classes, {}, {}, rows.blocks};
  out.labels.assign(rows.labels.begin(), rows.labels.end());
  if (rows.labels.empty()) return out;
  const std::size_t classes = rows.classes.size(), own = rows.answers.size() / rows.labels.size();
  out.probabilities.resize(rows.labels.size() * classes);
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    std::copy_n(rows.answers.begin() + static_cast<std::ptrdiff_t>(row * own), std::min(own, classes),
                out.probabilities.begin() + static_cast<std::ptrdiff_t>(row * classes));
  }
  return out;
}

RegressionRows Numbers(const AnsweredRows& rows) { return {rows.labels, rows.answers, rows.blocks}; }

std::optional<double> Number(const Json& json, std::string_view key) {
  const Json* found = json.Find(key);
  return found == nullptr || !found->IsNumber() ? std::nullopt : std::optional(found->AsDouble());
}

Result<std::vector<Gain>> CompareBinary(const AnsweredRows& candidate, const AnsweredRows& baseline,
                                        const MeasureOptions& options) {
  const auto own = TRY(RankedRows::Make(Binary(candidate), options.threshold));
  const auto other = TRY(RankedRows::Make(Binary(baseline), options.threshold));
  return Compare(own, other, options.costs, options.bootstrap);
}

Result<std::unique_ptr<Measurable>> MeasurableOf(const AnsweredRows& rows) {
  return rows.problem == Problem::kRegression ? MeasureRegression(Numbers(rows)) : MeasureMulticlass(Classes(rows));
}

}  // namespace

void TrainingLabels::AddTo(Json& training) const {
  if (positive_share) training["positive_share"] = *positive_share;
  if (!class_shares.empty()) training["class_shares"] = Json(Json::Array(class_shares.begin(), class_shares.end()));
  if (!constants) return;
  training["label_mean"] = constants->mean;
  training["label_median"] = constants->median;
}

TrainingLabels TrainingLabels::FromJson(const Json& training, std::size_t classes) {
  TrainingLabels labels;
  labels.positive_share = Number(training, "positive_share");
  const Json* shares = training.Find("class_shares");
  if (shares != nullptr && shares->IsArray() && shares->AsArray().size() == classes) {
    for (const Json& share : shares->AsArray()) labels.class_shares.push_back(share.IsNumber() ? share.AsDouble() : 0);
  }
  const auto mean = Number(training, "label_mean"), median = Number(training, "label_median");
  if (mean && median) labels.constants = {*mean, *median};
  return labels;
}

Result<Report> MeasureAnswers(const AnsweredRows& rows, const std::vector<SliceColumn>& slices,
                              const MeasureOptions& options) {
  const TrainingLabels& training = options.training;
  switch (rows.problem) {
    case Problem::kMulticlassClassification: {
      std::vector<double> shares = training.class_shares;
      if (!shares.empty()) shares.resize(rows.classes.size());
      return EvaluateMulticlass(Classes(rows), slices, {std::move(shares), options.bootstrap});
    }
    case Problem::kRegression:
      return EvaluateRegression(Numbers(rows), slices, {training.constants, options.bootstrap});
    case Problem::kBinaryClassification: break;
  }
  EvaluateOptions binary;
  binary.threshold = options.threshold;
  binary.costs = options.costs;
  binary.trivial_probability = training.positive_share;
  binary.bootstrap = options.bootstrap;
  return Evaluate(Binary(rows), slices, binary);
}

Result<std::vector<Gain>> CompareAnswers(const AnsweredRows& candidate, const AnsweredRows& baseline,
                                         const MeasureOptions& options) {
  if (candidate.problem != baseline.problem || candidate.classes != baseline.classes) {
    return FailedPrecondition("the two models do not predict the same thing: a ", goals::ProblemName(candidate.problem),
                              " of ", candidate.classes.size(), " classes and a ", goals::ProblemName(baseline.problem),
                              " of ", baseline.classes.size());
  }
  if (candidate.problem == Problem::kBinaryClassification) return CompareBinary(candidate, baseline, options);
  const auto own = TRY(MeasurableOf(candidate));
  const auto other = TRY(MeasurableOf(baseline));
  return Compare(*own, *other, options.bootstrap);
}

Report EmptyReport(Problem problem, const std::string& reason) {
  Report report;
  report.problem = problem;
  std::vector<std::string> metrics;
  for (const std::string_view id : goals::MetricIds(problem)) {
    const goals::Metric* metric = goals::FindMetric(id);
    if (metric->kind == goals::Kind::kQuality && metric->unit != goals::Unit::kCount) metrics.emplace_back(id);
  }
  report.overall = Withheld(metrics, 0, reason);
  return report;
}

std::string Shortage(const Report& report, std::int64_t rows_min) {
  const Counts& counts = report.counts;
  const auto short_of = [](std::int64_t have, std::int64_t need, std::string_view what) {
    return Cat(have, " ", what, ", need ", need);
  };
  if (report.problem != Problem::kBinaryClassification) {
    if (counts.rows < rows_min) return short_of(counts.rows, rows_min, "rows");
  } else {
    const std::int64_t negatives = counts.rows - counts.positives;
    if (counts.positives < rows_min) return short_of(counts.positives, rows_min, "positives");
    if (negatives < rows_min) return short_of(negatives, rows_min, "negatives");
  }
  constexpr auto kBlocks = static_cast<std::int64_t>(kBlocksMin);
  if (counts.blocks < kBlocks) return short_of(counts.blocks, kBlocks, "independent blocks");
  return {};
}

std::optional<CostRates> CostsOf(const goals::Goal* goal) {
  if (goal == nullptr || !goal->costs) return std::nullopt;
  return CostRates{goal->costs->missed, goal->costs->flagged};
}

}  // namespace mw::evaluation
