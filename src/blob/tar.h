// Plain tar archives (ustar) of regular files, written and read as streams: what `backup` makes and anybody's
// tar can list. Sizes beyond 8 GiB are in GNU's binary form. One thread for each object.
//
// The reader takes bytes from outside: only regular files under safe relative names (CheckRelativePath)
// are accepted, every header's checksum is compared, and an archive that ends early is an error.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::blob {

struct TarEntry {
  std::string path;  ///< relative; at most 255 bytes, cut at a slash into at most 155 and 100
  std::uint64_t size = 0;
  unsigned mode = 0644;
};

class TarWriter {
 public:
  using Sink = std::function<Status(std::string_view)>;
  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  /// Starts an entry; exactly `entry.size` bytes have to follow by Write. Errors: kInvalidArgument for a path
  /// that does not fit; the sink's.
  Status Begin(const TarEntry& entry);
  Status Write(std::string_view bytes);
  /// Ends the archive, after the last byte of the last entry.
  Status End();

 private:
  Status Pad();
  Sink sink_;
  std::uint64_t left_ = 0;     // of the entry
  std::uint64_t written_ = 0;  // of the entry
};

class TarReader {
 public:
  /// Fills the buffer from its beginning; fewer bytes only at the end of the archive's file.
  using Source = std::function<Result<std::size_t>(std::span<char>)>;
  explicit TarReader(Source source) : source_(std::move(source)) {}

  /// The next file, or nothing at the end; what was not read of the one before is skipped.
  /// Errors: kDataLoss saying what is wrong with the archive; the source's.
  Result<std::optional<TarEntry>> Next();
  /// The next bytes of the entry; 0 at its end. Errors: kDataLoss the archive ends early.
  Result<std::size_t> Read(std::span<char> buffer);

 private:
  Status Fill(std::span<char> buffer);
  Status SkipRest();
  Source source_;
  std::uint64_t left_ = 0;
  std::uint64_t padding_ = 0;
};

}  // namespace mw::blob
