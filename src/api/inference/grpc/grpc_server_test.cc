// The server over real connections, asked by gRPC's own client: answers equal to the model's, errors, streams, health,
// many callers at once, and what stopping does to calls of every kind.
#include "api/inference/grpc/grpc_server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "base/random.h"
#include "health.pb.h"
#include "open_inference.pb.h"
#include "serving/backend/backend.h"
#include "serving/batcher.h"
#include "serving/model_control.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

namespace proto = ::inference;
using ::grpc::ByteBuffer;
using ::grpc::StatusCode;
using serving::testing::TestDirectory;

constexpr std::string_view kInference = "/inference.GRPCInferenceService/";
constexpr std::string_view kHealth = "/grpc.health.v1.Health/";
constexpr std::size_t kFeatures = 5;

ByteBuffer ToBuffer(const google::protobuf::MessageLite& message) {
  const ::grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}
template <typename Message>
Message FromBuffer(const ByteBuffer& buffer) {
  Message message;
  std::vector<::grpc::Slice> slices;
  std::string bytes;
  EXPECT_TRUE(!buffer.Valid() || buffer.Dump(&slices).ok());
  for (const ::grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

/// One connection and a queue; each call waits for its end.
class Client {
 public:
  explicit Client(const std::string& address)
      : channel_(::grpc::CreateChannel(address, ::grpc::InsecureChannelCredentials())), stub_(channel_) {}

  template <typename Response, typename Request>
  ::grpc::Status Ask(std::string_view path, const Request& request, Response& response,
                     ::grpc::ClientContext* context = nullptr) {
    ::grpc::ClientContext own;
    ByteBuffer answer;
    ::grpc::Status status;
    const auto call =
        stub_.PrepareUnaryCall(context == nullptr ? &own : context, std::string(path), ToBuffer(request), &queue_);
    call->StartCall();
    call->Finish(&answer, &status, &call_tag_);
    Await();
    if (status.ok()) response = FromBuffer<Response>(answer);
    return status;
  }
  /// Waits for the operation that was started last; its success.
  bool Await() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }
  /// A stream of messages both ways, driven by one operation at a time.
  std::unique_ptr<::grpc::GenericClientAsyncReaderWriter> Open(std::string_view path, ::grpc::ClientContext& context) {
    auto stream = stub_.PrepareCall(&context, std::string(path), &queue_);
    stream->StartCall(&call_tag_);
    Await();
    return stream;
  }
  void* tag() { return &call_tag_; }

 private:
  std::shared_ptr<::grpc::Channel> channel_;
  ::grpc::GenericStub stub_;
  ::grpc::CompletionQueue queue_;
  int call_tag_ = 0;
};

/// Code that is not ours: y = 2 x, later, when it is let.
class Doubler final : public serving::Backend, public serving::Runner {
 public:
  struct Gate {
    Mutex mutex;
    CondVar changed;
    bool closed MW_GUARDED_BY(mutex) = false;
    int waiting MW_GUARDED_BY(mutex) = 0;
    void Set(bool is_closed) {
      const Lock lock(mutex);
      closed = is_closed;
      changed.NotifyAll();
    }
    void AwaitRequest() {
      const Lock lock(mutex);
      while (waiting == 0) changed.Wait(mutex);
    }
  };
  explicit Doubler(Gate& gate) : gate_(gate) {
    info_.platform = "doubler";
    info_.inputs = {{"x", serving::Datatype::kFp32, {-1}}};
    info_.outputs = {{"y", serving::Datatype::kFp32, {-1}}};
  }
  [[nodiscard]] const serving::BackendInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<serving::Runner*> runners() override { return {this}; }
  Result<serving::TensorList> Run(const serving::TensorList& batch, Duration) override {
    {
      const Lock lock(gate_.mutex);
      ++gate_.waiting;
      gate_.changed.NotifyAll();
      while (gate_.closed) gate_.changed.Wait(gate_.mutex);
      --gate_.waiting;
    }
    const std::string_view bytes = batch[0].bytes;
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    for (float& value : values) value *= 2;
    serving::TensorList out;
    std::memcpy(out.Add("y", serving::Datatype::kFp32, batch[0].shape, bytes.size()).data(), values.data(),
                bytes.size());
    return out;
  }

 private:
  Gate& gate_;
  serving::BackendInfo info_;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  serving::CatalogOptions Options() {
    serving::CatalogOptions options;
    options.load = [this](const serving::LoadRequest& request) -> Result<std::shared_ptr<const serving::Model>> {
      if (request.path != "doubler") return serving::Model::Load(request.path);
      return serving::Model::OfBackend(std::make_unique<Doubler>(gate_));
    };
    options.estimate = [](const std::string&) { return std::int64_t{1} << 20; };
    options.batcher = &batcher_;
    return options;
  }
  void TearDown() override { gate_.Set(false); }
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
    ASSERT_TRUE(WriteFileDurably(directory_ / "m.json", serving::testing::RandomXgboostJson(5, names, 30, 5)).ok());
    ASSERT_TRUE(catalog_.Deploy("fraud", 1, "m", directory_ / "m.json").ok());
    ASSERT_TRUE(catalog_.Deploy("doubler", 1, "doubler", "doubler").ok());
    catalog_.SetReady(true);
    GrpcServerOptions options;
    options.port = 0;
    options.threads = 2;
    options.stop_grace = std::chrono::milliseconds(500);
    auto server = GrpcServer::Start(options, [this] {
      return InferenceContext{.catalog = catalog_,
                              .metrics = metrics_,
                              .clock = clock_,
                              .program_version = "0.0.test",
                              .access = lanes_.emplace_back(std::make_unique<serving::AccessLane>()).get(),
                              .control = control_.get(),
                              .admission = &admission_,
                              .shadow = &shadows_.NewSender()};
    });
    ASSERT_TRUE(server.ok()) << server.error().ToString();
    server_ = *std::move(server);
  }
  /// Starts again with a repository of the model "late" beside what there was.
  void ServeRepository(const serving::ControlRules& rules) {
    server_.reset();
    WriteLate(serving::testing::RandomXgboostJson(6, {"a"}));
    repository_ = *serving::ModelRepository::Open(directory_ / "models", catalog_);
    control_ = std::make_unique<serving::ModelControl>(catalog_, repository_, rules);
    SetUp();
    SetLogLevel(static_cast<LogLevel>(4));
  }
  void WriteLate(const std::string& text) {
    ASSERT_TRUE(MakeDirectories(directory_ / "models/late/1").ok());
    ASSERT_TRUE(WriteFileDurably(directory_ / "models/late/1/model.json", text).ok());
  }
  /// RepositoryModelLoad or RepositoryModelUnload.
  static ::grpc::Status Control(Client& client, std::string_view method, const std::string& model,
                                const std::string& authorization = "", const std::string& parameter = "") {
    proto::RepositoryModelLoadRequest request;  // of both methods
    proto::RepositoryModelLoadResponse response;
    request.set_model_name(model);
    if (!parameter.empty()) (*request.mutable_parameters())[parameter].set_string_param("{}");
    ::grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    return client.Ask(Cat(kInference, method), request, response, &context);
  }

  static proto::ModelInferRequest Request(const std::vector<float>& rows, std::string_view id) {
    proto::ModelInferRequest request;
    request.set_model_name("fraud");
    request.set_id(std::string(id));
    auto& input = *request.add_inputs();
    input.set_name("rows");
    input.set_datatype("FP32");
    input.add_shape(static_cast<std::int64_t>(rows.size() / kFeatures));
    input.add_shape(kFeatures);
    request.add_raw_input_contents(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(float));
    return request;
  }
  static proto::ModelInferRequest ToDouble(float value, std::string_view id) {
    proto::ModelInferRequest request;
    request.set_model_name("doubler");
    request.set_id(std::string(id));
    auto& input = *request.add_inputs();
    input.set_name("x");
    input.set_datatype("FP32");
    input.add_shape(1);
    input.mutable_contents()->add_fp32_contents(value);
    return request;
  }
  static float FirstOf(const proto::ModelInferResponse& response) {
    float value = NAN;
    if (response.raw_output_contents_size() > 0)
      std::memcpy(&value, response.raw_output_contents(0).data(), sizeof value);
    return value;
  }
  static std::vector<float> RandomRows(std::size_t count, Random& random) {
    std::vector<float> rows(count * kFeatures);
    for (float& value : rows) value = random.Below(10) == 0 ? NAN : static_cast<float>(random.Uniform() * 25);
    return rows;
  }
  std::string Expected(const std::vector<float>& rows) {
    std::vector<float> values(rows.size() / kFeatures);
    catalog_.Live("fraud")->model->Predict(rows, values.size(), values);
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  }
  Result<proto::ModelInferResponse> Infer(Client& client, const proto::ModelInferRequest& request) {
    proto::ModelInferResponse response;
    const ::grpc::Status status = client.Ask(Cat(kInference, "ModelInfer"), request, response);
    if (!status.ok()) return Error{static_cast<Code>(status.error_code()), status.error_message(), {}};
    return response;
  }

  TestDirectory directory_;
  MetricsRegistry metrics_;
  RealClock clock_;
  Doubler::Gate gate_;
  serving::Admission admission_{serving::AdmissionSettings{}, clock_, metrics_};
  serving::Batcher batcher_{clock_, metrics_};
  serving::Catalog catalog_{metrics_, Options()};
  std::shared_ptr<serving::ModelRepository> repository_;
  std::unique_ptr<serving::ModelControl> control_;
  serving::ShadowLane shadows_;
  std::vector<std::unique_ptr<serving::AccessLane>> lanes_;  // of the threads
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(GrpcServerTest, AnswersWithTheBitsOfTheModel) {
  Client client(server_->address());
  Random random(1);
  for (const std::size_t count : {1, 2, 33, 1'024, 20'000}) {
    const std::vector<float> rows = RandomRows(count, random);
    const auto response = Infer(client, Request(rows, "the-id"));
    ASSERT_TRUE(response.ok()) << response.error().ToString();
    EXPECT_EQ(response->id(), "the-id");
    EXPECT_EQ(response->model_version(), "1");
    EXPECT_EQ(response->raw_output_contents(0), Expected(rows));
  }
}

TEST_F(GrpcServerTest, TheAccessLogIsToldOfEachCallAndItsTrace) {
  Client client(server_->address());
  const auto ask = [&client](const proto::ModelInferRequest& request, bool traced) {
    ::grpc::ClientContext context;
    if (traced) context.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    proto::ModelInferResponse response;
    return client.Ask(Cat(kInference, "ModelInfer"), request, response, &context).ok();
  };
  Random random(1);
  EXPECT_TRUE(ask(Request(RandomRows(3, random), "now"), true));
  EXPECT_TRUE(ask(ToDouble(4, "late"), true));
  proto::ModelInferRequest unknown = ToDouble(4, "unknown");
  unknown.set_model_name("nobody");
  EXPECT_FALSE(ask(unknown, false));
  server_.reset();
  std::map<std::string, Json> lines;
  for (const auto& lane : lanes_) {
    lane->Drain([&lines](const serving::AccessEntry& entry) {
      std::string line;
      AppendLine(entry, Duration{0}, line);
      const Json parsed = *Json::Parse(line);
      lines[parsed.StringOr("id", parsed.StringOr("outcome", ""))] = parsed;
    });
  }
  ASSERT_EQ(lines.size(), 3U);
  for (const char* id : {"now", "late"}) {
    const Json& line = lines.at(id);
    EXPECT_EQ(line.StringOr("protocol", ""), "grpc");
    EXPECT_EQ(line.StringOr("trace_id", ""), "0af7651916cd43dd8448eb211c80319c") << id;
    EXPECT_EQ(line.StringOr("client", ""), "127.0.0.1") << id;
    EXPECT_GT(line.IntOr("request_bytes", 0), 10) << id;
    EXPECT_GT(line.IntOr("response_bytes", 0), 10) << id;
  }
  EXPECT_EQ(lines.at("now").IntOr("rows", 0), 3);
  EXPECT_EQ(lines.at("late").StringOr("endpoint", ""), "doubler");
  EXPECT_EQ(lines.at("refused").StringOr("code", ""), "NOT_FOUND");
  EXPECT_EQ(lines.at("refused").StringOr("endpoint", ""), "nobody");
  EXPECT_EQ(lines.at("refused").Find("trace_id"), nullptr);
}

TEST_F(GrpcServerTest, ManyCallersNeverSeeOneAnother) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Client client(server_->address());
      Random random(static_cast<std::uint64_t>(i));
      for (int round = 0; round < 250; ++round) {
        const std::vector<float> rows = RandomRows(1 + random.Below(300), random);
        const std::string id = Cat(i, "-", round);
        const auto response = Infer(client, Request(rows, id));
        if (!response.ok() || response->id() != id || response->raw_output_contents(0) != Expected(rows)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(GrpcServerTest, RefusesWithTheCodeAndTheReason) {
  Client client(server_->address());
  const std::vector<float> rows(kFeatures, 1);
  proto::ModelInferRequest request = Request(rows, "");
  request.set_model_name("frauds");
  EXPECT_EQ(Infer(client, request).error().ToString(), "no model \"frauds\" is served here; did you mean \"fraud\"");
  EXPECT_EQ(Infer(client, request).error().code, Code::kNotFound);
  request = Request(rows, "");
  request.set_model_version("9");
  EXPECT_EQ(Infer(client, request).error().code, Code::kNotFound);
  request = Request(rows, "");
  request.mutable_inputs(0)->set_shape(1, 4);
  EXPECT_EQ(Infer(client, request).error().code, Code::kInvalidArgument);
  proto::ServerLiveResponse response;
  EXPECT_EQ(client.Ask(Cat(kInference, "SystemSharedMemoryStatus"), request, response).error_code(),
            StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(client.Ask("/other.Service/Method", request, response).error_code(), StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcServerTest, RefusesAMessageThatIsTooLarge) {
  Client client(server_->address());
  proto::ModelInferRequest request;
  request.add_raw_input_contents(std::string(std::size_t{66} << 20, 'x'));
  EXPECT_EQ(Infer(client, request).error().code, Code::kResourceExhausted);
}

TEST_F(GrpcServerTest, MetadataNamesTheClientAndWhoIsNotLetInIsToldWhenToComeBack) {
  const wire::AdmissionRules rules{
      .client_header = "X-Client", .shares = {{"shop", 1'000}}, .rows_per_second_max = 1'001};
  catalog_.SetAdmission(rules);
  admission_.Update(*serving::AdmissionSettingsOf(rules));
  Client client(server_->address());
  const proto::ModelInferRequest request = Request(std::vector<float>(50 * kFeatures, 1), "");
  const auto ask = [&](const char* name, ::grpc::ClientContext& context) {
    context.AddMetadata("x-client", name);
    proto::ModelInferResponse response;
    return client.Ask(Cat(kInference, "ModelInfer"), request, response, &context).error_code();
  };
  ::grpc::ClientContext first, second, third;
  EXPECT_EQ(ask("stranger", first), StatusCode::OK);
  EXPECT_EQ(ask("stranger", second), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(second.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1U);
  EXPECT_EQ(ask("shop", third), StatusCode::OK);
  server_->Stop();  // a call's rows are given back behind its answer
  EXPECT_EQ(admission_.rows_in_flight(), 0U);
}

TEST_F(GrpcServerTest, MetadataOrAParameterKeepsACallerWithItsVersion) {
  const std::string m = directory_ / "m.json";
  struct Here final : serving::ModelSource {
    Result<std::string> Locate(const std::string& source) override { return source; }
  };
  wire::DesiredEndpoint endpoint{"fraud", "fraud", 1, m};
  endpoint.traffic.versions = {{1, m, 5'000}, {2, m, 5'000}};
  Client client(server_->address());
  for (const auto from : {wire::StickyKey::From::kHeader, wire::StickyKey::From::kParameter}) {
    endpoint.settings.sticky = {from, "x-user"};
    catalog_.Want(endpoint, std::make_shared<Here>());
    ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(10)));
    int second = 0;
    for (std::int64_t user = 0; user < 30; ++user) {
      std::string version;
      for (int again = 0; again < 3; ++again) {
        ::grpc::ClientContext context;
        proto::ModelInferRequest request = Request(std::vector<float>(kFeatures, 1), "");
        if (from == wire::StickyKey::From::kHeader) {
          context.AddMetadata("x-user", Cat(user));
        } else {
          (*request.mutable_parameters())["x-user"].set_int64_param(user);
        }
        proto::ModelInferResponse response;
        ASSERT_TRUE(client.Ask(Cat(kInference, "ModelInfer"), request, response, &context).ok());
        EXPECT_TRUE(again == 0 || response.model_version() == version) << user;
        version = response.model_version();
      }
      second += version == "2" ? 1 : 0;
    }
    EXPECT_GT(second, 5);
    EXPECT_LT(second, 25);
  }
}

TEST_F(GrpcServerTest, AShadowIsShownWhatCameByEitherKindOfCall) {
  const std::string m = directory_ / "m.json";
  struct Here final : serving::ModelSource {
    Result<std::string> Locate(const std::string& source) override { return source; }
  };
  wire::DesiredEndpoint endpoint{"fraud", "fraud", 1, m};
  endpoint.traffic.shadow = wire::ShadowVersion{2, m};
  catalog_.Want(endpoint, std::make_shared<Here>());
  ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(10)));
  Client client(server_->address());
  Random random(4);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Infer(client, Request(RandomRows(7, random), "")).ok());
  const serving::ShadowMetrics shadow(metrics_, "fraud", "2");
  const Duration deadline = clock_.Elapsed() + std::chrono::seconds(10);
  while (shadow.requests.Value() < 5 && clock_.Elapsed() < deadline) std::this_thread::yield();
  EXPECT_EQ(shadow.Outcome(), (wire::ShadowOutcome{.requests = 5, .rows = 35})) << "of one model: no difference";
}

TEST_F(GrpcServerTest, ACallWaitsForAModelThatIsOnItsWayAsLongAsItsDeadline) {
  catalog_.SetMemoryMax(std::int64_t{1} << 20);
  // There is room for one: whichever was asked last.
  Client client(server_->address());
  const std::vector<float> rows(kFeatures, 1);
  for (int turn = 0; turn < 3; ++turn) {
    const auto fraud = Infer(client, Request(rows, "f"));
    ASSERT_TRUE(fraud.ok()) << fraud.error().ToString();
    const auto doubled = Infer(client, ToDouble(4, "d"));
    ASSERT_TRUE(doubled.ok()) << doubled.error().ToString();
    EXPECT_EQ(FirstOf(*doubled), 8);
  }
}

TEST_F(GrpcServerTest, TellsWhatIsServed) {
  Client client(server_->address());
  proto::ServerMetadataResponse server;
  ASSERT_TRUE(client.Ask(Cat(kInference, "ServerMetadata"), proto::ServerMetadataRequest(), server).ok());
  EXPECT_EQ(server.name(), "millwright");
  EXPECT_EQ(server.version(), "0.0.test");
  proto::ModelReadyRequest which;
  proto::ModelReadyResponse ready;
  which.set_name("fraud");
  ASSERT_TRUE(client.Ask(Cat(kInference, "ModelReady"), which, ready).ok());
  EXPECT_TRUE(ready.ready());
  which.set_version("2");
  ASSERT_TRUE(client.Ask(Cat(kInference, "ModelReady"), which, ready).ok());
  EXPECT_FALSE(ready.ready());
  proto::ModelMetadataRequest model;
  proto::ModelMetadataResponse metadata;
  model.set_name("fraud");
  ASSERT_TRUE(client.Ask(Cat(kInference, "ModelMetadata"), model, metadata).ok());
  EXPECT_EQ(metadata.inputs_size(), 5);
  EXPECT_EQ(metadata.inputs(4).name(), "e");
  EXPECT_EQ(metadata.outputs(0).datatype(), "FP32");
  proto::RepositoryIndexResponse index;
  ASSERT_TRUE(client.Ask(Cat(kInference, "RepositoryIndex"), proto::RepositoryIndexRequest(), index).ok());
  ASSERT_EQ(index.models_size(), 2);
  EXPECT_EQ(index.models(0).state(), "READY");
}

TEST_F(GrpcServerTest, CountsWhatItAnswered) {
  Client client(server_->address());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Infer(client, Request(std::vector<float>(2 * kFeatures, 1), "")).ok());
  proto::ModelStatisticsRequest request;
  request.set_name("fraud");
  proto::ModelStatisticsResponse response;
  const Duration deadline = clock_.Elapsed() + std::chrono::seconds(10);
  do {  // the other thread's counts come a moment later
    ASSERT_TRUE(client.Ask(Cat(kInference, "ModelStatistics"), request, response).ok());
    ASSERT_EQ(response.model_stats_size(), 1);
  } while (response.model_stats(0).inference_count() < 6 && clock_.Elapsed() < deadline);
  EXPECT_EQ(response.model_stats(0).inference_count(), 6U);
  EXPECT_EQ(response.model_stats(0).inference_stats().success().count(), 3U);
}

TEST_F(GrpcServerTest, StreamsAnAnswerForEachRequestInOrder) {
  Client client(server_->address());
  ::grpc::ClientContext context;
  const auto stream = client.Open(Cat(kInference, "ModelStreamInfer"), context);
  Random random(2);
  constexpr int kRequests = 40;
  std::vector<std::string> expected;
  for (int i = 0; i < kRequests; ++i) {  // more than the server answers ahead
    const std::vector<float> rows = RandomRows(1 + random.Below(20), random);
    proto::ModelInferRequest request = Request(rows, Cat(i));
    if (i % 7 == 3) request.set_model_name("nobody");
    expected.push_back(i % 7 == 3 ? "" : Expected(rows));
    stream->Write(ToBuffer(request), client.tag());
    ASSERT_TRUE(client.Await());
  }
  stream->WritesDone(client.tag());
  ASSERT_TRUE(client.Await());
  for (int i = 0; i < kRequests; ++i) {
    ByteBuffer buffer;
    stream->Read(&buffer, client.tag());
    ASSERT_TRUE(client.Await());
    const auto response = FromBuffer<proto::ModelStreamInferResponse>(buffer);
    EXPECT_EQ(response.infer_response().id(), Cat(i));
    EXPECT_EQ(response.error_message().empty(), !expected[static_cast<std::size_t>(i)].empty());
    if (response.error_message().empty()) {
      EXPECT_EQ(response.infer_response().raw_output_contents(0), expected[static_cast<std::size_t>(i)]);
    }
  }
  ::grpc::Status status;
  stream->Finish(&status, client.tag());
  ASSERT_TRUE(client.Await());
  EXPECT_TRUE(status.ok());
}

TEST_F(GrpcServerTest, ChecksHealth) {
  using Health = ::grpc::health::v1::HealthCheckResponse;
  Client client(server_->address());
  ::grpc::health::v1::HealthCheckRequest request;
  Health response;
  ASSERT_TRUE(client.Ask(Cat(kHealth, "Check"), request, response).ok());
  EXPECT_EQ(response.status(), Health::SERVING);
  request.set_service("inference.GRPCInferenceService");
  ASSERT_TRUE(client.Ask(Cat(kHealth, "Check"), request, response).ok());
  catalog_.SetReady(false);
  ASSERT_TRUE(client.Ask(Cat(kHealth, "Check"), request, response).ok());
  EXPECT_EQ(response.status(), Health::NOT_SERVING);
  request.set_service("nobody");
  EXPECT_EQ(client.Ask(Cat(kHealth, "Check"), request, response).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(GrpcServerTest, TellsAWatcherOfEachChangeUntilItStops) {
  using Health = ::grpc::health::v1::HealthCheckResponse;
  Client client(server_->address());
  ::grpc::ClientContext context;
  const auto stream = client.Open(Cat(kHealth, "Watch"), context);
  stream->WriteLast(ToBuffer(::grpc::health::v1::HealthCheckRequest()), {}, client.tag());
  ASSERT_TRUE(client.Await());
  const auto next = [&] {
    ByteBuffer buffer;
    stream->Read(&buffer, client.tag());
    return client.Await() ? FromBuffer<Health>(buffer).status() : Health::UNKNOWN;
  };
  EXPECT_EQ(next(), Health::SERVING);
  catalog_.SetReady(false);
  EXPECT_EQ(next(), Health::NOT_SERVING);
  catalog_.SetReady(true);
  EXPECT_EQ(next(), Health::SERVING);
  std::thread stop([this] { server_->Stop(); });
  EXPECT_EQ(next(), Health::NOT_SERVING);
  EXPECT_EQ(next(), Health::UNKNOWN);  // the end
  ::grpc::Status status;
  stream->Finish(&status, client.tag());
  client.Await();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  stop.join();
}

TEST_F(GrpcServerTest, StopEndsAnIdleStreamAtOnce) {
  Client client(server_->address());
  ::grpc::ClientContext context;
  const auto stream = client.Open(Cat(kInference, "ModelStreamInfer"), context);
  stream->Write(ToBuffer(Request(std::vector<float>(kFeatures, 1), "1")), client.tag());
  ASSERT_TRUE(client.Await());
  ByteBuffer buffer;
  stream->Read(&buffer, client.tag());
  ASSERT_TRUE(client.Await());
  const Duration start = clock_.Elapsed();
  std::thread stop([this] { server_->Stop(); });
  ::grpc::Status status;
  stream->Finish(&status, client.tag());
  client.Await();
  stop.join();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_LT(clock_.Elapsed() - start, std::chrono::seconds(2));
}

TEST_F(GrpcServerTest, RequestsInFlightAreAnsweredWhileItStops) {
  std::atomic<int> answered{0}, wrong{0};
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Client client(server_->address());
      const proto::ModelInferRequest request = Request(std::vector<float>(100 * kFeatures, 1), "");
      for (;;) {
        const auto response = Infer(client, request);
        if (response.ok()) {
          ++answered;
        } else {
          // A call that crosses with the server's good-bye is not begun; nothing else may go wrong.
          const Code code = response.error().code;
          if (!stopping || (code != Code::kUnavailable && code != Code::kCancelled)) ++wrong;
          break;
        }
      }
    });
  }
  while (answered < 100) std::this_thread::yield();
  stopping = true;
  server_->Stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(GrpcServerTest, LateAnswersComeBackToTheirOwnCalls) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Client client(server_->address());
      for (int round = 0; round < 100; ++round) {
        const auto value = static_cast<float>(1000 * i + round);
        const auto response = Infer(client, ToDouble(value, Cat(i, "-", round)));
        if (!response.ok() || response->id() != Cat(i, "-", round) || FirstOf(*response) != 2 * value) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(GrpcServerTest, AStreamKeepsItsOrderWhenAnswersAreLate) {
  Client client(server_->address());
  ::grpc::ClientContext context;
  const auto stream = client.Open(Cat(kInference, "ModelStreamInfer"), context);
  for (int i = 0; i < 10; ++i) {
    const bool late = i % 2 == 0;
    stream->Write(ToBuffer(late ? ToDouble(static_cast<float>(i), Cat(i)) : Request(std::vector<float>(5, 1), Cat(i))),
                  client.tag());
    ASSERT_TRUE(client.Await());
  }
  for (int i = 0; i < 10; ++i) {
    ByteBuffer buffer;
    stream->Read(&buffer, client.tag());
    ASSERT_TRUE(client.Await());
    const auto response = FromBuffer<proto::ModelStreamInferResponse>(buffer);
    EXPECT_EQ(response.error_message(), "");
    EXPECT_EQ(response.infer_response().id(), Cat(i));
    EXPECT_TRUE(i % 2 == 1 || FirstOf(response.infer_response()) == static_cast<float>(2 * i));
  }
  context.TryCancel();
  ::grpc::Status status;
  stream->Finish(&status, client.tag());
  client.Await();
}

TEST_F(GrpcServerTest, StopGivesUpAnAnswerThatDoesNotCome) {
  gate_.Set(true);
  std::thread stop([this] {
    gate_.AwaitRequest();
    server_->Stop();
  });
  Client client(server_->address());
  const auto response = Infer(client, ToDouble(1, "1"));
  stop.join();
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_EQ(response.error().message, "the server is stopping");
}

TEST_F(GrpcServerTest, ADeadlineReachesTheQueue) {
  gate_.Set(true);
  Client client(server_->address());
  proto::ModelInferRequest request = ToDouble(1, "1");
  (*request.mutable_parameters())["timeout"].set_int64_param(50'000);  // the server's answer, not the client's
  EXPECT_EQ(Infer(client, request).error().code, Code::kDeadlineExceeded);
}

TEST_F(GrpcServerTest, LoadsAndUnloadsModelsOfARepository) {
  ServeRepository({.on_loopback = true});
  Client client(server_->address());
  proto::ModelReadyRequest which;
  proto::ModelReadyResponse ready;
  which.set_name("late");
  const auto is_ready = [&] {
    EXPECT_TRUE(client.Ask(Cat(kInference, "ModelReady"), which, ready).ok());
    return ready.ready();
  };
  EXPECT_FALSE(is_ready());
  EXPECT_TRUE(Control(client, "RepositoryModelLoad", "late", "", "unload_dependents").ok());
  EXPECT_TRUE(is_ready());
  WriteLate("{");
  const ::grpc::Status refused = Control(client, "RepositoryModelLoad", "late");
  EXPECT_EQ(refused.error_code(), StatusCode::INVALID_ARGUMENT) << refused.error_message();
  EXPECT_TRUE(is_ready()) << "what answered goes on";
  EXPECT_TRUE(Control(client, "RepositoryModelUnload", "late").ok());
  EXPECT_FALSE(is_ready());
  EXPECT_EQ(Control(client, "RepositoryModelLoad", "nobody").error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Control(client, "RepositoryModelLoad", "../late").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Control(client, "RepositoryModelLoad", "late", "", "config").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Control(client, "RepositoryModelLoad", "late", "", "file:1/model.json").error_code(),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Control(client, "RepositoryModelUnload", "nobody").error_code(), StatusCode::NOT_FOUND);
}

TEST_F(GrpcServerTest, ControlWantsTheServersToken) {
  Client without(server_->address());
  EXPECT_EQ(Control(without, "RepositoryModelLoad", "late").error_code(), StatusCode::FAILED_PRECONDITION);
  ServeRepository({.on_loopback = false, .token = "mw_secret"});
  Client client(server_->address());
  EXPECT_EQ(Control(client, "RepositoryModelLoad", "late").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Control(client, "RepositoryModelLoad", "late", "Bearer x").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(Control(client, "RepositoryModelLoad", "late", "Bearer mw_secret").ok());
}

TEST_F(GrpcServerTest, SaysThatAPortIsTaken) {
  GrpcServerOptions options;
  options.port = server_->port();
  SetLogLevel(LogLevel::kInfo);
  ::testing::internal::CaptureStderr();
  const auto second = GrpcServer::Start(options, [this] {
    return InferenceContext{catalog_, metrics_, clock_, "0.0.test", nullptr};
  });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "gRPC's own account of it";
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_EQ(second.error().ToString(),
            Cat("gRPC (--grpc-listen): cannot listen on 127.0.0.1:", server_->port(),
                ": address already in use; end the program that uses it or choose another port"));
}

}  // namespace
}  // namespace mw::api::inference
