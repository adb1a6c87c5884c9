// Small text operations that the standard library of C++20 lacks. Pure functions, any thread.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mw {

namespace text_internal {
inline void Append(std::string& out, std::string_view part) { out.append(part); }
inline void Append(std::string& out, const char* part) { out.append(part); }
inline void Append(std::string& out, const std::string& part) { out.append(part); }
inline void Append(std::string& out, char part) { out.push_back(part); }
inline void Append(std::string& out, bool part) { out.append(part ? "true" : "false"); }
template <typename Number>
  requires std::integral<Number> || std::floating_point<Number>
void Append(std::string& out, Number part) {
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, part);
  out.append(buffer, result.ptr);
}
}  // namespace text_internal

/// The parts written one after the other: text, characters, numbers (shortest exact form), bools.
template <typename... Parts>
std::string Cat(const Parts&... parts) {
  std::string out;
  (text_internal::Append(out, parts), ...);
  return out;
}
template <typename... Parts>
void CatTo(std::string& out, const Parts&... parts) {
  (text_internal::Append(out, parts), ...);
}

/// `value` with `digits` decimals; "nan", "inf", "-inf" as they are.
std::string Fixed(double value, int digits);
/// 1234567 -> "1,234,567".
std::string WithThousands(long long value);
/// Pieces between separators, empty ones included; "" gives one empty piece.
std::vector<std::string_view> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
/// Without ASCII white space at both ends.
std::string_view Trim(std::string_view text);
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);
/// ASCII case-insensitive equality.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
/// The whole text as a number of that type, or nothing. Accepts "nan" and "inf" for doubles.
std::optional<long long> ParseInt(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);
/// Lower-case hexadecimal of the bytes.
std::string Hex(std::string_view bytes);
/// Whether the bytes are well-formed UTF-8.
bool IsUtf8(std::string_view bytes);
/// `text` in double quotes, shortened to `limit` bytes, control characters escaped: for messages.
std::string Quoted(std::string_view text, std::size_t limit = 80);
/// The candidate with the fewest edits from `word`, if near enough to be what was meant; else empty.
std::string_view Nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace mw
