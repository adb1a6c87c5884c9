// Static files. A name with a hash in it is kept for ever, index.html is asked for anew each time.
#include <algorithm>

#include "api/console/routes.h"
#include "base/text.h"

namespace mw::api::console {
namespace {

using net::Method;
using net::Permission;
using net::Request;
using net::Response;

// Nothing from elsewhere, nothing inline, no frames.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool TakesGzip(const Request& request) {
  const std::string* accepted = net::FindHeader(request.headers, "accept-encoding");
  return accepted != nullptr && accepted->find("gzip") != std::string::npos &&
         accepted->find("gzip;q=0,") == std::string::npos && !accepted->ends_with("gzip;q=0");
}

Response Serve(const Request& request, const BundleFile& file, std::string_view caching) {
  Response response;
  response.headers = {{"Cache-Control", std::string(caching)},
                      {"ETag", std::string(file.etag)},
                      {"Vary", "Accept-Encoding"},
                      {"Content-Security-Policy", std::string(kContentPolicy)},
                      {"Referrer-Policy", "no-referrer"}};
  const std::string* known = net::FindHeader(request.headers, "if-none-match");
  if (known != nullptr && known->find(file.etag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  const bool gzip = !file.gzip.empty() && TakesGzip(request);
  response.headers.emplace_back("Content-Type", file.content_type);
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = gzip ? file.gzip : file.bytes;
  return response;
}

Task<Result<Response>> ServeAsset(std::span<const BundleFile> files, const Request& request) {
  const std::string& name = request.params.at("file");
  const auto file = std::find_if(files.begin() + 1, files.end(), [&](const BundleFile& f) { return f.name == name; });
  if (file == files.end()) co_return NotFound("the console has no file ", Quoted(name), "; reload the page");
  co_return Serve(request, *file, "public, max-age=31536000, immutable");
}

}  // namespace

void AddBundleRoutes(net::RouteTable& routes, std::span<const BundleFile> files) {
  const auto page = net::Simple(
      [files](Request& request) -> Task<Result<Response>> { co_return Serve(request, files.front(), "no-cache"); });
  // Pages by name, so that a wrong path elsewhere stays an error and does not become a page.
  for (const char* pattern :
       {"/", "/goals", "/goals/{rest...}", "/pipelines", "/pipelines/{rest...}", "/runs", "/runs/{rest...}", "/models",
        "/models/{rest...}", "/endpoints", "/endpoints/{rest...}", "/experiments", "/experiments/{rest...}",
        "/datasets", "/datasets/{rest...}", "/compare", "/lineage"}) {
    routes.Add({Method::kGet, pattern, Permission::kPublic, 0, page});
  }
  routes.Add({Method::kGet, "/assets/{file}", Permission::kPublic, 0,
              net::Simple([files](Request& request) { return ServeAsset(files, request); })});
}

}  // namespace mw::api::console
