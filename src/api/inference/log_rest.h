// The access log over HTTP, for the control plane that the server follows:
//
//   GET /millwright/v1/requests?prediction=ID&trace=ID&endpoint=NAME&since=TIME&problems=true&limit=N
//
// with the token that both share. {"requests":[...],"reaches":"TIME"}. The search runs on the log's own thread; the
// loop goes on meanwhile. One for each loop.
#pragma once

#include <string_view>

#include "net/loop_server.h"
#include "serving/access_log.h"

namespace mw::api::inference {

inline constexpr std::string_view kRequestsPath = "/millwright/v1/requests";

class LogRest {
 public:
  /// Null: there is no log.
  explicit LogRest(serving::AccessLog* log) : log_(log) {}
  void Handle(const net::RequestView& request, net::ResponseWriter& out);

 private:
  serving::AccessLog* log_;
};

}  // namespace mw::api::inference
