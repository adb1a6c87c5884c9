// Matching of paths to routes, and the parts of Request that need no connection.
#include "net/route.h"

#include <algorithm>

#include "base/assert.h"

namespace mw::net {
namespace {

// What is behind the first `count` segments of the path.
std::string_view Remainder(std::string_view path, const std::vector<std::string_view>& segments, std::size_t count) {
  return path.substr(static_cast<std::size_t>(segments[count].data() - path.data()));
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

RouteTable::Shape RouteTable::Parse(std::string_view pattern) {
  Shape shape;
  for (const std::string_view part : Split(pattern, '/')) {
    const bool param = part.size() > 2 && part.front() == '{' && part.back() == '}';
    if (param && part.ends_with("...}")) {
      shape.push_back({Kind::kRest, std::string(part.substr(1, part.size() - 5))});
    } else if (param) {
      shape.push_back({Kind::kParam, std::string(part.substr(1, part.size() - 2))});
    } else {
      shape.push_back({Kind::kLiteral, std::string(part)});
    }
  }
  return shape;
}

bool RouteTable::Matches(const Shape& shape, const std::vector<std::string_view>& segments) {
  const bool rest = shape.back().kind == Kind::kRest;
  if (rest ? segments.size() < shape.size() : segments.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].kind == Kind::kLiteral && shape[i].text != segments[i]) return false;
    if (shape[i].kind == Kind::kParam && segments[i].empty()) return false;
  }
  return true;
}

// The first segment of different kinds decides.
bool RouteTable::MoreSpecific(const Shape& a, const Shape& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].kind != b[i].kind) return a[i].kind < b[i].kind;
  }
  return false;
}

void RouteTable::Add(Route route) {
  MW_ASSERT(route.pattern.starts_with('/'));
  Shape shape = Parse(route.pattern);
  // Only the last segment may take the rest.
  MW_ASSERT(std::none_of(shape.begin(), shape.end() - 1, [](const Segment& s) { return s.kind == Kind::kRest; }));
  const auto same_segment = [](const Segment& a, const Segment& b) {
    return a.kind == b.kind && (a.kind != Kind::kLiteral || a.text == b.text);
  };
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const bool same_shape = std::equal(shape.begin(), shape.end(), shapes_[i].begin(), shapes_[i].end(), same_segment);
    MW_ASSERT(!same_shape || routes_[i].method != route.method);
  }
  routes_.push_back(std::move(route));
  shapes_.push_back(std::move(shape));
}

RouteTable::Match RouteTable::Find(Method method, std::string_view path) const {
  const std::vector<std::string_view> segments = Split(path, '/');
  Match match;
  const Shape* best = nullptr;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!Matches(shapes_[i], segments)) continue;
    const Route& route = routes_[i];
    if (route.method != method) {
      if (std::find(match.allowed.begin(), match.allowed.end(), route.method) == match.allowed.end()) {
        match.allowed.push_back(route.method);
      }
    } else if (best == nullptr || MoreSpecific(shapes_[i], *best)) {
      match.route = &route;
      best = &shapes_[i];
    }
  }
  if (best == nullptr) return match;
  match.allowed.clear();
  for (std::size_t i = 0; i < best->size(); ++i) {
    const Segment& segment = (*best)[i];
    if (segment.kind == Kind::kParam) match.params.emplace(segment.text, segments[i]);
    if (segment.kind == Kind::kRest) match.params.emplace(segment.text, Remainder(path, segments, i));
  }
  return match;
}

}  // namespace mw::net
