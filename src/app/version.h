// The program's version, in one place; CMakeLists.txt says the same.
#pragma once

#include <string_view>

namespace mw::app {
inline constexpr std::string_view kVersion = "0.1.0";
}
