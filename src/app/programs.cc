// The programs that stand beside this one.
#include "app/programs.h"

#include <unistd.h>

#include <cerrno>
#include <climits>

namespace mw::app {

Result<std::string> ProgramPath(const std::string& name) {
  char buffer[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", buffer, sizeof buffer);
  if (length < 0) return ErrnoError(errno, "looking up this program's own path");
  const std::string self(buffer, static_cast<std::size_t>(length));
  std::string path = self.substr(0, self.rfind('/') + 1) + name;
  if (access(path.c_str(), X_OK) != 0) {
    return NotFound(path, " is missing; it is installed beside millwright: build again with `make`");
  }
  return path;
}

}  // namespace mw::app
