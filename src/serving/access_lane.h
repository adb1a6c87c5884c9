// The way of one server thread's requests to the access log's thread: a ring of entries with one writer and one reader.
// Nobody waits for anybody: an entry that finds no room is counted, and that is all.
//
//   loop's thread: Begin, fill, Commit --> [ entries ] --> Drain: the log's thread
//
// The writer decides what is written down, so that a million requests a second neither fill the disk nor slow each
// other: of those that were answered quickly every one up to kOrdinaryPerSecond a second, of more one in so many that
// about that many remain (each says for how many it stands); refused, failed and slow ones up to kProblemsPerSecond.
// Invariant: every request that Begin was asked for is in the ring or counted in `skipped` or `dropped`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "serving/access_entry.h"

namespace mw::serving {

/// An answer that took as long is always written down.
inline constexpr Duration kSlowAnswer = std::chrono::milliseconds(100);

class AccessLane {
 public:
  static constexpr std::uint32_t kOrdinaryPerSecond = 1'000;
  static constexpr std::uint32_t kProblemsPerSecond = 2'000;
  static constexpr std::size_t kEntries = 1'024;

  explicit AccessLane(std::size_t entries = kEntries);
  AccessLane(const AccessLane&) = delete;
  AccessLane& operator=(const AccessLane&) = delete;

  /// The writer's, once for each request: an entry to fill and Commit, its texts empty, or null when this request is
  /// not written down. `now`: Clock::Elapsed.
  AccessEntry* Begin(Outcome outcome, Duration total, Duration now) {
    if (now >= second_end_) [[unlikely]]
      NextSecond(now);
    if (outcome != Outcome::kAnswered || total >= kSlowAnswer) [[unlikely]]
      return BeginProblem();
    ++ordinary_;
    if (--until_next_ > 0) [[likely]] {
      Count(skipped_);
      return nullptr;
    }
    return BeginOrdinary();
  }
  void Commit() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// The reader's: calls use(const AccessEntry&) for everything that was committed.
  template <typename Use>
  void Drain(const Use& use) {
    std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    for (const std::uint64_t head = head_.load(std::memory_order_acquire); tail < head;) {
      use(static_cast<const AccessEntry&>(*EntryAt(tail)));
      tail_.store(++tail, std::memory_order_release);
    }
  }
  /// Requests that were not written down because there were many, and because the ring was full. Any thread.
  [[nodiscard]] std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void NextSecond(Duration now);
  AccessEntry* BeginProblem();
  AccessEntry* BeginOrdinary();
  AccessEntry* Place(std::uint32_t one_of);
  /// One writer: no locked instruction.
  static void Count(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  [[nodiscard]] AccessEntry* EntryAt(std::uint64_t number) const {
    return std::launder(reinterpret_cast<AccessEntry*>(bytes_.get() + number % size_ * sizeof(AccessEntry)));
  }

  const std::size_t size_;
  const std::unique_ptr<std::byte[]> bytes_;  // of the entries; pages that were never written take no memory

  // The writer's own.
  Duration second_end_{0};
  std::uint64_t ordinary_ = 0;  // of this second, written down or not
  std::uint32_t written_ = 0;   // of those
  std::uint32_t problems_ = 0;  // of this second, written down
  std::uint32_t one_of_ = 1;
  std::uint32_t until_next_ = 1;

  alignas(64) std::atomic<std::uint64_t> head_{0};  // entries ever written
  std::atomic<std::uint64_t> skipped_{0};
  std::atomic<std::uint64_t> dropped_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // entries ever read
};

}  // namespace mw::serving
