// Which protocol a path belongs to.
#include "api/inference/inference_api.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/inference/rest_reply.h"
#include "base/text.h"
#include "net/content_coding.h"

namespace mw::api::inference {
namespace {

constexpr std::size_t kDecodedBytesKept = std::size_t{1} << 20;

}  // namespace

/// A copy of a whole request that is to be handled later.
struct InferenceHandler::HeldRequest {
  explicit HeldRequest(const net::RequestView& request)
      : method(request.method), target(request.target), body(request.body), descriptor(request.descriptor) {
    for (const net::HeaderView& header : request.headers) texts.emplace_back(header.name, header.value);
    for (const auto& [name, value] : texts) {
      headers.push_back({name, value});
      const std::optional<net::KnownHeader> known_as = net::FindKnownHeader(name);
      if (known_as && known[static_cast<std::size_t>(*known_as)].empty()) {
        known[static_cast<std::size_t>(*known_as)] = value;
      }
    }
  }
  [[nodiscard]] net::RequestView View() const {
    const std::string_view whole = target;
    const std::size_t mark = std::min(whole.find('?'), whole.size());
    const std::string_view query = whole.substr(std::min(mark + 1, whole.size()));
    return {method, whole, whole.substr(0, mark), query, body, headers, &known, descriptor};
  }

  const net::Method method;
  const std::string target, body;
  const int descriptor;
  std::deque<std::pair<std::string, std::string>> texts;  // which stay where they are
  std::vector<net::HeaderView> headers;
  net::KnownHeaders known{};
};

InferenceHandler::InferenceHandler(const InferenceContext& context)
    : metrics_(context.metrics),
      runner_(context),
      v2_(runner_, context.program_version),
      v1_(runner_),
      mlflow_(runner_, context.program_version),
      log_(context.access_log) {}

void InferenceHandler::Handle(const net::RequestView& request, net::ResponseWriter& out) {
  HandleNow(request, out);
  if (std::shared_ptr<ModelWait> wait = runner_.TakeWait()) [[unlikely]] {
    Await(std::make_unique<HeldRequest>(request), std::move(wait), out);
  }
}

/// Nothing was answered: the request is handled once more when its model was loaded, or was not.
void InferenceHandler::Await(std::unique_ptr<HeldRequest> request, std::shared_ptr<ModelWait> wait,
                             net::ResponseWriter& out) {
  auto deferred = std::make_shared<net::Deferred>(
      out.Defer([this, held = std::move(request), wait](net::ResponseWriter& later) mutable {
        runner_.Resume(*wait, [&] { HandleNow(held->View(), later); });
        if (std::shared_ptr<ModelWait> again = runner_.TakeWait()) Await(std::move(held), std::move(again), later);
      }));
  runner_.Await(wait, [deferred] { deferred->Resume(); });
}

void InferenceHandler::HandleNow(const net::RequestView& request, net::ResponseWriter& out) {
  const std::string_view coded = request.Header(net::KnownHeader::kContentEncoding);
  if (coded.empty()) [[likely]]
    return Route(request, request.body, out);
  const std::optional<net::ContentCoding> coding = net::ParseContentCoding(coded);
  if (!coding) {
    return SendCommonError(out, 415,
                           Cat("Content-Encoding is ", Quoted(coded.substr(0, 80)), "; known are gzip, deflate, zstd"));
  }
  // Far more than any body worth its bytes compresses to, so that a small one cannot cost much time.
  constexpr std::size_t kRatioMax = 100;
  const auto limit =
      static_cast<std::size_t>(runner_.Read([](const auto& snapshot) { return snapshot.limits.body_bytes_max; }));
  const Status decoded =
      net::DecodeContent(*coding, request.body, std::min(limit, request.body.size() * kRatioMax + kRatioMax), decoded_);
  if (!decoded.ok())
    return SendCommonError(out, decoded.error().code == Code::kResourceExhausted ? 413 : 400,
                           decoded.error().ToString());
  Route(request, decoded_, out);
  if (decoded_.capacity() > kDecodedBytesKept) std::string().swap(decoded_);
}

void InferenceHandler::Route(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  const std::string_view path = request.path;
  if (path.starts_with("/v2")) [[likely]]
    return v2_.Handle(request, body, out);
  if (path.starts_with("/v1")) return v1_.Handle(request, body, out);
  if (MlflowRest::Owns(path)) return mlflow_.Handle(request, body, out);
  if (path == kRequestsPath) return log_.Handle(request, out);
  if (path != "/metrics")
    return SendCommonError(out, 404, Cat("no such path: ", path.substr(0, 200), "; start at /v2"));
  if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
  runner_.Flush();
  out.Send(200, "text/plain; version=0.0.4", metrics_.Expose());
}

void InferenceHandler::EndOfSweep() { runner_.Flush(); }

}  // namespace mw::api::inference
