// What a request's `traceparent` says: to which trace it belongs, and which span of it asked (W3C Trace Context,
// level 1). Nothing but names that somebody else made: they are written down and passed on, never trusted.
// Pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mw::net {

struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> parent_id{};
  bool operator==(const TraceContext&) const = default;
};

/// Of a header's value. Nothing for one that is invalid: section 3.2 of the recommendation; of a version that is newer
/// than 00 the parts that are known count.
std::optional<TraceContext> ParseTraceparent(std::string_view value);

/// 32 and 16 digits, as they stand in the header.
std::string TraceIdText(const TraceContext& context);
std::string ParentIdText(const TraceContext& context);

}  // namespace mw::net
