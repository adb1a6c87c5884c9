// Head and body of a refusal.
#include "net/loop_refusal.h"

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "net/http.h"

namespace mw::net {

std::string RefusalBody(int status, std::string_view reason) {
  return Json::Make({{"error", Json(reason)},
                     {"error_code", Json(CodeName(CodeFromHttpStatus(status)))},
                     {"message", Json(reason)}})
      .Dump();
}

void AppendLoopRefusal(std::string& out, const Refusal& refusal) {
  const std::string body = RefusalBody(refusal.status, refusal.reason);
  AppendStatusLine(out, refusal.status);
  if (refusal.status == 503) AppendHeader(out, "Retry-After", "1");
  CatTo(out,
        "Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: ",
        body.size(), "\r\n\r\n", body);
}

}  // namespace mw::net
