// Arguments, the columns, the sending.
#include "steps/labels_tool.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "data/duckdb_session.h"
#include "steps/control_plane.h"
#include "steps/label_feed.h"
#include "steps/table_survey.h"
#include "wire/label_names.h"
#include "wire/label_text.h"

namespace mw::steps {
namespace {

using schema::ColumnType;

constexpr std::string_view kLabelsUsage =
    "usage: mw-step labels FILE --endpoint NAME --labels-to URL [--id COLUMN | --key COLUMN] [--label COLUMN] "
    "[--time COLUMN] [--json]";
constexpr std::string_view kLabelsTable = "labels";

struct LabelsArguments {
  std::string file;
  std::string endpoint;
  std::string url;
  std::string id;
  std::string key;
  std::string label;
  std::string time;
  bool json = false;
  std::vector<std::string> classes;  ///< names by which labels can say their class
  std::string kept;                  ///< that not all predictions can be found; empty: all can
};

struct RowCounts {
  std::int64_t rows = 0;
  std::int64_t without_label = 0;
};

Result<LabelsArguments> ReadLabelsArguments(const std::vector<std::string>& arguments) {
  LabelsArguments read;
  const std::vector<std::pair<std::string_view, std::string*>> flags = {
      {"--endpoint", &read.endpoint}, {"--labels-to", &read.url}, {"--id", &read.id},
      {"--key", &read.key},           {"--label", &read.label},   {"--time", &read.time}};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--json") {
      read.json = true;
    } else if (!arguments[i].starts_with("--")) {
      read.file = arguments[i];
    } else {
      const auto flag =
          std::find_if(flags.begin(), flags.end(), [&](const auto& known) { return known.first == arguments[i]; });
      if (flag == flags.end()) return InvalidArgument("no flag ", Quoted(arguments[i]), "; ", kLabelsUsage);
      if (i + 1 == arguments.size()) return InvalidArgument(arguments[i], " lacks its value; ", kLabelsUsage);
      *flag->second = arguments[++i];
    }
  }
  if (read.file.empty() || read.endpoint.empty() || read.url.empty()) return InvalidArgument(kLabelsUsage);
  if (!read.id.empty() && !read.key.empty()) return InvalidArgument("--id and --key: a label is for one of the two");
  return read;
}

/// The columns to read: those that were named, else those with the usual names.
Status ChooseColumns(const std::vector<data::ResultColumn>& columns, LabelsArguments& arguments) {
  std::vector<std::string> names;
  for (const data::ResultColumn& column : columns) names.push_back(column.name);
  const auto has = [&names](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (arguments.id.empty() && arguments.key.empty())
    (has("prediction_id") ? arguments.id : arguments.key) = has("prediction_id") ? "prediction_id" : "key";
  if (arguments.label.empty()) arguments.label = "label";
  if (arguments.time.empty() && has("time")) arguments.time = "time";
  for (const std::string& wanted : {arguments.id, arguments.key, arguments.label, arguments.time}) {
    if (wanted.empty() || has(wanted)) continue;
    return InvalidArgument(arguments.file, " has no column ", Quoted(wanted), "; it has ", Join(names, ", "),
                           ". Name yours with --id or --key, --label, --time");
  }
  return Ok();
}

/// The first class that reads as the truth value, as texts of a CSV file do: "Yes" is true. Empty: none does.
Result<std::string> ClassOfTruth(data::DuckdbSession& session, const std::vector<std::string>& classes, bool truth) {
  for (const std::string& name : classes) {
    const std::string is = Cat("TRY_CAST(", data::SqlText(name), " AS BOOLEAN) IS ", truth ? "TRUE" : "FALSE");
    const auto rows = TRY(session.Query(Cat("SELECT CASE WHEN ", is, " THEN 1 ELSE 0 END")));
    if (rows[0][0].AsInt() == 1) return name;
  }
  return std::string();
}

/// A text; nothing for a mark of a missing value, as `init` reads it, unless a class has that name.
std::string TextSql(const std::string& column, const std::vector<std::string>& classes) {
  const std::string text = Cat("CAST(", column, " AS VARCHAR)");
  std::vector<std::string> names;
  for (const std::string& name : classes) names.push_back(data::SqlText(name));
  const std::string known = names.empty() ? "" : Cat(" OR ", text, " IN (", Join(names, ", "), ")");
  return Cat("CASE WHEN lower(trim(", text, ")) NOT IN (", kMissingMarks, ")", known, " THEN ", text, " END");
}

/// The label as the name of a class. Truth values and numbers are names where classes are called so; else empty.
Result<std::string> NameSql(data::DuckdbSession& session, const LabelsArguments& arguments, ColumnType type) {
  const std::vector<std::string>& classes = arguments.classes;
  const std::string column = data::SqlName(arguments.label);
  if (type == ColumnType::kText || type == ColumnType::kCategory) return TextSql(column, classes);
  if (type == ColumnType::kBoolean) {
    const std::string yes = TRY(ClassOfTruth(session, classes, true));
    const std::string no = TRY(ClassOfTruth(session, classes, false));
    if (yes.empty() || no.empty()) return std::string();
    return Cat("CASE ", column, " WHEN TRUE THEN ", data::SqlText(yes), " WHEN FALSE THEN ", data::SqlText(no), " END");
  }
  const bool numbers = std::any_of(classes.begin(), classes.end(),
                                   [](const std::string& name) { return ParseDouble(name).has_value(); });
  return numbers ? TextSql(column, classes) : std::string();
}

/// The fourth column has what was no time; nothing where that is a mark of a missing value.
std::string Select(const LabelsArguments& arguments, const std::string& name_sql) {
  const std::string& id = arguments.id.empty() ? arguments.key : arguments.id;
  const std::string label = name_sql.empty() ? Cat("CAST(", data::SqlName(arguments.label), " AS DOUBLE)") : name_sql;
  const std::string written = arguments.time.empty() ? "NULL" : data::SqlName(arguments.time);
  const std::string text = Cat("CAST(", written, " AS VARCHAR)");
  const std::string time = Cat("TRY_CAST(", text, " AS TIMESTAMPTZ)");
  return Cat("SELECT CAST(", data::SqlName(id), " AS VARCHAR) AS id, ", label, " AS label, ", time,
             " AS time, CASE WHEN ", time, " IS NULL AND lower(trim(", text, ")) NOT IN (", kMissingMarks, ") THEN ",
             text, " END AS no_time FROM ", kLabelsTable);
}

Status AddRow(const data::Chunk& chunk, std::size_t row, const LabelsArguments& arguments, bool named,
              RowCounts& counts, LabelFeed& feed) {
  ++counts.rows;
  if (chunk.IsMissing(1, row) || (named && chunk.Texts(1)[row].empty())) {
    ++counts.without_label;
    return Ok();
  }
  wire::Label label;
  label.by = arguments.id.empty() ? wire::LabelBy::kKey : wire::LabelBy::kPrediction;
  label.id = chunk.IsMissing(0, row) ? std::string_view() : chunk.Texts(0)[row];
  if (named) {
    label.text = chunk.Texts(1)[row];
  } else {
    label.value = chunk.Numbers(1)[row];
  }
  if (!chunk.IsMissing(3, row)) {
    return InvalidArgument(arguments.file, ": row ", counts.rows, ": column ", Quoted(arguments.time), " is ",
                           Quoted(chunk.Texts(3)[row]), ", not a time; write times as 2013-04-01T12:30:00Z");
  }
  if (!chunk.IsMissing(2, row)) label.time_us = chunk.Times(2)[row];
  TRY(wire::CheckLabel(label).In(Cat(arguments.file, ": row ", counts.rows)));
  return feed.AddKnown(std::move(label));
}

Result<RowCounts> SendTable(LabelsArguments arguments, const std::string& path, LabelFeed& feed) {
  data::SessionOptions options;
  options.paths = {path};
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  TRY(session.Bind(kLabelsTable, path));
  const std::vector<data::ResultColumn> columns = TRY(session.Describe(Cat("SELECT * FROM ", kLabelsTable)));
  TRY(ChooseColumns(columns, arguments));
  const auto label = std::find_if(columns.begin(), columns.end(),
                                  [&](const data::ResultColumn& column) { return column.name == arguments.label; });
  const std::string name_sql = TRY(NameSql(session, arguments, label->type));
  const bool named = !name_sql.empty();
  RowCounts counts;
  TRY(session.Stream(Select(arguments, name_sql), [&](const data::Chunk& chunk) -> Status {
    for (std::size_t row = 0; row < chunk.rows(); ++row) {
      TRY(AddRow(chunk, row, arguments, named, counts, feed));
    }
    return Ok();
  }));
  return counts;
}

Result<RowCounts> SendLines(const LabelsArguments& arguments, LabelFeed& feed) {
  const std::vector<wire::Label> labels = TRY(wire::LabelsFromLines(TRY(ReadFile(arguments.file))).In(arguments.file));
  for (const wire::Label& label : labels) TRY(feed.AddKnown(label));
  return RowCounts{static_cast<std::int64_t>(labels.size()), 0};
}

bool IsLines(std::string_view file) { return file.ends_with(".ndjson") || file.ends_with(".jsonl"); }

/// Of what is sent and how: a dataset's directory stands for its rows.
Result<std::string> BatchName(const LabelsArguments& arguments) {
  struct stat info {};
  const bool directory = stat(arguments.file.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  Sha256 digest;
  for (const std::string& part : {arguments.id, arguments.key, arguments.label, arguments.time}) {
    digest.Update(Cat(part, "\n"));
  }
  if (!arguments.classes.empty()) digest.Update("classes by name\n");
  digest.Update(TRY(ReadFile(directory ? arguments.file + "/data.parquet" : arguments.file)));
  return Cat("file-", digest.Finish().substr(0, 24));
}

std::string NewClassLines(const LabelFeed::Summary& sent) {
  std::string out;
  for (const LabelFeed::NewClass& one : sent.new_classes) {
    CatTo(out, "new class ", Quoted(one.name), ": ", WithThousands(static_cast<long long>(one.labels)),
          one.labels == 1 ? " label" : " labels");
    if (!one.nearest.empty()) CatTo(out, "; did you mean ", Quoted(one.nearest), "?");
    out += '\n';
  }
  return out;
}

Json NewClassesJson(const LabelFeed::Summary& sent) {
  Json out = Json::MakeArray();
  for (const LabelFeed::NewClass& one : sent.new_classes) {
    out.Append(Json::Make({{"name", one.name},
                           {"labels", one.labels},
                           {"did_you_mean", one.nearest.empty() ? Json() : Json(one.nearest)}}));
  }
  return out;
}

std::string SummaryText(const LabelsArguments& arguments, const LabelFeed::Summary& sent, const RowCounts& counts) {
  const auto number = [](auto value) { return WithThousands(static_cast<long long>(value)); };
  return Cat(number(sent.labels), " labels sent to ", arguments.endpoint, ": ", number(sent.joined), " joined, ",
             number(sent.waiting), " wait for their prediction, ", number(sent.too_late), " too late, ",
             number(sent.repeated), " known already; ", number(counts.without_label), " rows have none\n",
             NewClassLines(sent), arguments.kept.empty() ? "" : arguments.kept + "\n");
}

Json SummaryJson(const LabelsArguments& arguments, const LabelFeed::Summary& sent, const RowCounts& counts) {
  return Json::Make({{"endpoint", arguments.endpoint},
                     {"labels", sent.labels},
                     {"batches", sent.batches},
                     {"repeated", sent.repeated},
                     {"joined", sent.joined},
                     {"waiting", sent.waiting},
                     {"too_late", sent.too_late},
                     {"rows_without", counts.without_label},
                     {"new_classes", NewClassesJson(sent)},
                     {"note", arguments.kept.empty() ? Json() : Json(arguments.kept)}});
}

}  // namespace

Status SendLabels(const std::vector<std::string>& arguments_in) {
  LabelsArguments arguments = TRY(ReadLabelsArguments(arguments_in));
  const std::unique_ptr<char, decltype(&std::free)> path(realpath(arguments.file.c_str(), nullptr), &std::free);
  if (!path) return ErrnoError(errno, Cat("reading ", arguments.file));
  LabelFeed::Options options{arguments.url, TokenFromEnvironment(), arguments.endpoint, ""};
  arguments.classes = TRY(FetchLabelFacts(options))
  .names;
  options.batches = TRY(BatchName(arguments));
  const std::unique_ptr<LabelFeed> feed = TRY(LabelFeed::Start(options));
  RowCounts counts;
  if (IsLines(arguments.file)) {
    counts = TRY(SendLines(arguments, *feed));
  } else {
    counts = TRY(SendTable(arguments, path.get(), *feed));
  }
  const LabelFeed::Summary sent = TRY(feed->Finish());
  const LabelFacts facts = TRY(FetchLabelFacts(options));
  arguments.kept = wire::KeptSentence(facts.recorded_rows, facts.kept_rows);
  const std::string text =
      arguments.json ? SummaryJson(arguments, sent, counts).Dump() + "\n" : SummaryText(arguments, sent, counts);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return Ok();
}

}  // namespace mw::steps
