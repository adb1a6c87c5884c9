// Tokens are JSON in hexadecimal: opaque, and safe in a query.
#include "tracking/run_search.h"

#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::tracking {
namespace {

constexpr std::size_t kTokenBytesMax = 64 << 10;

Json ToJson(const RunPlace::Key& key) {
  Json value;
  std::visit([&value](const auto& held) { value = Json(held); }, key.value);
  return Json(Json::Array{Json(key.rank), std::move(value)});
}

std::optional<RunPlace::Key> ReadKey(const Json& json) {
  if (!json.IsArray() || json.AsArray().size() != 2 || !json.AsArray()[0].IsInt()) return std::nullopt;
  const Json& value = json.AsArray()[1];
  RunPlace::Key key;
  key.rank = json.AsArray()[0].AsInt();
  if (value.IsInt()) {
    key.value = value.AsInt();
  } else if (value.IsNumber()) {
    key.value = value.AsDouble();
  } else if (value.IsString()) {
    key.value = value.AsString();
  } else {
    return std::nullopt;
  }
  return key;
}

std::optional<RunPlace> ReadPlace(const std::string& text, std::size_t keys) {
  const auto json = Json::Parse(text);
  if (!json.ok()) return std::nullopt;
  const Json* list = json->Find("k");
  const auto started = json->GetInt("t");
  const auto id = json->GetString("i");
  if (list == nullptr || !list->IsArray() || list->AsArray().size() != keys || !started.ok() || !id.ok()) {
    return std::nullopt;
  }
  RunPlace place;
  place.started = *started;
  place.id = *id;
  for (const Json& element : list->AsArray()) {
    auto key = ReadKey(element);
    if (!key) return std::nullopt;
    place.keys.push_back(*std::move(key));
  }
  return place;
}

}  // namespace

std::string PageToken(const RunPlace& place) {
  Json keys = Json::MakeArray();
  for (const RunPlace::Key& key : place.keys) keys.Append(ToJson(key));
  return Hex(Json::Make({{"k", std::move(keys)}, {"t", place.started}, {"i", place.id}}).Dump());
}

Result<RunPlace> ParsePageToken(std::string_view token, const search::OrderBy& order) {
  return ParsePageToken(token, order.size());
}

Result<RunPlace> ParsePageToken(std::string_view token, std::size_t keys) {
  const auto text = token.size() <= kTokenBytesMax ? FromHex(token) : std::nullopt;
  std::optional<RunPlace> place = text ? ReadPlace(*text, keys) : std::nullopt;
  if (place) return *std::move(place);
  return InvalidArgument("Invalid page token, could not base64-decode ", Quoted(token),
                         "; it is not one that this search gave");
}

}  // namespace mw::tracking
