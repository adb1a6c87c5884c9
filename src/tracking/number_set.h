// Numbers of runs, one bit for each up to the greatest: 100,000 runs take 12 KB. Pure, any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace mw::tracking {

/// Numbers from 0.
class NumberSet {
 public:
  void Add(std::int64_t number) {
    const auto word = static_cast<std::size_t>(number) / 64;
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= BitOf(number);
  }
  [[nodiscard]] bool Has(std::int64_t number) const {
    const auto word = static_cast<std::size_t>(number) / 64;
    return word < words_.size() && (words_[word] & BitOf(number)) != 0;
  }
  /// Leaves what is in `other` too.
  void Keep(const NumberSet& other) {
    if (words_.size() > other.words_.size()) words_.resize(other.words_.size());
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  void Join(const NumberSet& other) {
    if (words_.size() < other.words_.size()) words_.resize(other.words_.size());
    for (std::size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
  }
  /// Leaves what is not in `other`.
  void Drop(const NumberSet& other) {
    for (std::size_t i = 0; i < words_.size() && i < other.words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  [[nodiscard]] std::size_t Count() const {
    std::size_t count = 0;
    for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
    return count;
  }
  /// Ascending.
  [[nodiscard]] std::vector<std::int64_t> Numbers() const {
    std::vector<std::int64_t> numbers;
    numbers.reserve(Count());
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        numbers.push_back(static_cast<std::int64_t>(i) * 64 + std::countr_zero(word));
      }
    }
    return numbers;
  }

  /// The least number there may be a bit of, a multiple of 64, and words of 64 bits from there on.
  [[nodiscard]] std::pair<std::int64_t, std::span<const std::uint64_t>> Words() const {
    std::size_t first = 0;
    while (first < words_.size() && words_[first] == 0) ++first;
    return {static_cast<std::int64_t>(first) * 64, std::span(words_).subspan(first)};
  }

 private:
  static std::uint64_t BitOf(std::int64_t number) {
    return std::uint64_t{1} << (static_cast<std::uint64_t>(number) % 64);
  }
  std::vector<std::uint64_t> words_;
};

}  // namespace mw::tracking
