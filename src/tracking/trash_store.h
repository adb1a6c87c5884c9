// SQL of the trash and of purging. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/trash.h"

namespace mw::tracking::store {

Result<bool> AnyToNotice(db::Snapshot& snapshot);
/// Deleted runs enter the trash at `now`, active ones leave it.
Status NoticeDeleted(db::Transaction& transaction, std::int64_t now);
Result<std::vector<Trashed>> TrashedRuns(db::Snapshot& snapshot, std::int64_t before);
Result<std::vector<Trashed>> TrashedModels(db::Snapshot& snapshot, std::int64_t before);
Result<std::vector<Trashed>> EmptyDeletedExperiments(db::Snapshot& snapshot, std::int64_t before);
/// The run's own row goes, and what remains of it is listed with the place of its artifacts. False: it is not deleted.
Result<bool> TakeRun(db::Transaction& transaction, const Trashed& run, const std::optional<std::string>& place,
                     std::int64_t now);
/// The same of a logged model.
Result<bool> TakeModel(db::Transaction& transaction, const Trashed& model, const std::optional<std::string>& place,
                       std::int64_t now);
/// `tables`: those with a column experiment_id.
Result<bool> TakeExperiment(db::Transaction& transaction, const Trashed& experiment,
                            const std::optional<std::string>& place, const std::vector<std::string>& tables,
                            std::int64_t now);

/// Something that was taken and has remains.
struct Remains {
  std::int64_t id = 0;
  std::int64_t run = -1;    ///< its number; -1: no run's
  std::int64_t model = -1;  ///< a logged model's number; -1: no model's
  std::string artifacts;    ///< their directory; empty: none of ours
};
Result<std::optional<Remains>> NextRemains(db::Snapshot& snapshot);
/// One bounded piece; true when there may be more of it. `tables`: those with a column run.
Result<bool> ClearPiece(db::Transaction& transaction, const Remains& remains, const std::vector<std::string>& tables,
                        std::int64_t now);
Status ForgetRemains(db::Transaction& transaction, const Remains& remains);

Result<std::vector<std::string>> PurgedBlobs(db::Snapshot& snapshot, std::int64_t limit);
Status ForgetBlob(db::Transaction& transaction, std::string_view digest);

Result<std::vector<ExperimentSize>> SizesOfExperiments(db::Snapshot& snapshot);
Result<std::vector<RunAge>> AgesOfRuns(db::Snapshot& snapshot, const ExperimentId& experiment);

}  // namespace mw::tracking::store
