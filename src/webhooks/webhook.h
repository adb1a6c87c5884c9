// Who wants to be told of the registry's events, and what became of each telling. Plain values and rules, no I/O.
//
//   delivery: pending --answered 2xx--> delivered
//                |  '--cannot succeed, or tried too often--> failed --Redeliver--> pending
//                '--no answer, or one that asks for patience--> pending, due later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "net/address_rule.h"

namespace mw::webhooks {

/// What can be told, in the words of MLflow's webhooks: "model_version" and "created".
struct EventKind {
  std::string entity;
  std::string action;
  bool operator==(const EventKind&) const = default;
  /// "model_version.created"
  [[nodiscard]] std::string text() const;
};
/// Of the text. Errors: kInvalidArgument for a pair that does not belong together.
Result<EventKind> ParseEventKind(std::string_view entity, std::string_view action);
/// The inverse of EventKind::text, of a text that it made.
EventKind EventKindOf(std::string_view text);
/// What a receiver is shown when a webhook is tested.
Json ExampleData(const EventKind& kind);

struct Webhook {
  std::string id;
  std::string name;
  std::string description = {};
  std::string url;
  std::vector<EventKind> events;  ///< none twice
  bool active = true;
  std::string sealed_secret = {};  ///< empty: deliveries are not signed
  Timestamp created{};
  Timestamp updated{};
};

enum class DeliveryStatus : std::uint8_t { kPending, kDelivered, kFailed };
std::string_view DeliveryStatusName(DeliveryStatus status);
DeliveryStatus ParseDeliveryStatus(std::string_view name);

struct Delivery {
  std::string webhook;      ///< its id
  std::int64_t number = 0;  ///< from 1 in each webhook; in this order they are sent
  std::string id;           ///< what the receiver drops repeats by
  EventKind event;
  std::string body;  ///< JSON
  Timestamp happened{};
  Timestamp queued{};  ///< when it was put in the queue, last
  DeliveryStatus status = DeliveryStatus::kPending;
  Timestamp due{};
  std::int64_t attempts = 0;  ///< since `queued`
  std::optional<Timestamp> tried = {};
  int answer_code = 0;  ///< of the last attempt; 0: no answer
  std::string error = {};
};

/// {"entity", "action", "timestamp", "data"}
std::string DeliveryBody(const EventKind& event, Timestamp happened, const Json& data);
/// "v1,BASE64" of "ID.TIMESTAMP.BODY".
std::string Signature(std::string_view secret, std::string_view delivery, std::string_view timestamp,
                      std::string_view body);

/// Errors of these: kInvalidArgument in MLflow's words.
Status CheckName(std::string_view name);
/// `allowed`: the networks that may be reached besides the public internet, also without TLS.
Status CheckUrl(std::string_view url, const net::Networks& allowed);
/// Whether a webhook may be sent to the address that its URL's host was resolved to. Errors: kPermissionDenied.
Status CheckReach(std::string_view url, const std::string& address, const net::Networks& allowed);

}  // namespace mw::webhooks
