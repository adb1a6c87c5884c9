// What the control plane tells its model servers, and what they answer: two versioned JSON documents.
// Down: the desired state, whole, with a generation that only grows. Up: the status report.
// Pure values, any thread. Invariant: a reader ignores keys it does not know and refuses a document
// whose format_version is greater than its own, so the two planes may differ by one version either way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace mw::wire {

inline constexpr std::int64_t kDesiredStateFormatVersion = 1;
inline constexpr std::int64_t kStatusReportFormatVersion = 1;
inline constexpr std::size_t kEndpointsMax = 4096;

/// One endpoint and the version it should answer with.
struct DesiredEndpoint {
  std::string name;   ///< as clients call it: /v2/models/{name}
  std::string model;  ///< the registered model
  std::int64_t version = 0;
  std::string package;  ///< digest of the package: a directory artifact's manifest
  bool operator==(const DesiredEndpoint&) const = default;
};

/// Bounds that a model server holds against one request.
struct ServingLimits {
  std::int64_t rows_max = 65'536;
  std::int64_t body_bytes_max = std::int64_t{64} << 20;
  bool operator==(const ServingLimits&) const = default;
};

/// How much of the predictions a model server records (wire/window_record.h). Rows are always counted.
struct RecordingRules {
  /// Up to so many rows of one second of event time every row of a version is sampled; of more, that many on
  /// average. 0: rows are counted, none is sampled.
  std::int64_t rows_per_second_full = 1'000;
  bool operator==(const RecordingRules&) const = default;
};

/// {"format_version":1,"generation":7,"endpoints":[{"name","model","version","package"}],
///  "limits":{"rows_max","body_bytes_max"},"recording":{"rows_per_second_full"}}
struct DesiredState {
  std::int64_t generation = 0;
  std::vector<DesiredEndpoint> endpoints;  ///< names are unique
  ServingLimits limits;
  RecordingRules recording;
  bool operator==(const DesiredState&) const = default;
};

/// A version's life on a model server. An arrow is a function of serving/catalog.h:
///   (absent) --Load--> LOADING --self-check passed--> READY --replaced or removed--> UNLOADING --> (absent)
///                         \----self-check or load failed--> FAILED --next Load--> LOADING
enum class VersionState : std::uint8_t { kLoading, kReady, kUnloading, kFailed };
std::string_view VersionStateName(VersionState state);  ///< "LOADING" and so on

struct EndpointStatus {
  std::string name;
  std::int64_t version = 0;
  VersionState state = VersionState::kLoading;
  std::string error;  ///< why it is FAILED, else empty
  bool operator==(const EndpointStatus&) const = default;
};

/// {"format_version":1,"server":"..","version":"0.1.0","address":"http://127.0.0.1:8080","generation":7,
///  "endpoints":[{"name","version","state","error"}]}
struct StatusReport {
  std::string server;   ///< the model server's id, the same over restarts with one state directory
  std::string version;  ///< of the program
  std::string address;
  std::int64_t generation = 0;  ///< the desired state last taken over (its versions may still be loading)
  std::vector<EndpointStatus> endpoints;
  bool operator==(const StatusReport&) const = default;
};

Json ToJson(const DesiredState& state);
Json ToJson(const StatusReport& report);
/// Errors: kInvalidArgument naming the key and the value; kFailedPrecondition for a newer format.
Result<DesiredState> ParseDesiredState(std::string_view text);
Result<StatusReport> ParseStatusReport(std::string_view text);

}  // namespace mw::wire
