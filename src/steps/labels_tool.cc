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
#include "steps/label_feed.h"
#include "wire/label_text.h"

namespace mw::steps {
namespace {

constexpr std::string_view kUsage =
    "usage: mw-step labels FILE --endpoint NAME --labels-to URL [--id COLUMN | --key COLUMN] [--label COLUMN] "
    "[--time COLUMN] [--json]";
constexpr std::string_view kTable = "labels";

struct Arguments {
  std::string file;
  std::string endpoint;
  std::string url;
  std::string id;
  std::string key;
  std::string label;
  std::string time;
  bool json = false;
};

struct Counts {
  std::int64_t rows = 0;
  std::int64_t without_label = 0;
};

Result<Arguments> ReadArguments(const std::vector<std::string>& arguments) {
  Arguments read;
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
      if (flag == flags.end()) return InvalidArgument("no flag ", Quoted(arguments[i]), "; ", kUsage);
      if (i + 1 == arguments.size()) return InvalidArgument(arguments[i], " lacks its value; ", kUsage);
      *flag->second = arguments[++i];
    }
  }
  if (read.file.empty() || read.endpoint.empty() || read.url.empty()) return InvalidArgument(kUsage);
  if (!read.id.empty() && !read.key.empty()) return InvalidArgument("--id and --key: a label is for one of the two");
  return read;
}

/// The columns to read: those that were named, else those with the usual names.
Status ChooseColumns(const std::vector<data::ResultColumn>& columns, Arguments& arguments) {
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

std::string Select(const Arguments& arguments) {
  const std::string& id = arguments.id.empty() ? arguments.key : arguments.id;
  const std::string time = arguments.time.empty() ? "NULL" : data::SqlName(arguments.time);
  return Cat("SELECT CAST(", data::SqlName(id), " AS VARCHAR) AS id, CAST(", data::SqlName(arguments.label),
             " AS DOUBLE) AS label, CAST(", time, " AS TIMESTAMPTZ) AS time FROM ", kTable);
}

Status AddRow(const data::Chunk& chunk, std::size_t row, const Arguments& arguments, Counts& counts, LabelFeed& feed) {
  ++counts.rows;
  if (chunk.IsMissing(1, row)) {
    ++counts.without_label;
    return Ok();
  }
  wire::Label label;
  label.by = arguments.id.empty() ? wire::LabelBy::kKey : wire::LabelBy::kPrediction;
  label.id = chunk.IsMissing(0, row) ? std::string_view() : chunk.Texts(0)[row];
  label.value = chunk.Numbers(1)[row];
  if (!chunk.IsMissing(2, row)) label.time_us = chunk.Times(2)[row];
  TRY(wire::CheckLabel(label).In(Cat(arguments.file, ": row ", counts.rows)));
  return feed.AddKnown(std::move(label));
}

Result<Counts> SendTable(Arguments arguments, const std::string& path, LabelFeed& feed) {
  data::SessionOptions options;
  options.paths = {path};
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  TRY(session.Bind(kTable, path));
  TRY(ChooseColumns(TRY(session.Describe(Cat("SELECT * FROM ", kTable))), arguments));
  Counts counts;
  TRY(session.Stream(Select(arguments), [&](const data::Chunk& chunk) -> Status {
    for (std::size_t row = 0; row < chunk.rows(); ++row) TRY(AddRow(chunk, row, arguments, counts, feed));
    return Ok();
  }));
  return counts;
}

Result<Counts> SendLines(const Arguments& arguments, LabelFeed& feed) {
  const std::vector<wire::Label> labels = TRY(wire::LabelsFromLines(TRY(ReadFile(arguments.file))).In(arguments.file));
  for (const wire::Label& label : labels) TRY(feed.AddKnown(label));
  return Counts{static_cast<std::int64_t>(labels.size()), 0};
}

bool IsLines(std::string_view file) { return file.ends_with(".ndjson") || file.ends_with(".jsonl"); }

/// Of what is sent and how: a dataset's directory stands for its rows.
Result<std::string> BatchName(const Arguments& arguments) {
  struct stat info {};
  const bool directory = stat(arguments.file.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  Sha256 digest;
  for (const std::string& part : {arguments.id, arguments.key, arguments.label, arguments.time}) {
    digest.Update(Cat(part, "\n"));
  }
  digest.Update(TRY(ReadFile(directory ? arguments.file + "/data.parquet" : arguments.file)));
  return Cat("file-", digest.Finish().substr(0, 24));
}

std::string TokenFromEnvironment() {
  const char* token = std::getenv("MILLWRIGHT_TOKEN");
  return token == nullptr ? "" : token;
}

}  // namespace

Status SendLabels(const std::vector<std::string>& arguments_in) {
  const Arguments arguments = TRY(ReadArguments(arguments_in));
  const std::unique_ptr<char, decltype(&std::free)> path(realpath(arguments.file.c_str(), nullptr), &std::free);
  if (!path) return ErrnoError(errno, Cat("reading ", arguments.file));
  const std::string batch = TRY(BatchName(arguments));
  const std::unique_ptr<LabelFeed> feed =
      TRY(LabelFeed::Start({arguments.url, TokenFromEnvironment(), arguments.endpoint, batch}));
  const Counts counts = IsLines(arguments.file) ? TRY(SendLines(arguments, *feed))
                                                : TRY(SendTable(arguments, path.get(), *feed));
                                                const LabelFeed::Summary sent = TRY(feed->Finish());
                                                const Json summary =
                                                    Json::Make({{"endpoint", arguments.endpoint},
                                                                {"labels", sent.labels},
                                                                {"batches", sent.batches},
                                                                {"repeated", sent.repeated},
                                                                {"joined", sent.joined},
                                                                {"waiting", sent.waiting},
                                                                {"too_late", sent.too_late},
                                                                {"rows_without", counts.without_label}});
                                                std::string text = summary.Dump() + "\n";
                                                if (!arguments.json) {
                                                  text = Cat(WithThousands(static_cast<long long>(sent.labels)),
                                                             " labels sent to ", arguments.endpoint, ": ",
                                                             WithThousands(static_cast<long long>(sent.joined)),
                                                             " joined, ",
                                                             WithThousands(static_cast<long long>(sent.waiting)),
                                                             " wait for their prediction, ",
                                                             WithThousands(static_cast<long long>(sent.too_late)),
                                                             " too late, ",
                                                             WithThousands(static_cast<long long>(sent.repeated)),
                                                             " known already; ", WithThousands(counts.without_label),
                                                             " rows have none\n");
                                                }
                                                std::fwrite(text.data(), 1, text.size(), stdout);
                                                return Ok();
}

}  // namespace mw::steps
