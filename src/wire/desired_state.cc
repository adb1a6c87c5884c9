// Encodes and decodes the two documents.
#include "wire/desired_state.h"

#include <array>
#include <set>
#include <utility>

#include "base/id.h"
#include "base/text.h"

namespace mw::wire {
namespace {

constexpr std::array<std::string_view, 6> kStateNames = {"LOADING", "READY", "UNLOADING", "FAILED", "NEW", "UNLOADED"};
constexpr std::size_t kFirstStates = 4;  // the names that every version of the format knows

Status CheckFormat(const Json& document, std::string_view what, std::int64_t known) {
  if (!document.IsObject()) return InvalidArgument(what, " is no JSON object");
  const std::int64_t version = TRY(document.GetInt("format_version").In(what));
  if (version < 1) return InvalidArgument(what, ": format_version is ", version, "; it starts at 1");
  if (version > known) {
    return FailedPrecondition(what, " has format_version ", version, ", this program reads up to ", known,
                              "; upgrade millwright on this machine");
  }
  return Ok();
}

Result<const Json::Array*> Endpoints(const Json& document, std::string_view what) {
  const Json* list = document.Find("endpoints");
  if (list == nullptr || !list->IsArray()) return InvalidArgument(what, ": endpoints must be a list");
  if (list->AsArray().size() > kEndpointsMax) {
    return InvalidArgument(what, ": ", list->AsArray().size(), " endpoints, at most ", kEndpointsMax);
  }
  return &list->AsArray();
}

Result<std::string> Name(const Json& value, std::string_view key) {
  std::string name = TRY(value.GetString(key));
  if (!IsName(name)) return InvalidArgument(key, " is ", Quoted(name), "; names are letters, digits, '.', '_', '-'");
  return name;
}

Status CheckPrimary(const DesiredEndpoint& endpoint) {
  for (const WeightedVersion& version : endpoint.Versions()) {
    if (version.version == endpoint.version && version.package == endpoint.package) return Ok();
  }
  return InvalidArgument("endpoint ", endpoint.name, ": version ", endpoint.version, " is not among its versions");
}

Result<DesiredEndpoint> ParseEndpoint(const Json& value) {
  DesiredEndpoint endpoint;
  endpoint.name = TRY(Name(value, "name"));
  endpoint.model = TRY(Name(value, "model"));
  endpoint.version = TRY(value.GetInt("version"));
  endpoint.package = TRY(ParsePackageDigest(value, "package"));
  endpoint.traffic = TRY(ParseTraffic(value).In(endpoint.name));
  endpoint.settings = TRY(ParseSettings(value).In(endpoint.name));
  TRY(CheckPrimary(endpoint));
  return endpoint;
}

Result<GuaranteedShare> ParseShare(const Json& value) {
  GuaranteedShare share;
  share.client = TRY(value.GetString("client"));
  share.rows_per_second = TRY(value.GetInt("rows_per_second"));
  if (share.client.empty() || share.client.size() > kKeyNameBytesMax || share.rows_per_second < 0 ||
      share.rows_per_second > kRowsPerSecondMax) {
    return InvalidArgument("client ", Quoted(share.client), " with ", share.rows_per_second,
                           " rows a second; a name has 1 to ", kKeyNameBytesMax, " bytes, the rows are 0 to ",
                           kRowsPerSecondMax);
  }
  return share;
}

Result<RecordingRules> ParseRecording(const Json& document) {
  RecordingRules rules;
  const Json* value = document.Find("recording");
  if (value == nullptr || value->IsNull()) return rules;
  rules.rows_per_second_full = value->IntOr("rows_per_second_full", rules.rows_per_second_full);
  if (rules.rows_per_second_full < 0) {
    return InvalidArgument("recording: rows_per_second_full is ", rules.rows_per_second_full, "; it starts at 0");
  }
  return rules;
}

Result<VersionState> ParseState(const Json& value) {
  const std::string phase = value.StringOr("phase", "");
  for (std::size_t i = kFirstStates; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == phase) return static_cast<VersionState>(i);
  }
  const std::string name = TRY(value.GetString("state"));
  for (std::size_t i = 0; i < kFirstStates; ++i) {
    if (kStateNames[i] == name) return static_cast<VersionState>(i);
  }
  return InvalidArgument("state is ", Quoted(name), "; expected LOADING, READY, UNLOADING or FAILED");
}

/// The nearest name that a reader of the first format knows.
std::string_view FirstName(VersionState state) {
  if (state == VersionState::kNew) return "LOADING";
  return VersionStateName(state == VersionState::kUnloaded ? VersionState::kUnloading : state);
}

Json ToJson(const EndpointStatus& status) {
  Json out = Json::Make({{"name", Json(status.name)},
                         {"version", Json(status.version)},
                         {"state", Json(FirstName(status.state))},
                         {"error", Json(status.error)}});
  const std::string_view exact = VersionStateName(status.state);
  if (exact != FirstName(status.state)) out["phase"] = exact;
  if (status.weight >= 0) out["weight"] = status.weight;
  if (status.shadow_share > 0) out["shadow_share"] = status.shadow_share;
  if (status.memory_bytes > 0) out["memory_bytes"] = status.memory_bytes;
  if (status.shadow) out["shadow"] = ToJson(*status.shadow);
  if (!status.progress.empty()) out["progress"] = status.progress;
  return out;
}

ShadowOutcome ParseOutcome(const Json& value) {
  ShadowOutcome outcome;
  outcome.requests = value.IntOr("requests", 0);
  outcome.rows = value.IntOr("rows", 0);
  outcome.disagreements = value.IntOr("disagreements", 0);
  outcome.dropped = value.IntOr("dropped", 0);
  outcome.failures = value.IntOr("failures", 0);
  outcome.difference_mean = value.DoubleOr("difference_mean", 0);
  outcome.difference_max = value.DoubleOr("difference_max", 0);
  return outcome;
}

Result<EndpointStatus> ParseEndpointStatus(const Json& value) {
  EndpointStatus status;
  status.name = TRY(Name(value, "name"));
  status.version = TRY(value.GetInt("version"));
  status.state = TRY(ParseState(value));
  status.error = value.StringOr("error", "");
  status.weight = value.IntOr("weight", -1);
  status.shadow_share = value.IntOr("shadow_share", 0);
  status.memory_bytes = value.IntOr("memory_bytes", 0);
  if (const Json* shadow = value.Find("shadow")) status.shadow = ParseOutcome(*shadow);
  status.progress = value.StringOr("progress", "");
  return status;
}

}  // namespace

Json ToJson(const ShadowOutcome& outcome) {
  return Json::Make({{"requests", Json(outcome.requests)},
                     {"rows", Json(outcome.rows)},
                     {"disagreements", Json(outcome.disagreements)},
                     {"dropped", Json(outcome.dropped)},
                     {"failures", Json(outcome.failures)},
                     {"difference_mean", Json(outcome.difference_mean)},
                     {"difference_max", Json(outcome.difference_max)}});
}

Result<AdmissionRules> ParseAdmission(const Json* value) {
  AdmissionRules rules;
  if (value == nullptr || value->IsNull()) return rules;
  rules.client_header = value->StringOr("client_header", "");
  rules.rows_in_flight_max = value->IntOr("rows_in_flight_max", 0);
  rules.rows_per_second_max = value->IntOr("rows_per_second_max", 0);
  if (rules.client_header.size() > kKeyNameBytesMax || rules.rows_in_flight_max < 0 || rules.rows_per_second_max < 0) {
    return InvalidArgument("admission: client_header ", Quoted(rules.client_header), ", rows_in_flight_max ",
                           rules.rows_in_flight_max, ", rows_per_second_max ", rules.rows_per_second_max);
  }
  const Json* shares = value->Find("shares");
  if (shares == nullptr) return rules;
  if (!shares->IsArray() || shares->AsArray().size() > kGuaranteedSharesMax) {
    return InvalidArgument("admission: shares must be a list of at most ", kGuaranteedSharesMax);
  }
  std::set<std::string> clients;
  for (const Json& share : shares->AsArray()) {
    rules.shares.push_back(TRY(ParseShare(share).In("admission")));
    const std::string& client = rules.shares.back().client;
    if (!clients.insert(client).second) return InvalidArgument("admission: client ", Quoted(client), " is there twice");
  }
  return rules;
}

Json ToJson(const AdmissionRules& rules) {
  Json shares = Json::MakeArray();
  for (const GuaranteedShare& share : rules.shares) {
    shares.Append(Json::Make({{"client", Json(share.client)}, {"rows_per_second", Json(share.rows_per_second)}}));
  }
  Json out = Json::Make({{"client_header", Json(rules.client_header)},
                         {"shares", std::move(shares)},
                         {"rows_in_flight_max", Json(rules.rows_in_flight_max)}});
  if (rules.rows_per_second_max > 0) out["rows_per_second_max"] = rules.rows_per_second_max;
  return out;
}

Status CheckAdmission(const AdmissionRules& rules) {
  if (rules.shares.empty()) return Ok();
  if (rules.client_header.empty()) {
    return InvalidArgument("clients have guaranteed shares, but no header names the client; set client_header");
  }
  std::int64_t promised = 0;
  for (const GuaranteedShare& share : rules.shares) promised += share.rows_per_second;
  if (promised <= rules.rows_per_second_max) return Ok();
  return InvalidArgument("clients are guaranteed ", promised, " rows a second together, the limit of a server is ",
                         rules.rows_per_second_max, "; raise it to what a server manages, or promise less");
}

std::string_view VersionStateName(VersionState state) { return kStateNames[static_cast<std::size_t>(state)]; }

std::vector<WeightedVersion> DesiredEndpoint::Versions() const {
  if (!traffic.versions.empty()) return traffic.versions;
  return {WeightedVersion{version, package, kWeightWhole}};
}

Json ToJson(const DesiredState& state) {
  Json endpoints = Json::MakeArray();
  for (const DesiredEndpoint& endpoint : state.endpoints) {
    Json row = Json::Make({{"name", Json(endpoint.name)},
                           {"model", Json(endpoint.model)},
                           {"version", Json(endpoint.version)},
                           {"package", Json(endpoint.package)}});
    PutTraffic(endpoint.traffic, row);
    PutSettings(endpoint.settings, row);
    endpoints.Append(std::move(row));
  }
  Json out =
      Json::Make({{"format_version", Json(kDesiredStateFormatVersion)},
                  {"generation", Json(state.generation)},
                  {"endpoints", std::move(endpoints)},
                  {"limits", ToJson(state.limits)},
                  {"recording", Json::Make({{"rows_per_second_full", Json(state.recording.rows_per_second_full)}})}});
  if (state.memory_bytes_max > 0) out["memory_bytes_max"] = state.memory_bytes_max;
  if (state.admission != AdmissionRules{}) out["admission"] = ToJson(state.admission);
  return out;
}

Json ToJson(const StatusReport& report) {
  Json endpoints = Json::MakeArray();
  for (const EndpointStatus& endpoint : report.endpoints) endpoints.Append(ToJson(endpoint));
  Json out = Json::Make({{"format_version", Json(kStatusReportFormatVersion)},
                         {"server", Json(report.server)},
                         {"version", Json(report.version)},
                         {"address", Json(report.address)},
                         {"generation", Json(report.generation)},
                         {"endpoints", std::move(endpoints)}});
  if (report.memory_bytes_max > 0) out["memory_bytes_max"] = report.memory_bytes_max;
  return out;
}

Result<DesiredState> ParseDesiredState(std::string_view text) {
  const Json document = TRY(Json::Parse(text).In("desired state"));
  TRY(CheckFormat(document, "desired state", kDesiredStateFormatVersion));
  DesiredState state;
  state.generation = TRY(document.GetInt("generation").In("desired state"));
  std::set<std::string> names;
  for (const Json& value : *TRY(Endpoints(document, "desired state"))) {
    state.endpoints.push_back(TRY(ParseEndpoint(value).In("desired state")));
    const std::string& name = state.endpoints.back().name;
    if (!names.insert(name).second) return InvalidArgument("desired state: endpoint ", name, " is there twice");
  }
  state.limits = TRY(ParseLimits(document.Find("limits")).In("desired state"));
  state.recording = TRY(ParseRecording(document).In("desired state"));
  state.admission = TRY(ParseAdmission(document.Find("admission")).In("desired state"));
  state.memory_bytes_max = document.IntOr("memory_bytes_max", 0);
  if (state.memory_bytes_max < 0) {
    return InvalidArgument("desired state: memory_bytes_max is ", state.memory_bytes_max, "; it starts at 0");
  }
  return state;
}

Result<StatusReport> ParseStatusReport(std::string_view text) {
  const Json document = TRY(Json::Parse(text).In("status report"));
  TRY(CheckFormat(document, "status report", kStatusReportFormatVersion));
  StatusReport report;
  report.server = TRY(Name(document, "server").In("status report"));
  report.version = TRY(document.GetString("version").In("status report"));
  report.address = TRY(document.GetString("address").In("status report"));
  report.generation = TRY(document.GetInt("generation").In("status report"));
  for (const Json& value : *TRY(Endpoints(document, "status report"))) {
    report.endpoints.push_back(TRY(ParseEndpointStatus(value).In("status report")));
  }
  report.memory_bytes_max = document.IntOr("memory_bytes_max", 0);
  return report;
}

}  // namespace mw::wire
