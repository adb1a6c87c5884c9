// A closed-loop load client of the Open Inference Protocol over gRPC, as bench/grpc_bench.py runs it: each channel has
// a connection, a completion queue and a thread of its own and keeps some calls of ModelInfer in flight. Every answer
// must hold a number for each row, and those of the first answer must come again in all.
//   grpc_bench ADDRESS MODEL ROWS FEATURES CHANNELS IN_FLIGHT SECONDS MISSING
// prints {"requests","rows_per_second","p50_ms","p90_ms","p99_ms","cpu_us_per_request"}; MISSING: share of NaN.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>
#include <vector>

#include "api/inference/grpc/grpc_server.h"
#include "base/clock.h"
#include "base/random.h"
#include "open_inference.pb.h"

namespace mw {
namespace {

using ::grpc::ByteBuffer;

struct Load {
  std::string address, model;
  int rows = 0, features = 0, channels = 0, in_flight = 0;
  Duration time{0};
  double missing = 0;
};

ByteBuffer Request(const Load& load) {
  Random random(7);
  std::vector<float> values(static_cast<std::size_t>(load.rows) * static_cast<std::size_t>(load.features));
  for (float& value : values) {
    value = random.Uniform() < load.missing ? NAN : static_cast<float>(random.Uniform() * 25);
  }
  ::inference::ModelInferRequest request;
  request.set_model_name(load.model);
  auto& input = *request.add_inputs();
  input.set_name("rows");
  input.set_datatype("FP32");
  input.add_shape(load.rows);
  input.add_shape(load.features);
  auto& output = *request.add_outputs();
  output.set_name("probability");
  request.add_raw_input_contents(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  const ::grpc::Slice slice(request.SerializeAsString());
  return {&slice, 1};
}

std::string Answer(const ByteBuffer& buffer, int rows) {
  ::grpc::Slice bytes;
  ::inference::ModelInferResponse response;
  if (!buffer.DumpToSingleSlice(&bytes).ok() ||
      !response.ParseFromArray(bytes.begin(), static_cast<int>(bytes.size())) ||
      response.raw_output_contents_size() != 1 ||
      response.raw_output_contents(0).size() != static_cast<std::size_t>(rows) * sizeof(float)) {
    std::fprintf(stderr, "an answer is not the one that was asked for\n");
    std::exit(1);
  }
  return response.raw_output_contents(0);
}

/// One connection and what is in flight on it.
class Lane {
 public:
  Lane(const Load& load, int index) : load_(load), request_(Request(load)) {
    ::grpc::ChannelArguments arguments;
    arguments.SetInt("bench.channel", index);  // another connection than the others'
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_.emplace(::grpc::CreateCustomChannel(load.address, ::grpc::InsecureChannelCredentials(), arguments));
  }
  void Run() {
    const Duration end = clock_.Elapsed() + load_.time;
    for (int i = 0; i < load_.in_flight; ++i) Start();
    void* tag = nullptr;
    bool ok = false;
    for (int open = load_.in_flight; open > 0 && queue_.Next(&tag, &ok);) {
      Finish(*static_cast<Call*>(tag));
      if (clock_.Elapsed() < end) {
        Start();
      } else {
        --open;
      }
    }
  }
  std::vector<Duration> latencies;

 private:
  struct Call {
    ::grpc::ClientContext context;
    std::unique_ptr<::grpc::GenericClientAsyncResponseReader> reader;
    ByteBuffer answer;
    ::grpc::Status status;
    Duration begun{0};
  };

  void Start() {
    auto* const call = new Call;
    call->begun = clock_.Elapsed();
    call->reader =
        stub_->PrepareUnaryCall(&call->context, "/inference.GRPCInferenceService/ModelInfer", request_, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->answer, &call->status, call);
  }
  void Finish(Call& call) {
    if (!call.status.ok()) {
      std::fprintf(stderr, "%s\n", call.status.error_message().c_str());
      std::exit(1);
    }
    latencies.push_back(clock_.Elapsed() - call.begun);
    const std::string answer = Answer(call.answer, load_.rows);
    if (first_.empty()) first_ = answer;
    if (answer != first_) {
      std::fprintf(stderr, "an answer differs from the first to the same request\n");
      std::exit(1);
    }
    delete &call;
  }

  const Load& load_;
  const ByteBuffer request_;
  RealClock clock_;
  ::grpc::CompletionQueue queue_;
  std::optional<::grpc::GenericStub> stub_;
  std::string first_;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Run(const Load& load) {
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < load.channels; ++i) lanes.push_back(std::make_unique<Lane>(load, i));
  const RealClock clock;
  const double cpu = CpuSeconds();
  const Duration begun = clock.Elapsed();
  std::vector<std::thread> threads;
  threads.reserve(lanes.size());
  for (const auto& lane : lanes) threads.emplace_back([&lane = *lane] { lane.Run(); });
  for (std::thread& thread : threads) thread.join();
  const double seconds = static_cast<double>((clock.Elapsed() - begun).count()) * 1e-6;
  std::vector<Duration> latencies;
  for (const auto& lane : lanes) latencies.insert(latencies.end(), lane->latencies.begin(), lane->latencies.end());
  std::sort(latencies.begin(), latencies.end());
  const auto count = static_cast<double>(latencies.size());
  const auto percentile = [&](double share) {
    return static_cast<double>(latencies[static_cast<std::size_t>(share * (count - 1))].count()) * 1e-3;
  };
  std::printf(
      "{\"requests\":%.0f,\"rows_per_second\":%.0f,\"p50_ms\":%.2f,\"p90_ms\":%.2f,\"p99_ms\":%.2f,"
      "\"cpu_us_per_request\":%.1f}\n",
      count, count * load.rows / seconds, percentile(0.5), percentile(0.9), percentile(0.99),
      (CpuSeconds() - cpu) * 1e6 / count);
}

}  // namespace
}  // namespace mw

int main(int argc, char** argv) {
  if (argc != 9) {
    std::fprintf(stderr, "usage: grpc_bench ADDRESS MODEL ROWS FEATURES CHANNELS IN_FLIGHT SECONDS MISSING\n");
    return 1;
  }
  mw::Run({.address = argv[1],
           .model = argv[2],
           .rows = std::atoi(argv[3]),
           .features = std::atoi(argv[4]),
           .channels = std::atoi(argv[5]),
           .in_flight = std::atoi(argv[6]),
           .time = std::chrono::milliseconds(static_cast<int>(std::atof(argv[7]) * 1000)),
           .missing = std::atof(argv[8])});
  return 0;
}
