// One thread of the generator over HTTP/1.1: many connections on one epoll, woken by the next arrival or by an answer.
//
//   due -> waiting (no connection is free) -> in flight -> answered | lost (connection or patience ended)
//
// A connection carries `in_flight_max` requests at a time; 1 is what most clients do, more is pipelining. Owned by
// RunOpenLoop; Open on its thread, Run on one of its own, the rest afterwards. Invariant: nothing in Run blocks but
// the wait for whichever comes first, so an answer that does not come delays no other request's sending.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "load/lane.h"
#include "net/answer_reader.h"

namespace mw::load {

struct HttpLaneOptions {
  std::string host;
  int port = 80;
  int connections = 1;
  int in_flight_max = 1;
  Duration timeout{std::chrono::seconds(10)};  ///< for one answer
  Duration drain{std::chrono::seconds(2)};  ///< after the plan's end, to send what waits and to hear the last answers
};

class HttpLane final : public Lane {
 public:
  HttpLane(HttpLaneOptions options, Pacer pacer);
  /// Connects. Errors: kUnavailable, kDeadlineExceeded.
  Status Open() override;
  void Run(Duration start) override;

 private:
  struct Channel {
    FileDescriptor socket;
    std::deque<Shot> in_flight;         // in order of sending
    std::vector<std::string_view> out;  // requests that the socket has not taken, from out_at on
    std::size_t out_at = 0;
    std::size_t out_sent = 0;  // of out[out_at]
    std::string in;            // an answer that is not whole yet
    bool connecting = false;
    bool listed = false;   // in free_
    bool touched = false;  // in touched_
    std::uint32_t interest = 0;
  };
  enum class Outcome : std::uint8_t { kOpen, kClosing, kLost };

  void Watch(Channel& channel, std::uint32_t interest);
  void Reconnect(Channel& channel);
  void FinishConnecting(Channel& channel);
  void ListFree(Channel& channel);
  void Dispatch();
  void Flush(Channel& channel);
  void Serve(Channel& channel, std::uint32_t events);
  Outcome Receive(Channel& channel);
  Outcome TakeAnswers(Channel& channel, std::string_view bytes, std::size_t& used);
  void Drop(Channel& channel, Outcome why);
  void Sweep();
  void Wait();
  [[nodiscard]] bool Finished() const;
  void GiveUp();

  HttpLaneOptions options_;
  FileDescriptor epoll_;
  sockaddr_storage peer_{};
  socklen_t peer_size_ = sizeof peer_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::deque<Channel*> free_;
  std::vector<Channel*> touched_;  // with something to send
  std::vector<char> scratch_;
  net::AnswerReader reader_;
  std::uint64_t in_flight_ = 0;
  RealClock clock_;
  Duration now_{0};
  Duration next_sweep_{0};
};

}  // namespace mw::load
