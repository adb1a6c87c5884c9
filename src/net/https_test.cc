// HTTPS by the client: a server with a certificate made here answers those that trust it, and nobody else is asked
// anything. And which addresses may be connected to.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "base/text.h"
#include "net/address_rule.h"
#include "net/http_client.h"
#include "net/socket.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

/// A key, and a certificate of `names` ("DNS:localhost,IP:127.0.0.1") signed by itself.
class Identity {
 public:
  explicit Identity(const char* names)
      : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
    X509* made = certificate_.get();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key_.get());
    const auto* name = reinterpret_cast<const unsigned char*>("a test");
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, name, -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(made));
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
    EXPECT_GT(X509_sign(made, key_.get(), EVP_sha256()), 0);
  }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] X509* certificate() const { return certificate_.get(); }
  /// As SSL_CERT_FILE, until the end of the test.
  void Trust() const { setenv("SSL_CERT_FILE", File().c_str(), 1); }
  /// A file with the certificate.
  [[nodiscard]] std::string File() const {
    std::string path = ::testing::TempDir() + Cat("mw-roots-", getpid());
    FILE* file = fopen(path.c_str(), "w");
    EXPECT_NE(file, nullptr);
    PEM_write_X509(file, certificate());
    fclose(file);
    return path;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

/// Takes one client; answers its request, if it gets as far, with `answer`.
class TlsServer {
 public:
  TlsServer(const Identity& identity, std::string answer)
      : listener_(*ListenTcp("127.0.0.1", 0)), answer_(std::move(answer)) {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context_.get(), identity.certificate());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key());
    thread_ = std::thread([this] { Serve(); });
  }
  ~TlsServer() { thread_.join(); }
  [[nodiscard]] int port() const { return LocalPort(listener_.get()); }
  [[nodiscard]] bool asked() const { return asked_; }
  /// Once it has answered.
  [[nodiscard]] const std::string& request() const { return request_; }

 private:
  void Serve() {
    sigset_t lost_peers;  // OpenSSL writes without asking for no signal
    sigemptyset(&lost_peers);
    sigaddset(&lost_peers, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &lost_peers, nullptr);
    pollfd waiting{listener_.get(), POLLIN, 0};
    if (poll(&waiting, 1, 5000) != 1) return;
    const FileDescriptor peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(session.get(), peer.get());
    if (SSL_accept(session.get()) != 1) return;
    char request[4096];
    const int size = SSL_read(session.get(), request, sizeof request);
    if (size <= 0) return;
    request_.assign(request, static_cast<std::size_t>(size));
    asked_ = true;
    SSL_write(session.get(), answer_.data(), static_cast<int>(answer_.size()));
    SSL_shutdown(session.get());
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, &SSL_CTX_free};
  FileDescriptor listener_;
  std::string answer_;
  std::string request_;
  std::atomic<bool> asked_ = false;
  std::thread thread_;
};

std::string Get(const std::string& url, ClientOptions options = {}) {
  options.timeout = milliseconds(5000);
  HttpClient client = *HttpClient::Make(url, options);
  const auto response = client.Send(Method::kGet, "/x");
  return response.ok() ? response->body : Cat(CodeName(response.error().code), " ", response.error().message);
}

class HttpsTest : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("SSL_CERT_FILE"); }
  const std::string large_ = std::string(300'000, 'x');
  const std::string answer_ = Cat("HTTP/1.1 200 OK\r\nContent-Length: ", large_.size(), "\r\n\r\n", large_);
};

TEST_F(HttpsTest, AsksWhoHasATrustedCertificateOfTheName) {
  const Identity identity("DNS:localhost,IP:127.0.0.1");
  identity.Trust();
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const TlsServer server(identity, answer_);
    EXPECT_EQ(Get(Cat("https://", host, ":", server.port())), large_);
  }
}

TEST_F(HttpsTest, AsksNobodyElse) {
  const Identity ours("DNS:localhost"), other("DNS:elsewhere.example");
  {
    const TlsServer server(ours, answer_);
    const std::string said = Get(Cat("https://localhost:", server.port()));
    EXPECT_EQ(said.substr(0, said.find(':')), "UNAVAILABLE the certificate of localhost is not trusted") << said;
    EXPECT_FALSE(server.asked());
  }
  other.Trust();
  const TlsServer server(other, answer_);
  const std::string said = Get(Cat("https://localhost:", server.port()));
  EXPECT_NE(said.find("hostname mismatch"), std::string::npos) << said;
  EXPECT_FALSE(server.asked());
}

TEST_F(HttpsTest, TrustsTheRootsThatAreGivenAlone) {
  const Identity ours("DNS:localhost"), other("DNS:localhost");
  other.Trust();
  ClientOptions options;
  options.roots = ::testing::TempDir() + "mw-no-roots";
  {
    const TlsServer server(ours, answer_);
    const std::string said = Get(Cat("https://localhost:", server.port()), options);
    EXPECT_TRUE(said.starts_with(Cat("INVALID_ARGUMENT ", options.roots, " holds no certificates"))) << said;
  }
  options.roots = ours.File();
  setenv("SSL_CERT_FILE", "/dev/null", 1);
  {
    const TlsServer server(ours, answer_);
    EXPECT_EQ(Get(Cat("https://localhost:", server.port()), options), large_);
  }
  const TlsServer server(other, answer_);
  const std::string said = Get(Cat("https://localhost:", server.port()), options);
  EXPECT_NE(said.find(Cat("the roots in ", options.roots, " alone are trusted")), std::string::npos) << said;
  EXPECT_FALSE(server.asked());
}

TEST_F(HttpsTest, SendsANameAndAPasswordAndSaysWhereItIsSent) {
  const Identity identity("DNS:localhost");
  identity.Trust();
  ClientOptions options;
  options.basic = "Aladdin:open sesame";
  options.bearer_token = "not sent";
  const TlsServer server(identity, "HTTP/1.1 302 Found\r\nLocation: https://elsewhere/x\r\nContent-Length: 0\r\n\r\n");
  HttpClient client = *HttpClient::Make(Cat("https://localhost:", server.port()), options);
  const auto moved = client.Call(Method::kGet, "/x");
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.error().message,
            "the server answers 302 and sends to \"https://elsewhere/x\"; use that server's address");
  ASSERT_TRUE(server.asked());
  EXPECT_NE(server.request().find("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), std::string::npos);
  EXPECT_EQ(server.request().find("Bearer"), std::string::npos);
}

TEST_F(HttpsTest, TakesNoCutOffAnswerForAWholeOne) {
  const Identity identity("DNS:localhost");
  identity.Trust();
  const TlsServer server(identity, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal");
  EXPECT_TRUE(Get(Cat("https://localhost:", server.port())).starts_with("UNAVAILABLE "));
}

TEST_F(HttpsTest, SaysWhoSpeaksNoTls) {
  const FileDescriptor listener = *ListenTcp("127.0.0.1", 0);
  std::thread plain([&] {
    pollfd waiting{listener.get(), POLLIN, 0};  // the listener does not wait by itself
    EXPECT_EQ(poll(&waiting, 1, 5000), 1);
    const FileDescriptor peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char hello[4096];
    EXPECT_GT(recv(peer.get(), hello, sizeof hello, 0), 0);  // unread it would reset the connection, answer and all
    const std::string_view answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  });
  const std::string said = Get(Cat("https://127.0.0.1:", LocalPort(listener.get())));
  plain.join();
  EXPECT_TRUE(said.starts_with("UNAVAILABLE TLS with 127.0.0.1 failed")) << said;
}

TEST(HttpClient, AsksBeforeItConnectsAndGivesUpInTime) {
  const FileDescriptor listener = *ListenTcp("127.0.0.1", 0);  // takes connections and says nothing
  ClientOptions options;
  options.exchange_timeout = milliseconds(50);
  HttpClient slow = *HttpClient::Make(Cat("http://localhost:", LocalPort(listener.get())), options);
  EXPECT_EQ(slow.Send(Method::kGet, "/").error().code, Code::kDeadlineExceeded);
  std::string seen;
  options.check_address = [&seen](const std::string& address) -> Status {
    seen = address;
    return PermissionDenied("not there");
  };
  HttpClient guarded = *HttpClient::Make(Cat("http://localhost:", LocalPort(listener.get())), options);
  EXPECT_EQ(guarded.Send(Method::kGet, "/").error().code, Code::kPermissionDenied);
  EXPECT_EQ(seen, "127.0.0.1");
}

TEST(AddressRule, KnowsThePublicInternet) {
  for (const char* text : {"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(IsPublic(*ParseAddressBytes(text))) << text;
  }
  for (const char* text : {"127.0.0.1",
                           "127.255.0.1",
                           "0.0.0.0",
                           "10.0.0.1",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "198.18.0.1",
                           "192.0.2.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "::7f00:1",
                           "64:ff9b::7f00:1",
                           "fe80::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "ff02::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "2001:0:1::",
                           "3fff::1"}) {
    EXPECT_FALSE(IsPublic(*ParseAddressBytes(text))) << text;
  }
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "0x7f.1", "fe80::1%lo", "1.2.3.4 "}) {
    EXPECT_FALSE(ParseAddressBytes(text)) << text;
  }
  EXPECT_FALSE(ParseAddressBytes(std::string_view("::fff\0 1", 8))) << "not what stands before the zero byte";
}

TEST(AddressRule, NamesNetworks) {
  const Networks networks = *Networks::Parse("127.0.0.0/8, 10.1.2.3,fd00::/9");
  const auto has = [&](const char* text) { return networks.Contain(*ParseAddressBytes(text)); };
  EXPECT_TRUE(has("127.9.9.9") && has("10.1.2.3") && has("fd7f::1") && has("::ffff:127.0.0.1"));
  EXPECT_FALSE(has("128.0.0.1") || has("10.1.2.4") || has("fd80::1") || has("::1"));
  EXPECT_TRUE(Networks::Parse("0.0.0.0/0")->Contain(*ParseAddressBytes("9.9.9.9")));
  EXPECT_FALSE(Networks::Parse("0.0.0.0/0")->Contain(*ParseAddressBytes("::1")));
  EXPECT_TRUE(Networks::Parse(" ")->empty());
  for (const char* bad : {"localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::1/129", "1.1.1.1,,2.2.2.2"}) {
    EXPECT_FALSE(Networks::Parse(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace mw::net
