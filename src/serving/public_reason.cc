// Paths begin with a slash that follows neither a name nor another slash, and end where no name goes on.
#include "serving/public_reason.h"

#include <algorithm>

namespace mw::serving {
namespace {

bool IsPathByte(char byte) {
  constexpr std::string_view kOthers = "/._-+=@%#~";
  const auto value = static_cast<unsigned char>(byte);
  return value >= 0x80 || (value >= '0' && value <= '9') || ((value | 0x20) >= 'a' && (value | 0x20) <= 'z') ||
         kOthers.find(byte) != std::string_view::npos;
}

bool BeginsPath(std::string_view text, std::size_t at) {
  if (text[at] != '/') return false;
  if (at == 0) return true;
  const char before = text[at - 1];
  return before == '=' || !(IsPathByte(before) || (before == ':' && text.substr(at).starts_with("//")));
}

std::string_view NameOf(std::string_view path, std::string_view root) {
  if (!root.empty() && path.size() > root.size() + 1 && path.starts_with(root) && path[root.size()] == '/') {
    return path.substr(root.size() + 1);
  }
  const std::size_t last = path.find_last_not_of('/');
  return last == std::string_view::npos ? path : path.substr(path.rfind('/', last) + 1);
}

}  // namespace

std::string PublicReason(std::string_view reason, std::string_view root) {
  std::string out;
  std::size_t at = 0;
  while (at < reason.size()) {
    if (!BeginsPath(reason, at)) {
      out += reason[at++];
      continue;
    }
    const auto end = std::find_if_not(reason.begin() + static_cast<std::ptrdiff_t>(at), reason.end(), IsPathByte);
    const std::string_view path = reason.substr(at, static_cast<std::size_t>(end - reason.begin()) - at);
    out += NameOf(path, root);
    at += path.size();
  }
  return out;
}

}  // namespace mw::serving
