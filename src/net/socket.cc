// TCP sockets by the operating system's calls.
#include "net/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

namespace mw::net {
namespace {

constexpr int kBacklog = 1024;

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> Resolve(const std::string& host, int port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  // "localhost" is 127.0.0.1 first, also where the resolver prefers IPv6.
  const std::string name = host == "localhost" ? "127.0.0.1" : host;
  const int failure = getaddrinfo(name.c_str(), Cat(port).c_str(), &hints, &found);
  if (failure != 0) return Unavailable("cannot find the address of ", Quoted(host), ": ", gai_strerror(failure));
  return AddressList(found, &freeaddrinfo);
}

std::string TextOf(const sockaddr* address) {
  const void* bytes = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  if (address->sa_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(address->sa_family, bytes, text, sizeof text) == nullptr ? "" : text;
}

std::string Lowered(int error_number) { return ToLower(std::strerror(error_number)); }

// Waits for a connection in progress; 0 or the errno it failed with.
int FinishConnect(int descriptor, std::chrono::milliseconds timeout) {
  pollfd waiting{descriptor, POLLOUT, 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, static_cast<int>(timeout.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return ETIMEDOUT;
  int failure = 0;
  socklen_t size = sizeof failure;
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
  return failure;
}

int TryConnect(const addrinfo& address, std::chrono::milliseconds timeout, FileDescriptor& out) {
  FileDescriptor descriptor(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.valid()) return errno;
  if (connect(descriptor.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    if (const int failure = FinishConnect(descriptor.get(), timeout); failure != 0) return failure;
  }
  SetNoDelay(descriptor.get());
  out = std::move(descriptor);
  return 0;
}

}  // namespace

bool IsAddressLiteral(std::string_view host) {
  const std::string text(host);
  in6_addr bytes;
  return inet_pton(AF_INET, text.c_str(), &bytes) == 1 || inet_pton(AF_INET6, text.c_str(), &bytes) == 1;
}

bool IsLoopback(std::string_view host) {
  return EqualsIgnoreCase(host, "localhost") || host == "::1" || (host.starts_with("127.") && IsAddressLiteral(host));
}

std::string HostPort(std::string_view host, int port) {
  const bool six = host.find(':') != std::string_view::npos;
  return six ? Cat('[', host, "]:", port) : Cat(host, ':', port);
}

Result<Address> ParseAddress(std::string_view text) {
  std::string_view host = "127.0.0.1";
  std::string_view port = text;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    port = text.substr(colon + 1);
    if (colon > 0) host = text.substr(0, colon);
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return InvalidArgument("address ", Quoted(text), " needs brackets around IPv6, as in [::1]:5000");
  }
  const auto number = ParseInt(port);
  if (!number || *number < 0 || *number > 65535) {
    return InvalidArgument("address ", Quoted(text), " has no port; write it as 127.0.0.1:5000 (port 0: a free one)");
  }
  return Address{std::string(host), static_cast<int>(*number)};
}

Result<FileDescriptor> ListenTcp(const std::string& host, int port) {
  const AddressList addresses = TRY(Resolve(host, port, AI_PASSIVE));
  const addrinfo& address = *addresses;
  FileDescriptor listener(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (listener.valid()) setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!listener.valid() || bind(listener.get(), address.ai_addr, address.ai_addrlen) != 0 ||
      listen(listener.get(), kBacklog) != 0) {
    const int failure = errno;
    return Unavailable("cannot listen on ", HostPort(host, port), ": ", Lowered(failure),
                       failure == EADDRINUSE ? "; end the program that uses it or choose another port" : "");
  }
  return listener;
}

int LocalPort(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

std::string PeerAddress(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  return TextOf(reinterpret_cast<const sockaddr*>(&address));
}

Result<FileDescriptor> ConnectTcp(const std::string& host, int port, std::chrono::milliseconds timeout,
                                  const AddressCheck& check) {
  const AddressList addresses = TRY(Resolve(host, port, 0));
  int failure = 0;
  std::optional<Error> refusal;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    if (Status checked = check ? check(TextOf(address->ai_addr)) : Ok(); !checked.ok()) {
      if (!refusal) refusal = std::move(checked).error();
      continue;
    }
    FileDescriptor connected;
    failure = TryConnect(*address, timeout, connected);
    if (failure == 0) return connected;
  }
  if (refusal) return *std::move(refusal);
  const std::string message = Cat("cannot connect to http://", HostPort(host, port), ": ", Lowered(failure));
  if (failure == ETIMEDOUT) return DeadlineExceeded(message);
  return Unavailable(message);
}

void SetNoDelay(int descriptor) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace mw::net
