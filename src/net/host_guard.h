// Keeps foreign web pages out. A browser that was lured to a page of evil.example sends requests to this
// server too; what gives them away is Host (the page's name, when its DNS entry was turned to 127.0.0.1)
// and Origin. Immutable after construction: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace mw::net {

class HostGuard {
 public:
  /// Accepts the loopback names, `listen_host` and `allowed_hosts` (names without port; "*" for all). A
  /// server that listens on every address accepts every literal IP address as well: no DNS name, no rebinding.
  /// `option`: of the command line, by which names are allowed; empty: there is none.
  HostGuard(std::string_view listen_host, const std::vector<std::string>& allowed_hosts, std::string_view option = {});

  /// `host` and `origin` as the headers have them, empty when absent. On unsafe methods an Origin must name
  /// this very server. Errors: kPermissionDenied with one sentence.
  [[nodiscard]] Status Check(Method method, std::string_view host, std::string_view origin) const;

 private:
  [[nodiscard]] bool Accepts(std::string_view host) const;
  std::vector<std::string> names_;  // lower case, without brackets
  std::string remedy_;              // for who called it by another name
  bool any_ = false;
  bool any_literal_ = false;
};

}  // namespace mw::net
