// Which windows changed, and what follows.
#include "monitoring/production_reconciler.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "monitoring/baselines.h"

namespace mw::monitoring {
namespace {

constexpr int kDeploymentsShown = 100;

// Hours of event time are the grain of predictions; a window may begin within one.
Timestamp HourOf(Timestamp at) { return std::chrono::floor<std::chrono::hours>(at); }

void KeepRow(predictions::JoinedRows& rows, std::size_t from, std::size_t to) {
  rows.ids[to] = std::move(rows.ids[from]);
  if (!rows.keys.empty()) rows.keys[to] = std::move(rows.keys[from]);
  rows.versions[to] = rows.versions[from];
  rows.event_times_us[to] = rows.event_times_us[from];
  rows.predictions[to] = rows.predictions[from];
  rows.labels[to] = rows.labels[from];
  rows.delays_us[to] = rows.delays_us[from];
  rows.weights[to] = rows.weights[from];
  const auto keep = [&](std::vector<float>& values, std::size_t width) {
    if (values.empty()) return;
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(from * width), width,
                values.begin() + static_cast<std::ptrdiff_t>(to * width));
  };
  keep(rows.features, rows.feature_names.size());
  keep(rows.class_probabilities, rows.classes.size());
}

// Only rows whose event time lies in the window.
void Trim(predictions::JoinedRows& rows, const goals::Window& window) {
  if (HourOf(window.from) == window.from && HourOf(window.until) == window.until) return;
  std::size_t kept = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Timestamp at = FromMicros(rows.event_times_us[row]);
    if (at < window.from || at >= window.until) continue;
    if (kept != row) KeepRow(rows, row, kept);
    ++kept;
  }
  rows.ids.resize(kept);
  if (!rows.keys.empty()) rows.keys.resize(kept);
  rows.versions.resize(kept);
  rows.event_times_us.resize(kept);
  rows.predictions.resize(kept);
  rows.labels.resize(kept);
  rows.delays_us.resize(kept);
  rows.weights.resize(kept);
  if (!rows.features.empty()) rows.features.resize(kept * rows.feature_names.size());
  if (!rows.class_probabilities.empty()) rows.class_probabilities.resize(kept * rows.classes.size());
}

// What tells one state of a window's judgement from another: outcomes, and the data once they are complete.
std::string StateOf(const MeasuredWindow& window) {
  std::string state;
  for (const MeasuredTarget& target : window.targets) {
    CatTo(state, target.verdict.target, "=", goals::OutcomeName(target.verdict.outcome), ";");
  }
  if (!window.open && !window.provisional) CatTo(state, window.rows, "/", window.labelled);
  return state;
}

std::vector<goals::TargetVerdict> VerdictsOf(const MeasuredWindow& window, const goals::WindowLength& length,
                                             const std::vector<goals::Target>& lines) {
  std::vector<goals::TargetVerdict> verdicts;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!(lines[i].window == length)) continue;
    verdicts.push_back(window.targets[i].verdict);
    verdicts.back().window = window.window.label;
  }
  return verdicts;
}

bool HasMissed(const MeasuredWindow& window) {
  return std::any_of(window.targets.begin(), window.targets.end(),
                     [](const MeasuredTarget& target) { return target.verdict.outcome == goals::Outcome::kMissed; });
}

const VersionFacts* Find(const std::vector<VersionFacts>& versions, std::int64_t version) {
  for (const VersionFacts& facts : versions) {
    if (facts.version == version) return &facts;
  }
  return nullptr;
}

}  // namespace

struct ProductionReconciler::Tracked {
  goals::Goal goal;
  std::int64_t goal_version = 0;
  std::string endpoint;
  std::vector<VersionFacts> versions;
  std::int64_t cursor = 0;  // changes of predictions up to here are in `due`
  std::map<Key, goals::Window> due;
  Timestamp due_since{}, last_change{};
  std::map<Key, MeasuredWindow> measured;
  std::map<Key, evaluation::AnsweredRows> references;  // rows with labels, for the estimates of later windows
  std::map<Key, std::string> recorded;                 // StateOf
  std::vector<goals::WindowLength> lengths;

  [[nodiscard]] goals::WindowLength LengthOf(const std::string& text) const {
    for (const goals::WindowLength& length : lengths) {
      if (goals::FormatWindowLength(length) == text) return length;
    }
    return {};
  }
  void AddReference(const Key& before, ProductionInput& input) const {
    evaluation::AnsweredRows& all = input.reference;
    all.problem = goal.problem;
    if (goal.problem == goals::Problem::kMulticlassClassification) all.classes = input.rows.classes;
    for (auto at = references.lower_bound(before); at != references.begin() && all.labels.size() < kReferenceRowsMax;) {
      --at;
      const evaluation::AnsweredRows& rows = at->second;
      if (at->first.length != before.length) break;
      if (rows.classes != all.classes) continue;  // before a class was known
      all.labels.insert(all.labels.end(), rows.labels.begin(), rows.labels.end());
      all.answers.insert(all.answers.end(), rows.answers.begin(), rows.answers.end());
    }
  }
};

ProductionReconciler::ProductionReconciler(const Parts& parts) : parts_(parts) {}

ProductionReconciler::~ProductionReconciler() = default;

Task<Result<std::string>> ProductionReconciler::EndpointOf(std::string model) {
  const std::vector<endpoints::EndpointView> views = CO_TRY(co_await parts_.endpoints.List());
  std::string found;
  for (const endpoints::EndpointView& view : views) {
    if (view.current.model != model) continue;
    if (found.empty() || view.current.endpoint == model) found = view.current.endpoint;
  }
  co_return found;
}

// Goals and endpoints come, change and go; one that changed is measured anew from the beginning.
Task<Status> ProductionReconciler::Refresh() {
  const std::vector<goals::StoredGoal> stored = CO_TRY(co_await parts_.goals.List(std::string(kProject)));
  std::set<std::string> names;
  for (const goals::StoredGoal& goal : stored) {
    names.insert(goal.name);
    std::unique_ptr<Tracked>& tracked = tracked_[goal.name];
    Result<goals::Goal> parsed = goals::ParseGoal(goal.source, goal.name);
    if (!parsed.ok()) {
      LogWarning("a goal cannot be read any more", {{"goal", goal.name}, {"error", parsed.error().ToString()}});
      continue;
    }
    const std::string endpoint = CO_TRY(co_await EndpointOf(parsed->model));
    if (tracked && tracked->goal_version == goal.version && tracked->endpoint == endpoint) continue;
    tracked = std::make_unique<Tracked>();
    tracked->goal = *std::move(parsed);
    tracked->goal_version = goal.version;
    tracked->endpoint = endpoint;
    tracked->lengths = LengthsOf(tracked->goal);
    Publish(*tracked);
  }
  std::erase_if(tracked_, [&](const auto& entry) { return !names.contains(entry.first) || !entry.second; });
  co_return Ok();
}

void ProductionReconciler::MarkDue(Tracked& tracked, Timestamp now) {
  if (tracked.endpoint.empty()) return;
  const std::int64_t changes = parts_.predictions.changes();
  if (changes == tracked.cursor || now < tracked.last_change + kLookEvery) return;
  const bool was_idle = tracked.due.empty();
  for (const predictions::ChangedWindow& changed : parts_.predictions.ChangedSince(tracked.cursor)) {
    if (changed.endpoint != tracked.endpoint) continue;
    const Timestamp from = changed.window_start, until = from + changed.window_length;
    for (const goals::WindowLength& length : tracked.lengths) {
      for (goals::Window& window : goals::WindowsOf(length, tracked.goal.zone, from, until)) {
        tracked.due.try_emplace({goals::FormatWindowLength(length), window.from}, std::move(window));
      }
    }
    tracked.last_change = now;
  }
  tracked.cursor = changes;
  if (was_idle && !tracked.due.empty()) tracked.due_since = now;
  Publish(tracked);
}

Task<Result<ProductionInput>> ProductionReconciler::Gather(std::string endpoint, goals::Window window) {
  ProductionInput input;
  const predictions::WindowRange range{endpoint, 0, HourOf(window.from), window.until};
  input.rows = CO_TRY(co_await parts_.predictions.Joined(range));
  input.hours = parts_.predictions.Windows(range);
  const predictions::LabelCoverage coverage = CO_TRY(co_await parts_.predictions.Coverage(range));
  if (std::isfinite(coverage.delay_p95_s)) input.label_delay_p95_s = coverage.delay_p95_s;
  const predictions::WindowRange all{endpoint};
  for (const predictions::WindowSummary& hour : parts_.predictions.Windows(all)) {
    input.seen_until = std::max(input.seen_until, hour.window_start + hour.window_length);
  }
  Trim(input.rows, window);
  input.window = std::move(window);
  co_return input;
}

Task<Status> ProductionReconciler::MeasureOne(Tracked& tracked, goals::WindowLength length, goals::Window window) {
  const Key key{goals::FormatWindowLength(length), window.from};
  ProductionInput input = CO_TRY(co_await Gather(tracked.endpoint, std::move(window)));
  input.versions = &tracked.versions;
  tracked.AddReference(key, input);
  const auto work = [&] {
    tracked.references[key] = Labelled(tracked.goal.problem, input.rows).answered;
    return MeasureWindow(tracked.goal, input);
  };
  Result<MeasuredWindow> measured = co_await OnWorkers(parts_.workers, work);
  if (!measured.ok()) {
    LogWarning("a window cannot be measured",
               {{"goal", tracked.goal.name}, {"window", input.window.label}, {"error", measured.error().ToString()}});
    co_return Ok();
  }
  tracked.measured[key] = *std::move(measured);
  co_return co_await RecordOne(tracked, key);
}

Task<Status> ProductionReconciler::RecordOne(Tracked& tracked, Key key) {
  const MeasuredWindow& window = tracked.measured.at(key);
  std::string state = StateOf(window);
  if (tracked.recorded[key] == state) co_return Ok();
  goals::EvaluationContext context;
  const std::string digest = Sha256Hex(Cat(state, window.rows, "/", window.labelled)).substr(0, 16);
  context.id = Cat("production/", tracked.goal.name, "/", tracked.goal_version, "/", key.length, "/",
                   FormatTime(key.from), "/v", window.version, "/", digest);
  context.stage = goals::Stage::kProduction;
  context.model = tracked.goal.model;
  context.model_version = window.version;
  std::vector<goals::TargetVerdict> verdicts = VerdictsOf(window, tracked.LengthOf(key.length), LinesOf(tracked.goal));
  CO_TRY(
      co_await parts_.goals.Record(std::string(kProject), tracked.goal.name, std::move(context), std::move(verdicts)));
  tracked.recorded[key] = std::move(state);
  co_return Ok();
}

Task<Status> ProductionReconciler::MeasureDue(Tracked& tracked) {
  tracked.versions = CO_TRY(co_await parts_.versions.Versions(tracked.goal.model));
  while (!tracked.due.empty()) {
    const auto first = tracked.due.begin();
    const goals::WindowLength length = tracked.LengthOf(first->first.length);
    goals::Window window = first->second;
    tracked.due.erase(first);
    CO_TRY(co_await MeasureOne(tracked, length, std::move(window)));
  }
  co_return Ok();
}

void ProductionReconciler::Publish(const Tracked& tracked) {
  auto board = std::make_shared<GoalBoard>();
  board->goal = tracked.goal;
  board->goal_version = tracked.goal_version;
  board->endpoint = tracked.endpoint;
  board->pending = static_cast<std::int64_t>(tracked.due.size());
  board->changes = tracked.cursor;
  for (const auto& [key, window] : tracked.measured) board->windows[key.length].push_back(window);
  {
    const Lock lock(mutex_);
    boards_[tracked.goal.name] = std::move(board);
  }
  if (published_) published_(tracked.goal.name);
}

Task<Timestamp> ProductionReconciler::Tick(Timestamp now) {
  if (now >= goals_next_) {
    goals_next_ = now + kGoalsEvery;
    const Status refreshed = co_await Refresh();
    if (!refreshed.ok()) LogWarning("goals cannot be read", {{"error", refreshed.error().ToString()}});
  }
  for (const auto& [name, tracked] : tracked_) {
    MarkDue(*tracked, now);
    if (tracked->due.empty()) continue;
    if (now < std::min(tracked->last_change + kQuiet, tracked->due_since + kPatience)) continue;
    const Status measured = co_await MeasureDue(*tracked);
    if (!measured.ok()) LogWarning("a goal cannot be judged", {{"goal", name}, {"error", measured.error().ToString()}});
    Publish(*tracked);
  }
  co_return now + kLookEvery;
}

Task<Result<GoalBoard>> ProductionReconciler::Board(std::string goal) {
  std::shared_ptr<const GoalBoard> published;
  {
    const Lock lock(mutex_);
    const auto found = boards_.find(goal);
    if (found != boards_.end()) published = found->second;
  }
  GoalBoard board;
  if (published) {
    board = *published;
  } else {
    const goals::StoredGoal stored = CO_TRY(co_await parts_.goals.Get(std::string(kProject), goal));
    board.goal = CO_TRY(goals::ParseGoal(stored.source, stored.name));
    board.goal_version = stored.version;
    board.pending = 1;
  }
  if (!board.endpoint.empty() && parts_.predictions.changes() != board.changes) {
    board.pending = std::max<std::int64_t>(board.pending, 1);
  }
  const std::vector<VersionFacts> versions = CO_TRY(co_await parts_.versions.Versions(board.goal.model));
  board.whys = CO_TRY(co_await WhysOf(board, versions));
  AddEvaluations(board, versions);
  co_return board;
}

// One note for each column, of the window in which it touched most; the heaviest first.
Task<Result<std::vector<DriftNote>>> ProductionReconciler::DriftIn(std::string endpoint, std::int64_t version,
                                                                   goals::Window window) {
  std::map<std::string, DriftNote> notes;
  const auto findings =
      CO_TRY(co_await parts_.monitoring->Findings(std::move(endpoint), version, window.from, window.until));
  for (const Finding& finding : findings) {
    if (finding.kind == FindingKind::kPredictionDrift || finding.kind == FindingKind::kVolume) continue;
    // What a slice alone shows explains the whole only where somebody had to be called.
    if (finding.slice && finding.severity == Severity::kNote) continue;
    for (const std::string& column : finding.columns) {
      DriftNote& note = notes[column];
      if (!note.column.empty() && note.impact >= finding.impact) continue;
      note = {.column = column,
              .impact = finding.impact,
              .value = finding.value,
              .floor = finding.floor,
              .alert = finding.severity == Severity::kAlert,
              .sentence = finding.sentence};
    }
  }
  std::vector<DriftNote> out;
  for (auto& [column, note] : notes) out.push_back(std::move(note));
  std::stable_sort(out.begin(), out.end(), [](const DriftNote& a, const DriftNote& b) { return a.impact > b.impact; });
  co_return out;
}

Task<Result<std::vector<Why>>> ProductionReconciler::WhysOf(GoalBoard board, std::vector<VersionFacts> versions) {
  std::vector<Why> whys;
  std::vector<endpoints::Deployment> deployments;
  if (!board.endpoint.empty()) {
    deployments = CO_TRY(co_await parts_.endpoints.History(board.endpoint, kDeploymentsShown));
  }
  const MeasuredWindow* before = nullptr;
  for (const MeasuredWindow& window : board.windows[goals::FormatWindowLength(BoardLength(board.goal))]) {
    WhyInput input;
    input.goal = &board.goal;
    input.window = &window;
    input.before = before;
    input.facts = Find(versions, window.version);
    input.others = &versions;
    std::optional<MeasuredWindow> evaluated;
    if (input.facts != nullptr) evaluated = EvaluationWindow(board.goal, *input.facts);
    if (evaluated) input.evaluated = &*evaluated;
    if (parts_.monitoring != nullptr && !board.endpoint.empty() && HasMissed(window)) {
      input.drift = CO_TRY(co_await DriftIn(board.endpoint, window.version, window.window));
    }
    for (const endpoints::Deployment& deployment : deployments) {
      if (deployment.created < window.window.from || deployment.created >= window.window.until) continue;
      input.changes.push_back(
          {deployment.created, Cat("v", deployment.version, " deployed at ", FormatTime(deployment.created), " (",
                                   deployment.cause, ", ", deployment.requested_by, ")")});
    }
    for (Why& why : Explain(input)) whys.push_back(std::move(why));
    before = &window;
  }
  co_return whys;
}

Task<Result<std::vector<std::string>>> ProductionReconciler::Feasible(goals::Goal goal) {
  std::vector<std::string> out;
  const std::string endpoint = CO_TRY(co_await EndpointOf(goal.model));
  if (endpoint.empty()) co_return out;
  const predictions::WindowRange all{endpoint};
  const std::vector<predictions::WindowSummary> hours = parts_.predictions.Windows(all);
  if (hours.empty()) co_return out;
  const std::vector<VersionFacts> versions = CO_TRY(co_await parts_.versions.Versions(goal.model));
  MeasuredWindows measured;
  const Timestamp until = hours.back().window_start + hours.back().window_length;
  for (const goals::WindowLength& length : LengthsOf(goal)) {
    for (const goals::Window& window : goals::WindowsOf(length, goal.zone, hours.front().window_start, until)) {
      ProductionInput input = CO_TRY(co_await Gather(endpoint, window));
      input.versions = &versions;
      const auto work = [&] { return MeasureWindow(goal, input, {.replicates = 0}); };
      Result<MeasuredWindow> one = co_await OnWorkers(parts_.workers, work);
      measured[goals::FormatWindowLength(length)].push_back(CO_TRY(std::move(one)));
    }
  }
  const std::vector<goals::Target> lines = LinesOf(goal);
  const std::vector<std::string> answers = Feasibility(goal, measured);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!answers[i].empty()) out.push_back(Cat(lines[i].name, ": ", answers[i]));
  }
  co_return out;
}

}  // namespace mw::monitoring
