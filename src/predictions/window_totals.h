// What the pieces of one window add up to, labels aside; mergeable. The histogram is kept as bytes, a few hundred
// instead of three thousand: there are many windows. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "sketch/bytes.h"
#include "wire/window_record.h"

namespace mw::predictions {

struct WindowTotals {
  std::string model;
  Duration window_length{0};
  std::int64_t pieces = 0;
  std::int64_t rows = 0;
  std::int64_t sampled_rows = 0;
  std::int64_t dropped_rows = 0;
  std::int64_t requests = 0;
  std::int64_t failures = 0;
  std::int64_t refused = 0;
  std::int64_t flagged_rows = 0;
  std::int64_t future_rows = 0;
  Timestamp first_received = kNever;
  Timestamp last_received = Timestamp::min();
  std::string latency;  ///< a histogram's bytes; empty: none

  void Merge(const WindowTotals& other);
  /// All but `refused`, which came later.
  void Write(sketch::ByteWriter& out) const;
  static Result<WindowTotals> Read(sketch::ByteReader& in);
};

WindowTotals TotalsOf(const wire::WindowPiece& piece);
std::string LatencyBytes(const wire::LatencyHistogram& latency);
/// Empty bytes are an empty histogram. Errors: kDataLoss.
Result<wire::LatencyHistogram> LatencyFromBytes(std::string_view bytes);

}  // namespace mw::predictions
