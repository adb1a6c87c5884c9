// Batches: a block of rows at a time through every tree of a BinnedLayout, 16 to 64 rows of one-byte bins in one
// register (half as many of two bytes). Timing does not depend on the data. Immutable, any thread. The processor's
// instructions are chosen when the engine is made; only the kernels' own files are compiled for them.
#pragma once

#include <memory>

#include "forest/binned_layout.h"
#include "forest/engine.h"
#include "forest/forest.h"

namespace mw::forest {

/// One block: `count` rows of at most a register's. `planes`: layout.num_planes x kPlaneBytes, aligned to them;
/// `slots`: layout.slots_max x kPlaneBytes, prepared by the kernel's `prepare`.
template <typename Sum>
struct BinnedKernel {
  void (*prepare)(const BinnedLayout<Sum>& layout, char* slots) = nullptr;
  void (*run)(const BinnedLayout<Sum>& layout, const float* rows, std::size_t count, char* planes, char* slots,
              Sum* sums) = nullptr;
  std::size_t rows = 0;
};

// Each in a file of its own, to be called where the processor has the instructions.
template <typename Sum>
BinnedKernel<Sum> SseKernel(bool wide_bins);
template <typename Sum>
BinnedKernel<Sum> Avx2Kernel(bool wide_bins);
template <typename Sum>
BinnedKernel<Sum> Avx512Kernel(bool wide_bins);

template <typename Sum>
class BinnedEngine final : public SumEngine<Sum> {
 public:
  /// `engine` is one of the binned ones. Nothing when the processor lacks its instructions.
  static std::unique_ptr<BinnedEngine> Make(Engine engine, std::shared_ptr<const BinnedLayout<Sum>> layout);

  /// A block that is not full costs as much as a full one.
  void AddUp(const float* rows, std::size_t count, Sum* sums) const override;
  [[nodiscard]] std::size_t rows_at_once() const override { return kernel_.rows; }
  /// Of the layout, which engines share.
  [[nodiscard]] std::size_t memory_bytes() const override { return layout_->memory_bytes(); }

 private:
  BinnedEngine(std::shared_ptr<const BinnedLayout<Sum>> layout, BinnedKernel<Sum> kernel)
      : layout_(std::move(layout)), kernel_(kernel) {}

  std::shared_ptr<const BinnedLayout<Sum>> layout_;
  BinnedKernel<Sum> kernel_;
};

/// Whether this processor has the instructions of a binned engine.
bool HasInstructions(Engine engine);

}  // namespace mw::forest
