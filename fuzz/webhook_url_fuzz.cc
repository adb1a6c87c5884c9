// URLs of webhooks, addresses, lists of networks, and what receivers answer in Retry-After. What is accepted leads to
// the public internet or to a network that was named, and cannot be cut into two headers.
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/address_rule.h"
#include "net/url.h"
#include "webhooks/plan.h"
#include "webhooks/webhook.h"

using mw::net::Networks;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  static const Networks none, loopback = *Networks::Parse("127.0.0.0/8");
  for (const Networks* allowed : {&none, &loopback}) {
    if (!mw::webhooks::CheckUrl(text, *allowed).ok()) continue;
    const mw::net::Url url = mw::net::Url::ParseWeb(text).value();
    require(url.scheme == "https" || !allowed->empty());
    require((url.host + url.target).find_first_of("\r\n\t ") == std::string::npos);
    const auto address = mw::net::ParseAddressBytes(url.host);
    if (address) require(mw::net::IsPublic(*address) || allowed->Contain(*address));
  }
  const auto address = mw::net::ParseAddressBytes(text);
  if (address) require(Networks::Parse(text).value().Contain(*address));
  static_cast<void>(Networks::Parse(text));
  const auto wait = mw::webhooks::ParseRetryAfter(text, mw::FromMicros(1'700'000'000'000'000));
  if (wait) require(wait->count() >= 0 && *wait <= mw::webhooks::kDelayMax);
  return 0;
}
