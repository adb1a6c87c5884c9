// The blocking client: one socket, poll for every wait; TLS lies between the socket and HTTP.
#include "net/http_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/signing.h"
#include "net/http_codec.h"
#include "net/tls_session.h"

namespace mw::net {
namespace {

constexpr std::size_t kTlsPieceBytes = std::size_t{64} << 10;

using Sink = std::function<Status(std::string_view)>;

Error Moved(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (EqualsIgnoreCase(name, "Location")) {
      return FailedPrecondition("the server answers ", response.status, " and sends to ", Quoted(value, 200),
                                "; use that server's address");
    }
  }
  return FailedPrecondition("the server answers ", response.status, " and does not say where to go");
}

struct Outgoing {
  Method method;
  std::string_view target;
  std::string_view body;
  const Headers& headers;
};

}  // namespace

struct HttpClient::Connection {
  Url base;  // its target is the path prefix, "" or "/x"
  ClientOptions options;
  FileDescriptor socket;
  std::optional<TlsSession> tls;  // of https
  std::string in;                 // received, not used yet

  Result<Response> Exchange(const Outgoing& request, const Sink& sink);

 private:
  Status Connect(const Outgoing& request);
  Result<Response> Attempt(const Outgoing& request, const Sink& sink, bool& answer_began);
  Result<Response> ReadAnswer(const Outgoing& request, const Sink& sink, bool& answer_began);
  Status ReadHead(const Outgoing& request, bool& answer_began, ResponseHead& head, Response& response);
  Status ReadBody(const Outgoing& request, const ResponseHead& head, const Sink& sink);
  std::string RequestHeadText(const Outgoing& request) const;
  Status SendBytes(std::string_view bytes, const Outgoing& request);
  Status SendRaw(std::string_view bytes, const Outgoing& request);
  Result<bool> Fill(const Outgoing& request);
  Result<bool> FillRaw(std::string& received, const Outgoing& request);
  [[nodiscard]] bool IsStale() const;
  Status Await(short what, const Outgoing& request) const;
  [[nodiscard]] std::string Server() const { return Cat(base.scheme, "://", HostPort(base.host, base.port)); }
  [[nodiscard]] std::string Name(const Outgoing& request) const {
    return Cat(MethodName(request.method), ' ', request.target);
  }
  [[nodiscard]] Error TooLate(const Outgoing& request, std::chrono::milliseconds patience) const {
    return DeadlineExceeded(Server(), " did not answer ", Name(request), " within ", FormatDuration(patience));
  }

  RealClock clock;
  Duration begun{0};  // of the exchange
};

// A kept connection on which something came by itself: the end, or what nobody asked for.
bool HttpClient::Connection::IsStale() const {
  pollfd look{socket.get(), POLLIN, 0};
  return !in.empty() || poll(&look, 1, 0) != 0;
}

Result<Response> HttpClient::Connection::Exchange(const Outgoing& request, const Sink& sink) {
  if (!IsTarget(request.target)) {
    return InvalidArgument("request target ", Quoted(request.target), " is no %-encoded path");
  }
  begun = clock.Elapsed();
  if (socket.valid() && IsStale()) socket.Reset();
  const bool kept = socket.valid();
  bool answer_began = false;
  auto response = Attempt(request, sink, answer_began);
  if (response.ok()) return response;
  socket.Reset();
  const bool again = kept && !answer_began && IsSafe(request.method) && response.error().code == Code::kUnavailable;
  if (!again) return response;
  response = Attempt(request, sink, answer_began);
  if (!response.ok()) socket.Reset();
  return response;
}

Status HttpClient::Connection::Connect(const Outgoing& request) {
  in.clear();
  tls.reset();
  const auto check = [&](const std::string& address) -> Status {
    if (clock.Elapsed() - begun > options.exchange_timeout) return TooLate(request, options.exchange_timeout);
    return options.check_address ? options.check_address(address) : Ok();
  };
  socket = TRY(ConnectTcp(base.host, base.port, std::min(options.connect_timeout, options.exchange_timeout), check));
  if (base.scheme == "http") return Ok();
  tls.emplace(TRY(TlsSession::Make(base.host, options.roots)));
  while (true) {
    const Result<bool> done = tls->Handshake();
    const Status sent = SendRaw(tls->TakeOutgoing(), request);  // also what the peer is told of a failure
    if (!done.ok()) return done.error();
    TRY(sent);
    if (*done) return Ok();
    std::string received;
    if (!TRY(FillRaw(received, request))) return Unavailable(Server(), " closed the connection in the TLS handshake");
    tls->Feed(received);
  }
}

Result<Response> HttpClient::Connection::Attempt(const Outgoing& request, const Sink& sink, bool& answer_began) {
  if (!socket.valid()) TRY(Connect(request));
  std::string head = RequestHeadText(request);
  // A small body rides along with the head, in one segment.
  const bool together = request.body.size() <= 16384;
  if (together) head.append(request.body);
  Status sent = SendBytes(head, request);
  if (sent.ok() && !together) sent = SendBytes(request.body, request);
  if (!sent.ok() && sent.error().code != Code::kUnavailable) return std::move(sent).error();
  // A server that refuses a body answers and closes before it has read it all: the answer counts.
  auto response = ReadAnswer(request, sink, answer_began);
  if (!sent.ok()) socket.Reset();
  return response;
}

std::string HttpClient::Connection::RequestHeadText(const Outgoing& request) const {
  std::string head = Cat(MethodName(request.method), ' ', base.target, request.target, " HTTP/1.1\r\n");
  AppendHeader(head, "Host", base.Authority());
  if (!options.basic.empty()) {
    AppendHeader(head, "Authorization", Cat("Basic ", Base64(options.basic)));
  } else if (!options.bearer_token.empty()) {
    AppendHeader(head, "Authorization", Cat("Bearer ", options.bearer_token));
  }
  for (const auto& [name, value] : request.headers) AppendHeader(head, name, value);
  if (!request.body.empty() || !IsSafe(request.method)) AppendHeader(head, "Content-Length", Cat(request.body.size()));
  head.append("\r\n");
  return head;
}

Status HttpClient::Connection::Await(short what, const Outgoing& request) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(begun + options.exchange_timeout - clock.Elapsed());
  if (left.count() <= 0) return TooLate(request, options.exchange_timeout);
  // poll skips a negative descriptor.
  pollfd waiting[] = {{socket.get(), what, 0}, {options.cancel_descriptor, POLLIN, 0}};
  int ready = 0;
  do {
    ready = poll(waiting, 2, static_cast<int>(std::min(options.timeout, left).count()));
  } while (ready < 0 && errno == EINTR);
  if (waiting[1].revents != 0)
    return Cancelled(Name(request), " to ", Server(), " was given up: this program is stopping");
  if (ready > 0) return Ok();
  return TooLate(request, std::min(options.timeout, options.exchange_timeout));
}

Status HttpClient::Connection::SendBytes(std::string_view bytes, const Outgoing& request) {
  if (!tls) return SendRaw(bytes, request);
  for (std::size_t at = 0; at < bytes.size(); at += kTlsPieceBytes) {
    TRY(tls->Encrypt(bytes.substr(at, kTlsPieceBytes)));
    TRY(SendRaw(tls->TakeOutgoing(), request));
  }
  return Ok();
}

Status HttpClient::Connection::SendRaw(std::string_view bytes, const Outgoing& request) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      TRY(Await(POLLOUT, request));
    } else if (errno != EINTR) {
      return Unavailable(Server(), " closed the connection during ", Name(request), ": ", std::strerror(errno));
    }
  }
  return Ok();
}

// False when the server has closed.
Result<bool> HttpClient::Connection::Fill(const Outgoing& request) {
  if (!tls) return FillRaw(in, request);
  const std::size_t before = in.size();
  while (true) {
    std::string received;
    if (!TRY(FillRaw(received, request))) {
      return Unavailable(Server(), " cut the connection off during ", Name(request));
    }
    tls->Feed(received);
    const bool open = TRY(tls->Decrypt(in));
    TRY(SendRaw(tls->TakeOutgoing(), request));  // keys may have been renewed
    if (in.size() > before || !open) return in.size() > before;
  }
}

Result<bool> HttpClient::Connection::FillRaw(std::string& received, const Outgoing& request) {
  char buffer[65536];
  for (;;) {
    const ssize_t count = recv(socket.get(), buffer, sizeof buffer, 0);
    if (count == 0) return false;
    if (count > 0) {
      received.append(buffer, static_cast<std::size_t>(count));
      return true;
    }
    if (errno == EAGAIN) {
      TRY(Await(POLLIN, request));
    } else if (errno != EINTR) {
      return Unavailable("connection to ", Server(), " was lost during ", Name(request), ": ", std::strerror(errno));
    }
  }
}

Status HttpClient::Connection::ReadHead(const Outgoing& request, bool& answer_began, ResponseHead& head,
                                        Response& response) {
  HeadScanner scanner(kAnswerHeadBytesMax);
  Progress progress = scanner.Scan(in);
  while (progress == Progress::kMore) {
    if (!TRY(Fill(request))) {
      return Unavailable(Server(), " closed the connection without an answer to ", Name(request));
    }
    answer_began = true;
    progress = scanner.Scan(in);
  }
  std::optional<Refusal> refusal;
  if (progress == Progress::kRefused) refusal = scanner.refusal();
  if (!refusal) refusal = ParseResponseHead(std::string_view(in).substr(0, scanner.size()), request.method, head);
  if (refusal) return InvalidArgument(Server(), " does not speak HTTP: ", refusal->reason);
  response.status = head.status;
  response.headers.clear();
  for (const HeaderView& header : head.headers) response.headers.emplace_back(header.name, header.value);
  in.erase(0, scanner.size());
  head.headers.clear();  // its views died with the bytes
  return Ok();
}

Status HttpClient::Connection::ReadBody(const Outgoing& request, const ResponseHead& head, const Sink& sink) {
  BodyDecoder decoder(head.framing, head.content_length, options.body_limit);
  std::size_t at = 0;
  while (decoder.progress() == Progress::kMore) {
    const auto step = decoder.Next(std::string_view(in).substr(at));
    at += step.consumed;
    if (!step.data.empty()) TRY(sink(step.data));
    if (step.consumed > 0) continue;
    if (decoder.progress() != Progress::kMore) break;
    in.clear();
    at = 0;
    if (TRY(Fill(request))) continue;
    if (decoder.FinishAtClose()) break;
    return Unavailable(Server(), " closed the connection in the middle of its answer to ", Name(request));
  }
  in.erase(0, at);
  if (decoder.progress() != Progress::kRefused) return Ok();
  if (decoder.refusal().status == 413) {
    return ResourceExhausted("the answer to ", Name(request), " is larger than ", options.body_limit, " bytes");
  }
  return InvalidArgument(Server(), " does not speak HTTP: ", decoder.refusal().reason);
}

Result<Response> HttpClient::Connection::ReadAnswer(const Outgoing& request, const Sink& sink, bool& answer_began) {
  ResponseHead head;
  Response response;
  do {
    TRY(ReadHead(request, answer_began, head, response));
  } while (head.status < 200);
  TRY(ReadBody(request, head, sink));
  if (!head.keep_alive) socket.Reset();
  return response;
}

HttpClient::HttpClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::Make(std::string_view base, ClientOptions options) {
  auto connection = std::make_unique<Connection>();
  connection->base = TRY(Url::ParseWeb(base));
  std::string& prefix = connection->base.target;
  if (prefix.find('?') != std::string::npos) {
    return InvalidArgument("server address ", Quoted(base), " has a query; write it as http://HOST:PORT");
  }
  while (prefix.ends_with('/')) prefix.pop_back();
  connection->options = std::move(options);
  return HttpClient(std::move(connection));
}

Result<Response> HttpClient::Send(Method method, std::string_view target, std::string_view body,
                                  const Headers& headers) {
  std::string whole;
  const auto append = [&whole](std::string_view piece) {
    whole.append(piece);
    return Ok();
  };
  Response response = TRY(Stream(method, target, body, headers, append));
  response.body = std::move(whole);
  return response;
}

Result<Response> HttpClient::Stream(Method method, std::string_view target, std::string_view body,
                                    const Headers& headers, const std::function<Status(std::string_view)>& sink) {
  return connection_->Exchange(Outgoing{method, target, body, headers}, sink);
}

Result<Json> HttpClient::Call(Method method, std::string_view target, const Json& body) {
  const bool with_body = !body.IsNull();
  const Headers headers = with_body ? Headers{{"Content-Type", "application/json"}} : Headers{};
  const Response response = TRY(Send(method, target, with_body ? body.Dump() : std::string(), headers));
  if (response.status >= 400) return ErrorFromResponse(response);
  if (response.status >= 300) return Moved(response);
  if (response.body.empty()) return Json();
  return Json::Parse(response.body).In(Cat("answer to ", MethodName(method), ' ', target));
}

}  // namespace mw::net
