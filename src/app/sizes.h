// How sizes are said to people.
#pragma once

#include <concepts>
#include <string>

#include "base/text.h"

namespace mw::app {

/// Millions of bytes: "12.3 MB".
inline std::string Megabytes(std::integral auto bytes) {
  return Cat(Fixed(static_cast<double>(bytes) / 1e6, 1), " MB");
}

}  // namespace mw::app
