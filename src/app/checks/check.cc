// Encoding and laying out.
#include "app/checks/check.h"

#include <algorithm>

#include "base/text.h"

namespace mw::app {
namespace {

/// Continued lines begin below the first one's text.
void AppendWrapped(std::string& out, std::string_view text, std::size_t indent, std::size_t width) {
  std::size_t room = width - indent;
  while (text.size() > room) {
    std::size_t cut = text.rfind(' ', room);
    if (cut == std::string_view::npos || cut == 0) cut = std::min(text.find(' '), text.size());
    CatTo(out, text.substr(0, cut), "\n", std::string(indent, ' '));
    text.remove_prefix(std::min(cut + 1, text.size()));
  }
  CatTo(out, text, "\n");
}

std::string Padded(std::string_view text, std::size_t width) {
  return Cat(text, std::string(width - std::min(width, text.size()), ' '));
}

}  // namespace

std::string_view HealthName(Health health) {
  switch (health) {
    case Health::kOk: return "ok";
    case Health::kWarn: return "warn";
    case Health::kBad: return "bad";
  }
  return "";
}

Json ToJson(const Check& check) {
  return Json::Make(
      {{"check", check.name}, {"state", HealthName(check.health)}, {"value", check.value}, {"remedy", check.remedy}});
}

Check CheckFromJson(const Json& json) {
  const std::string state = json.StringOr("state", "bad");
  const Health health = state == "ok" ? Health::kOk : state == "warn" ? Health::kWarn : Health::kBad;
  return {json.StringOr("check", ""), health, json.StringOr("value", ""), json.StringOr("remedy", "")};
}

std::string Describe(const Checks& checks, std::size_t width) {
  std::size_t names = 0;
  for (const Check& check : checks) names = std::max(names, check.name.size());
  names = std::min(names, width / 3);
  std::string out;
  for (const Check& check : checks) {
    const std::string head = Cat(Padded(HealthName(check.health), 4), "  ", Padded(check.name, names), "  ");
    out += head;
    if (head.size() > names + 8) CatTo(out, "\n", std::string(names + 8, ' '));
    AppendWrapped(out, check.value, names + 8, width);
    if (check.remedy.empty()) continue;
    CatTo(out, std::string(names + 8, ' '), "-> ");
    AppendWrapped(out, check.remedy, names + 11, width);
  }
  return out;
}

}  // namespace mw::app
