// Asio without Boost, compiled once (asio.cc). Included by .cc files of this folder only: it costs
// seconds per file, and nothing outside needs to know which library moves the bytes.
#pragma once

#define ASIO_STANDALONE
#define ASIO_SEPARATE_COMPILATION
#define ASIO_NO_DEPRECATED

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
