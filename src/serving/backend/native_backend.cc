// Options into workers of mw-backend.
#include "serving/backend/native_backend.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "serving/backend/worker_process.h"

namespace mw::serving {
namespace {

struct MemoryFactors {
  double library_bytes;
  double per_file_byte;
};
// Measured after loading, rounded up. Tensors stay about as they are, nodes take their share; trees become nodes of the
// library's own, many times what a file spends on them; JSON is read whole before it is a model.
constexpr MemoryFactors kOnnxTensors{36e6, 2.8};
constexpr MemoryFactors kOnnxTrees{36e6, 20};
constexpr MemoryFactors kXgboostJson{14e6, 9};
constexpr MemoryFactors kXgboostBinary{14e6, 5};
constexpr std::size_t kLookedAt = std::size_t{1} << 20;

/// The beginning of a file: operators are named there, before any weights.
Result<std::string> Beginning(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, Cat("opening ", path));
  std::string bytes(kLookedAt, '\0');
  const ssize_t got = pread(file.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return ErrnoError(errno, Cat("reading ", path));
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

/// Of a model and, for ONNX, of what lies beside it: tensors in files of their own.
Result<std::uint64_t> ModelBytes(const std::string& path, bool onnx) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (!onnx) {
    const std::uint64_t size = fs::file_size(path, failed);
    return failed ? Result<std::uint64_t>(NotFound("the size of ", path, ": ", failed.message())) : size;
  }
  std::uint64_t total = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path(), failed)) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) total += entry.file_size(ignored);
  }
  return failed ? Result<std::uint64_t>(NotFound("the files beside ", path, ": ", failed.message())) : total;
}

}  // namespace

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

Result<std::uint64_t> EstimateBackendMemory(const std::string& path) {
  const bool onnx = path.ends_with(".onnx");
  const std::string beginning = TRY(Beginning(path));
  const bool trees = beginning.find("TreeEnsemble") != std::string::npos;
  const bool json = beginning.starts_with("{\"");
  const MemoryFactors factors = onnx ? (trees ? kOnnxTrees : kOnnxTensors) : json ? kXgboostJson : kXgboostBinary;
  const auto bytes = static_cast<double>(TRY(ModelBytes(path, onnx)));
  return static_cast<std::uint64_t>(factors.library_bytes + factors.per_file_byte * bytes);
}

}  // namespace mw::serving
