// The text of a package's warmup.json (package.h): rows or requests, and what the training library answers them.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/package.h"

namespace mw::wire {

/// `outputs`: numbers of each row's answer. Errors: kInvalidArgument naming the key.
Result<WarmUp> ParseWarmUp(std::string_view text, std::size_t outputs);
std::string WarmUpText(const WarmUp& warm_up, bool takes_rows);

}  // namespace mw::wire
