// Who is let in on every model server: the rules (wire::AdmissionRules) as they are wanted, and how they change. Values
// and a pure decision; the rules hold for all endpoints together and take their generations from the same sequence as
// deployments, so that model servers hear of both in one document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "wire/desired_state.h"

namespace mw::endpoints {

/// The header that names the client while nobody said otherwise.
inline constexpr std::string_view kClientHeader = "x-client";

/// Once written it never changes.
struct Admission {
  std::int64_t generation = 0;  ///< 0: nobody ever set any
  wire::AdmissionRules rules{};
  std::string requested_by{};
  std::string idempotency_key{};  ///< an attempt's id, or one made for the request
  Timestamp created{};
};

/// What is absent stays as it is.
struct AdmissionRequest {
  bool from_nothing = false;  ///< forgets all rules there were
  std::optional<std::string> client_header{};
  std::vector<wire::GuaranteedShare> shares{};  ///< of these clients; 0 rows a second: none any more
  std::optional<std::int64_t> rows_per_second_max{};
  std::optional<std::int64_t> rows_in_flight_max{};
  std::string requested_by{};
  std::string idempotency_key{};  ///< empty: one is made
};

/// Errors: kInvalidArgument: those of wire::CheckAdmission, and of numbers and names that nobody reads.
Result<wire::AdmissionRules> Changed(wire::AdmissionRules rules, const AdmissionRequest& request);

/// In a line, for people: "200000 rows a second, of them shop 50000; at most 1000 rows in flight"; "none" of no rules.
std::string RulesText(const wire::AdmissionRules& rules);

/// {"generation","requested_by","created","admission":{..}}
Json ToJson(const Admission& admission);

}  // namespace mw::endpoints
