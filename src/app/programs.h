// The programs that stand beside this one: mw-shim and mw-step.
#pragma once

#include <string>

#include "base/result.h"

namespace mw::app {

/// The absolute path of the program of that name in this program's own directory.
/// Errors: kNotFound with the remedy.
Result<std::string> ProgramPath(const std::string& name);

}  // namespace mw::app
