// Sources, decoded until nothing is left to decode.
#include "api/mlflow/model_source.h"

#include <algorithm>
#include <vector>

#include "api/mlflow/validation.h"
#include "base/hex.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

/// Escapes that are none stay.
std::string DecodedOnce(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 && HexValue(text[i + 2]) >= 0;
    if (!escape) {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
    i += 2;
  }
  return out;
}

std::string Decoded(std::string_view text) {
  std::string now(text);
  while (true) {
    std::string next = DecodedOnce(now);
    if (next == now) return now;
    now = std::move(next);
  }
}

struct UriParts {
  std::string scheme;  ///< lower case; empty: a path
  std::string_view authority;
  std::string_view path;
};

/// The scheme ends at the first colon, the path begins behind //authority and ends at ? or #.
UriParts PartsOf(std::string_view uri) {
  UriParts parts;
  const std::size_t colon = uri.find(':');
  if (colon != std::string_view::npos && colon > 0 && uri.substr(0, colon).find('/') == std::string_view::npos) {
    parts.scheme = ToLower(uri.substr(0, colon));
    uri.remove_prefix(colon + 1);
  }
  if (uri.starts_with("//")) {
    uri.remove_prefix(2);
    parts.authority = uri.substr(0, uri.find('/'));
    uri.remove_prefix(parts.authority.size());
  }
  parts.path = uri.substr(0, uri.find_first_of("?#"));
  return parts;
}

/// What stands between the slashes, decoded.
std::vector<std::string> NamesOf(std::string_view path) {
  std::vector<std::string> names;
  for (const std::string_view part : Split(path, '/')) {
    if (!part.empty()) names.push_back(Decoded(part));
  }
  return names;
}

std::string WithoutRepeatedSlashes(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out += c;
  }
  return out;
}

bool GoesUp(std::string_view text) {
  for (const std::string_view part : Split(text, '/')) {
    if (part == "..") return true;
  }
  return false;
}

Error LocalRefused(std::string_view source, SourceOf of) {
  const bool run = of == SourceOf::kRun;
  return InvalidArgument("Invalid model version source: '", source,
                         "'. To use a local path as a model version source, the ", run ? "run_id" : "model_id",
                         " request parameter has to be specified and the local path has to be contained within the ",
                         "artifact directory of the run specified by the ", run ? "run_id." : "model_id.");
}

Error Relative(std::string_view source) {
  return InvalidArgument("Invalid model version source: '", source,
                         "'. If supplying a source as an http, https, local file path, ftp, objectstore, or "
                         "mlflow-artifacts uri, an absolute path must be provided without relative path references "
                         "present. Please provide an absolute path.");
}

Status CheckAbsolute(std::string_view source) {
  const std::string decoded = Decoded(source);
  const std::string path = WithoutRepeatedSlashes(PartsOf(decoded).path);
  const bool fine = decoded.find('\0') == std::string::npos && decoded.find('\\') == std::string::npos &&
                    !GoesUp(decoded) && path.starts_with('/') && NormalPath(path) == path;
  if (fine) return Ok();
  return Relative(source);
}

Error BadModelUri(std::string_view uri) {
  return InvalidArgument("Not a proper models:/ URI: ", uri, ". Models URIs must be of the form 'models:/model_id', ",
                         "'models:/model_name/suffix' or 'models:/model_name@alias' where suffix is a model version, ",
                         "stage, or the string 'latest' and where alias is a registered model alias.");
}

}  // namespace

Status CheckSource(std::string_view source, SourceOf of) {
  if (source.size() > kSourceBytesMax) {
    return InvalidArgument("'source' exceeds the maximum length of ", kSourceBytesMax, " characters");
  }
  const std::string scheme = PartsOf(source).scheme;
  if (of == SourceOf::kPrompt) {
    if (scheme == "file" || (scheme.empty() && source.starts_with('/'))) {
      return InvalidArgument("Invalid prompt source: '", source, "'. Local source paths are not allowed for prompts.");
    }
    return scheme.empty() ? Ok() : CheckAbsolute(source);
  }
  if (scheme.empty() || scheme == "file") return LocalRefused(source, of);
  return CheckAbsolute(source);
}

Result<std::optional<ModelUri>> ParseModelUri(std::string_view uri) {
  const UriParts parts = PartsOf(uri);
  if (parts.scheme != "models") return std::optional<ModelUri>();
  if (uri.substr(uri.find(':') + 1).starts_with("//") || !parts.path.starts_with('/')) return BadModelUri(uri);
  const std::string_view path = parts.path.substr(1);
  const std::vector<std::string_view> segments = Split(path, '/');
  ModelUri model;
  if (segments.size() == 2 && !segments[0].empty() && !segments[1].empty()) {
    model.name = segments[0];
    model.reference = segments[1];
    return std::optional(model);
  }
  if (segments.size() != 1 || path.empty()) return BadModelUri(uri);
  const std::size_t at = path.rfind('@');
  if (at == std::string_view::npos) {
    model.logged_model = path;
    return std::optional(model);
  }
  model.name = path.substr(0, at);
  model.reference = path.substr(at + 1);
  model.by_alias = true;
  if (model.name.empty() || model.reference.empty()) return BadModelUri(uri);
  return std::optional(model);
}

std::optional<std::string> RunOfSource(std::string_view source) {
  const UriParts parts = PartsOf(source);
  if (parts.scheme != "runs") return std::nullopt;
  const bool plain = parts.authority.empty() && parts.path.starts_with('/');
  const std::string_view path = plain ? parts.path.substr(1) : std::string_view();
  return std::string(path.substr(0, path.find('/')));
}

bool IsProxySource(std::string_view source) {
  const UriParts parts = PartsOf(source);
  if (parts.scheme == "mlflow-artifacts") return true;
  const std::vector<std::string> route = {"api", "2.0", "mlflow-artifacts", "artifacts"};
  const std::vector<std::string> names = NamesOf(parts.path);
  return (parts.scheme == "http" || parts.scheme == "https") &&
         std::search(names.begin(), names.end(), route.begin(), route.end()) != names.end();
}

bool LiesBelow(std::string_view source, std::string_view root) {
  const UriParts ours = PartsOf(source), its = PartsOf(root);
  const std::vector<std::string> names = NamesOf(ours.path), above = NamesOf(its.path);
  return ours.scheme == its.scheme && EqualsIgnoreCase(ours.authority, its.authority) && !above.empty() &&
         names.size() >= above.size() && std::equal(above.begin(), above.end(), names.begin());
}

}  // namespace mw::api::mlflow
