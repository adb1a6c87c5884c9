// The invariant of a schema, and the ways in which two of them differ.
#include "schema/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "base/text.h"

namespace mw::schema {
namespace {

constexpr std::array<std::pair<ColumnType, std::string_view>, 6> kTypeNames = {{
    {ColumnType::kFloat, "float"},
    {ColumnType::kInteger, "integer"},
    {ColumnType::kBoolean, "boolean"},
    {ColumnType::kCategory, "category"},
    {ColumnType::kText, "text"},
    {ColumnType::kTimestamp, "timestamp"},
}};

Status CheckText(std::string_view what, std::string_view text) {
  if (text.empty()) return InvalidArgument(what, " is empty; give it a name");
  if (text.size() > kNameBytesMax) {
    return InvalidArgument(what, " ", Quoted(text), " has ", text.size(), " bytes; at most ", kNameBytesMax);
  }
  if (text.find('\0') != std::string_view::npos) return InvalidArgument(what, " ", Quoted(text), " holds a zero byte");
  return Ok();
}

Status CheckRange(const Column& column) {
  if (!column.min && !column.max) return Ok();
  if (column.type != ColumnType::kFloat && column.type != ColumnType::kInteger) {
    return InvalidArgument("min and max are for float and integer, not for ", TypeName(column.type));
  }
  for (const auto& bound : {column.min, column.max}) {
    if (bound && !std::isfinite(*bound))
      return InvalidArgument("min and max have to be finite; leave out what is open");
  }
  if (column.min && column.max && *column.min > *column.max) {
    return InvalidArgument("min ", *column.min, " is greater than max ", *column.max);
  }
  return Ok();
}

Status CheckVocabulary(const Column& column) {
  if (column.vocabulary.empty()) return Ok();
  if (column.type != ColumnType::kCategory) {
    return InvalidArgument("a vocabulary is for category, not for ", TypeName(column.type));
  }
  if (column.vocabulary.size() > kVocabularyMax) {
    return InvalidArgument("the vocabulary has ", column.vocabulary.size(), " values; at most ", kVocabularyMax);
  }
  std::set<std::string_view> seen;
  for (const std::string& value : column.vocabulary) {
    if (value.size() > kNameBytesMax) {
      return InvalidArgument("the vocabulary's ", Quoted(value), " has ", value.size(), " bytes; at most ",
                             kNameBytesMax);
    }
    if (!seen.insert(value).second) return InvalidArgument("the vocabulary has ", Quoted(value), " twice");
  }
  return Ok();
}

Status CheckColumn(const Column& column) {
  TRY(CheckRange(column));
  return CheckVocabulary(column);
}

Status CheckRole(const Schema& schema, std::string_view role, const std::string& column) {
  if (column.empty() || schema.Find(column) != nullptr) return Ok();
  std::vector<std::string_view> names;
  for (const Column& known : schema.columns) names.push_back(known.name);
  const std::string_view nearest = Nearest(column, names);
  return InvalidArgument(role, ": ", Quoted(column), " is no column",
                         nearest.empty() ? std::string("; add it to columns") : Cat("; did you mean ", nearest, "?"));
}

std::string RangeText(const Column& column) {
  return Cat(column.min ? Cat(*column.min) : "open", " to ", column.max ? Cat(*column.max) : "open");
}

/// "3 values", or the first value where the two vocabularies part.
std::string VocabularyText(const Column& column, std::size_t position) {
  const std::size_t size = column.vocabulary.size();
  if (position >= size) return Cat(size, " values");
  return Cat(size, " values, ", Quoted(column.vocabulary[position]), " at ", position);
}

using Kind = Difference::Kind;

void CompareColumn(const Column& before, const Column& after, std::vector<Difference>& out) {
  const auto add = [&](Kind kind, std::string was, std::string is) {
    out.push_back({kind, before.name, std::move(was), std::move(is)});
  };
  if (before.type != after.type) {
    add(Kind::kRetyped, std::string(TypeName(before.type)), std::string(TypeName(after.type)));
  }
  if (before.unit != after.unit) add(Kind::kUnit, before.unit, after.unit);
  if (before.required != after.required) add(Kind::kRequired, Cat(before.required), Cat(after.required));
  if (before.min != after.min || before.max != after.max) add(Kind::kRange, RangeText(before), RangeText(after));
  if (before.vocabulary != after.vocabulary) {
    const auto parted = std::mismatch(before.vocabulary.begin(), before.vocabulary.end(), after.vocabulary.begin(),
                                      after.vocabulary.end());
    const auto position = static_cast<std::size_t>(parted.first - before.vocabulary.begin());
    add(Kind::kVocabulary, VocabularyText(before, position), VocabularyText(after, position));
  }
}

std::string OrNone(const std::string& text) { return text.empty() ? "none" : text; }

}  // namespace

std::string_view TypeName(ColumnType type) {
  for (const auto& [known, name] : kTypeNames) {
    if (known == type) return name;
  }
  return "";
}

std::optional<ColumnType> TypeFromName(std::string_view name) {
  for (const auto& [type, known] : kTypeNames) {
    if (known == name) return type;
  }
  return std::nullopt;
}

const Column* Schema::Find(std::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

Column* Schema::Find(std::string_view column) { return const_cast<Column*>(std::as_const(*this).Find(column)); }

Status Check(const Schema& schema) {
  if (schema.columns.size() > kColumnsMax) {
    return InvalidArgument("the schema has ", schema.columns.size(), " columns; at most ", kColumnsMax);
  }
  std::set<std::string_view> seen;
  for (const Column& column : schema.columns) {
    TRY(CheckText("a column's name", column.name));
    if (!seen.insert(column.name).second) return InvalidArgument("column ", Quoted(column.name), " is there twice");
    TRY(CheckColumn(column).In(Cat("column ", Quoted(column.name))));
  }
  TRY(CheckRole(schema, "label", schema.label));
  TRY(CheckRole(schema, "event_time", schema.event_time));
  return CheckRole(schema, "key", schema.key);
}

std::string Difference::ToString() const {
  switch (kind) {
    case Kind::kAdded: return Cat("column ", Quoted(column), " was added (", after, ")");
    case Kind::kDropped: return Cat("column ", Quoted(column), " was dropped (", before, ")");
    case Kind::kRetyped: return Cat("column ", Quoted(column), ": type ", before, " became ", after);
    case Kind::kUnit: return Cat("column ", Quoted(column), ": unit ", OrNone(before), " became ", OrNone(after));
    case Kind::kRequired: return Cat("column ", Quoted(column), ": required ", before, " became ", after);
    case Kind::kRange: return Cat("column ", Quoted(column), ": range ", before, " became ", after);
    case Kind::kVocabulary: return Cat("column ", Quoted(column), ": vocabulary of ", before, " became ", after);
    case Kind::kRole: return Cat(column, ": ", OrNone(before), " became ", OrNone(after));
  }
  return "";
}

std::vector<Difference> Compare(const Schema& before, const Schema& after) {
  std::vector<Difference> out;
  for (const Column& column : before.columns) {
    if (const Column* now = after.Find(column.name)) {
      CompareColumn(column, *now, out);
    } else {
      out.push_back({Kind::kDropped, column.name, std::string(TypeName(column.type)), ""});
    }
  }
  for (const Column& column : after.columns) {
    if (before.Find(column.name) == nullptr) {
      out.push_back({Kind::kAdded, column.name, "", std::string(TypeName(column.type))});
    }
  }
  const auto role = [&](const char* name, const std::string& was, const std::string& is) {
    if (was != is) out.push_back({Kind::kRole, name, was, is});
  };
  role("label", before.label, after.label);
  role("event_time", before.event_time, after.event_time);
  role("key", before.key, after.key);
  return out;
}

}  // namespace mw::schema
