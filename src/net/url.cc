// http://HOST:PORT/PATH?QUERY, and what is refused of it.
#include "net/url.h"

#include <algorithm>

#include "base/text.h"
#include "net/socket.h"

namespace mw::net {
namespace {

bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// For messages: what stands before the host may be a password.
std::string Shown(std::string_view url) {
  const std::size_t colon = url.find("://");
  const std::size_t begin = colon == std::string_view::npos ? 0 : colon + 3;
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos || at < begin) return Quoted(url);
  return Quoted(Cat(url.substr(0, begin), "***", url.substr(at)));
}

Result<int> ParsePort(std::string_view text, std::string_view url) {
  const auto port = ParseInt(text);
  if (!port || *port < 1 || *port > 65535)
    return InvalidArgument("URL ", Shown(url), " has no port between 1 and 65535");
  return static_cast<int>(*port);
}

}  // namespace

bool IsTarget(std::string_view text) { return text.starts_with('/') && IsVisible(text); }

Result<Url> Url::Parse(std::string_view text) {
  Url url = TRY(ParseWeb(text));
  if (url.scheme == "http") return url;
  return InvalidArgument("URL ", Shown(text), " has scheme ", Quoted(url.scheme), "; only http is spoken here");
}

std::string Url::Authority() const {
  std::string authority = HostPort(host, port);
  if (scheme == "https" && port == kHttpsPort) authority.resize(authority.rfind(':'));
  return authority;
}

Result<Url> Url::ParseWeb(std::string_view text) {
  Url url;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return InvalidArgument("URL ", Shown(text), " has no scheme; write it as http://HOST:PORT");
  }
  url.scheme = ToLower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return InvalidArgument("URL ", Shown(text), " has scheme ", Quoted(url.scheme), "; only http and https are spoken");
  }
  url.port = url.scheme == "http" ? kHttpPort : kHttpsPort;
  std::string_view rest = text.substr(colon + 3);
  const std::size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  url.target = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  url.target.resize(std::min(url.target.find('#'), url.target.size()));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (!IsTarget(url.target)) return InvalidArgument("URL ", Shown(text), " has characters that must be %-encoded");
  if (authority.find('@') != std::string_view::npos) {
    return InvalidArgument("URL ", Shown(text), " has a user name; give the token in MILLWRIGHT_TOKEN instead");
  }
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
  const std::size_t port_at = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (port_at != std::string_view::npos) {
    url.port = TRY(ParsePort(authority.substr(port_at + 1), text));
    authority = authority.substr(0, port_at);
  }
  url.host = bracket == std::string_view::npos ? authority : authority.substr(1, bracket - 1);
  if (url.host.empty()) return InvalidArgument("URL ", Shown(text), " has no host");
  if (!IsVisible(url.host)) return InvalidArgument("URL ", Shown(text), " has a host that is no name");
  return url;
}

}  // namespace mw::net
