// Asio's own code, compiled once. Its warnings are not ours to mend.
#include "net/asio.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <asio/impl/src.hpp>
#pragma GCC diagnostic pop
