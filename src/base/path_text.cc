// One look at the path, and one at each further decoding of it.
#include "base/path_text.h"

#include <algorithm>
#include <string>

#include "base/hex.h"
#include "base/text.h"

namespace mw {
namespace {

constexpr int kDecodingsMax = 8;

/// What is no escape stays as it is.
std::string DecodedAgain(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = high >= 0 ? HexValue(text[i + 2]) : -1;
    out.push_back(low >= 0 ? static_cast<char>(high * 16 + low) : text[i]);
    if (low >= 0) i += 2;
  }
  return out;
}

// "." and "..", also with path parameters as in "..;x", which some servers take for "..".
bool IsDotSegment(std::string_view segment) {
  const std::string_view name = segment.substr(0, segment.find(';'));
  return name == "." || name == "..";
}

Status CheckOnce(std::string_view path) {
  if (!IsUtf8(path)) return InvalidArgument("path ", Quoted(path), " is not UTF-8");
  const auto odd = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\\' || byte < 0x20 || byte == 0x7f;
  };
  if (std::any_of(path.begin(), path.end(), odd)) {
    return InvalidArgument("path ", Quoted(path), " has a backslash or a control character");
  }
  for (const std::string_view segment : Split(path, '/')) {
    if (IsDotSegment(segment)) return InvalidArgument("path ", Quoted(path), " has a '.' or '..' segment");
  }
  return Ok();
}

}  // namespace

Status CheckDecodedPath(std::string_view path) {
  TRY(CheckOnce(path));
  const auto slashes = std::count(path.begin(), path.end(), '/');
  std::string before(path);
  for (int i = 0; i < kDecodingsMax; ++i) {
    std::string after = DecodedAgain(before);
    if (after == before) return Ok();
    if (!CheckOnce(after).ok() || std::count(after.begin(), after.end(), '/') != slashes) {
      return InvalidArgument("path ", Quoted(path), " hides another path behind a second encoding");
    }
    before = std::move(after);
  }
  return InvalidArgument("path ", Quoted(path), " is encoded too many times");
}

}  // namespace mw
