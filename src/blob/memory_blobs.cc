// Blobs in memory: see the header.
#include "blob/memory_blobs.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/text.h"

namespace mw::blob {

class MemoryWriter final : public Writer {
 public:
  explicit MemoryWriter(MemoryBlobs& store) : store_(store) {}
  Status Append(std::string_view bytes) override {
    bytes_.append(bytes);
    return Ok();
  }
  Result<Digest> Commit() override {
    Digest digest = Cat("sha256:", Sha256Hex(bytes_));
    const Lock lock(store_.mutex_);
    MemoryBlobs::Blob& blob = store_.blobs_[digest];
    blob.bytes = std::move(bytes_);
    blob.stored = RealClock().Now();
    return digest;
  }

 private:
  MemoryBlobs& store_;
  std::string bytes_;
};

Result<std::unique_ptr<Writer>> MemoryBlobs::Create() {
  return std::unique_ptr<Writer>(std::make_unique<MemoryWriter>(*this));
}

Result<MemoryBlobs::Blob*> MemoryBlobs::Find(const Digest& digest) {
  if (!IsDigest(digest)) return InvalidArgument(Quoted(digest), " is no digest");
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) return NotFound("there is no artifact ", digest);
  return &found->second;
}

Result<std::uint64_t> MemoryBlobs::Size(const Digest& digest) {
  const Lock lock(mutex_);
  const auto* found = TRY(Find(digest));
  return std::uint64_t{found->bytes.size()};
}

Result<std::size_t> MemoryBlobs::ReadAt(const Digest& digest, std::uint64_t offset, std::span<char> buffer) {
  const Lock lock(mutex_);
  const std::string& bytes = TRY(Find(digest))
  ->bytes;
  if (offset >= bytes.size()) return std::size_t{0};
  const std::size_t size = std::min(buffer.size(), bytes.size() - static_cast<std::size_t>(offset));
  std::memcpy(buffer.data(), bytes.data() + offset, size);
  return size;
}

Result<std::string> MemoryBlobs::LocalPath(const Digest& digest) {
  const Lock lock(mutex_);
  Blob& blob = *TRY(Find(digest));
  if (!blob.file.valid()) {
    blob.file = FileDescriptor(memfd_create("blob", MFD_CLOEXEC));
    if (!blob.file.valid()) return ErrnoError(errno, "making an anonymous file");
    const ssize_t wrote = write(blob.file.get(), blob.bytes.data(), blob.bytes.size());
    if (wrote != static_cast<ssize_t>(blob.bytes.size())) return ResourceExhausted("no memory for ", digest);
  }
  return Cat("/proc/", getpid(), "/fd/", blob.file.get());
}

Status MemoryBlobs::Verify(const Digest& digest) {
  const Lock lock(mutex_);
  const std::string& bytes = TRY(Find(digest))
  ->bytes;
  if (Cat("sha256:", Sha256Hex(bytes)) != digest) return DataLoss("artifact ", digest, " is damaged");
  return Ok();
}

Status MemoryBlobs::Delete(const Digest& digest) {
  if (!IsDigest(digest)) return InvalidArgument(Quoted(digest), " is no digest");
  const Lock lock(mutex_);
  blobs_.erase(digest);
  return Ok();
}

Status MemoryBlobs::Touch(const Digest& digest) {
  const Lock lock(mutex_);
  Blob& blob = *TRY(Find(digest));
  blob.stored = RealClock().Now();
  return Ok();
}

Result<bool> MemoryBlobs::DeleteIfIdle(const Digest& digest, Timestamp since) {
  if (!IsDigest(digest)) return InvalidArgument(Quoted(digest), " is no digest");
  const Lock lock(mutex_);
  const auto found = blobs_.find(digest);
  if (found == blobs_.end() || found->second.stored >= since) return false;
  blobs_.erase(found);
  return true;
}

Status MemoryBlobs::List(const std::function<Status(const Digest&, std::uint64_t size)>& visit) {
  std::vector<std::pair<Digest, std::uint64_t>> found;
  {
    const Lock lock(mutex_);
    for (const auto& [digest, blob] : blobs_) found.emplace_back(digest, blob.bytes.size());
  }
  for (const auto& [digest, size] : found) TRY(visit(digest, size));
  return Ok();
}

void MemoryBlobs::Damage(const Digest& digest) {
  const Lock lock(mutex_);
  const auto found = blobs_.find(digest);
  MW_ASSERT(found != blobs_.end() && !found->second.bytes.empty());
  found->second.bytes[0] = static_cast<char>(found->second.bytes[0] ^ 1);
}

}  // namespace mw::blob
