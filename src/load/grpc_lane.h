// A lane over gRPC: several connections and calls in flight on each, by the library's completion queue.
//
// Two threads: Run's own starts what is due, woken by the clock to the microsecond (the queue's own deadlines are
// milliseconds); another takes answers off the queue and starts what waited. Both hold the mutex only to count.
// Nothing of gRPC shows in this header. Invariant: each call that was started is counted once.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "load/lane.h"

namespace mw::load {

struct GrpcLaneOptions {
  std::string host;
  int port = 8081;
  int connections = 1;
  int in_flight_max = 1;                       ///< calls on each connection at once
  Duration timeout{std::chrono::seconds(10)};  ///< of one call
  Duration drain{std::chrono::seconds(2)};     ///< as HttpLaneOptions
};

class GrpcLane final : public Lane {
 public:
  /// The kinds' requests are ModelInferRequest messages.
  GrpcLane(GrpcLaneOptions options, Pacer pacer);
  ~GrpcLane() override;
  /// Errors: kUnavailable when the server does not answer in time.
  Status Open() override;
  void Run(Duration start) override;

 private:
  struct Parts;
  void TakeAnswers();
  std::unique_ptr<Parts> parts_;
};

/// As CheckFirstAnswer, over gRPC.
Status CheckFirstGrpcAnswer(const std::string& host, int port, const RequestKind& kind,
                            std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace mw::load
