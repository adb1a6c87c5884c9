// Names, values and comparators, in the order in which MLflow complains of them.
#include "search/clause_reader.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "search/literal.h"
#include "search/message.h"

namespace mw::search {
namespace {

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

}  // namespace

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
    std::string value = TRY(ReadText(right.text));
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
                                                  : Clipped(ToUpper(comparison.sign.text));
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

}  // namespace mw::search
