// TCP sockets as file descriptors: names to addresses, listening, connecting. Any thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace mw::net {

/// "127.0.0.1", "::1"; without brackets.
bool IsAddressLiteral(std::string_view host);
/// A loopback address or "localhost".
bool IsLoopback(std::string_view host);
/// "127.0.0.1:5000", "[::1]:5000"
std::string HostPort(std::string_view host, int port);

struct Address {
  std::string host;  ///< without brackets
  int port = 0;
};
/// "127.0.0.1:5000", "[::1]:5000", "localhost:0", ":5000" and "5000" (127.0.0.1). Errors: kInvalidArgument.
Result<Address> ParseAddress(std::string_view text);

/// A listening, non-blocking socket. Port 0 takes a free one.
/// Errors: kUnavailable "cannot listen on HOST:PORT: ..." with what to do when the port is taken.
Result<FileDescriptor> ListenTcp(const std::string& host, int port);
/// The port that a socket is bound to.
int LocalPort(int descriptor);
/// Of a connected socket: "127.0.0.1", "::1"; empty when it is none any more.
std::string PeerAddress(int descriptor);
/// Asked of each address ("192.0.2.1", "::1") that a name was resolved to, before it is connected to.
using AddressCheck = std::function<Status(const std::string& address)>;
/// A connected, non-blocking socket without Nagle's delay. Tries every address of the name, each for so long.
/// Errors: kUnavailable "cannot connect to http://HOST:PORT: connection refused"; kDeadlineExceeded; what `check` said
/// when no other address answered.
Result<FileDescriptor> ConnectTcp(const std::string& host, int port, std::chrono::milliseconds timeout,
                                  const AddressCheck& check = nullptr);
void SetNoDelay(int descriptor);

}  // namespace mw::net
