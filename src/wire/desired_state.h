// What the control plane tells its model servers, and what they answer: two versioned JSON documents.
// Down: the desired state, whole, with a generation that only grows. Up: the status report.
// Pure values, any thread. Invariant: a reader ignores keys it does not know and refuses a document
// whose format_version is greater than its own, so the two planes may differ by one version either way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "wire/traffic.h"

namespace mw::wire {

inline constexpr std::int64_t kDesiredStateFormatVersion = 1;
inline constexpr std::int64_t kStatusReportFormatVersion = 1;
inline constexpr std::size_t kEndpointsMax = 4096;
inline constexpr std::size_t kGuaranteedSharesMax = 1024;
inline constexpr std::int64_t kRowsPerSecondMax = 1'000'000'000'000;

/// One endpoint and the versions it should answer with. A server from before traffic could be split answers all of it
/// with `version`.
struct DesiredEndpoint {
  std::string name;          ///< as clients call it: /v2/models/{name}
  std::string model;         ///< the registered model
  std::int64_t version = 0;  ///< the primary one: of the greatest weight
  std::string package;       ///< its package's digest
  Traffic traffic{};         ///< the primary version is among those of a split
  EndpointSettings settings{};
  bool operator==(const DesiredEndpoint&) const = default;
  /// All that answer: those of the split, or the only one with the whole weight.
  [[nodiscard]] std::vector<WeightedVersion> Versions() const;
};

/// How much of the predictions a model server records (wire/window_record.h). Rows are always counted.
struct RecordingRules {
  /// Up to so many rows of one second of event time every row of a version is sampled; of more, that many on
  /// average. 0: rows are counted, none is sampled.
  std::int64_t rows_per_second_full = 1'000;
  bool operator==(const RecordingRules&) const = default;
};

/// Rows a second that a client is given before anybody else gets more.
struct GuaranteedShare {
  std::string client;  ///< what it sends in the client header
  std::int64_t rows_per_second = 0;
  bool operator==(const GuaranteedShare&) const = default;
};

/// Who is let in when there is not room for all. {"client_header","shares":[{"client","rows_per_second"}],
/// "rows_in_flight_max","rows_per_second_max"}   The last is optional.
struct AdmissionRules {
  /// The header (gRPC: metadata) that names the client; empty: all are one. Of "authorization" a client is the bearer
  /// token's SHA-256, "sha256:" and 64 hexadecimal digits.
  std::string client_header{};
  std::vector<GuaranteedShare> shares{};  ///< clients are unique
  std::int64_t rows_in_flight_max = 0;    ///< in one process; 0: the server's own bound
  /// Of one process, all clients together: what shares are promised of. 0: no limit, and then there are no shares.
  std::int64_t rows_per_second_max = 0;
  bool operator==(const AdmissionRules&) const = default;
};
/// Errors: kInvalidArgument for shares that are together above rows_per_second_max, or given without a header.
Status CheckAdmission(const AdmissionRules& rules);
Json ToJson(const AdmissionRules& rules);
/// Null or absent: none. Errors: kInvalidArgument for what no reader of any version understands; what CheckAdmission
/// says is not looked at.
Result<AdmissionRules> ParseAdmission(const Json* value);

/// {"format_version":1,"generation":7,"endpoints":[{"name","model","version","package",
///    "versions":[..],"shadow":{..},"sticky":{..},"cache":{..},"limits":{..}}],       traffic.h; optional
///  "limits":{"rows_max","body_bytes_max"},"recording":{"rows_per_second_full"},
///  "memory_bytes_max":1073741824,"admission":{..}}                                    optional
struct DesiredState {
  std::int64_t generation = 0;
  std::vector<DesiredEndpoint> endpoints;  ///< names are unique
  ServingLimits limits;
  RecordingRules recording;
  std::int64_t memory_bytes_max = 0;  ///< of all models of a server together; 0: the server's own bound, if any
  AdmissionRules admission{};
  bool operator==(const DesiredState&) const = default;
};

/// A version's life on a model server. An arrow is a function of serving/catalog.h; in brackets the name that
/// TensorFlow Serving has for it.
///   NEW (START) --a loader is free--> LOADING --self-check passed--> READY (AVAILABLE) --not wanted--> UNLOADING -->
///   gone
///                                       |                             |                              (UNLOADING)
///                                       |                             +--memory is wanted--> UNLOADED (END) --asked-->
///                                       NEW
///                                       +--load or self-check failed--> FAILED (END, with the error) --wanted again-->
///                                       NEW
/// In JSON a state that is newer than the format is named by "phase", and "state" has the nearest old one: LOADING for
/// NEW, UNLOADING for UNLOADED.
enum class VersionState : std::uint8_t { kLoading, kReady, kUnloading, kFailed, kNew, kUnloaded };
std::string_view VersionStateName(VersionState state);  ///< "LOADING" and so on

/// What came of showing a version requests as the shadow, since the server has it.
struct ShadowOutcome {
  std::int64_t requests = 0;       ///< answered by the primary and by the shadow, and compared
  std::int64_t rows = 0;           ///< of those
  std::int64_t disagreements = 0;  ///< rows that are decided otherwise
  std::int64_t dropped = 0;        ///< requests that were not shown, because the shadow was busy
  std::int64_t failures = 0;       ///< requests that the shadow did not answer, or not comparably
  double difference_mean = 0;      ///< of the numbers that both answered, absolute
  double difference_max = 0;
  bool operator==(const ShadowOutcome&) const = default;
};

struct EndpointStatus {
  std::string name;
  std::int64_t version = 0;
  VersionState state = VersionState::kLoading;
  std::string error{};                    ///< why it is FAILED, else empty
  std::int64_t weight = -1;               ///< of the requests it is given now, of kWeightWhole; -1: not known
  std::int64_t shadow_share = 0;          ///< of the requests it is shown as the shadow
  std::int64_t memory_bytes = 0;          ///< in memory, measured; or estimated while LOADING
  std::optional<ShadowOutcome> shadow{};  ///< of a shadow
  std::string progress{};                 ///< what is being done while LOADING, where that takes long
  bool operator==(const EndpointStatus&) const = default;
};

/// {"format_version":1,"server":"..","version":"0.1.0","address":"http://127.0.0.1:8080","generation":7,
///  "endpoints":[{"name","version","state","error","phase","weight","shadow_share","memory_bytes","shadow":{"requests",
///  "rows","disagreements","dropped","failures","difference_mean","difference_max"},"progress"}],
///  "memory_bytes_max":1073741824}   The last six of an endpoint, and of the report the last, are optional.
struct StatusReport {
  std::string server;   ///< the model server's id, the same over restarts with one state directory
  std::string version;  ///< of the program
  std::string address;
  std::int64_t generation = 0;  ///< the desired state last taken over (its versions may still be loading)
  std::vector<EndpointStatus> endpoints;
  std::int64_t memory_bytes_max = 0;  ///< for all its models; 0: no bound
  bool operator==(const StatusReport&) const = default;
};

Json ToJson(const ShadowOutcome& outcome);
Json ToJson(const DesiredState& state);
Json ToJson(const StatusReport& report);
/// Errors: kInvalidArgument naming the key and the value; kFailedPrecondition for a newer format.
Result<DesiredState> ParseDesiredState(std::string_view text);
Result<StatusReport> ParseStatusReport(std::string_view text);

}  // namespace mw::wire
