// Secrets as the database has them: sealed with a key that the database does not have (AES-256-GCM), each for its
// webhook alone. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::webhooks {

class SecretBox {
 public:
  /// `home_secret`: what only this home knows.
  explicit SecretBox(std::string_view home_secret);
  [[nodiscard]] std::string Seal(std::string_view secret, std::string_view webhook) const;
  /// Errors: kFailedPrecondition: it was sealed by another home, or for another webhook.
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view webhook) const;

 private:
  std::string key_;
};

}  // namespace mw::webhooks
