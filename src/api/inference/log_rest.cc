// Asks the log, answers when it has looked.
#include "api/inference/log_rest.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/inference/rest_reply.h"
#include "base/text.h"
#include "net/http.h"

namespace mw::api::inference {
namespace {

constexpr std::string_view kBearer = "Bearer ";

/// Of a request that waits, between the log's thread and the loop's.
struct Mail {
  std::optional<Result<serving::AccessFindings>> findings;
  net::Deferred deferred;
};

void Send(net::ResponseWriter& out, const Result<serving::AccessFindings>& findings) {
  if (!findings.ok()) return SendError(out, findings.error(), Duration{0});
  out.Json(ToJsonText(*findings));
}

}  // namespace

void LogRest::Handle(const net::RequestView& request, net::ResponseWriter& out) {
  if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
  if (log_ == nullptr) {
    return SendError(out, NotFound("this server keeps no access log; give it --state-dir DIR"), Duration{0});
  }
  const auto parameters = net::ParseQuery(request.query);
  if (!parameters.ok()) return SendError(out, parameters.error(), Duration{0});
  Result<serving::AccessQuery> query = serving::ParseAccessQuery(*parameters);
  if (!query.ok()) return SendError(out, query.error(), Duration{0});
  std::string_view token = request.Header(net::KnownHeader::kAuthorization);
  token = token.starts_with(kBearer) ? token.substr(kBearer.size()) : std::string_view();
  const auto mail = std::make_shared<Mail>();
  mail->deferred = out.Defer([mail](net::ResponseWriter& later) { Send(later, *mail->findings); });
  log_->Find(*std::move(query), std::string(token), [mail](Result<serving::AccessFindings> findings) {
    mail->findings = std::move(findings);
    net::Deferred deferred = std::move(mail->deferred);
    deferred.Resume();
  });
}

}  // namespace mw::api::inference
