// Fills entries.
#include "api/inference/access_scribe.h"

#include "base/file.h"

namespace mw::api::inference {
namespace {

/// Enough to tell clients apart, and nothing of a secret that somebody may use as a name.
constexpr std::size_t kClientKeyDigits = 12;

void Fill(serving::AccessEntry& entry, const AccessScribe::Request& request, Duration start) {
  entry.start = start;
  entry.outcome = request.outcome;
  entry.rows = static_cast<std::uint32_t>(request.rows);
  entry.version = request.version;
  entry.event_time_us = request.event_time_us;
  entry.origin = OriginOf(request.asker);
  entry.endpoint.Set(request.endpoint);
  entry.id.Set(request.id);
}

}  // namespace

serving::AccessOrigin OriginOf(const Asker& asker) {
  if (asker.kept != nullptr) return *asker.kept;
  const InferenceTarget& target = *asker.target;
  serving::AccessOrigin origin;
  origin.protocol = target.protocol;
  origin.request_bytes = target.request_bytes;
  if (target.headers == nullptr) return origin;
  origin.address.Set(target.headers->PeerAddress());
  origin.trace = net::ParseTraceparent(target.headers->OnlyHeader("traceparent"));
  if (asker.client_header.empty()) return origin;
  const std::string_view client = target.headers->Header(asker.client_header);
  if (!client.empty()) origin.client_key.Set(Sha256Hex(client).substr(0, kClientKeyDigits));
  return origin;
}

void AccessScribe::Write(serving::AccessEntry& entry, const Request& request, const Answer& answer) {
  Fill(entry, request, answer.times.start);
  const serving::StageTimes& times = answer.times;
  entry.from_cache = answer.from_cache;
  entry.response_bytes = answer.bytes;
  entry.decode = times.decoded - times.start;
  entry.queue = times.computing - times.decoded;
  entry.compute = times.computed - times.computing;
  entry.encode = times.answered - times.computed;
  entry.total = times.answered - times.start;
  lane_->Commit();
}

void AccessScribe::Refused(const Request& request, const Error& error, Duration start, Duration now) {
  if (lane_ == nullptr) return;
  serving::AccessEntry* const entry = lane_->Begin(request.outcome, now - start, now);
  if (entry == nullptr) return;
  Fill(*entry, request, start);
  entry->code = error.code;
  entry->error.Set(error.ToString());
  entry->total = now - start;
  lane_->Commit();
}

}  // namespace mw::api::inference
