// Merging, and the bytes of a settled window's totals.
#include "predictions/window_totals.h"

#include <algorithm>

namespace mw::predictions {
namespace {

constexpr std::size_t kModelBytesMax = 1024;
constexpr std::size_t kLatencyBytesMax = std::size_t{64} << 10;

std::string MergedLatency(const std::string& a, const std::string& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  Result<wire::LatencyHistogram> merged = LatencyFromBytes(a);
  const Result<wire::LatencyHistogram> other = LatencyFromBytes(b);
  if (!merged.ok() || !other.ok()) return a;  // both were written here
  merged->Merge(*other);
  return LatencyBytes(*merged);
}

}  // namespace

std::string LatencyBytes(const wire::LatencyHistogram& latency) {
  if (latency.count() == 0) return "";
  sketch::ByteWriter out;
  latency.Write(out);
  return out.Take();
}

Result<wire::LatencyHistogram> LatencyFromBytes(std::string_view bytes) {
  if (bytes.empty()) return wire::LatencyHistogram();
  sketch::ByteReader in(bytes);
  wire::LatencyHistogram latency = TRY(wire::LatencyHistogram::Read(in));
  TRY(in.CheckEnd());
  return latency;
}

WindowTotals TotalsOf(const wire::WindowPiece& piece) {
  WindowTotals totals;
  totals.model = piece.model;
  totals.window_length = piece.window_length;
  totals.pieces = 1;
  totals.rows = piece.rows;
  totals.sampled_rows = piece.sampled_rows;
  totals.dropped_rows = piece.dropped_rows;
  totals.requests = piece.requests;
  totals.failures = piece.failures;
  totals.refused = piece.refused;
  totals.flagged_rows = piece.flagged_rows;
  totals.future_rows = piece.future_rows;
  totals.first_received = piece.first_received;
  totals.last_received = piece.last_received;
  totals.latency = LatencyBytes(piece.latency);
  return totals;
}

void WindowTotals::Merge(const WindowTotals& other) {
  if (!other.model.empty()) model = other.model;
  window_length = std::max(window_length, other.window_length);
  pieces += other.pieces;
  rows += other.rows;
  sampled_rows += other.sampled_rows;
  dropped_rows += other.dropped_rows;
  requests += other.requests;
  failures += other.failures;
  refused += other.refused;
  flagged_rows += other.flagged_rows;
  future_rows += other.future_rows;
  first_received = std::min(first_received, other.first_received);
  last_received = std::max(last_received, other.last_received);
  latency = MergedLatency(latency, other.latency);
}

void WindowTotals::Write(sketch::ByteWriter& out) const {
  out.Text(model);
  for (const std::int64_t number : {window_length.count(), pieces, rows, sampled_rows, dropped_rows, requests, failures,
                                    flagged_rows, future_rows, ToMicros(first_received), ToMicros(last_received)}) {
    out.Signed(number);
  }
  out.Text(latency);
}

Result<WindowTotals> WindowTotals::Read(sketch::ByteReader& in) {
  WindowTotals totals;
  totals.model = in.Text(kModelBytesMax);
  totals.window_length = Duration(in.Signed());
  for (std::int64_t* number : {&totals.pieces, &totals.rows, &totals.sampled_rows, &totals.dropped_rows,
                               &totals.requests, &totals.failures, &totals.flagged_rows, &totals.future_rows}) {
    *number = in.Signed();
  }
  totals.first_received = FromMicros(in.Signed());
  totals.last_received = FromMicros(in.Signed());
  totals.latency = in.Text(kLatencyBytesMax);
  TRY(in.Check());
  return totals;
}

}  // namespace mw::predictions
