// What a class may be called where its name travels: in pieces of windows, in labels, in lists of classes. Pure, any
// thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace mw::wire {

inline constexpr std::size_t kClassNameBytesMax = 256;

/// UTF-8 without NUL, not too long.
bool IsClassName(std::string_view name);

}  // namespace mw::wire
