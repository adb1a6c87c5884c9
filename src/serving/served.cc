// Finds versions by what clients call them.
#include "serving/served.h"

namespace mw::serving {

const RoutedVersion* ServedEndpoint::FindEntry(std::string_view version_text) const {
  for (const RoutedVersion& entry : versions) {
    if (entry.version_text == version_text) return &entry;
  }
  return nullptr;
}

const ServedVersion* ServedEndpoint::Find(std::string_view version_text) const {
  const RoutedVersion* entry = FindEntry(version_text);
  return entry == nullptr ? nullptr : entry->served.get();
}

}  // namespace mw::serving
