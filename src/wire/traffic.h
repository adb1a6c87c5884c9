// How an endpoint's requests are shared among versions, and what holds for all of them: the parts of a desired
// endpoint (desired_state.h) that the control plane also keeps and people set.
// Pure values, any thread. Invariant: weights that ParseTraffic accepted are of different versions and sum up to
// kWeightWhole; every key here is optional in JSON, and absent means what it meant before there was such a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace mw::wire {

/// Weights and shares are counted in ten-thousandths.
inline constexpr std::int64_t kWeightWhole = 10'000;
inline constexpr std::size_t kSplitVersionsMax = 16;
inline constexpr std::size_t kKeyNameBytesMax = 128;
inline constexpr std::int64_t kCacheSecondsMax = std::int64_t{366} * 86'400;

/// One of the versions that share an endpoint's requests.
struct WeightedVersion {
  std::int64_t version = 0;
  std::string package;      ///< digest of the package: a directory artifact's manifest
  std::int64_t weight = 0;  ///< of kWeightWhole; 0: in memory, asked only by its number
  bool operator==(const WeightedVersion&) const = default;
};

/// A version that is asked too, and whose answers nobody gets.
struct ShadowVersion {
  std::int64_t version = 0;
  std::string package;
  std::int64_t share = kWeightWhole;  ///< of the requests, of kWeightWhole
  bool operator==(const ShadowVersion&) const = default;
};

/// {"versions":[{"version","package","weight"}],"shadow":{"version","package","share"}}; neither: one version answers
/// all.
struct Traffic {
  std::vector<WeightedVersion> versions{};  ///< empty, or at least two
  std::optional<ShadowVersion> shadow{};
  bool operator==(const Traffic&) const = default;
};

/// What keeps a caller with one version: the value of a request's header, parameter or column. {"header":"x-user"}
struct StickyKey {
  enum class From : std::uint8_t { kNothing, kHeader, kParameter, kColumn };
  From from = From::kNothing;  ///< each request is drawn by itself
  std::string name{};
  bool operator==(const StickyKey&) const = default;
};

/// Answers are kept and given again to the same rows, as many as fit into each server's cache.
/// {"enabled":true,"ttl_s":60}
struct CacheRules {
  bool enabled = false;
  std::int64_t ttl_s = 60;
  bool operator==(const CacheRules&) const = default;
};

/// Bounds that a model server holds against one request.
struct ServingLimits {
  std::int64_t rows_max = 65'536;
  std::int64_t body_bytes_max = std::int64_t{64} << 20;
  bool operator==(const ServingLimits&) const = default;
};

/// {"sticky":{..},"cache":{..},"limits":{..}}
struct EndpointSettings {
  StickyKey sticky{};
  CacheRules cache{};
  std::optional<ServingLimits> limits{};  ///< nothing: those of the server
  bool operator==(const EndpointSettings&) const = default;
};

Json ToJson(const ServingLimits& limits);
/// Null or absent: the defaults. Errors: kInvalidArgument.
Result<ServingLimits> ParseLimits(const Json* value);

/// Adds the keys that differ from the defaults to an object.
void PutTraffic(const Traffic& traffic, Json& out);
void PutSettings(const EndpointSettings& settings, Json& out);
/// Reads them from an object that may hold other keys too. Errors: kInvalidArgument naming the key and the value.
Result<Traffic> ParseTraffic(const Json& value);
Result<EndpointSettings> ParseSettings(const Json& value);
/// "sha256:" and 64 hexadecimal digits under `key`. Errors: kInvalidArgument.
Result<std::string> ParsePackageDigest(const Json& value, std::string_view key);

/// Errors: kInvalidArgument when the weights do not make a whole, or a version is there twice, or too many are.
Status CheckWeights(const std::vector<WeightedVersion>& versions);
/// 1250 -> "12.5%".
std::string WeightText(std::int64_t weight);
/// "12.5%", also "0.125" of 1. Errors: kInvalidArgument: more digits than there are ten-thousandths, not in 0..100 %.
Result<std::int64_t> ParseWeight(std::string_view text);

}  // namespace mw::wire
