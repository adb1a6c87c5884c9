// The fake keeps the blob stores' contract.
#include "blob/memory_blobs.h"

#include "blob/blob_contract.h"

namespace mw::blob {
namespace {

class MemoryHarness {
 public:
  BlobStore& store() { return store_; }
  void Damage(const Digest& digest) { store_.Damage(digest); }

 private:
  MemoryBlobs store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, BlobContract, MemoryHarness);

}  // namespace
}  // namespace mw::blob
