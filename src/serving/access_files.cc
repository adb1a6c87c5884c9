// Writing and rotating.
#include "serving/access_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "base/text.h"
#include "net/content_coding.h"
#include "serving/access_names.h"

namespace mw::serving {
namespace {

constexpr std::size_t kFilesMax = 4'096;  // a server that is restarted for ever leaves small ones

/// The file of that name, compressed, in its place. A file that cannot be compressed stays as it is.
Status Compress(const std::string& path) {
  const std::string plain = TRY(ReadFile(path));
  std::string coded;
  TRY(net::EncodeContent(net::ContentCoding::kZstd, plain, coded));
  TRY(WriteFileDurably(Cat(path, kCompressedEnd), coded));
  unlink(path.c_str());
  return Ok();
}

}  // namespace

std::string AccessPath(const std::string& state_directory) { return state_directory + "/access"; }

Result<AccessFiles> AccessFiles::Open(std::string directory, const AccessFileLimits& limits) {
  TRY(MakeDirectories(directory, 0700));
  AccessFiles files(std::move(directory), limits);
  std::vector<AccessFile> known = TRY(ListAccessFiles(files.directory_));
  if (!known.empty() && !known.back().compressed) TRY(files.Reopen(known.back().name));
  files.GiveUpOldest();
  return files;
}

/// A process that was killed may have left half a line.
Status AccessFiles::Reopen(const std::string& name) {
  const std::string path = directory_ + "/" + name;
  file_ = FileDescriptor(open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
  if (!file_.valid()) return ErrnoError(errno, path);
  const off_t size = lseek(file_.get(), 0, SEEK_END);
  if (size < 0) return ErrnoError(errno, path);
  name_ = name;
  bytes_ = static_cast<std::size_t>(size);
  char last = '\n';
  if (size > 0 && pread(file_.get(), &last, 1, size - 1) != 1) return ErrnoError(errno, path);
  return last == '\n' ? Ok() : WriteAll(file_.get(), "\n", "the access log");
}

Status AccessFiles::Begin(Timestamp first) {
  name_ = AccessFileName(first);
  const std::string path = directory_ + "/" + name_;
  file_ = FileDescriptor(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file_.valid()) return ErrnoError(errno, path);
  bytes_ = 0;
  return Ok();
}

Status AccessFiles::Append(std::string_view lines, Timestamp first) {
  if (file_.valid() && bytes_ + lines.size() > limits_.file_bytes_max) CloseAndCompress();
  if (!file_.valid()) TRY(Begin(first));
  bytes_ += lines.size();
  Status written = WriteAll(file_.get(), lines, "the access log");
  if (!written.ok()) file_.Reset();
  return written;
}

void AccessFiles::CloseAndCompress() {
  file_.Reset();
  const Status compressed = Compress(directory_ + "/" + name_);
  if (!compressed.ok()) LogWarning("access log not compressed", {{"error", Json(compressed.error().ToString())}});
  GiveUpOldest();
}

void AccessFiles::GiveUpOldest() {
  const Result<std::vector<AccessFile>> files = ListAccessFiles(directory_);
  if (!files.ok()) return;
  std::uint64_t bytes = 0;
  for (const AccessFile& file : *files) bytes += file.bytes;
  std::size_t count = files->size();
  for (const AccessFile& file : *files) {
    if ((bytes <= limits_.bytes_max && count <= kFilesMax) || file.name == name_) break;
    unlink((directory_ + "/" + file.name).c_str());
    bytes -= file.bytes;
    --count;
  }
}

}  // namespace mw::serving
