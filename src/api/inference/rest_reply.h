// Answers over HTTP: the JSON of the Open Inference Protocol v2, with or without binary tensors behind it.
// Refusals are {"error": "..."} with the status of the error's code; 429 and 503 carry Retry-After when known.
// One for each request, on its thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "api/inference/inference_request.h"
#include "api/inference/v2_request.h"
#include "net/content_coding.h"
#include "net/loop_server.h"
#include "net/socket.h"

namespace mw::api::inference {

inline constexpr std::string_view kJsonType = "application/json";

void SendError(net::ResponseWriter& out, int status, std::string_view message,
               std::span<const net::HeaderView> extra = {});
void SendError(net::ResponseWriter& out, const Error& error, Duration retry_after);
/// Where the protocol is not known, or MLflow's: a body that clients of each can read.
void SendCommonError(net::ResponseWriter& out, int status, std::string_view message,
                     std::span<const net::HeaderView> extra = {});
void SendNotAllowed(net::ResponseWriter& out, const net::RequestView& request, std::string_view allowed);
/// `instead`: what there is, as in "start at /v2".
void SendNoSuchPath(net::ResponseWriter& out, std::string_view path, std::string_view instead);
/// GET or HEAD.
bool IsRead(const net::RequestView& request);
/// JSON, with Retry-After in whole seconds when it is more than 0.
void SendWithRetry(net::ResponseWriter& out, int status, std::string_view body, Duration retry_after);

class RestHeaders final : public HeaderSource {
 public:
  explicit RestHeaders(const net::RequestView& request) : request_(request) {}
  [[nodiscard]] std::string_view Header(std::string_view name) const override { return request_.Header(name); }
  [[nodiscard]] std::string_view OnlyHeader(std::string_view name) const override;
  [[nodiscard]] std::string PeerAddress() const override { return net::PeerAddress(request_.descriptor); }

 private:
  const net::RequestView& request_;
};

/// How answers may be compressed: what the client accepts, from a size on where that is worth its time.
struct AnswerCoding {
  net::ContentCoding coding = net::ContentCoding::kIdentity;
  std::size_t bytes_min = 0;
};
/// From Accept-Encoding: large answers alone, but all but small ones for a client that compresses its requests.
AnswerCoding AnswerCodingFor(const net::RequestView& request);

/// What all REST protocols have in common: waiting, and the body's way out.
class RestReply : public Reply {
 public:
  RestReply(net::ResponseWriter& out, const AnswerCoding& coding) : out_(out), coding_(coding) {}
  std::unique_ptr<Resumer> Defer(std::unique_ptr<Waiting> waiting) final;
  [[nodiscard]] std::uint64_t answer_bytes() const final { return answer_bytes_; }

 protected:
  /// The same protocol and wishes, without anything that the request owned, to be used with another writer.
  using MakeReply = std::function<std::unique_ptr<RestReply>(net::ResponseWriter& out)>;
  struct Later {
    std::unique_ptr<Waiting> waiting;
    MakeReply make_reply;
  };
  [[nodiscard]] virtual MakeReply ForLater() const = 0;
  [[nodiscard]] net::ResponseWriter& out() { return out_; }
  [[nodiscard]] const AnswerCoding& coding() const { return coding_; }
  /// `write(std::string& body)` appends the body of a 200.
  template <typename Write>
  void Send(std::string_view content_type, std::span<const net::HeaderView> extra, const Write& write) {
    if (coding_.coding == net::ContentCoding::kIdentity) [[likely]] {
      std::string& body = out_.Begin(200, content_type, extra);
      const std::size_t begin = body.size();
      write(body);
      answer_bytes_ = body.size() - begin;
      return out_.Finish();
    }
    std::string body;
    write(body);
    SendCoded(content_type, extra, body);
  }

 private:
  void SendCoded(std::string_view content_type, std::span<const net::HeaderView> extra, const std::string& body);

  net::ResponseWriter& out_;
  const AnswerCoding coding_;
  std::uint64_t answer_bytes_ = 0;
};

class V2Reply final : public RestReply {
 public:
  /// `binary` outlives the reply.
  V2Reply(net::ResponseWriter& out, const AnswerCoding& coding, const BinaryOutputs& binary)
      : RestReply(out, coding), binary_(binary) {}
  void Answer(const InferenceAnswer& answer) override;
  void Refuse(const Error& error, Duration retry_after) override;

 private:
  [[nodiscard]] MakeReply ForLater() const override;
  void AnswerBinary(const InferenceAnswer& answer);

  const BinaryOutputs& binary_;
};

}  // namespace mw::api::inference
