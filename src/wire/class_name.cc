// Names of classes.
#include "wire/class_name.h"

#include "base/text.h"

namespace mw::wire {

bool IsClassName(std::string_view name) {
  return name.size() <= kClassNameBytesMax && IsUtf8(name) && name.find('\0') == std::string_view::npos;
}

}  // namespace mw::wire
