// The clock of answers.
#include "serving/response_cache.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/random.h"

namespace mw::serving {
namespace {

/// What a slot and its place in the index take, beside key and answer.
constexpr std::size_t kSlotBytes = 256;
/// And what a tensor takes beside its name, shape and bytes.
constexpr std::size_t kTensorBytes = 128;

std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

void MixWord(CacheHash& hash, std::uint64_t word) {
  hash.low = Fold(hash.low ^ word, 0xD134'2543'DE82'EF95) + 0x632B'E59B'D9B4'E019;
  hash.high = Fold(hash.high ^ word, 0xAEF1'7502'108E'F2D9) + 0x9E37'79B9'7F4A'7C15;
}

CacheHash RandomSeed() {
  const std::string bytes = RandomBytes(sizeof(CacheHash));
  CacheHash seed;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

template <typename Value>
void AppendRaw(std::string& out, const Value& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::size_t BytesOf(const CacheKey& key, const TensorList& answer) {
  return kSlotBytes + key.input.size() + answer.total_bytes() + answer.size() * kTensorBytes;
}

}  // namespace

void AppendCanonical(std::span<const float> rows, std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + rows.size_bytes());
  char* at = out.data() + begin;
  for (const float value : rows) {
    const std::uint32_t bits = std::isnan(value) ? 0x7FC0'0000U : std::bit_cast<std::uint32_t>(value);
    std::memcpy(at, &bits, sizeof bits);
    at += sizeof bits;
  }
}

void AppendCanonical(const TensorList& tensors, std::string& out) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView tensor = tensors[i];
    // Sizes before what they measure, so that two lists never run into the same bytes.
    AppendRaw(out, tensor.name.size());
    out.append(tensor.name);
    AppendRaw(out, tensor.datatype);
    AppendRaw(out, tensor.shape.size());
    for (const std::int64_t size : tensor.shape) AppendRaw(out, size);
    AppendRaw(out, tensor.bytes.size());
    out.append(tensor.bytes);
  }
}

CacheMetrics::CacheMetrics(MetricsRegistry& registry, const std::string& model, const std::string& version)
    : hits(registry.AddCounter("millwright_inference_cache_hits_total", "Requests answered from the response cache.",
                               {{"model", model}, {"version", version}})),
      misses(registry.AddCounter("millwright_inference_cache_misses_total",
                                 "Requests that the response cache had no answer to.",
                                 {{"model", model}, {"version", version}})),
      rows(registry.AddCounter("millwright_inference_cache_rows_total", "Rows answered from the response cache.",
                               {{"model", model}, {"version", version}})) {}

ResponseCache::ResponseCache(const CacheSettings& settings, const Clock& clock, MetricsRegistry& metrics)
    : shard_bytes_max_(settings.bytes_max / kShards),
      clock_(clock),
      seed_(RandomSeed()),
      evictions_(metrics.AddCounter("millwright_inference_cache_evictions_total",
                                    "Answers that made room for others in the response cache.")),
      bytes_gauge_(metrics.AddGauge("millwright_inference_cache_bytes", "Of the response cache.")) {}

CacheKey ResponseCache::KeyOf(std::uint64_t serial, std::string_view input) const {
  CacheKey key{serial, input, seed_};
  MixWord(key.hash, serial);
  MixWord(key.hash, input.size());
  std::size_t at = 0;
  for (; at + 8 <= input.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, input.data() + at, 8);
    MixWord(key.hash, word);
  }
  std::uint64_t rest = 0;
  if (at < input.size()) std::memcpy(&rest, input.data() + at, input.size() - at);
  MixWord(key.hash, rest);
  return key;
}

ResponseCache::Slot* ResponseCache::Look(Shard& shard, const CacheKey& key) {
  const auto found = shard.index.find(key.hash);
  if (found == shard.index.end()) return nullptr;
  Slot& slot = shard.slots[found->second];
  return slot.serial == key.serial && slot.input == key.input ? &slot : nullptr;
}

std::shared_ptr<const TensorList> ResponseCache::Find(const CacheKey& key, const CacheMetrics& metrics) {
  std::shared_ptr<const TensorList> answer;
  {
    Shard& shard = ShardOf(key.hash);
    const Lock lock(shard.mutex);
    Slot* const slot = Look(shard, key);
    if (slot != nullptr && (slot->expires == Duration::max() || slot->expires > clock_.Elapsed())) {
      slot->referenced = true;
      answer = slot->answer;
    }
  }
  (answer == nullptr ? metrics.misses : metrics.hits).Add();
  return answer;
}

void ResponseCache::Put(const CacheKey& key, std::shared_ptr<const TensorList> answer, const CachePolicy& policy) {
  const std::size_t bytes = BytesOf(key, *answer);
  if (bytes > shard_bytes_max_ / 8) return;
  const Duration expires = policy.ttl > Duration(0) ? clock_.Elapsed() + policy.ttl : Duration::max();
  Answers dropped;  // freed without the lock
  {
    Shard& shard = ShardOf(key.hash);
    const Lock lock(shard.mutex);
    // Another key of the same hash goes as well: there is one place for both.
    if (const auto found = shard.index.find(key.hash); found != shard.index.end()) Drop(shard, found->second, dropped);
    MakeRoom(shard, bytes, dropped);
    Slot& slot = FreeSlot(shard, key.hash);
    slot = Slot{key.hash, key.serial, std::string(key.input), std::move(answer), expires, bytes, false};
    shard.bytes += bytes;
  }
  bytes_gauge_.Set(static_cast<double>(bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes));
}

ResponseCache::Slot& ResponseCache::FreeSlot(Shard& shard, const CacheHash& hash) {
  if (shard.free.empty()) {
    shard.free.push_back(shard.slots.size());
    shard.slots.emplace_back();
  }
  const std::size_t at = shard.free.back();
  shard.free.pop_back();
  shard.index.emplace(hash, at);
  return shard.slots[at];
}

void ResponseCache::Drop(Shard& shard, std::size_t at, Answers& dropped) {
  Slot& slot = shard.slots[at];
  shard.index.erase(slot.hash);
  shard.bytes -= slot.bytes;
  bytes_.fetch_sub(slot.bytes, std::memory_order_relaxed);
  dropped.push_back(std::move(slot.answer));
  slot = Slot{};
  shard.free.push_back(at);
}

void ResponseCache::MakeRoom(Shard& shard, std::size_t bytes, Answers& dropped) {
  while (shard.bytes + bytes > shard_bytes_max_) {
    const std::size_t at = shard.hand++ % shard.slots.size();
    Slot& slot = shard.slots[at];
    if (slot.answer == nullptr || std::exchange(slot.referenced, false)) continue;
    Drop(shard, at, dropped);
    evictions_.Add();
  }
}

void ResponseCache::Forget(std::uint64_t serial) {
  for (Shard& shard : shards_) {
    Answers dropped;
    const Lock lock(shard.mutex);
    for (std::size_t at = 0; at < shard.slots.size(); ++at) {
      if (shard.slots[at].answer != nullptr && shard.slots[at].serial == serial) Drop(shard, at, dropped);
    }
  }
  bytes_gauge_.Set(static_cast<double>(bytes()));
}

}  // namespace mw::serving
