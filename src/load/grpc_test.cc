// Messages byte by byte, and the lane against a server of gRPC's own that is fast, slow, refuses or says nothing.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/text.h"
#include "load/grpc_lane.h"
#include "load/grpc_message.h"
#include "load/open_loop.h"

namespace mw::load {
namespace {

using std::chrono::milliseconds;

const std::string kThreeRows(
    "\x2a\x0c\x0a\x01p\x12\x04"
    "FP32\x1a\x01\x03",
    14);

TEST(GrpcMessage, WritesARequestByItsFieldNumbers) {
  const float values[] = {1.0F, 2.0F};
  MatrixRequest request;
  request.model = "m";
  request.id = "i";
  request.tensor = "x";
  request.rows = 1;
  request.columns = 2;
  request.values = values;
  const std::string expected(
      "\x0a\x01m"  // model_name
      "\x1a\x01i"  // id
      "\x2a\x0d\x0a\x01x\x12\x04"
      "FP32"                                       // inputs: name, datatype,
      "\x1a\x02\x01\x02"                           // shape
      "\x3a\x08\x00\x00\x80\x3f\x00\x00\x00\x40",  // raw_input_contents
      31);
  EXPECT_EQ(InferRequestMessage(request), expected);
  request.version = "3";
  EXPECT_EQ(InferRequestMessage(request).substr(3, 3),
            "\x12\x01"
            "3");
}

TEST(GrpcMessage, FindsTheRowsOfAnAnswer) {
  EXPECT_EQ(FirstOutputRows(kThreeRows), 3);
  EXPECT_EQ(FirstOutputRows("\x0a\x01m" + kThreeRows + std::string("\x32\x0c", 2)), 3);  // raw contents cut off
  EXPECT_EQ(FirstOutputRows(std::string("\x2a\x03\x18\x80\x08", 5)), 1024);              // not packed
  EXPECT_EQ(FirstOutputRows(""), -1);
  EXPECT_EQ(FirstOutputRows("\x0a\x01m"), -1);
  EXPECT_EQ(FirstOutputRows(std::string("\x2a\x03\x0a\x01p", 5)), -1);
  EXPECT_EQ(FirstOutputRows("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), -1);
  EXPECT_EQ(FirstOutputRows("hello"), -1);
  for (std::size_t cut = 0; cut < kThreeRows.size(); ++cut) EXPECT_EQ(FirstOutputRows(kThreeRows.substr(0, cut)), -1);
}

/// Answers every call with what `answer` gives, after it returned.
class FakeGrpcServer final : public grpc::CallbackGenericService {
 public:
  using Answer = std::function<grpc::Status(std::string& message)>;
  explicit FakeGrpcServer(Answer answer) : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeGrpcServer() override { server_->Shutdown(std::chrono::system_clock::now() + milliseconds(100)); }
  [[nodiscard]] int port() const { return port_; }

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Reactor(answer_);
  }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Reactor(const Answer& answer) : answer_(answer) { StartRead(&request_); }
    void OnReadDone(bool) override {
      std::string message;
      const grpc::Status status = answer_(message);
      if (!status.ok()) return Finish(status);
      const grpc::Slice slice(message);
      response_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&response_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    const Answer& answer_;
    grpc::ByteBuffer request_, response_;
  };
  Answer answer_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

std::vector<RequestKind> ThreeRows() {
  RequestKind kind;
  kind.name = "grpc, 3 rows";
  kind.rows = 3;
  kind.expect = Expect::kGrpcRows;
  kind.requests = {"one", "two"};
  return {kind};
}

OpenLoopOptions At(const FakeGrpcServer& server, double rate, Duration duration) {
  OpenLoopOptions options;
  options.transport = Transport::kGrpc;
  options.port = server.port();
  options.connections = 2;
  options.in_flight_max = 8;
  options.pacing.plan = {rate, rate, duration, Arrivals::kEven, 1};
  return options;
}

TEST(GrpcLane, SendsEveryPlannedCallOnce) {
  std::atomic<int> seen = 0;
  const FakeGrpcServer server([&](std::string& message) {
    message = kThreeRows;
    ++seen;
    return grpc::Status::OK;
  });
  const LoadReport report = *RunOpenLoop(At(server, 500, milliseconds(600)), ThreeRows());
  EXPECT_EQ(seen, 300);
  EXPECT_EQ(report.tally.answered, 300U);
  EXPECT_EQ(report.tally.all_rows, 900U);
  EXPECT_EQ(report.tally.latency.count(), 300U);
}

TEST(GrpcLane, CountsRefusalsAndAnswersOfOtherRows) {
  std::atomic<int> seen = 0;
  const FakeGrpcServer server([&](std::string& message) -> grpc::Status {
    const int number = seen++;
    message = number % 4 == 0 ? "hello" : kThreeRows;
    return number % 4 == 1 ? grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full") : grpc::Status::OK;
  });
  const LoadReport report = *RunOpenLoop(At(server, 400, milliseconds(500)), ThreeRows());
  EXPECT_EQ(report.tally.answered, 100U);
  EXPECT_EQ(report.tally.wrong, 50U);
  EXPECT_EQ(report.tally.failed, 50U);
  EXPECT_EQ(report.tally.statuses.at(429), 50U);
}

TEST(GrpcLane, ChargesAStallToEverythingThatWasDueMeanwhile) {
  const RealClock clock;
  std::atomic<std::int64_t> first = 0;
  const FakeGrpcServer server([&](std::string& message) {
    message = kThreeRows;
    std::int64_t none = 0;
    first.compare_exchange_strong(none, clock.Elapsed().count());
    const Duration from = Duration(first) + milliseconds(200);
    while (clock.Elapsed() >= from && clock.Elapsed() < from + milliseconds(300)) std::this_thread::yield();
    return grpc::Status::OK;
  });
  OpenLoopOptions options = At(server, 200, milliseconds(800));
  options.in_flight_max = 1;
  const LoadReport report = *RunOpenLoop(options, ThreeRows());
  EXPECT_EQ(report.tally.answered, 160U);  // of which 60 were due while it stood still
  EXPECT_GT(report.tally.latency.Percentile(0.85), milliseconds(100));
  EXPECT_GT(report.tally.latency.Percentile(0.99), milliseconds(250));
}

TEST(GrpcLane, GivesUpOnCallsThatAreNotAnswered) {
  std::atomic<bool> over = false;
  const FakeGrpcServer server([&](std::string&) {
    while (!over) std::this_thread::yield();
    return grpc::Status::OK;
  });
  OpenLoopOptions options = At(server, 50, milliseconds(200));
  options.in_flight_max = 1;
  options.drain = milliseconds(100);
  const LoadReport report = *RunOpenLoop(options, ThreeRows());
  over = true;
  EXPECT_EQ(report.tally.answered, 0U);
  EXPECT_EQ(report.tally.failed, 2U);    // one on each connection
  EXPECT_EQ(report.tally.not_sent, 8U);  // the others waited in vain
  EXPECT_EQ(report.tally.planned, 10U);
}

TEST(GrpcLane, SaysAtOnceWhatTheServerRefuses) {
  const FakeGrpcServer server([](std::string&) { return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such model"); });
  const Status refused = CheckFirstGrpcAnswer("127.0.0.1", server.port(), ThreeRows()[0]);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kNotFound);
  EXPECT_NE(refused.error().message.find("no such model"), std::string::npos);
  const FakeGrpcServer other([](std::string&) { return grpc::Status::OK; });
  EXPECT_EQ(CheckFirstGrpcAnswer("127.0.0.1", other.port(), ThreeRows()[0]).error().code, Code::kInternal);
}

}  // namespace
}  // namespace mw::load
