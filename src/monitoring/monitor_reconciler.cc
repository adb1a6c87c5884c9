// Noting changes, choosing windows, evaluating them.
#include "monitoring/monitor_reconciler.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "explain/attribution.h"
#include "monitoring/data_detectors.h"
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
/// Silent windows that are written after one that holds data, and between two: those farther apart belong to no one
/// history (a trial of years before, a wrong clock).
constexpr std::int64_t kGapMax = 60;
constexpr std::size_t kUsualWindows = 8;
constexpr std::size_t kUsualWindowsMin = 3;
/// Rows that are explained for a window; rows that are read for explaining and for slices; and the most rows that a
/// window may have to be read for explaining alone.
constexpr std::size_t kExplainedRows = 512;
constexpr std::size_t kReadRows = 100'000;
constexpr std::int64_t kExplainableRows = 100'000;
/// Part of every fingerprint: stored windows are evaluated again by a program that decides otherwise.
constexpr int kDetectorsVersion = 3;
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
std::vector<double> ExplainRows(const explain::TreeShap& shap, const SampledRows& rows) {
  const std::size_t width = rows.columns.size();
  if (rows.size() == 0) return {};
  const std::size_t count = std::min(rows.size(), kExplainedRows);
  std::vector<float> chosen;
  chosen.reserve(count * width);
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::vector<float>& column : rows.columns) chosen.push_back(column[i * rows.size() / count]);
  }
  std::vector<double> phi(count * (width + 1));
  shap.Explain(chosen, count, phi);
  return explain::MeanAbsolute(phi, width);
}

std::vector<SliceWindow> SlicesOf(const Reference& reference, const SampledRows& rows,
                                  const std::vector<schema::Column>& columns, const WindowView& window) {
  std::vector<SliceWindow> out;
  for (const SliceReference& slice : reference.slices) {
    const Places places = PlacesOf(rows, slice.feature, slice.value);
    SliceWindow& each = out.emplace_back();
    each.reference = &slice;
    each.view.rows = static_cast<double>(places.size());
    // What says nothing need not be counted.
    if (each.view.rows >= slice.detectors->options().rows_min) {
      each.view = ViewOf(slice.detectors->baseline(), rows, places, columns);
    }
    each.view.from = window.from;
    each.view.until = window.until;
    each.view.closed = window.closed;
  }
  return out;
}

/// Whether the rows were received while they happened.
bool IsLive(const WindowSummary& window) {
  const Timestamp end = window.window_start + window.window_length;
  return window.last_received <= end + MonitorReconciler::kLive &&
         window.first_received >= window.window_start - MonitorReconciler::kLive;
}

}  // namespace

/// How a version's windows are looked at.
struct MonitorReconciler::Source {
  Watched watched;
  std::map<Timestamp, std::string> known;  ///< fingerprints of the windows that are stored
  std::shared_ptr<const Reference> trained;
  std::shared_ptr<const Reference> earlier;  ///< null: no span of production was chosen
  [[nodiscard]] const Reference& At(Timestamp start) const {
    return earlier && start >= watched.settings.baseline->until ? *earlier : *trained;
  }
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

void MonitorReconciler::SettingsChanged(const std::string& endpoint) {
  const Lock lock(mutex_);
  changed_settings_.insert(endpoint);
  if (wake_) wake_();
}

void MonitorReconciler::OnWake(std::function<void()> wake) {
  const Lock lock(mutex_);
  wake_ = std::move(wake);
}

bool MonitorReconciler::settled() const {
  if (working_ || !backlog_.empty()) return false;
  return std::all_of(subjects_.begin(), subjects_.end(),
                     [this](const auto& entry) { return entry.second.pending.empty() && DueOf(entry.second) > now_; });
}

Task<Timestamp> MonitorReconciler::Tick(Timestamp now) {
  now_ = now;
  const bool more = TakeChanges(now);
  TakeSettings(now);
  Timestamp next = kNever;
  for (const auto& [key, subject] : subjects_) next = std::min(next, DueOf(subject));
  if (!working_ && next <= now) {
    working_ = true;
    Spawn(*Executor::Current(), Work());
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

/// All windows of an endpoint that is to be monitored otherwise are looked at again.
void MonitorReconciler::TakeSettings(Timestamp now) {
  std::set<std::string> changed;
  {
    const Lock lock(mutex_);
    changed.swap(changed_settings_);
  }
  for (auto& [key, subject] : subjects_) {
    if (!changed.contains(subject.endpoint)) continue;
    subject.silent_until = Timestamp::min();
    if (subject.pending.empty()) subject.first_change = now;
    for (const auto& [hour, rows] : subject.hours) subject.pending.insert(hour);
    subject.last_change = now;
  }
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
  Pulse& pulse = pulses_[changed.endpoint];
  if (end < pulse.newest) return;
  pulse = {end, changed.version, IsLive(summaries.front())};
}

/// How far event time has come: to the newest data, of a live endpoint also with the clock.
Timestamp MonitorReconciler::EventTime(const std::string& endpoint) const {
  const Pulse& pulse = pulses_.at(endpoint);
  return pulse.live ? std::max(pulse.newest, now_ - kGrace) : pulse.newest;
}

bool MonitorReconciler::IsLast(const Subject& subject) const {
  return pulses_.at(subject.endpoint).version == subject.version;
}

/// The start of the next window that passes without data if none come; nothing where nobody would notice.
std::optional<Timestamp> MonitorReconciler::NextSilence(const Subject& subject) const {
  const Pulse& pulse = pulses_.at(subject.endpoint);
  if (!pulse.live || !IsLast(subject) || subject.length <= Duration(0)) return std::nullopt;
  const Timestamp last = DriftWindowStart(pulse.newest - Duration(1), subject.length);
  if (static_cast<double>(RowsOfAll(subject.endpoint, last - subject.length, pulse.newest)) < kUsedRows) {
    return std::nullopt;
  }
  const Timestamp next = std::max(last + subject.length, subject.silent_until);
  if (next >= last + (kGapMax + 1) * subject.length) return std::nullopt;
  return next;
}

/// When there is something to do next, as far as one can see.
Timestamp MonitorReconciler::DueOf(const Subject& subject) const {
  Timestamp due = kNever;
  if (!subject.pending.empty()) due = std::min(subject.last_change + kQuiet, subject.first_change + kPatience);
  const bool live = pulses_.at(subject.endpoint).live;
  if (!subject.open.empty()) {
    const Timestamp end = *subject.open.begin() + subject.length;
    if (end <= EventTime(subject.endpoint)) due = Timestamp::min();
    if (live) due = std::min(due, end + kGrace);
  }
  if (const std::optional<Timestamp> silence = NextSilence(subject)) {
    due = std::min(due, *silence + subject.length + kGrace);
  }
  return due == kNever ? kNever : std::max(due, subject.hold_until);
}

Task<void> MonitorReconciler::Work() {
  const Timestamp now = now_;
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

Task<Result<MonitorReconciler::Source>> MonitorReconciler::SourceOf(Subject& subject) {
  Source source;
  Watched& watched = source.watched;
  watched.endpoint = subject.endpoint;
  watched.version = subject.version;
  watched.package = CO_TRY(co_await parts_.baselines.Of(subject.model, subject.version));
  watched.settings = CO_TRY(
      co_await parts_.database.Read([&](db::Snapshot& snapshot) { return SettingsOf(snapshot, subject.endpoint); }));
  CO_TRY(co_await ChooseLength(subject, watched));
  watched.length = subject.length;
  source.known = CO_TRY(co_await parts_.database.Read(
      [&](db::Snapshot& snapshot) { return Fingerprints(snapshot, subject.endpoint, subject.version); }));
  source.trained = CO_TRY(co_await parts_.baselines.ReferenceAt(watched, Timestamp::min()));
  if (watched.settings.baseline) {
    source.earlier = CO_TRY(co_await parts_.baselines.ReferenceAt(watched, watched.settings.baseline->until));
  }
  co_return source;
}

/// Evaluates every window whose hours changed, those that closed since, and those that look back at them.
Task<Status> MonitorReconciler::CatchUp(Subject& subject) {
  const Source source = CO_TRY(co_await SourceOf(subject));
  const std::set<Timestamp> hours = subject.pending;
  std::set<Timestamp> todo = WindowsToDo(subject, source.watched.settings, hours);
  subject.pending.clear();
  while (!todo.empty()) {
    const Timestamp start = *todo.begin();
    const Result<bool> changed = co_await Evaluate(subject, source, start);
    if (!changed.ok()) {
      subject.pending.insert(hours.begin(), hours.end());  // those that are done are passed over next time
      co_return changed.error();
    }
    todo.erase(start);
    if (!*changed) continue;
    const auto hour = subject.hours.lower_bound(start + subject.length);
    if (hour == subject.hours.end()) continue;
    const Timestamp next = DriftWindowStart(hour->first, subject.length);
    if (source.known.contains(next)) todo.insert(next);
  }
  co_return co_await FillSilence(subject, source);
}

/// Another length than before: all windows are cut anew.
Task<Status> MonitorReconciler::ChooseLength(Subject& subject, const Watched& watched) {
  const PackagedBaseline& baseline = *watched.package;
  double rows = 0;
  for (const auto& [hour, count] : subject.hours) rows += static_cast<double>(count);
  const Duration span = subject.hours.rbegin()->first - subject.hours.begin()->first + wire::kWindowLength;
  double per_day = rows / std::max(1.0, static_cast<double>(span.count()) / kDayMicros);
  Duration block = baseline.view ? baseline.view->block_length : Duration(0);
  if (watched.settings.baseline) block = std::max<Duration>(block, std::chrono::hours(24));  // spans are cut into days
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

std::set<Timestamp> MonitorReconciler::WindowsToDo(Subject& subject, const Settings& settings,
                                                   const std::set<Timestamp>& hours) const {
  std::set<Timestamp> out;
  for (const Timestamp hour : hours) out.insert(DriftWindowStart(hour, subject.length));
  const auto within = [&settings](Timestamp hour) {
    return settings.baseline && hour >= settings.baseline->from && hour < settings.baseline->until;
  };
  if (std::any_of(hours.begin(), hours.end(), within)) {  // another baseline for all that follows
    for (const auto& [hour, rows] : subject.hours) out.insert(DriftWindowStart(hour, subject.length));
  }
  const Timestamp reached = EventTime(subject.endpoint);
  while (!subject.open.empty() && *subject.open.begin() + subject.length <= reached) {
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

/// The median of the windows up to the last that holds any; 0 where none does.
double MonitorReconciler::RowsBeforeSilence(const Subject& subject, Timestamp start) const {
  Timestamp begin = Timestamp::max();
  for (const auto& [key, each] : subjects_) {
    if (key.first == subject.endpoint) begin = std::min(begin, each.hours.begin()->first);
  }
  const Timestamp first = std::max(DriftWindowStart(begin, subject.length), start - 2 * kGapMax * subject.length);
  std::vector<double> rows;
  for (Timestamp at = start - subject.length; at >= first && rows.size() < kUsualWindows; at -= subject.length) {
    const std::int64_t count = RowsOfAll(subject.endpoint, at, at + subject.length);
    if (count > 0 || !rows.empty()) rows.push_back(static_cast<double>(count));
  }
  return rows.empty() ? 0 : QuantileOf(rows, 0.5);
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

/// The window before, where its distances were those to the same baseline: only then do they make a row with this
/// one's.
Task<Result<std::optional<Evaluation>>> MonitorReconciler::Before(const Subject& subject, const Reference& reference,
                                                                  Timestamp start) {
  std::optional<Evaluation> out = CO_TRY(co_await parts_.database.Read(
      [&](db::Snapshot& snapshot) { return WindowBefore(snapshot, subject.endpoint, subject.version, start); }));
  if (out && !out->baseline.SameAs(reference.baseline)) out.reset();
  co_return out;
}

/// The rows that attribution and slices are made of; none where neither is.
Task<Result<SampledRows>> MonitorReconciler::RowsOf(const Subject& subject, const Source& source,
                                                    const Reference& reference, Timestamp start) {
  const PackagedBaseline& package = *source.watched.package;
  const WindowRange range{subject.endpoint, subject.version, start, start + subject.length};
  const Totals totals = TotalsOf(parts_.predictions.Windows(range));
  const bool explains = package.shap && reference.detectors && totals.sampled <= kExplainableRows;
  if (totals.sampled == 0 || package.columns.empty() || (!explains && reference.slices.empty())) {
    co_return SampledRows();
  }
  co_return co_await ReadSampledRows(parts_.predictions, range, package.columns, kReadRows);
}

/// True when the window was evaluated anew, so that what looks back at it may change.
Task<Result<bool>> MonitorReconciler::Evaluate(Subject& subject, const Source& source, Timestamp start) {
  const Timestamp until = start + subject.length;
  const WindowRange range{subject.endpoint, subject.version, start, until};
  const Totals totals = TotalsOf(parts_.predictions.Windows(range));
  const bool closed = until <= EventTime(subject.endpoint);
  if (!closed) subject.open.insert(start);
  CO_TRY(co_await FillGap(subject, source, start));
  const Reference& reference = source.At(start);
  const std::optional<Evaluation> previous = CO_TRY(co_await Before(subject, reference, start));
  const std::string looks_back = previous ? StreaksOf(*previous) : std::string();
  const std::optional<double> usual =
      totals.rows > 0 ? UsualRows(subject, start) : std::optional(RowsBeforeSilence(subject, start));
  const std::string fingerprint =
      Cat(kDetectorsVersion, "/", reference.identity, "/", totals.pieces, "/", totals.rows, "/",
          RowsOfAll(subject.endpoint, start, until), "/", closed ? "closed" : "open", "/", looks_back);
  const auto known = source.known.find(start);
  if (known != source.known.end() && known->second == fingerprint) co_return false;
  const sketch::Profile profile = CO_TRY(co_await parts_.predictions.MergedProfile(range));
  const sketch::ColumnProfile prediction = CO_TRY(co_await parts_.predictions.MergedPrediction(range));
  SampledRows rows;
  if (closed) rows = CO_TRY(co_await RowsOf(subject, source, reference, start));
  const auto detect = [&] {
    const BaselineView none;
    WindowView view = ViewOf(reference.detectors ? reference.detectors->baseline() : none, profile, prediction);
    view.from = start;
    view.until = until;
    view.closed = closed;
    view.rows = static_cast<double>(totals.rows);
    view.usual_rows = usual;
    if (!reference.detectors) return WithoutBaseline(view, reference.baseline);
    const Evaluation* before = previous ? &*previous : nullptr;
    const PackagedBaseline& package = *source.watched.package;
    const bool explains = package.shap && reference.detectors->features().front().column().attribution;
    if (explains && totals.sampled <= kExplainableRows) view.attribution = ExplainRows(*package.shap, rows);
    Evaluation out = reference.detectors->Detect(view, before);
    if (closed && rows.size() == 0 && before != nullptr) out.slices = before->slices;  // they stay what they were
    if (rows.size() == 0) return out;
    DetectSlices(SlicesOf(reference, rows, package.columns, view), static_cast<double>(rows.size()), before, out);
    return out;
  };
  const Evaluation evaluation = co_await OnWorkers(parts_.workers, detect);
  CO_TRY(co_await Store(subject, source.watched.package->package, evaluation, fingerprint));
  co_return true;
}

/// Windows between the last with data and this one in which nobody asked for anything, whatever the version.
Task<Status> MonitorReconciler::FillGap(Subject& subject, const Source& source, Timestamp start) {
  const auto hour = subject.hours.lower_bound(start);
  if (hour == subject.hours.begin()) co_return Ok();
  const Timestamp last = DriftWindowStart(std::prev(hour)->first, subject.length);
  const Timestamp first = last + subject.length;
  if (start > first + kGapMax * subject.length) co_return co_await DropSilent(subject, source, first, start);
  for (Timestamp at = first; at < start; at += subject.length) {
    if (RowsOfAll(subject.endpoint, at, at + subject.length) > 0) continue;
    CO_TRY(co_await PutSilent(subject, source, at));
  }
  co_return Ok();
}

/// Silent windows that an earlier program wrote where this one writes none.
Task<Status> MonitorReconciler::DropSilent(const Subject& subject, const Source& source, Timestamp from,
                                           Timestamp until) {
  const std::string mine = Cat(kDetectorsVersion, "/");
  const auto end = source.known.lower_bound(until);
  for (auto known = source.known.lower_bound(from); known != end; ++known) {
    if (known->second.starts_with(mine)) continue;
    const WindowKey key{subject.endpoint, subject.version, known->first, subject.length};
    CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) { return DropWindow(transaction, key); }));
  }
  co_return Ok();
}

/// The windows of a live endpoint that have passed by the clock since its last data.
Task<Status> MonitorReconciler::FillSilence(Subject& subject, const Source& source) {
  while (const std::optional<Timestamp> start = NextSilence(subject)) {
    if (*start + subject.length > EventTime(subject.endpoint)) co_return Ok();
    CO_TRY(co_await PutSilent(subject, source, *start));
    subject.silent_until = *start + subject.length;
  }
  co_return Ok();
}

Task<Status> MonitorReconciler::PutSilent(Subject& subject, const Source& source, Timestamp start) {
  const Reference& reference = source.At(start);
  const std::optional<Evaluation> previous = CO_TRY(co_await Before(subject, reference, start));
  const std::string looks_back = previous ? StreaksOf(*previous) : std::string();
  const double usual = RowsBeforeSilence(subject, start);
  const std::string fingerprint =
      Cat(kDetectorsVersion, "/", reference.identity, usual < kUsedRows ? "/unused/" : "/silent/", looks_back);
  const auto known = source.known.find(start);
  if (known != source.known.end() && known->second == fingerprint) co_return Ok();
  WindowView silent;
  silent.from = start;
  silent.until = start + subject.length;
  silent.usual_rows = usual;
  if (reference.detectors) silent.features.resize(reference.detectors->features().size());
  Evaluation evaluation = reference.detectors ? reference.detectors->Detect(silent, previous ? &*previous : nullptr)
                                              : WithoutBaseline(silent, reference.baseline);
  if (previous) evaluation.slices = previous->slices;  // they stay what they were
  co_return co_await Store(subject, source.watched.package->package, evaluation, fingerprint);
}

}  // namespace mw::monitoring
