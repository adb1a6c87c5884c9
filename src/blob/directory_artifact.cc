// Directories into blobs and back: see the header.
#include "blob/directory_artifact.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "blob/beneath.h"

namespace mw::blob {
namespace {

constexpr std::size_t kComponentBytesMax = 255;
constexpr std::string_view kForbidden = "\\%:;*?\"<>|";

Status CheckComponent(std::string_view component, std::string_view path) {
  const auto refuse = [&](std::string_view why) { return InvalidArgument("the file name ", Quoted(path), " ", why); };
  if (component.empty()) return refuse("is absolute or has an empty part; write it as a/b");
  if (component.size() > kComponentBytesMax) return refuse("has a part longer than 255 bytes");
  if (component == "." || component == "..") return refuse("has the part . or .., which would lead elsewhere");
  if (component.back() == '.') return refuse("has a part that ends in a dot");
  if (component.front() == ' ' || component.back() == ' ') return refuse("has a part that begins or ends with a space");
  for (const char byte : component) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) return refuse("contains a control character");
    if (kForbidden.find(byte) != std::string_view::npos) {
      return refuse("contains one of \\ % : ; * ? \" < > |, which not every system reads alike");
    }
  }
  return Ok();
}

Result<ManifestFile> ParseEntry(const Json& entry) {
  if (!entry.IsObject() || entry.AsObject().size() != 3) return InvalidArgument("has an entry without its three keys");
  ManifestFile file;
  file.path = TRY(entry.GetString("path"));
  TRY(CheckRelativePath(file.path));
  const std::int64_t size = TRY(entry.GetInt("size"));
  file.digest = TRY(entry.GetString("digest"));
  if (size < 0) return InvalidArgument("gives ", Quoted(file.path), " the size ", size);
  if (!IsDigest(file.digest)) return InvalidArgument("gives ", Quoted(file.path), " no digest: ", Quoted(file.digest));
  file.size = static_cast<std::uint64_t>(size);
  return file;
}

// "a" and "a/b" cannot both be files. In bytewise order others may stand between them ("a-b" does).
Status CheckNoFileIsADirectory(const Manifest& manifest) {
  for (const ManifestFile& file : manifest.files) {
    for (std::size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
      const std::string_view above = std::string_view(file.path).substr(0, slash);
      if (manifest.Find(above) != nullptr) {
        return InvalidArgument("has ", Quoted(above), " as a file and as a directory");
      }
    }
  }
  return Ok();
}

Result<Manifest> ParseFiles(std::string_view text) {
  if (text.size() > kManifestBytesMax) return InvalidArgument("has ", text.size(), " bytes");
  const Json json = TRY(Json::Parse(text));
  const Json* files = json.Find("files");
  if (files == nullptr || !files->IsArray() || json.AsObject().size() != 1)
    return InvalidArgument("is not {\"files\":[..]}");
  if (files->AsArray().size() > kManifestFilesMax) return InvalidArgument("has ", files->AsArray().size(), " files");
  Manifest manifest;
  manifest.files.reserve(files->AsArray().size());
  for (const Json& entry : files->AsArray()) {
    manifest.files.push_back(TRY(ParseEntry(entry)));
    const std::size_t count = manifest.files.size();
    if (count > 1 && manifest.files[count - 2].path >= manifest.files[count - 1].path) {
      return InvalidArgument("is not sorted at ", Quoted(manifest.files[count - 1].path));
    }
  }
  TRY(CheckNoFileIsADirectory(manifest));
  if (manifest.Dump() != text) return InvalidArgument("is not written canonically");
  return manifest;
}

// Collecting -----------------------------------------------------------------------------------------

class Collector {
 public:
  explicit Collector(BlobStore& store) : store_(store) {}

  Status Take(int directory, const std::string& prefix) {
    for (const std::string& name : TRY(NamesIn(directory))) {
      const std::string path = prefix.empty() ? name : Cat(prefix, '/', name);
      TRY(CheckRelativePath(path));
      TRY(RefuseLink(directory, name, path));
      // O_NONBLOCK: a pipe that somebody put there must not keep us waiting before it is refused.
      const FileDescriptor file = TRY(OpenBeneath(directory, name, O_RDONLY | O_NONBLOCK).In(path));
      TRY(TakeEntry(file, path));
    }
    return Ok();
  }

  Manifest Finish() && {
    std::sort(manifest_.files.begin(), manifest_.files.end(),
              [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
    return std::move(manifest_);
  }

 private:
  // For the message; OpenBeneath would refuse it too.
  static Status RefuseLink(int directory, const std::string& name, const std::string& path) {
    struct stat facts {};
    if (fstatat(directory, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(facts.st_mode)) return Ok();
    return InvalidArgument(Quoted(path), " is a symbolic link; write the file itself");
  }

  Status TakeEntry(const FileDescriptor& file, const std::string& path) {
    struct stat facts {};
    if (fstat(file.get(), &facts) != 0) return ErrnoError(errno, Cat("looking at ", path));
    if (S_ISDIR(facts.st_mode)) return Take(file.get(), path);
    if (!S_ISREG(facts.st_mode)) return InvalidArgument(Quoted(path), " is neither a file nor a directory");
    if (manifest_.files.size() == kManifestFilesMax) {
      return InvalidArgument("the directory has more than ", kManifestFilesMax, " files; pack them into fewer");
    }
    const Digest digest = TRY(store_.PutOpenFile(file.get()).In(path));
    const std::uint64_t size = TRY(store_.Size(digest));
    manifest_.files.push_back({path, size, digest});
    return Ok();
  }

  BlobStore& store_;
  Manifest manifest_;
};

Result<Artifact> PutOpenDirectory(BlobStore& store, int directory) {
  Collector collector(store);
  TRY(collector.Take(directory, ""));
  const Manifest manifest = std::move(collector).Finish();
  Artifact artifact{{}, ArtifactKind::kDirectory, 0};
  for (const ManifestFile& file : manifest.files) artifact.bytes += file.size;
  artifact.digest = TRY(store.Put(manifest.Dump()));
  return artifact;
}

// Materialising --------------------------------------------------------------------------------------

Status CopyBlob(BlobStore& store, const Digest& digest, const std::string& target) {
  const FileDescriptor file(open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file.valid()) return ErrnoError(errno, Cat("making ", target));
  std::string buffer(256 << 10, '\0');
  std::uint64_t offset = 0;
  while (const std::size_t got = TRY(store.ReadAt(digest, offset, buffer))) {
    for (std::size_t done = 0; done < got;) {
      const ssize_t wrote = write(file.get(), buffer.data() + done, got - done);
      if (wrote < 0) return ErrnoError(errno, Cat("writing ", target));
      done += static_cast<std::size_t>(wrote);
    }
    offset += got;
  }
  return Ok();
}

// A hard link where the file system allows one, else a copy.
Status PlaceBlob(BlobStore& store, const Digest& digest, const std::string& target) {
  const std::string source = TRY(store.LocalPath(digest));
  if (link(source.c_str(), target.c_str()) == 0) return Ok();
  if (errno == EEXIST || errno == ENOENT) return ErrnoError(errno, Cat("making ", target));
  return CopyBlob(store, digest, target);
}

Status PlaceFiles(BlobStore& store, const Manifest& manifest, const std::string& target) {
  TRY(MakeDirectories(target));
  std::string made;
  for (const ManifestFile& file : manifest.files) {
    const std::size_t slash = file.path.rfind('/');
    const std::string directory = slash == std::string::npos ? "" : file.path.substr(0, slash);
    if (directory != made) TRY(MakeDirectories(Cat(target, '/', directory)));
    made = directory;
    TRY(PlaceBlob(store, file.digest, Cat(target, '/', file.path)));
  }
  return Ok();
}

Status PlaceArtifact(BlobStore& store, const Artifact& artifact, const std::string& target) {
  if (artifact.kind == ArtifactKind::kFile) return PlaceBlob(store, artifact.digest, target);
  return PlaceFiles(store, TRY(ReadManifest(store, artifact.digest)), target);
}

}  // namespace

std::string_view ArtifactKindName(ArtifactKind kind) { return kind == ArtifactKind::kFile ? "file" : "directory"; }

Result<ArtifactKind> ParseArtifactKind(std::string_view name) {
  if (name == "file") return ArtifactKind::kFile;
  if (name == "directory") return ArtifactKind::kDirectory;
  return InvalidArgument("an artifact is a file or a directory, not ", Quoted(name));
}

Status CheckRelativePath(std::string_view path) {
  if (path.size() > kPathBytesMax)
    return InvalidArgument("the file name ", Quoted(path), " is longer than ", kPathBytesMax);
  if (!IsUtf8(path)) return InvalidArgument("the file name ", Quoted(path), " is not UTF-8");
  const std::vector<std::string_view> components = Split(path, '/');
  if (components.size() > kPathDepthMax) {
    return InvalidArgument("the file name ", Quoted(path), " is deeper than ", kPathDepthMax, " directories");
  }
  for (const std::string_view component : components) TRY(CheckComponent(component, path));
  return Ok();
}

std::string Manifest::Dump() const {
  std::string out = R"({"files":[)";
  for (const ManifestFile& file : files) {
    if (&file != files.data()) out.push_back(',');
    out.append(R"({"path":)");
    AppendJsonString(out, file.path);
    CatTo(out, R"(,"size":)", file.size, R"(,"digest":")", file.digest, R"("})");
  }
  return out.append("]}");
}

Result<Manifest> Manifest::Parse(std::string_view text) {
  Result<Manifest> manifest = ParseFiles(text);
  if (!manifest.ok()) return InvalidArgument("the directory manifest ", manifest.error().message);
  return manifest;
}

const ManifestFile* Manifest::Find(std::string_view path) const {
  const auto found =
      std::lower_bound(files.begin(), files.end(), path,
                       [](const ManifestFile& file, std::string_view wanted) { return file.path < wanted; });
  return found != files.end() && found->path == path ? &*found : nullptr;
}

Result<Digest> PutDirectory(BlobStore& store, const std::string& path) {
  const FileDescriptor directory = TRY(OpenDirectory(path));
  return TRY(PutOpenDirectory(store, directory.get()).In(path))
  .digest;
}

Result<Artifact> PutPath(BlobStore& store, const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid() && errno == ELOOP) return InvalidArgument(path, " is a symbolic link; write the file itself");
  if (!file.valid()) return ErrnoError(errno, Cat("opening ", path));
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return ErrnoError(errno, Cat("looking at ", path));
  if (S_ISDIR(facts.st_mode)) return PutOpenDirectory(store, file.get()).In(path);
  if (!S_ISREG(facts.st_mode)) return InvalidArgument(path, " is neither a file nor a directory");
  const Digest digest = TRY(store.PutOpenFile(file.get()).In(path));
  const std::uint64_t size = TRY(store.Size(digest));
  return Artifact{digest, ArtifactKind::kFile, size};
}

Result<Manifest> ReadManifest(BlobStore& store, const Digest& digest) {
  Result<Manifest> manifest = Manifest::Parse(TRY(store.Get(digest, kManifestBytesMax)));
  if (!manifest.ok()) return DataLoss("artifact ", digest, " is no directory: ", manifest.error().message);
  return manifest;
}

Result<std::string> ReadFileOf(BlobStore& store, const Artifact& directory, std::string_view path, std::size_t limit) {
  const Manifest manifest = TRY(ReadManifest(store, directory.digest));
  const ManifestFile* file = manifest.Find(path);
  if (file == nullptr) return NotFound("artifact ", directory.digest, " has no file ", Quoted(path));
  return store.Get(file->digest, limit);
}

namespace {

Result<std::uint64_t> TouchedSize(BlobStore& store, const Digest& digest) {
  TRY(store.Touch(digest));
  return store.Size(digest);
}

}  // namespace

Status CheckPresent(BlobStore& store, const Artifact& artifact) {
  TRY(store.Touch(artifact.digest));
  if (artifact.kind == ArtifactKind::kFile) return Ok();
  const Manifest manifest = TRY(ReadManifest(store, artifact.digest));
  for (const ManifestFile& file : manifest.files) {
    const Result<std::uint64_t> size = TouchedSize(store, file.digest);
    if (!size.ok() || *size != file.size) {
      return NotFound("artifact ", artifact.digest, " is not whole: ", Quoted(file.path), " (", file.digest, ") is ",
                      size.ok() ? "damaged" : "missing");
    }
  }
  return Ok();
}

Status Materialise(BlobStore& store, const Artifact& artifact, const std::string& target) {
  if (std::error_code ignored; std::filesystem::exists(std::filesystem::symlink_status(target, ignored))) {
    return AlreadyExists(target, " is there already");
  }
  const std::string temporary = Cat(target, ".incoming-", Hex(RandomBytes(8)));
  Status placed = PlaceArtifact(store, artifact, temporary);
  if (placed.ok() && renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) {
    placed = ErrnoError(errno, Cat("making ", target));
  }
  if (!placed.ok()) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
  }
  return placed;
}

}  // namespace mw::blob
