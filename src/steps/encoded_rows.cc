// Rows from Parquet into a matrix.
#include "steps/encoded_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "data/duckdb_session.h"
#include "steps/data_task.h"

namespace mw::steps {
namespace {

using schema::ColumnType;

constexpr std::string_view kMissingText = "(missing)";

Status CheckColumn(const data::Dataset& dataset, const std::string& name, std::string_view role) {
  std::vector<std::string_view> names;
  for (const schema::Column& column : dataset.columns) {
    if (column.name == name) return Ok();
    names.push_back(column.name);
  }
  const std::string_view nearest = Nearest(name, names);
  return InvalidArgument(role, ": the rows have no column ", Quoted(name),
                         nearest.empty() ? std::string() : Cat("; did you mean ", nearest, "?"));
}

Status CheckColumns(const data::Dataset& dataset, const RowsWanted& wanted) {
  for (const std::string& feature : wanted.encoder->feature_names()) TRY(CheckColumn(dataset, feature, "feature"));
  for (const std::string& text : wanted.texts) TRY(CheckColumn(dataset, text, "slice"));
  if (wanted.label.empty()) return InvalidArgument("no label is named; write predict.label in the goal, or with.label");
  return CheckColumn(dataset, wanted.label, "label");
}

bool HasClasses(const RowsWanted& wanted) { return wanted.problem == goals::Problem::kMulticlassClassification; }

std::string Select(const data::Dataset& dataset, const RowsWanted& wanted) {
  std::vector<std::string> list;
  const schema::Encoder& encoder = *wanted.encoder;
  for (std::size_t i = 0; i < encoder.num_features(); ++i) {
    const bool is_text = encoder.column(static_cast<int>(i)).type == ColumnType::kCategory;
    list.push_back(Cat("CAST(", data::SqlName(encoder.feature_names()[i]), is_text ? " AS VARCHAR)" : " AS DOUBLE)"));
  }
  const std::string label = data::SqlName(wanted.label);
  list.push_back(Cat("CAST(", label, HasClasses(wanted) ? " AS VARCHAR)" : " AS DOUBLE)"));
  if (!dataset.roles.event_time.empty()) list.push_back(data::SqlName(dataset.roles.event_time));
  for (const std::string& text : wanted.texts) {
    list.push_back(Cat("coalesce(CAST(", data::SqlName(text), " AS VARCHAR), ", data::SqlText(kMissingText), ")"));
  }
  for (std::size_t i = 0; i < list.size(); ++i) CatTo(list[i], " AS c", i);
  return Cat("SELECT ", Join(list, ", "), " FROM ", kRowsTable, " WHERE ", label, " IS NOT NULL");
}

// Takes chunk after chunk into the matrix.
class RowsLoader {
 public:
  RowsLoader(const RowsWanted& wanted, bool has_time) : wanted_(wanted), has_time_(has_time) {
    rows_.num_features = wanted.encoder->num_features();
    for (const std::string& text : wanted.texts) rows_.texts.push_back({text, {}, {}});
    dictionaries_.resize(wanted.texts.size());
    rows_.classes = wanted.classes;
    for (std::size_t i = 0; i < rows_.classes.size(); ++i) class_codes_.emplace(rows_.classes[i], i);
  }

  Status Take(const data::Chunk& chunk) {
    const std::size_t first = rows_.count;
    rows_.count += chunk.rows();
    rows_.values.resize(rows_.count * rows_.num_features);
    for (std::size_t feature = 0; feature < rows_.num_features; ++feature) TRY(TakeFeature(chunk, feature, first));
    std::size_t column = rows_.num_features;
    TRY(TakeLabels(chunk, column++));
    if (has_time_) {
      const auto times = chunk.Times(column++);
      rows_.times.insert(rows_.times.end(), times.begin(), times.end());
    }
    for (std::size_t text = 0; text < rows_.texts.size(); ++text) TakeTexts(chunk, column++, text);
    return Ok();
  }
  EncodedRows Finish() {
    if (HasClasses(wanted_)) SortNewClasses();
    return std::move(rows_);
  }

 private:
  Status TakeFeature(const data::Chunk& chunk, std::size_t feature, std::size_t first) {
    const int index = static_cast<int>(feature);
    const schema::Encoder& encoder = *wanted_.encoder;
    const bool is_text = encoder.column(index).type == ColumnType::kCategory;
    for (std::size_t row = 0; row < chunk.rows(); ++row) {
      auto value = chunk.IsMissing(feature, row) ? encoder.EncodeMissing(index)
                   : is_text                     ? encoder.EncodeText(index, chunk.Texts(feature)[row])
                                                 : encoder.EncodeNumber(index, chunk.Numbers(feature)[row]);
      if (!value.ok()) return std::move(value).error().In(Cat("row ", first + row));
      rows_.values[(first + row) * rows_.num_features + feature] = *value;
    }
    return Ok();
  }

  Status TakeLabels(const data::Chunk& chunk, std::size_t column) {
    if (HasClasses(wanted_)) return TakeClasses(chunk.Texts(column));
    const bool binary = wanted_.problem == goals::Problem::kBinaryClassification;
    for (const double label : chunk.Numbers(column)) {
      if (binary && label != 0 && label != 1) {
        return InvalidArgument("label ", Quoted(wanted_.label), " is ", label,
                               " in a row; it must be true, false, 0 or 1");
      }
      if (!std::isfinite(static_cast<float>(label))) {
        return InvalidArgument("label ", Quoted(wanted_.label), " is ", label,
                               " in a row; a number beyond 3.4e38 cannot be learned: leave the row out or scale it");
      }
      rows_.labels.push_back(label);
    }
    return Ok();
  }

  Status TakeClasses(std::span<const std::string_view> labels) {
    for (const std::string_view label : labels) {
      auto found = class_codes_.find(label);
      if (found == class_codes_.end()) {
        found = class_codes_.emplace(std::string(label), rows_.classes.size()).first;
        rows_.classes.emplace_back(label);
        if (rows_.classes.size() > evaluation::kClassesMax) {
          return InvalidArgument("label ", Quoted(wanted_.label), " has more than ", evaluation::kClassesMax,
                                 " classes; join the rare ones, or predict a number");
        }
      }
      rows_.labels.push_back(static_cast<double>(found->second));
    }
    return Ok();
  }

  /// Classes that nobody named come in their own order, not in that of the rows.
  void SortNewClasses() {
    const auto known = static_cast<std::ptrdiff_t>(wanted_.classes.size());
    std::vector<std::string> sorted = rows_.classes;
    const auto is_number = [](const std::string& text) { return ParseDouble(text).has_value(); };
    const bool numbers = std::all_of(sorted.begin(), sorted.end(), is_number);
    std::sort(sorted.begin() + known, sorted.end(), [numbers](const std::string& a, const std::string& b) {
      return numbers ? *ParseDouble(a) < *ParseDouble(b) : a < b;
    });
    std::vector<double> place(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) place[class_codes_.at(sorted[i])] = static_cast<double>(i);
    for (double& label : rows_.labels) label = place[static_cast<std::size_t>(label)];
    rows_.classes = std::move(sorted);
  }

  void TakeTexts(const data::Chunk& chunk, std::size_t column, std::size_t text) {
    evaluation::SliceColumn& slice = rows_.texts[text];
    auto& dictionary = dictionaries_[text];
    for (const std::string_view value : chunk.Texts(column)) {
      auto found = dictionary.find(value);
      if (found == dictionary.end()) {
        found = dictionary.emplace(std::string(value), static_cast<std::uint32_t>(slice.values.size())).first;
        slice.values.emplace_back(value);
      }
      slice.codes.push_back(found->second);
    }
  }

  const RowsWanted& wanted_;
  bool has_time_;
  EncodedRows rows_;
  std::vector<std::map<std::string, std::uint32_t, std::less<>>> dictionaries_;
  std::map<std::string, std::size_t, std::less<>> class_codes_;
};

}  // namespace

evaluation::TrainingLabels EncodedRows::LabelsOf(goals::Problem problem) const {
  evaluation::TrainingLabels out;
  const auto rows = static_cast<double>(std::max<std::size_t>(count, 1));
  switch (problem) {
    case goals::Problem::kBinaryClassification:
      out.positive_share = std::accumulate(labels.begin(), labels.end(), 0.0) / rows;
      break;
    case goals::Problem::kMulticlassClassification:
      out.class_shares.resize(classes.size());
      for (const double label : labels) out.class_shares[static_cast<std::size_t>(label)] += 1;
      for (double& share : out.class_shares) share /= rows;
      break;
    case goals::Problem::kRegression: out.constants = evaluation::ConstantsOf(labels); break;
  }
  return out;
}

evaluation::AnsweredRows EncodedRows::AnsweredWith(goals::Problem problem, std::vector<double> answers,
                                                   std::vector<std::uint32_t> blocks) const {
  return {problem, classes, labels, std::move(answers), std::move(blocks)};
}

Result<EncodedRows> LoadRows(const StepTask& task, std::string_view input, const RowsWanted& wanted) {
  const std::string path = TRY(task.Input(input));
  const data::Dataset dataset = TRY(data::ReadDataset(path));
  TRY(CheckColumns(dataset, wanted).In(input));
  data::DuckdbSession session = TRY(OpenSession(task, {}));
  TRY(session.Bind(kRowsTable, path));
  RowsLoader loader(wanted, !dataset.roles.event_time.empty());
  TRY(session.Stream(Select(dataset, wanted), [&](const data::Chunk& chunk) { return loader.Take(chunk); }).In(input));
  EncodedRows rows = loader.Finish();
  if (rows.count == 0) {
    return InvalidArgument("input ", input, ": none of its ", dataset.rows, " rows has a value in ",
                           Quoted(wanted.label));
  }
  rows.unlabelled = dataset.rows - static_cast<std::int64_t>(rows.count);
  return rows;
}

}  // namespace mw::steps
