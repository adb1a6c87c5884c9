// For tests: a plain blocking socket that sends exactly the bytes it is given and reads what comes.
// Every read has a deadline of 10 s, so that a broken server fails a test rather than hanging it.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "net/http_codec.h"
#include "net/socket.h"

namespace mw::net {

class TestClient {
 public:
  explicit TestClient(int port) {
    auto connected = ConnectTcp("127.0.0.1", port, std::chrono::seconds(5));
    if (connected.ok()) socket_ = std::move(*connected);
  }
  [[nodiscard]] bool connected() const { return socket_.valid(); }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

  /// False when the server has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
      if (count < 0 && (errno != EAGAIN || !Ready(POLLOUT))) return false;
    }
    return true;
  }
  void FinishSending() { shutdown(socket_.get(), SHUT_WR); }
  void Close() { socket_.Reset(); }

  /// Reads until the server closes.
  std::string ReadAll() {
    while (ReadMore()) {
    }
    return std::exchange(pending_, {});
  }
  bool ReadMore() {
    char buffer[16384];
    if (!Ready(POLLIN)) return false;
    const ssize_t count = recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    pending_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  struct Answer {
    int status = 0;  ///< 0: none came
    Headers headers;
    std::string body;
    bool keep_alive = false;
  };
  /// The next answer.
  Answer Read(Method to = Method::kGet) {
    HeadScanner scanner(1 << 20);
    Progress progress = scanner.Scan(pending_);
    while (progress == Progress::kMore && ReadMore()) progress = scanner.Scan(pending_);
    if (progress != Progress::kDone) return {};
    ResponseHead head;
    if (ParseResponseHead(std::string_view(pending_).substr(0, scanner.size()), to, head)) return {};
    Answer answer{head.status, {}, {}, head.keep_alive};
    for (const HeaderView& header : head.headers) answer.headers.emplace_back(header.name, header.value);
    BodyDecoder decoder(head.framing, head.content_length, 1 << 30);
    pending_.erase(0, scanner.size());
    while (decoder.progress() == Progress::kMore) {
      const auto step = decoder.Next(pending_);
      answer.body.append(step.data);
      pending_.erase(0, step.consumed);
      if (step.consumed == 0 && !ReadMore()) {
        if (!decoder.FinishAtClose()) return {};
        break;
      }
    }
    return decoder.progress() == Progress::kRefused ? Answer{} : answer;
  }
  /// One request, one answer.
  Answer Ask(std::string_view request) { return Send(request) ? Read() : Answer{}; }
  /// Reads until `wanted` has come; takes everything up to its end. False when the server closed before.
  bool ReadUntil(std::string_view wanted) {
    std::size_t at = pending_.find(wanted);
    while (at == std::string::npos && ReadMore()) at = pending_.find(wanted);
    if (at == std::string::npos) return false;
    pending_.erase(0, at + wanted.size());
    return true;
  }
  /// Whether the server closed and nothing more came.
  bool Closed() { return pending_.empty() && !ReadMore(); }

 private:
  bool Ready(short what) {
    pollfd waiting{socket_.get(), what, 0};
    return poll(&waiting, 1, 10'000) == 1;
  }
  FileDescriptor socket_;
  std::string pending_;
};

}  // namespace mw::net
