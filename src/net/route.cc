// Matching of paths to routes, and the parts of Request that need no connection.
#include "net/route.h"

#include <algorithm>

#include "base/assert.h"

namespace mw::net {
namespace {

using Params = std::map<std::string, std::string, std::less<>>;

bool IsParam(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }
bool IsRest(std::string_view segment) { return IsParam(segment) && segment.ends_with("...}"); }

// One letter a segment: what is smaller is more specific.
char Rank(std::string_view segment) { return IsRest(segment) ? 'c' : IsParam(segment) ? 'b' : 'a'; }

std::string Ranks(std::string_view pattern) {
  std::string ranks;
  for (const std::string_view segment : Split(pattern, '/')) ranks.push_back(Rank(segment));
  return ranks;
}

// The pattern with the names of its parameters left out.
std::string Shape(std::string_view pattern) {
  std::string shape;
  for (const std::string_view segment : Split(pattern, '/')) {
    CatTo(shape, '/', IsRest(segment) ? "{...}" : IsParam(segment) ? "{}" : segment);
  }
  return shape;
}

// What is behind the first `count` segments of the path.
std::string_view Remainder(std::string_view path, const std::vector<std::string_view>& segments, std::size_t count) {
  if (count >= segments.size()) return {};
  return path.substr(static_cast<std::size_t>(segments[count].data() - path.data()));
}

bool MatchPattern(std::string_view pattern, std::string_view path, const std::vector<std::string_view>& segments,
                  Params& params) {
  const std::vector<std::string_view> parts = Split(pattern, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (IsRest(parts[i])) {
      if (i >= segments.size()) return false;
      params.emplace(parts[i].substr(1, parts[i].size() - 5), Remainder(path, segments, i));
      return true;
    }
    if (i >= segments.size()) return false;
    if (IsParam(parts[i])) {
      if (segments[i].empty()) return false;
      params.emplace(parts[i].substr(1, parts[i].size() - 2), segments[i]);
    } else if (parts[i] != segments[i]) {
      return false;
    }
  }
  return parts.size() == segments.size();
}

Task<void> RunSimple(const SimpleHandler& handler, Request& request, Responder& responder) {
  Result<Response> result = co_await handler(request);
  // Chosen before it is awaited: GCC 12 destroys the temporaries of a ?: in a co_await twice.
  Response response = result.ok() ? std::move(*result) : ErrorResponse(result.error());
  // A peer that is gone cannot be told anything.
  (void)co_await responder.Send(std::move(response));
}

}  // namespace

std::string_view PermissionName(Permission permission) {
  switch (permission) {
    case Permission::kPublic: return "public";
    case Permission::kRead: return "read";
    case Permission::kWrite: return "write";
    case Permission::kDeploy: return "deploy";
    case Permission::kFollow: return "follow";
    case Permission::kAdmin: return "admin";
  }
  return "admin";
}

bool Principal::May(Permission permission) const {
  const auto grants = [permission](Permission held) { return held == permission || held == Permission::kAdmin; };
  return permission == Permission::kPublic || std::any_of(permissions.begin(), permissions.end(), grants);
}

const std::string* Request::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

Task<Result<std::string>> Request::ReadAll() {
  std::string body;
  std::vector<char> buffer(16384);
  for (;;) {
    const std::size_t count = CO_TRY(co_await Read(buffer));
    if (count == 0) co_return body;
    body.append(buffer.data(), count);
    // Large bodies come in larger pieces.
    if (count == buffer.size() && buffer.size() < (std::size_t{1} << 20)) buffer.resize(2 * buffer.size());
  }
}

Task<Result<Json>> Request::ReadJson() {
  const std::string body = CO_TRY(co_await ReadAll());
  if (body.empty()) co_return Json::MakeObject();
  co_return Json::Parse(body).In("request body");
}

Handler Simple(SimpleHandler handler) {
  return [handler = std::move(handler)](Request& request, Responder& responder) {
    return RunSimple(handler, request, responder);
  };
}

void RouteTable::Add(Route route) {
  MW_ASSERT(route.pattern.starts_with('/'));
  for (const Route& known : routes_) {
    MW_ASSERT(known.method != route.method || Shape(known.pattern) != Shape(route.pattern));
  }
  routes_.push_back(std::move(route));
}

RouteTable::Match RouteTable::Find(Method method, std::string_view path) const {
  const std::vector<std::string_view> segments = Split(path, '/');
  Match best;
  std::string best_ranks;
  for (const Route& route : routes_) {
    Params params;
    if (!MatchPattern(route.pattern, path, segments, params)) continue;
    if (route.method != method) {
      if (std::find(best.allowed.begin(), best.allowed.end(), route.method) == best.allowed.end()) {
        best.allowed.push_back(route.method);
      }
      continue;
    }
    std::string ranks = Ranks(route.pattern);
    if (best.route != nullptr && best_ranks <= ranks) continue;
    best.route = &route;
    best.params = std::move(params);
    best_ranks = std::move(ranks);
  }
  if (best.route != nullptr) best.allowed.clear();
  return best;
}

}  // namespace mw::net
