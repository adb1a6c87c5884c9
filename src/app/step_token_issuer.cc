// Step tokens: HMAC-SHA256 of the attempt's id under the home's secret.
#include "app/step_token_issuer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/text.h"

namespace mw::app {

std::string StepTokenIssuer::Issue(const pipelines::RunId& run, const std::string& attempt_id) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  const std::string message = Cat(run.text(), "/", attempt_id);
  MW_ASSERT(HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
                 reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest, &length) != nullptr);
  std::string token = "mws_" + Hex({reinterpret_cast<const char*>(digest), length});
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
