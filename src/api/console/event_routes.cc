// The stream of changes, and who publishes: every request that changes something.
#include <chrono>
#include <optional>

#include "api/console/routes.h"
#include "base/text.h"

namespace mw::api::console {
namespace {

using net::Method;
using net::Permission;
using net::Request;
using net::Responder;
using std::chrono::milliseconds;

constexpr milliseconds kKeepAlive{15'000};
constexpr milliseconds kGather{100};  // between two batches

std::string EventText(const std::vector<Change>& changes) {
  if (changes.empty()) return ": still here\n\n";
  std::string text;
  for (const Change& change : changes) {
    CatTo(text, "data: ", Json::Make({{"topic", change.topic}, {"name", change.name}}).Dump(), "\n\n");
  }
  return text;
}

Task<Status> Stream(ChangeFeed::Subscription& subscription, Responder& responder) {
  const net::Headers headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
  CO_TRY(co_await responder.Begin(200, headers, std::nullopt));
  while (true) {
    const std::string text = EventText(subscription.Take());
    CO_TRY(co_await responder.Write(text));
    CO_TRY(co_await responder.Sleep(kKeepAlive));
    // Woken only once before the next Take: this sleep is whole, and what comes meanwhile is gathered.
    CO_TRY(co_await responder.Sleep(kGather));
  }
}

Task<void> Events(ChangeFeed& feed, Responder& responder) {
  auto subscription = feed.Subscribe(responder.Waker());
  if (!subscription.ok()) {
    static_cast<void>(co_await responder.Send(net::ErrorResponse(subscription.error())));
    co_return;
  }
  // It ends when the peer or the server goes: there is nobody to tell why.
  static_cast<void>(co_await Stream(**subscription, responder));
  static_cast<void>(co_await responder.End());
}

/// What a request to this path changes; nothing when consoles show nothing of it.
std::optional<Change> ChangeOf(const net::Route& route, const Request& request) {
  const auto param = [&](std::string_view name) {
    const auto found = request.params.find(name);
    return found == request.params.end() ? std::string() : found->second;
  };
  const std::string_view pattern = route.pattern;
  if (pattern.starts_with("/api/v1/runs/")) return Change{"run", param("id")};
  if (pattern.starts_with("/api/v1/pipelines/")) return Change{"run", ""};
  if (pattern.starts_with("/api/v1/models/")) return Change{"model", param("name")};
  if (pattern.starts_with("/api/v1/endpoints/")) return Change{"endpoint", param("name")};
  if (pattern == "/api/v1/apply") return Change{"goal", ""};
  if (pattern == "/api/v1/servers/{id}/status") return Change{"server", param("id")};
  if (pattern.starts_with("/api/v1/servers/")) return Change{"endpoint", ""};
  return std::nullopt;
}

Task<void> Announce(const net::Route& route, ChangeFeed& feed, Request& request, Responder& responder) {
  co_await route.handler(request, responder);
  if (const auto change = ChangeOf(route, request)) feed.Publish(change->topic, change->name);
}

}  // namespace

void AddEventRoutes(net::RouteTable& routes, ChangeFeed& feed) {
  routes.Add({Method::kGet, "/api/v1/events", Permission::kRead, 0,
              [&feed](Request&, Responder& responder) { return Events(feed, responder); }});
}

net::RouteTable Announcing(const net::RouteTable& routes, ChangeFeed& feed) {
  net::RouteTable announcing;
  for (const net::Route& route : routes.routes()) {
    net::Route copy = route;
    if (!net::IsSafe(route.method)) {
      copy.handler = [route, &feed](Request& request, Responder& responder) {
        return Announce(route, feed, request, responder);
      };
    }
    announcing.Add(std::move(copy));
  }
  return announcing;
}

}  // namespace mw::api::console
