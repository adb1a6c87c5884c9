// Which requests are written down.
#include "serving/access_lane.h"

#include <algorithm>
#include <type_traits>

namespace mw::serving {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);

}  // namespace

AccessLane::AccessLane(std::size_t entries)
    : size_(entries), bytes_(std::make_unique_for_overwrite<std::byte[]>(entries * sizeof(AccessEntry))) {
  static_assert(std::is_trivially_destructible_v<AccessEntry> && alignof(AccessEntry) <= alignof(std::max_align_t));
}

/// One in so many, as the requests of the second before want it; after a pause all of them.
void AccessLane::NextSecond(Duration now) {
  const bool follows = now < second_end_ + kSecond;
  const std::uint64_t expected = follows ? ordinary_ : 0;
  one_of_ = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>((expected + kOrdinaryPerSecond - 1) / kOrdinaryPerSecond, 1, UINT32_MAX / 2));
  until_next_ = std::clamp<std::uint32_t>(until_next_, 1, one_of_);
  second_end_ = now + kSecond;
  ordinary_ = 0;
  written_ = problems_ = 0;
}

AccessEntry* AccessLane::BeginProblem() {
  if (problems_ < kProblemsPerSecond) {
    ++problems_;
    return Place(1);
  }
  Count(skipped_);
  return nullptr;
}

AccessEntry* AccessLane::BeginOrdinary() {
  until_next_ = one_of_;
  if (written_ < kOrdinaryPerSecond) {
    ++written_;
    return Place(one_of_);
  }
  Count(skipped_);
  return nullptr;
}

AccessEntry* AccessLane::Place(std::uint32_t one_of) {
  const std::uint64_t head = head_.load(std::memory_order_relaxed);
  if (head - tail_.load(std::memory_order_acquire) >= size_) {
    Count(dropped_);
    return nullptr;
  }
  auto* const entry = new (bytes_.get() + head % size_ * sizeof(AccessEntry)) AccessEntry;
  entry->one_of = one_of;
  return entry;
}

}  // namespace mw::serving
