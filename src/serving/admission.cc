// Buckets and the budget in flight.
#include "serving/admission.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "base/text.h"

namespace mw::serving {
namespace {

/// Where nothing fills a bucket but what others leave.
constexpr Duration kUnknownRetryAfter = std::chrono::seconds(60);
/// For the budget in flight nobody knows: about as long as slow requests take.
constexpr Duration kBudgetRetryAfter = std::chrono::milliseconds(100);

// Rows and bytes in flight in one number: 28 bits of rows, 36 of bytes. No request comes near either.
constexpr int kRowsShift = 36;
constexpr std::uint64_t kBytesMask = (std::uint64_t{1} << kRowsShift) - 1;
constexpr std::size_t kRowsInFlightMax = (std::size_t{1} << 27) - 1;
constexpr std::size_t kBytesInFlightMax = std::size_t{1} << 35;

std::uint64_t Amount(std::size_t rows, std::size_t bytes) {
  return (std::uint64_t{std::min(rows, kRowsInFlightMax)} << kRowsShift) + std::min(bytes, kBytesInFlightMax);
}
std::uint64_t RowsOf(std::uint64_t amount) { return amount >> kRowsShift; }
std::uint64_t BytesOf(std::uint64_t amount) { return amount & kBytesMask; }

/// One request may be larger than its room when nothing else is in it.
bool Fits(std::uint64_t used, std::uint64_t amount, std::uint64_t limit) {
  return used == 0 ||
         (RowsOf(used) + RowsOf(amount) <= RowsOf(limit) && BytesOf(used) + BytesOf(amount) <= BytesOf(limit));
}

std::uint64_t Part(std::uint64_t limit, double part) {
  return Amount(static_cast<std::size_t>(static_cast<double>(RowsOf(limit)) * part),
                static_cast<std::size_t>(static_cast<double>(BytesOf(limit)) * part));
}

/// Until a bucket that is overdrawn holds something again.
Duration UntilFilled(double rows, double rate) {
  if (rate <= 0) return kUnknownRetryAfter;
  return Duration(static_cast<std::int64_t>(std::max(0.0, -rows) / rate * 1e6));
}

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

Status CheckAdmission(const AdmissionSettings& settings) {
  if (!(settings.rows_per_second_max >= 0) || !std::isfinite(settings.rows_per_second_max)) {
    return InvalidArgument("the rows a second of a server are a number from 0 (no limit), not ",
                           settings.rows_per_second_max);
  }
  double promised = 0;
  for (const ClientShare& share : settings.shares) {
    if (!(share.rows_per_second > 0) || !std::isfinite(share.rows_per_second)) {
      return InvalidArgument("the guaranteed rows a second of client ", Quoted(share.client),
                             " are a number above 0, not ", share.rows_per_second);
    }
    const auto same = [&](const ClientShare& other) { return other.client == share.client; };
    if (std::count_if(settings.shares.begin(), settings.shares.end(), same) > 1) {
      return InvalidArgument("client ", Quoted(share.client), " has two guaranteed shares; give it one");
    }
    promised += share.rows_per_second;
  }
  if (promised <= settings.rows_per_second_max) return Ok();
  return InvalidArgument("clients are guaranteed ", promised, " rows a second together, the server's limit is ",
                         settings.rows_per_second_max, "; raise it to what the server manages, or promise less");
}

Result<AdmissionSettings> AdmissionSettingsOf(const wire::AdmissionRules& rules) {
  AdmissionSettings settings;
  if (rules.rows_in_flight_max > 0) settings.rows_in_flight_max = static_cast<std::size_t>(rules.rows_in_flight_max);
  settings.rows_per_second_max = static_cast<double>(rules.rows_per_second_max);
  for (const wire::GuaranteedShare& share : rules.shares) {
    if (share.rows_per_second == 0) continue;
    settings.shares.push_back({share.client, static_cast<double>(share.rows_per_second)});
  }
  TRY(CheckAdmission(settings));
  return settings;
}

AdmissionDecision DecideAdmission(const AdmissionView& view) {
  using Outcome = AdmissionDecision::Outcome;
  const bool own_rate = view.own_rows && *view.own_rows > 0;
  if (own_rate && (view.own_room || view.common_room)) return {Outcome::kAdmitted, true, view.own_room, {}};
  if (!view.common_room) return {Outcome::kOverBudget, false, false, kBudgetRetryAfter};
  if (!view.surplus_rows || *view.surplus_rows > 0) return {Outcome::kAdmitted, false, false, {}};
  Duration wait = UntilFilled(*view.surplus_rows, view.surplus_rate);
  if (view.own_rows) wait = std::min(wait, UntilFilled(*view.own_rows, view.own_rate));
  return {Outcome::kOverRate, false, false, std::max(wait, kRetryAfterMin)};
}

// ---- buckets ----

ShareBuckets::ShareBuckets(const AdmissionSettings& settings)
    : burst_seconds_(std::chrono::duration<double>(settings.burst).count()), capacity_(settings.rows_per_second_max) {
  for (const ClientShare& share : settings.shares) {
    own_.push_back({share.rows_per_second, share.rows_per_second * burst_seconds_});
    promised_ += share.rows_per_second;
  }
  surplus_ = (capacity_ - promised_) * burst_seconds_;
}

void ShareBuckets::Refill(Duration now) {
  const double seconds = refilled_ ? std::max(0.0, std::chrono::duration<double>(now - *refilled_).count()) : 0;
  refilled_ = now;
  double held = 0;
  surplus_ += (capacity_ - promised_) * seconds;
  for (Bucket& bucket : own_) {
    const double filled = bucket.rows + bucket.rate * seconds;
    bucket.rows = std::min(filled, bucket.rate * burst_seconds_);
    surplus_ += filled - bucket.rows;
    held += std::max(0.0, bucket.rows);
  }
  // What clients may still claim and what anybody may claim is never more than a burst of the whole capacity.
  surplus_ = std::min(surplus_, capacity_ * burst_seconds_ - held);
}

void ShareBuckets::Look(std::optional<std::size_t> client, AdmissionView& view) const {
  if (client) view.own_rows = own_[*client].rows;
  if (client) view.own_rate = own_[*client].rate;
  if (capacity_ <= 0) return;
  view.surplus_rows = surplus_;
  view.surplus_rate = capacity_ - promised_;
}

double ShareBuckets::RowsOfBurst(std::optional<std::size_t> client) const {
  return ((client ? own_[*client].rate : 0) + capacity_ - promised_) * burst_seconds_;
}

void ShareBuckets::Charge(std::optional<std::size_t> client, bool own_bucket, std::size_t rows) {
  (own_bucket ? own_[*client].rows : surplus_) -= static_cast<double>(rows);
}

// ---- the door ----

/// Rows of one client, or of the rest.
struct ClientMetrics {
  ClientMetrics(MetricsRegistry& metrics, const std::string& client)
      : admitted(metrics.AddCounter("millwright_inference_client_rows_total",
                                    "Rows that clients with a guaranteed share, and all others together, were let in "
                                    "with, while rows a second are limited.",
                                    {{"client", client}})),
        refused(metrics.AddCounter("millwright_inference_client_rows_refused_total",
                                   "Rows that were turned away because rows a second or the budget in flight were used "
                                   "up, by client.",
                                   {{"client", client}})) {}
  Counter& admitted;
  Counter& refused;
};

struct Admission::Shares {
  Shares(const AdmissionSettings& settings, MetricsRegistry& metrics)
      : buckets(settings), in_flight(settings.shares.size()) {
    double promised = 0;
    for (const ClientShare& share : settings.shares) promised += share.rows_per_second;
    for (std::size_t i = 0; i < settings.shares.size(); ++i) {
      clients.emplace(settings.shares[i].client, i);
      rooms.push_back(settings.shares[i].rows_per_second / promised / 2);
      counted.emplace_back(metrics, settings.shares[i].client);
    }
    if (settings.rows_per_second_max > 0) counted.emplace_back(metrics, "");
  }
  ClientMetrics& MetricsOf(std::optional<std::size_t> client) { return client ? counted[*client] : counted.back(); }
  std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>> clients;
  std::vector<double> rooms;  // of the whole budget
  // Under the Admission's mutex.
  ShareBuckets buckets;
  std::vector<std::uint64_t> in_flight;  // in its own room, by client
  std::vector<ClientMetrics> counted;    // the rest's come last
};

Admission::Admission(AdmissionSettings settings, const Clock& clock, MetricsRegistry& metrics)
    : clock_(clock),
      metrics_(metrics),
      over_rate_(metrics.AddCounter("millwright_inference_not_admitted_total",
                                    "Requests that were turned away before they were looked at, by reason.",
                                    {{"reason", "rate"}})),
      over_budget_(metrics.AddCounter("millwright_inference_not_admitted_total",
                                      "Requests that were turned away before they were looked at, by reason.",
                                      {{"reason", "in_flight"}})) {
  Update(std::move(settings));
}

Admission::~Admission() { MW_ASSERT(in_flight_.load() == 0); }

void Admission::Update(AdmissionSettings settings) {
  MW_ASSERT(CheckAdmission(settings).ok());
  const Lock lock(mutex_);
  limit_ = Amount(settings.rows_in_flight_max, settings.bytes_in_flight_max);
  shares_ = std::make_shared<Shares>(settings, metrics_);
  has_rates_ = settings.rows_per_second_max > 0;
}

std::size_t Admission::rows_in_flight() const {
  const Lock lock(mutex_);
  std::uint64_t sum = in_flight_.load(std::memory_order_relaxed);
  for (const std::uint64_t own : shares_->in_flight) sum += own;
  return RowsOf(sum);
}

std::size_t Admission::bytes_in_flight() const {
  const Lock lock(mutex_);
  std::uint64_t sum = in_flight_.load(std::memory_order_relaxed);
  for (const std::uint64_t own : shares_->in_flight) sum += own;
  return BytesOf(sum);
}

bool Admission::Enter(std::uint64_t amount, std::uint64_t limit) {
  if (Fits(in_flight_.fetch_add(amount, std::memory_order_relaxed), amount, limit)) return true;
  in_flight_.fetch_sub(amount, std::memory_order_relaxed);
  return false;
}

Admission::Pass Admission::PassFor(std::uint64_t amount) {
  Pass pass;
  pass.admission_ = this;
  pass.amount_ = amount;
  return pass;
}

tl::expected<Admission::Pass, Rejection> Admission::Admit(std::string_view client, std::size_t rows,
                                                          std::size_t bytes) {
  const std::uint64_t amount = Amount(rows, bytes);
  if (has_rates_.load(std::memory_order_relaxed)) {
    const Lock lock(mutex_);
    // They may have been lifted since.
    if (has_rates_.load(std::memory_order_relaxed)) return AdmitByShare(client, amount, rows);
  }
  if (Enter(amount, limit_.load(std::memory_order_relaxed))) return PassFor(amount);
  return tl::unexpected(Reject({AdmissionDecision::Outcome::kOverBudget, false, false, kBudgetRetryAfter}, 0));
}

tl::expected<Admission::Pass, Rejection> Admission::AdmitByShare(std::string_view client, std::uint64_t amount,
                                                                 std::size_t rows) {
  Shares& shares = *shares_;
  const std::uint64_t limit = limit_.load(std::memory_order_relaxed);
  const auto found = shares.clients.find(client);
  const auto known = found == shares.clients.end() ? std::nullopt : std::optional(found->second);
  shares.buckets.Refill(clock_.Elapsed());
  AdmissionView view;
  shares.buckets.Look(known, view);
  view.own_room = known && Fits(shares.in_flight[*known], amount, Part(limit, shares.rooms[*known]));
  view.common_room = Enter(amount, shares.clients.empty() ? limit : Part(limit, 0.5));
  const AdmissionDecision decision = DecideAdmission(view);
  const bool admitted = decision.outcome == AdmissionDecision::Outcome::kAdmitted;
  if (view.common_room && (!admitted || decision.in_own_room)) in_flight_.fetch_sub(amount, std::memory_order_relaxed);
  ClientMetrics& counted = shares.MetricsOf(known);
  (admitted ? counted.admitted : counted.refused).Add(rows);
  if (!admitted) {
    const double burst = shares.buckets.RowsOfBurst(known);
    const bool larger = burst >= 1 && static_cast<double>(rows) > burst;
    return tl::unexpected(Reject(decision, larger ? static_cast<std::int64_t>(burst) : 0));
  }
  shares.buckets.Charge(known, decision.from_own_bucket, rows);
  Pass pass = PassFor(amount);
  if (decision.in_own_room) {
    shares.in_flight[*known] += amount;
    pass.shares_ = shares_;
    pass.client_ = *known;
  }
  return pass;
}

Rejection Admission::Reject(const AdmissionDecision& decision, std::int64_t rows_at_once) {
  if (decision.outcome == AdmissionDecision::Outcome::kOverBudget) {
    over_budget_.Add();
    return {ResourceExhausted("the server has as many rows or bytes in flight as it may have; try again in ",
                              FormatDuration(decision.retry_after)),
            decision.retry_after};
  }
  over_rate_.Add();
  Error error = ResourceExhausted(
      "the server's rows a second are used up, and so is the client's own share if it has one; try again in ",
      FormatDuration(decision.retry_after));
  if (rows_at_once > 0)
    CatTo(error.message, ", and send at most ", rows_at_once, rows_at_once == 1 ? " row" : " rows", " in one request");
  return {std::move(error), decision.retry_after};
}

Admission::Pass& Admission::Pass::operator=(Pass&& other) noexcept {
  if (this == &other) return *this;
  Release();
  admission_ = std::exchange(other.admission_, nullptr);
  amount_ = other.amount_;
  shares_ = std::move(other.shares_);
  client_ = other.client_;
  return *this;
}

void Admission::Pass::Release() {
  if (admission_ == nullptr) return;
  if (shares_ == nullptr) {
    admission_->in_flight_.fetch_sub(amount_, std::memory_order_relaxed);
  } else {
    const Lock lock(admission_->mutex_);
    shares_->in_flight[client_] -= amount_;
  }
  admission_ = nullptr;
  shares_.reset();
}

}  // namespace mw::serving
