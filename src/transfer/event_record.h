// Event files of TensorBoard: records with checksums, each an Event message with values of a step. Bytes from outside,
// read with limits and without copies. Pure, any thread.
//
//   record = length (8 bytes, little endian), its masked CRC-32C (4), the message, its masked CRC-32C (4)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::transfer {

inline constexpr std::uint64_t kRecordBytesMax = std::uint64_t{64} << 20;  ///< larger ones are passed over

/// CRC-32C (Castagnoli).
std::uint32_t Crc32c(std::string_view bytes);
/// As records hold it.
std::uint32_t MaskedCrc32c(std::string_view bytes);

/// The record at the beginning of `bytes`.
struct RecordView {
  enum class Kind : std::uint8_t {
    kWhole,    ///< `message` is there
    kPartial,  ///< more bytes are needed: `size`, when the length is known already, else 0
    kTooLong,  ///< `size` bytes to pass over
    kDamaged,  ///< a checksum is wrong: nothing behind it can be found
  };
  Kind kind = Kind::kPartial;
  std::string_view message;
  std::uint64_t size = 0;  ///< of the whole record
};
RecordView FirstRecord(std::string_view bytes);

struct EventHistogram {
  double min = 0, max = 0, count = 0, sum = 0;
  std::vector<double> edges;  ///< one more than there are counts
  std::vector<double> counts;
};

/// One value of an event.
struct EventValue {
  enum class Kind : std::uint8_t { kScalar, kHistogram, kText, kOther };
  std::string tag;
  std::string plugin;  ///< that the tag belongs to; told with its first value only
  Kind kind = Kind::kOther;
  double scalar = 0;
  EventHistogram histogram{};
  std::vector<std::string> texts{};
  std::vector<double> numbers{};  ///< of a tensor that Interpret has not seen
};

struct Event {
  double wall_time = 0;  ///< seconds since the epoch
  std::int64_t step = 0;
  std::vector<EventValue> values;
};

/// Errors: kInvalidArgument for bytes that are no Event message.
Result<Event> ParseEvent(std::string_view message);

/// What a tensor means depends on its tag's plugin, which an earlier event told.
void Interpret(EventValue& value, const std::string& plugin);

}  // namespace mw::transfer
