// VERSION "-" TRACE-ID "-" PARENT-ID "-" FLAGS, in lower-case hexadecimal digits.
#include "net/trace_context.h"

#include <algorithm>
#include <span>

#include "base/hex.h"
#include "base/text.h"

namespace mw::net {
namespace {

constexpr std::size_t kSize = 55;  // of version 00; later ones may say more behind it
constexpr std::string_view kZeroVersion = "00";
constexpr std::string_view kNoVersion = "ff";

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
  const bool digits = FromHex(version, number) && FromHex(value.substr(3, 32), context.trace_id) &&
                      FromHex(value.substr(36, 16), context.parent_id) && FromHex(value.substr(53, 2), flags);
  if (!digits || AllZero(context.trace_id) || AllZero(context.parent_id)) return std::nullopt;
  return context;
}

std::string TraceIdText(const TraceContext& context) { return HexOf(context.trace_id); }
std::string ParentIdText(const TraceContext& context) { return HexOf(context.parent_id); }

}  // namespace mw::net
