// Gradient boosting with early stopping: from two matrices to the rounds worth keeping. One thread calls;
// XGBoost uses `cores` threads. Deterministic for the same rows, parameters and cores.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "goals/metric.h"
#include "steps/booster.h"
#include "steps/task.h"

namespace mw::steps {

/// What is learned: which loss, of how many classes, from where the sums begin.
struct Objective {
  goals::Problem problem = goals::Problem::kBinaryClassification;
  std::size_t classes = 2;
  double base_score = 0.5;

  /// As metrics are called: "log_loss", of a regression "rmse".
  [[nodiscard]] std::string_view loss() const;
};

struct BoostingOptions {
  int max_depth = 6;
  double learning_rate = 0.1;
  int max_rounds = 500;
  int early_stopping_rounds = 30;  ///< without a better loss on stop_early
  double min_child_weight = 1;
  double subsample = 1;
  double colsample_bytree = 1;
  double reg_lambda = 1;
  int seed = 1;
  int cores = 1;

  /// Errors: kInvalidArgument for an option of `with` that is out of bounds, or another algorithm.
  static Result<BoostingOptions> Read(const StepTask& task);
  /// As lineage keeps them: every option, defaults too, but not the cores.
  [[nodiscard]] Json ToJson() const;
};

struct Boosted {
  Booster booster;  ///< the rounds up to the best
  int rounds_run = 0;
  int rounds_kept = 0;
  double train_loss = 0;                    ///< of the last round kept
  std::optional<double> stop_early_loss{};  ///< of the last round kept
};

/// "train.log_loss" or "stop_early.rmse", the round from 0, the value.
using RoundMetric = std::function<void(std::string_view name, int round, double value)>;

/// Without `stop_early` all of max_rounds are kept. Errors: kInternal from the library.
Result<Boosted> Boost(const TrainingMatrix& train, const TrainingMatrix* stop_early, const Objective& objective,
                      const BoostingOptions& options, const RoundMetric& report);

}  // namespace mw::steps
