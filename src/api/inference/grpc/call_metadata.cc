// Looks names up in gRPC's map.
#include "api/inference/grpc/call_metadata.h"

#include "base/text.h"

namespace mw::api::inference {
namespace {

std::string_view ViewOf(const ::grpc::string_ref& text) { return {text.data(), text.size()}; }

}  // namespace

std::string AddressOfPeer(std::string_view peer) {
  const std::size_t family = peer.find(':');
  const std::size_t port = peer.rfind(':');
  if (!(peer.starts_with("ipv4:") || peer.starts_with("ipv6:")) || port <= family) return "";
  std::string_view address = peer.substr(family + 1, port - family - 1);
  for (const std::string_view bracket : {"%5B", "["}) {
    if (address.starts_with(bracket)) address.remove_prefix(bracket.size());
  }
  for (const std::string_view bracket : {"%5D", "]"}) {
    if (address.ends_with(bracket)) address.remove_suffix(bracket.size());
  }
  return std::string(address);
}

std::string_view CallMetadata::Header(std::string_view name) const {
  const std::string lower = ToLower(name);
  const auto found = context_.client_metadata().find(lower);
  return found == context_.client_metadata().end() ? std::string_view() : ViewOf(found->second);
}

std::string_view CallMetadata::OnlyHeader(std::string_view name) const {
  const std::string lower = ToLower(name);
  return context_.client_metadata().count(lower) == 1 ? Header(lower) : std::string_view();
}

}  // namespace mw::api::inference
