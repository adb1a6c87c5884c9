// Prefixes of the special-purpose address registries (RFC 6890 and its updates).
#include "net/address_rule.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace mw::net {
namespace {

constexpr int kMappedBits = 96;  // ::ffff:0:0/96

constexpr std::string_view kSpecialFour =
    "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24,"
    "192.88.99.0/24, 192.168.0.0/16, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/4, 240.0.0.0/4";
// Of the global unicast 2000::/3; 2001::/23 has Teredo and 2002::/16 is 6to4, both with an IPv4 address in them.
constexpr std::string_view kGlobalSix = "2000::/3";
constexpr std::string_view kSpecialSix = "2001::/23, 2001:db8::/32, 2002::/16, 3fff::/20";

/// Of a list of ours, which can be read.
Networks Known(std::string_view list) { return *Networks::Parse(list); }

bool IsFour(const AddressBytes& address) {
  constexpr std::uint8_t kPrefix[kMappedBits / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), kPrefix, sizeof kPrefix) == 0;
}

}  // namespace

std::optional<AddressBytes> ParseAddressBytes(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would read what stands before it
  AddressBytes bytes{};
  if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return bytes;
  bytes = {};
  bytes[10] = bytes[11] = 0xff;
  if (inet_pton(AF_INET, copy.c_str(), bytes.data() + kMappedBits / 8) == 1) return bytes;
  return std::nullopt;
}

bool IsPublic(const AddressBytes& address) {
  static const Networks special_four = Known(kSpecialFour);
  static const Networks global_six = Known(kGlobalSix), special_six = Known(kSpecialSix);
  if (IsFour(address)) return !special_four.Contain(address);
  return global_six.Contain(address) && !special_six.Contain(address);
}

Result<Networks::Network> Networks::ParseOne(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = ParseAddressBytes(text.substr(0, slash));
  const bool four = address && text.find(':') == std::string_view::npos;
  const long long most = four ? 32 : 128;
  const auto bits = slash == text.size() ? most : ParseInt(text.substr(slash + 1));
  if (!address || !bits || *bits < 0 || *bits > most) {
    return InvalidArgument(Quoted(text), " is no network; write it as 10.0.0.0/8, 127.0.0.1 or fd00::/8");
  }
  return Network{*address, static_cast<int>(*bits) + (four ? kMappedBits : 0)};
}

Result<Networks> Networks::Parse(std::string_view list) {
  Networks networks;
  if (Trim(list).empty()) return networks;
  for (const std::string_view entry : Split(list, ',')) networks.networks_.push_back(TRY(ParseOne(Trim(entry))));
  return networks;
}

bool Networks::Contains(const Network& network, const AddressBytes& address) {
  const int whole = network.bits / 8, rest = network.bits % 8;
  if (std::memcmp(network.address.data(), address.data(), static_cast<std::size_t>(whole)) != 0) return false;
  if (rest == 0) return true;
  const int mask = 0xff00 >> rest & 0xff;
  const auto at = static_cast<std::size_t>(whole);
  return (network.address[at] & mask) == (address[at] & mask);
}

bool Networks::Contain(const AddressBytes& address) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return Contains(network, address); });
}

}  // namespace mw::net
