// Where a version's files lie: what a client may name as the source of a version, and what models:/ URIs name. Pure,
// any thread. Errors: kInvalidArgument in MLflow's words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::api::mlflow {

inline constexpr std::size_t kSourceBytesMax = 4096;

/// What the source is taken for.
enum class SourceOf : std::uint8_t { kRun, kLoggedModel, kPrompt };

/// Refused: files of the server's machine, and what goes up a path, however it is encoded. A prompt's may be a plain
/// word.
Status CheckSource(std::string_view source, SourceOf of);

/// What models:/ names: a logged model by its id, or a version of a registered model by number, alias or stage.
struct ModelUri {
  std::string logged_model;  ///< "m-..."; empty: a version
  std::string name;
  std::string reference;  ///< "3", "latest", a stage, or an alias
  bool by_alias = false;
};
/// Nothing for URIs of another scheme.
Result<std::optional<ModelUri>> ParseModelUri(std::string_view uri);

/// The run that runs:/RUN/PATH names, empty where it names none; nothing for URIs of another scheme.
std::optional<std::string> RunOfSource(std::string_view source);
/// Whether it is below an artifact proxy: mlflow-artifacts:, or http(s) by the proxy's path.
bool IsProxySource(std::string_view source);
/// Of the same scheme and host, its path the root's or below it, however either is encoded.
bool LiesBelow(std::string_view source, std::string_view root);

}  // namespace mw::api::mlflow
