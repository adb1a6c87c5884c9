// The console's files as they are part of the program: made by console/build.mjs at build time. Read-only;
// any thread.
#pragma once

#include <span>
#include <string_view>

namespace mw::api::console {

struct BundleFile {
  std::string_view name;  ///< "index.html", or a name that holds a hash of the content: "app-1f3a9c02.js"
  std::string_view content_type;
  std::string_view bytes;
  std::string_view gzip;  ///< the same, compressed; empty where that gains nothing
  std::string_view etag;  ///< with its quotation marks
};

/// Defined by the generated file. index.html is the first.
std::span<const BundleFile> Bundle();

}  // namespace mw::api::console
