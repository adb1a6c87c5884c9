// The blob store of tests: everything in memory. LocalPath names an anonymous file of this process. Any thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"
#include "blob/blob_store.h"

namespace mw::blob {

class MemoryBlobs final : public BlobStore {
 public:
  Result<std::unique_ptr<Writer>> Create() override;
  Result<std::uint64_t> Size(const Digest& digest) override;
  Result<std::size_t> ReadAt(const Digest& digest, std::uint64_t offset, std::span<char> buffer) override;
  Result<std::string> LocalPath(const Digest& digest) override;
  Status Verify(const Digest& digest) override;
  Status Delete(const Digest& digest) override;
  Status Touch(const Digest& digest) override;
  Result<bool> DeleteIfIdle(const Digest& digest, Timestamp since) override;
  Status List(const std::function<Status(const Digest&, std::uint64_t size)>& visit) override;

  /// Changes a stored byte without changing the name, as a failing disk would.
  void Damage(const Digest& digest);

 private:
  friend class MemoryWriter;
  struct Blob {
    std::string bytes;
    FileDescriptor file;  // made by LocalPath
    Timestamp stored = RealClock().Now();
  };
  Result<Blob*> Find(const Digest& digest) MW_REQUIRES(mutex_);

  Mutex mutex_;
  std::map<Digest, Blob> blobs_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::blob
