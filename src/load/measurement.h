// One measurement: a load run to its end, with what both sides spent, and what may be said of it. Values for people
// (tables) and for programs (JSON). Measure runs the load on the calling thread's behalf; the rest is pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "load/open_loop.h"

namespace mw::load {

/// "p99=10ms", "p99.9=250us", "max=1s".
struct Target {
  double share = 0.99;  ///< 1: every request
  Duration bound{0};
  std::string name;  ///< "p99"
  static Result<Target> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;  ///< "p99 <= 10 ms"
};

struct Measurement {
  LoadReport load;
  Pacing pacing;
  std::vector<std::string> kinds;
  std::vector<int> server_pids;        ///< empty: not seen
  std::optional<Duration> server_cpu;  ///< during the whole run
  std::optional<double> waited_share;  ///< of the run, in which some task of this machine waited for a core

  [[nodiscard]] double Asked() const;              ///< requests a second, on average
  [[nodiscard]] double RequestsPerSecond() const;  ///< right answers
  [[nodiscard]] double RowsPerSecond() const;
  [[nodiscard]] double RowsPerRequest() const;
  [[nodiscard]] std::optional<double> ServerMicros() const;  ///< of processor time for a request
  [[nodiscard]] double ClientMicros() const;
  /// Requests that failed, had a wrong answer or were not sent.
  [[nodiscard]] std::uint64_t Bad() const;
  /// A percentile of the latency, where there are requests enough to have one: at least one beyond it.
  [[nodiscard]] std::optional<Duration> Latency(double share) const;
  [[nodiscard]] Json ToJson() const;
};

/// Runs the load and reads the meters of whoever listens on the port, where this machine shows them.
/// `run`: RunOpenLoop, or lanes of another protocol; it calls its argument before and after.
Result<Measurement> Measure(int port, bool local, const Pacing& pacing, const std::vector<RequestKind>& kinds,
                            const std::function<Result<LoadReport>(const std::function<void()>& around)>& run);

/// More wrong or missing answers than this hold no target, whatever the percentile.
inline constexpr double kBadShareMax = 0.001;
/// A server that answers less than this share of what is asked is overtaken.
inline constexpr double kKeptUpShare = 0.97;

struct Verdict {
  bool held = false;
  std::string why;  ///< one phrase: "p99 14.2 ms", "answered 81 % of what was asked"
};
Verdict Judge(const Measurement& measurement, const Target& target);

/// When the generator itself was late by so much that the latencies speak of it: a sentence; else empty.
std::string LagWarning(const Measurement& measurement);

/// Latency against rate, by parts of a ramp or by trials of a search.
struct CurvePoint {
  double asked = 0;
  double answered = 0;
  std::optional<Duration> p50, p90, p99, p999;  ///< nothing: no bound, or too few requests
  bool overtaken = false;                       ///< less was answered than asked, or requests failed
};
CurvePoint PointOf(const Measurement& measurement);
/// One for each slice.
std::vector<CurvePoint> CurveOf(const Measurement& measurement);

/// "0.21 ms", "14.2 ms", "1.3 s"; "-" for nothing, "none" for no bound.
std::string LatencyText(std::optional<Duration> latency);
/// "12,345" or, below 100, "12.3".
std::string RateText(double per_second);

}  // namespace mw::load
