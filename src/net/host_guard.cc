// Host and Origin against DNS rebinding and cross-site requests.
#include "net/host_guard.h"

#include <algorithm>

#include "net/socket.h"

namespace mw::net {
namespace {

// "name:80" -> "name"; "[::1]:80" -> "::1".
std::string_view WithoutPort(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    return close == std::string_view::npos ? host : host.substr(1, close - 1);
  }
  return host.substr(0, host.find(':'));
}

std::string_view WithoutDefaultPort(std::string_view authority) {
  for (const std::string_view port : {std::string_view(":80"), std::string_view(":443")}) {
    if (authority.ends_with(port)) return authority.substr(0, authority.size() - port.size());
  }
  return authority;
}

// Whether "http://name:port" and the Host "name:port" are the same place.
bool SamePlace(std::string_view origin, std::string_view host) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  return EqualsIgnoreCase(WithoutDefaultPort(origin.substr(scheme + 3)), WithoutDefaultPort(host));
}

}  // namespace

HostGuard::HostGuard(std::string_view listen_host, const std::vector<std::string>& allowed_hosts,
                     std::string_view option)
    : names_{"localhost", "127.0.0.1", "::1"},
      remedy_(option.empty() ? "; call it localhost, or by the host it listens at"
                             : Cat("; if the name is yours, start the server with ", option, " NAME")) {
  any_literal_ = listen_host == "0.0.0.0" || listen_host == "::";
  names_.push_back(ToLower(listen_host));
  for (const std::string& host : allowed_hosts) {
    any_ |= host == "*";
    names_.push_back(ToLower(host));
  }
}

bool HostGuard::Accepts(std::string_view host) const {
  const std::string_view name = WithoutPort(host);
  const auto same = [name](const std::string& known) { return EqualsIgnoreCase(known, name); };
  return any_ || std::any_of(names_.begin(), names_.end(), same) || (any_literal_ && IsAddressLiteral(name));
}

Status HostGuard::Check(Method method, std::string_view host, std::string_view origin) const {
  // Only HTTP/1.0 may go without Host, and no browser speaks that.
  if (!host.empty() && !Accepts(host)) {
    return PermissionDenied("this server does not answer to Host ", Quoted(host), remedy_);
  }
  if (!IsSafe(method) && !origin.empty() && !SamePlace(origin, host)) {
    return PermissionDenied("a page of ", Quoted(origin), " may not change anything here: its origin is not ",
                            Quoted(host));
  }
  return Ok();
}

}  // namespace mw::net
