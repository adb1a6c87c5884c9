// Deciding, and what is remembered together.
#include "tracking/heartbeats.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "tracking/checks.h"
#include "tracking/heartbeat_store.h"
#include "tracking/name_store.h"
#include "tracking/run.h"
#include "tracking/run_store.h"

namespace mw::tracking {
namespace {

constexpr int kIntervalsOfSilence = 4;

}  // namespace

std::vector<Heartbeat> FindLost(std::vector<Heartbeat> running, Timestamp listening_since, Timestamp now,
                                Duration silence) {
  std::erase_if(running, [&](const Heartbeat& heartbeat) {
    const Timestamp heard = std::max(heartbeat.at, listening_since);
    return now - heard <= std::max(silence, kIntervalsOfSilence * heartbeat.interval);
  });
  return running;
}

Status Heartbeats::Beat(db::Transaction& transaction, const RunId& id, Duration interval, Timestamp now) const {
  store::StoredRun run = TRY(MustFindRun(transaction, id));
  if (run.run.status == RunStatus::kRunning) {
    return store::PutHeartbeat(transaction, {run.number, id, now, interval});
  }
  if (!TRY(store::ForgetHeartbeat(transaction, run.number))) return Ok();
  run.run.status = RunStatus::kRunning;
  run.run.ended.reset();
  TRY(store::UpdateRun(transaction, run.number, run.run));
  TRY(store::PutHeartbeat(transaction, {run.number, id, now, interval}));
  return on_run_ ? on_run_(transaction, run.run) : Ok();
}

Task<Status> Heartbeats::Beat(RunId run, Duration interval) {
  if (interval <= Duration::zero() || interval > kIntervalMax) {
    co_return InvalidArgument("the interval of heartbeats is above 0 and at most 24 hours");
  }
  const Timestamp now = clock_.Now();
  co_return co_await database_.Write([&](db::Transaction& t) { return Beat(t, run, interval, now); });
}

Status Heartbeats::Fail(db::Transaction& transaction, const Heartbeat& lost) const {
  std::optional<store::StoredRun> run = TRY(store::FindRun(transaction, lost.id));
  if (!run || run->run.status != RunStatus::kRunning) return Ok();
  run->run.status = RunStatus::kFailed;
  run->run.ended = std::max(run->run.started, ToMillis(lost.at));
  TRY(store::UpdateRun(transaction, run->number, run->run));
  TRY(store::SetText(transaction, store::Texts::kTags, run->number, TRY(store::NeedName(transaction, kLostTag)),
                     Cat("no heartbeat since ", FormatTime(lost.at), "; its process or its machine is gone")));
  TRY(store::MarkLost(transaction, run->number));
  return on_run_ ? on_run_(transaction, run->run) : Ok();
}

Task<Result<std::vector<RunId>>> Heartbeats::FailLost(Timestamp listening_since, Duration silence) {
  const Timestamp now = clock_.Now();
  const auto find = [&](db::Snapshot& s) -> Result<std::vector<Heartbeat>> {
    return FindLost(TRY(store::FindHeartbeats(s)), listening_since, now, silence);
  };
  std::vector<RunId> failed;
  const std::vector<Heartbeat> silent = CO_TRY(co_await database_.Read(find));
  if (silent.empty()) co_return failed;
  co_return co_await database_.Write([&](db::Transaction& t) -> Result<std::vector<RunId>> {
    std::vector<RunId> ids;
    for (const Heartbeat& lost : TRY(find(t))) {
      TRY(Fail(t, lost));
      ids.push_back(lost.id);
    }
    return ids;
  });
}

Task<Timestamp> HeartbeatReconciler::Tick(Timestamp now) {
  // A pause of this program, or of its machine, is no silence of theirs.
  if (now - last_ > 3 * kEvery) listening_since_ = now;
  last_ = now;
  const auto failed = co_await heartbeats_.FailLost(listening_since_, silence_);
  if (!failed.ok()) LogError("looking for lost runs failed; it is tried again", {{"error", failed.error().ToString()}});
  if (failed.ok()) {
    for (const RunId& run : *failed) LogWarning("a run fell silent; it counts as failed", {{"run", run.text()}});
  }
  co_return now + kEvery;
}

}  // namespace mw::tracking
