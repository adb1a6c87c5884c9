// What runs read and made: datasets, and models by their id. Who follows what came from what is told of it. Any thread.
//
//   experiment ── dataset (name, digest) ──input with tags── run ──output at a step──> model
//                                            model ──input──'
//
// Invariants: a dataset is one in its experiment by name and digest. Logging may be repeated: what a run has already,
// stays as it is. Runs give them in RunDetails.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"
#include "db/database.h"
#include "tracking/run.h"

namespace mw::tracking {

/// What a run read and made with one call, without what it had already.
struct LoggedInputs {
  RunId run;
  std::vector<DatasetInput> datasets = {};
  std::vector<std::string> models_read = {};
  std::vector<ModelOutput> models_made = {};
};

struct DatasetSummary {
  ExperimentId experiment;
  std::string name;
  std::string digest;
  std::string context;  ///< may be empty

  friend bool operator==(const DatasetSummary&, const DatasetSummary&) = default;
};

class Inputs {
 public:
  static constexpr std::size_t kEntriesMax = 1000;  ///< of one call, datasets and models each
  static constexpr std::size_t kModelIdBytesMax = 255;
  static constexpr std::int64_t kSummariesMax = 1000;

  /// It outlives this.
  explicit Inputs(db::Database& database) : database_(database) {}

  /// Called with what is new, in that transaction, perhaps more than once. Set before the first.
  using Witness = std::function<Status(db::Transaction&, const LoggedInputs&)>;
  void OnLogged(Witness witness) { on_logged_ = std::move(witness); }

  /// All or nothing; of a dataset that is named twice the first counts. Lengths of texts are the caller's to limit.
  /// Errors: kInvalidArgument too many, a model without an id, or the run is deleted; kNotFound no such run.
  Task<Status> Log(LoggedInputs logged);

  /// Datasets that runs of these experiments read, each with each of its contexts; at most kSummariesMax.
  Task<Result<std::vector<DatasetSummary>>> Summaries(std::vector<ExperimentId> experiments);

 private:
  [[nodiscard]] Status Log(db::Transaction& transaction, const LoggedInputs& logged) const;

  db::Database& database_;
  Witness on_logged_;
};

}  // namespace mw::tracking
