// Checks of names.
#include "registry/model.h"

#include "base/id.h"
#include "base/text.h"

namespace mw::registry {

Status CheckModelName(std::string_view model) {
  if (IsName(model)) return Ok();
  return InvalidArgument("model name ", Quoted(model),
                         " is not allowed; use letters, digits, '.', '_', '-', at most 128, a letter or digit first");
}

Status CheckAliasName(std::string_view alias) {
  if (!IsName(alias)) {
    return InvalidArgument("alias ", Quoted(alias),
                           " is not allowed; use letters, digits, '.', '_', '-', at most 128, a letter or digit first");
  }
  const std::string lower = ToLower(alias);
  const std::string_view number = lower[0] == 'v' ? std::string_view(lower).substr(1) : std::string_view(lower);
  if (lower != "latest" && !ParseInt(number)) return Ok();
  return InvalidArgument("alias ", Quoted(alias), " is reserved: numbers and \"latest\" name versions; choose a word");
}

}  // namespace mw::registry
