// A tree ensemble, ready to predict: the fast path of the inference plane.
//
// Answers are bit-equal to the library's own (same comparisons, same order of sums, same transforms): XGBoost's and
// ONNX Runtime's in floats, LightGBM's in doubles; tests compare with the libraries. At load the forest lays its trees
// out for every engine that fits them (README.md) and measures for a few milliseconds which is the fastest for a
// batch's size. Immutable after loading; any number of threads may predict at once; prediction does not lock, and
// allocates only for models with thousands of features or category splits, or hundreds of outputs.
//
// Everything that is not understood is refused with a sentence that names it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::forest {

/// What the predictions are, by the best-known objective of their kind; Forest::objective_name has the file's own.
enum class Objective : std::uint8_t {
  kLogistic,      ///< probabilities
  kLogitRaw,      ///< margins of a probability
  kSquaredError,  ///< values: numbers of things, amounts, ranks, numbers of classes
  kSoftmax,       ///< a probability for each class
};

enum class Format : std::uint8_t {
  kXgboostJson,  ///< save_model("x.json") of XGBoost 1.0 to 3.x: gbtree and dart
  kXgboostUbj,   ///< save_model("x.ubj")
  kLightgbm,     ///< save_model("x.txt") of LightGBM 2 to 4
  kOnnx,         ///< a graph that is one TreeEnsembleRegressor, TreeEnsembleClassifier or TreeEnsemble
};
inline constexpr std::size_t kFormats = 4;
/// "XGBoost JSON".
std::string_view FormatName(Format format);
/// From the first bytes, else from the name's ending; nothing when neither tells.
std::optional<Format> DetectFormat(std::string_view bytes, std::string_view file_name);

enum class Engine : std::uint8_t {
  kWalk,          ///< any forest, one node after the other
  kInterleaved,   ///< one row through eight trees at a time, without branches
  kBinnedSse,     ///< 16 rows at a time: values become bins, decisions selections between registers
  kBinnedAvx2,    ///< 32 rows
  kBinnedAvx512,  ///< 64 rows
  kMaskedAvx2,    ///< one row, every split of a tree compared in two instructions
  kMaskedAvx512,  ///< one row, every split of a tree compared in one
};
inline constexpr std::size_t kEngines = 7;
std::string_view EngineName(Engine engine);

struct Plan;

class Forest {
 public:
  /// Reads a model file. An XGBoost booster that carries the attribute best_iteration (early stopping) counts only
  /// the trees up to and including that iteration, as its scikit-learn interface does.
  /// Errors: kInvalidArgument for bytes that are no such model; kUnimplemented, by name, for what this forest does
  /// not evaluate (other boosters, objectives, ONNX operators): another library can; kResourceExhausted beyond
  /// limits.h.
  static Result<Forest> Load(std::string_view bytes, Format format);
  static Result<Forest> FromXgboostJson(std::string_view json);

  Forest(Forest&&) noexcept;
  Forest& operator=(Forest&&) noexcept;
  ~Forest();

  [[nodiscard]] std::size_t num_features() const;
  /// Numbers of a row's predictions: 1, or one for each class or target.
  [[nodiscard]] std::size_t num_outputs() const;
  /// Numbers of a row's margins: num_outputs(), but 1 for an ONNX classifier that computes one of two classes, and
  /// one for each class where the prediction is the number of the greatest (multi:softmax).
  [[nodiscard]] std::size_t num_margins() const;
  /// Trees that take part in predictions.
  [[nodiscard]] std::size_t num_trees() const;
  [[nodiscard]] std::size_t max_depth() const;
  /// In column order; empty when the model carries none.
  [[nodiscard]] const std::vector<std::string>& feature_names() const;
  /// XGBoost's: "q" or "float", "int", "i" (indicator), "c" (categorical); empty when the model carries none.
  [[nodiscard]] const std::vector<std::string>& feature_types() const;
  /// Of the outputs, in their order; empty when the file names none.
  [[nodiscard]] const std::vector<std::string>& class_labels() const;
  /// ONNX: the name of the output that carries the predictions, after that of the label when there is one; else empty.
  [[nodiscard]] const std::vector<std::string>& output_names() const;
  [[nodiscard]] Objective objective() const;
  /// In the words of its framework: "binary:logistic", "multiclass num_class:3", "TreeEnsembleClassifier LOGISTIC".
  [[nodiscard]] const std::string& objective_name() const;
  /// XGBoost: of the library that wrote the file, "2.1.4"; empty when it does not say, and of other formats.
  [[nodiscard]] const std::string& library_version() const;
  /// XGBoost's, as the model states it: a probability for binary:logistic, a margin for others. 0 for other formats.
  [[nodiscard]] float base_score() const;
  /// Sums and predictions are doubles (LightGBM): the double Predict is the library's answer, the float one the
  /// nearest.
  [[nodiscard]] bool double_precision() const;

  /// `rows`: `count` x num_features(), row-major, NaN where missing; a category is its code. Writes
  /// `count` x num_outputs() predictions (see Objective), row by row, to `out`. Asserts that the sizes fit.
  void Predict(std::span<const float> rows, std::size_t count, std::span<float> out) const;
  void Predict(std::span<const float> rows, std::size_t count, std::span<double> out) const;
  /// The same before the objective's transformation: `count` x num_margins().
  void PredictMargin(std::span<const float> rows, std::size_t count, std::span<float> out) const;
  void PredictMargin(std::span<const float> rows, std::size_t count, std::span<double> out) const;

  /// The engine that a batch of that many rows mostly runs on.
  [[nodiscard]] Engine EngineFor(std::size_t count) const;
  /// Whether that engine can run this forest on this machine.
  [[nodiscard]] bool Fits(Engine engine) const;
  /// PredictMargin on one given engine, for tests and benchmarks. Fits(engine) must hold.
  void PredictMarginOn(Engine engine, std::span<const float> rows, std::size_t count, std::span<float> out) const;
  void PredictMarginOn(Engine engine, std::span<const float> rows, std::size_t count, std::span<double> out) const;
  /// `count` rows that take all ways through the trees: values at their thresholds, known categories, some missing.
  /// The same every time.
  [[nodiscard]] std::vector<float> SampleRows(std::size_t count) const;
  /// Trees, and what the engines made of them.
  [[nodiscard]] std::size_t memory_bytes() const;
  /// "143 trees of depth <= 6 over 20 features; rows/s: 1,100,000 (1 row, interleaved), ...": as measured at load.
  [[nodiscard]] std::string Describe() const;

 private:
  explicit Forest(std::unique_ptr<const Plan> plan);
  std::unique_ptr<const Plan> plan_;
};

}  // namespace mw::forest
