// The routes of the Open Inference Protocol v2 that look at what is served, and its extensions that change it:
//
//   GET  /v2   /v2/health/live   /v2/health/ready   /v2/models   /v2/models/stats
//   GET  /v2/models/{m}[/versions/{v}][/ready | /config | /stats]
//   POST /v2/repository/index   /v2/repository/models/{m}/load   /v2/repository/models/{m}/unload
//
// Errors are {"error": "..."}. A load or unload is answered when it has ended; who may ask is ModelControl's to say.
// One for each loop, used by that loop alone.
#pragma once

#include <string>
#include <string_view>

#include "api/inference/inference_runner.h"
#include "net/loop_server.h"

namespace mw::api::inference {

/// Of a request to the repository; more is no such request.
inline constexpr std::size_t kRepositoryRequestBytesMax = std::size_t{1} << 20;

struct V2ModelPath {
  std::string_view model;
  std::string_view version;  ///< empty: the live one
  std::string_view action;   ///< "", "ready", "config", "stats", "infer"
};
/// False for a path that names no model, /v2/models/stats among them.
bool ParseV2ModelPath(std::string_view path, V2ModelPath& out);

/// The body of a request to the repository extension.
struct RepositoryRequest {
  bool ready = false;  ///< of the index: only what answers
};
/// An empty body says nothing. What is not known is passed over, but for `parameters` that would have other files or
/// another configuration loaded than the directory's. Errors: kInvalidArgument.
Result<RepositoryRequest> ReadRepositoryRequest(std::string_view body);

class V2Catalog {
 public:
  V2Catalog(InferenceRunner& runner, std::string program_version)
      : runner_(runner), program_version_(std::move(program_version)) {}
  /// Any action but "infer".
  void HandleModel(const net::RequestView& request, const V2ModelPath& path, net::ResponseWriter& out);
  /// Every other path that begins with /v2.
  void HandleServer(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);

 private:
  void HandleRepository(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);
  void HandleControl(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);
  void SendIndex(std::string_view body, net::ResponseWriter& out);
  void SendModelReady(const V2ModelPath& path, net::ResponseWriter& out);
  void SendServer(net::ResponseWriter& out);
  void SendStatistics(const V2ModelPath& path, net::ResponseWriter& out);

  InferenceRunner& runner_;
  const std::string program_version_;
};

}  // namespace mw::api::inference
