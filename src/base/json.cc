// JSON through simdjson's DOM parser; the writer is our own on std::to_chars.
#include "base/json.h"

#include <simdjson.h>

#include <cmath>
#include <set>

#include "base/assert.h"

namespace mw {
namespace {

constexpr std::size_t kJsonDepthMax = 64;

Result<Json> FromElement(simdjson::dom::element element, std::size_t depth);

Result<Json> FromArray(simdjson::dom::array array, std::size_t depth) {
  Json::Array out;
  out.reserve(array.size());
  for (const simdjson::dom::element child : array) out.push_back(TRY(FromElement(child, depth)));
  return Json(std::move(out));
}

Result<Json> FromObject(simdjson::dom::object object, std::size_t depth) {
  Json::Object out;
  out.reserve(object.size());
  std::set<std::string_view> keys;
  for (const auto [key, value] : object) {
    if (!keys.insert(key).second) return InvalidArgument("the JSON object has the key ", Quoted(key), " twice");
    out.emplace_back(std::string(key), TRY(FromElement(value, depth)));
  }
  return Json(std::move(out));
}

Result<Json> FromElement(simdjson::dom::element element, std::size_t depth) {
  if (depth > kJsonDepthMax) return InvalidArgument("the JSON nests deeper than ", kJsonDepthMax, " levels");
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::ARRAY: return FromArray(element.get_array().value_unsafe(), depth + 1);
    case Type::OBJECT: return FromObject(element.get_object().value_unsafe(), depth + 1);
    case Type::INT64: return Json(std::int64_t{element.get_int64().value_unsafe()});
    case Type::UINT64: return Json(std::uint64_t{element.get_uint64().value_unsafe()});
    case Type::DOUBLE: return Json(element.get_double().value_unsafe());
    case Type::STRING: return Json(std::string_view(element.get_string().value_unsafe()));
    case Type::BOOL: return Json(bool{element.get_bool().value_unsafe()});
    case Type::NULL_VALUE: return Json();
  }
  return Json();
}

std::string_view KindName(const Json& value) {
  if (value.IsNull()) return "null";
  if (value.IsBool()) return "a boolean";
  if (value.IsNumber()) return "a number";
  if (value.IsString()) return "text";
  return value.IsArray() ? "an array" : "an object";
}

void AppendIndent(std::string& out, int depth) { out.append(static_cast<std::size_t>(depth) * 2, ' '); }

void DumpPrettyTo(const Json& value, std::string& out, int depth) {
  const bool array = value.IsArray();
  if ((!array && !value.IsObject()) || (array ? value.AsArray().empty() : value.AsObject().empty())) {
    value.DumpTo(out);
    return;
  }
  out += array ? "[\n" : "{\n";
  bool first = true;
  const auto begin_member = [&] {
    if (!first) out += ",\n";
    first = false;
    AppendIndent(out, depth + 1);
  };
  if (array) {
    for (const Json& element : value.AsArray()) {
      begin_member();
      DumpPrettyTo(element, out, depth + 1);
    }
  } else {
    for (const auto& [key, member] : value.AsObject()) {
      begin_member();
      AppendJsonString(out, key);
      out += ": ";
      DumpPrettyTo(member, out, depth + 1);
    }
  }
  out.push_back('\n');
  AppendIndent(out, depth);
  out.push_back(array ? ']' : '}');
}

}  // namespace

Json::Json(std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(INT64_MAX)) {
    value_ = static_cast<std::int64_t>(value);
  } else {
    value_ = static_cast<double>(value);
  }
}

Result<Json> Json::Parse(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  const simdjson::padded_string padded(text);
  if (const auto error = parser.parse(padded).get(root); error != simdjson::SUCCESS) {
    return InvalidArgument("not JSON: ", simdjson::error_message(error), "; it begins with ", Quoted(text, 40));
  }
  return FromElement(root, 0);
}

std::string Json::Dump() const {
  std::string out;
  DumpTo(out);
  return out;
}

std::string Json::DumpPretty() const {
  std::string out;
  DumpPrettyTo(*this, out, 0);
  out.push_back('\n');
  return out;
}

void Json::DumpTo(std::string& out) const {
  if (IsNull()) {
    out += "null";
  } else if (IsBool()) {
    out += AsBool() ? "true" : "false";
  } else if (IsInt()) {
    CatTo(out, AsInt());
  } else if (IsNumber()) {
    AppendJsonNumber(out, AsDouble());
  } else if (IsString()) {
    AppendJsonString(out, AsString());
  } else if (IsArray()) {
    out.push_back('[');
    for (std::size_t i = 0; i < AsArray().size(); ++i) {
      if (i > 0) out.push_back(',');
      AsArray()[i].DumpTo(out);
    }
    out.push_back(']');
  } else {
    out.push_back('{');
    bool first = true;
    for (const auto& [key, value] : AsObject()) {
      if (!first) out.push_back(',');
      first = false;
      AppendJsonString(out, key);
      out.push_back(':');
      value.DumpTo(out);
    }
    out.push_back('}');
  }
}

bool Json::AsBool() const {
  MW_ASSERT(IsBool());
  return *std::get_if<bool>(&value_);
}
std::int64_t Json::AsInt() const {
  MW_ASSERT(IsInt());
  return *std::get_if<std::int64_t>(&value_);
}
double Json::AsDouble() const {
  MW_ASSERT(IsNumber());
  if (IsInt()) return static_cast<double>(*std::get_if<std::int64_t>(&value_));
  return *std::get_if<double>(&value_);
}
const std::string& Json::AsString() const {
  MW_ASSERT(IsString());
  return *std::get_if<std::string>(&value_);
}
const Json::Array& Json::AsArray() const {
  MW_ASSERT(IsArray());
  return *std::get_if<Array>(&value_);
}
Json::Array& Json::AsArray() {
  MW_ASSERT(IsArray());
  return *std::get_if<Array>(&value_);
}
const Json::Object& Json::AsObject() const {
  MW_ASSERT(IsObject());
  return *std::get_if<Object>(&value_);
}
Json::Object& Json::AsObject() {
  MW_ASSERT(IsObject());
  return *std::get_if<Object>(&value_);
}

const Json* Json::Find(std::string_view key) const {
  if (!IsObject()) return nullptr;
  for (const auto& [name, value] : AsObject()) {
    if (name == key) return &value;
  }
  return nullptr;
}

const Json* Json::FindArray(std::string_view key) const {
  const Json* found = Find(key);
  return found != nullptr && found->IsArray() ? found : nullptr;
}

Json& Json::operator[](std::string_view key) {
  if (IsNull()) value_ = Object{};
  for (auto& [name, value] : AsObject()) {
    if (name == key) return value;
  }
  AsObject().emplace_back(std::string(key), Json());
  return AsObject().back().second;
}

void Json::Append(Json element) {
  if (IsNull()) value_ = Array{};
  AsArray().push_back(std::move(element));
}

namespace {
Error WrongKind(std::string_view key, std::string_view wanted, const Json* found) {
  if (found == nullptr) return InvalidArgument("the key ", Quoted(key), " is missing; it wants ", wanted);
  return InvalidArgument("the key ", Quoted(key), " wants ", wanted, ", not ", KindName(*found));
}
}  // namespace

Result<std::string> Json::GetString(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->IsString()) return WrongKind(key, "text", found);
  return found->AsString();
}
Result<std::int64_t> Json::GetInt(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->IsInt()) return WrongKind(key, "a whole number", found);
  return found->AsInt();
}
Result<double> Json::GetDouble(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->IsNumber()) return WrongKind(key, "a number", found);
  return found->AsDouble();
}
Result<bool> Json::GetBool(std::string_view key) const {
  const Json* found = Find(key);
  if (found == nullptr || !found->IsBool()) return WrongKind(key, "true or false", found);
  return found->AsBool();
}
std::string Json::StringOr(std::string_view key, std::string_view otherwise) const {
  const Json* found = Find(key);
  return found != nullptr && found->IsString() ? found->AsString() : std::string(otherwise);
}
std::int64_t Json::IntOr(std::string_view key, std::int64_t otherwise) const {
  const Json* found = Find(key);
  return found != nullptr && found->IsInt() ? found->AsInt() : otherwise;
}
double Json::DoubleOr(std::string_view key, double otherwise) const {
  const Json* found = Find(key);
  return found != nullptr && found->IsNumber() ? found->AsDouble() : otherwise;
}
bool Json::BoolOr(std::string_view key, bool otherwise) const {
  const Json* found = Find(key);
  return found != nullptr && found->IsBool() ? found->AsBool() : otherwise;
}
const Json::Array& Json::ListOrEmpty(std::string_view key) const {
  static const Array kEmpty;
  const Json* found = Find(key);
  return found != nullptr && found->IsArray() ? found->AsArray() : kEmpty;
}

void AppendJsonString(std::string& out, std::string_view text) {
  const bool valid = IsUtf8(text);
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20) {
      CatTo(out, "\\u00", Hex(std::string_view(&c, 1)));
    } else if (byte >= 0x80 && !valid) {
      out += "\xEF\xBF\xBD";
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void AppendJsonNumber(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const std::size_t start = out.size();
  CatTo(out, value);
  // 3.0 stays a double when read back.
  if (out.find_first_not_of("-0123456789", start) == std::string::npos) out += ".0";
}

}  // namespace mw
