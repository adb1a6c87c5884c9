// The model that a load is sent to: where it answers, and what its input looks like, as the server's metadata says
// and, where its package is at hand, the schema. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/rows.h"

namespace mw::load {

/// "http://127.0.0.1:8080/late", or with the protocol's own path: "http://host/v2/models/late/versions/3".
struct ModelAddress {
  std::string host;
  int port = 80;
  std::string model;
  std::string version;  ///< where the URL names one
  std::string path;     ///< "/v2/models/late": its metadata; "/infer" behind it is where it predicts
  /// Errors: kInvalidArgument with what was expected.
  static Result<ModelAddress> Parse(std::string_view url);
};

struct ModelInput {
  std::vector<InputColumn> columns;
  /// The name of the one tensor of shape [rows, columns] that the model takes; empty: a tensor for each column.
  std::string matrix;
  std::string version;   ///< as the metadata says; may be empty
  std::string source;    ///< parameter "source": a package's path or digest; may be empty
  std::string platform;  ///< may be empty
};

/// Of the metadata's JSON. Errors: kInvalidArgument for one that names no input this program can fill.
Result<ModelInput> ParseModelInput(std::string_view metadata);
/// GET of the metadata. Errors: kUnavailable, kDeadlineExceeded; kNotFound and so on as the server says it.
Result<ModelInput> AskModelInput(const ModelAddress& address);

/// Completes `input` by the schema of a package (types, vocabularies) and gives its baseline, where it has one.
/// Errors: those of wire::ReadPackage; kInvalidArgument when the package has other features than the model.
Result<std::optional<sketch::Baseline>> ReadPackageInput(const std::string& directory, ModelInput& input);

}  // namespace mw::load
