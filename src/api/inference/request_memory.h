// The last request of one row that a decoder took apart, and where its values stand in it. Clients send the same text
// over and over with other values: such a request is compared with the remembered one piece by piece, and only its
// values are read.
//
//   Begin, Note for each value as it is read, Keep at the end      Match for the next request
//
// Invariant: a request that matches differs from the remembered one in nothing but what the caller's reader took. One
// for each decoder; one thread; in the steady state it allocates nothing.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/json_scanner.h"
#include "serving/tensor.h"

namespace mw::api::inference {

/// Longer requests are not remembered.
inline constexpr std::size_t kRememberedBytesMax = std::size_t{64} << 10;

class RequestMemory {
 public:
  /// A value of a request.
  struct Slot {
    enum class Kind : std::uint8_t { kId, kEventTime, kCell, kRow };
    Kind kind = Kind::kCell;
    serving::Datatype datatype = serving::Datatype::kFp32;
    int feature = 0;
    std::size_t begin = 0, end = 0;  ///< where its text stands, in bytes
  };

  /// Of the request `body`.
  void Begin(std::string_view body) {
    begin_ = body.data();
    noted_.clear();
    in_order_ = true;
  }
  /// A value that stands at `text`; in the order of the text.
  void Note(Slot slot, std::string_view text) {
    slot.begin = static_cast<std::size_t>(text.data() - begin_);
    slot.end = slot.begin + text.size();
    noted_.push_back(slot);
  }
  /// This one is not to be remembered: its values depend on one another, or were read out of order.
  void Disregard() { in_order_ = false; }
  /// The request was right, has one row, and was asked of the model with that serial. Whether it is remembered now.
  bool Keep(std::string_view body, std::uint64_t model_serial) {
    if (!in_order_ || body.size() > kRememberedBytesMax) return false;
    model_serial_ = model_serial;
    body_ = body;
    slots_.swap(noted_);
    return true;
  }
  /// Whether `body` is the remembered request with other values; `read(json, slot)` takes each of them in turn, and
  /// may have taken some when it is not.
  template <typename Read>
  bool Match(std::string_view body, std::uint64_t model_serial, JsonScanner& json, const Read& read) const {
    if (model_serial_ != model_serial) return false;
    const char* const end = body.data() + body.size();
    std::size_t from = 0;
    for (const Slot& slot : slots_) {
      const std::size_t same = slot.begin - from;
      const char* const at = json.position();
      if (static_cast<std::size_t>(end - at) < same || std::memcmp(at, body_.data() + from, same) != 0) return false;
      json.Seek(at + same);
      if (!read(json, slot)) return false;
      from = slot.end;
    }
    return std::string_view(json.position(), static_cast<std::size_t>(end - json.position())) ==
           std::string_view(body_).substr(from);
  }

 private:
  std::uint64_t model_serial_ = 0;  // 0: none
  std::string body_;
  std::vector<Slot> slots_;  // in the order of the text
  const char* begin_ = nullptr;
  std::vector<Slot> noted_;  // of the request at hand
  bool in_order_ = true;
};

}  // namespace mw::api::inference
