// Numbers beyond what doubles hold are read as MLflow reads them.
#include "search/literal.h"

#include <charconv>
#include <limits>
#include <optional>

#include "base/text.h"
#include "search/dialect.h"
#include "search/message.h"
#include "search/scanner.h"

namespace mw::search {
namespace {

// The place of the first digit that is not 0 before the point, counted from it: 1 for "7", 3 for "700", 0 for ".7".
std::int64_t Magnitude(std::string_view digits) {
  const std::size_t point = digits.find('.');
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return std::numeric_limits<std::int32_t>::min();
  const auto before = static_cast<std::int64_t>(point == std::string_view::npos ? digits.size() : point);
  const auto place = before - static_cast<std::int64_t>(first);
  return place < 0 ? place + 1 : place;
}

// The value of a number that doubles cannot hold: infinite, or 0 when it is that small.
double OutOfRange(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t e = text.find_first_of("eE");
  std::int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    constexpr std::int64_t kHuge = std::numeric_limits<std::int32_t>::max();
    exponent = ParseInt(digits).value_or(digits.starts_with('-') ? -kHuge : kHuge);
    text = text.substr(0, e);
  }
  const double size = Magnitude(text) + exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -size : size;
}

Error IllFormedList() {
  return InvalidArgument(
      "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.");
}

// One entry and the comma behind it; false when the entry is a number, which is refused after the list's form.
Result<bool> ReadListEntry(const Token& entry, Scanner& scanner) {
  const bool text = entry.kind == TokenKind::kText || (entry.kind == TokenKind::kName && Unquoted(entry.text));
  if (!text && entry.kind != TokenKind::kNumber) return IllFormedList();
  const Token comma = scanner.Next();
  if (comma.kind != TokenKind::kEnd && comma.text != ",") return IllFormedList();
  return text;
}

}  // namespace

Number ReadNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number number;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, number.value).ec != std::errc()) number.value = OutOfRange(text);
  if (const std::optional<long long> integer = ParseInt(text)) number.integer = *integer;
  return number;
}

Result<std::string> ReadText(std::string_view written) {
  if (const auto text = Unquoted(written)) return std::string(*text);
  return InvalidArgument("Parameter value is either not quoted or unidentified quote types used for string value ",
                         Clipped(written), ". Use either single or double quotes.");
}

Result<std::vector<std::string>> ReadList(std::string_view list) {
  Scanner scanner(list.substr(1, list.size() - 2));
  std::vector<std::string> out;
  std::size_t entries = 0;
  bool all_texts = true;
  for (Token entry = scanner.Next(); entry.kind != TokenKind::kEnd; entry = scanner.Next()) {
    if (++entries > kMaxListEntries) {
      return InvalidArgument("Invalid filter: a list of more than ", kMaxListEntries,
                             " values. Search for fewer at once.");
    }
    const bool text = TRY(ReadListEntry(entry, scanner));
    all_texts = all_texts && text;
    if (text) out.emplace_back(*Unquoted(entry.text));
  }
  if (entries == 0) {
    return InvalidArgument(
        "While parsing a list in the query, expected a non-empty list of string values, but got empty list");
  }
  if (all_texts) return out;
  return InvalidArgument(
      "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type "
      "in list: ",
      Clipped(list));
}

}  // namespace mw::search
