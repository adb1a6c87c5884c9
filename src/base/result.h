// Result<T>: a value or an Error, never silently dropped. Status: success or an Error.
//
//   Result<Model> Load(path) {
//     const std::string text = TRY(ReadFile(path));   // returns the error to the caller
//     TRY(CheckHeader(text));                          // a Status works the same way
//     return Parse(text);
//   }
// In coroutines use CO_TRY (base/task.h). Built on tl::expected because GCC 12 has no std::expected; derived
// because a plain tl::expected lets an unused Status pass silently.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace mw {

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  // NOLINTNEXTLINE(google-explicit-constructor): `return error;` is the point.
  Result(Error error) : Base(tl::unexpected<Error>(std::move(error))) {}

  [[nodiscard]] bool ok() const { return this->has_value(); }
  /// The error seen from one level further out; a value passes unchanged.
  Result In(std::string_view where) && {
    if (!ok()) this->error() = std::move(this->error()).In(where);
    return std::move(*this);
  }
};

using Status = Result<void>;

/// The success of a Status.
inline Status Ok() { return {}; }

namespace result_internal {
template <typename T>
T Take(Result<T>&& result) {
  return std::move(*result);
}
inline void Take(Result<void>&&) {}
}  // namespace result_internal

#define MW_TRY_AS(name, expression)               \
  __extension__({                                 \
    auto name = (expression);                     \
    if (!name.has_value()) {                      \
      return std::move(name).error();             \
    }                                             \
    ::mw::result_internal::Take(std::move(name)); \
  })
// A name of its own for each use, so that one TRY may stand inside another.
#define MW_TRY_NAME_JOIN(counter) mw_try_result_##counter
#define MW_TRY_NAME(counter) MW_TRY_NAME_JOIN(counter)
#define TRY(expression) MW_TRY_AS(MW_TRY_NAME(__COUNTER__), expression)

}  // namespace mw
