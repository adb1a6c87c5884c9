// Reads an ONNX file before any library that is not ours does: every tensor wherever it may stand (graphs, nested
// graphs of If, Loop and Scan, sparse tensors, functions, training information), every operator's domain, and the
// sizes the file claims. What names a file outside the model's own directory, or wants code that the file brings along
// (custom operators), is refused here.
//
// Pure, any thread; a model is scanned in the worker, on the very bytes the library is then given.
// Invariant: a field that this reader does not know is refused wherever a tensor could hide in it, so nothing that
// passed names a file that is not in `external`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace mw::serving {

inline constexpr int kOnnxDepthMax = 64;  ///< of messages within messages; a graph within a node's attribute is 3
inline constexpr std::size_t kOnnxNodesMax = 1'000'000;
inline constexpr std::size_t kOnnxTensorsMax = 1'000'000;
inline constexpr std::size_t kOnnxExternalFilesMax = 1'024;
inline constexpr std::uint64_t kOnnxFileBytesMax = std::uint64_t{2} << 30;  ///< what protobuf can hold
inline constexpr std::uint64_t kOnnxTensorBytesMax = std::uint64_t{16} << 30;

struct OnnxScan {
  std::int64_t ir_version = 0;
  std::size_t nodes = 0, tensors = 0;
  std::uint64_t weight_bytes = 0;     ///< of all tensors, external ones included
  std::vector<std::string> external;  ///< plain names of the files beside the model that hold tensors, each once
};

/// Errors: kInvalidArgument for bytes that are no ONNX model; kPermissionDenied for a tensor in a file that may not be
/// read; kUnimplemented for an operator of a domain that is not ONNX's or ONNX Runtime's, by name; kResourceExhausted
/// for limits.
Result<OnnxScan> ScanOnnx(std::string_view bytes);

/// Opens a file that a scan named, in the model's directory. Errors: kPermissionDenied when it is no plain file there
/// (a symbolic link, a file with other names, a device); kNotFound.
Result<FileDescriptor> OpenBesideModel(const std::string& directory, const std::string& name);

}  // namespace mw::serving
