// The text of python/worker/millwright_worker.py, put into the program by the build.
#pragma once

#include <string_view>

namespace mw::serving {

extern const std::string_view kPythonWorkerSource;

}  // namespace mw::serving
