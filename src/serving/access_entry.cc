// Entries as lines of JSON.
#include "serving/access_entry.h"

#include "base/json.h"
#include "base/text.h"

namespace mw::serving {
namespace {

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAnswered: return "answered";
    case Outcome::kRefused: return "refused";
    case Outcome::kFailed: return "failed";
  }
  return "";
}

void AppendText(std::string& out, std::string_view key, std::string_view value) {
  CatTo(out, ",\"", key, "\":");
  AppendJsonString(out, value);
}

void AppendTextIfAny(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) AppendText(out, key, value);
}

void AppendStages(const AccessEntry& entry, std::string& out) {
  CatTo(out, ",\"total_us\":", entry.total.count(), ",\"decode_us\":", entry.decode.count());
  CatTo(out, ",\"queue_us\":", entry.queue.count(), ",\"compute_us\":", entry.compute.count());
  CatTo(out, ",\"encode_us\":", entry.encode.count());
}

void AppendOrigin(const AccessOrigin& origin, std::string& out) {
  AppendTextIfAny(out, "client", origin.address.view());
  AppendTextIfAny(out, "client_key", origin.client_key.view());
  if (!origin.trace) return;
  AppendText(out, "trace_id", net::TraceIdText(*origin.trace));
  AppendText(out, "parent_id", net::ParentIdText(*origin.trace));
}

}  // namespace

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kV2Json: return "v2_json";
    case Protocol::kV2Binary: return "v2_binary";
    case Protocol::kV1: return "v1";
    case Protocol::kMlflow: return "mlflow";
    case Protocol::kGrpc: return "grpc";
  }
  return "";
}

void AppendLine(const AccessEntry& entry, Duration wall_offset, std::string& out) {
  CatTo(out, "{\"time\":\"", FormatTime(Timestamp(entry.start + wall_offset)), "\"");
  AppendText(out, "endpoint", entry.endpoint.view());
  if (entry.version > 0) CatTo(out, ",\"version\":", entry.version);
  CatTo(out, ",\"protocol\":\"", ProtocolName(entry.origin.protocol), "\",\"rows\":", entry.rows);
  AppendTextIfAny(out, "id", entry.id.view());
  CatTo(out, ",\"outcome\":\"", OutcomeName(entry.outcome), "\"");
  CatTo(out, ",\"status\":", entry.code ? HttpStatus(*entry.code) : 200);
  if (entry.code) {
    AppendText(out, "code", CodeName(*entry.code));
    AppendText(out, "error", entry.error.view());
  }
  AppendStages(entry, out);
  CatTo(out, ",\"request_bytes\":", entry.origin.request_bytes, ",\"response_bytes\":", entry.response_bytes);
  if (entry.from_cache) out += ",\"cached\":true";
  if (entry.event_time_us != kNoEventTime) AppendText(out, "event_time", FormatTime(FromMicros(entry.event_time_us)));
  AppendOrigin(entry.origin, out);
  if (entry.one_of > 1) CatTo(out, ",\"one_of\":", entry.one_of);
  out += "}\n";
}

}  // namespace mw::serving
