// For tests of the routes.
#pragma once

#include <cstdint>
#include <functional>

#include "base/task.h"

namespace mw::api::mlflow::testing {

/// What the clock says, in milliseconds.
inline constexpr std::int64_t kNow = 1'700'000'000'000;

/// What is posted has happened when it is awaited.
class AtOnce final : public Executor {
 public:
  void Post(std::function<void()> work) override { work(); }
};

}  // namespace mw::api::mlflow::testing
