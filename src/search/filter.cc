// Clause after clause, for every kind of search. Errors have MLflow's precedence: what is no clause before what a
// clause means, and that before comparators that do not fit.
#include "search/filter.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "search/clause_reader.h"
#include "search/comparison.h"
#include "search/dialect.h"
#include "search/message.h"
#include "search/scanner.h"

namespace mw::search {
namespace {

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
    if (!IsWord(token, "AND")) ReadItem(token);
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

}  // namespace mw::search
