// Which protocol a path belongs to.
#include "api/inference/inference_api.h"

#include <algorithm>
#include <optional>

#include "api/inference/rest_reply.h"
#include "base/text.h"
#include "net/content_coding.h"

namespace mw::api::inference {
namespace {

constexpr std::size_t kDecodedBytesKept = std::size_t{1} << 20;

}  // namespace

InferenceHandler::InferenceHandler(const InferenceContext& context)
    : metrics_(context.metrics),
      runner_(context),
      v2_(runner_, context.program_version),
      v1_(runner_),
      mlflow_(runner_, context.program_version) {}

void InferenceHandler::Handle(const net::RequestView& request, net::ResponseWriter& out) {
  const std::string_view coded = request.Header(net::KnownHeader::kContentEncoding);
  if (coded.empty()) [[likely]]
    return Route(request, request.body, out);
  const std::optional<net::ContentCoding> coding = net::ParseContentCoding(coded);
  if (!coding) {
    return SendError(out, 415,
                     Cat("Content-Encoding is ", Quoted(coded.substr(0, 80)), "; known are gzip, deflate, zstd"));
  }
  // Far more than any body worth its bytes compresses to, so that a small one cannot cost much time.
  constexpr std::size_t kRatioMax = 100;
  const auto limit =
      static_cast<std::size_t>(runner_.Read([](const auto& snapshot) { return snapshot.limits.body_bytes_max; }));
  const Status decoded =
      net::DecodeContent(*coding, request.body, std::min(limit, request.body.size() * kRatioMax + kRatioMax), decoded_);
  if (!decoded.ok())
    return SendError(out, decoded.error().code == Code::kResourceExhausted ? 413 : 400, decoded.error().ToString());
  Route(request, decoded_, out);
  if (decoded_.capacity() > kDecodedBytesKept) std::string().swap(decoded_);
}

void InferenceHandler::Route(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  const std::string_view path = request.path;
  if (path.starts_with("/v2")) [[likely]]
    return v2_.Handle(request, body, out);
  if (path.starts_with("/v1")) return v1_.Handle(request, body, out);
  if (MlflowRest::Owns(path)) return mlflow_.Handle(request, body, out);
  if (path != "/metrics") return SendNoSuchPath(out, path, "start at /v2");
  if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
  runner_.Flush();
  out.Send(200, "text/plain; version=0.0.4", metrics_.Expose());
}

void InferenceHandler::EndOfSweep() { runner_.Flush(); }

}  // namespace mw::api::inference
