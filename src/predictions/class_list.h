// The classes of one endpoint, by number: those of its versions and those that labels brought. It only grows, so a
// number means the same for ever. Pure; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mw::predictions {

class ClassList {
 public:
  explicit ClassList(std::vector<std::string> names);

  /// The class's number; one that is not there yet comes last.
  std::size_t Add(const std::string& name);
  /// The same for what a label says, which may write a number in another way: "5.0" is "5".
  std::size_t AddLabel(const std::string& text);
  /// Whether AddLabel would add nothing.
  [[nodiscard]] bool Knows(const std::string& text) const;

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> numbers_;
};

}  // namespace mw::predictions
