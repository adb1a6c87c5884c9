// Puts the server together and takes it apart again.
#include "api/inference/grpc/grpc_server.h"

#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "api/inference/grpc/grpc_calls.h"
#include "base/log.h"
#include "net/socket.h"

namespace mw::api::inference {
namespace {

// What a connection may cost, beside the limits in GrpcServerOptions.
constexpr int kMetadataBytesMax = 32 << 10;
constexpr int kHandshakeTimeoutMs = 10'000;
constexpr int kKeepaliveMs = 60'000;  // a peer that is silent for so long is asked, and has 20 s to answer
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kPingIntervalMinMs = 10'000;  // clients that ping more often are sent away
/// Large tensors in large pieces: fewer turns of the receiver.
constexpr int kFrameBytesMax = 1 << 20;
constexpr int kStreamWindowBytes = 4 << 20;
constexpr auto kCutMargin = std::chrono::milliseconds(500);

/// While a server starts: what gRPC says of a port that it cannot have is said in a sentence of our own.
class Starting {
 public:
  Starting() { ++count_; }
  ~Starting() { --count_; }
  Starting(const Starting&) = delete;
  Starting& operator=(const Starting&) = delete;
  static bool Any() { return count_.load() > 0; }

 private:
  inline static std::atomic<int> count_{0};
};

/// gRPC's own log lines are the program's.
void LogOfGrpc(gpr_log_func_args* line) {
  if (Starting::Any()) return;
  LogWarning("grpc", {{"detail", line->message}, {"file", line->file}, {"line", line->line}});
}

/// Why nothing listens there, as the system says it to one who tries.
Error CannotListen(const std::string& host, int port) {
  const auto tried = net::ListenTcp(host, port);
  if (!tried.ok()) return tried.error();
  return Unavailable("cannot listen on ", net::HostPort(host, port), "; try again");
}

void SetOptions(const GrpcServerOptions& options, ::grpc::ServerBuilder& builder) {
  ::grpc::ResourceQuota quota("inference");
  quota.Resize(options.buffers_bytes_max);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);  // compressed_message.h does it
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);                   // a port that is taken is an error
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_max);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kFrameBytesMax);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kStreamWindowBytes);
}

}  // namespace

struct GrpcServer::Parts {
  GrpcServerOptions options;
  int port = 0;
  Services services;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::unique_ptr<::grpc::Server> server;
  std::vector<std::thread> threads;
};

GrpcServer::GrpcServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

GrpcServer::~GrpcServer() { Stop(); }

Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcServerOptions options,
                                                      const std::function<InferenceContext()>& new_thread) {
  gpr_set_log_function(LogOfGrpc);
  auto parts = std::make_unique<Parts>();
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t threads = options.threads > 0 ? static_cast<std::size_t>(options.threads) : cores;
  ::grpc::ServerBuilder builder;
  SetOptions(options, builder);
  builder.AddListeningPort(net::HostPort(options.host, options.port), ::grpc::InsecureServerCredentials(),
                           &parts->port);
  builder.RegisterService(&parts->services.infer);
  builder.RegisterAsyncGenericService(&parts->services.others);
  for (std::size_t i = 0; i < threads; ++i) {
    parts->lanes.push_back(
        std::make_unique<Lane>(new_thread(), parts->services, builder.AddCompletionQueue(), options.message_bytes_max));
  }
  const Starting starting;
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr) {
    for (const auto& lane : parts->lanes) lane->Close();
    for (const auto& lane : parts->lanes) lane->Run();
    return CannotListen(options.host, options.port).In("gRPC (--grpc-listen)");
  }
  parts->options = std::move(options);
  for (const auto& lane : parts->lanes) {
    ArmLane(*lane);
    parts->threads.emplace_back([&lane = *lane] { lane.Run(); });
  }
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(parts)));
}

int GrpcServer::port() const { return parts_->port; }

std::string GrpcServer::address() const { return net::HostPort(parts_->options.host, parts_->port); }

void GrpcServer::Stop() {
  if (parts_->server == nullptr) return;
  const auto grace = parts_->options.stop_grace;
  for (const auto& lane : parts_->lanes) {
    lane->mailbox()->Post([&lane = *lane, grace] { lane.BeginStop(grace); });
  }
  const auto cut = gpr_time_from_millis((grace + kCutMargin).count(), GPR_TIMESPAN);
  parts_->server->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), cut));
  for (const auto& lane : parts_->lanes) lane->mailbox()->Post([&lane = *lane] { lane.Close(); });
  for (std::thread& thread : parts_->threads) thread.join();
  parts_->server.reset();
}

}  // namespace mw::api::inference
