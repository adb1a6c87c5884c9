// From answers to the evaluation of their problem.
#include "steps/measuring.h"

#include <algorithm>
#include <utility>

#include "evaluation/evaluate.h"
#include "evaluation/multiclass.h"

namespace mw::steps {
namespace {

using goals::Problem;

evaluation::ScoredRows Binary(const Answers& answers) {
  return {std::vector<std::uint8_t>(answers.rows.labels.begin(), answers.rows.labels.end()), answers.values,
          answers.blocks};
}

/// Pads each row's answers with zeros for the classes behind the model's own.
evaluation::ClassifiedRows Classes(const Answers& answers) {
  const std::size_t classes = answers.rows.classes.size(), own = answers.values.size() / answers.rows.count;
  evaluation::ClassifiedRows out{answers.rows.classes, {}, {}, answers.blocks};
  out.labels.assign(answers.rows.labels.begin(), answers.rows.labels.end());
  out.probabilities.resize(answers.rows.count * classes);
  for (std::size_t row = 0; row < answers.rows.count; ++row) {
    std::copy_n(answers.values.begin() + static_cast<std::ptrdiff_t>(row * own), own,
                out.probabilities.begin() + static_cast<std::ptrdiff_t>(row * classes));
  }
  return out;
}

evaluation::RegressionRows Numbers(const Answers& answers) {
  return {answers.rows.labels, answers.values, answers.blocks};
}

std::optional<double> Number(const Json& json, std::string_view key) {
  const Json* found = json.Find(key);
  return found == nullptr || !found->IsNumber() ? std::nullopt : std::optional(found->AsDouble());
}

Result<std::vector<evaluation::Gain>> CompareBinary(const Answers& candidate, const Answers& baseline,
                                                    const MeasureOptions& options) {
  const auto own = TRY(evaluation::RankedRows::Make(Binary(candidate), options.threshold));
  const auto other = TRY(evaluation::RankedRows::Make(Binary(baseline), options.threshold));
  return evaluation::Compare(own, other, options.costs, options.bootstrap);
}

Result<std::unique_ptr<evaluation::Measurable>> Measurable(const Answers& answers) {
  return answers.problem == Problem::kRegression ? evaluation::MeasureRegression(Numbers(answers))
                                                 : evaluation::MeasureMulticlass(Classes(answers));
}

}  // namespace

TrainingLabels TrainingLabels::Of(const EncodedRows& rows, Problem problem) {
  TrainingLabels labels;
  switch (problem) {
    case Problem::kBinaryClassification: labels.positive_share = rows.PositiveShare(); break;
    case Problem::kMulticlassClassification: labels.class_shares = rows.ClassShares(); break;
    case Problem::kRegression: labels.constants = evaluation::ConstantsOf(rows.labels); break;
  }
  return labels;
}

void TrainingLabels::AddTo(Json& training) const {
  if (positive_share) training["positive_share"] = *positive_share;
  if (!class_shares.empty()) training["class_shares"] = Json(Json::Array(class_shares.begin(), class_shares.end()));
  if (!constants) return;
  training["label_mean"] = constants->mean;
  training["label_median"] = constants->median;
}

TrainingLabels TrainingLabels::FromPackage(const wire::PackageInfo& info) {
  TrainingLabels labels;
  const Json* training = info.lineage.Find("training");
  if (training == nullptr) return labels;
  labels.positive_share = Number(*training, "positive_share");
  const Json* shares = training->Find("class_shares");
  if (shares != nullptr && shares->IsArray() && shares->AsArray().size() == info.classes.size()) {
    for (const Json& share : shares->AsArray()) labels.class_shares.push_back(share.IsNumber() ? share.AsDouble() : 0);
  }
  const auto mean = Number(*training, "label_mean"), median = Number(*training, "label_median");
  if (mean && median) labels.constants = {*mean, *median};
  return labels;
}

Result<evaluation::Report> MeasureAnswers(const Answers& answers, const std::vector<evaluation::SliceColumn>& slices,
                                          const MeasureOptions& options) {
  const TrainingLabels& training = options.training;
  switch (answers.problem) {
    case Problem::kMulticlassClassification: {
      const evaluation::ClassifiedRows rows = Classes(answers);
      std::vector<double> shares = training.class_shares;
      if (!shares.empty()) shares.resize(rows.classes.size());
      return evaluation::EvaluateMulticlass(rows, slices, {std::move(shares), options.bootstrap});
    }
    case Problem::kRegression:
      return evaluation::EvaluateRegression(Numbers(answers), slices, {training.constants, options.bootstrap});
    case Problem::kBinaryClassification: break;
  }
  evaluation::EvaluateOptions binary;
  binary.threshold = options.threshold;
  binary.costs = options.costs;
  binary.trivial_probability = training.positive_share;
  binary.bootstrap = options.bootstrap;
  return evaluation::Evaluate(Binary(answers), slices, binary);
}

Result<std::vector<evaluation::Gain>> CompareAnswers(const Answers& candidate, const Answers& baseline,
                                                     const MeasureOptions& options) {
  if (candidate.problem != baseline.problem || candidate.rows.classes != baseline.rows.classes) {
    return FailedPrecondition("the two models do not predict the same thing: a ", goals::ProblemName(candidate.problem),
                              " of ", candidate.rows.classes.size(), " classes and a ",
                              goals::ProblemName(baseline.problem), " of ", baseline.rows.classes.size());
  }
  if (candidate.problem == Problem::kBinaryClassification) return CompareBinary(candidate, baseline, options);
  const auto own = TRY(Measurable(candidate));
  const auto other = TRY(Measurable(baseline));
  return evaluation::Compare(*own, *other, options.bootstrap);
}

std::optional<evaluation::CostRates> CostsOf(const goals::Goal* goal) {
  if (goal == nullptr || !goal->costs) return std::nullopt;
  return evaluation::CostRates{goal->costs->missed, goal->costs->flagged};
}

}  // namespace mw::steps
