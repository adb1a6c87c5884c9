// One parameter of a request in JSON, found without decoding the rest: {"parameters":{"user":"ada"}}, or "params" as
// MLflow calls them. One for each request.
#pragma once

#include <string>
#include <string_view>

namespace mw::api::inference {

class JsonParameter {
 public:
  /// Its text, a number or a truth as it is written; empty when there is none, or the JSON is none. Valid until the
  /// next call, as long as `json` is.
  std::string_view Find(std::string_view json, std::string_view name);

 private:
  std::string strings_;
};

}  // namespace mw::api::inference
