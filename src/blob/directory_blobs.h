// The embedded blob store: one file for each blob beneath a root, ROOT/sha256/ab/cdef..., read-only. A blob appears
// under its name only when all of it is on disk (unnamed temporary file, fsync, link, fsync of the directory), so what
// has a name is whole, also after a power cut. Several processes may use one root at once. Any thread.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"
#include "blob/blob_store.h"

namespace mw::blob {

class DirectoryBlobs final : public BlobStore {
 public:
  /// Makes the root when it is not there (0700). Errors: kUnimplemented on a kernel without openat2.
  static Result<std::unique_ptr<DirectoryBlobs>> Open(const std::string& root);

  Result<std::unique_ptr<Writer>> Create() override;
  Result<std::uint64_t> Size(const Digest& digest) override;
  Result<std::size_t> ReadAt(const Digest& digest, std::uint64_t offset, std::span<char> buffer) override;
  Result<std::string> LocalPath(const Digest& digest) override;
  Status Verify(const Digest& digest) override;
  Status Delete(const Digest& digest) override;
  Status Touch(const Digest& digest) override;
  Result<bool> DeleteIfIdle(const Digest& digest, Timestamp since) override;
  Status List(const std::function<Status(const Digest&, std::uint64_t size)>& visit) override;

 private:
  DirectoryBlobs(std::string root, FileDescriptor directory)
      : root_(std::move(root)), directory_(std::move(directory)) {}
  Result<FileDescriptor> OpenBlob(const Digest& digest, int flags) const;

  std::string root_;
  FileDescriptor directory_;
  Mutex naming_;  ///< held to look at a blob's time and to change it or to delete by it
};

}  // namespace mw::blob
