// Models and versions that were made elsewhere, with their numbers, dates and all that is known of them. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry/model.h"

namespace mw::registry {

enum class ImportState : std::uint8_t {
  kMade,   ///< as it was
  kKnown,  ///< here already; what the source changed later has come, what was changed here stays
  kTaken,  ///< left alone: `why`
};
std::string_view ImportStateName(ImportState state);  ///< "made", "known", "taken"

struct ImportOutcome {
  std::string id;  ///< "churn", "churn/3", "churn@production"
  ImportState state = ImportState::kMade;
  std::string why{};
};

struct ImportedModel {
  Model model;  ///< its aliases are those of `versions`; the number of versions and the latest are not looked at
  std::vector<ModelVersion> versions;  ///< by number; none has a package
};

}  // namespace mw::registry
