// An artifact is what a step takes or makes: a file (a blob), or a directory (a manifest blob that names the blob of
// each file). The manifest is canonical JSON, so its digest names the directory's whole content:
//   {"files":[{"path":"data.parquet","size":12,"digest":"sha256:..."}]}
// sorted by path, keys in that order, compact. Empty directories, modes and times are not kept.
// Any thread. Invariant: nothing outside the given directory is ever read or written, whatever names appear.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "blob/blob_store.h"

namespace mw::blob {

enum class ArtifactKind : std::uint8_t { kFile, kDirectory };
/// "file" or "directory".
std::string_view ArtifactKindName(ArtifactKind kind);
/// Errors: kInvalidArgument.
Result<ArtifactKind> ParseArtifactKind(std::string_view name);

struct Artifact {
  Digest digest;  ///< of the file, or of the directory's manifest
  ArtifactKind kind = ArtifactKind::kFile;
  std::uint64_t bytes = 0;  ///< of all files together
  bool operator==(const Artifact&) const = default;
};

struct ManifestFile {
  std::string path;  ///< see CheckRelativePath
  std::uint64_t size = 0;
  Digest digest;
  bool operator==(const ManifestFile&) const = default;
};

struct Manifest {
  std::vector<ManifestFile> files;  ///< by path, bytewise
  [[nodiscard]] std::string Dump() const;
  /// Accepts exactly what Dump writes. Errors: kInvalidArgument naming the entry and what is wrong.
  static Result<Manifest> Parse(std::string_view text);
  /// nullptr when there is no such file.
  [[nodiscard]] const ManifestFile* Find(std::string_view path) const;
};

inline constexpr std::size_t kManifestFilesMax = 100'000;
inline constexpr std::size_t kManifestBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kPathBytesMax = 1024;
inline constexpr std::size_t kPathDepthMax = 32;

/// A name for a file beneath some root that means the same everywhere and cannot lead out of it: components of
/// 1 to 255 bytes of printable UTF-8 joined by '/', none "." or "..", none of \ % : ; * ? " < > | in them, no dot or
/// space at the end of a component, no space at its beginning. Errors: kInvalidArgument saying which rule.
Status CheckRelativePath(std::string_view path);

/// Stores every file beneath `path`, then the manifest. Errors: kNotFound; kInvalidArgument for a symbolic link, a
/// socket, a name that CheckRelativePath refuses, too many files.
Result<Digest> PutDirectory(BlobStore& store, const std::string& path);
/// A file or a directory. Errors: as PutDirectory.
Result<Artifact> PutPath(BlobStore& store, const std::string& path);

/// Errors: kNotFound; kDataLoss when the blob is no manifest.
Result<Manifest> ReadManifest(BlobStore& store, const Digest& digest);
/// One file of a directory artifact. Errors: kNotFound; kResourceExhausted above `limit`.
Result<std::string> ReadFileOf(BlobStore& store, const Artifact& directory, std::string_view path, std::size_t limit);
/// Whether all of it is stored, by size; whoever is about to name it asks this, and it counts as stored now. Errors:
/// kNotFound naming what is missing.
Status CheckPresent(BlobStore& store, const Artifact& artifact);

/// Puts the artifact at `target`, read-only, sharing the store's bytes where the file system can (hard links). The
/// target appears whole or not at all; its parent must exist.
/// Errors: kAlreadyExists something is there - an earlier call's complete work; kNotFound; kResourceExhausted.
Status Materialise(BlobStore& store, const Artifact& artifact, const std::string& target);

}  // namespace mw::blob
