// The door: what is written first is applied to memory after its commit.
#include "predictions/predictions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"
#include "predictions/class_list.h"
#include "predictions/endpoint_windows.h"
#include "predictions/prediction_store.h"
#include "predictions/row_assembly.h"
#include "wire/class_name.h"

namespace mw::predictions {
namespace {

constexpr std::int64_t kPiecesAtOnce = 512;
constexpr std::int64_t kBatchesAtOnce = 16;
constexpr std::size_t kSettledAtOnce = 64;
constexpr std::size_t kJoinedRowsMax = 20'000'000;
constexpr std::size_t kJoinedProbabilitiesMax = 200'000'000;
constexpr Duration kTickPeriod = std::chrono::minutes(1);

PieceRows RowsOf(std::int64_t arrival, const wire::PredictionSample& sample) {
  return {arrival, sample.ids, sample.keys, sample.event_times_us, sample.predictions};
}
PieceRows RowsOf(std::int64_t arrival, const store::SampleRows& rows) {
  return {arrival, rows.ids, rows.keys, rows.event_times_us, rows.predictions};
}

Status Check(const wire::WindowPiece& piece) {
  const wire::PredictionSample& sample = piece.sample;
  const std::size_t rows = sample.rows();
  const bool whole = (sample.keys.empty() || sample.keys.size() == rows) && sample.event_times_us.size() == rows &&
                     sample.predictions.size() == rows &&
                     sample.features.size() == rows * sample.feature_names.size() &&
                     sample.class_probabilities.size() == rows * sample.class_names.size();
  if (!whole) return InvalidArgument("the columns of its sample are of different lengths");
  if (!IsName(piece.endpoint)) return InvalidArgument("its endpoint is ", Quoted(piece.endpoint), ", which is no name");
  return Ok();
}

Status Check(const std::vector<wire::WindowPiece>& pieces) {
  if (pieces.size() > Predictions::kPiecesMax) {
    return InvalidArgument(pieces.size(), " pieces at once; send at most ", Predictions::kPiecesMax);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) TRY(Check(pieces[i]).In(Cat("piece ", i + 1)));
  return Ok();
}

Status Check(const wire::LabelBatch& batch) {
  if (!IsName(batch.endpoint)) return InvalidArgument("the endpoint is ", Quoted(batch.endpoint), ", which is no name");
  if (batch.batch_id.empty() || batch.batch_id.size() > wire::kBatchIdBytesMax) {
    return InvalidArgument("a batch of labels needs a batch_id of 1 to ", wire::kBatchIdBytesMax, " bytes, not ",
                           batch.batch_id.size());
  }
  if (!IsUtf8(batch.batch_id) || batch.batch_id.find('\0') != std::string::npos) {
    return InvalidArgument("the batch_id ", Quoted(batch.batch_id), " is no text");
  }
  if (batch.labels.size() > wire::kLabelsMax) {
    return InvalidArgument(batch.labels.size(), " labels in one batch; send at most ", wire::kLabelsMax);
  }
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    TRY(wire::CheckLabel(batch.labels[i]).In(Cat("label ", i + 1)));
  }
  return Ok();
}

using ClassLists = std::map<std::string, ClassList>;

Result<ClassList*> ListOf(db::Transaction& transaction, const std::string& endpoint, ClassLists& lists) {
  const auto found = lists.find(endpoint);
  if (found != lists.end()) return &found->second;
  ClassList list(TRY(store::Classes(transaction, endpoint)));
  return &lists.emplace(endpoint, std::move(list)).first->second;
}

/// The numbers of a piece's classes in its endpoint's list, which is made longer for them; none when it would be too
/// long.
Result<std::vector<std::size_t>> ClassNumbers(db::Transaction& transaction, const wire::WindowPiece& piece,
                                              ClassLists& lists) {
  std::vector<std::size_t> numbers;
  if (piece.sample.class_names.empty()) return numbers;
  ClassList& list = *TRY(ListOf(transaction, piece.endpoint, lists));
  const std::size_t known = list.size();
  ClassList longer = list;
  for (const std::string& name : piece.sample.class_names) numbers.push_back(longer.Add(name));
  if (longer.size() > Predictions::kClassesMax) return std::vector<std::size_t>();
  if (longer.size() == known) return numbers;
  TRY(store::AddClasses(transaction, piece.endpoint, longer.names(), known));
  list = std::move(longer);
  return numbers;
}

/// The names that labels of a batch have, each once, with the place of the first label that has it.
std::vector<std::pair<std::string, std::size_t>> NamesIn(const wire::LabelBatch& batch) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::pair<std::string, std::size_t>> names;
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    const std::string& text = batch.labels[i].text;
    if (!text.empty() && seen.insert(text).second) names.emplace_back(text, i);
  }
  return names;
}

std::string NearestOf(const std::string& name, const std::vector<std::string>& known) {
  return std::string(Nearest(name, std::vector<std::string_view>(known.begin(), known.end())));
}

Error TooManyClasses(const wire::LabelBatch& batch, std::size_t label, const std::vector<std::string>& known) {
  constexpr std::size_t kShown = 10;
  const auto end = known.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, known.size()));
  return InvalidArgument("label ", label + 1, ": ", Quoted(batch.labels[label].text), " is none of the ", known.size(),
                         " classes of endpoint ", batch.endpoint, ", and there can be no more of them: ",
                         Join(std::vector<std::string>(known.begin(), end), ", "),
                         known.size() > kShown ? ", ..." : "");
}

void AddByArrival(LabelsByArrival& labels, std::vector<store::SettledPiece> pieces) {
  for (store::SettledPiece& piece : pieces) labels.emplace(piece.arrival, std::move(piece.rows));
}

/// The smallest value that at least `share` of the values do not exceed; `values` is sorted.
double Quantile(const std::vector<double>& values, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

void SetDelays(LabelCoverage& coverage, std::vector<double> delays_s) {
  if (delays_s.empty()) return;
  std::sort(delays_s.begin(), delays_s.end());
  coverage.delay_p50_s = Quantile(delays_s, 0.5);
  coverage.delay_p90_s = Quantile(delays_s, 0.9);
  coverage.delay_p95_s = Quantile(delays_s, 0.95);
  coverage.delay_p99_s = Quantile(delays_s, 0.99);
  coverage.delay_max_s = delays_s.back();
}

}  // namespace

/// All endpoints in memory.
class Predictions::State {
 public:
  State(const PredictionsOptions& options_in, MetricsRegistry& metrics)
      : options(options_in),
        pieces(metrics.AddCounter("millwright_prediction_pieces_total", "Pieces of windows that were new")),
        joined(Labels(metrics, "joined")),
        waiting(Labels(metrics, "waiting")),
        too_late(Labels(metrics, "too_late")),
        rows(metrics.AddGauge("millwright_prediction_rows", "Predictions that can still be given a label")) {}

  EndpointWindows& Of(const std::string& endpoint) MW_REQUIRES(mutex) {
    std::unique_ptr<EndpointWindows>& windows = endpoints[endpoint];
    if (!windows) {
      windows = std::make_unique<EndpointWindows>(endpoint, EndpointWindows::Ages{options.label_ttl, options.quiet},
                                                  options.waiting_max);
    }
    return *windows;
  }
  [[nodiscard]] std::size_t LiveRows() const MW_REQUIRES(mutex) {
    std::size_t all = 0;
    for (const auto& [name, windows] : endpoints) all += windows->live_rows();
    return all;
  }
  void Apply(const store::PieceRecord& piece) {
    const Lock lock(mutex);
    Of(piece.endpoint)
        .AddPiece({piece.window_start, piece.version}, piece.totals, RowsOf(piece.arrival, piece.rows),
                  piece.accepted_at, ++changes);
  }
  void Apply(const wire::WindowPiece& piece, std::int64_t arrival, Timestamp now) {
    const Lock lock(mutex);
    Of(piece.endpoint)
        .AddPiece({piece.window_start, piece.version}, TotalsOf(piece), RowsOf(arrival, piece.sample), now, ++changes);
  }
  JoinedLabels Apply(const wire::LabelBatch& batch, std::int64_t arrival, Timestamp now) {
    const Lock lock(mutex);
    return Of(batch.endpoint).AddLabels(batch.labels, arrival, now, ++changes);
  }
  void Tell() const {
    for (const auto& listener : listeners) listener();
  }

  const PredictionsOptions options;
  Counter& pieces;
  Counter& joined;
  Counter& waiting;
  Counter& too_late;
  Gauge& rows;
  std::vector<std::function<void()>> listeners;
  mutable Mutex mutex;
  std::map<std::string, std::unique_ptr<EndpointWindows>> endpoints MW_GUARDED_BY(mutex);
  std::int64_t changes MW_GUARDED_BY(mutex) = 0;

 private:
  static Counter& Labels(MetricsRegistry& metrics, const char* outcome) {
    return metrics.AddCounter("millwright_labels_total", "Labels that came, by what became of them",
                              {{"outcome", outcome}});
  }
};

Predictions::Predictions(db::Database& database, const Clock& clock, MetricsRegistry& metrics,
                         PredictionsOptions options)
    : database_(database), clock_(clock), state_(std::make_unique<State>(options, metrics)) {}

Predictions::~Predictions() = default;

Task<Status> Predictions::Load() {
  CO_TRY(co_await LoadSettled());
  CO_TRY(co_await LoadPieces());
  co_return co_await LoadBatches();
}

Task<Status> Predictions::LoadSettled() {
  const auto totals = CO_TRY(co_await database_.Read([](db::Snapshot& s) { return store::SettledTotals(s); }));
  std::map<std::string, Timestamp> newest;
  std::map<std::tuple<std::string, std::int64_t, Timestamp>, std::vector<std::int64_t>> settled_at;
  for (const store::SettledWindow& window : totals) {
    const Lock lock(state_->mutex);
    state_->Of(window.endpoint).AddSettled(window);
    Timestamp& newest_here = newest.try_emplace(window.endpoint, window.window_start).first->second;
    newest_here = std::max(newest_here, window.window_start);
    settled_at[{window.endpoint, window.version, window.window_start}].push_back(window.settled_at);
  }
  for (const auto& [endpoint, start] : newest) {
    const Timestamp from = start - state_->options.label_ttl;
    const auto pieces =
        CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return store::SettledPieces(s, endpoint, from); }));
    const Lock lock(state_->mutex);
    for (const store::PieceRecord& piece : pieces) {
      const auto& times = settled_at[{endpoint, piece.version, piece.window_start}];
      const auto at = std::upper_bound(times.begin(), times.end(), piece.arrival);
      state_->Of(endpoint).AddSettledRows({piece.window_start, piece.version}, RowsOf(piece.arrival, piece.rows),
                                          at == times.end() ? 0 : *at);
    }
  }
  co_return Ok();
}

Task<Status> Predictions::LoadPieces() {
  for (std::int64_t after = 0;;) {
    const auto pieces =
        CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return store::OpenPieces(s, after, kPiecesAtOnce); }));
    if (pieces.empty()) co_return Ok();
    for (const store::PieceRecord& piece : pieces) state_->Apply(piece);
    after = pieces.back().arrival;
  }
}

Task<Status> Predictions::LoadBatches() {
  for (std::int64_t after = 0;;) {
    const auto batches =
        CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return store::Batches(s, after, kBatchesAtOnce); }));
    if (batches.empty()) co_return Ok();
    for (const store::BatchRecord& batch : batches) state_->Apply(batch.batch, batch.arrival, batch.accepted_at);
    after = batches.back().arrival;
  }
}

Task<Result<Accepted>> Predictions::Accept(std::vector<wire::WindowPiece> pieces) {
  CO_TRY(Check(pieces));
  if (pieces.empty()) co_return Accepted{};
  std::vector<store::NewPiece> ready;
  ready.reserve(pieces.size());
  for (const wire::WindowPiece& piece : pieces) ready.push_back(store::Prepare(piece));
  const Timestamp now = clock_.Now();
  // The arrival of each piece, 0 of one that was there.
  const std::vector<std::int64_t> arrivals =
      CO_TRY(co_await database_.Write([&](db::Transaction& t) -> Result<std::vector<std::int64_t>> {
        const std::int64_t first = TRY(store::TakeArrivals(t, static_cast<std::int64_t>(ready.size())));
        std::vector<std::int64_t> given(ready.size(), 0);
        ClassLists lists;
        for (std::size_t i = 0; i < ready.size(); ++i) {
          const std::int64_t arrival = first + static_cast<std::int64_t>(i);
          const std::vector<std::size_t> classes = TRY(ClassNumbers(t, pieces[i], lists));
          if (TRY(store::InsertPiece(t, ready[i], classes, arrival, now))) given[i] = arrival;
        }
        return given;
      }));
  Accepted accepted;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (arrivals[i] == 0) {
      ++accepted.repeated;
      continue;
    }
    state_->Apply(pieces[i], arrivals[i], now);
    ++accepted.pieces;
    accepted.rows += pieces[i].rows;
  }
  state_->pieces.Add(static_cast<std::uint64_t>(accepted.pieces));
  if (accepted.pieces > 0) state_->Tell();
  co_return accepted;
}

/// Gives labels that name their class its number. The list is only written when a name is new: that it is then there
/// although the batch is refused does no harm.
Task<Result<std::vector<NewClass>>> Predictions::NumberNames(wire::LabelBatch& batch,
                                                             std::vector<std::string> classes) {
  std::vector<NewClass> added;
  const auto names = NamesIn(batch);
  if (names.empty()) co_return added;
  std::vector<std::string> known = CO_TRY(co_await Classes(batch.endpoint));
  ClassList list(std::move(known));
  if (list.size() == 0 && classes.empty()) {
    co_return InvalidArgument("label ", names[0].second + 1, ": it is ", Quoted(names[0].first), ", but endpoint ",
                              batch.endpoint, " has no classes with names; send a number");
  }
  const bool all_known =
      std::all_of(names.begin(), names.end(), [&list](const auto& name) { return list.Knows(name.first); });
  if (!all_known) {
    list = CO_TRY(co_await database_.Write([&](db::Transaction& t) -> Result<ClassList> {
      ClassList longer(TRY(store::Classes(t, batch.endpoint)));
      const std::size_t before = longer.size();
      added.clear();  // a write may be tried again
      for (const std::string& name : classes) {
        if (longer.size() < kClassesMax && wire::IsClassName(name)) longer.Add(name);
      }
      for (const auto& [name, label] : names) {
        if (longer.Knows(name)) continue;
        if (longer.size() >= kLabelClassesMax) return TooManyClasses(batch, label, longer.names());
        added.push_back({name, 0, NearestOf(name, longer.names())});
        longer.Add(name);
      }
      TRY(store::AddClasses(t, batch.endpoint, longer.names(), before));
      return longer;
    }));
  }
  std::unordered_map<std::string_view, double> numbers;
  for (const auto& [name, label] : names) numbers.emplace(name, static_cast<double>(list.AddLabel(name)));
  for (wire::Label& label : batch.labels) {
    if (label.text.empty()) continue;
    for (NewClass& one : added) one.labels += one.name == label.text ? 1 : 0;
    label.value = numbers.at(label.text);
    label.text.clear();
  }
  co_return added;
}

Task<Result<LabelsAccepted>> Predictions::AcceptLabels(wire::LabelBatch batch, std::vector<std::string> classes) {
  CO_TRY(Check(batch));
  std::vector<NewClass> new_classes = CO_TRY(co_await NumberNames(batch, std::move(classes)));
  store::NewBatch ready{&batch, wire::LabelBytes(batch.labels), ""};
  ready.digest = Sha256Hex(ready.labels);
  const Timestamp now = clock_.Now();
  const std::int64_t arrival = CO_TRY(co_await database_.Write([&](db::Transaction& t) -> Result<std::int64_t> {
    const std::int64_t given = TRY(store::TakeArrivals(t, 1));
    if (TRY(store::InsertBatch(t, ready, given, now))) return given;
    if (TRY(store::BatchDigest(t, batch.endpoint, batch.batch_id)) == ready.digest) return 0;
    return AlreadyExists("the batch ", Quoted(batch.batch_id), " of endpoint ", batch.endpoint,
                         " has come with other labels; give each batch an id of its own");
  }));
  LabelsAccepted accepted;
  accepted.new_classes = std::move(new_classes);
  accepted.labels = static_cast<std::int64_t>(batch.labels.size());
  accepted.repeated = arrival == 0;
  if (accepted.repeated) co_return accepted;
  const JoinedLabels joined = state_->Apply(batch, arrival, now);
  accepted.joined = joined.joined;
  accepted.waiting = joined.waiting;
  accepted.too_late = joined.too_late;
  state_->joined.Add(static_cast<std::uint64_t>(joined.joined));
  state_->waiting.Add(static_cast<std::uint64_t>(joined.waiting));
  state_->too_late.Add(static_cast<std::uint64_t>(joined.too_late));
  state_->Tell();
  co_return accepted;
}

std::vector<WindowSummary> Predictions::Windows(const WindowRange& range) const {
  const Lock lock(state_->mutex);
  const auto found = state_->endpoints.find(range.endpoint);
  return found == state_->endpoints.end() ? std::vector<WindowSummary>() : found->second->Summaries(range);
}

std::vector<std::string> Predictions::EndpointNames() const {
  const Lock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, windows] : state_->endpoints) names.push_back(name);
  return names;
}

Task<Result<JoinedRows>> Predictions::Joined(WindowRange range, JoinedColumns columns) {
  LabelsByArrival labels;
  {
    const Lock lock(state_->mutex);
    const auto found = state_->endpoints.find(range.endpoint);
    if (found == state_->endpoints.end()) co_return JoinedRows{};
    AddByArrival(labels, found->second->OpenLabels(range));
  }
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<JoinedRows> {
    for (store::SettledWindow& window : TRY(store::Settled(s, range))) AddByArrival(labels, std::move(window.pieces));
    JoinedRows rows;
    rows.classes = TRY(store::Classes(s, range.endpoint));
    TRY(store::EachSample(s, range, columns, [&](store::SampledPiece piece) -> Status {
      if (rows.size() > kJoinedRowsMax || rows.class_probabilities.size() > kJoinedProbabilitiesMax) {
        return ResourceExhausted("more than ", rows.size(), " rows; ask for a shorter time");
      }
      for (const std::size_t number : piece.classes) {
        if (number >= rows.classes.size()) return DataLoss("a stored piece has a class that its endpoint lacks");
      }
      AppendRows(rows, std::move(piece), labels, columns);
      return Ok();
    }));
    return rows;
  });
}

Task<Result<std::vector<std::string>>> Predictions::Classes(std::string endpoint) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::Classes(s, endpoint); });
}

Task<Result<sketch::Profile>> Predictions::MergedProfile(WindowRange range) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<sketch::Profile> {
    sketch::Profile merged;
    TRY(store::EachProfile(s, range, [&merged](const sketch::Profile& profile) {
      merged.Merge(profile);
      return Ok();
    }));
    return merged;
  });
}

Task<Result<sketch::ColumnProfile>> Predictions::MergedPrediction(WindowRange range) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<sketch::ColumnProfile> {
    sketch::ColumnProfile merged({"prediction", sketch::ValueKind::kNumber});
    TRY(store::EachPrediction(s, range, [&merged](const sketch::ColumnProfile& profile) {
      merged.Merge(profile);
      return Ok();
    }));
    return merged;
  });
}

Task<Result<LabelCoverage>> Predictions::Coverage(WindowRange range) {
  LabelCoverage coverage;
  std::vector<double> delays_s;
  bool known = false;
  {
    const Lock lock(state_->mutex);
    const auto found = state_->endpoints.find(range.endpoint);
    known = found != state_->endpoints.end();
    if (known) found->second->Cover(range, coverage, delays_s);
  }
  if (!known) co_return coverage;
  const auto settled = CO_TRY(co_await database_.Read([&](db::Snapshot& s) { return store::Settled(s, range); }));
  for (const store::SettledWindow& window : settled) {
    for (const store::SettledPiece& piece : window.pieces) {
      for (const store::SettledRow& row : piece.rows) {
        if (row.delay_us != kNoDelay && !row.repeated) delays_s.push_back(static_cast<double>(row.delay_us) * 1e-6);
      }
    }
  }
  SetDelays(coverage, std::move(delays_s));
  co_return coverage;
}

std::int64_t Predictions::changes() const {
  const Lock lock(state_->mutex);
  return state_->changes;
}

std::vector<ChangedWindow> Predictions::ChangedSince(std::int64_t since) const {
  std::vector<ChangedWindow> changed;
  {
    const Lock lock(state_->mutex);
    for (const auto& [name, windows] : state_->endpoints) windows->Changed(since, changed);
  }
  std::sort(changed.begin(), changed.end(),
            [](const ChangedWindow& a, const ChangedWindow& b) { return a.changed < b.changed; });
  return changed;
}

void Predictions::OnChange(std::function<void()> changed) { state_->listeners.push_back(std::move(changed)); }

Task<Timestamp> Predictions::Tick(Timestamp now) {
  std::vector<std::string> names = EndpointNames();
  bool more = false;
  for (const std::string& endpoint : names) {
    const Result<bool> settled = co_await SettleSome(endpoint, now);
    if (!settled.ok()) {
      LogWarning("old windows could not be settled", {{"endpoint", endpoint}, {"error", settled.error().ToString()}});
    }
    more = more || settled.value_or(false);
  }
  co_return more ? now : now + kTickPeriod;
}

/// Whether there is more to settle.
Task<Result<bool>> Predictions::SettleSome(std::string endpoint, Timestamp now) {
  std::vector<Settling> begun;
  std::int64_t needed = 0;
  {
    const Lock lock(state_->mutex);
    EndpointWindows& windows = state_->Of(endpoint);
    const std::size_t all = state_->LiveRows();
    state_->rows.Set(static_cast<double>(all));
    const std::size_t over = all > state_->options.rows_max ? all - state_->options.rows_max : 0;
    begun = windows.BeginSettling(now, std::min(over, windows.live_rows()), kSettledAtOnce);
    windows.Expire(now);
    needed = windows.OldestNeededLabel();
  }
  const Result<std::int64_t> first = co_await database_.Write([&](db::Transaction& t) -> Result<std::int64_t> {
    const std::int64_t taken = TRY(store::TakeArrivals(t, static_cast<std::int64_t>(begun.size())));
    for (std::size_t i = 0; i < begun.size(); ++i) {
      TRY(store::InsertSettled(t, begun[i].window, taken + static_cast<std::int64_t>(i)));
    }
    // A batch's id is remembered for a while beyond its use: clients retry.
    TRY(store::DeleteBatches(t, endpoint, needed, now - state_->options.quiet));
    return taken;
  });
  const Lock lock(state_->mutex);
  for (std::size_t i = 0; i < begun.size(); ++i) {
    begun[i].window.settled_at = first.value_or(0) + static_cast<std::int64_t>(i);
    state_->Of(endpoint).EndSettling(begun[i], first.ok());
  }
  if (!first.ok()) co_return first.error();
  co_return begun.size() == kSettledAtOnce;
}

}  // namespace mw::predictions
