// Step tokens: HMAC-SHA256 of the attempt's id under the home's secret.
#include "app/step_token_issuer.h"

#include "base/signing.h"
#include "base/text.h"

namespace mw::app {

std::string StepTokenIssuer::Issue(const pipelines::RunId& run, const std::string& attempt_id) {
  std::string token = "mws_" + Hex(HmacSha256(secret_, Cat(run.text(), "/", attempt_id)));
  if (issued_.insert(attempt_id).second) {
    // A step records, registers and deploys; it may not follow like a model server or administer.
    authenticator_.Add(
        token, {Cat("step:", attempt_id), {net::Permission::kRead, net::Permission::kWrite, net::Permission::kDeploy}});
  }
  return token;
}

void StepTokenIssuer::Revoke(const std::string& attempt_id) {
  if (issued_.erase(attempt_id) > 0) authenticator_.Remove(Cat("step:", attempt_id));
}

}  // namespace mw::app
