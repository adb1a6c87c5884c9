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
  std::int64_t version = 0;
  std::string package;          ///< digest
  std::string cause;            ///< "deploy", "rollback: REASON"
  std::string requested_by;     ///< the principal's name
  std::string idempotency_key;  ///< an attempt's id, or one made for the request
  Timestamp created{};
  std::optional<Timestamp> ready;  ///< when a model server first reported this version READY
};

/// A model server as it last reported.
struct Server {
  wire::StatusReport report;
  Timestamp seen{};
};

/// An endpoint with what is wanted and what is.
struct EndpointView {
  Deployment current;
  std::vector<Server> servers;  ///< those that reported on this endpoint lately
  /// Whether every live server answers with the current version, and there is at least one.
  [[nodiscard]] bool Ready() const;
};

Json ToJson(const Deployment& deployment);
Json ToJson(const EndpointView& view);

/// A server that has not reported for this long is counted as gone.
inline constexpr Duration kServerGoneAfter = std::chrono::seconds(15);

}  // namespace mw::endpoints
