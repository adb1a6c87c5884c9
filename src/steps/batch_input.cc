// Finds files, writes the query.
#include "steps/batch_input.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/text.h"

namespace mw::steps {
namespace {

using data::IsText;
using schema::ColumnType;

constexpr std::string_view kView = "mw_input";
constexpr std::size_t kBeginningBytes = std::size_t{1} << 20;

bool IsData(std::string_view path) { return path.ends_with(".parquet") || path.ends_with(".csv"); }

Result<std::vector<std::string>> FilesOf(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::exists(directory + "/dataset.json", error)) {
    return std::vector<std::string>{directory + "/data.parquet"};
  }
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (IsData(entry.path().string())) paths.push_back(entry.path().string());
  }
  if (error) return ErrnoError(error.value(), directory);
  return paths;
}

std::vector<std::string> FilesMatching(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return paths;
}

Result<std::vector<std::string>> PathsOf(const std::string& input) {
  struct stat status {};
  if (stat(input.c_str(), &status) == 0) {
    return S_ISDIR(status.st_mode) ? FilesOf(input) : Result<std::vector<std::string>>({input});
  }
  return FilesMatching(input);
}

/// Data rows in a text that begins with a header, counted by lines.
std::int64_t LinesIn(std::string_view text) { return std::count(text.begin(), text.end(), '\n') - 1; }

Result<std::string> BeginningOf(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) return ErrnoError(errno, path);
  std::string text(kBeginningBytes, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

struct FileColumn {
  std::string name;
  std::string sql_type;
  ColumnType type = ColumnType::kText;  ///< what a value of it is delivered as
};

/// All columns; types that no model takes are texts here and refused when they are asked for.
Result<std::vector<FileColumn>> ColumnsOf(data::DuckdbSession& session, const std::string& file) {
  const std::string source = TRY(data::SourceSql(file));
  TRY(session.Execute(Cat("CREATE OR REPLACE TEMP VIEW ", kView, " AS FROM ", source), file));
  const auto rows = TRY(session.Query(Cat("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ",
                                          data::SqlText(kView), " ORDER BY column_index")));
  std::vector<FileColumn> columns;
  for (const auto& row : rows) columns.push_back({row[0].AsString(), row[1].AsString()});
  return columns;
}

class Planner {
 public:
  Planner(data::DuckdbSession& session, const InputFile& file, const InputWants& wants, std::vector<FileColumn> columns)
      : session_(session), file_(file), wants_(wants), columns_(std::move(columns)) {}

  Result<InputQuery> Plan(std::int64_t first_row) {
    TRY(AddKept());
    TRY(AddFeatures());
    if (wants_.times_and_keys) TRY(AddTimeAndKey());
    query_.sql = Cat("SELECT ", Join(expressions_, ", "), " FROM ", kView,
                     first_row > 0 ? Cat(" OFFSET ", first_row) : std::string());
    return std::move(query_);
  }

 private:
  const FileColumn* Find(std::string_view name) const {
    const auto found =
        std::find_if(columns_.begin(), columns_.end(), [&](const FileColumn& column) { return column.name == name; });
    return found == columns_.end() ? nullptr : &*found;
  }

  Error Absent(std::string_view name, std::string_view why) const {
    std::vector<std::string_view> names;
    for (const FileColumn& column : columns_) names.push_back(column.name);
    const std::string_view nearest = Nearest(name, names);
    return InvalidArgument(file_.path, " has no column ", Quoted(name), ", ", why,
                           nearest.empty() ? "" : "; did you mean ", nearest.empty() ? "" : Quoted(nearest));
  }

  /// Errors: kInvalidArgument for lists, structs and the like.
  Result<ColumnType> TypeOf(const FileColumn& column) {
    const auto described =
        TRY(session_.Describe(Cat("SELECT ", data::SqlName(column.name), " FROM ", kView), file_.path));
    return described[0].type;
  }

  Status AddKept() {
    std::vector<std::string> names = wants_.keep.names;
    if (wants_.keep.what == Keep::What::kAll) {
      for (const FileColumn& column : columns_) names.push_back(column.name);
    }
    if (wants_.keep.what == Keep::What::kKey) {
      for (const std::string& role : {wants_.schema->key, wants_.schema->event_time}) {
        if (!role.empty() && Find(role) != nullptr) names.push_back(role);
      }
    }
    for (const std::string& name : names) {
      const FileColumn* column = Find(name);
      if (column == nullptr) return Absent(name, "which --keep names");
      AddKeptColumn(*column);
    }
    return Ok();
  }

  /// A text of a CSV file becomes what the schema says that the column is; a column that it does not know stays a text.
  void AddKeptColumn(const FileColumn& column) {
    const schema::Column* known = file_.is_csv() ? wants_.schema->Find(column.name) : nullptr;
    const std::string name = data::SqlName(column.name);
    const std::string type = known == nullptr ? column.sql_type : CsvType(known->type);
    expressions_.push_back(type == column.sql_type ? name : Cat("TRY_CAST(", name, " AS ", type, ") AS ", name));
    query_.kept.push_back(Cat(column.name, " ", type));
  }

  static std::string CsvType(ColumnType type) {
    switch (type) {
      case ColumnType::kFloat: return "DOUBLE";
      case ColumnType::kInteger: return "BIGINT";
      case ColumnType::kBoolean: return "BOOLEAN";
      case ColumnType::kTimestamp: return "TIMESTAMP WITH TIME ZONE";
      default: return "VARCHAR";
    }
  }

  Status AddFeatures() {
    for (const schema::Column& feature : wants_.features) {
      const FileColumn* column = Find(feature.name);
      if (column == nullptr) return Absent(feature.name, "which the model takes");
      TRY(AddFeature(feature, *column));
    }
    return Ok();
  }

  Status AddFeature(const schema::Column& feature, const FileColumn& column) {
    const ColumnType type = TRY(TypeOf(column));
    const std::string name = data::SqlName(column.name);
    const bool number = type != ColumnType::kTimestamp;
    if (IsText(type) || (number && !IsText(feature.type))) {
      expressions_.push_back(name);
    } else if (feature.type == ColumnType::kText || type == ColumnType::kInteger || type == ColumnType::kBoolean) {
      expressions_.push_back(Cat("CAST(", name, " AS VARCHAR)"));
    } else {
      return InvalidArgument(file_.path, ": column ", Quoted(column.name), " is a ", column.sql_type,
                             "; the model takes a ", schema::TypeName(feature.type));
    }
    ++values_;
    return Ok();
  }

  Status AddTimeAndKey() {
    if (const FileColumn* time = Find(wants_.schema->event_time); time != nullptr) {
      const ColumnType type = TRY(TypeOf(*time));
      const std::string name = data::SqlName(time->name);
      if (type != ColumnType::kTimestamp && !IsText(type)) {
        return InvalidArgument(file_.path, ": column ", Quoted(time->name), " is a ", time->sql_type,
                               "; event times are timestamps, or texts such as 2024-05-01T12:30:00Z");
      }
      expressions_.push_back(IsText(type) ? Cat("TRY_CAST(", name, " AS TIMESTAMPTZ)") : name);
      query_.time = values_++;
      if (IsText(type)) {
        expressions_.push_back(name);
        query_.time_text = values_++;
      }
    }
    if (const FileColumn* key = Find(wants_.schema->key); key != nullptr) {
      expressions_.push_back(Cat("CAST(", data::SqlName(key->name), " AS VARCHAR)"));
      query_.key = values_++;
    }
    return Ok();
  }

  data::DuckdbSession& session_;
  const InputFile& file_;
  const InputWants& wants_;
  const std::vector<FileColumn> columns_;
  InputQuery query_;
  std::vector<std::string> expressions_;
  int values_ = 0;
};

}  // namespace

Result<InputFile> DescribeFile(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return ErrnoError(errno, path);
  return InputFile{path, status.st_size,
                   std::int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1000};
}

Result<std::vector<InputFile>> FindInputs(const std::string& input) {
  std::vector<std::string> paths = TRY(PathsOf(input));
  if (paths.empty()) return NotFound(input, " names no .parquet or .csv file");
  std::vector<InputFile> files;
  for (const std::string& path : paths) {
    if (!IsData(path)) return InvalidArgument(path, " is neither .parquet nor .csv; convert it to one");
    files.push_back(TRY(DescribeFile(std::filesystem::absolute(path).lexically_normal().string())));
    if (files.back().is_csv() == files.front().is_csv()) continue;
    return InvalidArgument(input, " has both .parquet and .csv files; predict one kind, then the other");
  }
  std::sort(files.begin(), files.end(), [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  return files;
}

Result<std::int64_t> CountRows(data::DuckdbSession& session, const std::vector<InputFile>& files) {
  if (files.front().is_csv()) {
    const std::string beginning = TRY(BeginningOf(files.front().path));
    const double lines = static_cast<double>(std::max<std::int64_t>(LinesIn(beginning), 1));
    double bytes = 0;
    for (const InputFile& file : files) bytes += static_cast<double>(file.bytes);
    return static_cast<std::int64_t>(bytes / static_cast<double>(std::max<std::size_t>(beginning.size(), 1)) * lines);
  }
  std::int64_t rows = 0;
  for (const InputFile& file : files) {
    const auto counted =
        TRY(session.Query(Cat("SELECT num_rows::BIGINT FROM parquet_file_metadata(", data::SqlText(file.path), ")")));
    rows += counted[0][0].AsInt();
  }
  return rows;
}

Keep Keep::Parse(std::string_view text) {
  if (text == "key" || text.empty()) return {};
  if (text == "all") return {What::kAll, {}};
  Keep keep{What::kNamed, {}};
  for (const std::string_view name : Split(text, ',')) keep.names.emplace_back(Trim(name));
  return keep;
}

Result<InputQuery> PlanInput(data::DuckdbSession& session, const InputFile& file, const InputWants& wants,
                             std::int64_t first_row) {
  std::vector<FileColumn> columns = TRY(ColumnsOf(session, file.path));
  return Planner(session, file, wants, std::move(columns)).Plan(first_row);
}

}  // namespace mw::steps
