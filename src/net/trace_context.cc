// VERSION "-" TRACE-ID "-" PARENT-ID "-" FLAGS, in lower-case hexadecimal digits.
#include "net/trace_context.h"

#include <algorithm>
#include <span>

#include "base/text.h"

namespace mw::net {
namespace {

constexpr std::size_t kSize = 55;  // of version 00; later ones may say more behind it
constexpr std::string_view kZeroVersion = "00";
constexpr std::string_view kNoVersion = "ff";

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// False unless all are digits.
bool ReadHex(std::string_view digits, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = Digit(digits[2 * i]);
    const int low = Digit(digits[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

bool AllZero(std::span<const std::uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

template <std::size_t kBytes>
std::string HexOf(const std::array<std::uint8_t, kBytes>& bytes) {
  return Hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(std::string_view value) {
  if (value.size() < kSize || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const std::string_view version = value.substr(0, 2);
  const bool longer = value.size() > kSize;
  if (version == kNoVersion || (longer && (version == kZeroVersion || value[kSize] != '-'))) return std::nullopt;
  TraceContext context;
  std::array<std::uint8_t, 1> number{};
  std::array<std::uint8_t, 1> flags{};
  const bool digits = ReadHex(version, number) && ReadHex(value.substr(3), context.trace_id) &&
                      ReadHex(value.substr(36), context.parent_id) && ReadHex(value.substr(53), flags);
  if (!digits || AllZero(context.trace_id) || AllZero(context.parent_id)) return std::nullopt;
  return context;
}

std::string TraceIdText(const TraceContext& context) { return HexOf(context.trace_id); }
std::string ParentIdText(const TraceContext& context) { return HexOf(context.parent_id); }

}  // namespace mw::net
