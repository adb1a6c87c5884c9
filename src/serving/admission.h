// Who is let in when not everybody can be: a budget of rows and bytes in flight, and rows a second that clients were
// promised.
//
//   capacity C rows/s = guarantees g1 + g2 + ... + what nobody was promised
//   bucket of client i: fills with g_i, holds g_i * burst; what it cannot hold flows over
//   surplus:            fills with what nobody was promised and what flowed over; the rest of the world draws from it,
//                       and clients for what they want beyond their guarantee
//   budget in flight:   with guarantees, half of it is everybody's and half reserved for them, in proportion
//
// A bucket may be overdrawn by one request, so requests may be larger than it; what waits for it then waits until it
// has filled again, and a request that is larger itself is told to come in parts. A client that nobody knows is one of
// the rest, who come first come, first served. One Admission per process; any thread. Without guarantees and capacity
// it costs one atomic addition, and another when the request ends. Invariants: what a client's bucket would admit on
// its own is admitted, whatever others do; over any time t at most C * (t + burst) rows and one request for each bucket
// are.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "serving/rejection.h"
#include "wire/desired_state.h"

namespace mw::serving {

struct ClientShare {
  std::string client;  ///< the value that identifies it, of whatever header the caller reads
  double rows_per_second = 0;
  bool operator==(const ClientShare&) const = default;
};

/// Of the process. These are the defaults, and there are no others.
struct AdmissionSettings {
  std::size_t rows_in_flight_max = 4'000'000;
  std::size_t bytes_in_flight_max = std::size_t{1} << 30;
  double rows_per_second_max = 0;  ///< the capacity; 0: no limit, and then there are no shares
  std::vector<ClientShare> shares;
  Duration burst = std::chrono::seconds(1);
};

/// Errors: kInvalidArgument for shares that are no positive number, given twice, or together above the capacity.
Status CheckAdmission(const AdmissionSettings& settings);
/// What a control plane's rules mean here; shares of nothing are none. Errors: those of CheckAdmission.
Result<AdmissionSettings> AdmissionSettingsOf(const wire::AdmissionRules& rules);

// ---- the decision, pure ----

/// What the decision looks at: buckets as they are now, and whether there is room in flight.
struct AdmissionView {
  std::optional<double> own_rows;  ///< in the client's bucket; nothing when it was promised nothing
  double own_rate = 0;
  bool own_room = false;               ///< in flight, in the part reserved for it
  std::optional<double> surplus_rows;  ///< nothing: no limit
  double surplus_rate = 0;             ///< at least
  bool common_room = true;             ///< in flight, in everybody's part
};
struct AdmissionDecision {
  enum class Outcome : std::uint8_t { kAdmitted, kOverRate, kOverBudget } outcome = Outcome::kAdmitted;
  bool from_own_bucket = false;
  bool in_own_room = false;
  Duration retry_after{0};
};
AdmissionDecision DecideAdmission(const AdmissionView& view);

/// All buckets; a value that time is passed to.
class ShareBuckets {
 public:
  explicit ShareBuckets(const AdmissionSettings& settings);
  void Refill(Duration now);
  /// `client`: its place in the settings' shares, or nothing.
  void Look(std::optional<std::size_t> client, AdmissionView& view) const;
  /// What a full bucket of the client and of what nobody was promised hold together.
  [[nodiscard]] double RowsOfBurst(std::optional<std::size_t> client) const;
  void Charge(std::optional<std::size_t> client, bool own_bucket, std::size_t rows);

 private:
  struct Bucket {
    double rate = 0, rows = 0;
  };
  const double burst_seconds_;
  const double capacity_;
  double promised_ = 0;
  std::vector<Bucket> own_;
  double surplus_ = 0;
  std::optional<Duration> refilled_;
};

// ---- the door ----

class Admission {
  struct Shares;

 public:
  /// The right to be in flight; given back by its destructor, on any thread. Outlived by the Admission.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept { *this = std::move(other); }
    Pass& operator=(Pass&& other) noexcept;
    ~Pass() { Release(); }

   private:
    friend class Admission;
    void Release();
    Admission* admission_ = nullptr;
    std::uint64_t amount_ = 0;
    std::shared_ptr<Shares> shares_;  // when it is in a client's own room
    std::size_t client_ = 0;
  };

  /// Both outlive it. Settings that CheckAdmission accepted.
  Admission(AdmissionSettings settings, const Clock& clock, MetricsRegistry& metrics);
  ~Admission();

  /// Errors: kResourceExhausted. `client`: empty or unknown for one of the rest.
  tl::expected<Pass, Rejection> Admit(std::string_view client, std::size_t rows, std::size_t bytes);
  /// Buckets start full. Passes that are out stay valid.
  void Update(AdmissionSettings settings);
  /// Whether rows a second are limited, so that it matters which client asks.
  [[nodiscard]] bool limits_rates() const { return has_rates_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t rows_in_flight() const;
  [[nodiscard]] std::size_t bytes_in_flight() const;

 private:
  tl::expected<Pass, Rejection> AdmitByShare(std::string_view client, std::uint64_t amount, std::size_t rows)
      MW_REQUIRES(mutex_);
  Rejection Reject(const AdmissionDecision& decision, std::int64_t rows_at_once);
  bool Enter(std::uint64_t amount, std::uint64_t limit);
  Pass PassFor(std::uint64_t amount);

  const Clock& clock_;
  MetricsRegistry& metrics_;
  Counter& over_rate_;
  Counter& over_budget_;
  std::atomic<std::uint64_t> limit_{0};
  std::atomic<bool> has_rates_{false};
  // Rows above kRowsShift, bytes below: one addition for both. On a line of its own, for others only look.
  alignas(64) std::atomic<std::uint64_t> in_flight_{0};
  mutable Mutex mutex_;
  std::shared_ptr<Shares> shares_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::serving
