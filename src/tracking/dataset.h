// What runs read and make: datasets by name and digest, models by their id. Plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mw::tracking {

/// One in its experiment by name and digest; what was said of it first stays.
struct Dataset {
  std::string name;
  std::string digest;
  std::string source_type;  ///< "local", "http"
  std::string source;       ///< JSON of that type
  std::string schema = {};  ///< JSON; may be empty
  std::string profile = {};

  friend bool operator==(const Dataset&, const Dataset&) = default;
};

/// The tag that says what a dataset was to a run: "training".
inline constexpr std::string_view kContextTag = "mlflow.data.context";

struct DatasetInput {
  std::shared_ptr<const Dataset> dataset;                      ///< many runs of one answer may share it
  std::vector<std::pair<std::string, std::string>> tags = {};  ///< by key
};

struct ModelOutput {
  std::string model;
  std::int64_t step = 0;

  friend bool operator==(const ModelOutput&, const ModelOutput&) = default;
};

}  // namespace mw::tracking
