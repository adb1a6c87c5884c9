// A model package: the directory in which a trained model travels from a training step, or from whoever brings it,
// through the registry to a model server.
//
//   package.json  what it is: names, features in the model's order, threshold, lineage, files with digests
//   model.json    the model as its library writes it: another name, or a directory, where package.json says so
//   schema.json   columns, types, vocabularies              config.pbtxt  how a Triton server was to run it (optional)
//   warmup.json   rows, or requests of tensors, with the answers of the library that trained the model
//   profile.json  the training data's profile (optional)  baseline.bin  what it is monitored against (optional)
//   slices.bin    the same of slices of the training data (optional)
//
// A model of rows has features: columns by name, which a schema describes. One without features takes tensors, as its
// own file says. Owner: the step that writes it; afterwards it never changes and is named by its digest. Any thread.
// Invariant: a package that ReadPackage accepts has every listed file with the listed bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace mw::wire {

/// A package with a greater number is refused. 1: XGBoost's JSON in model.json with columns; 2: all others.
inline constexpr std::int64_t kPackageFormatVersion = 2;

// Limits on what a package may claim, so that a hostile one cannot exhaust a model server.
inline constexpr std::size_t kPackageJsonBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kSchemaBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kWarmUpBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kModelBytesMax = std::size_t{1} << 30;
inline constexpr std::size_t kPackageFeaturesMax = 10'000;
inline constexpr std::size_t kPackageFilesMax = 2048;
inline constexpr std::size_t kPackagePathBytesMax = 512;
inline constexpr std::size_t kWarmUpRowsMax = 4096;
inline constexpr std::size_t kPackageClassesMax = 1000;
inline constexpr std::size_t kPackageOutputsMax = 10'000;

/// What runs a package's model.
inline constexpr std::string_view kXgboost = "xgboost", kLightgbm = "lightgbm", kOnnx = "onnx", kMlflow = "mlflow";
inline constexpr std::string_view kDefaultModelFile = "model.json";
inline constexpr std::string_view kTritonConfigFile = "config.pbtxt";

struct PackageFile {
  std::string path;  ///< inside the package: IsPackagePath
  std::uint64_t size_bytes = 0;
  std::string digest;  ///< "sha256:..."
  bool operator==(const PackageFile&) const = default;
};

/// Rows as a client would send them and what the training library answers, bit by bit.
struct WarmUp {
  std::vector<Json> rows;  ///< objects {feature: number, string, bool, or null for missing}
  /// Row by row, one number for each row, or for each of its classes; before the link function (where that is known,
  /// else empty) and behind it.
  std::vector<float> margins, probabilities;
  std::vector<double> values = {};  ///< `probabilities` in doubles, where floats do not hold them
  /// Of a model of tensors, as clients send them: {"inputs":[..],"outputs":[..]} of the Open Inference Protocol.
  std::vector<Json> requests = {};
  std::string answered_by = {};  ///< whose answers they are: "LightGBM 4.6.0"; empty: what trained the model
};

/// What package.json says.
struct PackageInfo {
  std::string model;
  std::string framework{kXgboost};
  std::string model_file{kDefaultModelFile};  ///< or the directory of the package that is the model
  std::vector<std::string> features;          ///< in the model's order; empty: it takes tensors
  std::optional<double> threshold;            ///< at or above it the decision is 1
  std::string label;
  /// Or "multiclass_classification", "regression"; of a model of tensors "tensors".
  std::string type = "binary_classification";
  std::vector<std::string> classes;  ///< in the order of the model's outputs; of several classes alone
  /// Of two classes, {negative, positive}: what the label is called where it was brought from, when that is neither
  /// true and false nor 1 and 0; else empty.
  std::vector<std::string> label_values;
  std::string run_id;
  Json lineage = Json::MakeObject();
  std::size_t targets = 1;         ///< numbers of each row's answer where they are no classes
  std::vector<PackageFile> files;  ///< every other file, by name

  /// Numbers that a model of rows answers for each row.
  [[nodiscard]] std::size_t num_outputs() const { return classes.empty() ? targets : classes.size(); }
  [[nodiscard]] bool takes_rows() const { return !features.empty(); }
};

/// A name of plain names ("model/code/features.py"): it leads nowhere else, and means the same on every machine.
bool IsPackagePath(std::string_view path);

struct Package {
  PackageInfo info;
  Json schema;  ///< schema.json
  WarmUp warm_up;
  std::string model_path;  ///< of the model's file or directory in the directory that was read
};

/// package.json alone. Errors: kInvalidArgument naming the key; kFailedPrecondition for a newer format.
Result<PackageInfo> ParsePackageInfo(std::string_view text);
std::string PackageInfoText(const PackageInfo& info);

/// Reads a package and compares every file with its digest. Errors: kNotFound no package.json there;
/// kDataLoss a file is absent or changed; kInvalidArgument; kFailedPrecondition for a newer format.
Result<Package> ReadPackage(const std::string& directory);

/// Completes a package: `directory` already holds the model (profile.json, baseline.bin, slices.bin and config.pbtxt
/// too, if any); writes schema.json, warmup.json and, last, package.json with the digests. `package.info.files` and
/// `model_path` are not read. Errors: kInvalidArgument for what ReadPackage would refuse.
Status WritePackage(const std::string& directory, const Package& package);

}  // namespace mw::wire
