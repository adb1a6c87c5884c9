// Matching of paths to routes, and the parts of Request that need no connection.
#include "net/route.h"

#include <algorithm>
#include <memory>

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
  std::size_t size = 16384;
  auto buffer = std::make_unique_for_overwrite<char[]>(size);
  for (;;) {
    const std::size_t count = CO_TRY(co_await Read(std::span(buffer.get(), size)));
    if (count == 0) co_return body;
    body.append(buffer.get(), count);
    if (count < size || size >= (std::size_t{1} << 20)) continue;
    size *= 2;  // large bodies come in larger pieces
    buffer = std::make_unique_for_overwrite<char[]>(size);
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

std::size_t RouteTable::NodeOf(const Shape& shape) {
  std::size_t at = 0;
  for (const Segment& segment : shape) {
    if (segment.kind == Kind::kRest) break;
    const std::size_t made = nodes_.size();
    std::size_t next = made;
    if (segment.kind == Kind::kLiteral) {
      next = nodes_[at].literals.try_emplace(segment.text, made).first->second;
    } else {
      next = nodes_[at].param.value_or(made);
      nodes_[at].param = next;
    }
    if (next == made) nodes_.emplace_back();
    at = next;
  }
  return at;
}

void RouteTable::Add(Route route) {
  MW_ASSERT(route.pattern.starts_with('/'));
  Shape shape = Parse(route.pattern);
  // Only the last segment may take the rest.
  MW_ASSERT(std::none_of(shape.begin(), shape.end() - 1, [](const Segment& s) { return s.kind == Kind::kRest; }));
  Node& node = nodes_[NodeOf(shape)];
  std::vector<std::size_t>& here = shape.back().kind == Kind::kRest ? node.rest : node.ending;
  for (const std::size_t same_shape : here) MW_ASSERT(routes_[same_shape].method != route.method);
  here.push_back(routes_.size());
  routes_.push_back(std::move(route));
  shapes_.push_back(std::move(shape));
}

std::optional<std::size_t> RouteTable::OfMethod(const std::vector<std::size_t>& routes, Method method,
                                                std::vector<Method>& allowed) const {
  for (const std::size_t route : routes) {
    const Method has = routes_[route].method;
    if (has == method) return route;
    if (std::find(allowed.begin(), allowed.end(), has) == allowed.end()) allowed.push_back(has);
  }
  return std::nullopt;
}

std::optional<std::size_t> RouteTable::FindBeneath(const Node& node, Segments segments, Method method,
                                                   std::vector<Method>& allowed) const {
  if (segments.empty()) return OfMethod(node.ending, method, allowed);
  if (const auto literal = node.literals.find(segments.front()); literal != node.literals.end()) {
    if (const auto found = FindBeneath(nodes_[literal->second], segments.subspan(1), method, allowed)) return found;
  }
  if (node.param && !segments.front().empty()) {
    if (const auto found = FindBeneath(nodes_[*node.param], segments.subspan(1), method, allowed)) return found;
  }
  return OfMethod(node.rest, method, allowed);
}

RouteTable::Match RouteTable::Find(Method method, std::string_view path) const {
  const std::vector<std::string_view> segments = Split(path, '/');
  Match match;
  const auto found = FindBeneath(nodes_[0], segments, method, match.allowed);
  if (!found) return match;
  match.allowed.clear();
  match.route = &routes_[*found];
  const Shape& shape = shapes_[*found];
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const Segment& segment = shape[i];
    if (segment.kind == Kind::kParam) match.params.emplace(segment.text, segments[i]);
    if (segment.kind == Kind::kRest) match.params.emplace(segment.text, Remainder(path, segments, i));
  }
  return match;
}

}  // namespace mw::net
