// The control plane's routes are data: method, path, required permission, body limit, handler. A route
// without a permission does not compile. Handlers run as coroutines on the server's loop; they block
// no thread (database work is awaited) and throw nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "net/http.h"

namespace mw::net {

/// What a caller must be allowed to do. Ordered sets of them make roles.
enum class Permission : std::uint8_t {
  kPublic,  ///< health, readiness: nothing to protect
  kRead,    ///< look at anything of the project
  kWrite,   ///< record runs, apply files, start pipelines, register versions
  kDeploy,  ///< change what an endpoint serves
  kFollow,  ///< a model server: desired state and packages, status reports
  kAdmin,   ///< everything
};
std::string_view PermissionName(Permission permission);

/// Who calls. Made by the Authenticator that the server was given.
struct Principal {
  std::string name;  ///< "local", "token:admin", "step:<attempt>", "server:<id>"
  std::vector<Permission> permissions;
  [[nodiscard]] bool May(Permission permission) const;  ///< kAdmin may everything
};

/// One request on the control plane. Lives as long as its handler runs.
class Request {
 public:
  virtual ~Request() = default;
  Method method = Method::kGet;
  std::string path;                                        ///< decoded, without query
  std::map<std::string, std::string, std::less<>> params;  ///< {name} and {rest...} parts of the route
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded
  Headers headers;
  Principal principal;
  bool from_loopback = false;  ///< the peer is on this machine
  /// The first value of a query parameter, or nullptr.
  [[nodiscard]] const std::string* Query(std::string_view name) const;

  /// Up to buffer.size() bytes of the body; 0 at its end. Errors: kInvalidArgument malformed body;
  /// kResourceExhausted above the route's limit (413); kDeadlineExceeded; kUnavailable peer gone.
  virtual Task<Result<std::size_t>> Read(std::span<char> buffer) = 0;
  /// The whole body.
  Task<Result<std::string>> ReadAll();
  /// The whole body as JSON. An empty body is an empty object.
  Task<Result<Json>> ReadJson();
};

/// The answer, to the one request that its handler was given: either Send once, or Begin, any number of Write, and End.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual Task<Status> Send(Response response) = 0;
  /// Starts a chunked body (server-sent events, large downloads). With `length` given the body has
  /// exactly that many bytes and is not chunked.
  virtual Task<Status> Begin(int status, Headers headers, std::optional<std::uint64_t> length) = 0;
  virtual Task<Status> Write(std::string_view bytes) = 0;
  virtual Task<Status> End() = 0;
  /// Waits, at most until a Waker is called; for long polls and server-sent events.
  /// Errors: kCancelled when the server is stopping or the peer is gone.
  virtual Task<Status> Sleep(std::chrono::milliseconds duration) = 0;
  /// A function that ends a Sleep, or the next one when none is going on. Any thread, any number of times,
  /// also after the handler and the server have ended (then it does nothing).
  virtual std::function<void()> Waker() = 0;
};

using Handler = std::function<Task<void>(Request&, Responder&)>;
/// For the most handlers: one whole answer, or an error that becomes ErrorResponse.
using SimpleHandler = std::function<Task<Result<Response>>(Request&)>;
Handler Simple(SimpleHandler handler);

struct Route {
  Route(Method method_in, std::string pattern_in, Permission permission_in, std::size_t body_limit_in,
        Handler handler_in)
      : method(method_in),
        pattern(std::move(pattern_in)),
        permission(permission_in),
        body_limit(body_limit_in),
        handler(std::move(handler_in)) {}
  Method method;
  std::string pattern;  ///< "/api/v1/models/{name}/versions/{version}"; a last "{path...}" takes the rest
  Permission permission;
  std::size_t body_limit;  ///< bytes
  Handler handler;
};

class RouteTable {
 public:
  /// Asserts that no route with the same method and shape is there already.
  void Add(Route route);
  struct Match {
    const Route* route = nullptr;  ///< null: no such path
    std::map<std::string, std::string, std::less<>> params;
    std::vector<Method> allowed;  ///< filled when the path exists with other methods only (405)
  };
  /// `path` is decoded already. Literal parts win over {name}, {name} wins over {rest...}.
  [[nodiscard]] Match Find(Method method, std::string_view path) const;
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  enum class Kind : std::uint8_t { kLiteral, kParam, kRest };  // the more specific first
  struct Segment {
    Kind kind;
    std::string text;  // the literal, or the parameter's name
  };
  using Shape = std::vector<Segment>;
  using Segments = std::span<const std::string_view>;
  /// What may follow the same first segments: places of nodes and routes.
  struct Node {
    std::map<std::string, std::size_t, std::less<>> literals;
    std::optional<std::size_t> param;
    std::vector<std::size_t> ending;  ///< routes that end here
    std::vector<std::size_t> rest;    ///< routes that take what follows
  };
  static Shape Parse(std::string_view pattern);
  std::size_t NodeOf(const Shape& shape);
  /// The most specific route of the method beneath the node; methods of others that fit go to `allowed`.
  std::optional<std::size_t> FindBeneath(const Node& node, Segments segments, Method method,
                                         std::vector<Method>& allowed) const;
  std::optional<std::size_t> OfMethod(const std::vector<std::size_t>& routes, Method method,
                                      std::vector<Method>& allowed) const;
  std::vector<Route> routes_;
  std::vector<Shape> shapes_;  // of the route with the same index
  std::vector<Node> nodes_ = std::vector<Node>(1);
};

}  // namespace mw::net
