// simdjson's tokens as a source for XgboostMembers.
#include "forest/xgboost_json.h"

#include <simdjson.h>

#include <cmath>
#include <limits>

#include "base/text.h"
#include "forest/xgboost_members.h"

namespace mw::forest {
namespace {

namespace json = simdjson::ondemand;

Error BadJson(std::string_view what, simdjson::error_code code) {
  return InvalidArgument("the model is not XGBoost's JSON: ", what, ": ", simdjson::error_message(code));
}

// Reads one value with simdjson and names it when it is of another kind.
#define MW_READ(what, variable, expression)                   \
  if (const auto error = (expression).get(variable); error) { \
    return BadJson(what, error);                              \
  }

template <typename T>
Result<T> ReadElement(std::string_view token, std::string_view what) {
  T value{};
  if (std::is_floating_point_v<T> && token == "NaN") return std::numeric_limits<T>::quiet_NaN();
  if (!std::is_floating_point_v<T> && token == "true") return T{1};
  if (!std::is_floating_point_v<T> && token == "false") return T{0};
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), value);
  if (parsed.ec == std::errc() && parsed.ptr == token.data() + token.size()) return value;
  return InvalidArgument("the model's ", what, " has ", Quoted(token), " where a ",
                         std::is_floating_point_v<T> ? "float32" : "whole number", " belongs");
}

struct JsonSource {
  using Value = json::value;

  static Result<std::string> ReadText(Value& value, std::string_view what) {
    std::string_view text;
    MW_READ(what, text, value.get_string());
    return std::string(text);
  }

  template <typename T>
  static Status ReadNumbers(Value& value, std::string_view what, std::vector<T>& out, std::size_t most) {
    json::array array;
    MW_READ(what, array, value.get_array());
    for (simdjson::simdjson_result<json::value> element : array) {
      std::string_view token;  // the digits of a number, or a bare word such as NaN
      MW_READ(what, token, element.raw_json_token());
      out.push_back(TRY(ReadElement<T>(Trim(token), what)));
      if (out.size() > most) return ResourceExhausted("the model's ", what, " has more than ", most, " numbers");
    }
    return Ok();
  }

  template <typename Read>
  static Status ForEachElement(Value& value, std::string_view what, const Read& read) {
    json::array array;
    MW_READ(what, array, value.get_array());
    for (simdjson::simdjson_result<json::value> element : array) {
      json::value member;
      MW_READ(what, member, element);
      TRY(read(member));
    }
    return Ok();
  }

  /// To the object's end.
  template <typename Read>
  static Status ForEachMember(Value& value, std::string_view what, const Read& read) {
    json::object object;
    MW_READ(what, object, value.get_object());
    for (simdjson::simdjson_result<json::field> member : object) {
      std::string_view key;
      MW_READ(what, key, member.unescaped_key());
      json::value member_value;
      MW_READ(key, member_value, member.value());
      TRY(read(key, member_value));
    }
    return Ok();
  }
};

Result<XgboostModel> ReadModel(std::string_view text) {
  const simdjson::padded_string padded(text);
  json::parser parser;
  json::document document;
  MW_READ("the file", document, parser.iterate(padded));
  json::value root;
  MW_READ("the file", root, document.get_value());
  XgboostModel model;
  TRY(XgboostMembers<JsonSource>::ReadRoot(root, model));
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return InvalidArgument("the model is not XGBoost's JSON: text follows its end");
  }
  return model;
}

#undef MW_READ

}  // namespace

Result<Ensemble> ParseXgboostJson(std::string_view text) {
  if (text.size() > kModelBytesMax) {
    return ResourceExhausted("the model has ", text.size(), " bytes; at most ", kModelBytesMax);
  }
  XgboostModel model = TRY(ReadModel(text));
  if (!model.has_learner) {
    return InvalidArgument(
        "the model is not XGBoost's JSON: it has no \"learner\"; save it with save_model(\"model.json\")");
  }
  return BuildXgboost(std::move(model));
}

}  // namespace mw::forest
