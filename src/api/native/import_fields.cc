// Fields of imports.
#include "api/native/import_fields.h"

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

}  // namespace mw::api::native
