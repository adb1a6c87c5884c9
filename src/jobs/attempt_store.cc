// Remember: attempts in the database. The declarations are in the door, jobs.h.
#include <array>

#include "base/text.h"
#include "jobs/jobs.h"
#include "jobs/spec_json.h"

namespace mw::jobs {
namespace {

constexpr std::string_view kColumns =
    "id, run_id, task, number, state, cancel_requested, spec, cpu, memory_bytes, created_at, started_at, outcome, "
    "exit_code, signal, message, ended_at, cpu_seconds, memory_peak_bytes";

constexpr std::array kStates = {State::kLaunching, State::kRunning, State::kEnded};
constexpr std::array kOutcomes = {Outcome::kNone,        Outcome::kSucceeded, Outcome::kFailedRetryable,
                                  Outcome::kFailedFinal, Outcome::kTimedOut,  Outcome::kCanceled,
                                  Outcome::kLost};

Result<State> StateFromName(std::string_view name) {
  for (const State state : kStates) {
    if (StateName(state) == name) return state;
  }
  return DataLoss("an attempt is stored in the unknown state ", Quoted(name));
}

Result<Outcome> OutcomeFromName(std::string_view name) {
  for (const Outcome outcome : kOutcomes) {
    if (OutcomeName(outcome) == name) return outcome;
  }
  return DataLoss("an attempt is stored with the unknown outcome ", Quoted(name));
}

Result<Attempt> FromRow(const db::Row& row) {
  Attempt attempt;
  attempt.id = AttemptId(row.Text(0));
  attempt.run_id = row.Text(1);
  attempt.task = row.Text(2);
  attempt.number = static_cast<int>(row.Int(3));
  attempt.state = TRY(StateFromName(row.Text(4)));
  attempt.cancel_requested = row.Int(5) != 0;
  attempt.spec = TRY(SpecFromJson(row.Text(6)));
  attempt.spec.attempt_id = row.Text(0);
  attempt.resources = {row.Double(7), row.Int(8)};
  attempt.created = FromMicros(row.Int(9));
  attempt.started = FromMicros(row.Int(10));
  attempt.ending.outcome = TRY(OutcomeFromName(row.Text(11)));
  attempt.ending.exit_code = static_cast<int>(row.Int(12));
  attempt.ending.signal = static_cast<int>(row.Int(13));
  attempt.ending.message = row.Text(14);
  attempt.ending.at = FromMicros(row.Int(15));
  attempt.ending.cpu_seconds = row.Double(16);
  attempt.ending.memory_peak_bytes = row.Int(17);
  return attempt;
}

Result<std::vector<Attempt>> Select(db::Snapshot& snapshot, std::string_view rest, const db::Values& parameters) {
  const db::Rows rows = TRY(snapshot.Query(Cat("SELECT ", kColumns, " FROM jobs_attempt ", rest), parameters));
  std::vector<Attempt> attempts;
  attempts.reserve(rows.size());
  for (const db::Row& row : rows) attempts.push_back(TRY(FromRow(row)));
  return attempts;
}

// What `sql` changed, or why nothing: the attempt has ended (false), or there is none.
Result<bool> ChangeOpen(db::Transaction& transaction, std::string_view sql, const db::Values& parameters,
                        const AttemptId& id) {
  if (TRY(transaction.Execute(sql, parameters)) > 0) return true;
  TRY(Get(transaction, id));
  return false;
}

}  // namespace

Status Insert(db::Transaction& transaction, const Attempt& attempt) {
  const Ending& ending = attempt.ending;
  const db::Values values = {attempt.id.text(),
                             attempt.run_id,
                             attempt.task,
                             std::int64_t{attempt.number},
                             std::string(StateName(attempt.state)),
                             std::int64_t{attempt.cancel_requested ? 1 : 0},
                             SpecToJson(attempt.spec),
                             attempt.resources.cpu,
                             attempt.resources.memory_bytes,
                             ToMicros(attempt.created),
                             ToMicros(attempt.started),
                             std::string(OutcomeName(ending.outcome)),
                             std::int64_t{ending.exit_code},
                             std::int64_t{ending.signal},
                             ending.message,
                             ToMicros(ending.at),
                             ending.cpu_seconds,
                             ending.memory_peak_bytes};
  TRY(transaction.Execute(
      Cat("INSERT INTO jobs_attempt (", kColumns, ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      values));
  return Ok();
}

Status MarkRunning(db::Transaction& transaction, const AttemptId& id, Timestamp started) {
  const bool open = TRY(ChangeOpen(
      transaction,
      "UPDATE jobs_attempt SET started_at = CASE state WHEN 'LAUNCHING' THEN ? ELSE started_at END, state = 'RUNNING' "
      "WHERE id = ? AND state <> 'ENDED'",
      {ToMicros(started), id.text()}, id));
  if (!open) return FailedPrecondition("attempt ", id.text(), " has ended");
  return Ok();
}

Result<bool> End(db::Transaction& transaction, const AttemptId& id, const Ending& ending) {
  return ChangeOpen(
      transaction,
      "UPDATE jobs_attempt SET state = 'ENDED', outcome = ?, exit_code = ?, signal = ?, message = ?, "
      "ended_at = ?, cpu_seconds = ?, memory_peak_bytes = ? WHERE id = ? AND state <> 'ENDED'",
      {std::string(OutcomeName(ending.outcome)), std::int64_t{ending.exit_code}, std::int64_t{ending.signal},
       ending.message, ToMicros(ending.at), ending.cpu_seconds, ending.memory_peak_bytes, id.text()},
      id);
}

Status RequestCancel(db::Transaction& transaction, const AttemptId& id) {
  TRY(ChangeOpen(transaction, "UPDATE jobs_attempt SET cancel_requested = 1 WHERE id = ? AND state <> 'ENDED'",
                 {id.text()}, id));
  return Ok();
}

Result<Attempt> Get(db::Snapshot& snapshot, const AttemptId& id) {
  std::vector<Attempt> found = TRY(Select(snapshot, "WHERE id = ?", {id.text()}));
  if (found.empty()) return NotFound("there is no attempt ", Quoted(id.text()));
  return std::move(found.front());
}

Result<std::vector<Attempt>> Open(db::Snapshot& snapshot) {
  return Select(snapshot, "WHERE state <> 'ENDED' ORDER BY created_at, id", {});
}

Result<std::vector<Attempt>> OfRun(db::Snapshot& snapshot, const std::string& run_id) {
  return Select(snapshot, "WHERE run_id = ? ORDER BY task, number", {run_id});
}

Result<std::vector<std::string>> MoveDirectories(db::Transaction& transaction, const std::string& from,
                                                 const std::string& to) {
  std::vector<std::string> open;
  for (Attempt& attempt : TRY(Select(transaction, "ORDER BY id", {}))) {
    std::string& directory = attempt.spec.directory;
    if (directory.starts_with(from + "/")) directory = to + directory.substr(from.size());
    if (attempt.state != State::kEnded) {
      attempt.state = State::kRunning;
      open.push_back(directory);
    }
    TRY(transaction.Execute("UPDATE jobs_attempt SET spec = ?, state = ? WHERE id = ?",
                            {SpecToJson(attempt.spec), std::string(StateName(attempt.state)), attempt.id.text()}));
  }
  return open;
}

}  // namespace mw::jobs
