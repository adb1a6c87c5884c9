// A megabyte at a time.
#include "steps/file_digest.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>

#include "base/file.h"
#include "base/text.h"

namespace mw::steps {

Result<std::string> DigestOfFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) return ErrnoError(errno, path);
  Sha256 digest;
  std::string buffer(std::size_t{1} << 20, '\0');
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    digest.Update(std::string_view(buffer).substr(0, count));
  }
  if (std::ferror(file.get()) != 0) return ErrnoError(errno, Cat("reading ", path));
  return "sha256:" + digest.Finish();
}

}  // namespace mw::steps
