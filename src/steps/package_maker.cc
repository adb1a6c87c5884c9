// Finds out what was brought, asks its own library, writes the package, loads it.
#include "steps/package_maker.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "forest/forest.h"
#include "serving/backend/python_backend.h"
#include "serving/library_check.h"
#include "serving/model_repository.h"
#include "serving/warm_up.h"

namespace mw::steps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSampledRows = 256;
constexpr Duration kAnswerTimeout = std::chrono::seconds(60);

/// Rows as floats, and what was answered to them.
struct Answered : serving::LibraryAnswers {
  std::vector<float> rows;
};

std::string_view FrameworkOf(forest::Format format) {
  if (format == forest::Format::kLightgbm) return wire::kLightgbm;
  return format == forest::Format::kOnnx ? wire::kOnnx : wire::kXgboost;
}

/// By the file's format, as backends know it by its ending.
std::string_view FileNameOf(forest::Format format) {
  switch (format) {
    case forest::Format::kXgboostJson: return "model.json";
    case forest::Format::kXgboostUbj: return "model.ubj";
    case forest::Format::kLightgbm: return "model.txt";
    case forest::Format::kOnnx: break;
  }
  return "model.onnx";
}

Status CopyAll(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);  // links are followed: what they name is packed
  return error ? Status(ErrnoError(error.value(), Cat("copying ", from))) : Ok();
}

class Maker {
 public:
  Maker(const BroughtModel& brought, std::string directory, const serving::StartBackend& start_backend)
      : brought_(brought), directory_(std::move(directory)), start_backend_(start_backend) {
    package_.info.model = brought.name;
  }

  Result<MadePackage> Make() {
    TRY(Recognise(brought_.path));
    TRY(wire::WritePackage(directory_, package_));
    const auto loaded = TRY(serving::Model::Load(directory_, start_backend_).In(brought_.path));
    if (config_ != nullptr) {
      TRY(serving::CheckTensors(*config_, *loaded));
      if (const auto names = serving::TensorsNotHonoured(*config_, *loaded); !names.empty()) {
        made_.notes.push_back(Cat("not honoured of its configuration: ", Join(names, ", ")));
      }
    }
    made_.info = package_.info;
    made_.described = loaded->Describe();
    return std::move(made_);
  }

 private:
  Status Recognise(const std::string& path) {
    std::error_code error;
    if (!fs::exists(path, error)) return NotFound(path, " is not there");
    if (!fs::is_directory(path, error)) return TakeFile(path);
    if (fs::exists(path + "/package.json", error)) {
      return InvalidArgument(path, " is a package already; a pipeline's register step registers it");
    }
    if (serving::IsMlflowModel(path)) return TakeMlflow(path);
    return TakeTriton(path);
  }

  Status TakeMlflow(const std::string& path) {
    if (!brought_.schema.empty()) return InvalidArgument("an MLflow model's own signature says what it takes");
    TRY(CopyAll(path, directory_ + "/model"));
    package_.info.framework = wire::kMlflow;
    package_.info.model_file = "model";
    return TakeTensors();
  }

  /// The newest version, by the file that a Triton server would take.
  Status TakeTriton(const std::string& path) {
    const fs::path whole = fs::canonical(path);
    auto model = serving::ReadRepositoryModel(whole.parent_path().string(), whole.filename().string());
    if (!model.ok()) {
      return InvalidArgument(
          path, " is neither a model of MLflow's (MLmodel) nor of a Triton server's: ", model.error().ToString());
    }
    config_ = model->config;
    const std::string& source = model->endpoint.package;
    made_.notes.push_back(Cat("version ", model->endpoint.version, " of the Triton model"));
    if (!model->not_honoured.empty()) {
      made_.notes.push_back(Cat("not honoured of its configuration: ", Join(model->not_honoured, ", ")));
    }
    const std::string config = path + "/" + std::string(wire::kTritonConfigFile);
    if (fs::exists(config)) TRY(CopyAll(config, Cat(directory_, "/", wire::kTritonConfigFile)));
    return TakeFile(source.substr(0, source.rfind('#')));
  }

  Status TakeFile(const std::string& path) {
    const std::string bytes = TRY(ReadFile(path, wire::kModelBytesMax));
    const auto format = forest::DetectFormat(bytes, path);
    if (!format) {
      return InvalidArgument(path, " is no model that is known; known are XGBoost (JSON, UBJ), LightGBM (text), ONNX, ",
                             "and directories of MLflow's or of a Triton server's");
    }
    package_.info.framework = FrameworkOf(*format);
    package_.info.model_file = FileNameOf(*format);
    TRY(WriteFileDurably(ModelPath(), bytes));
    auto forest = forest::Forest::Load(bytes, *format);
    if (forest.ok()) return TakeForest(*forest, *format);
    const bool by_library = *format != forest::Format::kLightgbm && (forest.error().code == Code::kUnimplemented ||
                                                                     forest.error().code == Code::kResourceExhausted);
    if (!by_library) return forest.error();
    if (*format != forest::Format::kOnnx) {
      made_.notes.push_back(Cat("run by XGBoost's own library: ", forest.error().message));
    }
    return TakeTensors();
  }

  [[nodiscard]] std::string ModelPath() const { return Cat(directory_, "/", package_.info.model_file); }

  // Of rows.

  Status TakeForest(const forest::Forest& forest, forest::Format format) {
    TRY(TakeColumns(forest));
    TRY(TakeKind(forest));
    if (!brought_.warm_up.empty()) return TakeBroughtAnswers(forest);
    Answered library;
    const Status compared = CompareWithLibrary(forest, format, library);
    if (!compared.ok() && compared.error().code == Code::kFailedPrecondition) {
      made_.notes.push_back(Cat("run by its own library: ", compared.error().message));
      package_.info = PlainInfo();
      return TakeTensors();
    }
    TRY(Status(compared));
    return Record(library);
  }

  /// The package without what is said of rows.
  [[nodiscard]] wire::PackageInfo PlainInfo() const {
    wire::PackageInfo info;
    info.model = package_.info.model;
    info.framework = package_.info.framework;
    info.model_file = package_.info.model_file;
    return info;
  }

  /// Columns from the schema, where there is one; names from the model, where it has them.
  Status TakeColumns(const forest::Forest& forest) {
    std::vector<std::string> names = forest.feature_names();
    schema::Schema schema;
    if (!brought_.schema.empty()) {
      schema = TRY(schema::ParseYaml(TRY(ReadFile(brought_.schema, wire::kSchemaBytesMax)), brought_.schema));
      if (names.empty()) names = FeaturesOf(schema);
    }
    for (std::size_t i = names.size(); i < forest.num_features() && brought_.schema.empty(); ++i) {
      names.push_back(Cat("f", i));
    }
    if (names.size() != forest.num_features()) {
      return InvalidArgument(brought_.schema, " has ", names.size(), " columns that a model can take, the model takes ",
                             forest.num_features());
    }
    for (const std::string& name : names) {
      if (schema.Find(name) != nullptr) continue;
      if (!brought_.schema.empty()) return InvalidArgument(brought_.schema, " lacks the model's column ", Quoted(name));
      schema.columns.push_back({});
      schema.columns.back().name = name;
    }
    encoder_ = TRY(schema::Encoder::Make(schema, names));
    package_.info.features = std::move(names);
    package_.info.label = schema.label;
    package_.schema = schema::ToJson(schema);
    return Ok();
  }

  static std::vector<std::string> FeaturesOf(const schema::Schema& schema) {
    std::vector<std::string> names;
    for (const schema::Column& column : schema.columns) {
      const bool role = column.name == schema.label || column.name == schema.key || column.name == schema.event_time;
      if (!role && schema::IsFeatureType(column.type)) names.push_back(column.name);
    }
    return names;
  }

  Status TakeKind(const forest::Forest& forest) {
    wire::PackageInfo& info = package_.info;
    const bool classes = forest.num_outputs() > 1 && forest.objective() == forest::Objective::kSoftmax;
    const bool binary = forest.num_outputs() == 1 && forest.objective() == forest::Objective::kLogistic;
    info.type = classes ? "multiclass_classification" : binary ? "binary_classification" : "regression";
    info.targets = classes ? 1 : forest.num_outputs();
    if (classes) {
      info.classes = forest.class_labels();
      for (std::size_t i = info.classes.size(); i < forest.num_outputs(); ++i) info.classes.push_back(Cat(i));
    }
    info.threshold = brought_.threshold;
    if (brought_.threshold && !binary) {
      return InvalidArgument("--threshold is for a model that answers one probability; this one is of ",
                             forest.objective_name());
    }
    return Ok();
  }

  /// The answers of the library that is here, to rows that take all ways through the trees: thresholds hit exactly,
  /// values missing. Errors: kFailedPrecondition when they differ.
  Status CompareWithLibrary(const forest::Forest& forest, forest::Format format, Answered& out) {
    out.rows = SampledRows(forest);
    out.values = serving::OwnAnswers(forest, out.rows);
    out.by = "Millwright";
    const auto asked = AskLibrary(forest, format, out.rows);
    if (!asked.ok()) {
      made_.notes.push_back(Cat("not compared with its own library: ", asked.error().message));
      return Ok();
    }
    const serving::Verdict verdict = serving::Compare(forest, out.rows, *asked);
    if (verdict.kind == serving::Verdict::Kind::kDiffers) return FailedPrecondition(verdict.said);
    if (verdict.kind == serving::Verdict::Kind::kSame) out.by = asked->by;
    made_.notes.push_back(verdict.said);
    return Ok();
  }

  /// Errors: kUnimplemented when there is no library here for it; the library's own.
  Result<serving::LibraryAnswers> AskLibrary(const forest::Forest& forest, forest::Format format,
                                             const std::vector<float>& rows) {
    if (format == forest::Format::kLightgbm) {
      return Unimplemented("LightGBM's library is not here; bring answers of its own with --warm-up");
    }
    const std::unique_ptr<serving::Backend> backend = TRY(start_backend_(ModelPath()));
    return serving::AskLibrary(forest, *backend, rows);
  }

  /// Each feature's codes and texts stay within what its column can hold.
  [[nodiscard]] std::vector<float> SampledRows(const forest::Forest& forest) const {
    std::vector<float> rows = forest.SampleRows(kSampledRows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const schema::Column& column = encoder_.column(static_cast<int>(i % forest.num_features()));
      rows[i] = Fitting(column, rows[i]);
    }
    return rows;
  }

  static float Fitting(const schema::Column& column, float value) {
    using Type = schema::ColumnType;
    if (std::isnan(value)) return column.required ? 0.0F : value;
    if (!std::isfinite(value)) return 0.0F;
    if (column.type == Type::kBoolean) return value > 0 ? 1.0F : 0.0F;
    if (column.type == Type::kInteger) return std::ceil(value);
    if (column.type != Type::kCategory) return value;
    const auto last = static_cast<float>(column.vocabulary.size() - 1);
    return std::clamp(std::floor(value), 0.0F, last);
  }

  Status Record(const Answered& answered) {
    wire::WarmUp& warm_up = package_.warm_up;
    const std::size_t width = encoder_.num_features();
    for (std::size_t row = 0; row * width < answered.rows.size(); ++row) {
      Json object = Json::MakeObject();
      for (std::size_t i = 0; i < width; ++i) {
        const schema::Column& column = encoder_.column(static_cast<int>(i));
        object[column.name] = ValueOf(column, answered.rows[row * width + i]);
      }
      warm_up.rows.push_back(std::move(object));
    }
    warm_up.values = answered.values;
    for (const double value : answered.values) warm_up.probabilities.push_back(static_cast<float>(value));
    warm_up.answered_by = answered.by;
    return Ok();
  }

  static Json ValueOf(const schema::Column& column, float value) {
    if (std::isnan(value)) return Json();
    if (column.type == schema::ColumnType::kBoolean) return value != 0;
    if (column.type == schema::ColumnType::kCategory) return column.vocabulary[static_cast<std::size_t>(value)];
    if (column.type == schema::ColumnType::kInteger) return static_cast<std::int64_t>(value);
    return static_cast<double>(value);
  }

  /// {"rows":[{..}],"answers":[0.25, ..] or [[0.1, 0.9], ..],"answered_by":".."}: the load compares them.
  Status TakeBroughtAnswers(const forest::Forest& forest) {
    const Json file = TRY(ReadWarmUpFile());
    const Json* rows = file.Find("rows");
    const Json* answers = file.Find("answers");
    if (rows == nullptr || answers == nullptr || !rows->IsArray() || !answers->IsArray()) {
      return InvalidArgument(brought_.warm_up, " wants \"rows\" and \"answers\", lists of equal length");
    }
    wire::WarmUp& warm_up = package_.warm_up;
    warm_up.rows = rows->AsArray();
    for (const Json& answer : answers->AsArray()) TRY(TakeAnswer(answer));
    if (warm_up.values.size() != warm_up.rows.size() * forest.num_outputs()) {
      return InvalidArgument(brought_.warm_up, ": ", warm_up.rows.size(), " rows of ", forest.num_outputs(),
                             " outputs have ", warm_up.values.size(), " answers");
    }
    if (!forest.double_precision()) {
      for (double& value : warm_up.values) value = static_cast<double>(static_cast<float>(value));
    }
    warm_up.probabilities.assign(warm_up.values.begin(), warm_up.values.end());
    warm_up.answered_by = file.StringOr("answered_by", "who brought it");
    made_.notes.push_back(Cat("held against ", warm_up.rows.size(), " rows answered by ", warm_up.answered_by));
    return Ok();
  }

  Status TakeAnswer(const Json& answer) {
    if (answer.IsArray()) {
      for (const Json& value : answer.AsArray()) TRY(TakeAnswer(value));
      return Ok();
    }
    if (!answer.IsNumber()) return InvalidArgument(brought_.warm_up, ": an answer is no number: ", answer.Dump());
    package_.warm_up.values.push_back(answer.AsDouble());
    return Ok();
  }

  Result<Json> ReadWarmUpFile() const {
    return Json::Parse(TRY(ReadFile(brought_.warm_up, wire::kWarmUpBytesMax))).In(brought_.warm_up);
  }

  // Of tensors.

  Status TakeTensors() {
    if (brought_.threshold) return InvalidArgument("--threshold is for models of trees that answer one probability");
    if (!brought_.schema.empty()) {
      return InvalidArgument("--schema is for models of trees; what this model takes is what its file says");
    }
    package_.info.type = "tensors";
    package_.schema = schema::ToJson(schema::Schema{});
    const std::unique_ptr<serving::Backend> backend = TRY(start_backend_(ModelPath()));
    std::vector<serving::WarmUpRequest> requests;
    if (!brought_.warm_up.empty()) {
      const Json file = TRY(ReadWarmUpFile());
      const Json* list = file.Find("requests");
      if (list == nullptr || !list->IsArray()) return InvalidArgument(brought_.warm_up, " wants a list \"requests\"");
      requests = TRY(serving::WarmUpFromJson(list->AsArray()).In(brought_.warm_up));
      package_.warm_up.answered_by = file.StringOr("answered_by", "who brought it");
      TRY(serving::WarmUp(*backend, requests, kAnswerTimeout).In(brought_.warm_up));
      made_.notes.push_back(
          Cat("held against ", requests.size(), " requests answered by ", package_.warm_up.answered_by));
    } else if (config_ != nullptr && !config_->warm_up.empty()) {
      requests = TRY(serving::WarmUpOf(*config_).In("model_warmup"));
    } else {
      requests.emplace_back();
      requests.back().inputs = serving::ZeroRow(backend->info().inputs);
    }
    return RecordTensors(*backend, std::move(requests));
  }

  /// Whatever has no answer yet is answered by the library itself: on other machines it must be the same.
  Status RecordTensors(serving::Backend& backend, std::vector<serving::WarmUpRequest> requests) {
    for (serving::WarmUpRequest& request : requests) {
      if (request.outputs.empty()) {
        auto answer = serving::Answer(backend, request, kAnswerTimeout);
        if (!answer.ok() && brought_.warm_up.empty() && config_ == nullptr) {
          made_.notes.push_back(Cat("no request is recorded: one of zeros is answered with \"", answer.error().message,
                                    "\"; bring one with --warm-up"));
          return Ok();
        }
        request.outputs = TRY(std::move(answer));
        package_.warm_up.answered_by = backend.info().library;
      }
      package_.warm_up.requests.push_back(serving::WarmUpToJson(request));
    }
    return Ok();
  }

  const BroughtModel& brought_;
  const std::string directory_;
  const serving::StartBackend& start_backend_;
  wire::Package package_;
  schema::Encoder encoder_;
  std::shared_ptr<const serving::ModelConfig> config_;
  MadePackage made_;
};

}  // namespace

Result<MadePackage> MakePackage(const BroughtModel& model, const std::string& directory,
                                const serving::StartBackend& start_backend) {
  return Maker(model, directory, start_backend).Make();
}

}  // namespace mw::steps
