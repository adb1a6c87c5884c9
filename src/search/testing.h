// For tests and fuzzing: clauses written as a filter again. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "search/filter.h"

namespace mw::search {

namespace testing_internal {

// Whether `text` between two such quotes reads as itself.
inline bool Fits(std::string_view text, char quote) {
  return text.find(quote) == std::string_view::npos && !text.ends_with('\\');
}

inline std::optional<std::string> Quoted(std::string_view text) {
  for (const char quote : {'\'', '"'}) {
    if (Fits(text, quote)) return Cat(quote, text, quote);
  }
  return std::nullopt;
}

inline std::optional<std::string> NumberText(const Number& number) {
  if (number.integer) return Cat(*number.integer);
  std::string text = Cat(number.value);
  if (text.ends_with("inf")) return text.starts_with('-') ? "-1e999" : "1e999";
  // A point keeps it from being read as an integer.
  return text.find_first_of(".e") == std::string::npos ? text + "." : text;
}

inline std::optional<std::string> ListText(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& each : list) {
    const std::optional<std::string> text = Quoted(each);
    if (!text) return std::nullopt;
    CatTo(out, out.empty() ? "(" : ", ", *text);
  }
  return out.empty() ? "('X')" : out + ")";
}

inline std::optional<std::string> ValueText(const Value& value) {
  if (const auto* number = std::get_if<Number>(&value)) return NumberText(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return Quoted(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return ListText(*list);
  return "";
}

}  // namespace testing_internal

/// `tag.`team` = 'vision'`; nothing for the few texts that no single way of quoting can hold.
inline std::optional<std::string> ToText(const Clause& clause) {
  const std::optional<std::string> value = testing_internal::ValueText(clause.value);
  if (!value || clause.key.find('`') != std::string::npos) return std::nullopt;
  return Cat(EntityName(clause.entity), ".`", clause.key, "` ", ComparatorName(clause.comparator), " ", *value);
}

inline std::optional<std::string> ToText(const Filter& filter) {
  std::string out;
  for (const Clause& clause : filter) {
    const std::optional<std::string> text = ToText(clause);
    if (!text) return std::nullopt;
    CatTo(out, out.empty() ? "" : " AND ", *text);
  }
  return out;
}

}  // namespace mw::search
