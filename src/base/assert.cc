// Says which invariant broke, straight to stderr, and stops.
#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace mw {

void AssertionFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "millwright: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace mw
