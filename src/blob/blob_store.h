// Where the bytes of datasets, models and reports are kept: written once, named by the SHA-256 of
// their content, never changed. The port; directory_blobs is the embedded driver.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace mw::blob {

/// "sha256:" and 64 lower-case hexadecimal digits.
using Digest = std::string;
inline constexpr std::string_view kDigestPrefix = "sha256:";
bool IsDigest(std::string_view text);
/// Errors: kInvalidArgument it is none.
Status CheckDigest(const Digest& digest);

/// Receives one blob. Dropped without Commit, it leaves nothing behind. One thread.
class Writer {
 public:
  virtual ~Writer() = default;
  /// Errors: kResourceExhausted disk full.
  virtual Status Append(std::string_view bytes) = 0;
  /// Makes the blob durable under its digest and returns that; storing the same bytes twice is fine.
  /// Errors: kResourceExhausted disk full.
  virtual Result<Digest> Commit() = 0;
};

/// Any thread. A digest that is none (IsDigest) is kInvalidArgument everywhere.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::unique_ptr<Writer>> Create() = 0;
  /// Errors: kNotFound.
  virtual Result<std::uint64_t> Size(const Digest& digest) = 0;
  /// Up to buffer.size() bytes from `offset`; 0 at the end. Errors: kNotFound; kDataLoss.
  virtual Result<std::size_t> ReadAt(const Digest& digest, std::uint64_t offset, std::span<char> buffer) = 0;
  /// A path at which local programs can read the blob, valid while it is stored.
  virtual Result<std::string> LocalPath(const Digest& digest) = 0;
  /// Reads it all again and compares. Errors: kDataLoss.
  virtual Status Verify(const Digest& digest) = 0;
  /// Nothing when it is not there.
  virtual Status Delete(const Digest& digest) = 0;
  /// For those who name a blob that they did not just store: it counts as stored now. Errors: kNotFound.
  virtual Status Touch(const Digest& digest) = 0;
  /// Deletes it unless it was stored, stored again or touched at or after `since`: whether it did. Together with Touch
  /// and Commit in one process it is one step: whoever got a blob after `since` keeps it.
  virtual Result<bool> DeleteIfIdle(const Digest& digest, Timestamp since) = 0;
  /// Calls `visit` for each stored blob. Errors: `visit`'s.
  virtual Status List(const std::function<Status(const Digest&, std::uint64_t size)>& visit) = 0;

  Result<Digest> Put(std::string_view bytes);
  Result<std::string> Get(const Digest& digest, std::size_t limit);
  /// Streams a file in. Errors: kNotFound no such file.
  Result<Digest> PutFile(const std::string& path);
  /// The same from an open file's position on; the caller keeps the descriptor.
  Result<Digest> PutOpenFile(int file);
};

}  // namespace mw::blob
