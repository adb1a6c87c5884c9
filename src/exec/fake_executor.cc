// Attempts on simulated time: see the header.
#include "exec/fake_executor.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "exec/attempt_directory.h"
#include "exec/attempt_files.h"

namespace mw::exec {
namespace {

// FNV-1a: the same on every machine, unlike std::hash.
std::uint64_t HashText(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return hash;
}

Timestamp After(Timestamp from, Duration by) { return from == kNever ? kNever : from + by; }

void WriteLog(const AttemptSpec& spec, const std::string& text) {
  MW_ASSERT(MakeDirectories(spec.directory).ok());
  MW_ASSERT(WriteFileDurably(Cat(spec.directory, '/', kLogFile), text).ok());
}

}  // namespace

FakeExecutor::FakeExecutor(const Clock& clock, FakeProgram program, FakeFaults faults, std::uint64_t seed)
    : clock_(clock), program_(std::move(program)), faults_(faults), seed_(seed) {}

double FakeExecutor::Draw(const std::string& attempt_id, const char* what, int number) const {
  return Random(seed_ ^ HashText(Cat(attempt_id, '/', what, number))).Uniform();
}

Status FakeExecutor::Launch(const AttemptSpec& spec) {
  TRY(CheckSpec(spec));
  const Lock lock(mutex_);
  const int call = launches_++;
  if (Draw(spec.attempt_id, "launch_fails", call) < faults_.launch_fails) {
    return Unavailable("attempt ", spec.attempt_id, " could not be launched just now");
  }
  Entry& entry = entries_[spec.attempt_id];
  if (entry.state == AttemptState::kUnknown) {
    entry.spec = spec;
    entry.run = program_(spec);
    const bool slow = Draw(spec.attempt_id, "slow_start") < faults_.slow_start;
    const double share = slow ? Draw(spec.attempt_id, "how_slow") : 0;
    entry.starts_at =
        clock_.Now() + Duration(static_cast<std::int64_t>(share * static_cast<double>(faults_.slow_start_max.count())));
    const bool hangs = Draw(spec.attempt_id, "hang") < faults_.hang;
    entry.ends_at = hangs ? kNever : entry.starts_at + entry.run.lasts;
    if (Draw(spec.attempt_id, "lost") < faults_.lost) {
      entry.lost_at =
          entry.starts_at + Duration(static_cast<std::int64_t>(Draw(spec.attempt_id, "when_lost") *
                                                               static_cast<double>(entry.run.lasts.count())));
    }
    entry.state = AttemptState::kStarting;
    Advance(entry, clock_.Now());
  }
  if (Draw(spec.attempt_id, "launch_unheard", call) < faults_.launch_unheard) {
    return Unavailable("no answer about the launch of attempt ", spec.attempt_id);
  }
  return Ok();
}

Result<AttemptStatus> FakeExecutor::Poll(const std::string& attempt_id, const std::string&) {
  const Lock lock(mutex_);
  const auto found = entries_.find(attempt_id);
  if (found == entries_.end()) return AttemptStatus{};
  Advance(found->second, clock_.Now());
  return AttemptStatus{found->second.state, found->second.exit};
}

Status FakeExecutor::Cancel(const std::string& attempt_id, const std::string&) {
  const Lock lock(mutex_);
  Entry& entry = entries_[attempt_id];
  Advance(entry, clock_.Now());
  if (entry.state == AttemptState::kUnknown || entry.state == AttemptState::kStarting) {
    entry.state = AttemptState::kExited;
    entry.exit = ExitRecord{};
    entry.exit->canceled = true;
    entry.exit->failure = "canceled before it started";
  }
  entry.cancel_at = std::min(entry.cancel_at, clock_.Now());
  return Ok();
}

void FakeExecutor::OnChange(std::function<void()> wake) {
  const Lock lock(mutex_);
  wake_ = std::move(wake);
}

// The first of: by itself, by cancel, by timeout; the latter two take the grace when SIGTERM is ignored.
FakeExecutor::End FakeExecutor::EndOf(const Entry& entry) {
  End end;
  end.at = entry.ends_at;
  const Timestamp deadline = entry.spec.timeout.count() > 0 ? entry.starts_at + entry.spec.timeout : kNever;
  const Timestamp told = std::min(entry.cancel_at, deadline);
  if (told >= end.at) return end;
  end.canceled = entry.cancel_at <= deadline;
  end.timed_out = !end.canceled;
  const Timestamp killed = entry.run.ignores_sigterm ? After(told, entry.spec.grace) : told;
  end.killed = killed < end.at;
  end.at = std::min(end.at, killed);
  return end;
}

Timestamp FakeExecutor::NextOf(const Entry& entry) {
  if (entry.state == AttemptState::kStarting) return entry.starts_at;
  if (entry.state == AttemptState::kRunning) return std::min(EndOf(entry).at, entry.lost_at);
  return kNever;
}

bool FakeExecutor::Advance(Entry& entry, Timestamp now) {
  bool changed = false;
  if (entry.state == AttemptState::kStarting && now >= entry.starts_at) {
    entry.state = AttemptState::kRunning;
    if (entry.run.cannot_start.empty()) ++entry.starts;
    changed = true;
  }
  if (entry.state != AttemptState::kRunning) return changed;
  const End end = EndOf(entry);
  if (entry.lost_at < end.at && now >= entry.lost_at) {
    entry.state = AttemptState::kLost;
    return true;
  }
  if (now < end.at && entry.run.cannot_start.empty()) return changed;
  Finish(entry, end);
  return true;
}

void FakeExecutor::Finish(Entry& entry, const End& end) {
  entry.state = AttemptState::kExited;
  ExitRecord exit;
  exit.started = entry.starts_at;
  exit.ended = entry.run.cannot_start.empty() ? end.at : entry.starts_at;
  exit.failure = entry.run.cannot_start;
  exit.failure_errno = exit.failure.empty() ? 0 : ENOENT;
  exit.canceled = end.canceled;
  exit.timed_out = end.timed_out;
  exit.signal = end.killed ? (entry.run.ignores_sigterm ? SIGKILL : SIGTERM) : entry.run.signal;
  if (exit.signal == 0 && exit.failure.empty()) exit.exit_code = entry.run.exit_code;
  if (!entry.run.log.empty()) WriteLog(entry.spec, entry.run.log);
  if (!end.killed && exit.failure.empty() && entry.run.effect) entry.run.effect();
  entry.exit = exit;
}

Timestamp FakeExecutor::NextChange() const {
  const Lock lock(mutex_);
  Timestamp next = kNever;
  for (const auto& [id, entry] : entries_) next = std::min(next, NextOf(entry));
  return next;
}

void FakeExecutor::Settle() {
  std::function<void()> wake;
  {
    const Lock lock(mutex_);
    const Timestamp now = clock_.Now();
    bool changed = false;
    for (Entry* due = nullptr;; due = nullptr) {
      for (auto& [id, entry] : entries_) {
        if (NextOf(entry) <= now && (due == nullptr || NextOf(entry) < NextOf(*due))) due = &entry;
      }
      if (due == nullptr) break;
      changed = Advance(*due, NextOf(*due)) || changed;
    }
    if (changed) wake = wake_;
  }
  if (wake) wake();
}

void FakeExecutor::PowerCut() {
  const Lock lock(mutex_);
  for (auto& [id, entry] : entries_) {
    Advance(entry, clock_.Now());
    if (entry.state == AttemptState::kRunning) entry.state = AttemptState::kLost;
    if (entry.state == AttemptState::kStarting) entry.state = AttemptState::kUnknown;
  }
}

int FakeExecutor::Starts(const std::string& attempt_id) const {
  const Lock lock(mutex_);
  const auto found = entries_.find(attempt_id);
  return found == entries_.end() ? 0 : found->second.starts;
}

int FakeExecutor::Running() const {
  const Lock lock(mutex_);
  return static_cast<int>(std::count_if(entries_.begin(), entries_.end(),
                                        [](const auto& item) { return item.second.state == AttemptState::kRunning; }));
}

}  // namespace mw::exec
