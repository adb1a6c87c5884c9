// What went wrong, as a value: a canonical code, a sentence for people, and where it came from.
// The codes are the 16 canonical RPC codes, so HTTP and gRPC mapping is one table (HttpStatus).
// A message says what failed, with which value, and what to do next.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace mw {

enum class Code : std::uint8_t {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,  ///< safe to retry
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,  ///< safe to retry later
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct Error {
  Code code = Code::kUnknown;
  std::string message;
  /// Outermost first, e.g. "loading goal.yaml"; empty when the message says it all.
  std::string context;

  /// The same error seen from one level further out.
  Error In(std::string_view where) && {
    context = context.empty() ? std::string(where) : Cat(where, ": ", context);
    return std::move(*this);
  }
  /// "context: message", or the message alone.
  [[nodiscard]] std::string ToString() const;
};

/// "INVALID_ARGUMENT" and so on, as the gRPC specification spells them.
std::string_view CodeName(Code code);
/// The inverse of CodeName; kUnknown for a name that is none.
Code CodeFromName(std::string_view name);
/// The HTTP status of a code, as in google.rpc.Code's documentation.
int HttpStatus(Code code);
/// The nearest code to an HTTP status; kUnknown for those below 400.
Code CodeFromHttpStatus(int status);

#define MW_ERROR_FACTORY(name)                      \
  template <typename... Parts>                      \
  Error name(const Parts&... parts) {               \
    return Error{Code::k##name, Cat(parts...), {}}; \
  }
MW_ERROR_FACTORY(Cancelled)
MW_ERROR_FACTORY(Unknown)
MW_ERROR_FACTORY(InvalidArgument)
MW_ERROR_FACTORY(DeadlineExceeded)
MW_ERROR_FACTORY(NotFound)
MW_ERROR_FACTORY(AlreadyExists)
MW_ERROR_FACTORY(PermissionDenied)
MW_ERROR_FACTORY(ResourceExhausted)
MW_ERROR_FACTORY(FailedPrecondition)
MW_ERROR_FACTORY(Aborted)
MW_ERROR_FACTORY(OutOfRange)
MW_ERROR_FACTORY(Unimplemented)
MW_ERROR_FACTORY(Internal)
MW_ERROR_FACTORY(Unavailable)
MW_ERROR_FACTORY(DataLoss)
MW_ERROR_FACTORY(Unauthenticated)
#undef MW_ERROR_FACTORY

/// An error from errno: the code that fits it, and "what: strerror".
Error ErrnoError(int error_number, std::string_view what);

}  // namespace mw
