// One request, one answer, over a plain socket.
#include "load/first_answer.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/clock.h"
#include "base/json.h"
#include "net/answer_reader.h"
#include "net/http.h"
#include "net/socket.h"

namespace mw::load {
namespace {

class Exchange {
 public:
  Exchange(FileDescriptor socket, std::chrono::milliseconds timeout)
      : socket_(std::move(socket)), deadline_(clock_.Elapsed() + timeout) {}

  Status Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t taken = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (taken > 0) bytes.remove_prefix(static_cast<std::size_t>(taken));
      if (taken < 0 && errno != EAGAIN) return Unavailable("the server closed the connection while it was sent to");
      if (taken < 0) TRY(Await(POLLOUT));
    }
    return Ok();
  }

  Status Receive(net::AnswerReader& reader) {
    using Outcome = net::AnswerReader::Outcome;
    char buffer[65536];
    for (Outcome read = Outcome::kMore; read != Outcome::kAnswer; read = reader.Next(bytes_)) {
      if (read == Outcome::kBroken) return Unavailable("the server's answer is no HTTP that may follow another answer");
      TRY(Await(POLLIN));
      const ssize_t count = recv(socket_.get(), buffer, sizeof buffer, 0);
      if (count <= 0) return Unavailable("the server closed the connection without an answer");
      bytes_.append(buffer, static_cast<std::size_t>(count));
    }
    return Ok();
  }

 private:
  Status Await(short what) {
    const Duration left = deadline_ - clock_.Elapsed();
    pollfd waiting{socket_.get(), what, 0};
    if (left.count() > 0 && poll(&waiting, 1, static_cast<int>(left.count() / 1000 + 1)) == 1) return Ok();
    return DeadlineExceeded("the server did not answer the first request in time");
  }

  RealClock clock_;
  FileDescriptor socket_;
  Duration deadline_;
  std::string bytes_;
};

}  // namespace

Status CheckFirstAnswer(const std::string& host, int port, const RequestKind& kind, std::chrono::milliseconds timeout) {
  Exchange exchange(TRY(net::ConnectTcp(host, port, timeout)), timeout);
  TRY(exchange.Send(kind.requests.front()));
  net::AnswerReader reader;
  TRY(exchange.Receive(reader));
  const int status = reader.head().status;
  const std::string body(reader.body().substr(0, 300));
  if (status == 200 && AnswerFits(kind, reader.head().headers, reader.body())) return Ok();
  if (status == 200) {
    return Internal("asked with ", kind.rows, " rows (", kind.name, "), the server answered something else: ", body);
  }
  const Result<Json> said = Json::Parse(reader.body());
  const std::string why = said.ok() && said->IsObject() ? said->StringOr("error", body) : body;
  return Error{status >= 400 ? CodeFromHttpStatus(status) : Code::kUnknown,
               Cat("the server answered the first request (", kind.name, ") with ", status, ": ", why),
               {}};
}

}  // namespace mw::load
