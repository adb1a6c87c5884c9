// What differs between two states of a declared object.
#include <map>
#include <utility>

#include "base/text.h"
#include "goals/goal.h"

namespace mw::goals {
namespace {

std::string Shown(const Json& value) { return value.IsString() ? value.AsString() : value.Dump(); }

bool IsLeaf(const Json& value) {
  if (value.IsObject()) return value.AsObject().empty();
  return !value.IsArray() || value.AsArray().empty() || !value.AsArray().front().IsObject();
}

using Leaves = std::vector<std::pair<std::string, std::string>>;

// Every leaf with its path: objects by key, lists of objects by the element's name or position.
void Collect(const Json& value, const std::string& path, Leaves& out) {
  if (value.IsNull()) return;
  if (IsLeaf(value)) {
    out.emplace_back(path, Shown(value));
    return;
  }
  const std::string prefix = path.empty() ? path : Cat(path, ".");
  if (value.IsObject()) {
    for (const auto& [key, member] : value.AsObject()) Collect(member, prefix + key, out);
    return;
  }
  std::size_t position = 0;
  for (const Json& element : value.AsArray()) {
    Collect(element, prefix + element.StringOr("name", Cat(position)), out);
    ++position;
  }
}

}  // namespace

std::vector<Change> Diff(const Json& before, const Json& after) {
  Leaves old_leaves, new_leaves;
  Collect(before, "", old_leaves);
  Collect(after, "", new_leaves);
  std::map<std::string, std::string> left(old_leaves.begin(), old_leaves.end());
  std::vector<Change> changes;
  for (const auto& [path, value] : new_leaves) {
    const auto found = left.find(path);
    if (found == left.end()) {
      changes.push_back({path, "", value});
      continue;
    }
    if (found->second != value) changes.push_back({path, found->second, value});
    left.erase(found);
  }
  for (const auto& [path, value] : old_leaves) {
    if (left.contains(path)) changes.push_back({path, value, ""});
  }
  return changes;
}

}  // namespace mw::goals
