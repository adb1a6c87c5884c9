// XGBoost's C library behind two values that own their handles. Nothing else in the project includes its
// headers. One thread per object; the library itself uses as many as the parameter nthread says.
// Errors: kInternal with the library's own words.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mw::steps {

struct FeatureInfo {
  std::vector<std::string> names;
  std::vector<std::string> types;  ///< XGBoost's: "q" number, "int", "i" 0 or 1, "c" category code
};

class TrainingMatrix {
 public:
  /// `values`: rows x features, row-major, NaN where missing; `labels` may be empty (for prediction).
  static Result<TrainingMatrix> Make(std::span<const float> values, std::size_t rows, const FeatureInfo& features,
                                     std::span<const float> labels);
  TrainingMatrix(TrainingMatrix&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  TrainingMatrix(const TrainingMatrix&) = delete;
  TrainingMatrix& operator=(const TrainingMatrix&) = delete;
  ~TrainingMatrix();

 private:
  friend class Booster;
  explicit TrainingMatrix(void* handle) : handle_(handle) {}
  void* handle_;
};

class Booster {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  /// The matrices are those that Update and Evaluate will see; they outlive the booster.
  static Result<Booster> Make(const std::vector<const TrainingMatrix*>& matrices, const Parameters& parameters);
  static Result<Booster> Load(const std::string& path);
  Booster(Booster&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Booster& operator=(Booster&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Booster(const Booster&) = delete;
  ~Booster();

  Status Update(int round, const TrainingMatrix& train);
  /// The evaluation metrics, e.g. {"train-logloss", 0.61}.
  Result<std::vector<std::pair<std::string, double>>> Evaluate(
      int round, const std::vector<std::pair<std::string, const TrainingMatrix*>>& matrices);
  /// The first `rounds` rounds alone.
  [[nodiscard]] Result<Booster> First(int rounds) const;
  /// As JSON; `path` ends in .json.
  [[nodiscard]] Status Save(const std::string& path, const FeatureInfo& features) const;

  enum class Answer { kProbability, kMargin };
  /// Row by row, one number for each row or for each of its classes.
  [[nodiscard]] Result<std::vector<float>> Predict(const TrainingMatrix& rows, Answer answer) const;

 private:
  explicit Booster(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace mw::steps
