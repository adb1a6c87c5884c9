// Noting changes, choosing windows, evaluating them.
#include "monitoring/monitor_reconciler.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "explain/attribution.h"
#include "monitoring/drift_window.h"
#include "monitoring/evaluation_json.h"
#include "monitoring/sketched_columns.h"

namespace mw::monitoring {
namespace {

using predictions::WindowRange;
using predictions::WindowSummary;

/// Changed hours looked at in one tick.
constexpr std::size_t kHoursAtOnce = 256;
constexpr Duration kHold = std::chrono::seconds(30);
/// Silent windows that are written between two that hold data.
constexpr std::int64_t kGapMax = 60;
constexpr std::size_t kUsualWindows = 8;
constexpr std::size_t kUsualWindowsMin = 3;
/// Rows that are explained for a window, and the most rows that a window may have for it.
constexpr std::size_t kExplainedRows = 512;
constexpr std::int64_t kExplainableRows = 100'000;
/// Part of every fingerprint: stored windows are evaluated again by a program that decides otherwise.
constexpr int kDetectorsVersion = 1;
constexpr double kDayMicros = 86'400e6;

struct Totals {
  std::int64_t pieces = 0;
  std::int64_t rows = 0;
  std::int64_t sampled = 0;
};

Totals TotalsOf(const std::vector<WindowSummary>& summaries) {
  Totals out;
  for (const WindowSummary& each : summaries) {
    out.pieces += each.pieces;
    out.rows += each.rows;
    out.sampled += each.sampled_rows;
  }
  return out;
}

/// Mean |phi| over evenly chosen rows, in the order of the model's features.
std::vector<double> ExplainRows(const explain::TreeShap& shap, const std::vector<std::string>& features,
                                const predictions::JoinedRows& rows) {
  const std::size_t width = features.size();
  if (rows.feature_names != features || rows.size() == 0) return {};
  const std::size_t count = std::min(rows.size(), kExplainedRows);
  std::vector<float> chosen;
  chosen.reserve(count * width);
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = rows.features.begin() + static_cast<std::ptrdiff_t>(i * rows.size() / count * width);
    chosen.insert(chosen.end(), row, row + static_cast<std::ptrdiff_t>(width));
  }
  std::vector<double> phi(count * (width + 1));
  shap.Explain(chosen, count, phi);
  return explain::MeanAbsolute(phi, width);
}

}  // namespace

/// What the windows of a version are compared with.
struct MonitorReconciler::Source {
  std::shared_ptr<const PackagedBaseline> baseline;
  std::shared_ptr<const Detectors> detectors;  ///< null: no baseline
};

MonitorReconciler::MonitorReconciler(MonitorParts parts)
    : parts_(parts),
      evaluated_(parts.metrics.AddCounter("millwright_monitored_windows_total", "Windows that were evaluated")),
      failed_(
          parts.metrics.AddCounter("millwright_monitoring_failures_total", "Evaluations that failed, tried again")) {}

MonitorReconciler::~MonitorReconciler() { MW_ASSERT(!working_); }

Task<void> MonitorReconciler::Drain() {
  if (!working_) co_return;
  drained_.emplace();
  co_await *drained_;
  drained_.reset();
}

void MonitorReconciler::Notice() {
  const Lock lock(mutex_);
  if (wake_) wake_();
}

void MonitorReconciler::OnWake(std::function<void()> wake) {
  const Lock lock(mutex_);
  wake_ = std::move(wake);
}

bool MonitorReconciler::settled() const {
  if (working_ || !backlog_.empty()) return false;
  return std::all_of(subjects_.begin(), subjects_.end(),
                     [this](const auto& entry) { return DueOf(entry.second) == kNever; });
}

Task<Timestamp> MonitorReconciler::Tick(Timestamp now) {
  const bool more = TakeChanges(now);
  Timestamp next = kNever;
  for (const auto& [key, subject] : subjects_) next = std::min(next, DueOf(subject));
  if (!working_ && next <= now) {
    working_ = true;
    Spawn(*Executor::Current(), Work(now));
  }
  if (more) co_return now;
  co_return working_ ? kNever : next;  // the end of the work wakes us
}

/// False when all changes were looked at.
bool MonitorReconciler::TakeChanges(Timestamp now) {
  if (backlog_.empty() && parts_.predictions.changes() != seen_) {
    backlog_ = parts_.predictions.ChangedSince(seen_);
    std::reverse(backlog_.begin(), backlog_.end());
    if (!backlog_.empty()) seen_ = std::max(seen_, backlog_.front().changed);
  }
  for (std::size_t i = 0; i < kHoursAtOnce && !backlog_.empty(); ++i) {
    Take(backlog_.back(), now);
    backlog_.pop_back();
  }
  return !backlog_.empty();
}

void MonitorReconciler::Take(const predictions::ChangedWindow& changed, Timestamp now) {
  const Timestamp end = changed.window_start + changed.window_length;
  const std::vector<WindowSummary> summaries =
      parts_.predictions.Windows({changed.endpoint, changed.version, changed.window_start, end});
  if (summaries.empty()) return;
  Subject& subject = subjects_[{changed.endpoint, changed.version}];
  subject.endpoint = changed.endpoint;
  subject.version = changed.version;
  subject.model = summaries.front().model;
  std::int64_t& rows = subject.hours[changed.window_start];
  // Labels change a window too; what is compared here has changed only with its rows.
  if (rows == summaries.front().rows && rows > 0) return;
  rows = summaries.front().rows;
  if (subject.pending.empty()) subject.first_change = now;
  subject.pending.insert(changed.window_start);
  subject.last_change = now;
  Timestamp& newest = newest_.try_emplace(changed.endpoint, Timestamp::min()).first->second;
  newest = std::max(newest, end);
}

Timestamp MonitorReconciler::DueOf(const Subject& subject) const {
  Timestamp due = kNever;
  if (!subject.pending.empty()) due = std::min(subject.last_change + kQuiet, subject.first_change + kPatience);
  const bool closes = !subject.open.empty() && *subject.open.begin() + subject.length <= newest_.at(subject.endpoint);
  if (closes) due = Timestamp::min();
  return due == kNever ? kNever : std::max(due, subject.hold_until);
}

Task<void> MonitorReconciler::Work(Timestamp now) {
  std::vector<SubjectKey> due;
  for (const auto& [key, subject] : subjects_) {
    if (DueOf(subject) <= now) due.push_back(key);
  }
  for (const SubjectKey& key : due) {
    Subject& subject = subjects_.at(key);
    const Status status = co_await CatchUp(subject);
    if (status.ok()) continue;
    failed_.Add();
    subject.hold_until = now + kHold;
    LogWarning("windows could not be evaluated and will be tried again",
               {{"endpoint", subject.endpoint}, {"version", subject.version}, {"error", status.error().ToString()}});
  }
  working_ = false;
  if (drained_) drained_->Set(true);
  Notice();
}

/// Evaluates every window whose hours changed, those that closed since, and those that look back at them.
Task<Status> MonitorReconciler::CatchUp(Subject& subject) {
  Source source;
  source.baseline = CO_TRY(co_await parts_.baselines.Of(subject.model, subject.version));
  CO_TRY(co_await ChooseLength(subject, *source.baseline));
  source.detectors = co_await parts_.baselines.DetectorsOf(source.baseline, subject.length);
  const std::map<Timestamp, std::string> known = CO_TRY(co_await parts_.database.Read(
      [&](db::Snapshot& snapshot) { return Fingerprints(snapshot, subject.endpoint, subject.version); }));
  const std::set<Timestamp> hours = subject.pending;
  std::set<Timestamp> todo = WindowsToDo(subject, hours);
  subject.pending.clear();
  while (!todo.empty()) {
    const Timestamp start = *todo.begin();
    const auto before = known.find(start);
    const std::string fingerprint = before == known.end() ? std::string() : before->second;
    const Result<bool> changed = co_await Evaluate(subject, source, start, fingerprint);
    if (!changed.ok()) {
      subject.pending.insert(hours.begin(), hours.end());  // those that are done are passed over next time
      co_return changed.error();
    }
    todo.erase(start);
    if (*changed && known.contains(start + subject.length)) todo.insert(start + subject.length);
  }
  co_return Ok();
}

/// Another length than before: all windows are cut anew.
Task<Status> MonitorReconciler::ChooseLength(Subject& subject, const PackagedBaseline& baseline) {
  double rows = 0;
  for (const auto& [hour, count] : subject.hours) rows += static_cast<double>(count);
  const Duration span = subject.hours.rbegin()->first - subject.hours.begin()->first + wire::kWindowLength;
  double per_day = rows / std::max(1.0, static_cast<double>(span.count()) / kDayMicros);
  const Duration block = baseline.view ? baseline.view->block_length : Duration(0);
  const bool dated = baseline.view && !baseline.view->block_rows.empty();
  // Two days tell what is usual; before that, what was usual in training.
  if (span < std::chrono::hours(48) && dated) {
    per_day = baseline.view->rows / static_cast<double>(baseline.view->block_rows.size());
  }
  std::optional<Duration> current;
  if (subject.length > Duration(0)) current = subject.length;
  if (!current) {
    current = CO_TRY(co_await parts_.database.Read(
        [&](db::Snapshot& snapshot) { return StoredLength(snapshot, subject.endpoint, subject.version); }));
  }
  const Duration chosen = ChooseDriftWindow(per_day, block, current);
  if (current && chosen != *current) {
    CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) {
      return DropOtherLengths(transaction, subject.endpoint, subject.version, chosen);
    }));
    for (const auto& [hour, count] : subject.hours) subject.pending.insert(hour);
    subject.open.clear();
  }
  subject.length = chosen;
  co_return Ok();
}

std::set<Timestamp> MonitorReconciler::WindowsToDo(Subject& subject, const std::set<Timestamp>& hours) const {
  std::set<Timestamp> out;
  for (const Timestamp hour : hours) out.insert(DriftWindowStart(hour, subject.length));
  const Timestamp newest = newest_.at(subject.endpoint);
  while (!subject.open.empty() && *subject.open.begin() + subject.length <= newest) {
    out.insert(*subject.open.begin());
    subject.open.erase(subject.open.begin());
  }
  return out;
}

/// Rows of all versions at the endpoint.
std::int64_t MonitorReconciler::RowsOfAll(const std::string& endpoint, Timestamp from, Timestamp until) const {
  std::int64_t rows = 0;
  for (const auto& [key, subject] : subjects_) {
    if (key.first != endpoint) continue;
    for (auto hour = subject.hours.lower_bound(from); hour != subject.hours.end() && hour->first < until; ++hour) {
      rows += hour->second;
    }
  }
  return rows;
}

/// The median of the windows before, once there are enough of them; the first is left out, it rarely is whole.
std::optional<double> MonitorReconciler::UsualRows(const Subject& subject, Timestamp start) const {
  const Timestamp first = DriftWindowStart(subject.hours.begin()->first, subject.length);
  std::vector<double> rows;
  for (Timestamp at = start - subject.length; at > first && rows.size() < kUsualWindows; at -= subject.length) {
    rows.push_back(static_cast<double>(RowsOfAll(subject.endpoint, at, at + subject.length)));
  }
  if (rows.size() < kUsualWindowsMin) return std::nullopt;
  return QuantileOf(rows, 0.5);
}

Task<Status> MonitorReconciler::Store(const Subject& subject, const std::string& package, const Evaluation& evaluation,
                                      const std::string& fingerprint) {
  const WindowKey key{subject.endpoint, subject.version, evaluation.from, subject.length};
  Json document = ToJson(evaluation);
  document["package"] = package;
  const std::string text = document.Dump();
  CO_TRY(co_await parts_.database.Write(
      [&](db::Transaction& transaction) { return PutWindow(transaction, key, fingerprint, text); }));
  evaluated_.Add();
  if (stored_) stored_(subject.endpoint);
  co_return Ok();
}

/// True when the window was evaluated anew, so that what looks back at it may change.
Task<Result<bool>> MonitorReconciler::Evaluate(Subject& subject, const Source& source, Timestamp start,
                                               const std::string& known) {
  const Timestamp until = start + subject.length;
  const WindowRange range{subject.endpoint, subject.version, start, until};
  const Totals totals = TotalsOf(parts_.predictions.Windows(range));
  const bool closed = until <= newest_.at(subject.endpoint);
  if (!closed) subject.open.insert(start);
  CO_TRY(co_await FillGap(subject, source, start));
  const std::optional<Evaluation> previous = CO_TRY(co_await parts_.database.Read(
      [&](db::Snapshot& snapshot) { return WindowBefore(snapshot, subject.endpoint, subject.version, start); }));
  const std::string looks_back = previous ? StreaksOf(*previous) : std::string();
  const std::optional<double> usual = UsualRows(subject, start);
  const std::string fingerprint =
      Cat(kDetectorsVersion, "/", source.baseline->package.substr(0, 19), "/", totals.pieces, "/", totals.rows, "/",
          RowsOfAll(subject.endpoint, start, until), "/", closed ? "closed" : "open", "/", looks_back);
  if (fingerprint == known) co_return false;
  const sketch::Profile profile = CO_TRY(co_await parts_.predictions.MergedProfile(range));
  const sketch::ColumnProfile prediction = CO_TRY(co_await parts_.predictions.MergedPrediction(range));
  std::vector<double> attribution;
  if (closed && totals.sampled > 0 && totals.sampled <= kExplainableRows) {
    attribution = CO_TRY(co_await Attribution(subject, *source.baseline, start));
  }
  const auto detect = [&] {
    const BaselineView none;
    WindowView view = ViewOf(source.detectors ? source.detectors->baseline() : none, profile, prediction);
    view.from = start;
    view.until = until;
    view.closed = closed;
    view.rows = static_cast<double>(totals.rows);
    view.usual_rows = usual;
    view.attribution = attribution;
    if (!source.detectors) return WithoutBaseline(view);
    return source.detectors->Detect(view, previous ? &*previous : nullptr);
  };
  const Evaluation evaluation = co_await OnWorkers(parts_.workers, detect);
  CO_TRY(co_await Store(subject, source.baseline->package, evaluation, fingerprint));
  co_return true;
}

Task<Result<std::vector<double>>> MonitorReconciler::Attribution(const Subject& subject,
                                                                 const PackagedBaseline& baseline, Timestamp start) {
  if (!baseline.shap || !baseline.view->features.front().attribution) co_return std::vector<double>();
  const WindowRange range{subject.endpoint, subject.version, start, start + subject.length};
  const predictions::JoinedRows rows = CO_TRY(co_await parts_.predictions.Joined(range));
  const auto explain = [&] { return ExplainRows(*baseline.shap, baseline.features, rows); };
  co_return co_await OnWorkers(parts_.workers, explain);
}

/// Windows between the last with data and this one in which nobody asked for anything, whatever the version.
Task<Status> MonitorReconciler::FillGap(Subject& subject, const Source& source, Timestamp start) {
  const auto hour = subject.hours.lower_bound(start);
  if (hour == subject.hours.begin()) co_return Ok();
  const Timestamp last = DriftWindowStart(std::prev(hour)->first, subject.length);
  std::int64_t written = 0;
  for (Timestamp at = last + subject.length; at < start && written < kGapMax; at += subject.length) {
    if (RowsOfAll(subject.endpoint, at, at + subject.length) > 0) continue;
    const std::optional<Evaluation> previous = CO_TRY(co_await parts_.database.Read(
        [&](db::Snapshot& snapshot) { return WindowBefore(snapshot, subject.endpoint, subject.version, at); }));
    WindowView silent;
    silent.from = at;
    silent.until = at + subject.length;
    if (source.detectors) silent.features.resize(source.detectors->features().size());
    const Evaluation evaluation =
        source.detectors ? source.detectors->Detect(silent, previous ? &*previous : nullptr) : WithoutBaseline(silent);
    CO_TRY(co_await Store(subject, source.baseline->package, evaluation, "silent"));
    ++written;
  }
  co_return Ok();
}

}  // namespace mw::monitoring
