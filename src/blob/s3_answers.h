// What S3-speaking stores answer in XML, as far as it is read here: flat elements, no attributes that matter. Bytes
// from outside: nothing is trusted to be there, to be whole or to be short. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::blob {

/// The text of the first element of that name, its five entities replaced; nothing when there is none.
std::optional<std::string> XmlText(std::string_view xml, std::string_view name);

struct S3Object {
  std::string key;
  std::uint64_t size = 0;
};

struct S3Listing {
  std::vector<S3Object> objects;
  std::string next;  ///< continuation token; empty: that was all
};

/// Of ListObjectsV2. Errors: kInvalidArgument for what is none.
Result<S3Listing> ParseS3Listing(std::string_view xml);

}  // namespace mw::blob
