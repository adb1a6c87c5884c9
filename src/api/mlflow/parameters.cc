// Members of the body, or values of the query.
#include "api/mlflow/parameters.h"

#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"

namespace mw::api::mlflow {
namespace {

constexpr std::string_view kSeeDocs = "See the API docs for more information about request parameters.";

std::string CamelCase(std::string_view name) {
  std::string out;
  bool upper = false;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return out;
}

std::string_view PythonType(const Json& value) {
  if (value.IsNull()) return "NoneType";
  if (value.IsBool()) return "bool";
  if (value.IsInt()) return "int";
  if (value.IsNumber()) return "float";
  if (value.IsString()) return "str";
  return value.IsArray() ? "list" : "dict";
}

/// A key that comes more than once is a list.
Json OfQuery(const net::Request& request) {
  Json object = Json::MakeObject();
  for (const auto& [key, value] : request.query) {
    Json& member = object[key];
    if (member.IsNull()) {
      member = value;
    } else if (member.IsArray()) {
      member.Append(value);
    } else {
      member = Json(Json::Array{member, Json(value)});
    }
  }
  return object;
}

/// Whoever looks at one spelling of a member must not be passed by the other.
Status CheckSpelledOnce(const Json& json) {
  if (json.IsArray()) {
    for (const Json& element : json.AsArray()) TRY(CheckSpelledOnce(element));
  }
  if (!json.IsObject()) return Ok();
  for (const auto& [name, member] : json.AsObject()) {
    const std::string other = name.find('_') == std::string::npos ? name : CamelCase(name);
    if (other != name && json.Find(other) != nullptr) {
      return InvalidArgument("Request specifies both '", name, "' and '", other, "'; provide only one of them.");
    }
    TRY(CheckSpelledOnce(member));
  }
  return Ok();
}

Result<Json> JsonOf(std::string_view body) {
  if (Trim(body).empty()) return Json::MakeObject();
  Json json = TRY(Json::Parse(body));
  if (json.IsString()) json = TRY(Json::Parse(json.AsString()));  // old clients encode twice
  if (json.IsObject()) return json;
  return InvalidArgument("the body must be a JSON object");
}

bool HasJsonType(const net::Headers& headers) {
  const std::string* type = net::FindHeader(headers, "Content-Type");
  return type != nullptr &&
         EqualsIgnoreCase(Trim(std::string_view(*type).substr(0, type->find(';'))), "application/json");
}

}  // namespace

Task<Result<std::string>> Parameters::ReadBody(net::Request& request) {
  std::string body = CO_TRY(co_await request.ReadAll());
  if (request.method != net::Method::kGet && !body.empty() && !HasJsonType(request.headers)) {
    co_return InvalidArgument("Bad Request. Content-Type must be one of ['application/json'].");
  }
  co_return body;
}

Result<Parameters> Parameters::OfBody(std::string_view body) {
  Json json = TRY(JsonOf(body));
  TRY(CheckSpelledOnce(json));
  return Parameters(std::move(json));
}

Task<Result<Parameters>> Parameters::Read(net::Request& request) {
  if (request.method == net::Method::kGet && !request.query.empty()) {
    Json query = OfQuery(request);
    CO_TRY(CheckSpelledOnce(query));
    co_return Parameters(std::move(query));
  }
  const std::string body = CO_TRY(co_await ReadBody(request));
  co_return OfBody(body);
}

const Json* Parameters::Find(std::string_view name) const {
  const Json* member = object_.Find(name);
  if (member == nullptr) member = object_.Find(CamelCase(name));
  return member == nullptr || member->IsNull() ? nullptr : member;
}

Error Parameters::Missing(std::string_view name) const {
  return InvalidArgument("Missing value for required parameter '", path_, name, "'. ", kSeeDocs);
}

Error Parameters::WrongType(std::string_view name, const Json& value) const {
  return InvalidArgument("Invalid value ", value.Dump(), " for parameter '", path_, name,
                         "' supplied:  Hint: Value was of type '", PythonType(value), "'. ", kSeeDocs);
}

Result<std::optional<std::string>> Parameters::OptionalText(std::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return std::optional<std::string>();
  if (member->IsString()) return std::optional(member->AsString());
  return WrongType(name, *member);
}

Result<std::string> Parameters::Text(std::string_view name) const {
  return TRY(OptionalText(name))
  .value_or("");
}

Result<std::string> Parameters::RequiredText(std::string_view name) const {
  std::string text = TRY(Text(name));
  if (text.empty()) return Missing(name);
  return text;
}

Result<std::optional<std::int64_t>> Parameters::Int(std::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return std::optional<std::int64_t>();
  if (member->IsInt()) return std::optional(member->AsInt());
  if (member->IsString()) {
    if (const auto number = ParseInt(member->AsString())) return std::optional<std::int64_t>(*number);
  }
  if (member->IsNumber()) {
    const double number = member->AsDouble();
    if (number == std::floor(number) && std::abs(number) < 9e18) {
      return std::optional(static_cast<std::int64_t>(number));
    }
  }
  return WrongType(name, *member);
}

Result<std::int64_t> Parameters::RequiredInt(std::string_view name) const {
  const std::optional<std::int64_t> number = TRY(Int(name));
  if (!number) return Missing(name);
  return *number;
}

Result<double> Parameters::RequiredDouble(std::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return Missing(name);
  if (member->IsNumber()) return member->AsDouble();
  if (member->IsString()) {
    const std::string& text = member->AsString();
    if (text.empty()) return Missing(name);
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (const auto number = ParseDouble(text)) return *number;
  }
  return WrongType(name, *member);
}

Result<bool> Parameters::Bool(std::string_view name, bool otherwise) const {
  const Json* member = Find(name);
  if (member == nullptr) return otherwise;
  if (member->IsBool()) return member->AsBool();
  if (!member->IsString()) return WrongType(name, *member);
  if (EqualsIgnoreCase(member->AsString(), "true")) return true;
  if (EqualsIgnoreCase(member->AsString(), "false")) return false;
  return InvalidArgument("Invalid boolean value: ", member->AsString(), ", must be 'true' or 'false'.");
}

Result<std::vector<std::string>> Parameters::Texts(std::string_view name) const {
  std::vector<std::string> texts;
  const Json* member = Find(name);
  if (member == nullptr) return texts;
  if (member->IsString()) return std::vector<std::string>{member->AsString()};
  if (!member->IsArray()) return WrongType(name, *member);
  for (const Json& element : member->AsArray()) {
    if (!element.IsString()) return WrongType(name, *member);
    texts.push_back(element.AsString());
  }
  return texts;
}

Result<std::optional<Parameters>> Parameters::Object(std::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return std::optional<Parameters>();
  if (!member->IsObject()) return WrongType(name, *member);
  return std::optional<Parameters>(std::in_place, *member, Cat(path_, name, "."));
}

Result<std::vector<Parameters>> Parameters::List(std::string_view name) const {
  std::vector<Parameters> list;
  const Json* member = Find(name);
  if (member == nullptr) return list;
  if (!member->IsArray()) return WrongType(name, *member);
  for (const Json& element : member->AsArray()) {
    if (!element.IsObject()) return WrongType(name, *member);
    list.emplace_back(element, Cat(path_, name, "[", list.size(), "]."));
  }
  return list;
}

Result<std::string> Parameters::RunId() const {
  std::string id = TRY(Text("run_id"));
  if (id.empty()) id = TRY(Text("run_uuid"));
  if (id.empty()) return Missing("run_id");
  return id;
}

Result<std::string> Parameters::Enum(std::string_view name, std::initializer_list<std::string_view> names) const {
  const Json* member = Find(name);
  if (member == nullptr) return std::string();
  if (member->IsString()) {
    for (const std::string_view known : names) {
      if (known == member->AsString()) return member->AsString();
    }
  }
  const auto number = TRY(Int(name));
  if (!number || *number < 1 || *number > static_cast<std::int64_t>(names.size())) return WrongType(name, *member);
  return std::string(names.begin()[*number - 1]);
}

}  // namespace mw::api::mlflow
