// Reads, checks and writes model packages.
#include "wire/package.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "sketch/sliced_baselines.h"
#include "wire/class_name.h"
#include "wire/warm_up_file.h"

namespace mw::wire {
namespace {

constexpr const char* kInfoFile = "package.json";
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

Result<std::vector<std::string>> ReadFeatures(const Json& document) {
  const Json* list = document.FindArray("features");
  if (list == nullptr) return InvalidArgument("package.json: features must be a list of names");
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
  const Json* list = document.FindArray("classes");
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
  const Json* list = document.FindArray("label_values");
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
  // No "..", nothing that leads out of the package.
  if (!IsPackagePath(name)) {
    return InvalidArgument("package.json: files has the name ", Quoted(name), "; use plain names");
  }
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

/// Of the model's file, or of all that lie in its directory.
bool IsOfModel(const PackageFile& file, const std::string& model_file) {
  return file.path == model_file || file.path.starts_with(model_file + "/");
}

Result<std::vector<PackageFile>> ReadFiles(const Json& document, const std::string& model_file) {
  const Json* members = document.Find("files");
  if (members == nullptr || !members->IsObject()) return InvalidArgument("package.json: files must be an object");
  if (members->AsObject().size() > kPackageFilesMax) {
    return InvalidArgument("package.json: ", members->AsObject().size(), " files, at most ", kPackageFilesMax);
  }
  std::vector<PackageFile> files;
  for (const auto& [name, value] : members->AsObject()) files.push_back(TRY(ReadPackageFile(name, value)));
  const auto lists = [&](const auto& is) { return std::any_of(files.begin(), files.end(), is); };
  for (const char* needed : {kSchemaFile, kWarmUpFile}) {
    if (!lists([&](const PackageFile& file) { return file.path == needed; })) {
      return InvalidArgument("package.json: files does not list ", needed);
    }
  }
  if (lists([&](const PackageFile& file) { return IsOfModel(file, model_file); })) return files;
  return InvalidArgument("package.json: files does not list ", model_file);
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

Status Verify(const std::string& directory, const PackageFile& file, std::size_t limit) {
  const Result<MappedFile> mapped = MappedFile::Open(In(directory, file.path), std::min(limit, kModelBytesMax));
  if (!mapped.ok() && mapped.error().code == Code::kNotFound) {
    return DataLoss("package ", directory, " lists ", file.path, ", but that file is absent; fetch it again");
  }
  TRY(Status(mapped.ok() ? Ok() : Status(mapped.error())));
  if (mapped->bytes().size() == file.size_bytes && DigestOf(mapped->bytes()) == file.digest) return Ok();
  return DataLoss("package ", directory, ": ", file.path, " is not the file that was packed (", file.digest,
                  "); fetch it again");
}

template <typename Number>
Status CheckFinite(const std::vector<Number>& values, std::string_view name) {
  if (std::all_of(values.begin(), values.end(), [](Number v) { return std::isfinite(v); })) return Ok();
  return InvalidArgument("warm-up ", name, " holds a value that is not finite; JSON cannot carry it");
}

Status CheckWritable(const Package& package) {
  const WarmUp& warm_up = package.warm_up;
  const std::size_t answers = warm_up.rows.size() * package.info.num_outputs();
  const bool bad_margins = warm_up.margins.size() != answers && !warm_up.margins.empty();
  const bool bad_values = warm_up.values.size() != answers && !warm_up.values.empty();
  if (bad_margins || bad_values || warm_up.probabilities.size() != answers) {
    return InvalidArgument("warm-up has ", warm_up.rows.size(), " rows of ", package.info.num_outputs(),
                           " outputs but ", warm_up.margins.size(), " margins and ", warm_up.probabilities.size(),
                           " probabilities");
  }
  TRY(CheckFinite(warm_up.margins, "margins"));
  TRY(CheckFinite(warm_up.values, "values"));
  return CheckFinite(warm_up.probabilities, "probabilities");
}

/// What an older program reads as well is written as it was then.
std::int64_t FormatOf(const PackageInfo& info) {
  const bool first = info.framework == kXgboost && info.model_file == kDefaultModelFile && info.takes_rows() &&
                     info.targets == 1 && info.files.size() <= 64;
  return first ? 1 : 2;
}

/// The model's own files, by their names in the package.
Result<std::vector<std::string>> ModelFiles(const std::string& directory, const std::string& model_file) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path model = In(directory, model_file);
  if (!fs::is_directory(model, error)) return std::vector<std::string>{model_file};
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(model, error)) {
    const std::string name = Cat(model_file, "/", entry.path().lexically_relative(model).string());
    if (!entry.is_directory(error)) names.push_back(name);
    if (entry.is_regular_file(error) && !entry.is_symlink(error) && IsPackagePath(name)) continue;
    if (!entry.is_directory(error)) {
      return InvalidArgument(name, " cannot be packed: a package holds plain files with plain names");
    }
  }
  if (error) return ErrnoError(error.value(), model.string());
  if (names.size() > kPackageFilesMax) {
    return InvalidArgument(model_file, " has ", names.size(), " files, at most ", kPackageFilesMax, " are packed");
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<PackageFile> Describe(const std::string& directory, std::string_view name) {
  const MappedFile file = TRY(MappedFile::Open(In(directory, name), kModelBytesMax));
  return PackageFile{std::string(name), file.bytes().size(), DigestOf(file.bytes())};
}

Result<std::string> ReadModelFile(const Json& document) {
  std::string name = document.StringOr("model_file", kDefaultModelFile);
  if (IsPackagePath(name)) return name;
  return InvalidArgument("package.json: model_file is ", Quoted(name), ", no name inside the package");
}

Result<std::size_t> ReadTargets(const Json& document) {
  const std::int64_t targets = document.IntOr("targets", 1);
  if (targets >= 1 && targets <= static_cast<std::int64_t>(kPackageOutputsMax))
    return static_cast<std::size_t>(targets);
  return InvalidArgument("package.json: targets is ", targets, "; 1 to ", kPackageOutputsMax, " are read");
}

bool IsPathPart(std::string_view part) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '+' || c == '=' || c == ' ';
  };
  return !part.empty() && part.size() <= 128 && std::all_of(part.begin(), part.end(), plain) && part.front() != ' ' &&
         part.back() != ' ' && part.back() != '.';
}

}  // namespace

bool IsPackagePath(std::string_view path) {
  if (path.size() > kPackagePathBytesMax) return false;
  const std::vector<std::string_view> parts = Split(path, '/');
  return std::all_of(parts.begin(), parts.end(), IsPathPart);
}

Result<PackageInfo> ParsePackageInfo(std::string_view text) {
  const Json document = TRY(Json::Parse(text).In(kInfoFile));
  if (!document.IsObject()) return InvalidArgument("package.json is no object");
  TRY(CheckFormat(document));
  PackageInfo info;
  info.model = TRY(document.GetString("model"));
  if (!IsName(info.model)) return InvalidArgument("package.json: model has the name ", Quoted(info.model));
  info.framework = TRY(document.GetString("framework"));
  info.model_file = TRY(ReadModelFile(document));
  info.features = TRY(ReadFeatures(document));
  info.targets = TRY(ReadTargets(document));
  info.threshold = TRY(ReadThreshold(document));
  info.label = document.StringOr("label", "");
  info.type = TRY(document.GetString("type"));
  info.classes = TRY(ReadClasses(document));
  info.label_values = TRY(ReadLabelValues(document));
  info.run_id = document.StringOr("run_id", "");
  if (const Json* lineage = document.Find("lineage"); lineage != nullptr) info.lineage = *lineage;
  info.files = TRY(ReadFiles(document, info.model_file));
  return info;
}

std::string PackageInfoText(const PackageInfo& info) {
  Json features = Json::MakeArray();
  for (const std::string& name : info.features) features.Append(Json(name));
  Json files = Json::MakeObject();
  for (const PackageFile& file : info.files) {
    files[file.path] = Json::Make({{"size", Json(file.size_bytes)}, {"digest", Json(file.digest)}});
  }
  Json json = Json::Make({{"format_version", Json(FormatOf(info))},
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
  if (info.model_file != kDefaultModelFile) json["model_file"] = info.model_file;
  if (info.targets != 1) json["targets"] = static_cast<std::int64_t>(info.targets);
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
  package.model_path = In(directory, package.info.model_file);
  for (const PackageFile& file : package.info.files) {
    const std::size_t limit = file.path == kSchemaFile   ? kSchemaBytesMax
                              : file.path == kWarmUpFile ? kWarmUpBytesMax
                                                         : kModelBytesMax;
    TRY(Verify(directory, file, limit));
    if (file.path == kSchemaFile) {
      package.schema = TRY(Json::Parse(TRY(ReadFile(In(directory, kSchemaFile)))).In(In(directory, kSchemaFile)));
    }
    if (file.path == kWarmUpFile) {
      package.warm_up =
          TRY(ParseWarmUp(TRY(ReadFile(In(directory, kWarmUpFile))), package.info.num_outputs()).In(directory));
    }
  }
  return package;
}

Status WritePackage(const std::string& directory, const Package& package) {
  TRY(CheckWritable(package));
  TRY(WriteFileDurably(In(directory, kSchemaFile), package.schema.DumpPretty()));
  TRY(WriteFileDurably(In(directory, kWarmUpFile), WarmUpText(package.warm_up, package.info.takes_rows())));
  PackageInfo info = package.info;
  info.files.clear();
  std::vector<std::string> names = TRY(ModelFiles(directory, info.model_file));
  for (const char* name : {kBaselineFile, kProfileFile, kSlicesFile, kTritonConfigFile.data()}) {
    if (Exists(In(directory, name))) names.emplace_back(name);
  }
  names.insert(names.end(), {kSchemaFile, kWarmUpFile});
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) info.files.push_back(TRY(Describe(directory, name)));
  const std::string text = PackageInfoText(info);
  TRY(ParsePackageInfo(text));
  return WriteFileDurably(In(directory, kInfoFile), text);
}

}  // namespace mw::wire
