// Blobs as files: see the header.
#include "blob/directory_blobs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/disk_full.h"
#include "base/random.h"
#include "base/text.h"
#include "blob/beneath.h"

namespace mw::blob {
namespace {

constexpr const char* kTree = "sha256";
constexpr off_t kFlushBytes = off_t{16} << 20;

// Relative to the root: "sha256/ab" and "cdef...".
struct Place {
  std::string directory;
  std::string name;
  [[nodiscard]] std::string path() const { return Cat(directory, '/', name); }
};
Place PlaceOf(std::string_view hex) { return {Cat(kTree, '/', hex.substr(0, 2)), std::string(hex.substr(2))}; }

// The kernel's own stamps may lie some milliseconds behind the clock that DeleteIfIdle is given times of.
using Times = std::array<timespec, 2>;
Times TimesNow() {
  const std::int64_t now = ToMicros(RealClock().Now());
  const timespec at{static_cast<time_t>(now / 1'000'000), static_cast<long>(now % 1'000'000 * 1000)};
  return {at, at};
}

Error DiskError(int error, const std::string& root, std::string_view what) {
  return error == ENOSPC || error == EDQUOT ? DiskFull(root) : ErrnoError(error, what);
}

// Made and, when it is new, known to be on disk.
Status MakeDirectory(int root, const std::string& path, const std::string& root_name) {
  if (mkdirat(root, path.c_str(), 0700) != 0) {
    return errno == EEXIST ? Ok() : Status(DiskError(errno, root_name, Cat("making the directory ", path)));
  }
  const std::string parent = path.find('/') == std::string::npos ? "." : path.substr(0, path.rfind('/'));
  const FileDescriptor above = TRY(OpenBeneath(root, parent, O_RDONLY | O_DIRECTORY));
  if (fsync(above.get()) != 0) return DiskError(errno, root_name, Cat("syncing the directory of ", path));
  return Ok();
}

class FileWriter final : public Writer {
 public:
  FileWriter(int root, std::string root_name, Mutex& naming, FileDescriptor file, std::string temporary)
      : root_(root),
        root_name_(std::move(root_name)),
        naming_(naming),
        file_(std::move(file)),
        temporary_(std::move(temporary)) {}
  ~FileWriter() override {
    if (!temporary_.empty()) unlinkat(root_, temporary_.c_str(), 0);
  }

  Status Append(std::string_view bytes) override {
    hash_.Update(bytes);
    while (!bytes.empty()) {
      const ssize_t wrote = write(file_.get(), bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return DiskError(errno, root_name_, "writing an artifact");
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
      written_ += wrote;
    }
    if (written_ - flushing_ >= kFlushBytes) Flush();
    return Ok();
  }

  Result<Digest> Commit() override {
    const std::string hex = hash_.Finish();
    const Place place = PlaceOf(hex);
    if (fchmod(file_.get(), 0444) != 0 || fsync(file_.get()) != 0) {
      return DiskError(errno, root_name_, "syncing an artifact");
    }
    TRY(MakeDirectory(root_, kTree, root_name_));
    TRY(MakeDirectory(root_, place.directory, root_name_));
    const FileDescriptor directory = TRY(OpenBeneath(root_, place.directory, O_RDONLY | O_DIRECTORY));
    if (Name(directory.get(), place.name) != 0) return DiskError(errno, root_name_, "naming an artifact");
    // Also when it was there before: whoever named it may not have come as far as its fsync.
    if (fsync(directory.get()) != 0) return DiskError(errno, root_name_, "syncing the artifact directory");
    return Cat(kDigestPrefix, hex);
  }

 private:
  /// What is there already is stored now again.
  [[nodiscard]] int Name(int directory, const std::string& name) const {
    const Lock lock(naming_);
    const Times now = TimesNow();
    if (futimens(file_.get(), now.data()) != 0) return -1;
    if (Link(directory, name) == 0) return 0;
    return errno == EEXIST ? utimensat(directory, name.c_str(), now.data(), 0) : -1;
  }
  [[nodiscard]] int Link(int directory, const std::string& name) const {
    if (!temporary_.empty()) return linkat(root_, temporary_.c_str(), directory, name.c_str(), 0);
    const std::string itself = Cat("/proc/self/fd/", file_.get());
    return linkat(AT_FDCWD, itself.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW);
  }

  /// The disk begins with what has come while more comes. A file system that cannot is only slower.
  void Flush() {
    static_cast<void>(sync_file_range(file_.get(), flushing_, written_ - flushing_, SYNC_FILE_RANGE_WRITE));
    flushing_ = written_;
  }

  int root_;  // of the store, which outlives its writers
  std::string root_name_;
  Mutex& naming_;  // likewise
  FileDescriptor file_;
  std::string temporary_;  // empty: the file has no name
  Sha256 hash_;
  off_t written_ = 0;   // bytes
  off_t flushing_ = 0;  // of these, given to the disk
};

}  // namespace

Result<std::unique_ptr<DirectoryBlobs>> DirectoryBlobs::Open(const std::string& root) {
  TRY(MakeDirectories(root, 0700));
  FileDescriptor directory = TRY(OpenDirectory(root));
  // The kernel shows here, and not at the first artifact, whether it can keep names beneath the root.
  TRY(OpenBeneath(directory.get(), ".", O_RDONLY | O_DIRECTORY));
  return std::unique_ptr<DirectoryBlobs>(new DirectoryBlobs(root, std::move(directory)));
}

Result<std::unique_ptr<Writer>> DirectoryBlobs::Create() {
  Result<FileDescriptor> unnamed = OpenBeneath(directory_.get(), ".", O_TMPFILE | O_RDWR, 0600);
  if (unnamed.ok()) {
    return std::unique_ptr<Writer>(new FileWriter(directory_.get(), root_, naming_, std::move(*unnamed), ""));
  }
  // Some file systems have no unnamed files; a random name that nobody has serves as well.
  const std::string temporary = Cat(".incoming-", Hex(RandomBytes(12)));
  FileDescriptor named(openat(directory_.get(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!named.valid()) return DiskError(errno, root_, "making a temporary file");
  return std::unique_ptr<Writer>(new FileWriter(directory_.get(), root_, naming_, std::move(named), temporary));
}

Result<FileDescriptor> DirectoryBlobs::OpenBlob(const Digest& digest, int flags) const {
  TRY(CheckDigest(digest));
  Result<FileDescriptor> file =
      OpenBeneath(directory_.get(), PlaceOf(std::string_view(digest).substr(kDigestPrefix.size())).path(), flags);
  if (!file.ok() && file.error().code == Code::kNotFound)
    return NotFound("there is no artifact ", digest, " in ", root_);
  return file;
}

Result<std::uint64_t> DirectoryBlobs::Size(const Digest& digest) {
  const FileDescriptor file = TRY(OpenBlob(digest, O_PATH));
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return ErrnoError(errno, Cat("looking at ", digest));
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<std::size_t> DirectoryBlobs::ReadAt(const Digest& digest, std::uint64_t offset, std::span<char> buffer) {
  const FileDescriptor file = TRY(OpenBlob(digest, O_RDONLY));
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got =
        pread(file.get(), buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, Cat("reading ", digest));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<std::string> DirectoryBlobs::LocalPath(const Digest& digest) {
  TRY(OpenBlob(digest, O_PATH));
  return Cat(root_, '/', PlaceOf(std::string_view(digest).substr(kDigestPrefix.size())).path());
}

Status DirectoryBlobs::Verify(const Digest& digest) {
  const FileDescriptor file = TRY(OpenBlob(digest, O_RDONLY));
  Sha256 hash;
  std::string buffer(256 << 10, '\0');
  for (;;) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, Cat("reading ", digest));
    if (got == 0) break;
    hash.Update(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  }
  const std::string found = hash.Finish();
  if (found == std::string_view(digest).substr(kDigestPrefix.size())) return Ok();
  return DataLoss("artifact ", digest, " is damaged: its content has the digest ", kDigestPrefix, found);
}

Status DirectoryBlobs::Delete(const Digest& digest) {
  TRY(CheckDigest(digest));
  const Place place = PlaceOf(std::string_view(digest).substr(kDigestPrefix.size()));
  const Result<FileDescriptor> directory = OpenBeneath(directory_.get(), place.directory, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.error().code == Code::kNotFound ? Ok() : Status(directory.error());
  if (unlinkat(directory->get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoError(errno, Cat("deleting ", digest));
  }
  return Ok();
}

Status DirectoryBlobs::Touch(const Digest& digest) {
  const Lock lock(naming_);
  const FileDescriptor file = TRY(OpenBlob(digest, O_RDONLY));
  if (futimens(file.get(), TimesNow().data()) != 0) return ErrnoError(errno, Cat("touching ", digest));
  return Ok();
}

Result<bool> DirectoryBlobs::DeleteIfIdle(const Digest& digest, Timestamp since) {
  const Lock lock(naming_);
  const Result<FileDescriptor> file = OpenBlob(digest, O_RDONLY);
  if (!file.ok() && file.error().code == Code::kNotFound) return false;
  if (!file.ok()) return file.error();
  struct stat facts {};
  if (fstat(file->get(), &facts) != 0) return ErrnoError(errno, Cat("looking at ", digest));
  const std::int64_t stored = std::int64_t{facts.st_mtim.tv_sec} * 1'000'000 + facts.st_mtim.tv_nsec / 1000;
  if (stored >= ToMicros(since)) return false;
  TRY(Delete(digest));
  return true;
}

Status DirectoryBlobs::List(const std::function<Status(const Digest&, std::uint64_t size)>& visit) {
  const Result<FileDescriptor> tree = OpenBeneath(directory_.get(), kTree, O_RDONLY | O_DIRECTORY);
  if (!tree.ok()) return tree.error().code == Code::kNotFound ? Ok() : Status(tree.error());
  for (const std::string& start : TRY(NamesIn(tree->get()))) {
    const FileDescriptor directory = TRY(OpenBeneath(tree->get(), start, O_RDONLY | O_DIRECTORY));
    for (const std::string& rest : TRY(NamesIn(directory.get()))) {
      const Digest digest = Cat(kDigestPrefix, start, rest);
      const Result<std::uint64_t> size = Size(digest);
      if (!size.ok() && size.error().code == Code::kNotFound) continue;  // deleted meanwhile
      TRY(visit(digest, TRY(Result<std::uint64_t>(size))));
    }
  }
  return Ok();
}

}  // namespace mw::blob
