// OpenSSL between two buffers.
#include "net/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/text.h"
#include "net/socket.h"

namespace mw::net {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using OpensslSession = std::unique_ptr<SSL, decltype(&SSL_free)>;

/// The oldest error of this thread, which is taken.
std::string OpensslError() {
  const unsigned long number = ERR_get_error();
  ERR_clear_error();
  const char* reason = number == 0 ? nullptr : ERR_reason_error_string(number);
  return reason == nullptr ? "the connection ended" : reason;
}

Status Expect(const SSL* session, const std::string& host) {
  X509_VERIFY_PARAM* wanted = SSL_get0_param(const_cast<SSL*>(session));
  const int set = IsAddressLiteral(host) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str())
                                         : X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
  if (set != 1) return Internal("no certificate can be of the name ", Quoted(host), ": ", OpensslError());
  return Ok();
}

Status Trust(SSL_CTX* context, const std::string& roots) {
  if (roots.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return Ok();
    return Internal("TLS cannot be set up: ", OpensslError());
  }
  struct stat info {};
  const bool is_directory = stat(roots.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  const int loaded =
      is_directory ? SSL_CTX_load_verify_dir(context, roots.c_str()) : SSL_CTX_load_verify_file(context, roots.c_str());
  if (loaded == 1) return Ok();
  return InvalidArgument(roots, " holds no certificates in PEM: ", OpensslError());
}

}  // namespace

struct TlsSession::State {
  std::string host;
  std::string roots;
  Context context{nullptr, &SSL_CTX_free};
  OpensslSession session{nullptr, &SSL_free};
  BIO* received = nullptr;  // the session's own
  BIO* outgoing = nullptr;

  [[nodiscard]] bool WantsMore(int result) const {
    const int why = SSL_get_error(session.get(), result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  }
  [[nodiscard]] Error Failure() const {
    const long verified = SSL_get_verify_result(session.get());
    const std::string reason = OpensslError();
    if (verified == X509_V_OK) return Unavailable("TLS with ", host, " failed: ", reason);
    return Unavailable("the certificate of ", host, " is not trusted: ", X509_verify_cert_error_string(verified), "; ",
                       roots.empty() ? "SSL_CERT_FILE names the roots that are trusted besides"
                                     : Cat("the roots in ", roots, " alone are trusted"));
  }
};

TlsSession::TlsSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;
TlsSession::~TlsSession() = default;

Result<TlsSession> TlsSession::Make(const std::string& host, const std::string& roots) {
  auto state = std::make_unique<State>();
  state->host = host;
  state->roots = roots;
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  if (state->context == nullptr || SSL_CTX_set_min_proto_version(state->context.get(), TLS1_2_VERSION) != 1) {
    return Internal("TLS cannot be set up: ", OpensslError());
  }
  TRY(Trust(state->context.get(), roots));
  SSL_CTX_set_verify(state->context.get(), SSL_VERIFY_PEER, nullptr);
  state->session.reset(SSL_new(state->context.get()));
  state->received = BIO_new(BIO_s_mem());
  state->outgoing = BIO_new(BIO_s_mem());
  MW_ASSERT(state->session != nullptr && state->received != nullptr && state->outgoing != nullptr);
  BIO_set_mem_eof_return(state->received, -1);  // an empty buffer is not the end
  SSL_set_bio(state->session.get(), state->received, state->outgoing);
  TRY(Expect(state->session.get(), host));
  if (!IsAddressLiteral(host) && SSL_set_tlsext_host_name(state->session.get(), host.c_str()) != 1) {
    return Internal("TLS cannot name the host ", Quoted(host), ": ", OpensslError());
  }
  SSL_set_connect_state(state->session.get());
  return TlsSession(std::move(state));
}

Result<bool> TlsSession::Handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(state_->session.get());
  if (done == 1) return true;
  if (state_->WantsMore(done)) return false;
  return state_->Failure();
}

Status TlsSession::Encrypt(std::string_view plain) {
  ERR_clear_error();
  while (!plain.empty()) {
    std::size_t written = 0;
    if (SSL_write_ex(state_->session.get(), plain.data(), plain.size(), &written) != 1) return state_->Failure();
    plain.remove_prefix(written);
  }
  return Ok();
}

Result<bool> TlsSession::Decrypt(std::string& plain) {
  ERR_clear_error();
  char buffer[16384];
  while (true) {
    std::size_t count = 0;
    const int done = SSL_read_ex(state_->session.get(), buffer, sizeof buffer, &count);
    if (done == 1) {
      plain.append(buffer, count);
      continue;
    }
    if (state_->WantsMore(done)) return true;
    if (SSL_get_error(state_->session.get(), done) == SSL_ERROR_ZERO_RETURN) return false;
    return state_->Failure();
  }
}

void TlsSession::Feed(std::string_view received) {
  std::size_t written = 0;
  while (!received.empty()) {
    MW_ASSERT(BIO_write_ex(state_->received, received.data(), received.size(), &written) == 1);
    received.remove_prefix(written);
  }
}

std::string TlsSession::TakeOutgoing() {
  std::string out(BIO_ctrl_pending(state_->outgoing), '\0');
  std::size_t count = 0;
  if (!out.empty()) MW_ASSERT(BIO_read_ex(state_->outgoing, out.data(), out.size(), &count) == 1);
  out.resize(count);
  return out;
}

}  // namespace mw::net
