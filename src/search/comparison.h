// One comparison of a filter as it is written: operand, comparator, operand, whatever they may mean (clause_reader.h).
// Views into the text that was read. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "search/filter.h"
#include "search/scanner.h"

namespace mw::search {

enum class OperandKind : std::uint8_t { kIdentifier, kNumber, kText, kList, kOther };

struct Operand {
  OperandKind kind = OperandKind::kOther;
  std::string_view text;
};

/// A comparator as written; none of ours when `known` is empty.
struct Sign {
  std::optional<Comparator> known;
  std::string_view text;
};

struct Comparison {
  Operand left;
  Sign sign;
  Operand right;  ///< empty for IS [NOT] NULL
};

/// Whether it is that word, in either case.
bool IsWord(const Token& token, std::string_view word);
/// IS [NOT] NULL.
bool IsNullTest(const Sign& sign);
/// An operand that begins with `first`; 'a' + 'b' is one, of a kind that nothing is compared with.
std::optional<Operand> ReadOperand(const Token& first, Scanner& scanner);
/// What follows `left`, when it makes a comparison with it; the scanner moves only then.
std::optional<Comparison> ReadComparison(const Operand& left, Scanner& scanner);

}  // namespace mw::search
