// Datasets as people look for them: which there are, of one experiment or of all, and who used one. Reads only. Any
// thread. Inputs (inputs.h) remembers them.
//
// A dataset is known by its name and digest; each experiment keeps what its own runs said of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "db/database.h"
#include "tracking/dataset.h"
#include "tracking/logged_model.h"
#include "tracking/run.h"

namespace mw::tracking {

/// A run that used a dataset.
struct DatasetRun {
  RunId id;
  std::string name;
  ExperimentId experiment;
  RunStatus status = RunStatus::kRunning;
  Stage stage = Stage::kActive;
  std::int64_t started = 0;  ///< milliseconds
  std::string context;       ///< what it used it for: "training"; may be empty
};

/// A dataset of one experiment, in a list.
struct DatasetLine {
  std::int64_t number = 0;  ///< ascends as datasets are logged first
  ExperimentId experiment;
  std::string name, digest, source_type;
  std::string source;                 ///< at most Datasets::kSourceShown bytes of it
  std::int64_t runs = 0;              ///< how many read it, deleted ones too
  std::vector<std::string> contexts;  ///< of its newest runs, sorted
  std::optional<DatasetRun> newest;   ///< the run that was made last; its context is empty
};

struct DatasetQuery {
  std::optional<ExperimentId> experiment = {};  ///< none: of all
  std::string name = {};                        ///< empty: any
  std::int64_t before = 0;                      ///< the number of the last line of the page before; 0: the first page
  std::int64_t limit = 100;                     ///< 1 to Datasets::kLinesMax
};

/// A model that came of a run that used the dataset, or was measured on it.
struct DatasetModel {
  LoggedModelId id;
  std::string name;
  ExperimentId experiment;
  std::string source_run;
  bool made = false;      ///< by a run that used it
  bool measured = false;  ///< on it
};

struct DatasetDetails {
  Dataset dataset;                        ///< as the experiment that logged it last tells it
  std::vector<ExperimentId> experiments;  ///< that have it, by when they logged it first
  std::vector<DatasetRun> runs;           ///< made last, first; at most kUsesMax
  std::vector<DatasetModel> models;       ///< made last, first; of those runs, or measured; at most kUsesMax
  std::int64_t runs_in_all = 0;
};

class Datasets {
 public:
  static constexpr std::int64_t kLinesMax = 1000;
  static constexpr std::size_t kSourceShown = 1000;
  static constexpr std::int64_t kUsesMax = 500;

  /// Outlives this.
  explicit Datasets(db::Database& database) : database_(database) {}

  /// Logged last, first. Errors: kInvalidArgument the limit.
  Task<Result<std::vector<DatasetLine>>> List(DatasetQuery query);
  /// In whatever experiments. Errors: kNotFound no experiment has such a dataset.
  Task<Result<DatasetDetails>> Get(std::string name, std::string digest);

 private:
  db::Database& database_;
};

}  // namespace mw::tracking
