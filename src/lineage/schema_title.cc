// The types that have a name in the system's namespace.
#include "lineage/schema_title.h"

#include <array>

#include "base/text.h"

namespace mw::lineage {
namespace {

struct Known {
  Noun noun;
  std::string_view type, title;
};

constexpr std::string_view kOwn = "millwright.";
constexpr std::array<Known, 6> kKnown = {{{Noun::kArtifact, "dataset", "system.Dataset"},
                                          {Noun::kArtifact, "model", "system.Model"},
                                          {Noun::kExecution, "tracked_run", "system.Run"},
                                          {Noun::kContext, "experiment", "system.Experiment"},
                                          {Noun::kContext, "pipeline", "system.Pipeline"},
                                          {Noun::kContext, "run", "system.PipelineRun"}}};

}  // namespace

std::string SchemaTitle(Noun noun, std::string_view type) {
  for (const Known& known : kKnown) {
    if (known.noun == noun && known.type == type) return std::string(known.title);
  }
  const bool own = !type.empty() && type.find('.') == std::string_view::npos;
  return own ? Cat(kOwn, type) : std::string(type);
}

std::string TypeOfTitle(Noun noun, std::string_view title) {
  for (const Known& known : kKnown) {
    if (known.noun == noun && known.title == title) return std::string(known.type);
  }
  return std::string(title.starts_with(kOwn) ? title.substr(kOwn.size()) : title);
}

}  // namespace mw::lineage
