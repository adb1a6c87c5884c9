// An open-addressing table of counters. When it is full, the median count is taken from all of them.
#include "sketch/frequent_items.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "base/text.h"
#include "sketch/hash.h"

namespace mw::sketch {
namespace {

constexpr std::size_t kSmallestTable = 16;
constexpr std::size_t kMarkBytes = 2 + 16;  // "~#" and the hash

}  // namespace

std::string CountedText(std::string_view text) {
  if (text.size() <= FrequentItems::kTextBytesMax) return std::string(text);
  std::size_t end = FrequentItems::kTextBytesMax - kMarkBytes;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  const std::uint64_t hash = HashText(text);
  std::string hash_bytes;
  for (int shift = 56; shift >= 0; shift -= 8) hash_bytes.push_back(static_cast<char>(hash >> shift));
  return Cat(text.substr(0, end), "~#", Hex(hash_bytes));
}

FrequentItems::FrequentItems(std::size_t capacity) : capacity_(capacity) {
  MW_ASSERT(capacity >= 2 && capacity <= kLargestCapacity);
}

std::string_view FrequentItems::TextOf(const Entry& entry) const {
  return std::string_view(texts_).substr(entry.offset, entry.size);
}

std::size_t FrequentItems::SlotOf(std::uint64_t hash, std::string_view text) const {
  std::size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.hash == hash && TextOf(entry) == text) break;
  }
  return slot;
}

bool FrequentItems::Add(std::string_view text, std::uint64_t count) {
  if (text.size() > kTextBytesMax) return Add(CountedText(text), count);
  const bool added = AddHashed(HashText(text), text, count);
  if (entries_.size() > capacity_) Purge();
  return added;
}

bool FrequentItems::AddHashed(std::uint64_t hash, std::string_view text, std::uint64_t count) {
  if (count == 0) return false;
  total_ += count;
  if (entries_.size() * 2 >= slots_.size()) Rebuild();
  const std::size_t slot = SlotOf(hash, text);
  if (slots_[slot] != 0) {
    entries_[slots_[slot] - 1].count += count;
    return false;
  }
  entries_.push_back({hash, count, static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(text.size())});
  texts_.append(text);
  slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  return true;
}

void FrequentItems::Rebuild() {
  std::size_t size = kSmallestTable;
  while (size <= entries_.size() * 2) size *= 2;
  slots_.assign(size, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t slot = entries_[i].hash & (size - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (size - 1);
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

void FrequentItems::Purge() {
  std::vector<std::uint64_t> counts;
  for (const Entry& entry : entries_) counts.push_back(entry.count);
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  const std::uint64_t median = *middle;
  error_ += median;
  std::string texts;
  for (Entry& entry : entries_) {
    entry.count -= std::min(median, entry.count);
    if (entry.count == 0) continue;
    const auto offset = static_cast<std::uint32_t>(texts.size());
    texts.append(TextOf(entry));
    entry.offset = offset;
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.count == 0; });
  texts_ = std::move(texts);
  Rebuild();
}

// All counters first, then one purge: so the order of the counters does not matter.
void FrequentItems::Merge(const FrequentItems& other) {
  if (&other == this) return Merge(FrequentItems(other));
  const std::uint64_t total = total_ + other.total_;
  capacity_ = std::min(capacity_, other.capacity_);
  error_ += other.error_;
  for (const Entry& entry : other.entries_) AddHashed(entry.hash, other.TextOf(entry), entry.count);
  while (entries_.size() > capacity_) Purge();
  total_ = total;
}

std::size_t FrequentItems::UnionSize(const FrequentItems& other) const {
  if (slots_.empty()) return other.size();
  std::size_t size = entries_.size();
  for (const Entry& entry : other.entries_) size += slots_[SlotOf(entry.hash, other.TextOf(entry))] == 0 ? 1 : 0;
  return size;
}

std::uint64_t FrequentItems::CountOf(std::string_view text) const {
  if (text.size() > kTextBytesMax) return CountOf(CountedText(text));
  if (slots_.empty()) return 0;
  const std::uint32_t entry = slots_[SlotOf(HashText(text), text)];
  return entry == 0 ? 0 : entries_[entry - 1].count;
}

std::vector<FrequentItems::Item> FrequentItems::Items() const {
  std::vector<Item> items;
  items.reserve(entries_.size());
  for (const Entry& entry : entries_) items.push_back({TextOf(entry), entry.count});
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.text < b.text; });
  return items;
}

std::vector<FrequentItems::Item> FrequentItems::Top(std::size_t limit) const {
  std::vector<Item> items;
  items.reserve(entries_.size());
  for (const Entry& entry : entries_) items.push_back({TextOf(entry), entry.count});
  const std::size_t kept = std::min(limit, items.size());
  std::partial_sort(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(kept), items.end(),
                    [](const Item& a, const Item& b) { return std::tie(b.count, a.text) < std::tie(a.count, b.text); });
  items.resize(kept);
  return items;
}

std::vector<std::uint64_t> FrequentItems::Hashes() const {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(entries_.size());
  for (const Entry& entry : entries_) hashes.push_back(entry.hash);
  return hashes;
}

void FrequentItems::Write(ByteWriter& out) const {
  out.Varint(capacity_);
  out.Varint(total_);
  out.Varint(error_);
  out.Varint(entries_.size());
  for (const Item& item : Items()) {
    out.Text(item.text);
    out.Varint(item.count);
  }
}

Result<FrequentItems> FrequentItems::Read(ByteReader& in) {
  const std::uint64_t capacity = in.Varint();
  if (capacity < 2 || capacity > kLargestCapacity) in.Fail("counters of an impossible number");
  TRY(in.Check());
  FrequentItems items(static_cast<std::size_t>(capacity));
  const std::uint64_t total = in.Varint();
  items.error_ = in.Varint();
  const std::size_t count = in.Count(items.capacity_, 2);
  std::string_view last;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::string_view text = in.Text(kTextBytesMax);
    const std::uint64_t weight = in.Varint();
    if (weight == 0 || weight > total - items.total_ || (i > 0 && text <= last)) in.Fail("an impossible counter");
    if (!in.failed()) items.Add(text, weight);
    last = text;
  }
  if (items.error_ > total || (items.error_ == 0 && items.total_ != total)) in.Fail("the counts do not add up");
  items.total_ = total;
  TRY(in.Check());
  return items;
}

}  // namespace mw::sketch
