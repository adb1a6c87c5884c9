// Asio without Boost, compiled once (asio.cc). Included by .cc files of this folder only: it costs
// seconds per file, and nothing outside needs to know which library moves the bytes.
#pragma once

#define ASIO_STANDALONE
#define ASIO_SEPARATE_COMPILATION
#define ASIO_NO_DEPRECATED
// Asio asks whether the standard library has aligned_alloc before it has included any of it, so the answer
// would differ from file to file, and with it how memory is freed.
#define ASIO_DISABLE_STD_ALIGNED_ALLOC

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
