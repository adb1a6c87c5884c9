// SQL of what versions were made of.
#include "registry/version_use.h"

#include "base/text.h"

namespace mw::registry {
namespace {

/// Between slashes, quotes and ends: a run called "1" is not in every digest.
bool Stands(std::string_view value, std::string_view text) {
  const auto ends = [](char c) { return c == '/' || c == '"'; };
  for (std::size_t at = value.find(text); at != std::string_view::npos; at = value.find(text, at + 1)) {
    const std::size_t after = at + text.size();
    const bool begins = at == 0 || ends(value[at - 1]);
    if (begins && (text.ends_with('/') || after == value.size() || ends(value[after]))) return true;
  }
  return false;
}

bool Names(const db::Row& row, std::string_view text) {
  for (std::size_t column = 0; column < row.size(); ++column) {
    const auto* value = std::get_if<std::string>(&row.At(column));
    if (value != nullptr && Stands(*value, text)) return true;
  }
  return false;
}

}  // namespace

Result<std::string> VersionThatNames(db::Snapshot& snapshot, std::string_view text) {
  // Every column, so that none that is added later is forgotten.
  const db::Rows rows =
      TRY(snapshot.Query("SELECT v.model, v.version, v.* FROM registry_versions v ORDER BY v.model, v.version"));
  for (const db::Row& row : rows) {
    if (Names(row, text)) return Cat("model ", Quoted(row.Text(0)), " version ", row.Int(1));
  }
  return std::string();
}

}  // namespace mw::registry
