// A model in memory, ready to answer: forest, encoder, schema, threshold, loaded from a model package or
// from a bare XGBoost file. Immutable after loading; any number of threads may predict at once.
//
// Invariant: a model that came from a package gave, on this machine, the bits that the training library
// gave for every warm-up row, alone and in one batch. One that does not is refused with a sentence.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "forest/forest.h"
#include "schema/encoder.h"
#include "schema/schema.h"
#include "wire/package.h"

namespace mw::serving {

class Model {
 public:
  /// Errors: those of wire::ReadPackage, schema::FromJson, Encoder::Make and Forest::FromXgboostJson;
  /// kInvalidArgument when package and model disagree about the features; kFailedPrecondition when a
  /// warm-up answer differs.
  static Result<std::shared_ptr<const Model>> LoadPackage(const std::string& directory);
  /// A file that XGBoost saved as JSON, without schema: every column is a float and may be missing. Columns
  /// are called as in the model, or f0, f1, ... when it names none.
  static Result<std::shared_ptr<const Model>> LoadXgboostFile(const std::string& path);
  /// The one or the other: a directory is a package.
  static Result<std::shared_ptr<const Model>> Load(const std::string& path);

  [[nodiscard]] const std::string& name() const { return name_; }  ///< as the package calls it; empty for a file
  [[nodiscard]] const schema::Schema& schema() const { return schema_; }
  [[nodiscard]] const schema::Encoder& encoder() const { return encoder_; }
  [[nodiscard]] const forest::Forest& forest() const { return forest_; }
  [[nodiscard]] std::size_t num_features() const { return encoder_.num_features(); }
  [[nodiscard]] std::optional<double> threshold() const { return threshold_; }
  /// Numbers for each row: 1, or one for each class.
  [[nodiscard]] std::size_t num_outputs() const { return forest_.num_outputs(); }
  /// The names of the outputs of several classes; empty otherwise.
  [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }
  /// Whether every column is a float that may be missing: then a matrix of finite numbers and NaN needs no encoder.
  [[nodiscard]] bool takes_any_float() const { return takes_any_float_; }
  /// Unlike every other model's of this process, also of one that is gone.
  [[nodiscard]] std::uint64_t serial() const { return serial_; }
  /// "probability", or what the model's objective gives: "margin", "value".
  [[nodiscard]] const char* output_name() const;
  /// What is decided from it: "decision" where there is a threshold, "label" of several classes, else nullptr.
  [[nodiscard]] const char* decision_name() const;

  /// `rows`: `count` x num_features() from the encoder, row-major. Writes `count` x num_outputs() values.
  void Predict(std::span<const float> rows, std::size_t count, std::span<float> out) const {
    forest_.Predict(rows, count, out);
  }

 private:
  Model(std::string name, schema::Schema schema, schema::Encoder encoder, forest::Forest forest);
  static std::uint64_t NextSerial();
  [[nodiscard]] Status SelfCheck(const wire::WarmUp& warm_up) const;
  [[nodiscard]] Result<std::vector<float>> Encode(const std::vector<Json>& rows) const;

  std::uint64_t serial_ = NextSerial();
  std::string name_;
  schema::Schema schema_;
  schema::Encoder encoder_;
  forest::Forest forest_;
  std::optional<double> threshold_;
  std::vector<std::string> classes_;
  bool takes_any_float_ = false;
};

}  // namespace mw::serving
