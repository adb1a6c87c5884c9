// What goes into an archive and in which order, and the checks before a restored home gets its name.
#include "app/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "app/version.h"
#include "base/file.h"
#include "base/random.h"
#include "base/task.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "blob/directory_blobs.h"
#include "blob/tar.h"
#include "db/sqlite_connection.h"
#include "db/sqlite_database.h"
#include "endpoints/endpoints.h"
#include "jobs/jobs.h"
#include "registry/registry.h"

namespace mw::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kFormatVersion = 1;
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
constexpr std::size_t kManifestBytesMax = std::size_t{1} << 30;
constexpr std::string_view kManifestFile = "manifest.json";
constexpr std::string_view kDatabaseFile = "millwright.db";
/// Of the home itself; token and secret are what makes its clients and steps go on.
constexpr std::string_view kHomeFiles[] = {"token", "secret", "follow_token", "millwright.yaml"};
/// Of an attempt that has ended; its inputs and outputs are artifacts.
constexpr std::string_view kAttemptFiles[] = {"log", "exit.json", "started", "TASK.json", "result.json"};

std::string NotesPath(const std::string& home) { return home + "/backups.json"; }

Json ReadNotes(const std::string& home) {
  const Result<std::string> text = ReadFile(NotesPath(home), 1 << 20);
  Result<Json> notes = text.ok() ? Json::Parse(*text) : Result<Json>(text.error());
  return notes.ok() && notes->IsObject() ? *std::move(notes) : Json::MakeObject();
}

Status Note(const std::string& home, std::string_view what, Json value) {
  Json notes = ReadNotes(home);
  notes[what] = std::move(value);
  return WriteFileDurably(NotesPath(home), notes.DumpPretty(), 0600);
}

Result<std::string> AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error) return InvalidArgument("no absolute path of ", Quoted(path), ": ", error.message());
  std::string text = absolute.string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

/// Names in a directory, sorted; none when it is not there.
std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void RemoveAll(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

/// Removes a file or directory at the end of a scope, whatever has become of it.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() { RemoveAll(path_); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Reads until the buffer is full or the file ends.
Result<std::size_t> ReadSome(int file, std::span<char> buffer, const std::string& path) {
  std::size_t total = 0;
  while (total < buffer.size()) {
    const ssize_t got = read(file, buffer.data() + total, buffer.size() - total);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, Cat("reading ", path));
    if (got == 0) break;
    total += static_cast<std::size_t>(got);
  }
  return total;
}

/// Files on their way into the archive, each hashed as it goes.
class Archiver {
 public:
  static Result<Archiver> Create(const std::string& path) {
    FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) return ErrnoError(errno, Cat("making ", path));
    return Archiver(std::move(file), path);
  }

  /// The file's bytes up to the size that it has now. Returns their digest, empty when there is no such file.
  Result<std::string> Add(const std::string& name, const std::string& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.valid() && errno == ENOENT) return std::string();
    struct stat facts {};
    if (!file.valid() || fstat(file.get(), &facts) != 0) return ErrnoError(errno, Cat("reading ", path));
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    TRY(tar_->Begin({name, size, facts.st_mode & 0777U}));
    Sha256 hash;
    for (std::uint64_t done = 0; done < size;) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size - done, buffer_.size()));
      const std::size_t got = TRY(ReadSome(file.get(), std::span(buffer_).first(part), path));
      if (got < part) return DataLoss(path, " became shorter while it was read");
      hash.Update({buffer_.data(), got});
      TRY(tar_->Write({buffer_.data(), got}));
      done += got;
    }
    std::string digest = Cat("sha256:", hash.Finish());
    files_.Append(Json::Make({{"path", name}, {"size", size}, {"digest", digest}}));
    return digest;
  }

  /// The list of files and the end. Durable when it returns.
  Status Finish(Json head) {
    head["files"] = files_;
    const std::string manifest = head.DumpPretty();
    TRY(tar_->Begin({std::string(kManifestFile), manifest.size(), 0600}));
    TRY(tar_->Write(manifest));
    TRY(tar_->End());
    if (fsync(file_.get()) != 0) return ErrnoError(errno, Cat("writing ", path_));
    return Ok();
  }

  [[nodiscard]] std::int64_t num_files() const { return static_cast<std::int64_t>(files_.AsArray().size()); }
  [[nodiscard]] std::uint64_t bytes() const { return *written_; }

 private:
  Archiver(FileDescriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)), written_(std::make_unique<std::uint64_t>(0)) {
    tar_ = std::make_unique<blob::TarWriter>(
        [descriptor = file_.get(), written = written_.get(), name = path_](std::string_view bytes) {
          *written += bytes.size();
          return WriteAll(descriptor, bytes, name);
        });
  }

  FileDescriptor file_;
  std::string path_;
  std::unique_ptr<std::uint64_t> written_;
  std::unique_ptr<blob::TarWriter> tar_;
  std::vector<char> buffer_ = std::vector<char>(kPieceBytes);
  Json files_ = Json::MakeArray();
};

/// Where the embedded blob store has a digest, beneath the home.
std::string BlobName(const std::string& digest) {
  const std::string hex = digest.substr(digest.find(':') + 1);
  return Cat("artifacts/sha256/", hex.substr(0, 2), "/", hex.substr(2));
}

Status AddArtifacts(const Config& config, Archiver& archive) {
  const auto blobs = TRY(blob::DirectoryBlobs::Open(config.ArtifactsPath()));
  return blobs->List([&](const blob::Digest& digest, std::uint64_t) -> Status {
    const std::string path = TRY(blobs->LocalPath(digest));
    const std::string found = TRY(archive.Add(BlobName(digest), path));
    if (found.empty() || found == digest) return Ok();
    return DataLoss("the artifact ", path, " is damaged: its bytes have the digest ", found);
  });
}

Status AddRuns(const Config& config, Archiver& archive) {
  for (const std::string& run : NamesIn(config.RunsPath())) {
    for (const std::string& step : NamesIn(Cat(config.RunsPath(), "/", run))) {
      for (const std::string& attempt : NamesIn(Cat(config.RunsPath(), "/", run, "/", step))) {
        const std::string name = Cat("runs/", run, "/", step, "/", attempt);
        for (const std::string_view file : kAttemptFiles) {
          TRY(archive.Add(Cat(name, "/", file), Cat(config.home, "/", name, "/", file)));
        }
      }
    }
  }
  return Ok();
}

/// Windows that were not delivered come before the database: delivered meanwhile, they are in both, which is
/// harmless; the other way round they would be in neither.
Status AddAll(const Config& config, const std::string& scratch, Archiver& archive) {
  TRY(archive.Add("serve/server_id", config.ServePath() + "/server_id"));
  for (const std::string& window : NamesIn(config.ServePath() + "/windows")) {
    TRY(archive.Add("serve/windows/" + window, Cat(config.ServePath(), "/windows/", window)));
  }
  const Temporary snapshot(scratch);
  {
    const auto database = TRY(db::SqliteConnection::Open(config.DatabasePath(), db::Use::kRead));
    TRY(database->BackUpTo(snapshot.path()));
  }
  TRY(archive.Add(std::string(kDatabaseFile), snapshot.path()));
  for (const std::string_view file : kHomeFiles) {
    TRY(archive.Add(std::string(file), Cat(config.home, "/", file)));
  }
  TRY(AddRuns(config, archive));
  return AddArtifacts(config, archive);
}

// ---- restore ------------------------------------------------------------------------------------------------------

struct Manifest {
  std::string home;
  Timestamp created;
  std::map<std::string, std::pair<std::uint64_t, std::string>> files;  ///< path -> size, digest
};

Result<Manifest> ParseManifest(std::string_view text) {
  const Json json = TRY(Json::Parse(text));
  if (const std::int64_t version = TRY(json.GetInt("format_version")); version > kFormatVersion) {
    return FailedPrecondition("has the format ", version, "; this version of Millwright reads up to ", kFormatVersion);
  }
  Manifest manifest;
  manifest.home = TRY(json.GetString("home"));
  const std::string created = TRY(json.GetString("created"));
  manifest.created = TRY(ParseTime(created));
  const Json* files = json.Find("files");
  if (files == nullptr || !files->IsArray()) return InvalidArgument("has no \"files\"");
  for (const Json& file : files->AsArray()) {
    const std::string path = TRY(file.GetString("path"));
    const std::int64_t size = TRY(file.GetInt("size"));
    std::string digest = TRY(file.GetString("digest"));
    manifest.files[path] = {static_cast<std::uint64_t>(size), std::move(digest)};
  }
  return manifest;
}

/// An archive on its way into a directory, then what was found against what the manifest says.
class Unpacker {
 public:
  Unpacker(std::string archive, std::string target) : archive_(std::move(archive)), target_(std::move(target)) {}

  Result<Manifest> Run() {
    const FileDescriptor file(open(archive_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return ErrnoError(errno, Cat("opening ", archive_));
    blob::TarReader tar([&](std::span<char> buffer) { return ReadSome(file.get(), buffer, archive_); });
    while (std::optional<blob::TarEntry> entry = TRY(tar.Next().In(archive_))) {
      if (entry->path == kManifestFile) {
        TRY(ReadManifest(tar, *entry).In(archive_));
      } else {
        TRY(Unpack(tar, *entry).In(archive_));
      }
    }
    TRY(Compare().In(archive_));
    return std::move(manifest_);
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  Status ReadManifest(blob::TarReader& tar, const blob::TarEntry& entry) {
    if (entry.size > kManifestBytesMax) return DataLoss("its manifest has ", entry.size, " bytes");
    std::string text(entry.size, '\0');
    TRY(tar.Read(text));
    manifest_ = TRY(ParseManifest(text).In(kManifestFile));
    has_manifest_ = true;
    return Ok();
  }

  Status Unpack(blob::TarReader& tar, const blob::TarEntry& entry) {
    const std::string path = Cat(target_, "/", entry.path);
    TRY(MakeDirectories(path.substr(0, path.rfind('/')), 0700));
    const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, entry.mode));
    if (!file.valid()) return ErrnoError(errno, Cat("making ", path));
    Sha256 hash;
    while (const std::size_t got = TRY(tar.Read(buffer_))) {
      hash.Update({buffer_.data(), got});
      TRY(WriteAll(file.get(), {buffer_.data(), got}, path));
    }
    bytes_ += entry.size;
    found_[entry.path] = {entry.size, Cat("sha256:", hash.Finish())};
    return Ok();
  }

  Status Compare() const {
    if (!has_manifest_) return DataLoss("the archive has no manifest.json; is it a backup of Millwright?");
    for (const auto& [path, facts] : manifest_.files) {
      const auto found = found_.find(path);
      if (found == found_.end()) return DataLoss("the archive lacks ", Quoted(path));
      if (found->second != facts) return DataLoss(Quoted(path), " is damaged in the archive");
      if (path.starts_with("artifacts/") && path != BlobName(facts.second)) {
        return DataLoss(Quoted(path), " has other bytes than its name says");
      }
    }
    if (found_.size() == manifest_.files.size()) return Ok();
    return DataLoss("the archive has files that its manifest does not list");
  }

  std::string archive_;
  std::string target_;
  std::vector<char> buffer_ = std::vector<char>(kPieceBytes);
  std::map<std::string, std::pair<std::uint64_t, std::string>> found_;
  Manifest manifest_;
  bool has_manifest_ = false;
  std::uint64_t bytes_ = 0;
};

Status CheckDatabase(const std::string& path) {
  const auto database = TRY(db::SqliteConnection::Open(path, db::Use::kRead));
  const db::Rows rows = TRY(database->Query("PRAGMA integrity_check", {}));
  if (rows.size() == 1 && rows[0].Text(0) == "ok") return Ok();
  return DataLoss("the archive's database is damaged: ", rows.empty() ? "no answer" : rows[0].Text(0));
}

/// Paths of the home it was made of become those of `home`; directories of steps that had not ended go, so that they
/// are found lost and nobody looks at what the old home may still be running.
Result<std::int64_t> MoveAttempts(db::Database& database, const std::string& directory, const std::string& from,
                                  const std::string& home) {
  const std::vector<std::string> open_directories = TRY(SyncWait(
      database.Write([&](db::Transaction& transaction) { return jobs::MoveDirectories(transaction, from, home); })));
  for (const std::string& moved : open_directories) {
    if (moved.starts_with(home + "/runs/")) RemoveAll(directory + moved.substr(home.size()));
  }
  return static_cast<std::int64_t>(open_directories.size());
}

/// Every endpoint's package has to be there, whole.
Result<std::int64_t> CheckDeployments(db::Database& database, const std::string& directory, const Clock& clock) {
  const auto blobs = TRY(blob::DirectoryBlobs::Open(directory + "/artifacts"));
  registry::Registry registry(database, clock);
  endpoints::Endpoints endpoints(database, registry, clock);
  TRY(SyncWait(endpoints.Load()));
  const wire::DesiredState desired = endpoints.Desired();
  for (const wire::DesiredEndpoint& endpoint : desired.endpoints) {
    std::vector<std::string> packages;
    for (const wire::WeightedVersion& version : endpoint.Versions()) packages.push_back(version.package);
    if (endpoint.traffic.shadow) packages.push_back(endpoint.traffic.shadow->package);
    for (const std::string& package : packages) {
      TRY(blob::CheckPresent(*blobs, {package, blob::ArtifactKind::kDirectory, 0}).In(Cat("endpoint ", endpoint.name)));
    }
  }
  return static_cast<std::int64_t>(desired.endpoints.size());
}

Status CheckEmpty(const std::string& home) {
  std::error_code error;
  const bool empty = !fs::exists(home, error) || (fs::is_directory(home, error) && fs::is_empty(home, error));
  if (empty && !error) return Ok();
  return FailedPrecondition("the home ", home, " is not empty; name a new one with --home, or move it away");
}

/// The home that the archive was made of, if it is on this machine, learns that a restore was tested.
void NoteTested(const Manifest& manifest, const std::string& directory, const std::string& file, const Clock& clock) {
  const Result<std::string> here = ReadFile(manifest.home + "/secret", 4096);
  const Result<std::string> archived = ReadFile(directory + "/secret", 4096);
  if (!here.ok() || !archived.ok() || *here != *archived) return;
  const Status noted =
      Note(manifest.home, "restore_tested", Json::Make({{"at", FormatTime(clock.Now())}, {"file", file}}));
  static_cast<void>(noted);  // the restore succeeded whether or not the other home can be written to
}

/// Unpacks and proves. `home`: where the directory will lie in the end.
Result<RestoreReport> RestoreInto(const std::string& file, const std::string& directory, const std::string& home,
                                  const Clock& clock) {
  TRY(MakeDirectories(directory, 0700));
  Unpacker unpacker(file, directory);
  const Manifest manifest = TRY(unpacker.Run());
  TRY(CheckDatabase(Cat(directory, "/", kDatabaseFile)));
  RestoreReport report{
      manifest.created, manifest.home, static_cast<std::int64_t>(manifest.files.size()), unpacker.bytes(), 0, 0};
  {
    const auto database = TRY(db::SqliteDatabase::Open(Cat(directory, "/", kDatabaseFile)));
    report.open_steps = TRY(MoveAttempts(*database, directory, manifest.home, home));
    report.deployments = TRY(CheckDeployments(*database, directory, clock));
  }
  NoteTested(manifest, directory, file, clock);
  return report;
}

std::optional<Timestamp> TimeOf(const Json& notes, std::string_view what) {
  const Json* note = notes.Find(what);
  const Result<Timestamp> at = ParseTime(note == nullptr ? "" : note->StringOr("at", ""));
  return at.ok() ? std::optional(*at) : std::nullopt;
}

}  // namespace

Result<BackupReport> WriteBackup(const Config& config, const std::string& file, const Clock& clock) {
  if (!config.database.empty()) {
    return Unimplemented("the database of this home is ", config.database.substr(0, config.database.find(':')),
                         "; back it up with pg_dump, and copy ", config.ArtifactsPath(), " after it");
  }
  if (access(config.DatabasePath().c_str(), R_OK) != 0) {
    return NotFound("no Millwright has its home in ", config.home, "; name it with --home");
  }
  const std::string target = TRY(AbsolutePath(file));
  if (access(target.c_str(), F_OK) == 0) return AlreadyExists(target, " is there already; name another file");
  const Temporary unfinished(target + ".unfinished");
  Archiver archive = TRY(Archiver::Create(unfinished.path()));
  TRY(AddAll(config, target + ".database", archive));
  const std::string home = TRY(AbsolutePath(config.home));
  const std::string now = FormatTime(clock.Now());
  TRY(archive.Finish(
      Json::Make({{"format_version", kFormatVersion}, {"millwright", kVersion}, {"home", home}, {"created", now}})));
  if (rename(unfinished.path().c_str(), target.c_str()) != 0) return ErrnoError(errno, Cat("naming ", target));
  TRY(SyncDirectory(target.substr(0, target.rfind('/') + 1)));
  const BackupReport report{target, archive.num_files(), archive.bytes()};
  TRY(Note(config.home, "last",
           Json::Make({{"at", now}, {"file", target}, {"files", report.files}, {"bytes", report.bytes}})));
  return report;
}

Result<RestoreReport> RestoreBackup(const std::string& file, const std::string& home, const Clock& clock) {
  const std::string target = TRY(AbsolutePath(home));
  TRY(CheckEmpty(target));
  const Temporary scratch(Cat(target, ".restoring-", Hex(RandomBytes(4))));
  const RestoreReport report = TRY(RestoreInto(file, scratch.path(), target, clock));
  const FileDescriptor directory(open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || syncfs(directory.get()) != 0) return ErrnoError(errno, Cat("writing ", scratch.path()));
  if (rename(scratch.path().c_str(), target.c_str()) != 0) return ErrnoError(errno, Cat("naming ", target));
  TRY(SyncDirectory(target.substr(0, target.rfind('/') + 1)));
  return report;
}

Result<RestoreReport> CheckBackup(const std::string& file, const Clock& clock) {
  const std::string archive = TRY(AbsolutePath(file));
  const Temporary scratch(Cat(archive, ".checking-", Hex(RandomBytes(4))));
  return RestoreInto(archive, scratch.path(), scratch.path(), clock);
}

BackupNotes ReadBackupNotes(const std::string& home) {
  const Json notes = ReadNotes(home);
  const Json* last = notes.Find("last");
  return {TimeOf(notes, "last"), last == nullptr ? "" : last->StringOr("file", ""), TimeOf(notes, "restore_tested")};
}

}  // namespace mw::app
