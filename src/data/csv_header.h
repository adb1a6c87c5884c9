// The first record of a CSV file: its separator and its columns' names. Guessing the rest of the dialect
// is what makes readers take a broken row for a strange file, so nothing else is guessed: fields in
// double quotes, "" for a quote inside, as in RFC 4180. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::data {

inline constexpr std::size_t kCsvHeaderBytesMax = std::size_t{1} << 20;

struct CsvHeader {
  char separator = ',';  ///< ',', ';', tab or '|': the most frequent of them outside quotes
  std::vector<std::string> names;
};

/// `start` is the beginning of the file, at least its first line or kCsvHeaderBytesMax.
/// Errors: kInvalidArgument for no header, an open quote, names that are empty, too long or too many, and
/// names that differ in no more than upper and lower case (SQL could not tell them apart).
Result<CsvHeader> ParseCsvHeader(std::string_view start);

}  // namespace mw::data
