// Single elements of tensors as numbers, whatever their datatype. Pure, any thread.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "serving/tensor.h"

namespace mw::api::inference {

[[nodiscard]] bool IsFloating(serving::Datatype datatype);
/// The element of that type at that byte, which may be aligned or not.
template <typename T>
T ElementAt(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
/// The element at that byte of a tensor of numbers; every whole number up to 2^53 exactly. 0 for BYTES.
double NumberAt(serving::Datatype datatype, const char* at);
/// Appends one element. False, and nothing appended, when the datatype has no such number; floats round to the nearest.
bool AppendNumber(std::string& bytes, serving::Datatype datatype, double value);
/// Digits of a 64-bit whole number, which a double may not hold: INT64 and UINT64 alone, else false.
bool AppendWholeDigits(std::string& bytes, serving::Datatype datatype, std::string_view digits);

}  // namespace mw::api::inference
