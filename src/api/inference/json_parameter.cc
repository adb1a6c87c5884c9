// A walk over the outermost members.
#include "api/inference/json_parameter.h"

#include "api/inference/json_scanner.h"

namespace mw::api::inference {
namespace {

using Kind = JsonScanner::Kind;

std::string_view ReadValue(JsonScanner& json) {
  const Kind kind = json.Peek();
  std::string_view text;
  if (kind == Kind::kString) {
    json.ReadString(text);
  } else if (kind == Kind::kNumber || kind == Kind::kTrue || kind == Kind::kFalse) {
    const char* const begin = json.position();
    json.Skip();
    text = std::string_view(begin, static_cast<std::size_t>(json.position() - begin));
  } else {
    json.Skip();
  }
  return json.failed() ? std::string_view() : text;
}

}  // namespace

std::string_view JsonParameter::Find(std::string_view json_text, std::string_view name) {
  JsonScanner json(json_text, strings_);
  if (json.Peek() != Kind::kObject) return {};
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    if ((json.key() != "parameters" && json.key() != "params") || json.Peek() != Kind::kObject) {
      json.Skip();
      continue;
    }
    for (bool inner = json.BeginObject(); inner; inner = json.NextMember()) {
      if (json.key() == name) return ReadValue(json);
      json.Skip();
    }
  }
  return {};
}

}  // namespace mw::api::inference
