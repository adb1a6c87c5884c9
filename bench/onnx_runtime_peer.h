// ONNX Runtime in this process, for benchmarks only: the peer beside the forest and beside the server's ONNX backend.
// Opens the library that the set-up fetched. One thread, as the library is told too; a fault ends the program.
#pragma once

#include <dlfcn.h>
#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace mw {

class OnnxRuntimePeer {
 public:
  /// `model`: the bytes of a .onnx file with the input "x" [-1, columns] and the output "y".
  OnnxRuntimePeer(std::string_view model, std::size_t columns) : columns_(static_cast<std::int64_t>(columns)) {
    void* const library = dlopen(MW_ONNXRUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) Fail(dlerror());
    const auto base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
    if (base == nullptr || (api_ = base()->GetApi(ORT_API_VERSION)) == nullptr)
      Fail("another version than its headers");
    OrtSessionOptions* options = nullptr;
    Check(api_->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", &environment_));
    Check(api_->CreateSessionOptions(&options));
    Check(api_->SetIntraOpNumThreads(options, 1));
    Check(api_->SetInterOpNumThreads(options, 1));
    Check(api_->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
    Check(api_->CreateSessionFromArray(environment_, model.data(), model.size(), options, &session_));
    api_->ReleaseSessionOptions(options);
    Check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
  }
  OnnxRuntimePeer(const OnnxRuntimePeer&) = delete;
  OnnxRuntimePeer& operator=(const OnnxRuntimePeer&) = delete;
  ~OnnxRuntimePeer() {
    api_->ReleaseMemoryInfo(memory_);
    api_->ReleaseSession(session_);
    api_->ReleaseEnv(environment_);
  }

  /// Writes one value for each of `count` rows.
  void Run(const float* rows, std::size_t count, float* out) const {
    const std::int64_t in_shape[] = {static_cast<std::int64_t>(count), columns_};
    const std::int64_t out_shape[] = {static_cast<std::int64_t>(count), 1};
    OrtValue* input = nullptr;
    OrtValue* output = nullptr;
    Check(api_->CreateTensorWithDataAsOrtValue(memory_, const_cast<float*>(rows),
                                               count * static_cast<std::size_t>(columns_) * sizeof(float), in_shape, 2,
                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    Check(api_->CreateTensorWithDataAsOrtValue(memory_, out, count * sizeof(float), out_shape, 2,
                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &output));
    const char* in_name = "x";
    const char* out_name = "y";
    Check(api_->Run(session_, nullptr, &in_name, &input, 1, &out_name, 1, &output));
    api_->ReleaseValue(input);
    api_->ReleaseValue(output);
  }

 private:
  [[noreturn]] static void Fail(const char* why) {
    std::fprintf(stderr, "ONNX Runtime: %s\n", why);
    std::exit(1);
  }
  void Check(OrtStatus* status) const {
    if (status != nullptr) Fail(api_->GetErrorMessage(status));
  }

  std::int64_t columns_;
  const OrtApi* api_ = nullptr;
  OrtEnv* environment_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

}  // namespace mw
