// Loads models and holds them against their warm-up answers.
#include "serving/model.h"

#include <sys/stat.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <future>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/library_check.h"
#include "serving/warm_up.h"

namespace mw::serving {
namespace {

constexpr Duration kWarmUpTimeout = std::chrono::seconds(30);

Result<forest::Forest> ParseForest(std::string_view bytes, const std::string& path) {
  const std::optional<forest::Format> format = forest::DetectFormat(bytes, path);
  if (!format) {
    return Unimplemented(path, " is no model that is known; known are XGBoost (JSON, UBJ), LightGBM (text) and ONNX");
  }
  return forest::Forest::Load(bytes, *format).In(path);
}

constexpr std::size_t kComparedRows = 256;

/// A file's own library, asked what it says of the forest. It starts while the forest is made.
class LibraryJudge {
 public:
  /// Without `start_backend` nobody is asked.
  LibraryJudge(std::string_view bytes, const std::string& path, const StartBackend& start_backend,
               const std::string& verdicts)
      : bytes_(bytes), store_(verdicts), known_(store_.Find(bytes)) {
    const bool has_library = forest::DetectFormat(bytes, path) != forest::Format::kLightgbm;
    if (!start_backend || !has_library || (known_ && known_->kind == Verdict::Kind::kSame)) return;
    starting_ = std::async(std::launch::async, start_backend, path);
  }

  /// Once. A file that no library here reads is still the forest's.
  Verdict Judge(const forest::Forest& forest) {
    if (!starting_.valid()) return known_.value_or(Verdict{});
    auto verdict = Ask(forest);
    if (!verdict.ok()) {
      return {Verdict::Kind::kNotCompared, Cat("not compared with its own library: ", verdict.error().message)};
    }
    store_.Keep(bytes_, *verdict);
    return std::move(*verdict);
  }
  /// After a verdict that it has to answer.
  std::unique_ptr<Backend> TakeLibrary() { return std::move(library_); }

 private:
  Result<Verdict> Ask(const forest::Forest& forest) {
    library_ = TRY(starting_.get());
    const std::vector<float> rows = forest.SampleRows(kComparedRows);
    return Compare(forest, rows, TRY(AskLibrary(forest, *library_, rows)));
  }

  const std::string_view bytes_;
  const VerdictStore store_;
  const std::optional<Verdict> known_;
  std::future<Result<std::unique_ptr<Backend>>> starting_;
  std::unique_ptr<Backend> library_;
};

std::vector<std::string> FeatureNames(const forest::Forest& forest) {
  std::vector<std::string> names = forest.feature_names();
  if (!names.empty()) return names;
  for (std::size_t i = 0; i < forest.num_features(); ++i) names.push_back(Cat("f", i));
  return names;
}

Status CheckFeatures(const wire::PackageInfo& info, const forest::Forest& forest) {
  if (forest.num_features() != info.features.size()) {
    return InvalidArgument("package.json lists ", info.features.size(), " features, model.json has ",
                           forest.num_features());
  }
  if (forest.num_outputs() != info.num_outputs()) {
    return InvalidArgument("package.json lists ", info.classes.size(), " classes, model.json has ",
                           forest.num_outputs(), forest.num_outputs() == 1 ? " output" : " outputs");
  }
  const std::vector<std::string>& names = forest.feature_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != info.features[i]) {
      return InvalidArgument("feature ", i, " is ", Quoted(info.features[i]), " in package.json and ", Quoted(names[i]),
                             " in model.json; pack the model again");
    }
  }
  return Ok();
}

/// As the file names them; numbers where it does not.
std::vector<std::string> ClassNames(const forest::Forest& forest) {
  if (forest.num_outputs() == 1 || forest.objective() != forest::Objective::kSoftmax) return {};
  std::vector<std::string> names = forest.class_labels();
  if (names.size() == forest.num_outputs()) return names;
  names.clear();
  for (std::size_t i = 0; i < forest.num_outputs(); ++i) names.push_back(Cat(i));
  return names;
}

Result<float> EncodeValue(const schema::Encoder& encoder, int feature, const Json* value) {
  if (value == nullptr || value->IsNull()) return encoder.EncodeMissing(feature);
  if (value->IsString()) return encoder.EncodeText(feature, value->AsString());
  if (value->IsBool()) return encoder.EncodeBool(feature, value->AsBool());
  if (value->IsNumber()) return encoder.EncodeNumber(feature, value->AsDouble());
  return InvalidArgument("column ", Quoted(encoder.column(feature).name), " holds neither number, text nor boolean");
}

Datatype DatatypeOf(const schema::Column& column) {
  switch (column.type) {
    case schema::ColumnType::kInteger: return Datatype::kInt64;
    case schema::ColumnType::kBoolean: return Datatype::kBool;
    case schema::ColumnType::kCategory:
    case schema::ColumnType::kText:
    case schema::ColumnType::kTimestamp: return Datatype::kBytes;
    case schema::ColumnType::kFloat: break;
  }
  return Datatype::kFp32;
}

std::string_view OutputNameOf(forest::Objective objective) {
  switch (objective) {
    case forest::Objective::kLogistic:
    case forest::Objective::kSoftmax: return "probability";
    case forest::Objective::kLogitRaw: return "margin";
    case forest::Objective::kSquaredError: return "value";
  }
  return "value";
}

/// Whether a tensor with rows first may have `width` elements for each.
bool HasWidth(const TensorSpec& spec, std::size_t width) {
  std::int64_t elements = 1;
  for (std::size_t i = 1; i < spec.shape.size(); ++i) {
    if (spec.shape[i] < 0) return true;
    if (__builtin_mul_overflow(elements, spec.shape[i], &elements)) return false;
  }
  return elements == static_cast<std::int64_t>(width);
}

bool SameBits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }
bool SameBits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

template <typename Number>
Status CompareBits(const std::vector<Number>& ours, const std::vector<Number>& theirs, std::size_t outputs,
                   std::string_view what) {
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (SameBits(ours[i], theirs[i])) continue;
    return FailedPrecondition("warm-up row ", i / outputs, " gives the ", what, " ", ours[i],
                              ", the library that trained the model gave ", theirs[i],
                              "; this machine must not serve it");
  }
  return Ok();
}

}  // namespace

std::uint64_t Model::NextSerial() {
  static std::atomic<std::uint64_t> next{0};
  return ++next;
}

const char* Model::decision_name() const {
  if (!classes_.empty()) return "label";
  return threshold_ ? "decision" : nullptr;
}

std::int64_t Model::memory_bytes() const {
  if (forest_) return static_cast<std::int64_t>(forest_->memory_bytes());
  return static_cast<std::int64_t>(backend_->info().memory_bytes * backend_->runners().size());
}

std::string Model::Describe() const {
  return Cat(forest_ ? forest_->Describe() : backend_->info().library, compared_.empty() ? "" : "; ", compared_);
}

std::shared_ptr<Model> Model::OfForest(std::string name, schema::Schema schema, schema::Encoder encoder,
                                       forest::Forest forest) {
  std::shared_ptr<Model> model(new Model);
  model->name_ = std::move(name);
  model->platform_ = "millwright_forest";
  model->schema_ = std::move(schema);
  model->encoder_ = std::move(encoder);
  model->num_outputs_ = forest.num_outputs();
  model->output_name_ = OutputNameOf(forest.objective());
  model->forest_.emplace(std::move(forest));
  return model;
}

/// Once columns, classes and threshold are known.
void Model::DescribeRows(const StatedTensors& stated) {
  takes_rows_ = takes_any_float_ = true;
  for (int feature = 0; feature < static_cast<int>(num_features()); ++feature) {
    const schema::Column& column = encoder_.column(feature);
    takes_any_float_ = takes_any_float_ && column.type == schema::ColumnType::kFloat && !column.required;
    inputs_.push_back({column.name, DatatypeOf(column), {-1}});
  }
  NameAsStated(stated);
  outputs_.push_back({output_name(), double_precision() ? Datatype::kFp64 : Datatype::kFp32, {-1}});
  if (num_outputs_ > 1) outputs_.back().shape.push_back(static_cast<std::int64_t>(num_outputs_));
  if (decision_name() != nullptr) {
    outputs_.push_back({decision_name(), classes_.empty() ? Datatype::kBool : Datatype::kBytes, {-1}});
  }
}

Result<std::shared_ptr<const Model>> Model::LoadPackage(const std::string& directory, const StartBackend& start_backend,
                                                        const StatedTensors& stated) {
  const wire::Package package = TRY(wire::ReadPackage(directory));
  return (package.info.takes_rows() ? LoadRows(package, stated) : LoadTensors(package, start_backend)).In(directory);
}

/// Packages do not change: their files are read where they lie.
Result<std::shared_ptr<const Model>> Model::LoadRows(const wire::Package& package, const StatedTensors& stated) {
  schema::Schema schema = TRY(schema::FromJson(package.schema).In("schema.json"));
  schema::Encoder encoder = TRY(schema::Encoder::Make(schema, package.info.features));
  const MappedFile file = TRY(MappedFile::Open(package.model_path, wire::kModelBytesMax));
  forest::Forest forest = TRY(ParseForest(file.bytes(), package.model_path));
  TRY(CheckFeatures(package.info, forest));
  const std::shared_ptr<Model> model =
      OfForest(package.info.model, std::move(schema), std::move(encoder), std::move(forest));
  model->threshold_ = package.info.threshold;
  model->classes_ = package.info.classes;
  TRY(model->SelfCheck(package.warm_up));
  model->DescribeRows(stated);
  return std::shared_ptr<const Model>(model);
}

Result<std::shared_ptr<const Model>> Model::LoadTensors(const wire::Package& package,
                                                        const StartBackend& start_backend) {
  if (!start_backend) {
    return Unimplemented("a model of ", package.info.framework, " is run by its library, which this program does not");
  }
  const std::vector<WarmUpRequest> requests = TRY(WarmUpFromJson(package.warm_up.requests));
  std::unique_ptr<Backend> backend = TRY(start_backend(package.model_path));
  TRY(WarmUp(*backend, requests, kWarmUpTimeout));
  const std::shared_ptr<Model> model = OfBackend(std::move(backend));
  model->name_ = package.info.model;
  return std::shared_ptr<const Model>(model);
}

Result<std::shared_ptr<const Model>> Model::LoadForestFile(const std::string& path, const StartBackend& start_backend,
                                                           const std::string& verdicts, const StatedTensors& stated) {
  // A user's file may change while it is read, hence the copy.
  const std::string bytes = TRY(ReadFile(path, wire::kModelBytesMax));
  LibraryJudge judge(bytes, path, start_backend, verdicts);
  forest::Forest forest = TRY(ParseForest(bytes, path));
  Verdict verdict = judge.Judge(forest);
  if (verdict.kind == Verdict::Kind::kDiffers) {
    LogWarning("a model's own library answers otherwise and is used in the forest's place",
               {{"model", Json(path)}, {"difference", Json(verdict.said)}});
    return OfBackend(judge.TakeLibrary(), Cat("in the forest's place: ", verdict.said));
  }
  schema::Schema schema;
  const std::vector<std::string> names = FeatureNames(forest);
  for (const std::string& name : names) {
    schema::Column column;
    column.name = name;
    schema.columns.push_back(std::move(column));
  }
  schema::Encoder encoder = TRY(schema::Encoder::Make(schema, names).In(path));
  const std::shared_ptr<Model> model = OfForest("", std::move(schema), std::move(encoder), std::move(forest));
  model->classes_ = ClassNames(*model->forest_);
  model->compared_ = std::move(verdict.said);
  model->DescribeRows(stated);
  return std::shared_ptr<const Model>(model);
}

void Model::NameAsStated(const StatedTensors& stated) {
  const auto features = static_cast<std::int64_t>(num_features());
  if (stated.inputs.size() == 1 && takes_any_float_) {
    const TensorSpec& input = stated.inputs.front();
    const bool matrix = input.shape.size() == 2 && (input.shape[1] == features || input.shape[1] < 0);
    if (matrix && input.datatype == Datatype::kFp32) inputs_ = {{input.name, Datatype::kFp32, {-1, features}}};
  }
  if (stated.outputs.size() != 1) return;
  const TensorSpec& output = stated.outputs.front();
  const bool floats = output.datatype == Datatype::kFp32 || output.datatype == Datatype::kFp64;
  const bool taken = decision_name() != nullptr && output.name == decision_name();
  if (floats && !taken && HasWidth(output, num_outputs_)) output_name_ = output.name;
}

std::shared_ptr<Model> Model::OfBackend(std::unique_ptr<Backend> backend, std::string compared) {
  std::shared_ptr<Model> model(new Model);
  model->compared_ = std::move(compared);
  model->platform_ = backend->info().platform;
  model->inputs_ = backend->info().inputs;
  model->outputs_ = backend->info().outputs;
  model->backend_ = std::move(backend);
  return model;
}

Result<std::shared_ptr<const Model>> Model::Load(const std::string& path, const StartBackend& start_backend,
                                                 const std::string& verdicts, const StatedTensors& stated) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return ErrnoError(errno, Cat("model ", path));
  const bool directory = S_ISDIR(status.st_mode);
  if (directory && stat((path + "/package.json").c_str(), &status) == 0) {
    return LoadPackage(path, start_backend, stated);
  }
  if (!directory) {
    Result<std::shared_ptr<const Model>> forest = LoadForestFile(path, start_backend, verdicts, stated);
    // Not every file is a forest, not every forest is one that is evaluated here, and some are too large for it.
    const bool foreign = !forest.ok() && (forest.error().code == Code::kUnimplemented ||
                                          forest.error().code == Code::kResourceExhausted);
    if (!foreign || !start_backend) return forest;
  }
  if (!start_backend) return LoadPackage(path);  // says what is missing
  return OfBackend(TRY(start_backend(path)));
}

Result<std::vector<float>> Model::Encode(const std::vector<Json>& rows) const {
  std::vector<float> features;
  features.reserve(rows.size() * num_features());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int feature = 0; feature < static_cast<int>(num_features()); ++feature) {
      const Json* value = rows[row].Find(encoder_.column(feature).name);
      features.push_back(TRY(EncodeValue(encoder_, feature, value).In(Cat("warm-up row ", row))));
    }
  }
  return features;
}

template <typename Number>
Status Model::CheckValues(std::span<const float> features, const std::vector<Number>& theirs) const {
  const std::size_t outputs = num_outputs(), width = num_features();
  const std::size_t count = features.size() / width;
  std::vector<Number> values(count * outputs);
  forest_->Predict(features, count, values);
  TRY(CompareBits(values, theirs, outputs, output_name()));
  // Single rows may run on another engine than batches.
  for (std::size_t row = 0; row < count; ++row) {
    forest_->Predict(features.subspan(row * width, width), 1, std::span(values).subspan(row * outputs, outputs));
  }
  return CompareBits(values, theirs, outputs, Cat(output_name(), " of the row alone"));
}

Status Model::SelfCheck(const wire::WarmUp& warm_up) const {
  const std::vector<float> features = TRY(Encode(warm_up.rows));
  const std::size_t count = warm_up.rows.size();
  if (!warm_up.margins.empty()) {
    std::vector<float> margins(count * forest_->num_margins());
    forest_->PredictMargin(features, count, margins);
    TRY(CompareBits(margins, warm_up.margins, num_outputs(), "margin"));
  }
  if (!double_precision()) return CheckValues(features, warm_up.probabilities);
  const std::vector<double> exact(warm_up.probabilities.begin(), warm_up.probabilities.end());
  return CheckValues(features, warm_up.values.empty() ? exact : warm_up.values);
}

}  // namespace mw::serving
