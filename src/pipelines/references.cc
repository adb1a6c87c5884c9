// Finding and filling {kind.name}.
#include "pipelines/references.h"

#include <algorithm>
#include <optional>

namespace mw::pipelines {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// The reference that starts at the front of `text`, which is at a '{'.
std::optional<Reference> AtFront(std::string_view text) {
  for (const std::string_view kind : {"params", "inputs", "outputs"}) {
    std::string_view rest = text.substr(1);
    if (!rest.starts_with(kind) || !rest.substr(kind.size()).starts_with('.')) continue;
    rest.remove_prefix(kind.size() + 1);
    const std::size_t length = rest.find('}');
    if (length == std::string_view::npos || length == 0) return std::nullopt;
    const std::string_view name = rest.substr(0, length);
    if (!std::all_of(name.begin(), name.end(), IsNameByte)) return std::nullopt;
    return Reference{kind, name, text.substr(0, kind.size() + length + 3)};
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> FillReferences(std::string_view text,
                                   const std::function<Result<std::string>(const Reference&)>& fill) {
  std::string out;
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find('{'), text.size());
    out.append(text.substr(0, brace));
    text.remove_prefix(brace);
    if (text.empty()) break;
    const auto reference = AtFront(text);
    if (reference) {
      out += TRY(fill(*reference));
    } else {
      out += '{';
    }
    text.remove_prefix(reference ? reference->text.size() : 1);
  }
  return out;
}

bool IsReference(std::string_view text) {
  if (!text.starts_with('{')) return false;
  const auto reference = AtFront(text);
  return reference.has_value() && reference->text.size() == text.size();
}

}  // namespace mw::pipelines
