// Paths and bodies of the model repository extension, of any bytes, a line feed between the two: no crash, no part of a
// path that lies outside it or leads on, and no body accepted that is no JSON object or brings content along.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "api/inference/v2_catalog.h"
#include "base/assert.h"
#include "base/json.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using mw::api::inference::ParseV2ModelPath;
  using mw::api::inference::ReadRepositoryRequest;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view target = input.substr(0, input.find('\n'));
  const std::string_view body = input.substr(std::min(input.size(), target.size() + 1));
  mw::api::inference::V2ModelPath path;
  if (ParseV2ModelPath(target, path)) {
    for (const std::string_view part : {path.model, path.version, path.action}) {
      MW_ASSERT(part.find('/') == std::string_view::npos);
      MW_ASSERT(part.empty() || target.find(part) != std::string_view::npos);
    }
    MW_ASSERT(!path.model.empty());
  }
  const auto request = ReadRepositoryRequest(body);
  if (!request.ok() || mw::Trim(body).empty()) return 0;
  const auto json = mw::Json::Parse(body);
  MW_ASSERT(json.ok() && json->IsObject());
  const mw::Json* const parameters = json->Find("parameters");
  MW_ASSERT(parameters == nullptr || parameters->Find("config") == nullptr);
  return 0;
}
