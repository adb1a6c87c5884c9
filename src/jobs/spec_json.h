// An AttemptSpec as the text that is stored with an attempt. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "exec/executor.h"

namespace mw::jobs {

std::string SpecToJson(const exec::AttemptSpec& spec);
/// Errors: kInvalidArgument for text that SpecToJson did not write.
Result<exec::AttemptSpec> SpecFromJson(std::string_view text);

}  // namespace mw::jobs
