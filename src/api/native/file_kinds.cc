// Which kind of object a file declares.
#include "api/native/file_kinds.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/id.h"
#include "base/text.h"
#include "base/yaml.h"
#include "goals/goal.h"
#include "pipelines/yaml_compiler.h"
#include "schema/schema.h"

namespace mw::api::native {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"goal", "pipeline", "schema", "rollout"};

/// A rollout is a plan that people keep beside goal and pipeline; its keys are checked, its stages not acted on.
Status CheckRollout(std::string_view text, std::string_view file_name) {
  const YamlNode root = TRY(ParseYaml(text, file_name));
  Complaints complaints{std::string(file_name)};
  YamlReader rollout(root, complaints);
  rollout.String("rollout");
  rollout.String("goal");
  rollout.String("model");
  rollout.StringOr("sticky_by", "");
  for (const char* part : {"approval", "stages", "checks", "freeze", "on_pass", "on_fail", "on_unsure", "keep_warm"}) {
    rollout.Node(part);
  }
  rollout.Finish();
  return complaints.AsStatus();
}

}  // namespace

Result<FileKind> KindOfFile(std::string_view text, std::string_view file_name) {
  const YamlNode root = TRY(ParseYaml(text, file_name));
  if (root.kind != YamlNode::Kind::kMap || root.map.empty()) {
    return InvalidArgument(file_name, ":", root.line, ": begin with the kind and its name, e.g. goal: late-departures");
  }
  const auto& [kind, name] = root.map.front();
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
    const std::string_view nearest = Nearest(kind, {kKinds.begin(), kKinds.end()});
    return InvalidArgument(file_name, ":", name.line, ": the first key ", Quoted(kind),
                           " is no kind of file; kinds: goal, pipeline, schema, rollout",
                           nearest.empty() ? "" : Cat("; did you mean ", nearest, "?"));
  }
  if (!IsName(name.scalar)) {
    return InvalidArgument(file_name, ":", name.line, ": ", kind, ": ", Quoted(name.scalar),
                           " is no name; use letters, digits, '.', '_' and '-', beginning with a letter or digit");
  }
  return FileKind{kind, name.scalar};
}

Result<FileKind> CheckFile(std::string_view text, std::string_view file_name) {
  FileKind kind = TRY(KindOfFile(text, file_name));
  if (kind.kind == "goal") TRY(goals::ParseGoal(text, file_name));
  if (kind.kind == "pipeline") TRY(pipelines::CompileYaml(text, file_name));
  if (kind.kind == "schema") TRY(schema::ParseYaml(text, file_name));
  if (kind.kind == "rollout") TRY(CheckRollout(text, file_name));
  return kind;
}

}  // namespace mw::api::native
