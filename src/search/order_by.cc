// Orders: a name, then perhaps ASC or DESC.
#include "search/order_by.h"

#include <algorithm>

#include "base/text.h"
#include "search/dialect.h"
#include "search/message.h"
#include "search/scanner.h"

namespace mw::search {
namespace {

/// A clause in its two parts.
struct Written {
  std::string_view name;
  bool ascending = true;
};

Error CannotParse(std::string_view clause) {
  return InvalidArgument("Invalid order_by clause '", Clipped(clause), "'. Could not be parsed.");
}

// The direction, which is all that stands after the name.
Result<bool> ReadAscending(const Token& word, Scanner scanner, std::string_view clause) {
  if (word.kind == TokenKind::kEnd) return true;
  const bool is_word = word.kind == TokenKind::kWord || word.kind == TokenKind::kName;
  if (!is_word || scanner.Next().kind != TokenKind::kEnd) return CannotParse(clause);
  if (EqualsIgnoreCase(word.text, "asc")) return true;
  if (EqualsIgnoreCase(word.text, "desc")) return false;
  return InvalidArgument("Invalid ordering key in order_by clause '", Clipped(clause), "'.");
}

Result<Written> ReadWritten(std::string_view clause) {
  if (clause.size() > kMaxOrderBytes) {
    return InvalidArgument("Invalid order_by clause: ", clause.size(), " bytes, more than ", kMaxOrderBytes, ".");
  }
  if (!IsUtf8(clause) || clause.find('\0') != std::string_view::npos) {
    return InvalidArgument("Invalid order_by clause: it is not text in UTF-8, or holds a NUL.");
  }
  Scanner scanner(clause);
  const Token name = scanner.Next();
  if (name.kind != TokenKind::kWord && name.kind != TokenKind::kName) return CannotParse(clause);
  const Token word = scanner.Next();
  const bool ascending = TRY(ReadAscending(word, scanner, clause));
  return Written{name.text, ascending};
}

Error Duplicate(std::span<const std::string> clauses) {
  std::string shown;
  for (const std::string& each : clauses) CatTo(shown, shown.empty() ? "" : ", ", PythonText(each));
  return Internal("`order_by` contains duplicate fields: [", shown, "]");
}

Status CheckCount(std::size_t count) {
  if (count <= kMaxOrderKeys) return Ok();
  return InvalidArgument("Invalid order_by: ", count, " keys, more than ", kMaxOrderKeys, ". Order by fewer.");
}

bool Has(const OrderBy& order, const OrderKey& key) {
  return std::ranges::any_of(order, [&](const OrderKey& o) { return o.entity == key.entity && o.key == key.key; });
}

enum class Repeats : bool { kRefused, kPassedOver };

// `find` finds the name in its table, or says what is wrong with it.
template <typename Find>
Result<OrderBy> ParseOrder(std::span<const std::string> clauses, Repeats repeats, const Find& find) {
  TRY(CheckCount(clauses.size()));
  OrderBy order;
  for (const std::string& clause : clauses) {
    const Written written = TRY(ReadWritten(clause));
    const Name name = TRY(find(written.name));
    OrderKey key{name.entity, std::string(name.key), written.ascending};
    if (!Has(order, key)) {
      order.push_back(std::move(key));
    } else if (repeats == Repeats::kRefused) {
      return Duplicate(clauses);
    }
  }
  return order;
}

Error InvalidKey(std::string_view key, std::string_view valid) {
  return InvalidArgument("Invalid order by key '", Clipped(key), "' specified. Valid keys are ", valid);
}

// A logged model's attribute by its one name.
Result<Name> FindLoggedModelField(std::string_view field) {
  const std::size_t dot = field.find('.');
  if (dot != std::string_view::npos) {
    const std::string_view entity = field.substr(0, dot);
    const std::string_view key = field.substr(dot + 1);
    if (entity == "metrics") return Name{Entity::kMetric, key, key, true};
    return InvalidArgument("Invalid order by field name: ", Clipped(entity), ", only `metrics.<name>` is allowed.");
  }
  const std::string_view name = Trim(field);
  for (const AttributeKey& each : kLoggedModels.names.attributes) {
    if (each.alias == name) return Name{Entity::kAttribute, name, each.key, each.numeric};
  }
  return InvalidArgument("Invalid order by field name: ", Clipped(name), ".");
}

Status CheckField(const LoggedModelOrderField& field) {
  if (field.field_name.empty()) {
    return InvalidArgument("`field_name` in the `order_by` clause must be specified.");
  }
  for (const std::string* text : {&field.field_name, &field.dataset_name, &field.dataset_digest}) {
    if (text->size() > kMaxOrderBytes || !IsUtf8(*text) || text->find('\0') != std::string::npos) {
      return InvalidArgument("Invalid order_by clause: a text of more than ", kMaxOrderBytes,
                             " bytes, not in UTF-8, or with a NUL.");
    }
  }
  return Ok();
}

bool Has(const std::vector<LoggedModelOrderKey>& order, LoggedModelOrderKey key) {
  return std::ranges::any_of(order, [&](const LoggedModelOrderKey& each) {
    key.ascending = each.ascending;
    return each == key;
  });
}

}  // namespace

Result<OrderBy> ParseRunOrderBy(std::span<const std::string> clauses) {
  return ParseOrder(clauses, Repeats::kRefused, [](std::string_view text) -> Result<Name> {
    const Name name = TRY(FindName(text, kRunOrder));
    if (name.entity != Entity::kDataset) return name;
    return InvalidArgument("Invalid identifier type 'dataset'");
  });
}

Result<OrderBy> ParseExperimentOrderBy(std::span<const std::string> clauses) {
  return ParseOrder(clauses, Repeats::kPassedOver, [](std::string_view text) -> Result<Name> {
    const Name name = TRY(FindName(text, kExperimentOrder));
    if (name.entity == Entity::kAttribute) return name;
    return InvalidArgument("Invalid order_by entity: tag");
  });
}

Result<OrderBy> ParseRegisteredModelOrderBy(std::span<const std::string> clauses) {
  return ParseOrder(clauses, Repeats::kRefused, [](std::string_view text) -> Result<Name> {
    const Result<Name> name = FindName(text, kRegisteredModelOrder);
    if (name.ok() && name->entity == Entity::kAttribute) return *name;
    return InvalidKey(text, "'{'name', 'timestamp'}'");
  });
}

Result<OrderBy> ParseModelVersionOrderBy(std::span<const std::string> clauses) {
  return ParseOrder(clauses, Repeats::kRefused, [](std::string_view text) -> Result<Name> {
    const Name name = TRY(FindName(text, kModelVersionOrder));
    if (name.entity == Entity::kAttribute) return name;
    return InvalidKey(name.key, KeysText(kModelVersionOrder.attributes));
  });
}

Result<std::vector<LoggedModelOrderKey>> ParseLoggedModelOrderBy(std::span<const LoggedModelOrderField> fields) {
  TRY(CheckCount(fields.size()));
  std::vector<LoggedModelOrderKey> order;
  for (const LoggedModelOrderField& field : fields) {
    TRY(CheckField(field));
    const Name name = TRY(FindLoggedModelField(field.field_name));
    if (!field.dataset_digest.empty() && field.dataset_name.empty()) {
      return InvalidArgument("`dataset_digest` can only be specified if `dataset_name` is also specified.");
    }
    LoggedModelOrderKey key{name.entity, std::string(name.key), field.ascending, field.dataset_name,
                            field.dataset_digest};
    if (!Has(order, key)) order.push_back(std::move(key));
  }
  return order;
}

}  // namespace mw::search
