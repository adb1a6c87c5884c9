// Digits, a dash, digits.
#include "api/byte_range.h"

#include <algorithm>

#include "base/text.h"

namespace mw::api {
namespace {

std::optional<std::uint64_t> Digits(std::string_view text) {
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto number = digits ? ParseInt(text) : std::nullopt;
  return number ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

}  // namespace

Result<std::optional<ByteRange>> ParseRange(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const std::optional<ByteRange> whole;
  if (!header.starts_with(kUnit)) return whole;
  const std::string_view asked = header.substr(kUnit.size());
  const std::size_t dash = asked.find('-');
  if (dash == std::string_view::npos) return whole;
  const std::string_view first = asked.substr(0, dash), last = asked.substr(dash + 1);
  const auto begin = Digits(first), end = Digits(last);
  if ((!first.empty() && !begin) || (!last.empty() && !end) || (!begin && !end) || (begin && end && *end < *begin)) {
    return whole;
  }
  ByteRange range{begin.value_or(size - std::min(size, end.value_or(0))), size};
  if (begin && end) range.end = std::min(size, *end + 1);
  if (range.begin < size) return std::optional(range);
  return Error{Code::kOutOfRange, Cat("the range ", header, " begins behind the end at ", size), {}};
}

}  // namespace mw::api
