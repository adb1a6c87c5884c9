// From the ids of predictions and the keys of entities to the rows that carry them: an open-addressed table of
// 128-bit hashes, many rows to one id. Ids themselves are not kept: of ten thousand million, the chance that any
// two share a hash is below 1e-18.
//
// Rows are never taken out one by one: whoever owns the table says of each row whether it is still wanted when
// the table is made anew, and passes over the others until then. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "wire/label_batch.h"

namespace mw::predictions {

struct IdHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const IdHash&) const = default;
};
/// Ids and keys hash apart: a key "7" is not the prediction "7".
IdHash HashOf(wire::LabelBy by, std::string_view id);

/// For the standard containers.
struct IdHasher {
  std::size_t operator()(const IdHash& hash) const { return hash.low; }
};

/// A row of a window; windows are numbered in the order in which they came.
struct RowPlace {
  std::uint32_t window = 0;
  std::uint32_t row = 0;
  bool operator==(const RowPlace&) const = default;
};

class IdIndex {
 public:
  /// Rows of one id; one more takes the place of the one that came first.
  static constexpr std::size_t kRowsPerIdMax = 64;

  /// `wanted` is asked about rows whenever the table is made anew.
  explicit IdIndex(std::function<bool(RowPlace)> wanted) : wanted_(std::move(wanted)) {}

  void Insert(const IdHash& hash, RowPlace place);
  /// Calls visit(RowPlace) for each row of that id, wanted or not, in no particular order.
  template <typename Visit>
  void ForEach(const IdHash& hash, Visit visit) const {
    if (entries_.empty()) return;
    for (std::size_t at = hash.low & mask_; entries_[at].used(); at = (at + 1) & mask_) {
      if (entries_[at].hash == hash) visit(entries_[at].place);
    }
  }
  /// Entries, wanted or not.
  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] std::size_t bytes() const { return entries_.size() * sizeof(Entry); }

 private:
  static constexpr std::uint32_t kNoWindow = 0xffffffff;
  struct Entry {
    IdHash hash;
    RowPlace place{kNoWindow, 0};
    [[nodiscard]] bool used() const { return place.window != kNoWindow; }
  };
  void Rebuild();
  void Put(const Entry& entry);

  std::function<bool(RowPlace)> wanted_;
  std::vector<Entry> entries_;
  std::size_t mask_ = 0;
  std::size_t used_ = 0;
};

}  // namespace mw::predictions
