// What stands for a value in a filter: numbers, quoted texts, lists of them. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "search/filter.h"

namespace mw::search {

/// Of a token that is a number.
Number ReadNumber(std::string_view text);
/// Errors: kInvalidArgument when it stands in no quotes.
Result<std::string> ReadText(std::string_view written);
/// Of a token that is a list. Errors: kInvalidArgument unless it holds 1 to kMaxListEntries quoted texts.
Result<std::vector<std::string>> ReadList(std::string_view list);

}  // namespace mw::search
