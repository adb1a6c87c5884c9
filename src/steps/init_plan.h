// `init` decides: from what a table holds to what kind of problem its label makes. The plan is what every decision is
// written into: columns (init_columns.h), what a person should look at (init_warnings.h), the split (init_split.h).
// Pure; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "goals/metric.h"
#include "steps/table_survey.h"

namespace mw::steps {

struct InitRequest {
  std::string data;  ///< as given
  std::string label;
  std::string time;                       ///< empty: no column says when
  std::string key;                        ///< empty: guessed, or none
  std::string name;                       ///< of goal, pipeline, model and endpoint
  std::string directory;                  ///< where the files go
  std::optional<goals::Problem> problem;  ///< empty: guessed
  std::string positive;                   ///< of two classes the value that counts as true; empty: guessed
};

/// What a person should look at, and what to change if the program guessed wrong.
struct InitFinding {
  enum class Severity : std::uint8_t { kWarning, kNote };
  Severity severity = Severity::kNote;
  std::string kind;    ///< "leakage", "imbalance", "constant", ...
  std::string column;  ///< empty: about all rows
  std::string text;    ///< a sentence
  std::string remedy;  ///< what to write; {line} stands for the column's place in features.sql
};

struct PlannedColumn {
  enum class Use : std::uint8_t { kKey, kTime, kFeature, kLeftOut, kLabel };
  const ColumnSurvey* column = nullptr;
  Use use = Use::kFeature;
  std::string sql;  ///< over the file's columns
  std::string why;  ///< of a column left out
};

/// Either by time or by hash.
struct PlannedSplit {
  // By time: [from, until) learns, its last part stops early, [until, evaluate_until) judges.
  Timestamp from{}, until{}, evaluate_until{};
  Duration stop_early_on{};
  bool whole_days = true;
  // By hash.
  std::int64_t seed = 1;
  double evaluate = 0.2, stop_early = 0.15;
};

/// What the labels of the parts say, and what can be reached without a model.
struct PartFacts {
  std::int64_t train_rows = 0, stop_early_rows = 0, evaluate_rows = 0;
  std::vector<std::int64_t> evaluate_classes;  ///< rows of each class that judge
  double trivial_loss = 0;  ///< on the rows that judge, of the training rows' constant: log loss, or rmse
  double majority = 0;      ///< share of the rows that judge named right by the most frequent class
  double median_error = 0;  ///< mean absolute error of the training rows' median
  double base_share = 0;    ///< positives among the training rows
};

struct InitPlan {
  InitRequest request;
  TableSurvey survey;
  goals::Problem problem = goals::Problem::kBinaryClassification;
  std::string why_problem;
  std::vector<std::string> classes;  ///< of several; of two {negative, positive}
  std::vector<PlannedColumn> columns;
  std::string label_sql;  ///< over the file's columns: boolean, text or number
  PlannedSplit split;
  PartFacts facts;
  std::string best_column;  ///< the feature that tells most by itself
  double best_score = 0;    ///< roc_auc, accuracy or r2
  std::vector<std::string> slices;
  std::int64_t rows_min = 100;  ///< of the gate
  std::vector<InitFinding> findings;

  [[nodiscard]] const ColumnSurvey& Column(std::string_view name) const { return *survey.Find(name); }
  [[nodiscard]] const PlannedColumn* Planned(PlannedColumn::Use use) const;
  [[nodiscard]] bool by_time() const { return !request.time.empty(); }
  /// How well one column alone predicts, in the problem's own measure: "roc_auc 0.812".
  [[nodiscard]] std::string ScoreText(double score) const;
  void Add(InitFinding::Severity severity, std::string kind, std::string column, std::string text,
           std::string remedy = {});
};

/// Names in --label, --time and --key have to be columns; the nearest is named.
Status CheckRequest(const InitRequest& request, const TableSurvey& survey);
/// The problem, its classes and the label's SQL. Errors: kInvalidArgument for a label that is missing everywhere, has
/// one value only, or is a text of too many values; each with what to do.
Status DecideProblem(InitPlan& plan);
/// The label over kReadTable, as a number: the class's code, or the number itself.
std::string LabelCode(const InitPlan& plan);

}  // namespace mw::steps
