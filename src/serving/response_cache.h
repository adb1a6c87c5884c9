// Answers that were given before, by model version and input: for endpoints that ask for it, whose clients repeat
// themselves.
//
//   key: the version's serial and the canonical bytes of the input     value: the model's output tensors, immutable
//
// Sharded by hash, a lock for each shard that is held for a look-up and no copying; measured in
// docs/decisions/0011-batching.md. Any thread. Bounded in bytes; what was not asked for since the hand of the clock
// came by goes first.
// Invariant: an answer is found by equal serial and equal bytes, not by equal hashes. A serial is never used again, so
// no answer outlives its version; Forget only gives the memory back.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "serving/tensor.h"

namespace mw::serving {

/// Of the process. These are the defaults, and there are no others.
struct CacheSettings {
  std::size_t bytes_max = std::size_t{64} << 20;  ///< keys, answers and what keeps them
};

/// Of an endpoint.
struct CachePolicy {
  bool enabled = false;
  Duration ttl{0};  ///< 0: for as long as the version lives
};

/// Of one version; the registry's.
struct CacheMetrics {
  CacheMetrics(MetricsRegistry& registry, const std::string& model, const std::string& version);

  Counter& hits;
  Counter& misses;
  Counter& rows;  ///< of the hits
};

struct CacheHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const CacheHash&) const = default;
};

struct CacheKey {
  std::uint64_t serial = 0;
  std::string_view input;
  CacheHash hash;
};

/// The canonical bytes of an input, appended to `out`. Of rows, all values that are missing (NaN) are one.
void AppendCanonical(std::span<const float> rows, std::string& out);
/// Names, datatypes, shapes and bytes.
void AppendCanonical(const TensorList& tensors, std::string& out);

class ResponseCache {
 public:
  /// Both outlive it.
  ResponseCache(const CacheSettings& settings, const Clock& clock, MetricsRegistry& metrics);

  /// `serial`: the version's, of this process. The key refers to `input`.
  [[nodiscard]] CacheKey KeyOf(std::uint64_t serial, std::string_view input) const;
  /// Nothing on a miss; counted either way.
  std::shared_ptr<const TensorList> Find(const CacheKey& key, const CacheMetrics& metrics);
  /// Replaces an answer of the same key. One that would take more than an eighth of a shard is not kept.
  void Put(const CacheKey& key, std::shared_ptr<const TensorList> answer, const CachePolicy& policy);
  /// The version is gone. Takes as long as there are answers: not on a request's thread.
  void Forget(std::uint64_t serial);
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  static constexpr std::size_t kShards = 16;

 private:
  struct HashOf {
    std::size_t operator()(const CacheHash& hash) const { return hash.low; }
  };
  struct Slot {
    CacheHash hash;
    std::uint64_t serial = 0;
    std::string input;
    std::shared_ptr<const TensorList> answer;  // null: the slot is free
    Duration expires{0};
    std::size_t bytes = 0;
    bool referenced = false;  // since the hand came by
  };
  struct alignas(64) Shard {
    Mutex mutex;
    std::unordered_map<CacheHash, std::size_t, HashOf> index MW_GUARDED_BY(mutex);
    std::vector<Slot> slots MW_GUARDED_BY(mutex);
    std::vector<std::size_t> free MW_GUARDED_BY(mutex);
    std::size_t hand MW_GUARDED_BY(mutex) = 0;
    std::size_t bytes MW_GUARDED_BY(mutex) = 0;
  };
  using Answers = std::vector<std::shared_ptr<const TensorList>>;

  Shard& ShardOf(const CacheHash& hash) { return shards_[hash.high % kShards]; }
  static Slot* Look(Shard& shard, const CacheKey& key) MW_REQUIRES(shard.mutex);
  void Drop(Shard& shard, std::size_t at, Answers& dropped) MW_REQUIRES(shard.mutex);
  void MakeRoom(Shard& shard, std::size_t bytes, Answers& dropped) MW_REQUIRES(shard.mutex);
  static Slot& FreeSlot(Shard& shard, const CacheHash& hash) MW_REQUIRES(shard.mutex);

  const std::size_t shard_bytes_max_;
  const Clock& clock_;
  const CacheHash seed_;  // of this process, so that nobody can prepare inputs of one hash
  Counter& evictions_;
  Gauge& bytes_gauge_;
  std::atomic<std::size_t> bytes_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace mw::serving
