// Request heads that were parsed before. A client sends the same head again and again, its body's length apart: one
// that differs from a remembered one in nothing but the digits of Content-Length is compared instead of parsed, some
// twenty times faster, with the same outcome (parsing depends on the bytes alone). Private to one loop, its thread
// only.
//
// A loop keeps a few places, so that clients of several kinds do not drive each other out; a connection keeps to one.
// Invariant: what Find gives is what ParseRequestHead would have given.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_codec.h"

namespace mw::net {

class HeadMemory {
 public:
  static constexpr std::size_t kPlaces = 16;
  static constexpr std::size_t kHeadBytesMax = 2048;  ///< larger ones are not remembered

  explicit HeadMemory(std::size_t head_bytes_max) : limit_(head_bytes_max) {}

  struct Found {
    const RequestHead* head = nullptr;  ///< null: not known; else valid until the next call
    std::size_t size = 0;               ///< of the head with its empty line
  };
  /// The head that `text` begins with, if that one is remembered in `place`.
  Found Find(std::size_t place, std::string_view text);
  /// Parses `text`, a whole head, and remembers it if it is accepted. `out` is valid until the next call.
  std::optional<Refusal> Parse(std::size_t place, std::string_view text, const RequestHead*& out);

 private:
  struct Place {
    std::string text;  // empty: nothing is remembered
    RequestHead head;  // its views point into text, but that of Content-Length
    std::size_t digits_at = 0;
    std::size_t digits_end = 0;  // the same: it has no Content-Length
    HeaderView* length_header = nullptr;
  };
  static void FindDigits(Place& place);

  std::size_t limit_;
  std::array<Place, kPlaces> places_;
  RequestHead large_;
};

}  // namespace mw::net
