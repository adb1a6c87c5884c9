// Names that may be files.
#include "api/mlflow/validation.h"

#include <algorithm>
#include <set>
#include <vector>

#include "api/mlflow/word_characters.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

bool IsAsciiLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// Whether it is of word characters and some of `others`, which are ASCII.
bool IsOfWordsAnd(std::string_view text, std::string_view others) {
  while (!text.empty()) {
    const char32_t character = TakeCharacter(text);
    const bool other = character < 0x80 && others.find(static_cast<char>(character)) != std::string_view::npos;
    if (!other && !IsWordCharacter(character)) return false;
  }
  return true;
}

void AppendEscape(std::string& out, char32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kDigits[unit >> shift & 0xfU];
}

/// As Python's json.dumps writes a text: what is not ASCII as escapes of UTF-16.
std::string PythonJson(std::string_view text) {
  const std::string json = Json(text).Dump();
  std::string out;
  for (std::string_view left = json; !left.empty();) {
    const char32_t character = TakeCharacter(left);
    if (character < 0x80) {
      out += static_cast<char>(character);
    } else if (character < 0x10000) {
      AppendEscape(out, character);
    } else {
      AppendEscape(out, 0xd800 + ((character - 0x10000) >> 10U));
      AppendEscape(out, 0xdc00 + ((character - 0x10000) & 0x3ffU));
    }
  }
  return out;
}

}  // namespace

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string Truncated(std::string_view text, std::size_t characters_max) {
  std::size_t characters = 0, size = 0;
  for (; size < text.size(); ++size) {
    const bool begins = (static_cast<unsigned char>(text[size]) & 0xC0U) != 0x80U;
    if (begins && ++characters > characters_max) break;
  }
  return std::string(text.substr(0, size));
}

Status CheckLength(std::string_view what, std::string_view text, std::size_t characters_max) {
  if (text.size() <= characters_max || CountCharacters(text) <= characters_max) return Ok();
  return InvalidArgument("'", what, "' exceeds the maximum length of ", characters_max, " characters");
}

std::string NormalPath(std::string_view path) {
  if (path.empty()) return ".";
  const std::size_t slashes =
      path.find_first_not_of('/') == std::string_view::npos ? path.size() : path.find_first_not_of('/');
  // Two slashes in front mean something of their own to POSIX, three do not.
  std::string out(slashes == 0 ? 0 : slashes == 2 ? 2 : 1, '/');
  std::vector<std::string> parts;
  for (const std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.emplace_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (out.empty()) {
      parts.emplace_back(part);
    }
  }
  out += Join(parts, "/");
  return out.empty() ? "." : out;
}

bool IsAliasText(std::string_view text) { return IsOfWordsAnd(text, "-"); }

Status CheckName(std::string_view path, std::string_view name) {
  if (IsOfWordsAnd(name, "/.- :")) return CheckLeadsNowhereElse(path, name);
  return InvalidArgument("Invalid value ", PythonJson(name), " for parameter '", path,
                         "' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), ",
                         "spaces ( ), colon(:) and slashes (/).");
}

Status CheckLeadsNowhereElse(std::string_view path, std::string_view name) {
  const std::string normal = NormalPath(name);
  if (normal == name && name != "." && !name.starts_with("..") && !name.starts_with("/")) return Ok();
  return InvalidArgument("Invalid value ", PythonJson(name), " for parameter '", path,
                         "' supplied: Names may be treated as files in certain cases, and must not resolve to other ",
                         "names when treated as such. This name would resolve to '", normal, "'");
}

Status CheckRunId(std::string_view id) {
  constexpr std::size_t kCharactersMax = 256;
  const bool valid =
      !id.empty() && CountCharacters(id) <= kCharactersMax && IsAsciiLetterOrDigit(id.front()) && IsOfWordsAnd(id, "-");
  if (valid) return Ok();
  return InvalidArgument("Invalid value ", PythonJson(id), " for parameter 'run_id' supplied.");
}

Status CheckExperimentName(std::string_view name) {
  if (Trim(name).empty()) return InvalidArgument("Invalid experiment name: '", name, "'");
  return CheckLength("name", name, kExperimentNameCharactersMax);
}

Status CheckLoggedModelName(std::string_view name) {
  TRY(CheckLength("name", name, kExperimentNameCharactersMax));
  if (!name.empty() && name.find_first_of("/:.%\"'") == std::string_view::npos) return Ok();
  const bool single = name.find('\'') != std::string_view::npos && name.find('"') == std::string_view::npos;
  const std::string_view quote = single ? "\"" : "'";
  return InvalidArgument("Invalid model name (", quote, name, quote,
                         ") provided. Model name must be a non-empty string and cannot contain the following ",
                         "characters: ('/', ':', '.', '%', '\"', \"'\")");
}

Status CheckArtifactLocation(std::string_view location) {
  if (location.starts_with("runs:")) {
    return InvalidArgument("Artifact location cannot be a runs:/ URI. Given: '", location, "'");
  }
  if (CountCharacters(location) > kArtifactLocationCharactersMax) {
    return InvalidArgument("Invalid artifact path length. The length of the artifact path cannot be greater than ",
                           kArtifactLocationCharactersMax, " characters. To configure this limit, please set the ",
                           "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.");
  }
  if (location.find('#') != std::string_view::npos) {
    return InvalidArgument("'artifact_location' URL can't include fragments or params.");
  }
  if (location.find("..") == std::string_view::npos && location.find('?') == std::string_view::npos) return Ok();
  return InvalidArgument("'artifact_location' may not have a query or go up with '..'. Given: '", location, "'");
}

Status CheckBatch(std::string_view entity, std::size_t count, std::size_t most) {
  if (count <= most) return Ok();
  return InvalidArgument("A batch logging request can contain at most ", most, " ", entity, ". Got ", count, " ",
                         entity, ". Please split up ", entity, " across multiple requests and try again.");
}

Status CheckDoubles(const std::vector<std::pair<std::string, std::string>>& params) {
  std::set<std::string_view> seen, twice;
  for (const auto& [key, value] : params) {
    if (!seen.insert(key).second) twice.insert(key);
  }
  if (twice.empty()) return Ok();
  std::string list;
  for (const std::string_view key : twice) CatTo(list, list.empty() ? "'" : ", '", key, "'");
  return InvalidArgument("Duplicate parameter keys have been submitted: [", list,
                         "]. Please ensure the request contains only one param value per param key.");
}

}  // namespace mw::api::mlflow
