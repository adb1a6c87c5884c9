// Frames of window pieces (wire/window_record.h) on disk until the control plane has them: one file each beneath
// STATE/windows, delivered in the order of their names, deleted after the acknowledgement. What a server
// that ended left there is there at the next start.
//
// Bounded: a frame that would not fit is refused, the oldest is never given up for a newer one, so the record has
// one gap and not many. Files are whole (renamed when written) and not synced: after a power cut the last seconds
// may be missing, as those in memory are. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace mw::serving {

class WindowSpool {
 public:
  /// Makes the directory when absent and takes up what is in it. Errors: from errno.
  static Result<std::unique_ptr<WindowSpool>> Open(std::string directory, std::uint64_t bytes_max);

  [[nodiscard]] bool HasRoom(std::size_t bytes) const;
  /// `name` sorts behind all names before it: plain letters, digits and '-'. Errors: kResourceExhausted when
  /// there is no room, here or on the disk; others from errno.
  Status Add(const std::string& name, std::string_view frame);

  /// The oldest frames that together have at most `bytes_max`, at least one; none when the spool is empty.
  [[nodiscard]] std::vector<std::string> Oldest(std::uint64_t bytes_max) const;
  /// Errors: kNotFound; from errno.
  [[nodiscard]] Result<std::string> Read(const std::string& name) const;
  void Remove(const std::string& name);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct File {
    std::string name;
    std::uint64_t bytes;
  };
  WindowSpool(std::string directory, std::uint64_t bytes_max)
      : directory_(std::move(directory)), bytes_max_(bytes_max) {}
  Status TakeUp();
  [[nodiscard]] std::string PathOf(const std::string& name) const { return directory_ + "/" + name; }

  const std::string directory_;
  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  std::deque<File> files_ MW_GUARDED_BY(mutex_);  // oldest first
  std::uint64_t bytes_ MW_GUARDED_BY(mutex_) = 0;
};

}  // namespace mw::serving
