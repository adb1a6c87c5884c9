// Where the tree and what was built from it lie, for tests: golden files, and programs that tests start. Values of the
// build, in a generated file of their own, so that no test's object depends on where its tree lies and compiler caches
// serve every clone. Any thread; also while other variables are initialised.
#pragma once

namespace mw {

extern const char kSourceDirectory[];  ///< absolute, without a slash at its end
extern const char kBinaryDirectory[];  ///< programs are in its bin/

}  // namespace mw
