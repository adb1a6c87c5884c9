// Digests of the files a step reads from the pipeline's folder. A file is read again only when its size, inode or
// times have changed, so a plan of many steps over the same data costs one pass. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/mutex.h"
#include "base/result.h"

namespace mw::pipelines {

class FileDigests {
 public:
  /// "sha256:..." of the file's content; "absent" when there is none, or it is no regular file.
  Result<std::string> Of(const std::string& path);

 private:
  using Stamp = std::array<std::int64_t, 7>;
  struct Known {
    Stamp stamp;
    std::string digest;
  };
  static constexpr std::size_t kMaxKnown = 10000;
  Mutex mutex_;
  std::map<std::string, Known> known_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::pipelines
