// One connection of the stream server.
#include "net/session.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/log.h"

namespace mw::net {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kReceiveBytes = std::size_t{64} << 10;
constexpr std::size_t kDirectBytesMin = std::size_t{16} << 10;  // of a body, past the session's own buffer
constexpr std::size_t kDrainBytesMax = std::size_t{256} << 10;  // of a body that its handler did not want
constexpr milliseconds kLingerServing{2000};
constexpr milliseconds kLingerStopping{200};
constexpr std::string_view kContentPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

std::string MethodList(const std::vector<Method>& methods) {
  std::string list;
  for (const Method method : methods) {
    CatTo(list, list.empty() ? "" : ", ", MethodName(method));
    if (method == Method::kGet) list.append(", HEAD");
  }
  return list;
}

Response WithStatus(Response response, int status) {
  response.status = status;
  return response;
}

// Shared with Wakers, which may come when the exchange is over.
struct WakeState {
  Stream* stream = nullptr;
  bool woken = false;
};

}  // namespace

// One request and its answer.
class Exchange final : public Request, public Responder {
 public:
  explicit Exchange(Session& session) : session_(session), host_(session.host_), wake_(std::make_shared<WakeState>()) {
    wake_->stream = session.stream_.get();
  }
  ~Exchange() override { wake_->stream = nullptr; }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Fills the request in. The answer when no handler may have it, else nothing, and route() is set.
  std::optional<Response> Admit(const RequestHead& head);
  [[nodiscard]] const Route* route() const { return route_; }
  /// After the handler: makes sure that there is one whole answer and that the next request can be read.
  Task<void> Finish();

  Task<Result<std::size_t>> Read(std::span<char> buffer) override;
  Task<Status> Send(Response response) override;
  Task<Status> Begin(int status, Headers headers, std::optional<std::uint64_t> length) override;
  Task<Status> Write(std::string_view bytes) override;
  Task<Status> End() override;
  Task<Status> Sleep(milliseconds duration) override;
  std::function<void()> Waker() override;

 private:
  enum class Stage : std::uint8_t { kNothing, kBody, kDone };
  std::optional<Response> FindRoute();
  std::optional<Response> CheckCaller();
  void DecideClosing();
  std::string HeadText(int status, const Headers& headers) const;
  Error BodyError(const Refusal& refusal);
  [[nodiscard]] Response Denial(const Error& error) const;

  Session& session_;
  SessionHost& host_;
  std::shared_ptr<WakeState> wake_;
  const Route* route_ = nullptr;
  BodyDecoder body_;
  std::uint64_t body_length_ = 0;          // as announced
  std::uint64_t body_limit_ = UINT64_MAX;  // until the route sets it
  bool body_chunked_ = false;
  bool continue_wanted_ = false;
  bool too_large_ = false;
  bool http_1_0_ = false;

  Stage stage_ = Stage::kNothing;
  bool chunked_ = false;
  bool no_body_ = false;
  std::optional<std::uint64_t> left_;  // of an answer whose length was announced
};

std::optional<Response> Exchange::Admit(const RequestHead& head) {
  method = head.method;
  http_1_0_ = head.minor_version == 0;
  continue_wanted_ = head.expect_continue;
  body_length_ = head.content_length;
  body_chunked_ = head.framing == Framing::kChunked;
  from_loopback = session_.stream_->PeerIsLoopback();
  session_.closing_ |= !head.keep_alive;
  for (const HeaderView& header : head.headers) headers.emplace_back(header.name, header.value);
  body_ = BodyDecoder(head.framing, head.content_length, body_limit_);

  path = std::string(head.path);
  const Status foreign = host_.guard.Check(head.method, head.host, head.origin);
  if (!foreign.ok()) return Denial(foreign.error());
  if (method == Method::kOptions && head.path == "*") return Response{204, {}, {}};
  auto decoded = DecodePath(head.path);
  if (!decoded.ok()) return Denial(decoded.error());
  path = *std::move(decoded);
  auto pairs = ParseQuery(head.query);
  if (!pairs.ok()) return Denial(pairs.error());
  query = *std::move(pairs);

  if (auto denial = FindRoute()) return denial;
  if (auto denial = CheckCaller()) return denial;
  body_limit_ = route_->body_limit;
  body_ = BodyDecoder(head.framing, head.content_length, body_limit_);
  if (body_.progress() == Progress::kRefused) return Denial(BodyError(body_.refusal()));
  return std::nullopt;
}

std::optional<Response> Exchange::FindRoute() {
  RouteTable::Match match = host_.routes.Find(method, path);
  if (match.route == nullptr && method == Method::kHead) match = host_.routes.Find(Method::kGet, path);
  if (match.route != nullptr) {
    route_ = match.route;
    params = std::move(match.params);
    return std::nullopt;
  }
  if (match.allowed.empty()) return Denial(NotFound("there is nothing at ", Quoted(path)));
  Response denial{204, {}, {}};
  if (method != Method::kOptions) {
    denial = WithStatus(Denial(Unimplemented(MethodName(method), " is not possible at ", Quoted(path))), 405);
  }
  denial.headers.emplace_back("Allow", MethodList(match.allowed));
  return denial;
}

std::optional<Response> Exchange::CheckCaller() {
  if (route_->permission == Permission::kPublic) return std::nullopt;
  auto caller = host_.authenticator.Authenticate(*this);
  if (!caller.ok()) {
    Response denial = Denial(caller.error());
    denial.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"millwright\", Basic realm=\"millwright\"");
    return denial;
  }
  principal = *std::move(caller);
  if (principal.May(route_->permission)) return std::nullopt;
  return Denial(PermissionDenied(Quoted(principal.name), " may not do this: it needs the permission ",
                                 Quoted(PermissionName(route_->permission))));
}

Response Exchange::Denial(const Error& error) const {
  return host_.options.refusal ? host_.options.refusal(path, error) : ErrorResponse(error);
}

Error Exchange::BodyError(const Refusal& refusal) {
  session_.closing_ = true;
  too_large_ = refusal.status == 413;
  if (!too_large_) return InvalidArgument("the request body is malformed: ", refusal.reason);
  return ResourceExhausted("the request body is larger than the ", body_limit_, " bytes allowed here");
}

Task<Result<std::size_t>> Exchange::Read(std::span<char> buffer) {
  for (;;) {
    const std::string_view bytes = session_.in_.bytes().substr(0, buffer.size());
    const BodyDecoder::Step step = body_.Next(bytes);
    std::copy(step.data.begin(), step.data.end(), buffer.begin());
    session_.in_.Use(step.consumed);
    if (body_.progress() == Progress::kRefused) co_return BodyError(body_.refusal());
    if (!step.data.empty()) co_return step.data.size();
    if (body_.progress() == Progress::kDone) co_return std::size_t{0};
    if (step.consumed > 0) continue;
    if (std::exchange(continue_wanted_, false)) CO_TRY(co_await session_.Send(kContinue));
    const std::span<char> direct = buffer.first(std::min<std::uint64_t>(buffer.size(), body_.DataAhead()));
    const bool is_direct = direct.size() >= kDirectBytesMin;
    const std::span<char> room = is_direct ? direct : session_.in_.Room(kReceiveBytes);
    const Result<std::size_t> got = co_await session_.Receive(room, host_.options.transfer_timeout);
    if (!got.ok() || *got == 0) session_.closing_ = true;
    if (!got.ok()) co_return got.error();
    if (*got == 0) co_return Unavailable("the client closed the connection before the body's end");
    if (is_direct) {
      body_.Next({direct.data(), *got});
      co_return *got;
    }
    session_.in_.Commit(*got);
  }
}

// Called when the head of the answer is written: what is unread by then must be small, or cannot follow.
void Exchange::DecideClosing() {
  const bool unread = body_.progress() != Progress::kDone;
  const bool small = !body_chunked_ && body_length_ <= kDrainBytesMax;
  session_.closing_ |= host_.stopping || (unread && (continue_wanted_ || !small));
}

std::string Exchange::HeadText(int status, const Headers& fields) const {
  std::string head;
  AppendStatusLine(head, status);
  AppendHeader(head, "Date", FormatHttpDate(host_.clock.Now()));
  for (const auto& [name, value] : fields) AppendHeader(head, name, value);
  if (FindHeader(fields, "x-content-type-options") == nullptr) AppendHeader(head, "X-Content-Type-Options", "nosniff");
  if (FindHeader(fields, "content-security-policy") == nullptr) {
    AppendHeader(head, "Content-Security-Policy", kContentPolicy);
  }
  if (session_.closing_) AppendHeader(head, "Connection", "close");
  if (!session_.closing_ && http_1_0_) AppendHeader(head, "Connection", "keep-alive");
  return head;
}

Task<Status> Exchange::Send(Response response) {
  MW_ASSERT(stage_ == Stage::kNothing);
  stage_ = Stage::kDone;
  if (too_large_ && response.status == HttpStatus(Code::kResourceExhausted)) response.status = 413;
  DecideClosing();
  std::string text = HeadText(response.status, response.headers);
  const bool no_content = response.status == 204 || response.status == 304;
  if (!no_content) AppendHeader(text, "Content-Length", Cat(response.body.size()));
  text.append("\r\n");
  if (!no_content && method != Method::kHead) text.append(response.body);
  co_return co_await session_.Send(text);
}

Task<Status> Exchange::Begin(int status, Headers fields, std::optional<std::uint64_t> length) {
  MW_ASSERT(stage_ == Stage::kNothing);
  stage_ = Stage::kBody;
  left_ = length;
  no_body_ = method == Method::kHead || status == 204 || status == 304;
  chunked_ = !length && !http_1_0_ && status != 204 && status != 304;
  // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
  if (!length && http_1_0_) session_.closing_ = true;
  DecideClosing();
  if (length) fields.emplace_back("Content-Length", Cat(*length));
  if (chunked_) fields.emplace_back("Transfer-Encoding", "chunked");
  co_return co_await session_.Send(HeadText(status, fields) + "\r\n");
}

Task<Status> Exchange::Write(std::string_view bytes) {
  MW_ASSERT(stage_ == Stage::kBody);
  if (no_body_ || bytes.empty()) co_return Ok();
  if (left_) {
    if (bytes.size() > *left_) {
      session_.closing_ = true;
      co_return Internal("the answer is longer than the ", *left_, " bytes that were left of it");
    }
    *left_ -= bytes.size();
  }
  if (!chunked_) co_return co_await session_.Send(bytes);
  std::string chunk;
  chunk.reserve(bytes.size() + 24);
  AppendChunk(chunk, bytes);
  co_return co_await session_.Send(chunk);
}

Task<Status> Exchange::End() {
  MW_ASSERT(stage_ == Stage::kBody);
  stage_ = Stage::kDone;
  if (no_body_) co_return Ok();
  if (left_.value_or(0) > 0) {
    session_.closing_ = true;
    co_return Internal("the answer ended ", *left_, " bytes early");
  }
  if (!chunked_) co_return Ok();
  co_return co_await session_.Send(kLastChunk);
}

Task<Status> Exchange::Sleep(milliseconds duration) {
  if (host_.stopping) co_return Cancelled("the server is stopping");
  if (std::exchange(wake_->woken, false)) co_return Ok();
  const bool whole = co_await session_.stream_->Sleep(duration);
  if (host_.stopping) co_return Cancelled("the server is stopping");
  const bool woken = std::exchange(wake_->woken, false);
  if (!whole && !woken) co_return Cancelled("the connection was closed");
  co_return Ok();
}

std::function<void()> Exchange::Waker() {
  return [executor = host_.executor, state = wake_] {
    const std::shared_ptr<Executor> alive = executor.lock();
    if (!alive) return;
    alive->Post([state] {
      state->woken = true;
      if (state->stream != nullptr) state->stream->Interrupt();
    });
  };
}

Task<void> Exchange::Finish() {
  if (stage_ == Stage::kNothing) {
    LogError("a handler gave no answer", {{"method", MethodName(method)}, {"path", path}});
    (void)co_await Send(ErrorResponse(Internal("the server has no answer to this; its log says more")));
  }
  // An answer that was begun and not ended must not look whole.
  if (stage_ == Stage::kBody) session_.closing_ = true;
  std::vector<char> waste;
  while (!session_.closing_ && body_.progress() == Progress::kMore) {
    waste.resize(4096);
    const auto got = co_await Read(waste);
    if (!got.ok()) session_.closing_ = true;
  }
}

Session::Session(SessionHost& host, std::unique_ptr<Stream> stream) : host_(host), stream_(std::move(stream)) {}

void Session::Stop() {
  if (idle_) stream_->Close();
  stream_->Interrupt();
}

Task<void> Session::Run() {
  std::size_t head_size = 0;
  while (!closing_) {
    if (!co_await ReadHead(head_size)) break;
    co_await ServeOne(head_size);
  }
  co_await Linger();
}

std::span<char> SessionInput::Room(std::size_t count) {
  const std::size_t size = end_ - begin_;
  if (capacity_ - end_ < count && capacity_ >= size + count) {
    std::memmove(data_.get(), data_.get() + begin_, size);
  } else if (capacity_ - end_ < count) {
    auto larger = std::make_unique_for_overwrite<char[]>(size + count);
    if (size > 0) std::memcpy(larger.get(), data_.get() + begin_, size);
    data_ = std::move(larger);
    capacity_ = size + count;
  } else if (size > 0) {
    return {data_.get() + end_, count};
  }
  begin_ = 0;
  end_ = size;
  return {data_.get() + end_, count};
}

Task<Result<std::size_t>> Session::Receive(std::span<char> room, milliseconds timeout) {
  const Result<std::size_t> got = co_await stream_->Read(room, timeout);
  if (got.ok()) host_.metrics.bytes_in.Add(*got);
  co_return got;
}

Task<Status> Session::Send(std::string_view bytes) {
  const Status sent = co_await stream_->Write(bytes, host_.options.transfer_timeout);
  if (sent.ok()) {
    host_.metrics.bytes_out.Add(bytes.size());
  } else {
    closing_ = true;
    stream_->Close();
  }
  co_return sent;
}

Task<bool> Session::ReadHead(std::size_t& head_size) {
  HeadScanner scanner(host_.options.head_bytes_max);
  Duration began = host_.clock.Elapsed();
  idle_ = in_.bytes().empty();
  if (idle_ && host_.stopping) co_return false;
  Progress progress = scanner.Scan(in_.bytes());
  while (progress == Progress::kMore) {
    const Duration left = began + host_.options.header_timeout - host_.clock.Elapsed();
    const Duration wait = idle_ ? Duration(host_.options.idle_timeout) : left;
    const std::span<char> room = in_.Room(kReceiveBytes);
    const auto got = co_await Receive(room, std::chrono::ceil<milliseconds>(std::max(wait, Duration(0))));
    const bool first = std::exchange(idle_, false);
    if (!got.ok() && got.error().code == Code::kDeadlineExceeded && !first) {
      const Refusal late{408, "the request did not arrive in time"};
      co_await Refuse(late);
    }
    if (!got.ok() || *got == 0) co_return false;
    in_.Commit(*got);
    if (first) began = host_.clock.Elapsed();
    progress = scanner.Scan(in_.bytes());
  }
  idle_ = false;
  if (progress == Progress::kRefused) co_await Refuse(scanner.refusal());
  head_size = scanner.size();
  co_return progress == Progress::kDone;
}

Task<void> Session::ServeOne(std::size_t head_size) {
  host_.metrics.requests.Add();
  RequestHead head;
  if (const auto refusal = ParseRequestHead(in_.bytes().substr(0, head_size), head)) {
    co_await Refuse(*refusal);
    co_return;
  }
  Exchange exchange(*this);
  std::optional<Response> denial = exchange.Admit(head);
  in_.Use(head_size);  // the head's views are not used any more
  if (denial) {
    host_.metrics.refused.Add();
    (void)co_await exchange.Send(*std::move(denial));
  } else {
    co_await exchange.route()->handler(exchange, exchange);
  }
  co_await exchange.Finish();
}

Task<void> Session::Refuse(Refusal refusal) {
  host_.metrics.refused.Add();
  std::string answer;
  AppendRefusal(answer, refusal);
  closing_ = true;
  (void)co_await Send(answer);
}

// Reads what the peer still sends before the socket is closed, for else a reset could overtake the answer.
Task<void> Session::Linger() {
  stream_->FinishWriting();
  const Duration whole = host_.stopping ? kLingerStopping : kLingerServing;
  const Duration until = host_.clock.Elapsed() + whole;
  std::vector<char> waste(16384);
  for (Duration left = whole; left > Duration(0); left = until - host_.clock.Elapsed()) {
    const auto got = co_await stream_->Read(waste, std::chrono::ceil<milliseconds>(left));
    if (!got.ok() || *got == 0) break;
  }
  stream_->Close();
}

}  // namespace mw::net
