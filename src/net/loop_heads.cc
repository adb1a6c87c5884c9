// Compares heads with those that were parsed before.
#include "net/loop_heads.h"

#include <algorithm>
#include <cstring>

namespace mw::net {
namespace {

constexpr std::size_t kDigitsMax = 18;  // as many as http_codec takes

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::memcmp(text.data(), prefix.data(), prefix.size()) == 0;
}

}  // namespace

HeadMemory::Found HeadMemory::Find(std::size_t place, std::string_view text) {
  Place& known = places_[place];
  const std::string_view before = std::string_view(known.text).substr(0, known.digits_at);
  if (known.text.empty() || !StartsWith(text, before)) return {};
  std::size_t at = before.size();
  if (known.length_header != nullptr) {
    std::uint64_t length = 0;
    const std::size_t most = std::min(text.size(), at + kDigitsMax);
    for (; at < most && text[at] >= '0' && text[at] <= '9'; ++at) {
      length = length * 10 + static_cast<std::uint64_t>(text[at] - '0');
    }
    const std::size_t digits = at - before.size();
    if (digits == 0) return {};
    known.head.content_length = length;
    known.length_header->value = text.substr(before.size(), digits);
  }
  const std::string_view after = std::string_view(known.text).substr(known.digits_end);
  if (!StartsWith(text.substr(at), after) || at + after.size() > limit_) return {};
  return {&known.head, at + after.size()};
}

std::optional<Refusal> HeadMemory::Parse(std::size_t place, std::string_view text, const RequestHead*& out) {
  Place& known = places_[place];
  if (text.size() > kHeadBytesMax) {
    out = &large_;
    return ParseRequestHead(text, large_);
  }
  out = &known.head;
  known.text = text;
  auto refusal = ParseRequestHead(known.text, known.head);
  if (refusal) {
    known.text.clear();
  } else {
    FindDigits(known);
  }
  return refusal;
}

void HeadMemory::FindDigits(Place& place) {
  place.digits_at = place.digits_end = place.text.size();
  place.length_header = nullptr;
  for (HeaderView& header : place.head.headers) {
    if (!EqualsIgnoreCase(header.name, "content-length")) continue;
    place.length_header = &header;
    place.digits_at = static_cast<std::size_t>(header.value.data() - place.text.data());
    place.digits_end = place.digits_at + header.value.size();
  }
}

}  // namespace mw::net
