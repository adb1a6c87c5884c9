// Which kernel this processor can run, and its scratch memory.
#include "forest/binned_engine.h"

#include <algorithm>
#include <new>

namespace mw::forest {
namespace {

/// What fits the stack; larger models allocate once for each call.
constexpr std::size_t kScratchOnStack = std::size_t{64} << 10;

struct FreeAligned {
  void operator()(char* memory) const { ::operator delete[](memory, std::align_val_t{kPlaneBytes}); }
};

template <typename Sum>
BinnedKernel<Sum> KernelOf(Engine engine, bool wide_bins) {
  switch (engine) {
    case Engine::kBinnedAvx512: return Avx512Kernel<Sum>(wide_bins);
    case Engine::kBinnedAvx2: return Avx2Kernel<Sum>(wide_bins);
    default: return SseKernel<Sum>(wide_bins);
  }
}

}  // namespace

bool HasInstructions(Engine engine) {
  switch (engine) {
    case Engine::kBinnedSse: return __builtin_cpu_supports("sse4.1") != 0 && __builtin_cpu_supports("ssse3") != 0;
    case Engine::kBinnedAvx2: return __builtin_cpu_supports("avx2") != 0;
    case Engine::kMaskedAvx2:
      return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0 &&
             __builtin_cpu_supports("bmi2") != 0;
    case Engine::kBinnedAvx512:
    case Engine::kMaskedAvx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
             __builtin_cpu_supports("avx512vbmi") != 0;
    default: return true;
  }
}

template <typename Sum>
std::unique_ptr<BinnedEngine<Sum>> BinnedEngine<Sum>::Make(Engine engine,
                                                           std::shared_ptr<const BinnedLayout<Sum>> layout) {
  if (layout == nullptr || !HasInstructions(engine)) return nullptr;
  const BinnedKernel<Sum> kernel = KernelOf<Sum>(engine, layout->wide_bins);
  return std::unique_ptr<BinnedEngine>(new BinnedEngine(std::move(layout), kernel));
}

template <typename Sum>
void BinnedEngine<Sum>::AddUp(const float* rows, std::size_t count, Sum* sums) const {
  const std::size_t plane_bytes = layout_->num_planes * kPlaneBytes;
  const std::size_t bytes = plane_bytes + layout_->slots_max * kPlaneBytes;
  alignas(kPlaneBytes) char on_stack[kScratchOnStack];
  std::unique_ptr<char[], FreeAligned> allocated;
  char* planes = on_stack;
  if (bytes > sizeof on_stack) {
    allocated.reset(static_cast<char*>(::operator new[](bytes, std::align_val_t{kPlaneBytes})));
    planes = allocated.get();
  }
  std::fill_n(planes, kPlaneBytes, '\0');  // the first plane is compared with even when nothing fills it
  kernel_.prepare(*layout_, planes + plane_bytes);
  for (std::size_t begin = 0; begin < count; begin += kernel_.rows) {
    kernel_.run(*layout_, rows + begin * layout_->num_features, std::min(kernel_.rows, count - begin), planes,
                planes + plane_bytes, sums + begin * layout_->outputs.size());
  }
}

template class BinnedEngine<float>;
template class BinnedEngine<double>;

}  // namespace mw::forest
