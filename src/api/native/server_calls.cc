// One call after the other: there are few servers, and those that are gone drop out of the list.
#include "api/native/server_calls.h"

#include <algorithm>

#include "base/offload.h"
#include "base/text.h"

namespace mw::api::native {
namespace {

constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20;

bool Serves(const wire::StatusReport& report, const std::string& endpoint) {
  return endpoint.empty() || std::any_of(report.endpoints.begin(), report.endpoints.end(),
                                         [&](const wire::EndpointStatus& status) { return status.name == endpoint; });
}

Result<std::string> GetOne(const std::string& address, const std::string& target, const net::ClientOptions& options) {
  net::HttpClient client = TRY(net::HttpClient::Make(address, options));
  net::Response response = TRY(client.Send(net::Method::kGet, target));
  if (response.status == 200) return std::move(response.body);
  const Result<Json> body = Json::Parse(response.body);
  const std::string reason = body.ok() ? body->StringOr("error", "") : "";
  return Error{
      CodeFromHttpStatus(response.status), reason.empty() ? Cat("the server answered ", response.status) : reason, {}};
}

}  // namespace

Task<std::vector<ServerAnswer>> ServerCalls::Get(std::string target, std::string endpoint,
                                                 std::chrono::milliseconds patience) {
  net::ClientOptions options;
  options.connect_timeout = std::min(patience, std::chrono::milliseconds(1'000));
  options.timeout = patience;
  options.body_limit = kAnswerBytesMax;
  options.bearer_token = token_;
  std::vector<ServerAnswer> answers;
  for (const endpoints::Server& server : endpoints_.Servers()) {
    if (!Serves(server.report, endpoint)) continue;
    answers.push_back({server.report.server, server.report.address, Unavailable("not asked")});
  }
  const auto ask = [&answers, &target, &options] {
    for (ServerAnswer& answer : answers) answer.body = GetOne(answer.address, target, options);
    return true;
  };
  co_await Offload(workers_, ask);
  co_return answers;
}

}  // namespace mw::api::native
