// The trash: what happens together.
#include "tracking/trash.h"

#include "db/catalogue.h"
#include "tracking/artifacts.h"
#include "tracking/run.h"
#include "tracking/trash_store.h"

namespace mw::tracking {
namespace {

constexpr std::int64_t kBlobsMax = 10'000;  // of one PurgedBlobs

/// Tables of tracking with that column, whatever the module keeps of a run or of an experiment, but for those that
/// purging keeps itself.
Task<Result<std::vector<std::string>>> TablesWith(db::Database& database, std::string_view column) {
  std::vector<std::string> tables;
  for (const db::Column& one : CO_TRY(co_await db::Columns(database))) {
    const bool ours = one.table.starts_with("tracking_") && one.name == column && !one.is_text;
    if (ours && one.table != "tracking_remains" && one.table != "tracking_runs") tables.push_back(one.table);
  }
  co_return tables;
}

}  // namespace

std::optional<std::string> ArtifactPlace(std::string_view uri) {
  constexpr std::string_view kScheme = "mlflow-artifacts:";
  if (!uri.starts_with(kScheme)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  if (uri.starts_with("//") && !uri.starts_with("///")) return std::nullopt;  // another server's
  while (uri.starts_with('/')) uri.remove_prefix(1);
  while (uri.ends_with('/')) uri.remove_suffix(1);
  if (uri.empty() || !Artifacts::CheckPath(uri).ok()) return std::nullopt;
  return std::string(uri);
}

Task<Status> Trash::Notice() {
  const std::int64_t now = ToMillis(clock_.Now());
  if (!CO_TRY(co_await database_.Read([](db::Snapshot& s) { return store::AnyToNotice(s); }))) co_return Ok();
  co_return co_await database_.Write([&](db::Transaction& t) { return store::NoticeDeleted(t, now); });
}

Task<Result<std::vector<Trashed>>> Trash::Runs(Timestamp before) {
  const std::int64_t then = ToMillis(before);
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::TrashedRuns(s, then); });
}

Task<Result<std::vector<Trashed>>> Trash::Models(Timestamp before) {
  const std::int64_t then = ToMillis(before);
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::TrashedModels(s, then); });
}

Task<Result<std::vector<Trashed>>> Trash::EmptyExperiments(Timestamp before) {
  const std::int64_t then = ToMillis(before);
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::EmptyDeletedExperiments(s, then); });
}

Result<bool> Trash::PurgeRun(db::Transaction& transaction, const Trashed& run, std::int64_t now) {
  return store::TakeRun(transaction, run, ArtifactPlace(run.artifact_uri), now);
}

Task<Result<bool>> Trash::PurgeRun(Trashed run) {
  const std::int64_t now = ToMillis(clock_.Now());
  co_return co_await database_.Write([&](db::Transaction& t) { return PurgeRun(t, run, now); });
}

Result<bool> Trash::PurgeModel(db::Transaction& transaction, const Trashed& model, std::int64_t now) {
  return store::TakeModel(transaction, model, ArtifactPlace(model.artifact_uri), now);
}

Task<Result<bool>> Trash::PurgeExperiment(Trashed experiment) {
  const std::int64_t now = ToMillis(clock_.Now());
  const std::optional<std::string> place = ArtifactPlace(experiment.artifact_uri);
  const std::vector<std::string> tables = CO_TRY(co_await TablesWith(database_, "experiment_id"));
  co_return co_await database_.Write(
      [&](db::Transaction& t) { return store::TakeExperiment(t, experiment, place, tables, now); });
}

Task<Result<bool>> Trash::Clear() {
  const std::int64_t now = ToMillis(clock_.Now());
  const auto next = [](db::Snapshot& s) { return store::NextRemains(s); };
  const std::optional<store::Remains> remains = CO_TRY(co_await database_.Read(next));
  if (!remains) co_return false;
  const std::vector<std::string> tables = CO_TRY(co_await TablesWith(database_, "run"));
  co_return co_await database_.Write([&](db::Transaction& t) -> Result<bool> {
    if (!TRY(store::ClearPiece(t, *remains, tables, now))) TRY(store::ForgetRemains(t, *remains));
    return true;
  });
}

Task<Result<std::vector<std::string>>> Trash::PurgedBlobs() {
  co_return co_await database_.Read([](db::Snapshot& s) { return store::PurgedBlobs(s, kBlobsMax); });
}

Task<Status> Trash::ForgetBlobs(std::vector<std::string> digests) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    for (const std::string& digest : digests) TRY(store::ForgetBlob(t, digest));
    return Ok();
  });
}

Task<Result<std::vector<ExperimentSize>>> Trash::Sizes() {
  co_return co_await database_.Read([](db::Snapshot& s) { return store::SizesOfExperiments(s); });
}

Task<Result<std::vector<RunAge>>> Trash::Ages(ExperimentId experiment) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::AgesOfRuns(s, experiment); });
}

}  // namespace mw::tracking
