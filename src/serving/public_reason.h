// Why something is not served, in words for whoever may ask: without the directories of this machine.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace mw::serving {

/// The same sentence with "/a/b/model.json" as "model.json", and what lies beneath `root`, if there is one, by its path
/// from there. Addresses of URLs stay as they are.
std::string PublicReason(std::string_view reason, std::string_view root = {});

}  // namespace mw::serving
