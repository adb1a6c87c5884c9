// Options into workers of mw-backend.
#include "serving/backend/native_backend.h"

#include "base/text.h"
#include "serving/backend/worker_process.h"

namespace mw::serving {

Result<std::unique_ptr<Backend>> StartNativeBackend(const std::string& kind, const std::string& path,
                                                    const std::vector<std::string>& more, std::uint64_t file_bytes_max,
                                                    const NativeBackendOptions& options) {
  if (!path.starts_with('/')) return InvalidArgument("the model's path ", Quoted(path), " is not absolute");
  WorkerOptions worker;
  worker.confiner = options.program.empty() ? TRY(FindConfiner()) : options.program;
  worker.command = {worker.confiner, kind, path};
  worker.command.insert(worker.command.end(), more.begin(), more.end());
  worker.directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  worker.memory_bytes_max = options.memory_bytes_max;
  worker.file_bytes_max = file_bytes_max;
  worker.start_timeout = options.start_timeout;
  worker.restarts = options.restarts;
  worker.timeouts = options.timeouts;
  return StartWorkers(worker, options.workers);
}

}  // namespace mw::serving
