// Parts are sorted by name and joined as one canonical JSON document, whose digest is the key.
#include "pipelines/cache_key.h"

#include <algorithm>

#include "base/file.h"

namespace mw::pipelines {
namespace {

/// Grows when the meaning of a part changes: entries of other formats are never hit.
constexpr std::string_view kFormat = "1";

std::string OutputsValue(const Step& step) {
  Json outputs = Json::MakeObject();
  for (const Output& output : step.outputs) outputs[output.name] = OutputKindName(output.kind);
  return Canonical(outputs).Dump();
}

std::string ArgvValue(const Step& step) {
  Json argv = Json::MakeArray();
  for (const std::string& word : step.argv) argv.Append(word);
  return argv.Dump();
}

bool IsDigestPart(const KeyPart& part) {
  return part.name.starts_with("file ") || part.name.starts_with("input ") || part.name == "goal";
}

const KeyPart* FindPart(const std::vector<KeyPart>& parts, std::string_view name) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const KeyPart& p) { return p.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

std::string Shown(std::string_view value) {
  constexpr std::size_t kShownBytes = 60;
  if (value.size() <= kShownBytes) return std::string(value);
  std::size_t cut = kShownBytes;
  while (cut > 0 && (static_cast<unsigned char>(value[cut]) & 0xC0) == 0x80) --cut;  // not inside a character
  return Cat(value.substr(0, cut), "...");
}

std::string Difference(const KeyPart* earlier, const KeyPart* now) {
  if (earlier == nullptr) return Cat(now->name, " is new", IsDigestPart(*now) ? "" : Cat(": ", Shown(now->value)));
  if (now == nullptr) return Cat(earlier->name, " is gone");
  if (now->value == "absent") return Cat(now->name, " is missing");
  if (IsDigestPart(*now)) return Cat(now->name, " changed");
  return Cat(now->name, " was ", Shown(earlier->value), ", is ", Shown(now->value));
}

}  // namespace

Json Canonical(const Json& json) {
  if (json.IsArray()) {
    Json out = Json::MakeArray();
    for (const Json& element : json.AsArray()) out.Append(Canonical(element));
    return out;
  }
  if (!json.IsObject()) return json;
  Json::Object members;
  for (const auto& [key, value] : json.AsObject()) members.emplace_back(key, Canonical(value));
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return Json(std::move(members));
}

CacheKey KeyOf(const Step& step, const KeyMaterial& material) {
  CacheKey key;
  const auto add = [&key](std::string name, std::string value) {
    key.parts.push_back({std::move(name), std::move(value)});
  };
  if (step.uses.empty()) {
    add("run", ArgvValue(step));
    add("outputs", OutputsValue(step));
  } else {
    add("uses", step.uses);
    add("program", material.program);
  }
  for (const auto& [name, value] : step.with.AsObject()) add(Cat("with.", name), Canonical(value).Dump());
  for (const auto& [path, digest] : material.files) add(Cat("file ", path), digest);
  if (!material.goal_file.empty()) add("goal", material.goal_file);
  for (const auto& [name, digest] : material.inputs) add(Cat("input ", name), digest);
  std::sort(key.parts.begin(), key.parts.end(), [](const KeyPart& a, const KeyPart& b) { return a.name < b.name; });
  key.digest = Sha256Hex(Json::Make({{"format", kFormat}, {"parts", PartsToJson(key.parts)}}).Dump());
  return key;
}

Json PartsToJson(const std::vector<KeyPart>& parts) {
  Json json = Json::MakeArray();
  for (const KeyPart& part : parts) json.Append(Json(Json::Array{part.name, part.value}));
  return json;
}

Result<std::vector<KeyPart>> PartsFromJson(const Json& json) {
  const Error broken = DataLoss("a cache entry's parts are no list of [name, value]; the database was changed");
  if (!json.IsArray()) return broken;
  std::vector<KeyPart> parts;
  for (const Json& part : json.AsArray()) {
    if (!part.IsArray() || part.AsArray().size() != 2) return broken;
    const Json& name = part.AsArray()[0];
    const Json& value = part.AsArray()[1];
    if (!name.IsString() || !value.IsString()) return broken;
    parts.push_back({name.AsString(), value.AsString()});
  }
  return parts;
}

std::size_t Distance(const std::vector<KeyPart>& a, const std::vector<KeyPart>& b) {
  std::size_t same = 0;
  for (const KeyPart& part : a) same += std::find(b.begin(), b.end(), part) != b.end() ? 1U : 0U;
  return std::max(a.size(), b.size()) - same;
}

std::string ExplainMiss(const std::vector<KeyPart>& earlier, const std::vector<KeyPart>& now) {
  std::vector<std::string> differences;
  for (const KeyPart& part : now) {
    const KeyPart* before = FindPart(earlier, part.name);
    if (before == nullptr || before->value != part.value) differences.push_back(Difference(before, &part));
  }
  for (const KeyPart& part : earlier) {
    if (FindPart(now, part.name) == nullptr) differences.push_back(Difference(&part, nullptr));
  }
  constexpr std::size_t kShown = 5;
  const std::size_t more = differences.size() > kShown ? differences.size() - kShown : 0;
  differences.resize(differences.size() - more);
  return Join(differences, "; ") + (more == 0 ? "" : Cat("; and ", more, " more"));
}

}  // namespace mw::pipelines
