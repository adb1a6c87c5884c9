// Operands and comparators, token by token.
#include "search/comparison.h"

#include <array>

#include "base/text.h"
#include "search/dialect.h"

namespace mw::search {
namespace {

struct NamedComparator {
  std::string_view name;
  Comparator comparator;
};

constexpr std::array<NamedComparator, 12> kComparatorNames = {{{"=", Comparator::kEqual},
                                                               {"!=", Comparator::kNotEqual},
                                                               {"<", Comparator::kLess},
                                                               {"<=", Comparator::kLessOrEqual},
                                                               {">", Comparator::kGreater},
                                                               {">=", Comparator::kGreaterOrEqual},
                                                               {"LIKE", Comparator::kLike},
                                                               {"ILIKE", Comparator::kILike},
                                                               {"IN", Comparator::kIn},
                                                               {"NOT IN", Comparator::kNotIn},
                                                               {"IS NULL", Comparator::kIsNull},
                                                               {"IS NOT NULL", Comparator::kIsNotNull}}};

std::optional<Comparator> FindComparator(std::string_view text) {
  for (const NamedComparator& each : kComparatorNames) {
    if (EqualsIgnoreCase(each.name, text)) return each.comparator;
  }
  return std::nullopt;
}

bool IsPatternWord(const Token& token) {
  return IsWord(token, "LIKE") || IsWord(token, "ILIKE") || IsWord(token, "RLIKE");
}

bool IsReserved(const Token& token) {
  return IsWord(token, "AND") || IsWord(token, "OR") || IsWord(token, "NOT") || IsWord(token, "IN") ||
         IsWord(token, "IS") || IsPatternWord(token);
}

std::optional<OperandKind> KindOf(const Token& token) {
  switch (token.kind) {
    case TokenKind::kWord:
      if (IsReserved(token)) return std::nullopt;
      return IsWord(token, "NULL") ? OperandKind::kOther : OperandKind::kIdentifier;
    case TokenKind::kName: return OperandKind::kIdentifier;
    case TokenKind::kNumber: return OperandKind::kNumber;
    case TokenKind::kText: return OperandKind::kText;
    case TokenKind::kList: return OperandKind::kList;
    default: return std::nullopt;
  }
}

// The operand that an arithmetic sign adds, which may be the sign of a number: 1+1.
std::optional<Token> ReadAddend(Scanner& scanner) {
  const Token sign = scanner.Next();
  if (sign.kind == TokenKind::kNumber && sign.text.starts_with('+')) return sign;
  if (sign.kind != TokenKind::kOperator) return std::nullopt;
  const Token addend = scanner.Next();
  return KindOf(addend) ? std::optional(addend) : std::nullopt;
}

// IS NULL or IS NOT NULL, after IS.
std::optional<Sign> ReadNullTest(const Token& is, Scanner& scanner) {
  Token next = scanner.Next();
  const bool negated = IsWord(next, "NOT");
  if (negated) next = scanner.Next();
  if (!IsWord(next, "NULL")) return std::nullopt;
  return Sign{negated ? Comparator::kIsNotNull : Comparator::kIsNull, Span(is.text, next.text)};
}

std::optional<Sign> ReadSign(Scanner& scanner) {
  const Token first = scanner.Next();
  if (first.kind == TokenKind::kComparator || IsPatternWord(first)) return Sign{FindComparator(first.text), first.text};
  if (IsWord(first, "IN")) return Sign{Comparator::kIn, first.text};
  if (IsWord(first, "IS")) return ReadNullTest(first, scanner);
  if (!IsWord(first, "NOT")) return std::nullopt;
  const Token second = scanner.Next();
  if (IsWord(second, "IN")) return Sign{Comparator::kNotIn, Span(first.text, second.text)};
  if (IsPatternWord(second)) return Sign{std::nullopt, Span(first.text, second.text)};
  return std::nullopt;
}

bool IsListTest(const Sign& sign) { return sign.known && kListComparators.Has(*sign.known); }

}  // namespace

bool IsWord(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kWord && EqualsIgnoreCase(token.text, word);
}

bool IsNullTest(const Sign& sign) { return sign.known && kNullComparators.Has(*sign.known); }

std::optional<Operand> ReadOperand(const Token& first, Scanner& scanner) {
  const std::optional<OperandKind> kind = KindOf(first);
  if (!kind) return std::nullopt;
  Operand operand{*kind, first.text};
  for (Scanner ahead = scanner; const std::optional<Token> addend = ReadAddend(ahead); scanner = ahead) {
    operand = {OperandKind::kOther, Span(operand.text, addend->text)};
  }
  return operand;
}

std::optional<Comparison> ReadComparison(const Operand& left, Scanner& scanner) {
  Scanner ahead = scanner;
  const std::optional<Sign> sign = ReadSign(ahead);
  if (!sign) return std::nullopt;
  Comparison comparison{left, *sign, {}};
  const bool needs_identifier = IsListTest(*sign) || IsNullTest(*sign);
  if (needs_identifier && left.kind != OperandKind::kIdentifier) return std::nullopt;
  if (!IsNullTest(*sign)) {
    const std::optional<Operand> right = ReadOperand(ahead.Next(), ahead);
    if (!right || (IsListTest(*sign) && right->kind != OperandKind::kList)) return std::nullopt;
    comparison.right = *right;
  }
  scanner = ahead;
  return comparison;
}

std::string_view ComparatorName(Comparator comparator) {
  return kComparatorNames[static_cast<std::size_t>(comparator)].name;
}

}  // namespace mw::search
