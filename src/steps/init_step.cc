// Arguments, the file, the decisions in their order, the files.
#include "steps/init_step.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "data/csv_header.h"
#include "steps/init_columns.h"
#include "steps/init_files.h"
#include "steps/init_plan.h"
#include "steps/init_split.h"
#include "steps/init_warnings.h"
#include "steps/init_words.h"

namespace mw::steps {
namespace {

constexpr std::string_view kInitUsage =
    "usage: millwright init FILE.csv|FILE.parquet --label COLUMN [--time COLUMN] [--key COLUMN] [--name NAME] [--dir "
    "DIR] "
    "[--type binary|multiclass|regression] [--positive VALUE]";
constexpr std::uintmax_t kCopyBytesMax = std::uintmax_t{256} << 20;

struct InitArguments {
  InitRequest request;
  bool json = false;
};

Result<goals::Problem> ReadProblem(const std::string& value) {
  if (value == "binary") return goals::Problem::kBinaryClassification;
  if (value == "multiclass") return goals::Problem::kMulticlassClassification;
  if (value == "regression") return goals::Problem::kRegression;
  return InvalidArgument("--type is ", Quoted(value), "; write binary, multiclass or regression");
}

Status ReadFlag(std::string_view flag, const std::string& value, InitRequest& out) {
  if (flag == "--label") {
    out.label = value;
  } else if (flag == "--time") {
    out.time = value;
  } else if (flag == "--key") {
    out.key = value;
  } else if (flag == "--name") {
    out.name = value;
  } else if (flag == "--dir") {
    out.directory = value;
  } else if (flag == "--type") {
    out.problem = TRY(ReadProblem(value));
  } else if (flag == "--positive") {
    out.positive = value;
  } else {
    return InvalidArgument("no flag ", Quoted(flag), "; ", kInitUsage);
  }
  return Ok();
}

Result<InitArguments> ReadInitArguments(const std::vector<std::string>& arguments) {
  InitArguments read;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--json") {
      read.json = true;
    } else if (!arguments[i].starts_with("--")) {
      if (!read.request.data.empty())
        return InvalidArgument("two files, ", Quoted(read.request.data), " and ", Quoted(arguments[i]), "; ",
                               kInitUsage);
      read.request.data = arguments[i];
    } else if (i + 1 < arguments.size()) {
      TRY(ReadFlag(arguments[i], arguments[i + 1], read.request));
      ++i;
    } else {
      return InvalidArgument(arguments[i], " lacks its value; ", kInitUsage);
    }
  }
  InitRequest& request = read.request;
  if (request.data.empty()) return InvalidArgument("no file is named; ", kInitUsage);
  if (request.label.empty())
    return InvalidArgument("--label is missing: which column shall the model predict? ", kInitUsage);
  if (request.name.empty()) request.name = NameFrom(request.data);
  if (!IsName(request.name)) {
    return InvalidArgument("--name: ", Quoted(request.name), " is no name; use letters, digits, '.', '_' and '-'");
  }
  if (request.directory.empty()) request.directory = request.name;
  return read;
}

struct DataFile {
  std::string path;  ///< absolute, as the session reads it
  bool parquet = false;
  char separator = ',';
};

Status CheckCsvStart(const std::string& path, std::string_view start) {
  if (start.find_first_not_of(" \t\r\n\xEF\xBB\xBF") == std::string_view::npos)
    return InvalidArgument(path, " is empty");
  if (start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF")) {
    return InvalidArgument(path, " is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8 ", path, " > utf8.csv");
  }
  if (start.substr(0, start.find('\n')).find('\0') != std::string_view::npos) {
    return InvalidArgument(path, " is no text; a CSV or Parquet file is read");
  }
  // Whole lines: a character may be cut in two at the end of what was read.
  if (!IsUtf8(start.substr(0, start.rfind('\n')))) {
    return InvalidArgument(path, " is not UTF-8; make it so, e.g. from Latin-1: iconv -f latin1 -t utf-8 ", path,
                           " > utf8.csv");
  }
  return Ok();
}

/// Line 1 of nothing but numbers is data, not names.
Status CheckHeader(const std::string& path, std::string_view start) {
  std::string_view line = start.substr(0, start.find_first_of("\r\n"));
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(",;\t|"), line.size());
    if (!ParseDouble(Trim(line.substr(0, end)))) return Ok();
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return InvalidArgument(path, ":1: looks like data, not like the columns' names; write a first line that names them");
}

Result<DataFile> OpenFile(const std::string& given) {
  char real[PATH_MAX];
  if (::realpath(given.c_str(), real) == nullptr) return ErrnoError(errno, Cat("reading ", given));
  struct stat info {};
  if (::stat(real, &info) == 0 && S_ISDIR(info.st_mode))
    return InvalidArgument(given, " is a directory; name a CSV or Parquet file");
  DataFile file{real, false, ','};
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(real, "rb"), &std::fclose);
  if (stream == nullptr) return ErrnoError(errno, given);
  std::string start(data::kCsvHeaderBytesMax, '\0');
  start.resize(std::fread(start.data(), 1, start.size(), stream.get()));
  if (start.starts_with("PAR1")) {
    file.parquet = true;
    return file;
  }
  TRY(CheckCsvStart(given, start));
  TRY(CheckHeader(given, start));
  const data::CsvHeader header = TRY(data::ParseCsvHeader(start).In(given));
  file.separator = header.separator;
  return file;
}

/// Under a name that says its kind, so that the session and the pipeline's import read it alike.
class Link {
 public:
  static Result<Link> Make(const DataFile& file) {
    Link link;
    std::string pattern = Cat(std::filesystem::temp_directory_path().string(), "/mw-init-XXXXXX");
    if (::mkdtemp(pattern.data()) == nullptr) return ErrnoError(errno, "making a temporary directory");
    link.directory_ = pattern;
    link.path_ = Cat(pattern, file.parquet ? "/data.parquet" : "/data.csv");
    if (::symlink(file.path.c_str(), link.path_.c_str()) != 0) return ErrnoError(errno, link.path_);
    return link;
  }
  Link(Link&& other) noexcept : directory_(std::exchange(other.directory_, "")), path_(std::move(other.path_)) {}
  Link& operator=(Link&&) = delete;
  ~Link() {
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  Link() = default;
  std::string directory_, path_;
};

Result<InitPlan> MakePlan(const InitRequest& request, const DataFile& file) {
  const Link link = TRY(Link::Make(file));
  data::SessionOptions options;
  options.paths = {link.path(), link.directory(), file.path};
  options.memory_bytes = std::int64_t{2} << 30;
  options.spill_directory = Cat(link.directory(), "/spill");
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  const auto said = [&](Error error) {
    for (std::size_t at = error.message.find(link.path()); at != std::string::npos;
         at = error.message.find(link.path())) {
      error.message.replace(at, link.path().size(), request.data);
    }
    return error;
  };
  if (Status bound = session.Bind(kFileTable, link.path()); !bound.ok()) return said(bound.error());
  Result<TableSurvey> survey = SurveyTable(session, file.separator);
  if (!survey.ok()) return said(survey.error()).In(request.data);
  InitPlan plan;
  plan.request = request;
  plan.survey = *std::move(survey);
  TRY(CheckRequest(plan.request, plan.survey));
  TRY(DecideProblem(plan));
  SignalRequest signals{{}, LabelCode(plan), plan.problem, plan.classes.size()};
  for (const ColumnSurvey& column : plan.survey.columns) {
    const bool measured = column.type != schema::ColumnType::kTimestamp && column.name != request.label;
    if (measured) signals.columns.push_back(column.name);
  }
  TRY(DecideColumns(TRY(MeasureSignals(session, signals)), plan));
  TRY(DecideSplit(session, plan));
  NoteRowsAndLabels(plan);
  return plan;
}

Status CheckDirectory(const std::string& directory) {
  for (const char* name : {"goal.yaml", "pipeline.yaml", "schema.yaml", "features.sql", "rollout.yaml"}) {
    struct stat info {};
    if (::stat(Cat(directory, "/", name).c_str(), &info) != 0) continue;
    return FailedPrecondition(directory, "/", name,
                              " is there already; name another directory with --dir, or remove it");
  }
  return Ok();
}

/// Small data are copied beside the files, so that the directory is whole; large ones are named where they lie.
Result<std::string> PlaceData(const InitRequest& request, const DataFile& file) {
  std::error_code failed;
  const std::uintmax_t bytes = std::filesystem::file_size(file.path, failed);
  const std::string name = Cat("data/", request.name, file.parquet ? ".parquet" : ".csv");
  const bool readable_name = file.path.ends_with(file.parquet ? ".parquet" : ".csv");
  if (!failed && bytes > kCopyBytesMax && readable_name) return file.path;
  TRY(MakeDirectories(Cat(request.directory, "/data")));
  std::filesystem::copy_file(file.path, Cat(request.directory, "/", name),
                             std::filesystem::copy_options::overwrite_existing, failed);
  if (failed) return Unavailable("copying ", file.path, " to ", request.directory, "/", name, ": ", failed.message());
  return name;
}

}  // namespace

Status Init(const std::vector<std::string>& arguments) {
  const InitArguments read = TRY(ReadInitArguments(arguments));
  TRY(CheckDirectory(read.request.directory));
  const DataFile file = TRY(OpenFile(read.request.data));
  const InitPlan plan = TRY(MakePlan(read.request, file));
  TRY(MakeDirectories(read.request.directory));
  const InitFiles files = WriteInitFiles(plan, TRY(PlaceData(plan.request, file)));
  for (const auto& [name, text] : files.text) TRY(WriteFileDurably(Cat(plan.request.directory, "/", name), text));
  const std::string said = read.json ? InitJson(plan, files).DumpPretty() + "\n" : InitSummary(plan, files);
  std::fwrite(said.data(), 1, said.size(), stdout);
  return Ok();
}

}  // namespace mw::steps
