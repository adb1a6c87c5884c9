// XGBoost by its C interface.
#include "serving/backend/foreign/xgboost_model.h"

#include <dlfcn.h>
#include <xgboost/c_api.h>

#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace mw::serving {
namespace {

constexpr std::size_t kModelBytesMax = std::size_t{2} << 30;

/// The functions that are used here, found by their names; the library stays until the process ends.
struct Functions {
  decltype(&XGBoostVersion) version = nullptr;
  decltype(&XGBGetLastError) last_error = nullptr;
  decltype(&XGBoosterCreate) create = nullptr;
  decltype(&XGBoosterFree) free = nullptr;
  decltype(&XGBoosterSetParam) set_parameter = nullptr;
  decltype(&XGBoosterLoadModelFromBuffer) load = nullptr;
  decltype(&XGBoosterGetAttr) attribute = nullptr;
  decltype(&XGBoosterBoostedRounds) rounds = nullptr;
  decltype(&XGBoosterSaveJsonConfig) configuration = nullptr;
  decltype(&XGBoosterGetNumFeature) feature_count = nullptr;
  decltype(&XGBoosterGetStrFeatureInfo) feature_texts = nullptr;
  decltype(&XGBoosterPredictFromDense) predict = nullptr;
  decltype(&XGDMatrixCreateFromMat) make_matrix = nullptr;
  decltype(&XGDMatrixFree) free_matrix = nullptr;
  decltype(&XGBoosterPredictFromDMatrix) predict_matrix = nullptr;

  static Result<Functions> Open();
  [[nodiscard]] Status Done(int code) const {
    if (code == 0) return Ok();
    const std::string_view said = last_error();
    return InvalidArgument("XGBoost: ", Trim(said.substr(0, said.find("Stack trace"))));
  }
};

/// What lies beside this program goes before the system's: so a newer library is brought.
void* OpenLibrary() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string beside = (program.parent_path() / "libxgboost.so").string();
  for (const char* name : {beside.c_str(), "libxgboost.so.0", "libxgboost.so"}) {
    if (void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  }
  return nullptr;
}

Result<Functions> Functions::Open() {
  void* const library = OpenLibrary();
  if (library == nullptr) {
    return FailedPrecondition("XGBoost's library is not here, which this model needs: ", dlerror(),
                              "; install libxgboost0 or put libxgboost.so beside mw-backend");
  }
  Functions found;
  bool complete = true;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    complete = complete && function != nullptr;
  };
  find(found.version, "XGBoostVersion");
  find(found.last_error, "XGBGetLastError");
  find(found.create, "XGBoosterCreate");
  find(found.free, "XGBoosterFree");
  find(found.set_parameter, "XGBoosterSetParam");
  find(found.load, "XGBoosterLoadModelFromBuffer");
  find(found.attribute, "XGBoosterGetAttr");
  find(found.rounds, "XGBoosterBoostedRounds");
  find(found.configuration, "XGBoosterSaveJsonConfig");
  find(found.feature_count, "XGBoosterGetNumFeature");
  find(found.feature_texts, "XGBoosterGetStrFeatureInfo");
  find(found.predict, "XGBoosterPredictFromDense");
  find(found.make_matrix, "XGDMatrixCreateFromMat");
  find(found.free_matrix, "XGDMatrixFree");
  find(found.predict_matrix, "XGBoosterPredictFromDMatrix");
  if (complete) return found;
  return FailedPrecondition("XGBoost's library is too old, 1.6 or newer is needed");
}

class XgboostModel final : public WorkerModel {
 public:
  explicit XgboostModel(const Functions& functions) : xgboost_(functions) {}
  XgboostModel(const XgboostModel&) = delete;
  XgboostModel& operator=(const XgboostModel&) = delete;
  ~XgboostModel() override {
    if (booster_ != nullptr) xgboost_.free(booster_);
  }

  Status Load(const std::string& path);
  [[nodiscard]] const BackendInfo& info() const override { return info_; }
  Status Run(std::span<const TensorView> inputs, TensorList& outputs) override;

 private:
  struct Predictions {
    std::span<const std::uint64_t> shape;
    const float* values = nullptr;
  };
  Result<Predictions> Predict(const char* rows, std::int64_t count);
  Result<Predictions> PredictMatrix(const char* rows, std::int64_t count);
  Status ChooseTrees();
  Result<bool> PredictsInPlace();
  Status Describe();

  Functions xgboost_;
  BoosterHandle booster_ = nullptr;
  std::string prediction_;  // what is asked of trees
  bool in_place_ = true;    // else by a matrix of the library's own
  BackendInfo info_;
};

Status XgboostModel::Load(const std::string& path) {
  const std::string bytes = TRY(ReadFile(path, kModelBytesMax));
  TRY(xgboost_.Done(xgboost_.create(nullptr, 0, &booster_)));
  TRY(xgboost_.Done(xgboost_.set_parameter(booster_, "nthread", "1")));
  TRY(xgboost_.Done(xgboost_.load(booster_, bytes.data(), bytes.size())).In(path));
  // Once more: a model may carry the number of threads that it was trained with.
  TRY(xgboost_.Done(xgboost_.set_parameter(booster_, "nthread", "1")));
  return Describe();
}

/// All trees, or those up to the best iteration where training was stopped early, as the library's scikit-learn
/// interface and the forest engine count them.
Status XgboostModel::ChooseTrees() {
  const char* best = nullptr;
  int is_there = 0, rounds = 0;
  TRY(xgboost_.Done(xgboost_.attribute(booster_, "best_iteration", &best, &is_there)));
  TRY(xgboost_.Done(xgboost_.rounds(booster_, &rounds)));
  const std::int64_t last = (is_there != 0 ? ParseInt(best) : std::nullopt).value_or(-1);
  prediction_ = Cat(R"({"training":false,"type":0,"iteration_begin":0,"iteration_end":)", last < rounds ? last + 1 : 0,
                    R"(,"missing":NaN,"strict_shape":false,"cache_id":0})");
  return Ok();
}

/// Boosters without trees predict from a matrix only. dart's prediction in place rounds otherwise than the one from a
/// matrix, which is what its users get.
Result<bool> XgboostModel::PredictsInPlace() {
  const char* config = nullptr;
  bst_ulong length = 0;
  TRY(xgboost_.Done(xgboost_.configuration(booster_, &length, &config)));
  const auto names = [text = std::string_view(config, length)](std::string_view booster) {
    return text.find(Cat(R"("name":")", booster, '"')) != std::string_view::npos;
  };
  return names("gbtree") && !names("dart");  // dart holds a gbtree
}

Status XgboostModel::Describe() {
  TRY(ChooseTrees());
  int major = 0, minor = 0, patch = 0;
  xgboost_.version(&major, &minor, &patch);
  info_.platform = "xgboost";
  info_.library = Cat("XGBoost ", major, ".", minor, ".", patch);
  bst_ulong features = 0, names = 0;
  TRY(xgboost_.Done(xgboost_.feature_count(booster_, &features)));
  const char** texts = nullptr;
  TRY(xgboost_.Done(xgboost_.feature_texts(booster_, "feature_name", &names, &texts)));
  for (bst_ulong i = 0; i < names; ++i) info_.feature_names.emplace_back(texts[i]);
  if (features == 0 || features > kTensorBytesMax / sizeof(float)) {
    return InvalidArgument("the model has ", features, " features");
  }
  info_.inputs = {TensorSpec{"input", Datatype::kFp32, {-1, static_cast<std::int64_t>(features)}}};
  in_place_ = TRY(PredictsInPlace());
  // One row of missing values shows the form of the answers.
  const std::vector<float> row(features, std::numeric_limits<float>::quiet_NaN());
  const Predictions one = TRY(Predict(reinterpret_cast<const char*>(row.data()), 1));
  TensorSpec output{"output", Datatype::kFp32, {-1}};
  for (const std::uint64_t size : one.shape.subspan(1)) output.shape.push_back(static_cast<std::int64_t>(size));
  info_.outputs = {std::move(output)};
  return Ok();
}

/// The answer lies in the booster, not in the matrix.
Result<XgboostModel::Predictions> XgboostModel::PredictMatrix(const char* rows, std::int64_t count) {
  DMatrixHandle matrix = nullptr;
  TRY(xgboost_.Done(xgboost_.make_matrix(reinterpret_cast<const float*>(rows), static_cast<bst_ulong>(count),
                                         static_cast<bst_ulong>(info_.inputs[0].shape[1]),
                                         std::numeric_limits<float>::quiet_NaN(), &matrix)));
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  Predictions found;
  const Status predicted =
      xgboost_.Done(xgboost_.predict_matrix(booster_, matrix, prediction_.c_str(), &shape, &dimensions, &found.values));
  xgboost_.free_matrix(matrix);
  TRY(Status(predicted));
  found.shape = std::span(shape, dimensions);
  return found;
}

Result<XgboostModel::Predictions> XgboostModel::Predict(const char* rows, std::int64_t count) {
  if (!in_place_) return PredictMatrix(rows, count);
  const std::string array = Cat(R"({"data":[)", reinterpret_cast<std::uintptr_t>(rows), R"(,true],"shape":[)", count,
                                ",", info_.inputs[0].shape[1], R"(],"typestr":"<f4","version":3})");
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  Predictions found;
  TRY(xgboost_.Done(
      xgboost_.predict(booster_, array.c_str(), prediction_.c_str(), nullptr, &shape, &dimensions, &found.values)));
  found.shape = std::span(shape, dimensions);
  return found;
}

Status XgboostModel::Run(std::span<const TensorView> inputs, TensorList& outputs) {
  const std::int64_t count = inputs[0].shape[0];
  std::vector<std::int64_t> shape = info_.outputs[0].shape;
  shape[0] = count;
  if (count == 0) {
    outputs.Append({"output", Datatype::kFp32, shape, ""});
    return Ok();
  }
  const Predictions found = TRY(Predict(inputs[0].bytes.data(), count));
  const auto size = static_cast<std::size_t>(TRY(ElementCount(shape)));
  std::uint64_t given = 1;
  for (const std::uint64_t dimension : found.shape) given *= dimension;
  if (given != size) return Internal("XGBoost gave ", given, " values for ", count, " rows");
  outputs.Append({"output", Datatype::kFp32, shape,
                  std::string_view(reinterpret_cast<const char*>(found.values), size * sizeof(float))});
  return Ok();
}

}  // namespace

Result<std::unique_ptr<WorkerModel>> LoadXgboostModel(const std::string& path) {
  const Functions functions = TRY(Functions::Open());
  auto model = std::make_unique<XgboostModel>(functions);
  TRY(model->Load(path));
  return model;
}

}  // namespace mw::serving
