// Finding the end of the header, its separator, its names.
#include "data/csv_header.h"

#include <array>
#include <set>

#include "base/text.h"
#include "schema/schema.h"

namespace mw::data {
namespace {

constexpr std::string_view kSeparators = ",;\t|";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Up to the first line break outside quotes. Errors: an open quote.
Result<std::string_view> FirstRecord(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (!quoted && (text[i] == '\n' || text[i] == '\r')) return text.substr(0, i);
  }
  if (quoted) return InvalidArgument("line 1: a quote is opened and never closed");
  if (text.size() >= kCsvHeaderBytesMax) return InvalidArgument("line 1 is longer than ", kCsvHeaderBytesMax, " bytes");
  return text;
}

char MostFrequentSeparator(std::string_view record) {
  std::array<std::size_t, kSeparators.size()> counts{};
  bool quoted = false;
  for (const char c : record) {
    if (c == '"') quoted = !quoted;
    const std::size_t which = quoted ? std::string_view::npos : kSeparators.find(c);
    if (which != std::string_view::npos) ++counts[which];
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < counts.size(); ++i) {
    if (counts[i] > counts[best]) best = i;
  }
  return kSeparators[best];
}

std::vector<std::string> Fields(std::string_view record, char separator) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    if (record[i] == '"') {
      // Two quotes inside quotes are one that is meant.
      if (quoted && i + 1 < record.size() && record[i + 1] == '"') {
        fields.back() += record[++i];
      } else {
        quoted = !quoted;
      }
    } else if (record[i] == separator && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += record[i];
    }
  }
  return fields;
}

Status CheckNames(const std::vector<std::string>& names) {
  if (names.size() > schema::kColumnsMax) {
    return InvalidArgument("line 1: ", names.size(), " columns; a dataset has at most ", schema::kColumnsMax);
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) return InvalidArgument("line 1: column ", i + 1, " has no name");
    if (names[i].size() > schema::kNameBytesMax || !IsUtf8(names[i]) || names[i].find('\0') != std::string::npos) {
      return InvalidArgument("line 1: column ", i + 1, ": ", Quoted(names[i]), " is no name");
    }
    if (!seen.insert(ToLower(names[i])).second) {
      return InvalidArgument("line 1: the name ", Quoted(names[i]), " stands twice; rename one of the columns");
    }
  }
  return Ok();
}

}  // namespace

Result<CsvHeader> ParseCsvHeader(std::string_view start) {
  if (start.starts_with(kByteOrderMark)) start.remove_prefix(kByteOrderMark.size());
  const std::string_view record = TRY(FirstRecord(start));
  if (record.empty()) return InvalidArgument("line 1 is empty; a CSV file begins with its columns' names");
  CsvHeader header;
  header.separator = MostFrequentSeparator(record);
  header.names = Fields(record, header.separator);
  TRY(CheckNames(header.names));
  return header;
}

}  // namespace mw::data
