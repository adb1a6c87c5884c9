// Calls into libxgboost.
#include "steps/booster.h"

#include <xgboost/c_api.h>

#include <limits>

#include "base/text.h"

namespace mw::steps {
namespace {

Status Check(int code, std::string_view what) {
  if (code == 0) return Ok();
  // The library appends a stack trace; its first line says what is wrong.
  const std::string_view message = XGBGetLastError();
  return Internal("xgboost: ", what, ": ", message.substr(0, message.find('\n')));
}

std::vector<const char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  return pointers;
}

Status SetFeatures(DMatrixHandle matrix, const FeatureInfo& features) {
  std::vector<const char*> names = Pointers(features.names), types = Pointers(features.types);
  TRY(Check(XGDMatrixSetStrFeatureInfo(matrix, "feature_name", names.data(), names.size()), "feature names"));
  return Check(XGDMatrixSetStrFeatureInfo(matrix, "feature_type", types.data(), types.size()), "feature types");
}

Status SetFeatures(BoosterHandle booster, const std::vector<const char*>& values, const char* field) {
  std::vector<const char*> own = values;
  return Check(XGBoosterSetStrFeatureInfo(booster, field, own.data(), own.size()), field);
}

}  // namespace

Result<TrainingMatrix> TrainingMatrix::Make(std::span<const float> values, std::size_t rows,
                                            const FeatureInfo& features, std::span<const float> labels) {
  DMatrixHandle handle = nullptr;
  TRY(Check(XGDMatrixCreateFromMat(values.data(), rows, features.names.size(), std::numeric_limits<float>::quiet_NaN(),
                                   &handle),
            "make a matrix"));
  TrainingMatrix matrix(handle);
  TRY(SetFeatures(handle, features));
  if (!labels.empty()) TRY(Check(XGDMatrixSetFloatInfo(handle, "label", labels.data(), labels.size()), "labels"));
  return matrix;
}

TrainingMatrix::~TrainingMatrix() {
  if (handle_ != nullptr) XGDMatrixFree(handle_);
}

Result<Booster> Booster::Make(const std::vector<const TrainingMatrix*>& matrices, const Parameters& parameters) {
  std::vector<DMatrixHandle> handles;
  for (const TrainingMatrix* matrix : matrices) handles.push_back(matrix->handle_);
  BoosterHandle handle = nullptr;
  TRY(Check(XGBoosterCreate(handles.data(), handles.size(), &handle), "make a booster"));
  Booster booster(handle);
  for (const auto& [name, value] : parameters) {
    TRY(Check(XGBoosterSetParam(handle, name.c_str(), value.c_str()), name));
  }
  return booster;
}

Result<Booster> Booster::Load(const std::string& path) {
  Booster booster = TRY(Make({}, {{"nthread", "1"}, {"verbosity", "0"}}));
  TRY(Check(XGBoosterLoadModel(booster.handle_, path.c_str()), "load"));
  return booster;
}

Booster::~Booster() {
  if (handle_ != nullptr) XGBoosterFree(handle_);
}

Status Booster::Update(int round, const TrainingMatrix& train) {
  return Check(XGBoosterUpdateOneIter(handle_, round, train.handle_), Cat("round ", round));
}

Result<std::vector<std::pair<std::string, double>>> Booster::Evaluate(
    int round, const std::vector<std::pair<std::string, const TrainingMatrix*>>& matrices) {
  std::vector<DMatrixHandle> handles;
  std::vector<const char*> names;
  for (const auto& [name, matrix] : matrices) {
    handles.push_back(matrix->handle_);
    names.push_back(name.c_str());
  }
  const char* line = nullptr;
  TRY(Check(XGBoosterEvalOneIter(handle_, round, handles.data(), names.data(), handles.size(), &line), "evaluate"));
  // "[12]\ttrain-logloss:0.61\tstop_early-logloss:0.63"
  std::vector<std::pair<std::string, double>> metrics;
  for (const std::string_view part : Split(line, '\t')) {
    const std::size_t colon = part.rfind(':');
    if (colon == std::string_view::npos) continue;
    const auto value = ParseDouble(part.substr(colon + 1));
    if (!value) return Internal("xgboost: cannot read its metric ", Quoted(part));
    metrics.emplace_back(part.substr(0, colon), *value);
  }
  return metrics;
}

Result<Booster> Booster::First(int rounds) const {
  BoosterHandle handle = nullptr;
  TRY(Check(XGBoosterSlice(handle_, 0, rounds, 1, &handle), Cat("keep ", rounds, " rounds")));
  return Booster(handle);
}

Status Booster::Save(const std::string& path, const FeatureInfo& features) const {
  TRY(SetFeatures(handle_, Pointers(features.names), "feature_name"));
  TRY(SetFeatures(handle_, Pointers(features.types), "feature_type"));
  return Check(XGBoosterSaveModel(handle_, path.c_str()), Cat("save ", path));
}

Result<std::vector<float>> Booster::Predict(const TrainingMatrix& rows, Answer answer) const {
  const std::string config =
      Cat(R"({"type": )", answer == Answer::kMargin ? 1 : 0,
          R"(, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false})");
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* answers = nullptr;
  TRY(Check(XGBoosterPredictFromDMatrix(handle_, rows.handle_, config.c_str(), &shape, &dimensions, &answers),
            "predict"));
  std::size_t count = 1;
  for (bst_ulong i = 0; i < dimensions; ++i) count *= shape[i];
  return std::vector<float>(answers, answers + count);
}

}  // namespace mw::steps
