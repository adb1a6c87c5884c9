// Checks of names.
#include "registry/model.h"

#include <algorithm>
#include <array>

#include "base/id.h"
#include "base/text.h"

namespace mw::registry {
namespace {

constexpr std::size_t kModelCharactersMax = 256, kAliasCharactersMax = 255;
constexpr std::array<std::string_view, 4> kStages = {"None", "Staging", "Production", "Archived"};

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool IsAliasCharacter(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || c == '.' || c == '_' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

bool IsModelCharacter(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '/' && c != ':'; }

}  // namespace

std::string_view StageName(Stage stage) { return kStages.at(static_cast<std::size_t>(stage)); }

Result<Stage> ParseStage(std::string_view name) {
  for (std::size_t i = 0; i < kStages.size(); ++i) {
    if (EqualsIgnoreCase(kStages[i], name)) return static_cast<Stage>(i);
  }
  return InvalidArgument("Invalid Model Version stage: ", name,
                         ". Value must be one of None, Staging, Production, Archived.");
}

Status CheckModelName(std::string_view model) {
  const bool allowed = !Trim(model).empty() && model != "." && model != ".." && IsUtf8(model) &&
                       Characters(model) <= kModelCharactersMax &&
                       std::all_of(model.begin(), model.end(), IsModelCharacter);
  if (allowed) return Ok();
  return InvalidArgument("model name ", Quoted(model), " is not allowed; use at most ", kModelCharactersMax,
                         " characters, none of them '/', ':' or a control character");
}

Status CheckServedName(std::string_view model) {
  if (IsName(model)) return Ok();
  return InvalidArgument("model name ", Quoted(model),
                         " is not allowed; use letters, digits, '.', '_', '-', at most 128, a letter or digit first");
}

Status CheckAliasName(std::string_view alias) {
  if (alias.empty() || Characters(alias) > kAliasCharactersMax || !IsUtf8(alias) ||
      !std::all_of(alias.begin(), alias.end(), IsAliasCharacter)) {
    return InvalidArgument("alias ", Quoted(alias), " is not allowed; use letters, digits, '.', '_', '-', at most ",
                           kAliasCharactersMax);
  }
  const std::string lower = ToLower(alias);
  const std::string_view number = lower[0] == 'v' ? std::string_view(lower).substr(1) : std::string_view(lower);
  if (lower != "latest" && !ParseInt(number)) return Ok();
  return InvalidArgument("alias ", Quoted(alias), " is reserved: numbers and \"latest\" name versions; choose a word");
}

}  // namespace mw::registry
