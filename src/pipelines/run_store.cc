// Rows to records and back; compare-and-set transitions.
#include "pipelines/run_store.h"

#include <array>

#include "base/assert.h"
#include "base/text.h"

namespace mw::pipelines {
namespace {

constexpr std::string_view kProject = "default";

std::int64_t Whole(std::size_t value) { return static_cast<std::int64_t>(value); }
std::string Text(std::string_view value) { return std::string(value); }

// Outcomes of earlier attempts, one letter each.
constexpr std::array<std::pair<char, jobs::Outcome>, 5> kOutcomeLetters = {{
    {'f', jobs::Outcome::kFailedRetryable},
    {'F', jobs::Outcome::kFailedFinal},
    {'t', jobs::Outcome::kTimedOut},
    {'c', jobs::Outcome::kCanceled},
    {'l', jobs::Outcome::kLost},
}};

std::string OutcomesText(const std::vector<jobs::Outcome>& outcomes) {
  std::string text;
  for (const jobs::Outcome outcome : outcomes) {
    for (const auto& [letter, each] : kOutcomeLetters) {
      if (each == outcome) text += letter;
    }
  }
  return text;
}

std::vector<jobs::Outcome> OutcomesFromText(std::string_view text) {
  std::vector<jobs::Outcome> outcomes;
  for (const char c : text) {
    for (const auto& [letter, each] : kOutcomeLetters) {
      if (letter == c) outcomes.push_back(each);
    }
  }
  return outcomes;
}

std::string OutputsText(const std::vector<NamedArtifact>& outputs) {
  Json json = Json::MakeArray();
  for (const auto& [name, artifact] : outputs) {
    json.Append(Json::Make({{"name", name},
                            {"digest", artifact.digest},
                            {"directory", artifact.directory},
                            {"size", artifact.size_bytes},
                            {"lineage", artifact.lineage_id},
                            {"metadata", artifact.metadata}}));
  }
  return json.Dump();
}

Result<std::vector<NamedArtifact>> OutputsFromText(const std::string& text) {
  std::vector<NamedArtifact> outputs;
  const Json json = TRY(Json::Parse(text));
  if (!json.IsArray()) return DataLoss("stored outputs are no list");
  for (const Json& output : json.AsArray()) {
    NamedArtifact named;
    named.name = TRY(output.GetString("name"));
    named.artifact.digest = TRY(output.GetString("digest"));
    named.artifact.directory = TRY(output.GetBool("directory"));
    named.artifact.size_bytes = TRY(output.GetInt("size"));
    named.artifact.lineage_id = output.StringOr("lineage", "");
    if (const Json* metadata = output.Find("metadata"); metadata != nullptr) named.artifact.metadata = *metadata;
    outputs.push_back(std::move(named));
  }
  return outputs;
}

Status InsertEvent(db::Transaction& transaction, const RunEvent& event, const Clock& clock) {
  TRY(
      transaction.Execute("INSERT INTO pipeline_event (id, run_id, step, from_state, to_state, attempt_id, cause, at) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                          {NewIdText(clock), event.run.text(), event.step, event.from, event.to, event.attempt_id,
                           event.cause, ToMicros(event.at)}));
  return Ok();
}

constexpr std::string_view kRunColumns =
    "id, pipeline, state, version, base_directory, goal_file, cause, created, started, ended";

RunRecord RunFromRow(const db::Row& row) {
  RunRecord run;
  run.id = RunId(row.Text(0));
  run.pipeline = row.Text(1);
  run.state = RunStateFromName(row.Text(2));
  run.version = row.Int(3);
  run.base_directory = row.Text(4);
  run.goal_file = row.Text(5);
  run.cause = row.Text(6);
  run.created = FromMicros(row.Int(7));
  run.started = FromMicros(row.Int(8));
  run.ended = FromMicros(row.Int(9));
  return run;
}

constexpr std::string_view kTaskColumns =
    "step, state, version, attempts, outcomes, attempt_id, not_before, cache_key, cache_report, reused_from, summary, "
    "failure, findings, metrics, outputs, started, ended, cache_parts";

Result<TaskRecord> TaskFromRow(const db::Row& row) {
  TaskRecord task;
  task.step = row.Text(0);
  task.state = TaskStateFromName(row.Text(1));
  task.version = row.Int(2);
  task.attempts = static_cast<int>(row.Int(3));
  task.outcomes = OutcomesFromText(row.Text(4));
  task.attempt_id = row.Text(5);
  task.not_before = FromMicros(row.Int(6));
  task.cache_key = row.Text(7);
  task.cache_report = row.Text(8);
  task.reused_from = row.Text(9);
  task.summary = row.Text(10);
  task.failure = row.Text(11);
  task.findings = TRY(Json::Parse(row.Text(12)));
  task.metrics = TRY(Json::Parse(row.Text(13)));
  task.outputs = TRY(OutputsFromText(row.Text(14)));
  task.started = FromMicros(row.Int(15));
  task.ended = FromMicros(row.Int(16));
  task.cache_parts = row.Text(17);
  return task;
}

Error NoRun(const RunId& id) {
  return NotFound("there is no run ", Quoted(id.text()), "; `millwright status` lists the latest");
}

Result<std::vector<TaskRecord>> LoadTasks(db::Snapshot& snapshot, const RunId& id) {
  const db::Rows rows = TRY(snapshot.Query(
      Cat("SELECT ", kTaskColumns, " FROM pipeline_task WHERE run_id = ? ORDER BY position"), {id.text()}));
  std::vector<TaskRecord> tasks;
  tasks.reserve(rows.size());
  for (const db::Row& row : rows) tasks.push_back(TRY(TaskFromRow(row)));
  return tasks;
}

Result<CacheEntry> CacheEntryFromRow(const db::Row& row) {
  CacheEntry entry;
  entry.key.digest = row.Text(0);
  entry.pipeline = row.Text(1);
  entry.step = row.Text(2);
  entry.run = RunId(row.Text(3));
  entry.attempt_id = row.Text(4);
  entry.key.parts = TRY(PartsFromJson(TRY(Json::Parse(row.Text(5)))));
  entry.outputs = TRY(OutputsFromText(row.Text(6)));
  entry.summary = row.Text(7);
  entry.findings = TRY(Json::Parse(row.Text(8)));
  entry.metrics = TRY(Json::Parse(row.Text(9)));
  entry.created = FromMicros(row.Int(10));
  return entry;
}

constexpr std::string_view kCacheColumns =
    "cache_key, pipeline, step, run_id, attempt_id, parts, outputs, summary, findings, metrics, created";

}  // namespace

Status InsertRun(db::Transaction& transaction, const NewRun& run, const Clock& clock) {
  const std::int64_t created = ToMicros(run.run.created);
  TRY(
      transaction.Execute("INSERT INTO pipeline_run (id, project, pipeline, state, version, graph, source, "
                          "base_directory, goal_file, cause, "
                          "created, started, ended) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, '', ?, 0, 0)",
                          {run.run.id.text(), Text(kProject), run.run.pipeline, Text(Name(RunState::kQueued)),
                           run.graph, run.source, run.run.base_directory, run.run.goal_file, created}));
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    TRY(transaction.Execute(
        "INSERT INTO pipeline_task (run_id, position, step, state, version, attempts, outcomes, attempt_id, "
        "not_before, "
        "cache_key, cache_report, reused_from, summary, failure, findings, metrics, outputs, started, ended, "
        "cache_parts) VALUES (?, ?, ?, ?, 0, 0, '', '', 0, '', '', '', '', '', '[]', '{}', '[]', 0, 0, '')",
        {run.run.id.text(), Whole(i), run.steps[i], Text(Name(TaskState::kWaiting))}));
  }
  return InsertEvent(transaction,
                     {"", run.run.id, "", "", Text(Name(RunState::kQueued)), "", "submitted", run.run.created}, clock);
}

Status Transit(db::Transaction& transaction, const RunTransition& transition, const Clock& clock) {
  MW_ASSERT(Legal(transition.from, transition.to));
  const std::int64_t at = ToMicros(transition.at);
  const bool starts = transition.to == RunState::kRunning;
  const std::int64_t changed = TRY(transaction.Execute(
      "UPDATE pipeline_run SET state = ?, version = version + 1, cause = ?, ended = ?, "
      "started = CASE WHEN started = 0 THEN ? ELSE started END WHERE id = ? AND version = ? AND state = ?",
      {Text(Name(transition.to)), transition.cause, IsFinal(transition.to) ? at : 0, starts ? at : 0,
       transition.id.text(), transition.version, Text(Name(transition.from))}));
  if (changed != 1) return Aborted("run ", transition.id.text(), " has moved on from ", Name(transition.from));
  return InsertEvent(transaction,
                     {"", transition.id, "", Text(Name(transition.from)), Text(Name(transition.to)), "",
                      transition.cause, transition.at},
                     clock);
}

Status Transit(db::Transaction& transaction, const TaskTransition& transition, const Clock& clock) {
  const TaskRecord& to = transition.to;
  MW_ASSERT(Legal(transition.from, to.state));
  const std::int64_t changed = TRY(transaction.Execute(
      "UPDATE pipeline_task SET state = ?, version = version + 1, attempts = ?, outcomes = ?, attempt_id = ?, "
      "not_before = ?, cache_key = ?, cache_report = ?, reused_from = ?, summary = ?, failure = ?, findings = ?, "
      "metrics = ?, outputs = ?, started = ?, ended = ?, cache_parts = ? "
      "WHERE run_id = ? AND position = ? AND version = ? AND state = ?",
      {Text(Name(to.state)),
       std::int64_t{to.attempts},
       OutcomesText(to.outcomes),
       to.attempt_id,
       ToMicros(to.not_before),
       to.cache_key,
       to.cache_report,
       to.reused_from,
       to.summary,
       to.failure,
       to.findings.Dump(),
       to.metrics.Dump(),
       OutputsText(to.outputs),
       ToMicros(to.started),
       ToMicros(to.ended),
       to.cache_parts,
       transition.run.text(),
       Whole(transition.position),
       transition.version,
       Text(Name(transition.from))}));
  if (changed != 1) {
    return Aborted("step ", to.step, " of run ", transition.run.text(), " has moved on from ", Name(transition.from));
  }
  return InsertEvent(transaction,
                     {"", transition.run, to.step, Text(Name(transition.from)), Text(Name(to.state)), to.attempt_id,
                      transition.cause, transition.at},
                     clock);
}

Status RequestCancel(db::Transaction& transaction, const RunId& id, const std::string& cause, const Clock& clock) {
  const RunRecord run = TRY(LoadRunRecord(transaction, id));
  if (run.state == RunState::kCanceling) return Ok();
  if (IsFinal(run.state)) {
    return FailedPrecondition("run ", id.text(), " has ended already: ", Name(run.state),
                              "; there is nothing to cancel");
  }
  return Transit(transaction, RunTransition{id, run.state, RunState::kCanceling, run.version, cause, clock.Now()},
                 clock);
}

Status RetryRun(db::Transaction& transaction, const RunId& id, const Clock& clock) {
  const StoredRun stored = TRY(LoadRun(transaction, id));
  if (!Legal(stored.run.state, RunState::kQueued)) {
    return FailedPrecondition("run ", id.text(), " is ", Name(stored.run.state),
                              "; only a failed or canceled run can be retried");
  }
  const Timestamp now = clock.Now();
  for (std::size_t i = 0; i < stored.tasks.size(); ++i) {
    const TaskRecord& before = stored.tasks[i];
    if (IsDone(before.state)) continue;
    TaskRecord after;
    after.step = before.step;
    after.attempts = before.attempts;
    after.attempt_id = before.attempt_id;
    TRY(Transit(transaction, TaskTransition{id, i, before.state, before.version, after, "retry of the run", now},
                clock));
  }
  return Transit(transaction,
                 RunTransition{id, stored.run.state, RunState::kQueued, stored.run.version, "retry of the run", now},
                 clock);
}

Result<StoredRun> LoadRun(db::Snapshot& snapshot, const RunId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kRunColumns, ", graph FROM pipeline_run WHERE id = ?"), {id.text()}));
  if (rows.empty()) return NoRun(id);
  auto tasks = TRY(LoadTasks(snapshot, id));
  return StoredRun{RunFromRow(rows[0]), rows[0].Text(10), std::move(tasks)};
}

Result<RunRecord> LoadRunRecord(db::Snapshot& snapshot, const RunId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kRunColumns, " FROM pipeline_run WHERE id = ?"), {id.text()}));
  if (rows.empty()) return NoRun(id);
  return RunFromRow(rows[0]);
}

Result<std::vector<RunId>> OpenRuns(db::Snapshot& snapshot) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT id FROM pipeline_run WHERE state IN (?, ?, ?) ORDER BY id",
      {Text(Name(RunState::kQueued)), Text(Name(RunState::kRunning)), Text(Name(RunState::kCanceling))}));
  std::vector<RunId> ids;
  for (const db::Row& row : rows) ids.emplace_back(row.Text(0));
  return ids;
}

Result<std::vector<RunRecord>> ListRuns(db::Snapshot& snapshot, const RunFilter& filter) {
  std::string sql = Cat("SELECT ", kRunColumns, " FROM pipeline_run WHERE 1 = 1");
  db::Values values;
  if (!filter.pipeline.empty()) {
    sql += " AND pipeline = ?";
    values.emplace_back(filter.pipeline);
  }
  if (!filter.before.empty()) {
    sql += " AND id < ?";
    values.emplace_back(filter.before.text());
  }
  sql += " ORDER BY id DESC LIMIT ?";
  values.emplace_back(std::int64_t{filter.limit});
  std::vector<RunRecord> runs;
  for (const db::Row& row : TRY(snapshot.Query(sql, values))) runs.push_back(RunFromRow(row));
  return runs;
}

Result<std::vector<RunEvent>> RunEvents(db::Snapshot& snapshot, const RunId& id, const std::string& after, int limit) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT id, step, from_state, to_state, attempt_id, cause, at FROM pipeline_event "
                         "WHERE run_id = ? AND id > ? ORDER BY id LIMIT ?",
                         {id.text(), after, std::int64_t{limit}}));
  std::vector<RunEvent> events;
  for (const db::Row& row : rows) {
    events.push_back(
        {row.Text(0), id, row.Text(1), row.Text(2), row.Text(3), row.Text(4), row.Text(5), FromMicros(row.Int(6))});
  }
  return events;
}

Status PutCacheEntry(db::Transaction& transaction, const CacheEntry& entry) {
  TRY(transaction.Execute("DELETE FROM pipeline_cache WHERE cache_key = ?", {entry.key.digest}));
  TRY(transaction.Execute(
      "INSERT INTO pipeline_cache (cache_key, pipeline, step, run_id, attempt_id, parts, outputs, summary, findings, "
      "metrics, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {entry.key.digest, entry.pipeline, entry.step, entry.run.text(), entry.attempt_id,
       PartsToJson(entry.key.parts).Dump(), OutputsText(entry.outputs), entry.summary, entry.findings.Dump(),
       entry.metrics.Dump(), ToMicros(entry.created)}));
  return Ok();
}

Result<std::optional<CacheEntry>> FindCacheEntry(db::Snapshot& snapshot, const std::string& key) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kCacheColumns, " FROM pipeline_cache WHERE cache_key = ?"), {key}));
  if (rows.empty()) return std::optional<CacheEntry>();
  return std::optional<CacheEntry>(TRY(CacheEntryFromRow(rows[0])));
}

Result<std::vector<CacheEntry>> EarlierEntries(db::Snapshot& snapshot, const std::string& pipeline,
                                               const std::string& step, int limit) {
  const db::Rows rows = TRY(snapshot.Query(Cat("SELECT ", kCacheColumns,
                                               " FROM pipeline_cache WHERE pipeline = ? AND "
                                               "step = ? ORDER BY created DESC, cache_key LIMIT ?"),
                                           {pipeline, step, std::int64_t{limit}}));
  std::vector<CacheEntry> entries;
  for (const db::Row& row : rows) entries.push_back(TRY(CacheEntryFromRow(row)));
  return entries;
}

Result<std::vector<PastTask>> PastTasks(db::Snapshot& snapshot, const std::string& pipeline, int runs) {
  const db::Rows ids = TRY(snapshot.Query("SELECT id FROM pipeline_run WHERE pipeline = ? ORDER BY id DESC LIMIT ?",
                                          {pipeline, std::int64_t{runs}}));
  std::vector<PastTask> past;
  for (const db::Row& id : ids) {
    const db::Rows rows =
        TRY(snapshot.Query("SELECT step, started, ended FROM pipeline_task WHERE run_id = ? AND state = ?",
                           {id.Text(0), Text(Name(TaskState::kSucceeded))}));
    for (const db::Row& row : rows) past.push_back({row.Text(0), Duration(row.Int(2) - row.Int(1))});
  }
  return past;
}

}  // namespace mw::pipelines
