// Fields of imports.
#include "api/native/import_fields.h"

#include <charconv>

#include "base/text.h"

namespace mw::api::native {

Result<const Json::Array*> ImportedList(const Json& body, std::string_view key) {
  static const Json::Array kNone;
  const Json* list = body.Find(key);
  if (list == nullptr || list->IsNull()) return &kNone;
  if (!list->IsArray()) return InvalidArgument(Quoted(key), " must be a list");
  return &list->AsArray();
}

Result<const Json*> ImportedObject(const Json& body, std::string_view key) {
  const Json* member = body.Find(key);
  if (member == nullptr || !member->IsObject()) return InvalidArgument(Quoted(key), " must be an object");
  return member;
}

Result<ImportedPairs> ImportedTexts(const Json& body, std::string_view key) {
  ImportedPairs pairs;
  for (const Json& pair : *TRY(ImportedList(body, key))) {
    pairs.emplace_back(TRY(pair.GetString("key")), pair.StringOr("value", ""));
  }
  return pairs;
}

Result<std::int64_t> ImportedInteger(const Json& body, std::string_view key) {
  const Json* member = body.Find(key);
  if (member == nullptr || member->IsNull()) return 0;
  if (member->IsInt()) return member->AsInt();
  if (const auto number = member->IsString() ? ParseInt(member->AsString()) : std::nullopt) return *number;
  return InvalidArgument(Quoted(key), " must be an integer, not ", member->Dump());
}

Result<tracking::Stage> ImportedStage(const Json& entity) {
  const std::string stage = entity.StringOr("lifecycle_stage", "active");
  if (stage == "active") return tracking::Stage::kActive;
  if (stage == "deleted") return tracking::Stage::kDeleted;
  return InvalidArgument("lifecycle_stage ", Quoted(stage), " is neither active nor deleted");
}

Result<std::uint64_t> ImportedSum(const Json& body) {
  const std::string text = TRY(body.GetString("sum"));
  std::uint64_t sum = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), sum);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return sum;
  return InvalidArgument("sum ", Quoted(text), " must be a number below 2^64");
}

net::Response ImportAnswer(const std::vector<tracking::ImportOutcome>& outcomes) {
  Json list = Json::MakeArray();
  for (const tracking::ImportOutcome& outcome : outcomes) {
    Json one = Json::Make({{"id", outcome.id}, {"state", tracking::ImportStateName(outcome.state)}});
    if (!outcome.to.empty()) one["to"] = outcome.to;
    if (!outcome.why.empty()) one["why"] = outcome.why;
    list.Append(std::move(one));
  }
  return net::JsonResponse(Json::Make({{"outcomes", std::move(list)}}));
}

}  // namespace mw::api::native
