// Encodes and decodes the two documents.
#include "wire/desired_state.h"

#include <array>
#include <set>
#include <utility>

#include "base/id.h"
#include "base/text.h"

namespace mw::wire {
namespace {

constexpr std::array<std::string_view, 4> kStateNames = {"LOADING", "READY", "UNLOADING", "FAILED"};

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

Result<std::string> PackageDigest(const Json& value) {
  std::string digest = TRY(value.GetString("package"));
  if (digest.size() != 71 || !digest.starts_with("sha256:") ||
      digest.find_first_not_of("0123456789abcdef", 7) != std::string::npos) {
    return InvalidArgument("package is ", Quoted(digest), "; expected sha256: and 64 hexadecimal digits");
  }
  return digest;
}

Result<DesiredEndpoint> ParseEndpoint(const Json& value) {
  DesiredEndpoint endpoint;
  endpoint.name = TRY(Name(value, "name"));
  endpoint.model = TRY(Name(value, "model"));
  endpoint.version = TRY(value.GetInt("version"));
  endpoint.package = TRY(PackageDigest(value));
  return endpoint;
}

Result<ServingLimits> ParseLimits(const Json& document) {
  ServingLimits limits;
  const Json* value = document.Find("limits");
  if (value == nullptr || value->IsNull()) return limits;
  limits.rows_max = value->IntOr("rows_max", limits.rows_max);
  limits.body_bytes_max = value->IntOr("body_bytes_max", limits.body_bytes_max);
  if (limits.rows_max < 1 || limits.body_bytes_max < 1) {
    return InvalidArgument("limits must be positive: rows_max ", limits.rows_max, ", body_bytes_max ",
                           limits.body_bytes_max);
  }
  return limits;
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
  const std::string name = TRY(value.GetString("state"));
  for (std::size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == name) return static_cast<VersionState>(i);
  }
  return InvalidArgument("state is ", Quoted(name), "; expected LOADING, READY, UNLOADING or FAILED");
}

Result<EndpointStatus> ParseEndpointStatus(const Json& value) {
  EndpointStatus status;
  status.name = TRY(Name(value, "name"));
  status.version = TRY(value.GetInt("version"));
  status.state = TRY(ParseState(value));
  status.error = value.StringOr("error", "");
  return status;
}

}  // namespace

std::string_view VersionStateName(VersionState state) { return kStateNames[static_cast<std::size_t>(state)]; }

Json ToJson(const DesiredState& state) {
  Json endpoints = Json::MakeArray();
  for (const DesiredEndpoint& endpoint : state.endpoints) {
    endpoints.Append(Json::Make({{"name", Json(endpoint.name)},
                                 {"model", Json(endpoint.model)},
                                 {"version", Json(endpoint.version)},
                                 {"package", Json(endpoint.package)}}));
  }
  return Json::Make(
      {{"format_version", Json(kDesiredStateFormatVersion)},
       {"generation", Json(state.generation)},
       {"endpoints", std::move(endpoints)},
       {"limits",
        Json::Make({{"rows_max", Json(state.limits.rows_max)}, {"body_bytes_max", Json(state.limits.body_bytes_max)}})},
       {"recording", Json::Make({{"rows_per_second_full", Json(state.recording.rows_per_second_full)}})}});
}

Json ToJson(const StatusReport& report) {
  Json endpoints = Json::MakeArray();
  for (const EndpointStatus& endpoint : report.endpoints) {
    endpoints.Append(Json::Make({{"name", Json(endpoint.name)},
                                 {"version", Json(endpoint.version)},
                                 {"state", Json(VersionStateName(endpoint.state))},
                                 {"error", Json(endpoint.error)}}));
  }
  return Json::Make({{"format_version", Json(kStatusReportFormatVersion)},
                     {"server", Json(report.server)},
                     {"version", Json(report.version)},
                     {"address", Json(report.address)},
                     {"generation", Json(report.generation)},
                     {"endpoints", std::move(endpoints)}});
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
  state.limits = TRY(ParseLimits(document).In("desired state"));
  state.recording = TRY(ParseRecording(document).In("desired state"));
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
  return report;
}

}  // namespace mw::wire
