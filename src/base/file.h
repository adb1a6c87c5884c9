// Whole files, durable where it matters, and one directory lock. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace mw {

/// Owns a file descriptor; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int value) : value_(value) {}
  FileDescriptor(FileDescriptor&& other) noexcept : value_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { Reset(); }
  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] bool valid() const { return value_ >= 0; }
  int Release();
  void Reset();

 private:
  int value_ = -1;
};

/// A file's bytes without a copy of them. Only for files that nobody changes while they are mapped (blobs, packages by
/// digest): one that is cut off under the mapping ends the process.
class MappedFile {
 public:
  /// Errors: as ReadFile's.
  static Result<MappedFile> Open(const std::string& path, std::size_t limit = std::size_t{1} << 30);
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::string_view bytes) : bytes_(bytes) {}
  std::string_view bytes_;
};

/// All of the content, in as many pieces as the descriptor takes. Errors: from errno, "writing <what>".
Status WriteAll(int descriptor, std::string_view content, std::string_view what);
/// A file or a directory, or a link to one.
bool Exists(const std::string& path);
/// Errors: kNotFound; kResourceExhausted when larger than `limit`; others from errno.
Result<std::string> ReadFile(const std::string& path, std::size_t limit = std::size_t{1} << 30);
/// Temporary file beside it, fsync, rename, fsync of the directory: after success the new content
/// survives a power cut, after failure the old one does.
Status WriteFileDurably(const std::string& path, std::string_view content, unsigned mode = 0644);
/// fsync of a directory, so that names made or renamed in it are durable.
Status SyncDirectory(const std::string& path);
/// mkdir -p.
Status MakeDirectories(const std::string& path, unsigned mode = 0755);
/// Takes an exclusive flock on the file (made when absent) that lasts until the descriptor closes.
/// Errors: kFailedPrecondition when another process holds it.
Result<FileDescriptor> LockFile(const std::string& path);

/// SHA-256, lower-case hexadecimal (64 digits).
std::string Sha256Hex(std::string_view bytes);

/// SHA-256 of a stream, piece by piece. One thread.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(std::string_view bytes);
  /// The digest in lower-case hexadecimal; ends the stream.
  std::string Finish();

 private:
  void* context_;
};

}  // namespace mw
