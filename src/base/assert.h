// MW_ASSERT: an invariant of our own code; broken means the program is wrong, so it stops, also in
// release. Bad input, a full disk or a lost peer is never an assertion: that is a Result.
#pragma once

namespace mw {
[[noreturn]] void AssertionFailed(const char* condition, const char* file, int line);
}

#define MW_ASSERT(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::mw::AssertionFailed(#condition, __FILE__, __LINE__))
