// Which texts are frequent, in bounded memory: counters in the manner of Misra and Gries (1982) with the purge of
// Anderson and others (2017), "A High-Performance Algorithm for Identifying Frequent Items in Data Streams".
// Exact until `capacity` distinct texts; then half of the counters go at a time and error() grows.
//
// Invariants: lower bound <= true count <= lower bound + error(); error() <= 2 / capacity * total(); texts longer
// than kTextBytesMax are known by their beginning and a hash, so memory is bounded too; while exact() the
// bytes are the same for any order and any split. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sketch/bytes.h"

namespace mw::sketch {

class FrequentItems {
 public:
  static constexpr std::size_t kDefaultCapacity = 4096;
  static constexpr std::size_t kLargestCapacity = 1 << 16;
  static constexpr std::size_t kTextBytesMax = 128;

  struct Item {
    std::string_view text;    ///< lives as long as the sketch is not changed
    std::uint64_t count = 0;  ///< lower bound; exact() or not, at most error() too small
  };

  /// 2 <= capacity <= kLargestCapacity.
  explicit FrequentItems(std::size_t capacity = kDefaultCapacity);

  /// Whether the text was not among the counted before.
  bool Add(std::string_view text, std::uint64_t count = 1);
  /// Which texts keep a counter depends on the two sketches' counts alone. The result has the smaller capacity.
  void Merge(const FrequentItems& other);
  /// How many texts have a counter here or there.
  [[nodiscard]] std::size_t UnionSize(const FrequentItems& other) const;

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] bool exact() const { return error_ == 0; }
  [[nodiscard]] std::uint64_t error() const { return error_; }
  /// The lower bound of a text's count; 0 for one that is not counted.
  [[nodiscard]] std::uint64_t CountOf(std::string_view text) const;
  /// The largest counts first, equal counts by text; at most `limit`.
  [[nodiscard]] std::vector<Item> Top(std::size_t limit) const;
  /// All that are counted, by text.
  [[nodiscard]] std::vector<Item> Items() const;
  /// HashText of all that are counted, in no order.
  [[nodiscard]] std::vector<std::uint64_t> Hashes() const;

  void Write(ByteWriter& out) const;
  /// Errors: kDataLoss for bytes that no Write has made.
  static Result<FrequentItems> Read(ByteReader& in);

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint64_t count;
    std::uint32_t offset;
    std::uint32_t size;
  };

  [[nodiscard]] std::string_view TextOf(const Entry& entry) const;
  bool AddHashed(std::uint64_t hash, std::string_view text, std::uint64_t count);
  [[nodiscard]] std::size_t SlotOf(std::uint64_t hash, std::string_view text) const;
  void Rebuild();
  void Purge();

  std::size_t capacity_;
  std::uint64_t total_ = 0;
  std::uint64_t error_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  ///< open addressing: entry number + 1, 0 is free; a power of two in size
  std::string texts_;
};

/// A text as it is counted: itself, or its beginning and hash when it is longer than kTextBytesMax.
std::string CountedText(std::string_view text);

}  // namespace mw::sketch
