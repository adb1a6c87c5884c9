// The words are MLflow's, those of registry/event.h among them.
#include "webhooks/webhook.h"

#include <algorithm>

#include "base/assert.h"
#include "base/signing.h"
#include "base/text.h"
#include "net/socket.h"
#include "net/url.h"

namespace mw::webhooks {
namespace {

constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kUrlBytesMax = 2048;

struct KnownEntity {
  std::string_view name;
  std::vector<std::string_view> actions;
};

const std::vector<KnownEntity>& KnownEntities() {
  static const std::vector<KnownEntity> known = {{"registered_model", {"created"}},
                                                 {"model_version", {"created"}},
                                                 {"model_version_tag", {"set", "deleted"}},
                                                 {"model_version_alias", {"created", "deleted"}},
                                                 {"prompt", {"created"}},
                                                 {"prompt_version", {"created"}},
                                                 {"prompt_tag", {"set", "deleted"}},
                                                 {"prompt_version_tag", {"set", "deleted"}},
                                                 {"prompt_alias", {"created", "deleted"}},
                                                 {"budget_policy", {"exceeded"}}};
  return known;
}

bool IsAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool IsLocalName(std::string_view host) { return EqualsIgnoreCase(host, "localhost"); }

/// "2026-11-23T01:02:03.000004+00:00", always with its fraction, as Python prints it.
std::string IsoTime(Timestamp at) {
  const std::int64_t micros = ((ToMicros(at) % 1'000'000) + 1'000'000) % 1'000'000;
  std::string fraction = Cat(micros);
  fraction.insert(0, 6 - fraction.size(), '0');
  return Cat(FormatTime(at - Duration(micros)).substr(0, 19), ".", fraction, "+00:00");
}

Json BudgetExample() {
  return Json::Make({{"budget_policy_id", "bp-abc123"},
                     {"budget_unit", "USD"},
                     {"budget_amount", 100.0},
                     {"current_spend", 105.5},
                     {"duration_unit", "MONTHS"},
                     {"duration_value", 1},
                     {"target_scope", "WORKSPACE"},
                     {"workspace", "default"},
                     {"window_start", std::int64_t{1'704'067'200'000}}});
}

}  // namespace

std::string EventKind::text() const { return Cat(entity, ".", action); }

EventKind EventKindOf(std::string_view text) {
  const std::size_t dot = text.find('.');
  MW_ASSERT(dot != std::string_view::npos);
  return {std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

Result<EventKind> ParseEventKind(std::string_view entity, std::string_view action) {
  for (const KnownEntity& known : KnownEntities()) {
    if (known.name != entity) continue;
    const auto& actions = known.actions;
    if (std::find(actions.begin(), actions.end(), action) != actions.end()) {
      return EventKind{std::string(entity), std::string(action)};
    }
    std::string valid;
    for (const std::string_view one : actions) CatTo(valid, valid.empty() ? "'" : ", '", one, "'");
    return InvalidArgument("Invalid action '", action, "' for entity '", entity, "'. Valid actions are: [", valid, "]");
  }
  return InvalidArgument("Invalid entity '", entity, "' of a webhook's event");
}

Json ExampleData(const EventKind& kind) {
  if (kind.entity == "budget_policy") return BudgetExample();
  const bool prompt = kind.entity.starts_with("prompt");
  const bool version = kind.entity.find("version") != std::string::npos;
  Json data = Json::Make({{"name", prompt ? "example_prompt" : "example_model"}});
  if (kind.entity.ends_with("alias")) {
    data["alias"] = "example_alias";
    if (kind.action == "created") data["version"] = "1";
    return data;
  }
  if (version) data["version"] = "1";
  if (kind.entity.ends_with("tag")) {
    data["key"] = "example_key";
    if (kind.action == "set") data["value"] = "example_value";
    return data;
  }
  if (version && prompt) data["template"] = "Hello {{name}}!";
  if (version && !prompt) data["source"] = "models:/123", data["run_id"] = "abcd1234abcd5678";
  data["tags"] = Json::Make({{"example_key", "example_value"}});
  std::string_view what = version ? "model version" : "registered model";
  if (prompt) what = version ? "prompt version" : "prompt";
  data["description"] = Cat("An example ", what);
  return data;
}

std::string_view DeliveryStatusName(DeliveryStatus status) {
  if (status == DeliveryStatus::kPending) return "pending";
  return status == DeliveryStatus::kDelivered ? "delivered" : "failed";
}

DeliveryStatus ParseDeliveryStatus(std::string_view name) {
  if (name == "pending") return DeliveryStatus::kPending;
  return name == "delivered" ? DeliveryStatus::kDelivered : DeliveryStatus::kFailed;
}

std::string DeliveryBody(const EventKind& event, Timestamp happened, const Json& data) {
  return Json::Make(
             {{"entity", event.entity}, {"action", event.action}, {"timestamp", IsoTime(happened)}, {"data", data}})
      .Dump();
}

std::string Signature(std::string_view secret, std::string_view delivery, std::string_view timestamp,
                      std::string_view body) {
  return Cat("v1,", Base64(HmacSha256(secret, Cat(delivery, ".", timestamp, ".", body))));
}

Status CheckName(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kNameBytesMax && IsAlphanumeric(name.front()) &&
                    IsAlphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
                      return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-';
                    });
  if (fits) return Ok();
  return InvalidArgument("Webhook name '", name, "' is invalid. It must start and end with a letter or digit, be less ",
                         "than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and ",
                         "hyphens (-).");
}

Status CheckUrl(std::string_view url, const net::Networks& allowed) {
  const std::size_t colon = url.find(':');
  const std::string scheme = colon == std::string_view::npos ? "" : ToLower(url.substr(0, colon));
  const bool plain = scheme == "http" && !allowed.empty();
  if (scheme != "https" && !plain) {
    return InvalidArgument("Invalid webhook URL scheme: '", scheme, "'. Allowed schemes are: https",
                           allowed.empty() ? "" : ", http", ".");
  }
  if (url.size() > kUrlBytesMax) {
    return InvalidArgument("a webhook's URL may have ", kUrlBytesMax, " bytes, not ", url.size());
  }
  const net::Url parsed = TRY(net::Url::ParseWeb(url).In("Invalid webhook URL"));
  const std::string literal = IsLocalName(parsed.host) ? "127.0.0.1" : parsed.host;
  if (!net::IsAddressLiteral(literal)) return Ok();  // a name is looked at when it is resolved
  const Status reach = CheckReach(url, literal, allowed);
  if (reach.ok()) return Ok();
  return InvalidArgument(reach.error().message);
}

Status CheckReach(std::string_view url, const std::string& address, const net::Networks& allowed) {
  const auto bytes = net::ParseAddressBytes(address);
  if (bytes && allowed.Contain(*bytes)) return Ok();
  if (!bytes || !net::IsPublic(*bytes)) {
    return PermissionDenied("Webhook URL must not resolve to a non-public IP address. ", Quoted(url), " resolves to ",
                            address, "; `up --webhook-allow` names the networks that may be reached besides");
  }
  if (url.size() >= 6 && EqualsIgnoreCase(url.substr(0, 6), "https:")) return Ok();
  return PermissionDenied("a webhook goes to ", address,
                          " by https only; `up --webhook-allow` names the networks that ", "may be reached without");
}

}  // namespace mw::webhooks
