// The nouns of endpoints: plain values. A Deployment, once written, changes only by becoming ready.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "wire/desired_state.h"

namespace mw::endpoints {

struct Deployment {
  std::int64_t generation = 0;
  std::string endpoint;
  std::string model;
  std::int64_t version = 0;  ///< the primary one: of the greatest weight
  std::string package;       ///< digest
  wire::Traffic traffic{};   ///< when more than the one version answers, or a shadow listens
  wire::EndpointSettings settings{};
  bool removed = false;         ///< the endpoint is no more; version and package are what it was
  std::string cause;            ///< "deploy", "canary", "split", "rollback: REASON", "remove"
  std::string requested_by;     ///< the principal's name
  std::string idempotency_key;  ///< an attempt's id, or one made for the request
  Timestamp created{};
  std::optional<Timestamp> ready;  ///< when a model server first answered so
  /// As model servers are told.
  [[nodiscard]] wire::DesiredEndpoint Desired() const;
};

/// A model server as it last reported.
struct Server {
  wire::StatusReport report;
  Timestamp seen{};
};

/// Whether the server answers as the deployment wants: every version with a weight there, and given that weight where
/// the server says which it gives.
bool Answers(const wire::StatusReport& report, const Deployment& deployment);

/// An endpoint with what is wanted and what is.
struct EndpointView {
  Deployment current;
  std::vector<Server> servers;  ///< those that reported on this endpoint lately
  std::string fault;            ///< why there is none, where that is known
  /// Whether every live server answers as is wanted, and there is at least one.
  [[nodiscard]] bool Ready() const;
};

/// "version 3"; "versions 3=90% 4=10%, shadow 5=20%"; "nothing".
std::string TrafficText(const Deployment& deployment);

Json ToJson(const Deployment& deployment);
/// That, and every version with its state on each server: "versions":[{"version","package","weight","shadow_share",
/// "servers":[{"server","state","error","weight","memory_bytes","shadow","progress"}]}]; "fault" where there is one.
Json ToJson(const EndpointView& view);

/// A server that has not reported for this long is counted as gone.
inline constexpr Duration kServerGoneAfter = std::chrono::seconds(15);

}  // namespace mw::endpoints
