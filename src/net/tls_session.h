// The client's side of TLS over whatever carries its bytes: it ciphers and deciphers and does no I/O. The server's
// certificate must be of the host's name and lead to a root that this machine trusts (OpenSSL's own places, or those
// that SSL_CERT_FILE and SSL_CERT_DIR name), or to one of those that are given instead. TLS 1.2 and later. One thread.
//
//   Handshake() until it is true --> Encrypt, Decrypt
//   after each of them: TakeOutgoing() goes to the peer; what comes from the peer goes to Feed()
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::net {

class TlsSession {
 public:
  /// `host`: a name or an address, as the URL has it. `roots`: a file of certificates in PEM, or a directory of them as
  /// `openssl rehash` leaves it: the only ones that are trusted; empty: this machine's.
  /// Errors: kInvalidArgument no certificates there; kInternal: TLS cannot be set up here.
  static Result<TlsSession> Make(const std::string& host, const std::string& roots = "");
  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;
  ~TlsSession();

  /// Whether it is done. Errors: kUnavailable: the peer's certificate is not trusted, or it speaks no TLS of ours.
  Result<bool> Handshake();
  /// Errors: kUnavailable.
  Status Encrypt(std::string_view plain);
  /// Appends what can be deciphered by now; false when the peer has ended the session. Errors: kUnavailable.
  Result<bool> Decrypt(std::string& plain);

  void Feed(std::string_view received);
  [[nodiscard]] std::string TakeOutgoing();

 private:
  struct State;
  explicit TlsSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mw::net
