// What came beside a call's message: gRPC's metadata as headers. Private to this folder; valid while the call is.
#pragma once

#include <grpcpp/server_context.h>

#include <string>
#include <string_view>

#include "api/inference/inference_request.h"

namespace mw::api::inference {

/// "ipv4:10.0.0.7:51230", "ipv6:%5B::1%5D:51230" -> "10.0.0.7", "::1"; empty for anything else.
std::string AddressOfPeer(std::string_view peer);

class CallMetadata final : public HeaderSource {
 public:
  explicit CallMetadata(const ::grpc::ServerContext& context) : context_(context) {}
  /// Names of metadata are in lower case.
  [[nodiscard]] std::string_view Header(std::string_view name) const override;
  [[nodiscard]] std::string_view OnlyHeader(std::string_view name) const override;
  [[nodiscard]] std::string PeerAddress() const override { return AddressOfPeer(context_.peer()); }

 private:
  const ::grpc::ServerContext& context_;
};

}  // namespace mw::api::inference
