// How to make a run again: the commands, and what is missing for the result to be the same. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "compare/facts.h"

namespace mw::compare {

struct Recipe {
  std::vector<std::string> commands;  ///< for a shell, in order
  std::vector<std::string> missing;   ///< what was not recorded
  std::vector<std::string> notes;     ///< what to hold the result against
};

Recipe Reproduce(const Facts& facts);
Json ToJson(const Recipe& recipe);

}  // namespace mw::compare
