// Types as the metadata API names them. What is recorded here under a short type has a title there: "dataset" is
// system.Dataset, "train" is millwright.train; a type with a dot (acme.Review) is its own title. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace mw::lineage {

enum class Noun { kArtifact, kExecution, kContext };

/// "" for "".
std::string SchemaTitle(Noun noun, std::string_view type);
/// The inverse: a title without a dot is no type's; it is returned as it is.
std::string TypeOfTitle(Noun noun, std::string_view title);

}  // namespace mw::lineage
