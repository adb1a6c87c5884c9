// What is refused before anything is sent.
#include "transfer/server_login.h"

#include <algorithm>

#include "base/text.h"

namespace mw::transfer {
namespace {

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c != 0x7f; });
}

bool HasCredentials(std::string_view address) {
  const std::size_t begin = address.find("://");
  const std::size_t at = address.find('@');
  if (begin == std::string_view::npos || at == std::string_view::npos) return false;
  const std::size_t slash = address.find('/', begin + 3);
  if (slash > at) return true;
  // A password may have a slash in it that nobody has encoded; what is digits alone is a port.
  const std::string_view host = address.substr(begin + 3, slash - begin - 3);
  const std::size_t colon = host.rfind(':');
  return colon != std::string_view::npos && !ParseInt(host.substr(colon + 1));
}

}  // namespace

Result<net::ClientOptions> OptionsFor(std::string_view address, const ServerLogin& login) {
  if (HasCredentials(address)) {
    return InvalidArgument("the server's address has a user name or password in it, which lists of processes show; ",
                           "give the address without them and ", kLoginRemedy);
  }
  if (login.username.empty() != login.password.empty()) {
    return InvalidArgument(
        login.username.empty() ? "MLFLOW_TRACKING_PASSWORD" : "MLFLOW_TRACKING_USERNAME", " is set and ",
        login.username.empty() ? "MLFLOW_TRACKING_USERNAME" : "MLFLOW_TRACKING_PASSWORD", " is not; set both or none");
  }
  if (login.username.find(':') != std::string::npos) {
    return InvalidArgument("MLFLOW_TRACKING_USERNAME has a colon in it, which no name of basic authentication has");
  }
  net::ClientOptions options;
  options.roots = login.roots;
  if (!login.username.empty()) {
    options.basic = login.username + ":" + login.password;
    return options;
  }
  if (!IsPrintable(login.token)) {
    return InvalidArgument("MLFLOW_TRACKING_TOKEN has a line break or another control character in it");
  }
  options.bearer_token = login.token;
  return options;
}

}  // namespace mw::transfer
