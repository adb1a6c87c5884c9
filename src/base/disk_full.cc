// Known by the innermost context, which errors keep on their way outwards.
#include "base/disk_full.h"

#include "base/text.h"

namespace mw {

Error DiskFull(std::string_view place) {
  return Error{Code::kResourceExhausted,
               Cat("the disk that holds ", place, " is full; free some space, nothing needs to be restarted"),
               std::string(kDiskFullContext)};
}

bool IsDiskFull(const Error& error) {
  return error.code == Code::kResourceExhausted && std::string_view(error.context).ends_with(kDiskFullContext);
}

}  // namespace mw
