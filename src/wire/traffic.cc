// Encodes, decodes and checks the ways in which versions share requests.
#include "wire/traffic.h"

#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "base/text.h"

namespace mw::wire {
namespace {

constexpr std::array<std::string_view, 4> kStickyNames = {"", "header", "parameter", "column"};

Result<std::int64_t> ParseShare(const Json& value, std::string_view key) {
  const std::int64_t share = TRY(value.GetInt(key));
  if (share < 0 || share > kWeightWhole) {
    return InvalidArgument(key, " is ", share, "; it is 0 to ", kWeightWhole, " ten-thousandths");
  }
  return share;
}

Result<WeightedVersion> ParseWeightedVersion(const Json& value) {
  WeightedVersion version;
  version.version = TRY(value.GetInt("version"));
  version.package = TRY(ParsePackageDigest(value, "package"));
  version.weight = TRY(ParseShare(value, "weight"));
  return version;
}

Result<ShadowVersion> ParseShadow(const Json& value) {
  ShadowVersion shadow;
  shadow.version = TRY(value.GetInt("version"));
  shadow.package = TRY(ParsePackageDigest(value, "package"));
  if (value.Find("share") != nullptr) shadow.share = TRY(ParseShare(value, "share"));
  return shadow;
}

Result<StickyKey> ParseSticky(const Json& value) {
  if (!value.IsObject()) return InvalidArgument("sticky is no object; e.g. {\"header\":\"x-user\"}");
  for (std::size_t from = 1; from < kStickyNames.size(); ++from) {
    if (value.Find(kStickyNames[from]) == nullptr) continue;
    StickyKey sticky;
    sticky.from = static_cast<StickyKey::From>(from);
    sticky.name = TRY(value.GetString(kStickyNames[from]));
    if (!sticky.name.empty() && sticky.name.size() <= kKeyNameBytesMax) return sticky;
    return InvalidArgument("sticky: the name of a ", kStickyNames[from], " has 1 to ", kKeyNameBytesMax, " bytes, not ",
                           sticky.name.size());
  }
  return StickyKey{};  // a later program's kind of key: each request is drawn by itself
}

Result<CacheRules> ParseCache(const Json& value) {
  CacheRules cache;
  cache.enabled = value.BoolOr("enabled", cache.enabled);
  cache.ttl_s = value.IntOr("ttl_s", cache.ttl_s);
  if (cache.ttl_s < 1 || cache.ttl_s > kCacheSecondsMax) {
    return InvalidArgument("cache: ttl_s is ", cache.ttl_s, "; it is 1 to ", kCacheSecondsMax);
  }
  return cache;
}

const Json* FindValue(const Json& value, std::string_view key) {
  const Json* found = value.Find(key);
  return found == nullptr || found->IsNull() ? nullptr : found;
}

}  // namespace

Json ToJson(const ServingLimits& limits) {
  return Json::Make({{"rows_max", Json(limits.rows_max)}, {"body_bytes_max", Json(limits.body_bytes_max)}});
}

Result<ServingLimits> ParseLimits(const Json* value) {
  ServingLimits limits;
  if (value == nullptr || value->IsNull()) return limits;
  limits.rows_max = value->IntOr("rows_max", limits.rows_max);
  limits.body_bytes_max = value->IntOr("body_bytes_max", limits.body_bytes_max);
  if (limits.rows_max < 1 || limits.body_bytes_max < 1) {
    return InvalidArgument("limits must be positive: rows_max ", limits.rows_max, ", body_bytes_max ",
                           limits.body_bytes_max);
  }
  return limits;
}

Result<std::string> ParsePackageDigest(const Json& value, std::string_view key) {
  std::string digest = TRY(value.GetString(key));
  if (digest.size() != 71 || !digest.starts_with("sha256:") ||
      digest.find_first_not_of("0123456789abcdef", 7) != std::string::npos) {
    return InvalidArgument(key, " is ", Quoted(digest), "; expected sha256: and 64 hexadecimal digits");
  }
  return digest;
}

void PutTraffic(const Traffic& traffic, Json& out) {
  if (!traffic.versions.empty()) {
    Json versions = Json::MakeArray();
    for (const WeightedVersion& version : traffic.versions) {
      versions.Append(Json::Make(
          {{"version", Json(version.version)}, {"package", Json(version.package)}, {"weight", Json(version.weight)}}));
    }
    out["versions"] = std::move(versions);
  }
  if (traffic.shadow) {
    out["shadow"] = Json::Make({{"version", Json(traffic.shadow->version)},
                                {"package", Json(traffic.shadow->package)},
                                {"share", Json(traffic.shadow->share)}});
  }
}

void PutSettings(const EndpointSettings& settings, Json& out) {
  if (settings.sticky.from != StickyKey::From::kNothing) {
    const std::string_view from = kStickyNames[static_cast<std::size_t>(settings.sticky.from)];
    out["sticky"] = Json::Make({{std::string(from), Json(settings.sticky.name)}});
  }
  if (settings.cache != CacheRules{}) {
    out["cache"] = Json::Make({{"enabled", Json(settings.cache.enabled)}, {"ttl_s", Json(settings.cache.ttl_s)}});
  }
  if (settings.limits) out["limits"] = ToJson(*settings.limits);
}

Result<Traffic> ParseTraffic(const Json& value) {
  Traffic traffic;
  if (const Json* versions = FindValue(value, "versions")) {
    if (!versions->IsArray()) return InvalidArgument("versions must be a list of version, package and weight");
    for (const Json& version : versions->AsArray()) {
      traffic.versions.push_back(TRY(ParseWeightedVersion(version).In("versions")));
      if (traffic.versions.size() > kSplitVersionsMax) break;
    }
    TRY(CheckWeights(traffic.versions));
    if (traffic.versions.size() == 1) traffic.versions.clear();
  }
  if (const Json* shadow = FindValue(value, "shadow")) traffic.shadow = TRY(ParseShadow(*shadow).In("shadow"));
  return traffic;
}

Result<EndpointSettings> ParseSettings(const Json& value) {
  EndpointSettings settings;
  if (const Json* sticky = FindValue(value, "sticky")) settings.sticky = TRY(ParseSticky(*sticky));
  if (const Json* cache = FindValue(value, "cache")) settings.cache = TRY(ParseCache(*cache));
  if (const Json* limits = FindValue(value, "limits")) settings.limits = TRY(ParseLimits(limits));
  return settings;
}

Status CheckWeights(const std::vector<WeightedVersion>& versions) {
  if (versions.size() > kSplitVersionsMax) {
    return InvalidArgument("more than ", kSplitVersionsMax, " versions share an endpoint");
  }
  std::set<std::int64_t> seen;
  std::int64_t sum = 0;
  for (const WeightedVersion& version : versions) {
    if (!seen.insert(version.version).second) return InvalidArgument("version ", version.version, " is there twice");
    sum += version.weight;
  }
  if (sum == kWeightWhole) return Ok();
  return InvalidArgument("the versions' weights sum up to ", WeightText(sum), ", not to 100%");
}

std::string WeightText(std::int64_t weight) {
  std::string text = Fixed(static_cast<double>(weight) / 100, 2);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "%";
}

Result<std::int64_t> ParseWeight(std::string_view text) {
  const bool percent = text.ends_with('%');
  const std::optional<double> number = ParseDouble(percent ? text.substr(0, text.size() - 1) : text);
  const double weight = number ? *number * (percent ? 100 : 10'000) : -1;
  const double whole = std::round(weight);
  if (!(weight >= 0 && weight <= static_cast<double>(kWeightWhole)) || std::abs(weight - whole) > 1e-6) {
    return InvalidArgument(Quoted(text), " is no share; write 10%, 0.5% or 0.1, in steps of 0.01%");
  }
  return static_cast<std::int64_t>(whole);
}

}  // namespace mw::wire
