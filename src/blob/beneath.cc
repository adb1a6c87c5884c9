// openat2 by its system call: glibc has no function for it.
#include "blob/beneath.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"

namespace mw::blob {

Result<FileDescriptor> OpenBeneath(int directory, const std::string& path, int flags, unsigned mode) {
  if (path.find('\0') != std::string::npos) return InvalidArgument("the name ", Quoted(path), " contains a NUL");
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  long opened = -1;
  do {
    opened = syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
  } while (opened < 0 && (errno == EINTR || errno == EAGAIN));  // EAGAIN: a rename beside it; the walk begins again
  if (opened >= 0) return FileDescriptor(static_cast<int>(opened));
  if (errno == EXDEV || errno == ELOOP) {
    return PermissionDenied(Quoted(path), " leads outside its directory or through a symbolic link");
  }
  if (errno == ENOSYS) return Unimplemented("this kernel lacks openat2; Millwright needs Linux 5.6 or newer");
  return ErrnoError(errno, Cat("opening ", Quoted(path)));
}

Result<FileDescriptor> OpenDirectory(const std::string& path) {
  FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) return directory;
  if (errno == ENOTDIR) return InvalidArgument(path, " is not a directory");
  return ErrnoError(errno, Cat("opening the directory ", path));
}

Result<std::vector<std::string>> NamesIn(int directory) {
  const int duplicate = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // a position of its own
  DIR* stream = duplicate < 0 ? nullptr : fdopendir(duplicate);
  if (stream == nullptr) return ErrnoError(errno, "listing a directory");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  closedir(stream);
  if (error != 0) return ErrnoError(error, "listing a directory");
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace mw::blob
