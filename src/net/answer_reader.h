// Takes answers off the bytes of a client's connection, one after the other: for the load clients, which pipeline.
// One object for a connection or for many, one thread; it keeps nothing between calls but memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/http_codec.h"

namespace mw::net {

class AnswerReader {
 public:
  enum class Outcome : std::uint8_t {
    kAnswer,
    kMore,    ///< the first answer is not whole yet
    kBroken,  ///< it is no HTTP, too long, or ends with the connection, which cannot be pipelined
  };
  /// The first answer in `bytes`; informational ones (1xx) are passed over.
  Outcome Next(std::string_view bytes);

  // After kAnswer, until the next call.
  [[nodiscard]] const ResponseHead& head() const { return head_; }
  [[nodiscard]] std::string_view body() const { return body_; }  ///< chunks are joined
  [[nodiscard]] std::size_t used() const { return used_; }       ///< bytes that the answer took

 private:
  Outcome One(std::string_view bytes);
  ResponseHead head_;
  std::string_view body_;
  std::string joined_;
  std::size_t used_ = 0;
};

}  // namespace mw::net
