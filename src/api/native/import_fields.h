// What the bodies of imports have in common: lists, pairs, numbers that some sources write as texts. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

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

}  // namespace mw::api::native
