// The hash and the table.
#include "predictions/id_index.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mw::predictions {
namespace {

__extension__ typedef unsigned __int128 Wide;  // NOLINT(modernize-use-using): __extension__ wants it

// Odd, with half of their bits set.
constexpr std::uint64_t kMixA = 0x9e3779b97f4a7c15;
constexpr std::uint64_t kMixB = 0xc2b2ae3d27d4eb4f;
constexpr std::uint64_t kMixC = 0xd6e8feb86659fd93;
constexpr std::size_t kSmallestTable = 64;

/// Both halves of the product folded: every bit of either factor moves every bit of the result.
std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// The next up to eight bytes as a number.
std::uint64_t Word(std::string_view text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data(), std::min<std::size_t>(text.size(), 8));
  return word;
}

}  // namespace

IdHash HashOf(wire::LabelBy by, std::string_view id) {
  IdHash hash{kMixA ^ static_cast<std::uint64_t>(by), kMixC + id.size()};
  for (std::string_view rest = id; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 8))) {
    const std::uint64_t word = Word(rest);
    hash.low = Fold(hash.low ^ word, kMixB) + kMixC;
    hash.high = Fold(hash.high + word, kMixA) ^ std::rotl(hash.low, 23);
  }
  return {Fold(hash.low ^ id.size(), kMixA), Fold(hash.high ^ hash.low, kMixB)};
}

void IdIndex::Insert(const IdHash& hash, RowPlace place) {
  if ((used_ + 1) * 5 > entries_.size() * 3) Rebuild();
  Entry* oldest = nullptr;
  std::size_t same = 0;
  for (std::size_t at = hash.low & mask_; entries_[at].used(); at = (at + 1) & mask_) {
    Entry& entry = entries_[at];
    if (entry.hash != hash) continue;
    ++same;
    const bool older = oldest == nullptr || entry.place.window < oldest->place.window ||
                       (entry.place.window == oldest->place.window && entry.place.row < oldest->place.row);
    if (older) oldest = &entry;
  }
  if (same >= kRowsPerIdMax) {
    oldest->place = place;
    return;
  }
  Put({hash, place});
}

void IdIndex::Put(const Entry& entry) {
  std::size_t at = entry.hash.low & mask_;
  while (entries_[at].used()) at = (at + 1) & mask_;
  entries_[at] = entry;
  ++used_;
}

void IdIndex::Rebuild() {
  std::vector<Entry> old = std::move(entries_);
  std::erase_if(old, [this](const Entry& entry) { return !entry.used() || !wanted_(entry.place); });
  entries_.assign(std::max(kSmallestTable, std::bit_ceil(old.size() * 5 / 2 + 1)), Entry{});
  mask_ = entries_.size() - 1;
  used_ = 0;
  for (const Entry& entry : old) Put(entry);
}

}  // namespace mw::predictions
