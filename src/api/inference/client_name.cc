// A header's value, or what may be known of a token.
#include "api/inference/client_name.h"

#include "base/file.h"
#include "base/text.h"

namespace mw::api::inference {

std::string_view ClientName(const HeaderSource& headers, std::string_view client_header, std::string& digest) {
  if (client_header.empty()) return {};
  std::string_view value = headers.Header(client_header);
  if (value.empty() || !EqualsIgnoreCase(client_header, "authorization")) return value;
  constexpr std::string_view kBearer = "bearer ";
  if (EqualsIgnoreCase(value.substr(0, kBearer.size()), kBearer)) value.remove_prefix(kBearer.size());
  digest = Cat("sha256:", Sha256Hex(value));
  return digest;
}

}  // namespace mw::api::inference
