// The boosting loop.
#include "steps/boosting.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "steps/data_task.h"
#include "steps/step_options.h"

namespace mw::steps {
namespace {

constexpr std::string_view kTrain = "train", kStopEarly = "stop_early";

struct Names {
  std::string_view objective, metric;  ///< the library's
};

Names NamesOf(const Objective& objective) {
  switch (objective.problem) {
    case goals::Problem::kMulticlassClassification: return {"multi:softprob", "mlogloss"};
    case goals::Problem::kRegression: return {"reg:squarederror", "rmse"};
    case goals::Problem::kBinaryClassification: break;
  }
  return {"binary:logistic", "logloss"};
}

Booster::Parameters ParametersOf(const Objective& objective, const BoostingOptions& options) {
  Booster::Parameters parameters = {{"verbosity", "0"},
                                    {"objective", std::string(NamesOf(objective).objective)},
                                    {"eval_metric", std::string(NamesOf(objective).metric)},
                                    {"base_score", Cat(static_cast<float>(objective.base_score))},
                                    {"tree_method", "hist"},
                                    {"max_depth", Cat(options.max_depth)},
                                    {"eta", Cat(options.learning_rate)},
                                    {"min_child_weight", Cat(options.min_child_weight)},
                                    {"subsample", Cat(options.subsample)},
                                    {"colsample_bytree", Cat(options.colsample_bytree)},
                                    {"lambda", Cat(options.reg_lambda)},
                                    {"seed", Cat(options.seed)},
                                    {"nthread", Cat(options.cores)}};
  if (objective.problem == goals::Problem::kMulticlassClassification) {
    parameters.emplace_back("num_class", Cat(objective.classes));
  }
  return parameters;
}

struct RoundLosses {
  double train = std::numeric_limits<double>::quiet_NaN();
  std::optional<double> stop_early;
};

RoundLosses LossesOf(const std::vector<std::pair<std::string, double>>& metrics, std::string_view metric) {
  RoundLosses losses;
  for (const auto& [name, value] : metrics) {
    if (name == Cat(kTrain, "-", metric)) losses.train = value;
    if (name == Cat(kStopEarly, "-", metric)) losses.stop_early = value;
  }
  return losses;
}

}  // namespace

Result<BoostingOptions> BoostingOptions::Read(const StepTask& task) {
  const std::string algorithm = TRY(TextOption(task, "algorithm", "xgboost"));
  if (algorithm != "xgboost") {
    return InvalidArgument("step ", Quoted(task.step), " (train): with.algorithm is ", Quoted(algorithm),
                           "; write xgboost, or train in a step of your own (run: [...])");
  }
  constexpr double kMany = 1e6;
  BoostingOptions options;
  options.max_depth = TRY(WholeOption(task, "max_depth", options.max_depth, {1, 16}));
  options.learning_rate = TRY(NumberOption(task, "learning_rate", options.learning_rate, {1e-6, 1}));
  options.max_rounds = TRY(WholeOption(task, "max_rounds", options.max_rounds, {1, 100'000}));
  options.early_stopping_rounds =
      TRY(WholeOption(task, "early_stopping_rounds", options.early_stopping_rounds, {1, 100'000}));
  options.min_child_weight = TRY(NumberOption(task, "min_child_weight", options.min_child_weight, {0, kMany}));
  options.subsample = TRY(NumberOption(task, "subsample", options.subsample, {0.01, 1}));
  options.colsample_bytree = TRY(NumberOption(task, "colsample_bytree", options.colsample_bytree, {0.01, 1}));
  options.reg_lambda = TRY(NumberOption(task, "reg_lambda", options.reg_lambda, {0, kMany}));
  options.seed = TRY(WholeOption(task, "seed", options.seed, {0, 2'147'483'647}));
  options.cores = Cores();
  return options;
}

Json BoostingOptions::ToJson() const {
  return Json::Make({{"algorithm", "xgboost"},
                     {"max_depth", max_depth},
                     {"learning_rate", learning_rate},
                     {"max_rounds", max_rounds},
                     {"early_stopping_rounds", early_stopping_rounds},
                     {"min_child_weight", min_child_weight},
                     {"subsample", subsample},
                     {"colsample_bytree", colsample_bytree},
                     {"reg_lambda", reg_lambda},
                     {"seed", seed}});
}

std::string_view Objective::loss() const { return problem == goals::Problem::kRegression ? "rmse" : "log_loss"; }

Result<Boosted> Boost(const TrainingMatrix& train, const TrainingMatrix* stop_early, const Objective& objective,
                      const BoostingOptions& options, const RoundMetric& report) {
  std::vector<const TrainingMatrix*> matrices = {&train};
  std::vector<std::pair<std::string, const TrainingMatrix*>> watched = {{std::string(kTrain), &train}};
  if (stop_early != nullptr) {
    matrices.push_back(stop_early);
    watched.emplace_back(kStopEarly, stop_early);
  }
  Booster booster = TRY(Booster::Make(matrices, ParametersOf(objective, options)));
  RoundLosses best;
  int best_round = -1, round = 0;
  for (; round < options.max_rounds; ++round) {
    TRY(booster.Update(round, train));
    const RoundLosses losses = LossesOf(TRY(booster.Evaluate(round, watched)), NamesOf(objective).metric);
    report(Cat(kTrain, ".", objective.loss()), round, losses.train);
    if (losses.stop_early) report(Cat(kStopEarly, ".", objective.loss()), round, *losses.stop_early);
    if (!losses.stop_early || best_round < 0 || *losses.stop_early < *best.stop_early) {
      best = losses;
      best_round = round;
    }
    if (round - best_round >= options.early_stopping_rounds) break;
  }
  Booster kept = TRY(booster.First(best_round + 1));
  return Boosted{.booster = std::move(kept),
                 .rounds_run = std::min(round + 1, options.max_rounds),
                 .rounds_kept = best_round + 1,
                 .train_loss = best.train,
                 .stop_early_loss = best.stop_early};
}

}  // namespace mw::steps
