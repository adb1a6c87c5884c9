// Names that may be files.
#include "api/mlflow/validation.h"

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

bool IsAsciiLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// Letters of other scripts are word characters; the few signs beyond ASCII that are none are let through.
bool IsNameCharacter(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || IsAsciiLetterOrDigit(c) ||
         std::string_view("/_.- :").find(c) != std::string_view::npos;
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

Status CheckName(std::string_view path, std::string_view name) {
  if (!std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    return InvalidArgument(
        "Invalid value ", Json(name).Dump(), " for parameter '", path,
        "' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), ",
        "spaces ( ), colon(:) and slashes (/).");
  }
  const std::string normal = NormalPath(name);
  if (normal == name && name != "." && !name.starts_with("..") && !name.starts_with("/")) return Ok();
  return InvalidArgument("Invalid value ", Json(name).Dump(), " for parameter '", path,
                         "' supplied: Names may be treated as files in certain cases, and must not resolve to other ",
                         "names when treated as such. This name would resolve to '", normal, "'");
}

Status CheckRunId(std::string_view id) {
  constexpr std::size_t kCharactersMax = 256;
  const bool valid = !id.empty() && CountCharacters(id) <= kCharactersMax && IsAsciiLetterOrDigit(id.front()) &&
                     std::all_of(id.begin(), id.end(), [](char c) {
                       return IsAsciiLetterOrDigit(c) || c == '_' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
                     });
  if (valid) return Ok();
  return InvalidArgument("Invalid value ", Json(id).Dump(), " for parameter 'run_id' supplied.");
}

Status CheckExperimentName(std::string_view name) {
  if (name.empty()) return InvalidArgument("Invalid experiment name: ''");
  return CheckLength("name", name, kExperimentNameCharactersMax);
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
  const bool unsafe = location.find("..") != std::string_view::npos || location.find('#') != std::string_view::npos ||
                      location.find('?') != std::string_view::npos;
  if (!unsafe) return Ok();
  return InvalidArgument("'artifact_location' URL can't include fragments or params, or go up with '..'. Given: '",
                         location, "'");
}

Status CheckBatch(std::string_view entity, std::size_t count, std::size_t most) {
  if (count <= most) return Ok();
  return InvalidArgument("A batch logging request can contain at most ", most, " ", entity, ". Got ", count, " ",
                         entity, ". Please split up ", entity, " across multiple requests and try again.");
}

}  // namespace mw::api::mlflow
