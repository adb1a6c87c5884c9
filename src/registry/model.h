// The nouns of the registry: a model has versions 1, 2, 3, ...; a version is files at its source, a package named by
// its digest that model servers can load, or both; an alias is a name that moves from version to version and keeps its
// history; a stage is MLflow's older word for where a version stands. Plain values and checks of names, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace mw::registry {

inline constexpr std::string_view kCandidate = "candidate";    ///< the version to be rolled out next
inline constexpr std::string_view kProduction = "production";  ///< the version that answers users

struct ModelName {
  std::string project = "default";
  std::string model;
};

using Tags = std::map<std::string, std::string>;

/// A model with this tag of value "true" is a prompt, kept apart in searches and events.
inline constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt";

enum class Stage : std::uint8_t { kNone, kStaging, kInProduction, kArchived };
std::string_view StageName(Stage stage);  ///< "None", "Staging", "Production", "Archived"
/// Letters of either case. Errors: kInvalidArgument in MLflow's words.
Result<Stage> ParseStage(std::string_view name);

struct NewModel {
  ModelName name;
  std::string description{};
  Tags tags{};
};

struct NewVersion {
  ModelName name;
  std::string package;                ///< digest of the package, "sha256:..."; empty: files at `source_uri` alone
  std::string run_id;                 ///< the run that made it; may be empty
  std::string attempt_id;             ///< the attempt that registers it: the idempotency key; may be empty
  Json metrics = Json::MakeObject();  ///< metric id -> number
  std::vector<std::string> sources;   ///< ids of lineage artifacts it came from
  std::string alias;                  ///< set to the version in the same transaction; empty: none
  std::string source_uri{};           ///< where its files lie, as the client says it; needed without a package
  std::string storage_uri{};          ///< where `source_uri` leads when it names another model; empty: itself
  std::string logged_model{};         ///< the logged model that it is a version of; may be empty
  std::string run_link{};
  std::string description{};
  Tags tags{};
  bool makes_model = true;  ///< false: the model has to be there
};

struct ModelVersion {
  std::string project;
  std::string model;
  std::int64_t version = 0;
  std::string package;
  std::string run_id;
  std::string attempt_id;
  Json metrics;
  std::vector<std::string> sources;
  std::vector<std::string> aliases;  ///< that name it now, sorted
  Timestamp created{};
  std::string source_uri{};
  std::string storage_uri{};
  std::string logged_model{};
  std::string run_link{};
  std::string description{};
  Stage stage = Stage::kNone;
  Timestamp updated{};
  Tags tags{};

  /// The URI below which its files can be read; empty when it is a package alone.
  [[nodiscard]] const std::string& FilesUri() const { return storage_uri.empty() ? source_uri : storage_uri; }
};

/// Where an alias points now.
struct ModelAlias {
  std::string alias;
  std::int64_t version = 0;
  auto operator<=>(const ModelAlias&) const = default;
};

struct Model {
  std::string project;
  std::string name;
  std::int64_t versions = 0;  ///< the newest version's number; 0: none yet
  Timestamp created{};
  std::vector<ModelAlias> aliases;  ///< of newer versions first, then by name
  std::string description{};
  Timestamp updated{};
  Tags tags{};                         ///< as GetModel and SearchModels tell them
  std::vector<ModelVersion> latest{};  ///< the newest of each stage, by number; as GetModel and SearchModels tell them
};

/// One move of an alias.
struct AliasChange {
  std::string alias;
  std::int64_t version = 0;   ///< 0: the alias was removed
  std::int64_t previous = 0;  ///< 0: it was set for the first time
  std::string cause;          ///< who or what moved it: an attempt's id, "rollback", a user
  Timestamp at{};
  std::string model{};  ///< whose alias it is
};

/// What happened to the models of a project in a time, oldest first.
struct RegistryChanges {
  std::vector<ModelVersion> versions;  ///< that were registered; without their aliases and tags
  std::vector<AliasChange> moves;
};

/// Any text that is not blank, has neither '/' nor ':' nor control characters, and is no path by itself; at most 256
/// characters. Errors: kInvalidArgument.
Status CheckModelName(std::string_view model);
/// What model servers answer with is named as IsName says. Errors: kInvalidArgument.
Status CheckServedName(std::string_view model);
/// Letters and digits of any script, '.', '_', '-', at most 255 characters; neither a number, nor v and a number, nor
/// "latest", which is always the newest version. Errors: kInvalidArgument.
Status CheckAliasName(std::string_view alias);

}  // namespace mw::registry
