// False alarms on healthy data that come in blocks, and what shifts are seen in them: the flights' own quiet weeks,
// January to March. Two weeks in a row are left out at a time and held against all others, with the answers of a model
// that was trained without them; the whole weeks, and besides them the slices by airport and by carrier. Prints the
// tables of docs/guide/monitoring.md; run from the checkout.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "data/duckdb_session.h"
#include "monitoring/detectors.h"
#include "monitoring/drift_window.h"
#include "monitoring/settings.h"
#include "monitoring/sketched_columns.h"
#include "monitoring/slice_detectors.h"
#include "schema/schema.h"
#include "sketch/sliced_baselines.h"
#include "steps/booster.h"

namespace mw {
namespace {

using monitoring::ColumnReference;
using monitoring::Detectors;
using monitoring::Evaluation;

constexpr Duration kDay = std::chrono::hours(24);
constexpr Duration kWeek = 7 * kDay;
constexpr int kRounds = 60;
constexpr double kShifts[] = {0.1, 0.25, 0.5};
const std::string kExample = "examples/flights";

/// One feature of all rows; a category's values are codes.
struct Column {
  std::string name;
  bool number = true;
  std::vector<double> values;
  std::vector<std::string> categories;
  std::map<std::string, double, std::less<>> codes;
};

struct Rows {
  std::vector<Column> columns;
  std::vector<std::int64_t> times;
  std::vector<double> labels;  ///< NaN: cancelled
  [[nodiscard]] std::size_t size() const { return times.size(); }
};

void AppendText(Column& column, std::string_view text) {
  if (text.data() == nullptr) return column.values.push_back(std::nan(""));
  const auto [at, is_new] = column.codes.try_emplace(std::string(text), static_cast<double>(column.codes.size()));
  if (is_new) column.categories.emplace_back(text);
  column.values.push_back(at->second);
}

/// The quarter's rows, without the three dozen that saw a wind of 1,048 mph: `validate` keeps those out of training.
Result<Rows> Load() {
  const std::string root = std::filesystem::absolute(kExample).string();
  data::SessionOptions options;
  options.paths = {root};
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  for (const std::string name : {"flights", "weather", "planes"}) {
    TRY(session.Bind(name, Cat(root, "/data/", name, ".parquet")));
  }
  TRY(session.Materialise("all_rows", TRY(ReadFile(root + "/features.sql")), "features.sql"));
  const std::string sql =
      "SELECT * FROM all_rows WHERE predicted_at < TIMESTAMPTZ '2013-04-01 00:00:00Z' AND coalesce(wind_speed, 0) < 150"
      " ORDER BY predicted_at, flight_id";
  Rows rows;
  std::vector<std::size_t> source;
  const auto described = TRY(session.Describe(sql));
  std::size_t time_at = 0;
  std::size_t label_at = 0;
  for (std::size_t i = 0; i < described.size(); ++i) {
    const std::string& name = described[i].name;
    if (name == "predicted_at") time_at = i;
    if (name == "departed_late") label_at = i;
    if (name == "flight_id" || name == "departed_late" || described[i].type == schema::ColumnType::kTimestamp) continue;
    rows.columns.push_back({name, described[i].type != schema::ColumnType::kText, {}, {}, {}});
    source.push_back(i);
  }
  TRY(session.Stream(sql, [&](const data::Chunk& chunk) -> Status {
    const auto times = chunk.Times(time_at);
    const auto labels = chunk.Numbers(label_at);
    rows.times.insert(rows.times.end(), times.begin(), times.end());
    rows.labels.insert(rows.labels.end(), labels.begin(), labels.end());
    for (std::size_t i = 0; i < source.size(); ++i) {
      Column& column = rows.columns[i];
      if (column.number) {
        const auto numbers = chunk.Numbers(source[i]);
        column.values.insert(column.values.end(), numbers.begin(), numbers.end());
      } else {
        for (const std::string_view text : chunk.Texts(source[i])) AppendText(column, text);
      }
    }
    return Ok();
  }));
  return rows;
}

using Places = std::vector<std::size_t>;

steps::FeatureInfo FeaturesOf(const Rows& rows) {
  steps::FeatureInfo out;
  for (const Column& column : rows.columns) {
    out.names.push_back(column.name);
    out.types.emplace_back(column.number ? "q" : "c");
  }
  return out;
}

Result<steps::TrainingMatrix> MatrixOf(const Rows& rows, const Places& places, bool labels) {
  std::vector<float> values;
  std::vector<float> targets;
  for (const std::size_t row : places) {
    for (const Column& column : rows.columns) values.push_back(static_cast<float>(column.values[row]));
    if (labels) targets.push_back(static_cast<float>(rows.labels[row]));
  }
  return steps::TrainingMatrix::Make(values, places.size(), FeaturesOf(rows), targets);
}

/// Answers for `asked` of a model trained on those of `known` that have a label.
Result<std::vector<std::vector<float>>> PredictionsOf(const Rows& rows, const Places& known,
                                                      const std::vector<Places>& asked) {
  Places labelled;
  for (const std::size_t row : known) {
    if (!std::isnan(rows.labels[row])) labelled.push_back(row);
  }
  const steps::TrainingMatrix train = TRY(MatrixOf(rows, labelled, true));
  steps::Booster booster = TRY(steps::Booster::Make({&train}, {{"objective", "binary:logistic"},
                                                               {"max_depth", "6"},
                                                               {"eta", "0.12"},
                                                               {"tree_method", "hist"},
                                                               {"nthread", "2"},
                                                               {"seed", "1"}}));
  for (int round = 0; round < kRounds; ++round) TRY(booster.Update(round, train));
  std::vector<std::vector<float>> out;
  for (const Places& places : asked) {
    const steps::TrainingMatrix matrix = TRY(MatrixOf(rows, places, false));
    out.push_back(TRY(booster.Predict(matrix, steps::Booster::Answer::kProbability)));
  }
  return out;
}

std::vector<sketch::ColumnSpec> SpecsOf(const Rows& rows) {
  std::vector<sketch::ColumnSpec> out;
  for (const Column& column : rows.columns) {
    out.push_back({column.name, column.number ? sketch::ValueKind::kNumber : sketch::ValueKind::kCategory});
  }
  return out;
}

void AddRow(const Rows& rows, std::size_t row, sketch::Profile& profile) {
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const Column& column = rows.columns[i];
    const double value = column.values[row];
    if (column.number) {
      profile.column(i).AddNumber(value);
    } else if (std::isnan(value)) {
      profile.column(i).AddMissing();
    } else {
      profile.column(i).AddValue(column.categories[static_cast<std::size_t>(value)]);
    }
  }
}

sketch::Baseline BaselineOf(const Rows& rows, const Places& places, const std::vector<float>& predictions,
                            std::size_t edges) {
  sketch::Baseline out;
  out.event_time = "predicted_at";
  std::vector<sketch::ColumnSpec> specs = SpecsOf(rows);
  specs.push_back({std::string(sketch::kPredictionColumn), sketch::ValueKind::kNumber});
  std::map<std::int64_t, sketch::Profile> days;
  for (std::size_t i = 0; i < places.size(); ++i) {
    sketch::Profile& day = days.try_emplace(sketch::DayOf(FromMicros(rows.times[places[i]])), specs).first->second;
    AddRow(rows, places[i], day);
    day.column(rows.columns.size()).AddNumber(static_cast<double>(predictions[i]));
  }
  out.whole = sketch::Profile(specs);
  for (const auto& [day, profile] : days) out.whole.Merge(profile);
  for (const sketch::ColumnProfile& column : out.whole.columns()) {
    out.bins.push_back(sketch::ColumnBins::Of(column, edges));
  }
  for (const auto& [day, profile] : days) {
    sketch::BaselineBlock& block = out.blocks.emplace_back();
    block.day = day;
    for (std::size_t i = 0; i < out.bins.size(); ++i) {
      block.rows = profile.column(i).rows();
      sketch::BlockColumn& column = block.columns.emplace_back();
      column.missing = profile.column(i).missing();
      for (const double count : out.bins[i].Counts(profile.column(i))) {
        column.counts.push_back(static_cast<std::uint64_t>(count));
      }
    }
  }
  return out;
}

monitoring::WindowView WindowOf(const Rows& rows, const Places& places, const std::vector<float>& predictions,
                                const monitoring::BaselineView& baseline, Timestamp from) {
  sketch::Profile profile(SpecsOf(rows));
  sketch::ColumnProfile prediction({std::string(sketch::kPredictionColumn), sketch::ValueKind::kNumber});
  for (std::size_t i = 0; i < places.size(); ++i) {
    AddRow(rows, places[i], profile);
    prediction.AddNumber(static_cast<double>(predictions[i]));
  }
  monitoring::WindowView out = monitoring::ViewOf(baseline, profile, prediction);
  out.from = from;
  out.until = from + kWeek;
  out.rows = static_cast<double>(places.size());
  return out;
}

/// Rows with their answers.
struct Answered {
  Places places;
  std::vector<float> predictions;
};

Answered Only(const Rows& rows, const Answered& all, std::size_t column, double value) {
  Answered out;
  for (std::size_t i = 0; i < all.places.size(); ++i) {
    if (rows.columns[column].values[all.places[i]] != value) continue;
    out.places.push_back(all.places[i]);
    out.predictions.push_back(all.predictions[i]);
  }
  return out;
}

/// The most frequent values of a column, as the train step keeps them.
std::vector<std::pair<double, Answered>> ValuesOf(const Rows& rows, const Answered& all, std::size_t column) {
  std::vector<std::pair<double, Answered>> out;
  for (std::size_t code = 0; code < rows.columns[column].categories.size(); ++code) {
    Answered slice = Only(rows, all, column, static_cast<double>(code));
    if (slice.places.size() >= sketch::kSliceRowsMin) out.emplace_back(static_cast<double>(code), std::move(slice));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.second.places.size() > b.second.places.size(); });
  if (out.size() > sketch::kSliceValuesMax) out.resize(sketch::kSliceValuesMax);
  return out;
}

/// Two left-out weeks with what they were held against.
struct Trial {
  std::unique_ptr<Detectors> blocks;
  std::unique_ptr<Detectors> formula;  ///< the same without days: floors for independent rows
  std::vector<monitoring::WindowView> windows;
  Evaluation first;
  Evaluation second;
  Places places[2];
  std::map<std::string, std::pair<Evaluation, Evaluation>> sliced;  ///< by the column of the slices
};

/// The same two weeks, looked at by slices too.
Result<std::pair<Evaluation, Evaluation>> RunSliced(const Rows& rows, const Trial& trial, const Answered& others,
                                                    const std::vector<Answered>& weeks, const std::string& name) {
  const auto column = static_cast<std::size_t>(std::find_if(rows.columns.begin(), rows.columns.end(),
                                                            [&name](const Column& each) { return each.name == name; }) -
                                               rows.columns.begin());
  std::vector<monitoring::SliceReference> references;
  for (const auto& [value, slice] : ValuesOf(rows, others, column)) {
    const sketch::Baseline baseline = BaselineOf(rows, slice.places, slice.predictions, sketch::kSliceEdges);
    auto detectors = std::make_shared<Detectors>(TRY(monitoring::ViewOf(baseline, nullptr)), kWeek,
                                                 monitoring::Settings().SliceOptions());
    const monitoring::Slice named{name, rows.columns[column].categories[static_cast<std::size_t>(value)]};
    references.push_back({named, column, static_cast<float>(value), std::move(detectors)});
  }
  std::pair<Evaluation, Evaluation> out{trial.first, trial.second};
  for (std::size_t week = 0; week < 2; ++week) {
    std::vector<monitoring::SliceWindow> windows;
    for (const monitoring::SliceReference& reference : references) {
      const Answered slice = Only(rows, weeks[week], column, static_cast<double>(reference.value));
      windows.push_back({&reference, WindowOf(rows, slice.places, slice.predictions, reference.detectors->baseline(),
                                              trial.windows[week].from)});
    }
    const double all = static_cast<double>(weeks[week].places.size());
    monitoring::DetectSlices(windows, all, week == 0 ? nullptr : &out.first, week == 0 ? out.first : out.second);
  }
  return out;
}

struct ColumnTable {
  std::vector<double> distances;
  std::vector<double> floors;
  int by_formula = 0;
  int by_blocks = 0;
  int twice = 0;
  int seen[3] = {};
};

const ColumnReference& ReferenceAt(const Detectors& detectors, std::size_t column) {
  return column < detectors.features().size() ? detectors.features()[column] : *detectors.prediction();
}

bool Exceeds(const Detectors& detectors, std::size_t column, const monitoring::ColumnPeriod& period) {
  const ColumnReference& reference = ReferenceAt(detectors, column);
  const monitoring::Comparison comparison = reference.Compare(period);
  const double value = reference.Deciding(comparison);
  return value > monitoring::ThresholdOf(monitoring::Sensitivity::kSensitive) && value > comparison.floor.value;
}

const monitoring::ColumnPeriod& PeriodAt(const monitoring::WindowView& window, std::size_t column) {
  return column < window.features.size() ? *window.features[column] : *window.prediction;
}

void Count(const Trial& trial, std::size_t column, ColumnTable& table) {
  int twice = 0;
  for (const monitoring::WindowView& window : trial.windows) {
    const monitoring::ColumnPeriod& period = PeriodAt(window, column);
    const ColumnReference& reference = ReferenceAt(*trial.blocks, column);
    const monitoring::Comparison comparison = reference.Compare(period);
    table.distances.push_back(reference.Deciding(comparison));
    table.floors.push_back(comparison.floor.value);
    table.by_formula += Exceeds(*trial.formula, column, period) ? 1 : 0;
    const bool exceeds = Exceeds(*trial.blocks, column, period);
    table.by_blocks += exceeds ? 1 : 0;
    twice += exceeds ? 1 : 0;
  }
  table.twice += twice == 2 ? 1 : 0;
}

/// Whether a column moved by `sigmas` of the baseline's standard deviations exceeds in both weeks.
bool SeesShift(const Trial& trial, const Rows& rows, std::size_t column, double sigmas) {
  const monitoring::BaselineColumn& baseline = trial.blocks->features()[column].column();
  const double shift = sigmas * baseline.whole.numbers->std;
  for (const Places& places : trial.places) {
    sketch::ColumnProfile profile({baseline.name, sketch::ValueKind::kNumber});
    for (const std::size_t row : places) profile.AddNumber(rows.columns[column].values[row] + shift);
    if (!Exceeds(*trial.blocks, column, monitoring::PeriodOf(baseline, profile))) return false;
  }
  return true;
}

Result<Trial> Run(const Rows& rows, Timestamp start) {
  Trial out;
  Places others;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Timestamp at = FromMicros(rows.times[row]);
    if (at >= start && at < start + kWeek) {
      out.places[0].push_back(row);
    } else if (at >= start + kWeek && at < start + 2 * kWeek) {
      out.places[1].push_back(row);
    } else if (!std::isnan(rows.labels[row])) {
      others.push_back(row);
    }
  }
  const auto predictions = TRY(PredictionsOf(rows, others, {others, out.places[0], out.places[1]}));
  const sketch::Baseline baseline = BaselineOf(rows, others, predictions[0], 128);
  const monitoring::BaselineView view = TRY(monitoring::ViewOf(baseline, nullptr));
  monitoring::BaselineView undated = view;
  undated.block_length = Duration(0);
  out.blocks = std::make_unique<Detectors>(view, kWeek);
  out.formula = std::make_unique<Detectors>(undated, kWeek);
  for (int i = 0; i < 2; ++i) {
    out.windows.push_back(WindowOf(rows, out.places[i], predictions[static_cast<std::size_t>(i) + 1],
                                   out.blocks->baseline(), start + i * kWeek));
  }
  out.first = out.blocks->Detect(out.windows[0], nullptr);
  out.second = out.blocks->Detect(out.windows[1], &out.first);
  const std::vector<Answered> weeks = {{out.places[0], predictions[1]}, {out.places[1], predictions[2]}};
  for (const char* column : {"origin", "carrier"}) {
    out.sliced[column] = TRY(RunSliced(rows, out, {others, predictions[0]}, weeks, column));
  }
  return out;
}

void PrintFindings(const Evaluation& evaluation) {
  for (const monitoring::Finding& finding : evaluation.findings) {
    std::printf("  %s %-5s %s\n", FormatTime(evaluation.from).substr(0, 10).c_str(),
                std::string(monitoring::Name(finding.severity)).c_str(), finding.sentence.c_str());
  }
}

/// Findings that only slices have.
void PrintSliced(const Evaluation& evaluation) {
  for (const monitoring::Finding& finding : evaluation.findings) {
    if (!finding.slice) continue;
    std::printf("  %s %-5s [slices] %s\n", FormatTime(evaluation.from).substr(0, 10).c_str(),
                std::string(monitoring::Name(finding.severity)).c_str(), finding.sentence.c_str());
  }
}

std::string Of(int count, std::size_t all) { return Cat(count, "/", all); }

/// A pair of weeks has an alert when either has one; notes count in the second alone, where distances count.
void Count(const std::pair<Evaluation, Evaluation>& weeks, std::size_t& alerts, std::size_t& notes) {
  const bool alert = weeks.first.state == monitoring::State::kAlert || weeks.second.state == monitoring::State::kAlert;
  alerts += alert ? 1 : 0;
  notes += !alert && weeks.second.state == monitoring::State::kWarning ? 1 : 0;
}

Status Bench() {
  const Rows rows = TRY(Load());
  std::printf("%zu flights of January to March, %zu features\n\nfindings in healthy weeks\n", rows.size(),
              rows.columns.size());
  std::vector<ColumnTable> tables(rows.columns.size() + 1);
  std::size_t trials = 0;
  std::size_t alerts = 0;
  std::size_t notes = 0;
  std::map<std::string, std::pair<std::size_t, std::size_t>> sliced;  ///< alerts, notes
  const Timestamp first = TRY(ParseTime("2013-01-07T00:00:00Z"));
  for (Timestamp start = first; start + 2 * kWeek <= TRY(ParseTime("2013-04-01T00:00:00Z")); start += kWeek) {
    const Trial trial = TRY(Run(rows, start));
    ++trials;
    PrintFindings(trial.first);
    PrintFindings(trial.second);
    Count({trial.first, trial.second}, alerts, notes);
    for (const auto& [column, weeks] : trial.sliced) {
      PrintSliced(weeks.first);
      PrintSliced(weeks.second);
      Count(weeks, sliced[column].first, sliced[column].second);
    }
    for (std::size_t column = 0; column < tables.size(); ++column) {
      Count(trial, column, tables[column]);
      if (column >= rows.columns.size() || !rows.columns[column].number) continue;
      for (std::size_t i = 0; i < std::size(kShifts); ++i) {
        tables[column].seen[i] += SeesShift(trial, rows, column, kShifts[i]) ? 1 : 0;
      }
    }
    std::fflush(stdout);
  }
  std::printf("\n%zu pairs of weeks: %zu with an alert, %zu with notes alone\n", trials, alerts, notes);
  for (const auto& [column, counts] : sliced) {
    std::printf("with slices by %s: %zu with an alert, %zu with notes alone\n", column.c_str(), counts.first,
                counts.second);
  }
  std::printf("\n");
  std::printf(
      "| column | distance median / max | floor | over the formula's floor | over the blocks' | twice | sees 0.1 | "
      "0.25 | 0.5 sigma |\n|---|---|---|---|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const ColumnTable& table = tables[i];
    const bool number = i < rows.columns.size() && rows.columns[i].number;
    std::printf("| %s | %.3f / %.3f | %.3f | %s | %s | %s |",
                i < rows.columns.size() ? rows.columns[i].name.c_str() : "prediction",
                monitoring::QuantileOf(table.distances, 0.5), monitoring::QuantileOf(table.distances, 1),
                monitoring::QuantileOf(table.floors, 0.5), Of(table.by_formula, 2 * trials).c_str(),
                Of(table.by_blocks, 2 * trials).c_str(), Of(table.twice, trials).c_str());
    for (const int seen : table.seen) std::printf(" %s |", number ? Of(seen, trials).c_str() : "-");
    std::printf("\n");
  }
  return Ok();
}

}  // namespace
}  // namespace mw

int main() {
  const mw::Status status = mw::Bench();
  if (!status.ok()) std::fprintf(stderr, "monitoring_flights_bench: %s\n", status.error().ToString().c_str());
  return status.ok() ? 0 : 1;
}
