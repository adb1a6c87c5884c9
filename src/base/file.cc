// Files and digests; see file.h.
#include "base/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/assert.h"
#include "base/text.h"

namespace mw {
namespace {

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status WriteAndSync(int descriptor, std::string_view content, unsigned mode, const std::string& path) {
  TRY(WriteAll(descriptor, content, path));
  if (fchmod(descriptor, mode) != 0) return ErrnoError(errno, Cat("setting the mode of ", path));
  if (fsync(descriptor) != 0) return ErrnoError(errno, Cat("syncing ", path));
  return Ok();
}

EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    Reset();
    value_ = other.Release();
  }
  return *this;
}

int FileDescriptor::Release() { return std::exchange(value_, -1); }

void FileDescriptor::Reset() {
  if (value_ >= 0) close(value_);
  value_ = -1;
}

Result<MappedFile> MappedFile::Open(const std::string& path, std::size_t limit) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, Cat("opening ", path));
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return ErrnoError(errno, Cat("looking at ", path));
  if (!S_ISREG(info.st_mode)) return InvalidArgument(path, " is no file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > limit) return ResourceExhausted(path, " is larger than ", limit, " bytes");
  if (size == 0) return MappedFile(std::string_view());
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) return ErrnoError(errno, Cat("mapping ", path));
  return MappedFile(std::string_view(static_cast<const char*>(mapped), size));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

Status WriteAll(int descriptor, std::string_view content, std::string_view what) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, Cat("writing ", what));
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return Ok();
}

bool Exists(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0;
}

Result<std::string> ReadFile(const std::string& path, std::size_t limit) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, Cat("opening ", path));
  struct stat status {};
  if (fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && static_cast<std::size_t>(status.st_size) > limit) {
    return ResourceExhausted(path, " is larger than ", limit, " bytes");  // without reading it
  }
  std::string content;
  while (true) {
    const std::size_t start = content.size();
    content.resize(start + 65536);
    const ssize_t got = read(file.get(), content.data() + start, 65536);
    if (got < 0 && errno != EINTR) return ErrnoError(errno, Cat("reading ", path));
    content.resize(start + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (content.size() > limit) return ResourceExhausted(path, " is larger than ", limit, " bytes");
    if (got == 0) return content;
  }
}

Status WriteFileDurably(const std::string& path, std::string_view content, unsigned mode) {
  std::string temporary = Cat(path, ".XXXXXX");
  const FileDescriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, Cat("creating a file beside ", path));
  Status written = WriteAndSync(file.get(), content, mode, path);
  if (written.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    written = ErrnoError(errno, Cat("renaming to ", path));
  }
  if (!written.ok()) {
    unlink(temporary.c_str());
    return written;
  }
  return SyncDirectory(DirectoryOf(path));
}

Status SyncDirectory(const std::string& path) {
  const FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return ErrnoError(errno, Cat("opening ", path));
  if (fsync(directory.get()) != 0) return ErrnoError(errno, Cat("syncing ", path));
  return Ok();
}

Status MakeDirectories(const std::string& path, unsigned mode) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (!part.empty() && mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return ErrnoError(errno, Cat("making the directory ", part));
    }
    if (at == std::string::npos) break;
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoError(errno, Cat("looking at ", path));
  if (!S_ISDIR(info.st_mode)) return FailedPrecondition(path, " is a file, not a directory");
  return Ok();
}

Result<FileDescriptor> LockFile(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return ErrnoError(errno, Cat("opening ", path));
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return FailedPrecondition(path, " is locked by another process");
    return ErrnoError(errno, Cat("locking ", path));
  }
  return file;
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  MW_ASSERT(context_ != nullptr && EVP_DigestInit_ex(Context(context_), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(Context(context_)); }

void Sha256::Update(std::string_view bytes) {
  MW_ASSERT(EVP_DigestUpdate(Context(context_), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Finish() {
  char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  MW_ASSERT(EVP_DigestFinal_ex(Context(context_), reinterpret_cast<unsigned char*>(digest), &length) == 1);
  return Hex({digest, length});
}

}  // namespace mw
