// Reads protocol buffers' text format, without knowing any message: a tree of named fields, as written. For files that
// people write (config.pbtxt).
//
//   name: "late"  max_batch_size: 8  input [ { name: "x" dims: [ 30 ] } ]  dynamic_batching { }   # a comment
//
// Pure; any thread. Limits: kTextFormatBytesMax, kTextFormatDepthMax, kTextFormatFieldsMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::serving {

inline constexpr std::size_t kTextFormatBytesMax = std::size_t{1} << 20;
inline constexpr int kTextFormatDepthMax = 32;
inline constexpr std::size_t kTextFormatFieldsMax = 100'000;

/// One value of one field: a field that is a list, or written several times, is several of these.
struct TextField {
  std::string name;
  bool is_message = false;
  bool is_text = false;             ///< was in quotes
  std::string value{};              ///< of a scalar, as written or, of text, what it says
  std::vector<TextField> fields{};  ///< of a message, in their order

  /// The first of that name in the message, or nullptr.
  [[nodiscard]] const TextField* Find(std::string_view field) const;
};

/// A message without name. Errors: kInvalidArgument with the line.
Result<TextField> ParseTextFormat(std::string_view text);

}  // namespace mw::serving
