// Reads, checks and writes model packages.
#include "wire/package.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "sketch/sliced_baselines.h"
#include "wire/class_name.h"

namespace mw::wire {
namespace {

constexpr const char* kInfoFile = "package.json";
constexpr const char* kModelFile = "model.json";
constexpr const char* kSchemaFile = "schema.json";
constexpr const char* kWarmUpFile = "warmup.json";
constexpr const char* kProfileFile = "profile.json";
constexpr const char* kBaselineFile = sketch::kBaselineFile.data();
constexpr const char* kSlicesFile = sketch::kSlicesFile.data();

std::string In(const std::string& directory, std::string_view file) { return Cat(directory, "/", file); }

std::string DigestOf(std::string_view bytes) { return Cat("sha256:", Sha256Hex(bytes)); }

bool IsDigestText(std::string_view text) {
  return text.size() == 71 && text.starts_with("sha256:") &&
         text.find_first_not_of("0123456789abcdef", 7) == std::string_view::npos;
}

Status CheckFormat(const Json& document) {
  const std::int64_t version = TRY(document.GetInt("format_version"));
  if (version < 1) return InvalidArgument("package.json: format_version is ", version, "; it starts at 1");
  if (version > kPackageFormatVersion) {
    return FailedPrecondition("the package has format_version ", version, ", this program reads up to ",
                              kPackageFormatVersion, "; upgrade millwright on this machine");
  }
  return Ok();
}

const Json* FindArray(const Json& document, std::string_view key) {
  const Json* found = document.Find(key);
  return found != nullptr && found->IsArray() ? found : nullptr;
}

Result<std::vector<std::string>> ReadFeatures(const Json& document) {
  const Json* list = FindArray(document, "features");
  if (list == nullptr || list->AsArray().empty()) {
    return InvalidArgument("package.json: features must be a list of at least one name");
  }
  if (list->AsArray().size() > kPackageFeaturesMax) {
    return InvalidArgument("package.json: ", list->AsArray().size(), " features, at most ", kPackageFeaturesMax);
  }
  std::vector<std::string> features;
  std::set<std::string_view> seen;
  for (const Json& name : list->AsArray()) {
    if (!name.IsString() || name.AsString().empty()) return InvalidArgument("package.json: a feature is no name");
    if (!seen.insert(name.AsString()).second) {
      return InvalidArgument("package.json: feature ", Quoted(name.AsString()), " is listed twice");
    }
    features.push_back(name.AsString());
  }
  return features;
}

/// Absent but for several classes; then at least two different ones.
Result<std::vector<std::string>> ReadClasses(const Json& document) {
  std::vector<std::string> classes;
  const Json* list = FindArray(document, "classes");
  if (list == nullptr) return classes;
  std::set<std::string_view> seen;
  for (const Json& name : list->AsArray()) {
    if (!name.IsString()) return InvalidArgument("package.json: a class is no text");
    if (!seen.insert(name.AsString()).second) {
      return InvalidArgument("package.json: class ", Quoted(name.AsString()), " is listed twice");
    }
    classes.push_back(name.AsString());
  }
  if (classes.size() >= 2 && classes.size() <= kPackageClassesMax) return classes;
  return InvalidArgument("package.json: ", classes.size(), " classes; 2 to ", kPackageClassesMax, " are read");
}

/// Absent, or the negative's name and the positive's.
Result<std::vector<std::string>> ReadLabelValues(const Json& document) {
  std::vector<std::string> values;
  if (document.Find("label_values") == nullptr) return values;
  const Json* list = FindArray(document, "label_values");
  for (std::size_t i = 0; list != nullptr && i < list->AsArray().size(); ++i) {
    const Json& value = list->AsArray()[i];
    if (value.IsString() && IsClassName(value.AsString())) values.push_back(value.AsString());
  }
  const bool pair = list != nullptr && list->AsArray().size() == 2 && values.size() == 2 && values[0] != values[1];
  if (pair && document.Find("classes") == nullptr) return values;
  return InvalidArgument("package.json: label_values are two different texts, of a model of two classes: the one that ",
                         "means no, then the one that means yes");
}

Result<PackageFile> ReadPackageFile(const std::string& name, const Json& value) {
  // Plain names only: no folder, no "..", nothing that leads out of the package.
  if (!IsName(name)) return InvalidArgument("package.json: files has the name ", Quoted(name), "; use plain names");
  const std::int64_t size = TRY(value.GetInt("size"));
  PackageFile file{name, static_cast<std::uint64_t>(size), ""};
  file.digest = TRY(value.GetString("digest"));
  if (size < 0 || file.size_bytes > kModelBytesMax) {
    return InvalidArgument("package.json: file ", name, " has size ", size, ", at most ", kModelBytesMax);
  }
  if (!IsDigestText(file.digest)) {
    return InvalidArgument("package.json: file ", name, " has digest ", Quoted(file.digest),
                           "; expected sha256: and 64 hexadecimal digits");
  }
  return file;
}

Result<std::vector<PackageFile>> ReadFiles(const Json& document) {
  const Json* members = document.Find("files");
  if (members == nullptr || !members->IsObject()) return InvalidArgument("package.json: files must be an object");
  if (members->AsObject().size() > kPackageFilesMax) {
    return InvalidArgument("package.json: ", members->AsObject().size(), " files, at most ", kPackageFilesMax);
  }
  std::vector<PackageFile> files;
  for (const auto& [name, value] : members->AsObject()) files.push_back(TRY(ReadPackageFile(name, value)));
  for (const char* needed : {kModelFile, kSchemaFile, kWarmUpFile}) {
    if (std::none_of(files.begin(), files.end(), [&](const PackageFile& f) { return f.path == needed; })) {
      return InvalidArgument("package.json: files does not list ", needed);
    }
  }
  return files;
}

Result<std::optional<double>> ReadThreshold(const Json& document) {
  const Json* found = document.Find("threshold");
  if (found == nullptr || found->IsNull()) return std::optional<double>();
  const double value = TRY(document.GetDouble("threshold"));
  if (!(value >= 0 && value <= 1)) {
    return InvalidArgument("package.json: threshold is ", value, "; a probability lies between 0 and 1");
  }
  return std::optional<double>(value);
}

Result<std::vector<float>> ReadFloats(const Json& document, std::string_view key, std::size_t count) {
  const Json* list = FindArray(document, key);
  if (list == nullptr || list->AsArray().size() != count) {
    return InvalidArgument("warmup.json: ", key, " must be a list of ", count,
                           " numbers, one for each output of each row");
  }
  std::vector<float> values;
  for (const Json& value : list->AsArray()) {
    if (!value.IsNumber()) return InvalidArgument("warmup.json: ", key, " holds something that is no number");
    values.push_back(static_cast<float>(value.AsDouble()));
  }
  return values;
}

Result<WarmUp> ParseWarmUp(std::string_view text, std::size_t outputs) {
  const Json document = TRY(Json::Parse(text).In(kWarmUpFile));
  const Json* rows = FindArray(document, "rows");
  if (rows == nullptr) return InvalidArgument("warmup.json: rows must be a list of objects");
  if (rows->AsArray().size() > kWarmUpRowsMax) {
    return InvalidArgument("warmup.json: ", rows->AsArray().size(), " rows, at most ", kWarmUpRowsMax);
  }
  WarmUp warm_up;
  for (const Json& row : rows->AsArray()) {
    if (!row.IsObject()) return InvalidArgument("warmup.json: a row is no object");
    warm_up.rows.push_back(row);
  }
  warm_up.margins = TRY(ReadFloats(document, "margins", warm_up.rows.size() * outputs));
  warm_up.probabilities = TRY(ReadFloats(document, "probabilities", warm_up.rows.size() * outputs));
  return warm_up;
}

// A float widened to double prints in the shortest form that reads back to the same float.
Json FloatList(const std::vector<float>& values) {
  Json list = Json::MakeArray();
  for (const float value : values) list.Append(Json(static_cast<double>(value)));
  return list;
}

std::string WarmUpText(const WarmUp& warm_up) {
  return Json::Make({{"rows", Json(Json::Array(warm_up.rows))},
                     {"margins", FloatList(warm_up.margins)},
                     {"probabilities", FloatList(warm_up.probabilities)}})
      .Dump();
}

Result<std::string> ReadVerified(const std::string& directory, const PackageFile& file, std::size_t limit) {
  Result<std::string> read = ReadFile(In(directory, file.path), std::min(limit, kModelBytesMax));
  if (!read.ok() && read.error().code == Code::kNotFound) {
    return DataLoss("package ", directory, " lists ", file.path, ", but that file is absent; fetch it again");
  }
  std::string bytes = TRY(std::move(read));
  if (bytes.size() != file.size_bytes || DigestOf(bytes) != file.digest) {
    return DataLoss("package ", directory, ": ", file.path, " is not the file that was packed (", file.digest,
                    "); fetch it again");
  }
  return bytes;
}

bool Exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

Status CheckFinite(const std::vector<float>& values, std::string_view name) {
  if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return Ok();
  return InvalidArgument("warm-up ", name, " holds a value that is not finite; JSON cannot carry it");
}

Status CheckWritable(const Package& package) {
  const WarmUp& warm_up = package.warm_up;
  const std::size_t answers = warm_up.rows.size() * package.info.num_outputs();
  if (warm_up.margins.size() != answers || warm_up.probabilities.size() != answers) {
    return InvalidArgument("warm-up has ", warm_up.rows.size(), " rows of ", package.info.num_outputs(),
                           " outputs but ", warm_up.margins.size(), " margins and ", warm_up.probabilities.size(),
                           " probabilities");
  }
  TRY(CheckFinite(warm_up.margins, "margins"));
  return CheckFinite(warm_up.probabilities, "probabilities");
}

Result<PackageFile> Describe(const std::string& directory, std::string_view name) {
  const std::string bytes = TRY(ReadFile(In(directory, name), kModelBytesMax));
  return PackageFile{std::string(name), bytes.size(), DigestOf(bytes)};
}

}  // namespace

Result<PackageInfo> ParsePackageInfo(std::string_view text) {
  const Json document = TRY(Json::Parse(text).In(kInfoFile));
  if (!document.IsObject()) return InvalidArgument("package.json is no object");
  TRY(CheckFormat(document));
  PackageInfo info;
  info.model = TRY(document.GetString("model"));
  if (!IsName(info.model)) return InvalidArgument("package.json: model has the name ", Quoted(info.model));
  info.framework = TRY(document.GetString("framework"));
  info.features = TRY(ReadFeatures(document));
  info.threshold = TRY(ReadThreshold(document));
  info.label = document.StringOr("label", "");
  info.type = TRY(document.GetString("type"));
  info.classes = TRY(ReadClasses(document));
  info.label_values = TRY(ReadLabelValues(document));
  info.run_id = document.StringOr("run_id", "");
  if (const Json* lineage = document.Find("lineage"); lineage != nullptr) info.lineage = *lineage;
  info.files = TRY(ReadFiles(document));
  return info;
}

std::string PackageInfoText(const PackageInfo& info) {
  Json features = Json::MakeArray();
  for (const std::string& name : info.features) features.Append(Json(name));
  Json files = Json::MakeObject();
  for (const PackageFile& file : info.files) {
    files[file.path] = Json::Make({{"size", Json(file.size_bytes)}, {"digest", Json(file.digest)}});
  }
  Json json = Json::Make({{"format_version", Json(kPackageFormatVersion)},
                          {"model", Json(info.model)},
                          {"framework", Json(info.framework)},
                          {"features", std::move(features)},
                          {"threshold", info.threshold ? Json(*info.threshold) : Json()},
                          {"label", Json(info.label)},
                          {"type", Json(info.type)},
                          {"run_id", Json(info.run_id)},
                          {"lineage", info.lineage},
                          {"files", std::move(files)}});
  const auto add_names = [&json](std::string_view key, const std::vector<std::string>& names) {
    if (!names.empty()) json[key] = Json(Json::Array(names.begin(), names.end()));
  };
  add_names("classes", info.classes);
  add_names("label_values", info.label_values);
  return json.DumpPretty();
}

Result<Package> ReadPackage(const std::string& directory) {
  Result<std::string> text = ReadFile(In(directory, kInfoFile), kPackageJsonBytesMax);
  if (!text.ok() && text.error().code == Code::kNotFound) {
    return NotFound(directory, " is no model package: it has no package.json");
  }
  Package package;
  const std::string info = TRY(std::move(text));
  package.info = TRY(ParsePackageInfo(info).In(directory));
  package.model_path = In(directory, kModelFile);
  for (const PackageFile& file : package.info.files) {
    const std::size_t limit = file.path == kSchemaFile   ? kSchemaBytesMax
                              : file.path == kWarmUpFile ? kWarmUpBytesMax
                                                         : kModelBytesMax;
    const std::string bytes = TRY(ReadVerified(directory, file, limit));
    if (file.path == kSchemaFile) package.schema = TRY(Json::Parse(bytes).In(In(directory, kSchemaFile)));
    if (file.path == kWarmUpFile) package.warm_up = TRY(ParseWarmUp(bytes, package.info.num_outputs()).In(directory));
  }
  return package;
}

Status WritePackage(const std::string& directory, const Package& package) {
  TRY(CheckWritable(package));
  TRY(WriteFileDurably(In(directory, kSchemaFile), package.schema.DumpPretty()));
  TRY(WriteFileDurably(In(directory, kWarmUpFile), WarmUpText(package.warm_up)));
  PackageInfo info = package.info;
  info.files.clear();
  for (const char* name : {kBaselineFile, kModelFile, kProfileFile, kSchemaFile, kSlicesFile, kWarmUpFile}) {
    const bool optional = name == kProfileFile || name == kBaselineFile || name == kSlicesFile;
    if (optional && !Exists(In(directory, name))) continue;
    info.files.push_back(TRY(Describe(directory, name)));
  }
  const std::string text = PackageInfoText(info);
  TRY(ParsePackageInfo(text));
  return WriteFileDurably(In(directory, kInfoFile), text);
}

}  // namespace mw::wire
