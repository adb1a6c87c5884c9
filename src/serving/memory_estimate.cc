// Sizes, and the factors that were measured.
#include "serving/memory_estimate.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "base/file.h"
#include "forest/forest.h"
#include "serving/backend/native_backend.h"
#include "serving/backend/python_backend.h"
#include "wire/package.h"

namespace mw::serving {
namespace {

namespace fs = std::filesystem;

// Forest::memory_bytes for each byte of the file, rounded up: 100 trees of depth 6 and 16 (0.9 and 0.8 as JSON, 1.4 and
// 1.4 as UBJ, 1.8 and 1.0 as ONNX), of 31 and 1,000 leaves (LightGBM, 1.3 and 0.9).
constexpr double kXgboostJsonFactor = 1.0, kXgboostUbjFactor = 1.5, kLightgbmFactor = 1.5, kOnnxTreesFactor = 2.0;
constexpr std::int64_t kForestLeast = std::int64_t{64} << 10;
/// Resident after loading a small scikit-learn model: 280 MB.
constexpr std::int64_t kPythonBytes = std::int64_t{300} << 20;

/// Of a file, or of all files beneath a directory.
std::int64_t SizeOf(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const std::uintmax_t size = fs::file_size(path, error);
    return error ? 0 : static_cast<std::int64_t>(size);
  }
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    if (entry.is_regular_file(error)) bytes += static_cast<std::int64_t>(entry.file_size(error));
  }
  return bytes;
}

std::string FormatBytes(const std::string& path) {
  std::string bytes(std::size_t{64} << 10, '\0');
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t got = file.valid() ? pread(file.get(), bytes.data(), bytes.size(), 0) : 0;
  bytes.resize(static_cast<std::size_t>(got < 0 ? 0 : got));
  return bytes;
}

double FactorOf(forest::Format format) {
  switch (format) {
    case forest::Format::kXgboostJson: return kXgboostJsonFactor;
    case forest::Format::kXgboostUbj: return kXgboostUbjFactor;
    case forest::Format::kLightgbm: return kLightgbmFactor;
    case forest::Format::kOnnx: break;
  }
  return kOnnxTreesFactor;
}

std::int64_t EstimateForeign(const std::string& path) {
  const auto bytes = EstimateBackendMemory(path);
  return bytes.ok() ? static_cast<std::int64_t>(*bytes) : SizeOf(path);
}

std::int64_t EstimateFile(const std::string& path) {
  const std::string beginning = FormatBytes(path);
  const auto format = forest::DetectFormat(beginning, path);
  if (!format) return EstimateForeign(path);
  // Most graphs with trees in them are nothing but trees.
  const bool tensors = *format == forest::Format::kOnnx && beginning.find("TreeEnsemble") == std::string::npos;
  if (tensors) return EstimateForeign(path);
  return kForestLeast + static_cast<std::int64_t>(static_cast<double>(SizeOf(path)) * FactorOf(*format));
}

std::int64_t EstimatePackage(const std::string& directory, std::string_view text) {
  const auto info = wire::ParsePackageInfo(text);
  if (!info.ok()) return SizeOf(directory);
  const std::string model = directory + "/" + info->model_file;
  const bool by_library = !info->takes_rows() && info->framework != wire::kMlflow;
  return by_library ? EstimateForeign(model) : EstimateMemoryBytes(model);
}

}  // namespace

std::int64_t EstimateMemoryBytes(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return fs::exists(path, error) ? EstimateFile(path) : 0;
  const auto package = ReadFile(path + "/package.json", wire::kPackageJsonBytesMax);
  if (package.ok()) return EstimatePackage(path, *package);
  return IsMlflowModel(path) ? kPythonBytes + 2 * SizeOf(path) : SizeOf(path);
}

}  // namespace mw::serving
