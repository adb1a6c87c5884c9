// One clause parser for every kind of search, told by a Dialect what is valid. Errors have MLflow's precedence: what is
// no clause before what a clause means, and that before comparators that do not fit.
#include "search/filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/text.h"
#include "search/dialect.h"
#include "search/message.h"
#include "search/scanner.h"

namespace mw::search {
namespace {

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

bool Is(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kWord && EqualsIgnoreCase(token.text, word);
}

bool IsPatternWord(const Token& token) { return Is(token, "LIKE") || Is(token, "ILIKE") || Is(token, "RLIKE"); }

bool IsReserved(const Token& token) {
  return Is(token, "AND") || Is(token, "OR") || Is(token, "NOT") || Is(token, "IN") || Is(token, "IS") ||
         IsPatternWord(token);
}

std::optional<OperandKind> KindOf(const Token& token) {
  switch (token.kind) {
    case TokenKind::kWord:
      if (IsReserved(token)) return std::nullopt;
      return Is(token, "NULL") ? OperandKind::kOther : OperandKind::kIdentifier;
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

// An operand that begins with `first`; 'a' + 'b' is one, of a kind that nothing is compared with.
std::optional<Operand> ReadOperand(const Token& first, Scanner& scanner) {
  const std::optional<OperandKind> kind = KindOf(first);
  if (!kind) return std::nullopt;
  Operand operand{*kind, first.text};
  for (Scanner ahead = scanner; const std::optional<Token> addend = ReadAddend(ahead); scanner = ahead) {
    operand = {OperandKind::kOther, Span(operand.text, addend->text)};
  }
  return operand;
}

// IS NULL or IS NOT NULL, after IS.
std::optional<Sign> ReadNullTest(const Token& is, Scanner& scanner) {
  Token next = scanner.Next();
  const bool negated = Is(next, "NOT");
  if (negated) next = scanner.Next();
  if (!Is(next, "NULL")) return std::nullopt;
  return Sign{negated ? Comparator::kIsNotNull : Comparator::kIsNull, Span(is.text, next.text)};
}

std::optional<Sign> ReadSign(Scanner& scanner) {
  const Token first = scanner.Next();
  if (first.kind == TokenKind::kComparator || IsPatternWord(first)) return Sign{FindComparator(first.text), first.text};
  if (Is(first, "IN")) return Sign{Comparator::kIn, first.text};
  if (Is(first, "IS")) return ReadNullTest(first, scanner);
  if (!Is(first, "NOT")) return std::nullopt;
  const Token second = scanner.Next();
  if (Is(second, "IN")) return Sign{Comparator::kNotIn, Span(first.text, second.text)};
  if (IsPatternWord(second)) return Sign{std::nullopt, Span(first.text, second.text)};
  return std::nullopt;
}

bool IsListTest(const Sign& sign) { return sign.known && kListComparators.Has(*sign.known); }
bool IsNullTest(const Sign& sign) { return sign.known && kNullComparators.Has(*sign.known); }

// What follows `left`, when it makes a comparison with it; the scanner moves only then.
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

// The place of the first digit that is not 0 before the point, counted from it: 1 for "7", 3 for "700", 0 for ".7".
std::int64_t Magnitude(std::string_view digits) {
  const std::size_t point = digits.find('.');
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return std::numeric_limits<std::int32_t>::min();
  const auto before = static_cast<std::int64_t>(point == std::string_view::npos ? digits.size() : point);
  const auto place = before - static_cast<std::int64_t>(first);
  return place < 0 ? place + 1 : place;
}

// The value of a number that doubles cannot hold: infinite, or 0 when it is that small.
double OutOfRange(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t e = text.find_first_of("eE");
  std::int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    constexpr std::int64_t kHuge = std::numeric_limits<std::int32_t>::max();
    exponent = ParseInt(digits).value_or(digits.starts_with('-') ? -kHuge : kHuge);
    text = text.substr(0, e);
  }
  const double size = Magnitude(text) + exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -size : size;
}

Number ReadNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number number;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, number.value).ec != std::errc()) number.value = OutOfRange(text);
  if (const std::optional<long long> integer = ParseInt(text)) number.integer = *integer;
  return number;
}

Result<std::string> TextOf(std::string_view written) {
  if (const auto text = Unquoted(written)) return std::string(*text);
  return InvalidArgument("Parameter value is either not quoted or unidentified quote types used for string value ",
                         Clipped(written), ". Use either single or double quotes.");
}

std::string UpperCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

Error IllFormedList() {
  return InvalidArgument(
      "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.");
}

// One entry and the comma behind it; false when the entry is a number, which is refused after the list's form.
Result<bool> ReadListEntry(const Token& entry, Scanner& scanner) {
  const bool text = entry.kind == TokenKind::kText || (entry.kind == TokenKind::kName && Unquoted(entry.text));
  if (!text && entry.kind != TokenKind::kNumber) return IllFormedList();
  const Token comma = scanner.Next();
  if (comma.kind != TokenKind::kEnd && comma.text != ",") return IllFormedList();
  return text;
}

Result<std::vector<std::string>> ReadList(std::string_view list) {
  Scanner scanner(list.substr(1, list.size() - 2));
  std::vector<std::string> out;
  std::size_t entries = 0;
  bool all_texts = true;
  for (Token entry = scanner.Next(); entry.kind != TokenKind::kEnd; entry = scanner.Next()) {
    if (++entries > kMaxListEntries) {
      return InvalidArgument("Invalid filter: a list of more than ", kMaxListEntries,
                             " values. Search for fewer at once.");
    }
    const bool text = TRY(ReadListEntry(entry, scanner));
    all_texts = all_texts && text;
    if (text) out.emplace_back(*Unquoted(entry.text));
  }
  if (entries == 0) {
    return InvalidArgument(
        "While parsing a list in the query, expected a non-empty list of string values, but got empty list");
  }
  if (all_texts) return out;
  return InvalidArgument(
      "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type "
      "in list: ",
      Clipped(list));
}

// What clauses mean in one dialect.
class ClauseReader {
 public:
  explicit ClauseReader(const Dialect& dialect) : dialect_(dialect) {}

  /// The clause but for its comparator, which CheckComparator says later, and what CheckNumbers says then.
  [[nodiscard]] Result<Clause> Read(const Comparison& comparison) const;
  [[nodiscard]] Status CheckComparator(const Comparison& comparison, const Clause& clause) const;
  /// Of attributes that are whole numbers; ids are written anew.
  [[nodiscard]] Status CheckNumbers(const Comparison& comparison, Clause& clause) const;

 private:
  [[nodiscard]] Status CheckNullTest(const Name& name) const;
  [[nodiscard]] Result<Value> ReadValue(const Name& name, const Operand& right) const;
  [[nodiscard]] Result<Value> ReadNumeric(const Name& name, const Operand& right) const;
  [[nodiscard]] Result<Value> ReadTexts(const Name& name, const Operand& right) const;
  [[nodiscard]] Comparators ValidFor(const Clause& clause) const;
  [[nodiscard]] bool IsId(const Clause& clause) const {
    return clause.entity == Entity::kAttribute && clause.key == dialect_.id_key;
  }

  const Dialect& dialect_;
};

/// 2.5 of a number, 'x' of a text.
std::string ShownNumber(const Operand& operand, Numbers numbers) {
  const auto text = Unquoted(operand.text);
  if (text) return PythonText(*text);
  return numbers == Numbers::kWhole ? PythonText(operand.text) : Clipped(operand.text);
}

Error BadId(std::string_view id) {
  return InvalidArgument("Invalid experiment ID '", Clipped(id), "'. Experiment ID must be a valid integer.");
}

Result<std::string> ReadId(std::string_view text) {
  const std::optional<long long> id = ParseInt(Trim(text));
  if (!id) return BadId(text);
  return Cat(*id);
}

Result<Clause> ClauseReader::Read(const Comparison& comparison) const {
  if (comparison.left.kind != OperandKind::kIdentifier) {
    return InvalidArgument("Invalid comparison clause. Expected 'Identifier' found '", Clipped(comparison.left.text),
                           "'");
  }
  if (IsNullTest(comparison.sign) && !dialect_.null_tests_refused_for.empty()) {
    return InvalidArgument("IS NULL / IS NOT NULL is not supported for ", dialect_.null_tests_refused_for, " search.");
  }
  const Name name = TRY(FindName(comparison.left.text, dialect_.names));
  Clause clause{name.entity, std::string(name.key), comparison.sign.known.value_or(Comparator::kEqual), {}};
  if (IsNullTest(comparison.sign)) {
    TRY(CheckNullTest(name));
  } else {
    clause.value = TRY(ReadValue(name, comparison.right));
  }
  return clause;
}

Status ClauseReader::CheckNullTest(const Name& name) const {
  if (name.entity == Entity::kTag || dialect_.null_tests == NullTests::kNone) return Ok();
  if (dialect_.null_tests == NullTests::kOfTags) {
    return InvalidArgument("IS NULL / IS NOT NULL is only supported for tags, not for attribute '",
                           Clipped(name.written), "'");
  }
  if (name.entity == Entity::kParameter) return Ok();
  return InvalidArgument("IS NULL / IS NOT NULL is only supported for tags and params, not for '",
                         EntityName(name.entity), "' '", Clipped(name.written), "'");
}

Result<Value> ClauseReader::ReadValue(const Name& name, const Operand& right) const {
  const bool text = right.kind == OperandKind::kText || right.kind == OperandKind::kIdentifier;
  const bool quoted = name.numeric && dialect_.numbers == Numbers::kWholeOrQuoted;
  if (name.entity == Entity::kMetric || (name.numeric && !quoted)) return ReadNumeric(name, right);
  if (quoted && right.kind == OperandKind::kNumber) return ReadNumber(right.text);
  if (text) {
    std::string value = TRY(TextOf(right.text));
    if (!quoted) return value;
    return ParseInt(value) ? ReadNumber(value) : Number{};
  }
  if (name.entity == Entity::kAttribute || name.entity == Entity::kDataset) return ReadTexts(name, right);
  return InvalidArgument("Expected a quoted string value for ", EntityName(name.entity),
                         " (e.g. 'my-value'). Got value ", Clipped(right.text));
}

Result<Value> ClauseReader::ReadNumeric(const Name& name, const Operand& right) const {
  if (right.kind == OperandKind::kNumber) return ReadNumber(right.text);
  if (name.entity == Entity::kMetric) {
    return InvalidArgument("Expected numeric value type for metric. Found ", Clipped(right.text));
  }
  return InvalidArgument("Expected numeric value type for numeric attribute: ", name.written, ". Found ",
                         Clipped(right.text));
}

// Of a text attribute or dataset whose value is no text.
Result<Value> ClauseReader::ReadTexts(const Name& name, const Operand& right) const {
  const bool attribute = name.entity == Entity::kAttribute;
  if (right.kind == OperandKind::kNumber && dialect_.names_numeric_keys) {
    return InvalidArgument("Only the '{'version_number'}' attributes support comparison with numeric values.");
  }
  if (right.kind != OperandKind::kList) {
    return InvalidArgument("Expected a quoted string value",
                           dialect_.mentions_lists ? " or a list of quoted string values" : "", " for ",
                           attribute ? "attributes" : "dataset attributes", ". Got value ", Clipped(right.text));
  }
  const std::span<const std::string_view> keys = dialect_.list_keys;
  if (attribute && !keys.empty() && std::find(keys.begin(), keys.end(), name.key) == keys.end()) {
    std::string list;
    for (const std::string_view key : keys) CatTo(list, list.empty() ? "'" : ", '", key, "'");
    return InvalidArgument("Only [", list, "] attributes support comparison with a list of quoted string values.");
  }
  return TRY(ReadList(right.text));
}

Comparators ClauseReader::ValidFor(const Clause& clause) const {
  if (std::holds_alternative<Number>(clause.value)) return kNumericComparators;
  if (std::holds_alternative<std::vector<std::string>>(clause.value)) return dialect_.list;
  switch (clause.entity) {
    case Entity::kTag: return dialect_.tags;
    case Entity::kParameter: return dialect_.parameters;
    case Entity::kDataset: return kTextComparators.With(kListComparators);
    default: return IsId(clause) ? Comparators{Comparator::kEqual, Comparator::kNotEqual} : dialect_.text;
  }
}

Status ClauseReader::CheckComparator(const Comparison& comparison, const Clause& clause) const {
  const Comparators valid = ValidFor(clause);
  if (comparison.sign.known && valid.Has(*comparison.sign.known)) return Ok();
  const std::string shown = comparison.sign.known ? std::string(ComparatorName(*comparison.sign.known))
                                                  : Clipped(UpperCase(comparison.sign.text));
  if (clause.entity == Entity::kTag && dialect_.names_tag_comparators) {
    return InvalidArgument("Invalid comparator for tag: ", shown);
  }
  if (clause.entity == Entity::kAttribute && dialect_.names_attribute_comparators) {
    const bool numeric = std::holds_alternative<Number>(clause.value);
    return InvalidArgument("Invalid comparator for attribute", numeric ? " " : "", numeric ? clause.key : "", ": ",
                           shown);
  }
  if (IsId(clause) && std::holds_alternative<std::string>(clause.value)) {
    return InvalidArgument("Invalid comparator for ", clause.key, ": ", shown);
  }
  return InvalidArgument("Invalid comparator '", shown, "' not one of '", valid.ToText(), "'");
}

Status ClauseReader::CheckNumbers(const Comparison& comparison, Clause& clause) const {
  if (clause.entity != Entity::kAttribute || dialect_.numbers == Numbers::kAny) return Ok();
  if (const auto* number = std::get_if<Number>(&clause.value); number != nullptr && !number->integer) {
    return InvalidArgument("Invalid value for numeric attribute '", clause.key,
                           "': ", ShownNumber(comparison.right, dialect_.numbers));
  }
  if (!IsId(clause)) return Ok();
  if (auto* text = std::get_if<std::string>(&clause.value)) *text = TRY(ReadId(*text));
  if (auto* list = std::get_if<std::vector<std::string>>(&clause.value)) {
    for (std::string& each : *list) each = TRY(ReadId(each));
  }
  return Ok();
}

class FilterParser {
 public:
  FilterParser(std::string_view text, const Dialect& dialect)
      : text_(text), dialect_(dialect), reader_(dialect), scanner_(text) {}

  Result<Filter> Parse();

 private:
  void ReadItem(const Token& first);
  void AddClause(const Comparison& comparison);
  void AddInvalid(std::string_view piece);

  std::string_view text_;
  const Dialect& dialect_;
  ClauseReader reader_;
  Scanner scanner_;
  Filter filter_;
  std::size_t clauses_ = 0;  // those refused as well
  // The first of each kind, and what is no clause at all.
  std::string invalid_;
  std::optional<Error> meaning_;
  std::optional<Error> comparator_;
};

Result<Filter> FilterParser::Parse() {
  Token token = scanner_.Next();
  if (token.kind == TokenKind::kEnd) {
    return InvalidArgument("Invalid filter '", Clipped(text_), "'. Could not be parsed.");
  }
  for (; token.kind != TokenKind::kEnd; token = scanner_.Next()) {
    if (token.kind == TokenKind::kSemicolon && scanner_.Peek().kind != TokenKind::kEnd) {
      return InvalidArgument("Search filter contained multiple expression ", PythonText(text_),
                             ". Provide AND-ed expression list.");
    }
    if (!Is(token, "AND")) ReadItem(token);
    if (clauses_ > kMaxClauses) {
      return InvalidArgument("Invalid filter: more than ", kMaxClauses, " clauses. Search with fewer at once.");
    }
  }
  if (!invalid_.empty()) return InvalidArgument("Invalid clause(s) in filter string: ", invalid_);
  if (meaning_) return *std::move(meaning_);
  if (comparator_) return *std::move(comparator_);
  return std::move(filter_);
}

void FilterParser::ReadItem(const Token& first) {
  std::optional<Operand> left = ReadOperand(first, scanner_);
  if (!left) return AddInvalid(first.text);
  std::optional<Comparison> comparison = ReadComparison(*left, scanner_);
  if (!comparison) return AddInvalid(left->text);
  // a = 1 = 2 compares the comparison a = 1.
  while (!IsNullTest(comparison->sign)) {
    const Operand whole{OperandKind::kOther, Span(comparison->left.text, comparison->right.text)};
    const std::optional<Comparison> longer = ReadComparison(whole, scanner_);
    if (!longer) break;
    comparison = longer;
  }
  AddClause(*comparison);
}

void FilterParser::AddClause(const Comparison& comparison) {
  ++clauses_;
  if (meaning_ || !invalid_.empty()) return;
  Result<Clause> clause = reader_.Read(comparison);
  if (!clause.ok()) {
    meaning_ = std::move(clause).error();
    return;
  }
  if (comparator_) return;
  Status fits = reader_.CheckComparator(comparison, *clause);
  if (fits.ok()) fits = reader_.CheckNumbers(comparison, *clause);
  if (!fits.ok()) {
    comparator_ = std::move(fits).error();
    return;
  }
  filter_.push_back(*std::move(clause));
}

void FilterParser::AddInvalid(std::string_view piece) {
  if (invalid_.size() > kMaxQuotedBytes) return;
  const std::string_view quote = dialect_.quotes_clauses ? "'" : "";
  CatTo(invalid_, invalid_.empty() ? "" : ", ", quote, Clipped(piece), quote);
}

Result<Filter> ParseFilter(std::string_view text, const Dialect& dialect) {
  if (text.size() > kMaxFilterBytes) {
    return InvalidArgument("Invalid filter: ", text.size(), " bytes, more than ", kMaxFilterBytes,
                           ". Search with fewer clauses at once.");
  }
  if (!IsUtf8(text) || text.find('\0') != std::string_view::npos) {
    return InvalidArgument("Invalid filter: it is not text in UTF-8, or holds a NUL.");
  }
  if (text.empty()) return Filter{};
  return FilterParser(text, dialect).Parse();
}

}  // namespace

Result<Filter> ParseRunFilter(std::string_view text) { return ParseFilter(text, kRuns); }
Result<Filter> ParseExperimentFilter(std::string_view text) { return ParseFilter(text, kExperiments); }
Result<Filter> ParseRegisteredModelFilter(std::string_view text) { return ParseFilter(text, kRegisteredModels); }
Result<Filter> ParseModelVersionFilter(std::string_view text) { return ParseFilter(text, kModelVersions); }
Result<Filter> ParseLoggedModelFilter(std::string_view text) { return ParseFilter(text, kLoggedModels); }

std::string_view EntityName(Entity entity) {
  constexpr std::array<std::string_view, 5> kNames = {"attribute", "metric", "parameter", "tag", "dataset"};
  return kNames[static_cast<std::size_t>(entity)];
}

std::string_view ComparatorName(Comparator comparator) {
  return kComparatorNames[static_cast<std::size_t>(comparator)].name;
}

}  // namespace mw::search
