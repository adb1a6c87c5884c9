// What a model server answers with at one moment: versions, endpoints, and the snapshot of all of them that the
// server's loops read. Made by the catalog, immutable but for metrics; whoever holds a version's shared pointer may
// use it after it was replaced.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/name_table.h"
#include "serving/batcher.h"
#include "serving/model.h"
#include "serving/model_config.h"
#include "serving/recorded_version.h"
#include "serving/router.h"
#include "serving/version_metrics.h"
#include "wire/desired_state.h"

namespace mw::serving {

/// A version as an endpoint serves it.
struct ServedVersion {
  std::string endpoint;
  std::int64_t version = 0;
  std::string version_text;  ///< as clients see it: "3"
  std::string source;        ///< the package's digest, or the path it was loaded from
  std::shared_ptr<const Model> model;
  std::shared_ptr<const RecordedVersion> recorded;
  std::shared_ptr<const ModelConfig> config{};  ///< what its repository asks for; null: nothing
  VersionMetrics metrics;
  std::shared_ptr<BatchQueue> queue{};  ///< of a model that has a backend, else null; goes before the model does
};

/// A version that clients may be given or name, in memory or not.
struct RoutedVersion {
  std::int64_t version = 0;
  std::string version_text;
  wire::VersionState state = wire::VersionState::kNew;
  std::int64_t weight = 0;                        ///< of wire::kWeightWhole, as it is in force
  std::shared_ptr<const ServedVersion> served{};  ///< set when READY, else null
  /// Whether Catalog::EnsureLoaded would bring it: not what somebody unloaded by name.
  bool on_demand = true;
  std::string error{};  ///< why it is FAILED, as clients may read it: public_reason.h
};

struct ServedEndpoint {
  std::string name;
  /// The primary version; another that is in force when the primary is not in memory; null when none is.
  std::shared_ptr<const ServedVersion> live;
  std::shared_ptr<const ServedVersion> previous;  ///< the one before, warm; may be null
  std::shared_ptr<const ServedVersion> shadow;    ///< may be null
  std::vector<RoutedVersion> versions;            ///< newest first; never empty
  TrafficSplit split;                             ///< by index of `versions`
  TrafficShare shadow_share;
  wire::StickyKey sticky;
  wire::CacheRules cache;
  wire::ServingLimits limits;  ///< its own, else the server's
  /// The one in memory with that version, or nullptr.
  [[nodiscard]] const ServedVersion* Find(std::string_view version_text) const;
  /// The same whether in memory or not.
  [[nodiscard]] const RoutedVersion* FindEntry(std::string_view version_text) const;
};

struct Snapshot {
  schema::NameTable names;
  std::vector<ServedEndpoint> endpoints;  ///< as in `names`
  wire::ServingLimits limits;
  wire::RecordingRules recording;
  wire::AdmissionRules admission;
  bool ready = false;  ///< whether the server has taken over what it was told to serve
  [[nodiscard]] const ServedEndpoint* Find(std::string_view name) const {
    const int at = names.Find(name);
    return at < 0 ? nullptr : &endpoints[static_cast<std::size_t>(at)];
  }
};

}  // namespace mw::serving
