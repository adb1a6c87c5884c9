// A model in memory, ready to answer. Two kinds:
//
//   row model     rows of floats in, one number or several for each row out: schema, encoder, threshold. A forest
//                 predicts in this process; anything else through a backend that takes one FP32 matrix
//   tensor model  named tensors in and out, always through a backend (serving/backend/backend.h)
//
// It comes from a model package, a bare file (XGBoost, LightGBM, ONNX) or a directory that a backend knows.
// Immutable after loading; any number of threads may predict at once.
//
// Invariant: a forest that came from a package gave, on this machine, the bits that the training library
// gave for every warm-up row, alone and in one batch; what a backend runs gave the recorded answers (warm_up.h). One
// that does not is refused with a sentence.
// A bare file brings no answers with it: it is held against its own library where that is here (library_check.h),
// which answers in the forest's place when they differ.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "forest/forest.h"
#include "schema/encoder.h"
#include "schema/schema.h"
#include "serving/backend/backend.h"
#include "serving/tensor.h"
#include "wire/package.h"

namespace mw::serving {

/// Starts what runs a file or directory that no forest reads. Errors: kUnimplemented for one that it does not know.
using StartBackend = std::function<Result<std::unique_ptr<Backend>>(const std::string& path)>;

/// What a configuration beside a model says that it takes and gives; shapes with the rows first.
struct StatedTensors {
  std::vector<TensorSpec> inputs{}, outputs{};
};

class Model {
 public:
  /// A directory with package.json is a package; a file is a forest when one reads it, else the backend's, as any
  /// other directory is. `start_backend` may be empty: then what no forest reads is refused.
  /// Errors: those of wire::ReadPackage, schema::FromJson, Encoder::Make, Forest::FromXgboostJson and of the backend;
  /// kInvalidArgument when package and model disagree about the features; kFailedPrecondition when a warm-up answer
  /// differs.
  /// `verdicts`: where it is kept what a file's own library said of it; empty: it is asked at each load.
  /// `stated`: a model of rows calls its value as the one output of floats there, where that has as many for each row,
  /// and its columns, where all are floats, together as the one FP32 matrix there.
  static Result<std::shared_ptr<const Model>> Load(const std::string& path, const StartBackend& start_backend = {},
                                                   const std::string& verdicts = {}, const StatedTensors& stated = {});
  static Result<std::shared_ptr<const Model>> LoadPackage(const std::string& directory,
                                                          const StartBackend& start_backend = {},
                                                          const StatedTensors& stated = {});
  /// A forest without schema: every column is a float and may be missing. Columns are called as in the model, or
  /// f0, f1, ... when it names none.
  /// Errors: kUnimplemented for a file that is no forest, or none that is evaluated here; those of Forest::Load.
  static Result<std::shared_ptr<const Model>> LoadForestFile(const std::string& path,
                                                             const StartBackend& start_backend = {},
                                                             const std::string& verdicts = {},
                                                             const StatedTensors& stated = {});
  /// A tensor model over a backend that runs.
  static std::shared_ptr<Model> OfBackend(std::unique_ptr<Backend> backend, std::string compared = {});

  [[nodiscard]] const std::string& name() const { return name_; }  ///< as the package calls it; else empty
  /// Unlike every other model's of this process, also of one that is gone.
  [[nodiscard]] std::uint64_t serial() const { return serial_; }
  /// "millwright_forest", or as the backend says.
  [[nodiscard]] const std::string& platform() const { return platform_; }
  /// In a sentence, for logs: "150 trees of depth <= 6 ...", "ONNX Runtime 1.30.0"; of a bare file with what its own
  /// library said.
  [[nodiscard]] std::string Describe() const;
  /// What it takes and gives, as model metadata says; of a row model one input for each column, or the matrix that was
  /// stated, and columns are taken by their names all the same.
  [[nodiscard]] const std::vector<TensorSpec>& inputs() const { return inputs_; }
  [[nodiscard]] const std::vector<TensorSpec>& outputs() const { return outputs_; }
  /// Null when a forest predicts in this process.
  [[nodiscard]] Backend* backend() const { return backend_.get(); }
  [[nodiscard]] bool takes_rows() const { return takes_rows_; }
  /// Of all processes that run it, as measured after loading; 0: not known.
  [[nodiscard]] std::int64_t memory_bytes() const;

  // Of row models. A tensor model has no column, no class and no threshold.
  [[nodiscard]] const schema::Schema& schema() const { return schema_; }
  [[nodiscard]] const schema::Encoder& encoder() const { return encoder_; }
  [[nodiscard]] std::size_t num_features() const { return encoder_.num_features(); }
  [[nodiscard]] std::optional<double> threshold() const { return threshold_; }
  /// Numbers for each row: 1, or one for each class or target.
  [[nodiscard]] std::size_t num_outputs() const { return num_outputs_; }
  /// The names of the outputs of several classes; empty otherwise.
  [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }
  /// Whether every column is a float that may be missing: then a matrix of finite numbers and NaN needs no encoder.
  [[nodiscard]] bool takes_any_float() const { return takes_any_float_; }
  /// Of a model of rows: "probability", or what its objective gives: "margin", "value"; or as it was stated. Empty of
  /// one of tensors.
  [[nodiscard]] const char* output_name() const { return output_name_.c_str(); }
  /// What is decided from it: "decision" where there is a threshold, "label" of several classes, else nullptr.
  [[nodiscard]] const char* decision_name() const;

  /// Whether a forest's answers are doubles: then the double Predict is exact, and the float one rounded.
  [[nodiscard]] bool double_precision() const { return forest_ && forest_->double_precision(); }

  /// Of a forest. `rows`: `count` x num_features() from the encoder, row-major. Writes `count` x num_outputs() values.
  void Predict(std::span<const float> rows, std::size_t count, std::span<float> out) const {
    forest_->Predict(rows, count, out);
  }
  void Predict(std::span<const float> rows, std::size_t count, std::span<double> out) const {
    forest_->Predict(rows, count, out);
  }

 private:
  Model() = default;
  static std::uint64_t NextSerial();
  static std::shared_ptr<Model> OfForest(std::string name, schema::Schema schema, schema::Encoder encoder,
                                         forest::Forest forest);
  void DescribeRows(const StatedTensors& stated);
  void NameAsStated(const StatedTensors& stated);
  static Result<std::shared_ptr<const Model>> LoadRows(const wire::Package& package, const StatedTensors& stated);
  static Result<std::shared_ptr<const Model>> LoadTensors(const wire::Package& package,
                                                          const StartBackend& start_backend);
  [[nodiscard]] Status SelfCheck(const wire::WarmUp& warm_up) const;
  template <typename Number>
  [[nodiscard]] Status CheckValues(std::span<const float> features, const std::vector<Number>& theirs) const;
  [[nodiscard]] Result<std::vector<float>> Encode(const std::vector<Json>& rows) const;

  std::uint64_t serial_ = NextSerial();
  std::string name_;
  std::string platform_;
  std::string compared_;  // what the file's own library said
  std::vector<TensorSpec> inputs_, outputs_;
  std::string output_name_;
  std::optional<forest::Forest> forest_;
  std::unique_ptr<Backend> backend_;
  bool takes_rows_ = false;
  schema::Schema schema_;
  schema::Encoder encoder_;
  std::size_t num_outputs_ = 1;
  std::optional<double> threshold_;
  std::vector<std::string> classes_;
  bool takes_any_float_ = false;
};

}  // namespace mw::serving
