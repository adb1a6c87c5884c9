// XGBoost itself, for tests and benchmarks only: trains real models and answers what the forest must
// answer, bit for bit. One thread; a fault of the library ends the test with its message.
#pragma once

#include <xgboost/c_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace mw::forest {

/// Row-major values (NaN where missing) with one label for each row; types are XGBoost's, empty for
/// all numeric.
struct TrainingRows {
  std::size_t num_features = 0;
  std::vector<float> values;
  std::vector<float> labels;
  std::vector<std::string> types;
};

class XgboostOracle {
 public:
  using Parameters = std::map<std::string, std::string>;

  /// Trains `rounds` rounds with nthread=1 on top of the given parameters.
  static XgboostOracle Train(const TrainingRows& rows, const Parameters& parameters, int rounds) {
    const Matrix matrix(rows.values, rows.num_features);
    Check(XGDMatrixSetFloatInfo(matrix.handle, "label", rows.labels.data(), rows.labels.size()));
    std::vector<const char*> types;
    for (const std::string& type : rows.types) types.push_back(type.c_str());
    if (!types.empty()) Check(XGDMatrixSetStrFeatureInfo(matrix.handle, "feature_type", types.data(), types.size()));
    XgboostOracle oracle;
    oracle.num_features_ = rows.num_features;
    Check(XGBoosterCreate(&matrix.handle, 1, &oracle.booster_));
    oracle.Set("nthread", "1");
    oracle.Set("verbosity", "0");
    for (const auto& [name, value] : parameters) oracle.Set(name, value);
    for (int round = 0; round < rounds; ++round) Check(XGBoosterUpdateOneIter(oracle.booster_, round, matrix.handle));
    return oracle;
  }

  static XgboostOracle Load(std::string_view json, std::size_t num_features) {
    XgboostOracle oracle;
    oracle.num_features_ = num_features;
    Check(XGBoosterCreate(nullptr, 0, &oracle.booster_));
    Check(XGBoosterLoadModelFromBuffer(oracle.booster_, json.data(), json.size()));
    oracle.Set("nthread", "1");
    return oracle;
  }

  XgboostOracle(XgboostOracle&& other) noexcept
      : booster_(std::exchange(other.booster_, nullptr)), num_features_(other.num_features_) {}
  XgboostOracle& operator=(XgboostOracle&&) = delete;
  ~XgboostOracle() {
    if (booster_ != nullptr) XGBoosterFree(booster_);
  }

  void Set(const std::string& name, const std::string& value) {
    Check(XGBoosterSetParam(booster_, name.c_str(), value.c_str()));
  }
  void SetAttribute(const std::string& name, const std::string& value) {
    Check(XGBoosterSetAttr(booster_, name.c_str(), value.c_str()));
  }
  void SetFeatureInfo(const std::string& field, const std::vector<std::string>& texts) {
    std::vector<const char*> pointers;
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    Check(XGBoosterSetStrFeatureInfo(booster_, field.c_str(), pointers.data(), pointers.size()));
  }

  [[nodiscard]] std::string Json() const { return Save("json"); }
  /// "json", "ubj" or "deprecated", the old binary format.
  [[nodiscard]] std::string Save(std::string_view format) const {
    bst_ulong size = 0;
    const char* text = nullptr;
    Check(XGBoosterSaveModelToBuffer(booster_, Cat(R"({"format":")", format, R"("})").c_str(), &size, &text));
    return {text, size};
  }

  /// The library's own arguments of one prediction.
  struct Call {
    std::string rows;
    std::string config;
  };
  /// Rounds [0, rounds), or all for 0. `rows` has to outlive the call.
  [[nodiscard]] Call Prepare(const float* rows, std::size_t count, bool margin, int rounds = 0) const {
    return {Cat(R"({"data":[)", reinterpret_cast<std::uintptr_t>(rows), R"(,true],"shape":[)", count, ",",
                num_features_, R"(],"typestr":"<f4","version":3})"),
            Cat(R"({"type":)", margin ? 1 : 0, R"(,"training":false,"iteration_begin":0,"iteration_end":)", rounds,
                R"(,"strict_shape":false,"missing":NaN,"cache_id":0})")};
  }
  /// Points into the booster; valid until the next prediction.
  const float* Run(const Call& call) const {
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* out = nullptr;
    Check(XGBoosterPredictFromDense(booster_, call.rows.c_str(), call.config.c_str(), nullptr, &shape, &dimensions,
                                    &out));
    return out;
  }
  const float* Predict(const float* rows, std::size_t count, bool margin, int rounds = 0) const {
    return Run(Prepare(rows, count, margin, rounds));
  }

  /// By way of the library's own matrix, as training programs ask, with the first `trees` trees. Rows
  /// without infinities.
  [[nodiscard]] std::vector<float> PredictMatrix(const std::vector<float>& rows, std::size_t trees) const {
    const Matrix matrix(rows, num_features_);
    bst_ulong size = 0;
    const float* out = nullptr;
    Check(XGBoosterPredict(booster_, matrix.handle, 0, static_cast<unsigned>(trees), 0, &size, &out));
    return {out, out + size};
  }

  /// The library's own Shapley values of every row: num_features + 1 numbers each, the last its expected margin.
  /// Each call makes a matrix of its own: a second one of the same matrix would be answered from a cache.
  [[nodiscard]] std::vector<float> Contributions(const float* rows, std::size_t count) const {
    const Matrix matrix({rows, rows + count * num_features_}, num_features_);
    bst_ulong size = 0;
    const float* out = nullptr;
    Check(XGBoosterPredict(booster_, matrix.handle, 4, 0, 0, &size, &out));
    return {out, out + size};
  }

  /// Predictions of rows whose margin starts at `base_margins` in place of the base score.
  [[nodiscard]] std::vector<float> PredictFrom(const std::vector<float>& base_margins) const {
    const Matrix matrix(std::vector<float>(base_margins.size() * num_features_, 0.0F), num_features_);
    Check(XGDMatrixSetFloatInfo(matrix.handle, "base_margin", base_margins.data(), base_margins.size()));
    bst_ulong size = 0;
    const float* out = nullptr;
    Check(XGBoosterPredict(booster_, matrix.handle, 0, 0, 0, &size, &out));
    return {out, out + size};
  }

 private:
  struct Matrix {
    Matrix(const std::vector<float>& values, std::size_t num_features) {
      Check(XGDMatrixCreateFromMat(values.data(), values.size() / num_features, num_features,
                                   std::numeric_limits<float>::quiet_NaN(), &handle));
    }
    ~Matrix() { XGDMatrixFree(handle); }
    Matrix(const Matrix&) = delete;
    Matrix& operator=(const Matrix&) = delete;
    DMatrixHandle handle = nullptr;
  };

  XgboostOracle() = default;
  static void Check(int result) {
    if (result == 0) return;
    std::fprintf(stderr, "XGBoost: %s\n", XGBGetLastError());
    std::abort();
  }

  BoosterHandle booster_ = nullptr;
  std::size_t num_features_ = 0;
};

}  // namespace mw::forest
