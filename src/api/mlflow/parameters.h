// What a request asks, read as MLflow's server reads it: a JSON body, or a query where there is no body; snake_case or
// camelCase; numbers also as texts; and its words for what is missing or of the wrong type.
// One request, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "net/route.h"

namespace mw::api::mlflow {

/// An object of a request, or the request itself. Errors of all functions: kInvalidArgument in MLflow's words.
class Parameters {
 public:
  /// Of the request's body or query, where no member may be there by both of its spellings. The path's parts are the
  /// route's (`request.params`).
  static Task<Result<Parameters>> Read(net::Request& request);
  /// A body that should be JSON, and what it says.
  static Task<Result<std::string>> ReadBody(net::Request& request);
  static Result<Parameters> OfBody(std::string_view body);
  /// `path`: how messages call it, with a dot behind it: "metrics[3]."
  explicit Parameters(Json object, std::string path = "") : object_(std::move(object)), path_(std::move(path)) {}

  /// Not missing, null or empty.
  [[nodiscard]] Result<std::string> RequiredText(std::string_view name) const;
  /// Empty when missing or null.
  [[nodiscard]] Result<std::string> Text(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::string>> OptionalText(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> Int(std::string_view name) const;
  [[nodiscard]] Result<std::int64_t> RequiredInt(std::string_view name) const;
  /// A number, or "NaN", "Infinity", "-Infinity".
  [[nodiscard]] Result<double> RequiredDouble(std::string_view name) const;
  [[nodiscard]] Result<bool> Bool(std::string_view name, bool otherwise) const;
  [[nodiscard]] Result<std::vector<std::string>> Texts(std::string_view name) const;
  /// Nothing when missing.
  [[nodiscard]] Result<std::optional<Parameters>> Object(std::string_view name) const;
  /// Objects of a list, each called by its place.
  [[nodiscard]] Result<std::vector<Parameters>> List(std::string_view name) const;
  /// run_id, else the older run_uuid.
  [[nodiscard]] Result<std::string> RunId() const;
  /// An enum's name, or its number in `names` from 1 on; empty when missing.
  [[nodiscard]] Result<std::string> Enum(std::string_view name, std::initializer_list<std::string_view> names) const;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The error for a value that is there and wrong.
  [[nodiscard]] Error WrongType(std::string_view name, const Json& value) const;

 private:
  /// Null counts as missing.
  [[nodiscard]] const Json* Find(std::string_view name) const;
  [[nodiscard]] Error Missing(std::string_view name) const;

  Json object_;
  std::string path_;
};

}  // namespace mw::api::mlflow
