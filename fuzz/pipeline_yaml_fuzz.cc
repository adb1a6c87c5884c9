// Pipeline files from outside: a file is refused with a sentence, or its graph survives its own JSON, is in an
// order in which it can run, and has no reference that leads nowhere. The same bytes as a step's result.json.
#include <cstdlib>
#include <set>

#include "pipelines/plan.h"
#include "pipelines/step_protocol.h"
#include "pipelines/yaml_compiler.h"

namespace {

void CheckGraph(const mw::pipelines::Graph& graph) {
  const std::string json = mw::pipelines::GraphToJson(graph).Dump();
  const auto parsed = mw::Json::Parse(json);
  if (!parsed.ok()) std::abort();
  const auto again = mw::pipelines::GraphFromJson(*parsed);
  if (!again.ok() || mw::pipelines::GraphToJson(*again).Dump() != json) std::abort();
  std::set<std::string> before;
  for (const mw::pipelines::Step& step : graph.steps) {
    for (const std::string& name : mw::pipelines::Dependencies(step)) {
      if (!before.contains(name)) std::abort();
    }
    if (!before.insert(step.name).second) std::abort();
    if (step.uses.empty() == step.argv.empty()) std::abort();
  }
  mw::pipelines::WiringOf(graph);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto graph = mw::pipelines::CompileYaml(text, "pipeline.yaml", {{"depth", "7"}});
  if (!graph.ok() && graph.error().message.empty()) std::abort();
  if (graph.ok()) CheckGraph(*graph);
  const auto plain = mw::pipelines::CompileYaml(text, "pipeline.yaml");
  if (plain.ok()) CheckGraph(*plain);
  if (const auto result = mw::pipelines::ParseResult(text); !result.ok() && result.error().message.empty())
    std::abort();
  return 0;
}
