// Packages of models that were trained elsewhere: what a user brings becomes a directory that the registry keeps and a
// model server loads, tried out on the way. Libraries that are not ours run in workers of mw-backend.
//
//   XGBoost (JSON, UBJ), LightGBM (text), ONNX that is a tree ensemble   -> a model of rows: the forest engine
//   what of these the engine does not evaluate; other ONNX graphs         -> a model of tensors: the library
//   a directory of MLflow's                                               -> a model of tensors: Python
//   a model's directory of a Triton server                                -> what its newest version is, and
//   config.pbtxt
//
// One thread; blocks while workers start, minutes while an environment is made for MLflow.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/model.h"
#include "wire/package.h"

namespace mw::steps {

struct BroughtModel {
  std::string name;     ///< of the registered model
  std::string path;     ///< absolute
  std::string schema;   ///< a schema's file (schema.yaml); empty: every column is a float that may be missing
  std::string warm_up;  ///< a file of rows, or requests, with answers (docs/guide/register.md); empty: they are made
  std::optional<double> threshold;
};

struct MadePackage {
  wire::PackageInfo info;
  std::string described;           ///< "LightGBM text: 143 trees of depth <= 6 ..."
  std::vector<std::string> notes;  ///< sentences: with what it was compared, or why not; what is not honoured
};

/// Makes the package in `directory`, which is empty, and loads it as a model server will. Errors: kInvalidArgument,
/// kUnimplemented, kFailedPrecondition why it could not be served; those of reading.
Result<MadePackage> MakePackage(const BroughtModel& model, const std::string& directory,
                                const serving::StartBackend& start_backend);

}  // namespace mw::steps
