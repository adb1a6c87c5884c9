// Collecting garbage: runs and logged models, then experiments, then what remains of them, then blobs.
#include "retention/retention.h"

#include <algorithm>
#include <utility>

#include "base/offload.h"
#include "base/text.h"
#include "registry/version_use.h"
#include "retention/rule_store.h"

namespace mw::retention {
namespace {

using tracking::Trashed;

bool Contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool IsWanted(const Collection& collection, const Trashed& run) {
  if (collection.experiments.empty() && collection.runs.empty()) return true;
  return Contains(collection.runs, run.id) || Contains(collection.experiments, run.experiment.text());
}

/// Why what is named so must stay; empty: it need not.
Result<std::string> WhyKept(db::Snapshot& snapshot, std::string_view name) {
  const std::string version = TRY(registry::VersionThatNames(snapshot, name));
  return version.empty() ? version : Cat(version, " was made of it; delete that version first");
}

/// Deletes the blob when nobody names it and it is idle: whether it did.
Result<bool> Sweep(blob::BlobStore& blobs, const DigestSet& named, const std::string& digest, Timestamp since) {
  if (named.Has(digest)) return false;
  return blobs.DeleteIfIdle(digest, since);
}

}  // namespace

Task<Result<std::vector<Rule>>> Retention::Rules() {
  co_return co_await parts_.database.Read([](db::Snapshot& s) { return store::FindRules(s); });
}

Task<Status> Retention::SetRule(Rule rule) {
  CO_TRY(CheckRule(rule));
  const std::int64_t now = ToMicros(parts_.clock.Now());
  co_return co_await parts_.database.Write([&](db::Transaction& t) -> Status {
    if (rule.experiment != kEveryExperiment) {
      TRY(tracking::Tracking::GetExperiment(t, tracking::ExperimentId(rule.experiment)));
    }
    return store::PutRule(t, rule, now);
  });
}

Task<Status> Retention::RemoveRule(std::string experiment) {
  co_return co_await parts_.database.Write([&](db::Transaction& t) -> Status {
    if (TRY(store::DeleteRule(t, experiment))) return Ok();
    return NotFound("there is no retention rule for ", Quoted(experiment));
  });
}

template <typename TakeAway>
Task<Status> Retention::Purge(const std::vector<Trashed>& wanted, bool dry_run, TakeAway take_away,
                              std::vector<Trashed>& purged, std::vector<Kept>& kept) {
  const std::int64_t now = ToMicros(parts_.clock.Now()) / 1000;
  for (const Trashed& each : wanted) {
    std::string reason;
    bool gone = false;
    const auto decide = [&](db::Transaction& t) -> Status {
      reason = TRY(WhyKept(t, each.id));
      if (reason.empty() && !dry_run) gone = TRY(take_away(t, each, now));
      return Ok();
    };
    CO_TRY(co_await parts_.database.Write(decide));
    if (!reason.empty()) kept.push_back({each.id, reason});
    if (gone || (reason.empty() && dry_run)) purged.push_back(each);
  }
  co_return Ok();
}

Task<Status> Retention::PurgeAll(Timestamp before, const Collection& collection, Report& report) {
  std::vector<Trashed> runs = CO_TRY(co_await parts_.trash.Runs(before));
  std::erase_if(runs, [&](const Trashed& run) { return !IsWanted(collection, run); });
  const auto take_run = [](db::Transaction& t, const Trashed& run, std::int64_t now) {
    return tracking::Trash::PurgeRun(t, run, now);
  };
  CO_TRY(co_await Purge(runs, collection.dry_run, take_run, report.runs, report.kept));
  if (!collection.runs.empty()) co_return Ok();
  std::vector<Trashed> models = CO_TRY(co_await parts_.trash.Models(before));
  std::erase_if(models, [&](const Trashed& model) { return !IsWanted(collection, model); });
  CO_TRY(co_await Purge(models, collection.dry_run, tracking::Trash::PurgeModel, report.models, report.kept));
  const std::vector<Trashed> experiments = CO_TRY(co_await parts_.trash.EmptyExperiments(before));
  co_return co_await PurgeExperiments(experiments, collection, report);
}

Task<Status> Retention::PurgeExperiments(const std::vector<Trashed>& experiments, const Collection& collection,
                                         Report& report) {
  for (const Trashed& experiment : experiments) {
    if (!IsWanted(collection, experiment)) continue;
    const std::string place = Cat("mlflow-artifacts:/", experiment.id, "/");
    const auto why = [&](db::Snapshot& s) { return WhyKept(s, place); };
    const std::string reason = CO_TRY(co_await parts_.database.Read(why));
    if (!reason.empty()) report.kept.push_back({experiment.id, reason});
    bool purged = collection.dry_run && reason.empty();
    if (!purged && reason.empty()) purged = CO_TRY(co_await parts_.trash.PurgeExperiment(experiment));
    if (purged) report.experiments.push_back(experiment);
  }
  co_return Ok();
}

Task<Status> Retention::ClearAway() {
  for (bool more = true; more;) more = CO_TRY(co_await parts_.trash.Clear());
  co_return Ok();
}

Task<Status> Retention::DeletePurgedBlobs(Duration grace, Report& report) {
  const Timestamp since = parts_.clock.Now() - grace;
  while (true) {
    const std::vector<std::string> digests = CO_TRY(co_await parts_.trash.PurgedBlobs());
    if (digests.empty()) co_return Ok();
    const DigestSet named =
        CO_TRY(co_await NamedBlobs(parts_.database, parts_.blobs, parts_.workers, Keep::kNamedOutsideLineage));
    std::vector<std::string> done;
    const auto sweep = [&]() -> Status {
      for (const std::string& digest : digests) {
        const Result<std::uint64_t> size = parts_.blobs.Size(digest);
        const bool gone = !size.ok() && size.error().code == Code::kNotFound;
        const bool deleted = !gone && TRY(Sweep(parts_.blobs, named, digest, since));
        if (deleted) ++report.blobs, report.blob_bytes += static_cast<std::int64_t>(size.value_or(0));
        if (gone || deleted || named.Has(digest)) done.push_back(digest);
      }
      return Ok();
    };
    CO_TRY(co_await Offload(parts_.workers, sweep));
    report.blobs_waiting = static_cast<std::int64_t>(digests.size() - done.size());
    if (done.empty()) co_return Ok();
    CO_TRY(co_await parts_.trash.ForgetBlobs(std::move(done)));
  }
}

Task<Status> Retention::SweepOrphans(const Collection& collection, Report& report) {
  const Timestamp since = parts_.clock.Now() - collection.grace;
  const DigestSet named = CO_TRY(co_await NamedBlobs(parts_.database, parts_.blobs, parts_.workers, Keep::kAllNamed));
  const auto sweep = [&]() -> Status {
    return parts_.blobs.List([&](const blob::Digest& digest, std::uint64_t size) -> Status {
      const bool gone = collection.dry_run ? !named.Has(digest) : TRY(Sweep(parts_.blobs, named, digest, since));
      if (gone) ++report.blobs, report.blob_bytes += static_cast<std::int64_t>(size);
      return Ok();
    });
  };
  co_return co_await Offload(parts_.workers, sweep);
}

Task<Result<Report>> Retention::Collect(Collection collection) {
  Report report;
  CO_TRY(co_await parts_.trash.Notice());
  const Timestamp before = parts_.clock.Now() - collection.older_than;
  CO_TRY(co_await PurgeAll(before, collection, report));
  if (!collection.dry_run) {
    CO_TRY(co_await ClearAway());
    CO_TRY(co_await DeletePurgedBlobs(collection.grace, report));
  }
  if (collection.orphans) CO_TRY(co_await SweepOrphans(collection, report));
  co_return report;
}

// ---- rules ----

Task<Status> Retention::DeleteByRule(const Rule& rule, const tracking::ExperimentId& experiment, std::int64_t& count) {
  const std::vector<tracking::RunAge> ages = CO_TRY(co_await parts_.trash.Ages(experiment));
  for (const tracking::RunId& run : RunsToDelete(rule, ages, parts_.clock.Now())) {
    const auto why = [&](db::Snapshot& s) { return WhyKept(s, run.text()); };
    const std::string reason = CO_TRY(co_await parts_.database.Read(why));
    if (!reason.empty()) continue;
    CO_TRY(co_await parts_.tracking.DeleteRun(run));
    ++count;
  }
  co_return Ok();
}

Task<Result<std::int64_t>> Retention::ApplyRules() {
  std::int64_t count = 0;
  CO_TRY(co_await parts_.trash.Notice());
  CO_TRY(co_await parts_.uploads.Forget(parts_.clock.Now() - kUploadAgeMax));
  std::map<std::string, Rule> rules;
  for (Rule& rule : CO_TRY(co_await Rules())) rules.emplace(rule.experiment, rule);
  const auto everybody = rules.find(std::string(kEveryExperiment));
  Report report;
  if (!rules.empty()) {
    for (const tracking::Experiment& experiment : CO_TRY(co_await parts_.tracking.ListExperiments("default"))) {
      const auto own = rules.find(experiment.id.text());
      const auto rule = own == rules.end() ? everybody : own;
      if (rule == rules.end()) continue;
      CO_TRY(co_await DeleteByRule(rule->second, experiment.id, count));
      if (!rule->second.trash_days) continue;
      Collection collection;
      collection.older_than = std::chrono::hours(24 * *rule->second.trash_days);
      collection.experiments.push_back(experiment.id.text());
      CO_TRY(co_await PurgeAll(parts_.clock.Now() - collection.older_than, collection, report));
    }
  }
  if (count > 0) CO_TRY(co_await parts_.trash.Notice());  // their time in the trash begins now
  CO_TRY(co_await ClearAway());
  CO_TRY(co_await DeletePurgedBlobs(kGrace, report));
  co_return count + static_cast<std::int64_t>(report.runs.size() + report.models.size() + report.experiments.size());
}

}  // namespace mw::retention
