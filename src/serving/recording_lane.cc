// The ring's records: a header, then arrays from the strictest alignment to none. A record never wraps; what is
// left before the ring's end is skipped.
#include "serving/recording_lane.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

#include "base/assert.h"
#include "wire/window_record.h"

namespace mw::serving {
namespace {

constexpr std::size_t kRecordAlignment = 8;
/// Rows leave so much free, so that a version can always be introduced and no row is lost without a name.
constexpr std::size_t kSpareBytes = 4096;
constexpr std::size_t kVersionsMax = 64;
constexpr Duration kWallOffsetAge = std::chrono::seconds(1);

constexpr std::size_t RecordRoom(std::size_t bytes) {
  return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

enum class Kind : std::uint8_t { kSkip, kVersion, kForget, kRows, kUnanswered };

template <typename T>
std::byte* Put(std::byte* at, std::span<const T> values) {
  if (!values.empty()) std::memcpy(at, values.data(), values.size_bytes());
  return at + values.size_bytes();
}

template <typename T>
std::span<const T> Take(const std::byte*& at, std::size_t count) {
  const std::span<const T> values(reinterpret_cast<const T*>(at), count);
  at += values.size_bytes();
  return values;
}

/// Keys that are too long are left out.
std::string_view KeyOf(const RecordedRequest& request, std::size_t row) {
  const std::string_view key = request.keys[row];
  return key.size() <= wire::kSampleKeyBytesMax ? key : std::string_view();
}

/// Probabilities that are recorded of each sampled row.
std::size_t ClassesOf(const RecordedVersion& version) { return version.records_classes ? version.classes.size() : 0; }

Outcome OutcomeOf(const RecordedRequest& request) { return request.failed ? Outcome::kFailed : Outcome::kAnswered; }

std::int64_t EventSecond(std::int64_t event_time_us, std::int64_t received_us) {
  const bool usable = event_time_us != kNoEventTime && event_time_us <= received_us + kClockSkewMax.count();
  return (usable ? event_time_us : received_us) / 1'000'000;
}

}  // namespace

struct RecordingLane::Header {
  // The first eight bytes are all that a skip has.
  std::uint32_t bytes = 0;
  Kind kind = Kind::kSkip;
  bool counts_request = false;
  bool single = false;
  bool has_keys = false;
  const RecordedVersion* version = nullptr;
  std::int64_t received_us = 0;
  double rate = 1;
  std::uint32_t latency_us = 0;
  std::uint32_t first_row = 0;
  std::uint32_t rows = 0;
  std::uint32_t event_times = 0;
  std::uint32_t sampled = 0;
  std::uint32_t id_bytes = 0;
  Outcome outcome = Outcome::kAnswered;
};

struct RecordingLane::Part {
  std::size_t first = 0;
  std::size_t rows = 0;
  std::int64_t received_us = 0;
  double rate = 1;
};

RecordingLane::RecordingLane(const Clock& clock, int wake_descriptor, Counter& lost_rows, std::size_t ring_bytes)
    : clock_(clock),
      wake_descriptor_(wake_descriptor),
      lost_rows_(lost_rows),
      ring_bytes_(ring_bytes),
      ring_(std::make_unique_for_overwrite<std::byte[]>(ring_bytes)) {
  static_assert(sizeof(Header) % kRecordAlignment == 0);
  MW_ASSERT(ring_bytes % kRecordAlignment == 0 && ring_bytes > 4 * kSpareBytes);
  introduced_.reserve(kVersionsMax);
}

RecordingLane::~RecordingLane() {
  Drain([](const Record&) {});
}

std::byte* RecordingLane::Reserve(std::size_t bytes, std::size_t spare_bytes) {
  std::uint64_t head = head_.load(std::memory_order_relaxed);
  const std::size_t place = head % ring_bytes_;
  const std::size_t skip = place + bytes <= ring_bytes_ ? 0 : ring_bytes_ - place;
  const std::uint64_t used = head - tail_.load(std::memory_order_acquire);
  if (used + skip + bytes + spare_bytes > ring_bytes_) return nullptr;
  if (skip > 0) {
    Header header;
    header.bytes = static_cast<std::uint32_t>(skip);
    std::memcpy(ring_.get() + place, &header, kRecordAlignment);
    head += skip;
    head_.store(head, std::memory_order_release);
  }
  return ring_.get() + head % ring_bytes_;
}

void RecordingLane::Commit(std::size_t bytes) {
  const std::uint64_t head = head_.load(std::memory_order_relaxed) + bytes;
  head_.store(head, std::memory_order_release);
  if (head - tail_.load(std::memory_order_relaxed) < ring_bytes_ / 4) return;
  if (wake_wanted_.exchange(true, std::memory_order_relaxed)) return;
  const std::uint64_t one = 1;
  // A counter that is full wakes the reader just as well.
  static_cast<void>(!write(wake_descriptor_, &one, sizeof one));
}

/// Hands a version over to the reader before the first of its rows.
bool RecordingLane::Introduce(const std::shared_ptr<const RecordedVersion>& version) {
  if (std::find(introduced_.begin(), introduced_.end(), version.get()) != introduced_.end()) [[likely]]
    return true;
  const bool forget = introduced_.size() == kVersionsMax;
  constexpr std::size_t kBytes = RecordRoom(sizeof(Header) + sizeof(std::shared_ptr<const RecordedVersion>));
  std::byte* const at = Reserve(kBytes, 0);
  if (at == nullptr) return false;
  Header header;
  header.bytes = kBytes;
  header.kind = forget ? Kind::kForget : Kind::kVersion;
  std::memcpy(at, &header, sizeof header);
  new (at + sizeof header) std::shared_ptr<const RecordedVersion>(version);
  Commit(kBytes);
  if (forget) introduced_.clear();
  introduced_.push_back(version.get());
  return true;
}

std::int64_t RecordingLane::ReceivedAt(Duration start) {
  if (start >= wall_offset_until_) [[unlikely]] {
    wall_offset_us_ = ToMicros(clock_.Now()) - clock_.Elapsed().count();
    wall_offset_until_ = start + kWallOffsetAge;
  }
  return start.count() + wall_offset_us_;
}

void RecordingLane::Lose(const RecordedVersion& version, std::int64_t event_time_us, std::size_t rows,
                         std::optional<Outcome> request) {
  lost_rows_.Add(rows);
  version.lost.event_time_us.store(event_time_us, std::memory_order_relaxed);
  if (request) version.lost.requests[static_cast<std::size_t>(*request)].fetch_add(1, std::memory_order_relaxed);
  version.lost.rows.fetch_add(rows, std::memory_order_release);
}

/// Fills sampled_ with the places of the rows to keep; gives the mean chance.
double RecordingLane::ChooseSample(const RecordedVersion& version, std::int64_t rows_per_second_full,
                                   const RecordedRequest& request, Part& part) {
  sampled_.clear();
  const bool own_times = request.event_times_us.size() > 1;
  const std::size_t rows = request.predictions.size();
  if (rows > 1) prediction_id_.assign(request.id).push_back('/');
  const std::size_t id_bytes = prediction_id_.size();
  double rate = 1;
  double rates = 0;
  for (std::size_t i = 0; i < part.rows; ++i) {
    const std::size_t row = part.first + i;
    if (i == 0 || own_times) {
      const std::int64_t time =
          request.event_times_us.empty() ? kNoEventTime : request.event_times_us[own_times ? row : 0];
      const std::uint64_t seen = version.traffic.Add(EventSecond(time, part.received_us),
                                                     own_times ? 1U : static_cast<std::uint32_t>(part.rows));
      const auto full = static_cast<std::uint64_t>(rows_per_second_full);
      rate = seen <= full ? 1 : static_cast<double>(full) / static_cast<double>(seen);
    }
    rates += rate;
    if (rate < 1) {
      std::string_view id = request.id;
      if (rows > 1) {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, row);
        prediction_id_.resize(id_bytes);
        id = prediction_id_.append(digits, end.ptr);
      }
      if (!wire::InSample(wire::SampleHash(id), rate)) continue;
    }
    sampled_.push_back(static_cast<std::uint32_t>(i));
  }
  return rates / static_cast<double>(part.rows);
}

bool RecordingLane::AddPart(const RecordedVersion& version, const RecordedRequest& request, const Part& part) {
  const std::size_t width = version.features.size();
  const std::size_t classes = ClassesOf(version);
  const std::size_t stride = request.features.size() / request.predictions.size();
  const bool has_keys = !request.keys.empty();
  const bool own_times = request.event_times_us.size() > 1;
  const std::string_view id = sampled_.empty() ? std::string_view() : request.id;
  std::size_t key_bytes = 0;
  for (const std::uint32_t row : sampled_) {
    if (has_keys) key_bytes += sizeof(std::uint16_t) + KeyOf(request, part.first + row).size();
  }
  const std::size_t times = own_times ? part.rows : 1;
  const std::size_t bytes =
      RecordRoom(sizeof(Header) + times * sizeof(std::int64_t) + part.rows * sizeof(float) +
                 sampled_.size() * (sizeof(std::uint32_t) + (width + classes) * sizeof(float)) + id.size() + key_bytes);
  std::byte* at = Reserve(bytes, kSpareBytes);
  if (at == nullptr) return false;
  Header header;
  header.bytes = static_cast<std::uint32_t>(bytes);
  header.kind = Kind::kRows;
  header.counts_request = part.first == 0;
  header.single = request.predictions.size() == 1;
  header.has_keys = has_keys;
  header.version = &version;
  header.received_us = part.received_us;
  header.rate = part.rate;
  header.outcome = OutcomeOf(request);
  header.latency_us = static_cast<std::uint32_t>(std::clamp<std::int64_t>(request.latency.count(), 0, UINT32_MAX));
  header.first_row = static_cast<std::uint32_t>(part.first);
  header.rows = static_cast<std::uint32_t>(part.rows);
  header.event_times = static_cast<std::uint32_t>(times);
  header.sampled = static_cast<std::uint32_t>(sampled_.size());
  header.id_bytes = static_cast<std::uint32_t>(id.size());
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  at = request.event_times_us.empty() ? Put(at, std::span(&kNoEventTime, 1))
                                      : Put(at, request.event_times_us.subspan(own_times ? part.first : 0, times));
  at = Put(at, request.predictions.subspan(part.first, part.rows));
  at = Put(at, std::span<const std::uint32_t>(sampled_));
  for (const std::uint32_t row : sampled_) at = Put(at, request.features.subspan((part.first + row) * stride, width));
  for (const std::uint32_t row : sampled_) {
    if (classes == 0) break;
    at = Put(at, request.class_probabilities.subspan((part.first + row) * classes, classes));
  }
  for (const std::uint32_t row : sampled_) {
    if (!has_keys) break;
    const auto size = static_cast<std::uint16_t>(KeyOf(request, part.first + row).size());
    at = Put(at, std::span(&size, 1));
  }
  at = Put(at, std::span(id));
  for (const std::uint32_t row : sampled_) {
    if (has_keys) at = Put(at, std::span(KeyOf(request, part.first + row)));
  }
  Commit(bytes);
  return true;
}

void RecordingLane::AddAnswered(const std::shared_ptr<const RecordedVersion>& version,
                                std::int64_t rows_per_second_full, const RecordedRequest& request) {
  const std::size_t rows = request.predictions.size();
  const std::size_t row_bytes = sizeof(std::int64_t) + sizeof(float) + sizeof(std::uint32_t) +
                                (version->features.size() + ClassesOf(*version)) * sizeof(float) +
                                wire::kSampleKeyBytesMax;
  const std::size_t rows_at_once = std::max<std::size_t>(1, ring_bytes_ / 8 / row_bytes);
  MW_ASSERT(request.class_probabilities.size() >= rows * ClassesOf(*version));
  const bool known = Introduce(version);
  Part part;
  part.received_us = ReceivedAt(request.start);
  for (part.first = 0; part.first < rows; part.first += part.rows) {
    part.rows = std::min(rows_at_once, rows - part.first);
    part.rate = ChooseSample(*version, rows_per_second_full, request, part);
    if (known && AddPart(*version, request, part)) continue;
    const std::size_t time = request.event_times_us.size() > 1 ? part.first : 0;
    Lose(*version, request.event_times_us.empty() ? kNoEventTime : request.event_times_us[time], part.rows,
         part.first == 0 ? std::optional(OutcomeOf(request)) : std::nullopt);
  }
}

void RecordingLane::AddRefused(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us,
                               Duration start) {
  AddUnanswered(version, event_time_us, start, Outcome::kRefused);
}

void RecordingLane::AddFailed(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us,
                              Duration start) {
  AddUnanswered(version, event_time_us, start, Outcome::kFailed);
}

void RecordingLane::AddUnanswered(const std::shared_ptr<const RecordedVersion>& version, std::int64_t event_time_us,
                                  Duration start, Outcome outcome) {
  constexpr std::size_t kBytes = sizeof(Header) + sizeof(std::int64_t);
  std::byte* const at = Introduce(version) ? Reserve(kBytes, kSpareBytes) : nullptr;
  if (at == nullptr) return Lose(*version, event_time_us, 0, outcome);
  Header header;
  header.bytes = kBytes;
  header.kind = Kind::kUnanswered;
  header.outcome = outcome;
  header.counts_request = true;
  header.version = version.get();
  header.received_us = ReceivedAt(start);
  header.event_times = 1;
  std::memcpy(at, &header, sizeof header);
  std::memcpy(at + sizeof header, &event_time_us, sizeof event_time_us);
  Commit(kBytes);
}

/// Lets go of versions, but of those whose lost rows were not counted yet.
void RecordingLane::Forget() {
  std::erase_if(versions_, [](const std::shared_ptr<const RecordedVersion>& version) {
    return version->lost.rows.load(std::memory_order_relaxed) == 0 &&
           std::all_of(version->lost.requests.begin(), version->lost.requests.end(),
                       [](const auto& requests) { return requests.load(std::memory_order_relaxed) == 0; });
  });
}

std::uint64_t RecordingLane::Read(std::uint64_t tail, Record& record) {
  std::byte* const at = ring_.get() + tail % ring_bytes_;
  Header header;
  std::memcpy(static_cast<void*>(&header), at, kRecordAlignment);
  const std::uint64_t next = tail + header.bytes;
  if (header.kind == Kind::kSkip) return next;
  std::memcpy(&header, at, sizeof header);
  if (header.kind == Kind::kVersion || header.kind == Kind::kForget) {
    if (header.kind == Kind::kForget) Forget();
    using Pointer = std::shared_ptr<const RecordedVersion>;
    auto* const version = std::launder(reinterpret_cast<Pointer*>(at + sizeof header));
    versions_.push_back(std::move(*version));
    std::destroy_at(version);
    return next;
  }
  ReadRows(at + sizeof header, header, record);
  return next;
}

void RecordingLane::ReadRows(const std::byte* at, const Header& header, Record& record) const {
  const auto version = std::find_if(versions_.begin(), versions_.end(),
                                    [&](const auto& known) { return known.get() == header.version; });
  MW_ASSERT(version != versions_.end());
  record.version = &*version;
  record.outcome = header.outcome;
  record.counts_request = header.counts_request;
  record.first_row = header.first_row;
  record.single = header.single;
  record.received_us = header.received_us;
  record.latency = Duration(header.latency_us);
  record.rate = header.rate;
  record.event_times_us = Take<std::int64_t>(at, header.event_times);
  record.predictions = Take<float>(at, header.rows);
  record.sampled = Take<std::uint32_t>(at, header.sampled);
  record.features = Take<float>(at, header.sampled * version->get()->features.size());
  record.class_probabilities = Take<float>(at, header.sampled * ClassesOf(**version));
  if (header.has_keys) record.key_sizes = Take<std::uint16_t>(at, header.sampled);
  const std::span<const char> id = Take<char>(at, header.id_bytes);
  record.id = {id.data(), id.size()};
  std::size_t key_bytes = 0;
  for (const std::uint16_t size : record.key_sizes) key_bytes += size;
  record.keys = {reinterpret_cast<const char*>(at), key_bytes};
}

}  // namespace mw::serving
