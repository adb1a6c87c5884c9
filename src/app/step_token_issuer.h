// Answers pipelines' question for a token: derived from a secret of this home and the attempt's id, so
// that a restarted control plane knows the tokens which running steps hold, and stores none of them.
#pragma once

#include <set>
#include <string>

#include "net/authenticator.h"
#include "pipelines/step_tokens.h"

namespace mw::app {

class StepTokenIssuer final : public pipelines::StepTokens {
 public:
  /// `authenticator` outlives this. `secret`: 32 random bytes of this home.
  StepTokenIssuer(net::TokenAuthenticator& authenticator, std::string secret)
      : authenticator_(authenticator), secret_(std::move(secret)) {}

  std::string Issue(const pipelines::RunId& run, const std::string& attempt_id) override;
  void Revoke(const std::string& attempt_id) override;

 private:
  net::TokenAuthenticator& authenticator_;
  std::string secret_;
  std::set<std::string> issued_;
};

}  // namespace mw::app
