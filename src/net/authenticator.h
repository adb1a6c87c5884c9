// Who is calling: the question the control plane's server asks before it looks at a body.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "net/route.h"

namespace mw::net {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// On the server's thread; must not block. Errors: kUnauthenticated, with what to send instead.
  virtual Result<Principal> Authenticate(const Request& request) = 0;
};

/// Tokens sent as "Authorization: Bearer TOKEN", or as the password of Basic (the user name is not looked
/// at). Only their SHA-256 is kept, and compared in constant time. Any thread: step tokens come and go.
class TokenAuthenticator final : public Authenticator {
 public:
  /// `local`: who a caller on this machine is that sends no credentials at all; nullopt: nobody. Credentials
  /// that are sent are always checked, so an expired step token never becomes the local user.
  TokenAuthenticator(const Clock& clock, std::optional<Principal> local);

  void Add(std::string_view token, Principal principal, Timestamp expires = kNever);
  /// For tokens that outlive the program: `digest` is what TokenDigest gave when the token was made.
  void AddDigest(std::string digest, Principal principal, Timestamp expires = kNever);
  /// All tokens of that principal; none is fine.
  void Remove(std::string_view principal_name);
  Result<Principal> Authenticate(const Request& request) override;

 private:
  struct Entry {
    std::string digest;
    Principal principal;
    Timestamp expires;
  };
  std::optional<Principal> Find(std::string_view token);

  const Clock& clock_;
  const std::optional<Principal> local_;
  Mutex mutex_;
  std::vector<Entry> entries_ MW_GUARDED_BY(mutex_);
};

/// SHA-256 of the token, hexadecimal.
std::string TokenDigest(std::string_view token);
/// Whether an Authorization header, as Bearer or Basic, carries the token of that digest; in constant time.
bool CarriesToken(std::string_view authorization, std::string_view digest);
/// A new secret: `prefix` and 43 characters of base64url (256 bits).
std::string NewToken(std::string_view prefix);

/// Whether a server may listen there: beyond loopback only when every caller must show a token.
/// Errors: kFailedPrecondition that says why, and what to do.
Status CheckListen(std::string_view host, bool token_required);

}  // namespace mw::net
