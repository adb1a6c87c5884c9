// A Stream over a TCP socket by Asio. For stream_server.cc.
#pragma once

#include <memory>

#include "net/asio.h"
#include "net/stream.h"

namespace mw::net {

std::unique_ptr<Stream> MakeTcpStream(asio::ip::tcp::socket socket);

}  // namespace mw::net
