// Where requests may go whose address somebody else chose (webhooks): to the public internet, and to the networks that
// the operator names. Asked of the address that a name was resolved to, when it is connected to: a name that resolves
// differently the next time gains nothing. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::net {

/// Of either family, IPv4 as ::ffff:a.b.c.d.
using AddressBytes = std::array<std::uint8_t, 16>;
/// "192.0.2.1", "2001:db8::1"; nothing for other texts.
std::optional<AddressBytes> ParseAddressBytes(std::string_view text);

/// Whether IANA's registries of special addresses leave it to the public internet: not loopback, private, link-local,
/// shared, multicast, documentation, nor an IPv6 address that stands for such an IPv4 one.
bool IsPublic(const AddressBytes& address);

class Networks {
 public:
  /// "127.0.0.0/8, 10.1.2.3, fd00::/8"; empty: none. Errors: kInvalidArgument names the entry.
  static Result<Networks> Parse(std::string_view list);
  [[nodiscard]] bool Contain(const AddressBytes& address) const;
  [[nodiscard]] bool empty() const { return networks_.empty(); }

 private:
  struct Network {
    AddressBytes address;
    int bits;  ///< of the 128
  };
  static Result<Network> ParseOne(std::string_view text);
  static bool Contains(const Network& network, const AddressBytes& address);
  std::vector<Network> networks_;
};

}  // namespace mw::net
