// What imports have in common: their routes; in their bodies lists, pairs, numbers that some sources write as texts.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/text.h"
#include "net/http.h"
#include "net/route.h"
#include "tracking/imports.h"

namespace mw::api::native {

using ImportedPairs = std::vector<std::pair<std::string, std::string>>;

/// Empty when there is none. Errors: kInvalidArgument it is no list.
Result<const Json::Array*> ImportedList(const Json& body, std::string_view key);
/// Errors: kInvalidArgument there is none, or it is no object.
Result<const Json*> ImportedObject(const Json& body, std::string_view key);
/// [{"key", "value"}]
Result<ImportedPairs> ImportedTexts(const Json& body, std::string_view key);
/// 0 when there is none. Errors: kInvalidArgument it is no integer, as a number or as a text.
Result<std::int64_t> ImportedInteger(const Json& body, std::string_view key);
/// "lifecycle_stage": active when there is none. Errors: kInvalidArgument.
Result<tracking::Stage> ImportedStage(const Json& entity);
/// A sum that does not fit into JSON's integers comes as a text. Errors: kInvalidArgument.
Result<std::uint64_t> ImportedSum(const Json& body);

/// {"count", "sum"}: a PointDigest or a SetDigest.
template <typename Digest>
Result<Digest> ImportedDigest(const Json& json) {
  Digest digest;
  digest.count = TRY(json.GetInt("count"));
  digest.sum = TRY(ImportedSum(json));
  return digest;
}

template <typename Item>
Result<std::vector<Item>> ImportedItems(const Json& body, std::string_view key, Result<Item> (*read)(const Json&)) {
  std::vector<Item> items;
  for (const Json& item : *TRY(ImportedList(body, key))) items.push_back(TRY(read(item)));
  return items;
}

/// {"outcomes": [{"id", "state", "to", "why"}]}
net::Response ImportAnswer(const std::vector<tracking::ImportOutcome>& outcomes);

inline constexpr std::size_t kImportBodyBytesMax = std::size_t{32} << 20;
/// POST /api/v1/import/PATH, which `call` answers with the door; for administrators.
template <typename Door, typename Call>
void AddImportRoute(net::RouteTable& routes, std::string_view path, std::size_t body_bytes_max, Door& door, Call call) {
  routes.Add({net::Method::kPost, Cat("/api/v1/import/", path), net::Permission::kAdmin, body_bytes_max,
              net::Simple([&door, call](net::Request& request) { return call(door, request); })});
}

}  // namespace mw::api::native
