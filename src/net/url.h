// Where a server is and what is asked of it. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::net {

inline constexpr int kHttpPort = 80, kHttpsPort = 443;

struct Url {
  std::string scheme;  ///< "http", "https"
  std::string host;
  int port = 80;
  std::string target;  ///< path and query, at least "/"
  /// As the Host field has it. The port of HTTPS goes without saying: some servers know themselves only without it.
  [[nodiscard]] std::string Authority() const;
  /// Of plain HTTP, for those that have nothing else. Errors: kInvalidArgument naming the text and what was expected.
  static Result<Url> Parse(std::string_view text);
  /// Of either scheme.
  static Result<Url> ParseWeb(std::string_view text);
};

/// Whether the text may stand as the target of a request: a path, %-encoded.
bool IsTarget(std::string_view text);

}  // namespace mw::net
