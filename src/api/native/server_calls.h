// What the control plane asks its model servers for when somebody wants to see it: their log of requests, their
// numbers. Blocking calls on the workers that it is given, with short patience: a server that does not answer is named,
// and the others' answers are shown. Any thread that runs coroutines.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "endpoints/endpoints.h"
#include "net/http_client.h"

namespace mw::api::native {

struct ServerAnswer {
  std::string server;  ///< its id
  std::string address;
  Result<std::string> body;
};

class ServerCalls {
 public:
  /// `token`: what the servers follow with. Both others outlive this.
  ServerCalls(const endpoints::Endpoints& endpoints, Executor& workers, std::string token)
      : endpoints_(endpoints), workers_(workers), token_(std::move(token)) {}

  /// GET of every server that reported lately; when an endpoint is named, of those that serve it.
  Task<std::vector<ServerAnswer>> Get(std::string target, std::string endpoint, std::chrono::milliseconds patience);

 private:
  const endpoints::Endpoints& endpoints_;
  Executor& workers_;
  const std::string token_;
};

}  // namespace mw::api::native
