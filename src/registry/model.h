// The nouns of the registry: a model has versions 1, 2, 3, ... without gaps; a version is a package named by
// its digest and never changes; an alias is a name that moves from version to version and keeps its history.
// Plain values and checks of names, no I/O.
#pragma once

#include <cstdint>
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

struct NewVersion {
  ModelName name;
  std::string package;                ///< digest of the package, "sha256:..."
  std::string run_id;                 ///< the run that made it; may be empty
  std::string attempt_id;             ///< the attempt that registers it: the idempotency key; may be empty
  Json metrics = Json::MakeObject();  ///< metric id -> number
  std::vector<std::string> sources;   ///< ids of lineage artifacts it came from
  std::string alias;                  ///< set to the version in the same transaction; empty: none
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
  std::vector<ModelAlias> aliases;  ///< as ListModels tells them: of newer versions first, then by name
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
  std::vector<ModelVersion> versions;  ///< that were registered; without their aliases
  std::vector<AliasChange> moves;
};

/// Models are named as IsName says. Errors: kInvalidArgument.
Status CheckModelName(std::string_view model);
/// Aliases are names too, but neither a number, nor v and a number, nor "latest", which is always the
/// newest version. Errors: kInvalidArgument.
Status CheckAliasName(std::string_view alias);

}  // namespace mw::registry
