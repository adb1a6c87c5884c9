// The table of codes: names and HTTP statuses as google.rpc.Code gives them.
#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "base/disk_full.h"

namespace mw {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int http_status;
};

constexpr std::array kCodes = {
    CodeRow{Code::kCancelled, "CANCELLED", 499},
    CodeRow{Code::kUnknown, "UNKNOWN", 500},
    CodeRow{Code::kInvalidArgument, "INVALID_ARGUMENT", 400},
    CodeRow{Code::kDeadlineExceeded, "DEADLINE_EXCEEDED", 504},
    CodeRow{Code::kNotFound, "NOT_FOUND", 404},
    CodeRow{Code::kAlreadyExists, "ALREADY_EXISTS", 409},
    CodeRow{Code::kPermissionDenied, "PERMISSION_DENIED", 403},
    CodeRow{Code::kResourceExhausted, "RESOURCE_EXHAUSTED", 429},
    CodeRow{Code::kFailedPrecondition, "FAILED_PRECONDITION", 400},
    CodeRow{Code::kAborted, "ABORTED", 409},
    CodeRow{Code::kOutOfRange, "OUT_OF_RANGE", 400},
    CodeRow{Code::kUnimplemented, "UNIMPLEMENTED", 501},
    CodeRow{Code::kInternal, "INTERNAL", 500},
    CodeRow{Code::kUnavailable, "UNAVAILABLE", 503},
    CodeRow{Code::kDataLoss, "DATA_LOSS", 500},
    CodeRow{Code::kUnauthenticated, "UNAUTHENTICATED", 401},
};

Code CodeFromErrno(int error_number) {
  switch (error_number) {
    case ENOENT: return Code::kNotFound;
    case EEXIST: return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Code::kResourceExhausted;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP: return Code::kInvalidArgument;
    case ETIMEDOUT: return Code::kDeadlineExceeded;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH: return Code::kUnavailable;
    case EIO: return Code::kDataLoss;
    default: return Code::kUnknown;
  }
}

}  // namespace

std::string Error::ToString() const { return context.empty() ? message : Cat(context, ": ", message); }

std::string_view CodeName(Code code) {
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return row.name;
  }
  return "UNKNOWN";
}

Code CodeFromName(std::string_view name) {
  for (const CodeRow& row : kCodes) {
    if (row.name == name) return row.code;
  }
  return Code::kUnknown;
}

int HttpStatus(Code code) {
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return row.http_status;
  }
  return 500;
}

Code CodeFromHttpStatus(int status) {
  switch (status) {
    case 409: return Code::kAborted;
    case 412: return Code::kFailedPrecondition;
    case 413:
    case 431:
    case 507: return Code::kResourceExhausted;
    case 405:
    case 501: return Code::kUnimplemented;
    case 408: return Code::kDeadlineExceeded;
    default: break;
  }
  for (const CodeRow& row : kCodes) {
    if (row.http_status == status && row.code != Code::kUnknown) return row.code;
  }
  if (status >= 500) return Code::kInternal;
  return status >= 400 ? Code::kInvalidArgument : Code::kUnknown;
}

Error ErrnoError(int error_number, std::string_view what) {
  char buffer[128];
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Error{CodeFromErrno(error_number), Cat(what, ": ", strerror_r(error_number, buffer, sizeof buffer)),
               std::string(full ? kDiskFullContext : "")};
}

}  // namespace mw
