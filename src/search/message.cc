// Shortened and quoted text.
#include "search/message.h"

#include "base/text.h"

namespace mw::search {
namespace {

std::size_t CharacterStart(std::string_view text, std::size_t at) {
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

void AppendEscaped(std::string& out, char c, char quote) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '\n') {
    out.append("\\n");
  } else if (c == '\r') {
    out.append("\\r");
  } else if (c == '\t') {
    out.append("\\t");
  } else if (byte < 0x20 || byte == 0x7f) {
    CatTo(out, "\\x", Hex({&c, 1}));
  } else {
    if (c == '\\' || c == quote) out.push_back('\\');
    out.push_back(c);
  }
}

}  // namespace

std::string Clipped(std::string_view text) {
  if (text.size() <= kMaxQuotedBytes) return std::string(text);
  return Cat(text.substr(0, CharacterStart(text, kMaxQuotedBytes)), "...");
}

std::string PythonText(std::string_view text) {
  const std::string shown = Clipped(text);
  const char quote = shown.find('\'') != std::string::npos && shown.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : shown) AppendEscaped(out, c, quote);
  out.push_back(quote);
  return out;
}

}  // namespace mw::search
