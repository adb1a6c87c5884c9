// Tokens: their digests, and the headers that carry them.
#include "net/authenticator.h"

#include <algorithm>

#include "base/file.h"
#include "base/random.h"
#include "net/socket.h"

namespace mw::net {
namespace {

// The time does not tell where the first difference is.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = Base64Value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return out;
}

// The token in an Authorization header; nothing when it is neither Bearer nor Basic.
std::optional<std::string> TokenIn(std::string_view authorization) {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = authorization.substr(0, space);
  const std::string_view rest = Trim(authorization.substr(space));
  if (EqualsIgnoreCase(scheme, "bearer")) return std::string(rest);
  if (!EqualsIgnoreCase(scheme, "basic")) return std::nullopt;
  const auto pair = Base64Decode(rest);
  if (!pair || pair->find(':') == std::string::npos) return std::nullopt;
  return pair->substr(pair->find(':') + 1);
}

}  // namespace

TokenAuthenticator::TokenAuthenticator(const Clock& clock, std::optional<Principal> local)
    : clock_(clock), local_(std::move(local)) {}

void TokenAuthenticator::Add(std::string_view token, Principal principal, Timestamp expires) {
  AddDigest(TokenDigest(token), std::move(principal), expires);
}

void TokenAuthenticator::AddDigest(std::string digest, Principal principal, Timestamp expires) {
  const Lock lock(mutex_);
  entries_.push_back({std::move(digest), std::move(principal), expires});
}

void TokenAuthenticator::Remove(std::string_view principal_name) {
  const Lock lock(mutex_);
  std::erase_if(entries_, [principal_name](const Entry& entry) { return entry.principal.name == principal_name; });
}

std::optional<Principal> TokenAuthenticator::Find(std::string_view token) {
  const std::string digest = TokenDigest(token);
  const Timestamp now = clock_.Now();
  const Lock lock(mutex_);
  std::erase_if(entries_, [now](const Entry& entry) { return entry.expires <= now; });
  std::optional<Principal> found;
  for (const Entry& entry : entries_) {
    if (SameSecret(entry.digest, digest)) found = entry.principal;
  }
  return found;
}

Result<Principal> TokenAuthenticator::Authenticate(const Request& request) {
  const std::string* authorization = FindHeader(request.headers, "authorization");
  if (authorization == nullptr) {
    if (local_ && request.from_loopback) return *local_;
    return Unauthenticated("this needs a token: send `Authorization: Bearer TOKEN` (MILLWRIGHT_TOKEN)");
  }
  const auto token = TokenIn(*authorization);
  if (!token) return Unauthenticated("the Authorization header is neither Bearer nor Basic");
  auto principal = Find(*token);
  if (!principal) return Unauthenticated("the token is unknown or has expired");
  return *std::move(principal);
}

std::string TokenDigest(std::string_view token) { return Sha256Hex(token); }

bool CarriesToken(std::string_view authorization, std::string_view digest) {
  const auto token = TokenIn(authorization);
  return token && SameSecret(TokenDigest(*token), digest);
}

std::string NewToken(std::string_view prefix) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string token(prefix);
  unsigned bits = 0;
  int count = 0;
  for (const char c : RandomBytes(32)) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (count += 8; count >= 6; count -= 6) token.push_back(kDigits[bits >> (count - 6) & 63]);
  }
  token.push_back(kDigits[bits << (6 - count) & 63]);
  return token;
}

Status CheckListen(std::string_view host, bool token_required) {
  if (IsLoopback(host) || token_required) return Ok();
  return FailedPrecondition("listening on ", host, " without tokens would let everyone who reaches this machine ",
                            "run programs on it; listen on 127.0.0.1 or require tokens");
}

}  // namespace mw::net
