// What names and values sound like to a person: hints for `init`, never more. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mw::steps {

/// "yes", "true", "1", "malignant": of two values the one to look for.
bool SaysYes(std::string_view value);
bool SaysNo(std::string_view value);
/// Whether one of the words stands by itself in a name: "customer_id" and "CustomerId" have "id", "idle" has not.
bool HasWord(std::string_view name, const std::vector<std::string_view>& words);
/// The words of a name in lower case: "isLate_2" -> is, late, 2.
std::vector<std::string> WordsOf(std::string_view name);
/// A column named after the label, or after what happens in the end.
bool SoundsLate(std::string_view column, std::string_view label);
/// "My Data.csv" -> "my-data": letters, digits and -.
std::string NameFrom(std::string_view path);
/// "12 %", "3.4 %" near the ends.
std::string Percent(double share);
/// "1 row", "1,234 rows".
std::string Rows(std::int64_t count);

}  // namespace mw::steps
