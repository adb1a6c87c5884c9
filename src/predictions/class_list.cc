// Names to numbers.
#include "predictions/class_list.h"

#include "wire/label_names.h"

namespace mw::predictions {

ClassList::ClassList(std::vector<std::string> names) : names_(std::move(names)) {
  for (std::size_t i = 0; i < names_.size(); ++i) numbers_.emplace(names_[i], i);
}

std::size_t ClassList::Add(const std::string& name) {
  const auto [found, is_new] = numbers_.try_emplace(name, names_.size());
  if (is_new) names_.push_back(name);
  return found->second;
}

std::size_t ClassList::AddLabel(const std::string& text) {
  const int place = wire::PlaceOfName(names_, text);
  return place < 0 ? Add(text) : static_cast<std::size_t>(place);
}

bool ClassList::Knows(const std::string& text) const { return wire::PlaceOfName(names_, text) >= 0; }

}  // namespace mw::predictions
