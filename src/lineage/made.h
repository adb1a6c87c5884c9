// The data that pipelines made or brought: artifacts that nobody gave a title, each with what made it first and how
// much of it was used. Any thread; inside closures of db::Database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/database.h"
#include "lineage/graph.h"
#include "lineage/recorder.h"

namespace mw::lineage {

struct MadeQuery {
  static constexpr std::int64_t kMost = 1000;
  std::string project = "default";
  std::string type{kDataset};
  ArtifactId before{};       ///< the last of the page before; empty: the first page
  std::int64_t limit = 100;  ///< 1 to kMost
};

/// What made an artifact first: where others did too, they took it from their cache.
struct Maker {
  ExecutionId id;
  std::string type;               ///< the step: "import"
  std::string name;               ///< for people: "flights/import"
  std::string port;               ///< what the artifact was to it: "rows"
  std::string pipeline{}, run{};  ///< contexts that it is in; empty: none of that type
  Timestamp started{};
};

struct Made {
  Artifact artifact;
  std::optional<Maker> maker;  ///< none: it was brought, and is known by its content alone
  std::int64_t readers = 0;    ///< executions that read it
};

/// The newest first. Errors: kInvalidArgument a limit out of range; kNotFound no artifact `before`.
Result<std::vector<Made>> ListMade(db::Snapshot& snapshot, const MadeQuery& query);

}  // namespace mw::lineage
