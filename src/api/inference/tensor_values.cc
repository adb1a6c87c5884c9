// One switch on the datatype each.
#include "api/inference/tensor_values.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace mw::api::inference {
namespace {

using serving::Datatype;

template <typename T>
void AppendRaw(std::string& bytes, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.append(raw, sizeof raw);
}

/// The first double that rounds to no finite float32.
constexpr double kFp32End = 0x1.ffffffp127;

/// False when the number is none of the type's.
template <typename T>
bool AppendWhole(std::string& bytes, double value) {
  // 2^63 and 2^64 are the first doubles beyond the 64-bit types; the limits of the others are doubles themselves.
  constexpr double kEnd =
      sizeof(T) == 8 ? (std::is_signed_v<T> ? 0x1p63 : 0x1p64) : static_cast<double>(std::numeric_limits<T>::max()) + 1;
  if (!(value >= static_cast<double>(std::numeric_limits<T>::min()) && value < kEnd) || value != std::floor(value)) {
    return false;
  }
  AppendRaw(bytes, static_cast<T>(value));
  return true;
}

/// Digits of a 64-bit whole number, which a double may not hold.
template <typename T>
bool AppendDigits(std::string& bytes, std::string_view digits) {
  T value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return false;
  AppendRaw(bytes, value);
  return true;
}

}  // namespace

bool IsFloating(Datatype datatype) {
  return datatype == Datatype::kFp16 || datatype == Datatype::kBf16 || datatype == Datatype::kFp32 ||
         datatype == Datatype::kFp64;
}

double NumberAt(Datatype datatype, const char* at) {
  switch (datatype) {
    case Datatype::kBool: return *at != 0 ? 1 : 0;
    case Datatype::kUint8: return static_cast<double>(ElementAt<std::uint8_t>(at));
    case Datatype::kUint16: return static_cast<double>(ElementAt<std::uint16_t>(at));
    case Datatype::kUint32: return static_cast<double>(ElementAt<std::uint32_t>(at));
    case Datatype::kUint64: return static_cast<double>(ElementAt<std::uint64_t>(at));
    case Datatype::kInt8: return static_cast<double>(ElementAt<std::int8_t>(at));
    case Datatype::kInt16: return static_cast<double>(ElementAt<std::int16_t>(at));
    case Datatype::kInt32: return static_cast<double>(ElementAt<std::int32_t>(at));
    case Datatype::kInt64: return static_cast<double>(ElementAt<std::int64_t>(at));
    case Datatype::kFp16: return static_cast<double>(serving::HalfToFloat(ElementAt<std::uint16_t>(at)));
    case Datatype::kBf16: return static_cast<double>(serving::BrainToFloat(ElementAt<std::uint16_t>(at)));
    case Datatype::kFp32: return static_cast<double>(ElementAt<float>(at));
    case Datatype::kFp64: return ElementAt<double>(at);
    case Datatype::kBytes: break;
  }
  return 0;
}

bool AppendNumber(std::string& bytes, Datatype datatype, double value) {
  switch (datatype) {
    case Datatype::kUint8: return AppendWhole<std::uint8_t>(bytes, value);
    case Datatype::kUint16: return AppendWhole<std::uint16_t>(bytes, value);
    case Datatype::kUint32: return AppendWhole<std::uint32_t>(bytes, value);
    case Datatype::kUint64: return AppendWhole<std::uint64_t>(bytes, value);
    case Datatype::kInt8: return AppendWhole<std::int8_t>(bytes, value);
    case Datatype::kInt16: return AppendWhole<std::int16_t>(bytes, value);
    case Datatype::kInt32: return AppendWhole<std::int32_t>(bytes, value);
    case Datatype::kInt64: return AppendWhole<std::int64_t>(bytes, value);
    case Datatype::kFp16: AppendRaw(bytes, serving::FloatToHalf(static_cast<float>(value))); return true;
    case Datatype::kBf16: AppendRaw(bytes, serving::FloatToBrain(static_cast<float>(value))); return true;
    case Datatype::kFp32:
      if (std::isfinite(value) && std::abs(value) >= kFp32End) return false;
      AppendRaw(bytes, static_cast<float>(value));
      return true;
    case Datatype::kFp64: AppendRaw(bytes, value); return true;
    case Datatype::kBool:
      if (value != 0 && value != 1) return false;
      AppendRaw(bytes, static_cast<std::uint8_t>(value));
      return true;
    case Datatype::kBytes: break;
  }
  return false;
}

bool AppendWholeDigits(std::string& bytes, Datatype datatype, std::string_view digits) {
  if (datatype == Datatype::kInt64) return AppendDigits<std::int64_t>(bytes, digits);
  return datatype == Datatype::kUint64 && AppendDigits<std::uint64_t>(bytes, digits);
}

}  // namespace mw::api::inference
