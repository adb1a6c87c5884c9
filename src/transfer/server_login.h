// How a source that is a server is spoken to: with what MLflow's own client takes from its environment. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace mw::transfer {

/// Of MLFLOW_TRACKING_USERNAME, _PASSWORD, _TOKEN and _SERVER_CERT_PATH; each may be empty.
struct ServerLogin {
  std::string username, password, token, roots;
};

/// Name and password before the token, as MLflow's client prefers them. Errors, none of which repeats a secret:
/// kInvalidArgument: the address has a name or password in it, or one of them is missing, or what is given cannot be
/// sent.
Result<net::ClientOptions> OptionsFor(std::string_view address, const ServerLogin& login);

/// What to do when such a server does not let us in.
inline constexpr std::string_view kLoginRemedy =
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN";

}  // namespace mw::transfer
