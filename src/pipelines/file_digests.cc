// stat, compare, and only then read.
#include "pipelines/file_digests.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/file.h"

namespace mw::pipelines {
namespace {

Result<std::string> Digest(const FileDescriptor& file, const std::string& path) {
  Sha256 sha;
  std::vector<char> buffer(std::size_t{1} << 18);
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, Cat("reading ", path));
    if (count == 0) return Cat("sha256:", sha.Finish());
    sha.Update({buffer.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace

Result<std::string> FileDigests::Of(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return std::string("absent");
    return ErrnoError(errno, Cat("opening ", path));
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return ErrnoError(errno, Cat("looking at ", path));
  if (!S_ISREG(info.st_mode)) return std::string("absent");
  const Stamp stamp = {static_cast<std::int64_t>(info.st_dev),
                       static_cast<std::int64_t>(info.st_ino),
                       info.st_size,
                       info.st_mtim.tv_sec,
                       info.st_mtim.tv_nsec,
                       info.st_ctim.tv_sec,
                       info.st_ctim.tv_nsec};
  {
    const Lock lock(mutex_);
    const auto known = known_.find(path);
    if (known != known_.end() && known->second.stamp == stamp) return known->second.digest;
  }
  std::string digest = TRY(Digest(file, path));
  const Lock lock(mutex_);
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[path] = {stamp, digest};
  return digest;
}

}  // namespace mw::pipelines
