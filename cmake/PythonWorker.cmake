# The Python worker as one generated source file of the serving module: the program carries it with it.
set(worker_file ${CMAKE_SOURCE_DIR}/python/worker/millwright_worker.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${worker_file})
file(READ ${worker_file} worker_text)
set(worker_source ${CMAKE_BINARY_DIR}/python/worker_source.cc)
file(CONFIGURE OUTPUT ${worker_source} @ONLY CONTENT [[
#include "serving/backend/python_worker_source.h"

namespace mw::serving {

const std::string_view kPythonWorkerSource = R"worker(@worker_text@)worker";

}  // namespace mw::serving
]])
target_sources(mw_serving PRIVATE ${worker_source})
