// Many random requests at once, by every REST protocol and gRPC, over four models of different kinds: each row's answer
// equals the answer that the model gave for that row alone, beforehand. 10,000 requests, or as many as SOAK_REQUESTS
// says.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

#include "api/inference/grpc/grpc_server.h"
#include "api/inference/test_backend.h"
#include "api/inference/test_server.h"
#include "base/random.h"
#include "open_inference.pb.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using net::TestClient;
using serving::Datatype;
using serving::testing::TestFeatures;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::int64_t kEqualityRequests = 1'000;
#else
constexpr std::int64_t kEqualityRequests = 10'000;
#endif
constexpr std::size_t kEqualityClients = 6, kPool = 200, kRowsMax = 5, kGroupMax = 16;

enum class Protocol : std::uint8_t { kV2Json, kV2Binary, kV1Rows, kV1Columns, kMlflowSplit, kMlflowRecords, kGrpc };
constexpr std::uint64_t kProtocols = 7;

/// An input or an output.
struct SubjectTensor {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::size_t width = 0;  // values of a row; 0: one, without a dimension of its own
  bool truth = false;     // JSON says true and false, bytes say 1 and 0
};

struct PoolRow {
  std::vector<std::string> json, bytes;  // of each input
  std::vector<std::string> expected;     // of each output, as Told
};

struct Subject {
  std::string name;
  std::vector<SubjectTensor> inputs, outputs;
  std::vector<PoolRow> rows;
};

/// What a cell says, to the last bit.
std::string Told(Datatype datatype, const Json& value) {
  if (datatype == Datatype::kBytes) return value.AsString();
  if (datatype == Datatype::kFp32) return Cat(std::bit_cast<std::uint32_t>(static_cast<float>(value.AsDouble())), ",");
  return value.Dump() + ",";
}
std::string Told(float value) { return Told(Datatype::kFp32, Json(static_cast<double>(value))); }

std::string Told(const SubjectTensor& output, const Json& value) {
  if (output.width == 0) return Told(output.datatype, value);
  std::string told;
  for (const Json& cell : value.AsArray()) told += Told(output.datatype, cell);
  return told;
}

std::string BytesOf(const auto& value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

/// A cell of a binary tensor.
std::string Bytes(Datatype datatype, const Json& value) {
  std::string bytes;
  if (datatype == Datatype::kBytes) {
    serving::AppendElement(bytes, value.IsNull() ? "" : value.AsString());
    return bytes;
  }
  const double number = value.IsNull() ? std::nan("") : value.IsBool() ? (value.AsBool() ? 1 : 0) : value.AsDouble();
  return datatype == Datatype::kFp32 ? BytesOf(static_cast<float>(number)) : BytesOf(number);
}

// ---- requests

std::string Shape(const SubjectTensor& tensor, std::size_t rows) {
  return tensor.width == 0 ? Cat("[", rows, "]") : Cat("[", rows, ",", tensor.width, "]");
}

std::string Joined(const Subject& subject, const std::vector<std::size_t>& rows, std::size_t input) {
  std::string list = "[";
  for (const std::size_t row : rows) CatTo(list, list.size() > 1 ? "," : "", subject.rows[row].json[input]);
  return list + "]";
}

std::string RowList(const Subject& subject, std::size_t row) {
  std::string list = "[";
  for (const std::string& cell : subject.rows[row].json) CatTo(list, list.size() > 1 ? "," : "", cell);
  return list + "]";
}

std::string RowObject(const Subject& subject, std::size_t row) {
  std::string object = "{";
  for (std::size_t i = 0; i < subject.inputs.size(); ++i) {
    CatTo(object, i > 0 ? "," : "", "\"", subject.inputs[i].name, "\":", subject.rows[row].json[i]);
  }
  return object + "}";
}

std::string List(const std::vector<std::size_t>& rows, const auto& make) {
  std::string list = "[";
  for (const std::size_t row : rows) CatTo(list, list.size() > 1 ? "," : "", make(row));
  return list + "]";
}

std::string Post(std::string_view path, std::string_view body, std::string_view headers = "") {
  return Cat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(), "\r\n", headers, "\r\n",
             body);
}

std::string V2Request(const Subject& subject, const std::vector<std::size_t>& rows, std::string_view id, bool binary) {
  std::string inputs, tail;
  for (std::size_t i = 0; i < subject.inputs.size(); ++i) {
    const SubjectTensor& input = subject.inputs[i];
    std::string bytes;
    for (const std::size_t row : rows) bytes += subject.rows[row].bytes[i];
    CatTo(inputs, i > 0 ? "," : "", R"({"name":")", input.name, R"(","shape":)", Shape(input, rows.size()),
          R"(,"datatype":")", input.truth && !binary ? "BOOL" : serving::DatatypeName(input.datatype), "\",");
    if (binary) {
      CatTo(inputs, R"("parameters":{"binary_data_size":)", bytes.size(), "}}");
      tail += bytes;
    } else {
      CatTo(inputs, "\"data\":", Joined(subject, rows, i), "}");
    }
  }
  const std::string json = Cat(R"({"id":")", id, R"(","inputs":[)", inputs, "]}");
  return Post(Cat("/v2/models/", subject.name, "/infer"), json + tail,
              binary ? Cat("Inference-Header-Content-Length: ", json.size(), "\r\n") : "");
}

std::string RecordBody(const Subject& subject, const std::vector<std::size_t>& rows, Protocol protocol) {
  const auto object = [&](std::size_t row) { return RowObject(subject, row); };
  const auto list = [&](std::size_t row) { return RowList(subject, row); };
  if (protocol == Protocol::kV1Rows) return Cat(R"("instances":)", List(rows, object));
  if (protocol == Protocol::kMlflowRecords) return Cat(R"("dataframe_records":)", List(rows, object));
  std::string names, columns;
  for (std::size_t i = 0; i < subject.inputs.size(); ++i) {
    CatTo(names, i > 0 ? "," : "", "\"", subject.inputs[i].name, "\"");
    CatTo(columns, i > 0 ? "," : "", "\"", subject.inputs[i].name, "\":", Joined(subject, rows, i));
  }
  if (protocol == Protocol::kV1Columns) return Cat(R"("inputs":{)", columns, "}");
  return Cat(R"("dataframe_split":{"columns":[)", names, R"(],"data":)", List(rows, list), "}");
}

std::string RequestOf(const Subject& subject, const std::vector<std::size_t>& rows, std::string_view id,
                      Protocol protocol) {
  if (protocol <= Protocol::kV2Binary) return V2Request(subject, rows, id, protocol == Protocol::kV2Binary);
  const bool v1 = protocol == Protocol::kV1Rows || protocol == Protocol::kV1Columns;
  return Post(v1 ? Cat("/v1/models/", subject.name, ":predict") : Cat("/models/", subject.name, "/invocations"),
              Cat("{", RecordBody(subject, rows, protocol), R"(,"id":")", id, "\"}"));
}

// ---- answers

using Answers = std::vector<std::vector<std::string>>;  // of each row, of each output, as Told

Answers V2Answers(const Subject& subject, const Json& answer, std::size_t rows) {
  Answers answers(rows);
  for (std::size_t i = 0; i < subject.outputs.size(); ++i) {
    const SubjectTensor& output = subject.outputs[i];
    const Json& tensor = answer.Find("outputs")->AsArray().at(i);
    EXPECT_EQ(tensor.StringOr("name", ""), output.name);
    const std::size_t width = std::max<std::size_t>(1, output.width);
    const Json::Array& data = tensor.Find("data")->AsArray();
    EXPECT_EQ(data.size(), rows * width);
    for (std::size_t row = 0; row < rows; ++row) {
      std::string& told = answers[row].emplace_back();
      for (std::size_t at = 0; at < width; ++at) told += Told(output.datatype, data.at(row * width + at));
    }
  }
  return answers;
}

Answers RowAnswers(const Subject& subject, const Json& list, std::size_t rows) {
  Answers answers;
  EXPECT_EQ(list.AsArray().size(), rows);
  for (const Json& row : list.AsArray()) {
    std::vector<std::string>& told = answers.emplace_back();
    for (const SubjectTensor& output : subject.outputs) {
      told.push_back(Told(output, subject.outputs.size() == 1 ? row : *row.Find(output.name)));
    }
  }
  return answers;
}

Answers ColumnAnswers(const Subject& subject, const Json& outputs, std::size_t rows) {
  Answers answers(rows);
  for (const SubjectTensor& output : subject.outputs) {
    const Json& column = subject.outputs.size() == 1 ? outputs : *outputs.Find(output.name);
    for (std::size_t row = 0; row < rows; ++row) answers[row].push_back(Told(output, column.AsArray().at(row)));
  }
  return answers;
}

Answers AnswersOf(const Subject& subject, const Json& answer, std::size_t rows, Protocol protocol) {
  if (protocol <= Protocol::kV2Binary) return V2Answers(subject, answer, rows);
  if (protocol == Protocol::kV1Columns) return ColumnAnswers(subject, *answer.Find("outputs"), rows);
  return RowAnswers(subject, *answer.Find("predictions"), rows);
}

// ---- gRPC

::grpc::ByteBuffer GrpcRequest(const Subject& subject, const std::vector<std::size_t>& rows, const std::string& id) {
  ::inference::ModelInferRequest request;
  request.set_model_name(subject.name);
  request.set_id(id);
  for (std::size_t i = 0; i < subject.inputs.size(); ++i) {
    const SubjectTensor& input = subject.inputs[i];
    auto& tensor = *request.add_inputs();
    tensor.set_name(input.name);
    tensor.set_datatype(std::string(serving::DatatypeName(input.datatype)));
    tensor.add_shape(static_cast<std::int64_t>(rows.size()));
    if (input.width > 0) tensor.add_shape(static_cast<std::int64_t>(input.width));
    std::string& bytes = *request.add_raw_input_contents();
    for (const std::size_t row : rows) bytes += subject.rows[row].bytes[i];
  }
  const ::grpc::Slice slice(request.SerializeAsString());
  return {&slice, 1};
}

template <typename Value>
Value Take(std::string_view& bytes) {
  Value value{};
  EXPECT_GE(bytes.size(), sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

/// The next value of a raw tensor.
std::string TakeTold(Datatype datatype, std::string_view& bytes) {
  switch (datatype) {
    case Datatype::kFp32: return Told(Take<float>(bytes));
    case Datatype::kInt64: return Cat(Take<std::int64_t>(bytes), ",");
    case Datatype::kBool: return Told(datatype, Json(Take<std::uint8_t>(bytes) == 1));
    default: break;
  }
  const auto size = Take<std::uint32_t>(bytes);
  EXPECT_GE(bytes.size(), size);
  std::string text(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return text;
}

Answers GrpcAnswers(const Subject& subject, const ::inference::ModelInferResponse& response, std::size_t rows) {
  Answers answers(rows);
  EXPECT_EQ(response.raw_output_contents_size(), static_cast<int>(subject.outputs.size()));
  for (int i = 0; i < response.raw_output_contents_size(); ++i) {
    const SubjectTensor& output = subject.outputs[static_cast<std::size_t>(i)];
    EXPECT_EQ(response.outputs(i).name(), output.name);
    std::string_view bytes = response.raw_output_contents(i);
    for (std::vector<std::string>& row : answers) {
      std::string& told = row.emplace_back();
      for (std::size_t at = 0; at < std::max<std::size_t>(1, output.width); ++at) {
        told += TakeTold(output.datatype, bytes);
      }
    }
    EXPECT_TRUE(bytes.empty());
  }
  return answers;
}

/// Calls that are on their way.
class GrpcCalls {
 public:
  explicit GrpcCalls(const std::string& address)
      : stub_(::grpc::CreateChannel(address, ::grpc::InsecureChannelCredentials())) {}

  void Start(const Subject& subject, const std::vector<std::size_t>& rows, const std::string& id) {
    Call& call = *calls_.emplace_back(std::make_unique<Call>());
    call.id = id;
    call.reader = stub_.PrepareUnaryCall(&call.context, "/inference.GRPCInferenceService/ModelInfer",
                                         GrpcRequest(subject, rows, id), &queue_);
    call.reader->StartCall();
    call.reader->Finish(&call.answer, &call.status, &call);
  }
  /// Waits for all of them; what came, by id.
  std::map<std::string, ::inference::ModelInferResponse> Finish() {
    std::map<std::string, ::inference::ModelInferResponse> responses;
    for (std::size_t left = calls_.size(); left > 0; --left) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue_.Next(&tag, &ok)) break;
      Call& call = *static_cast<Call*>(tag);
      EXPECT_TRUE(call.status.ok()) << call.status.error_message();
      if (!call.status.ok()) continue;
      std::vector<::grpc::Slice> slices;
      EXPECT_TRUE(call.answer.Dump(&slices).ok());
      std::string bytes;
      for (const ::grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
      EXPECT_TRUE(responses[call.id].ParseFromString(bytes));
    }
    calls_.clear();
    return responses;
  }

 private:
  struct Call {
    ::grpc::ClientContext context;
    std::unique_ptr<::grpc::GenericClientAsyncResponseReader> reader;
    ::grpc::ByteBuffer answer;
    ::grpc::Status status;
    std::string id;
  };
  ::grpc::GenericStub stub_;
  ::grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Call>> calls_;
};

// ---- models and what they answer to one row

Json Number(std::uint64_t sixteenths) { return Json(static_cast<double>(sixteenths) / 16); }

class ConcurrentEqualityTest : public testing::ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    serving::testing::WriteTestPackage(directory_ / "late", 100);
    serving::testing::WriteTestPackage(directory_ / "when", 7, "when", TestFeatures(), {"early", "on time", "late"});
    ASSERT_TRUE(
        WriteFileDurably(directory_ / "plain.json", serving::testing::RandomXgboostJson(5, {"a", "b", "c"}, 10, 3))
            .ok());
    for (const char* name : {"late", "when"}) {
      ASSERT_TRUE(catalog_.Deploy(name, 1, name, directory_ / name).ok());
      subjects_.push_back(Package(name));
    }
    ASSERT_TRUE(catalog_.Deploy("plain", 1, "plain", directory_ / "plain.json").ok());
    ASSERT_TRUE(catalog_.Deploy("fake", 1, "fake", "fake").ok());
    subjects_.push_back(Plain());
    subjects_.push_back(Fake());
    Listen(Loops(2), catalog_);
    GrpcServerOptions grpc_options;
    grpc_options.port = 0;
    grpc_options.threads = 2;
    auto grpc_server = GrpcServer::Start(grpc_options, [this] {
      return InferenceContext{catalog_, metrics_, clock_, "9.9.9"};
    });
    ASSERT_TRUE(grpc_server.ok()) << grpc_server.error().ToString();
    grpc_server_ = *std::move(grpc_server);
  }
  void TearDown() override {
    grpc_server_.reset();
    ServerTest::TearDown();
  }

  serving::CatalogOptions Options() {
    serving::CatalogOptions options;
    options.load =
        [control = control_](const serving::LoadRequest& request) -> Result<std::shared_ptr<const serving::Model>> {
      if (request.path != "fake") return serving::Model::Load(request.path);
      return serving::Model::OfBackend(std::make_unique<testing::FakeBackend>(control));
    };
    options.estimate = [](const std::string&) { return std::int64_t{1000}; };
    options.batcher = &batcher_;
    return options;
  }

  /// A forest over TestSchema, with categories and missing values: of one probability, or of three classes.
  Subject Package(const std::string& name) {
    const std::shared_ptr<const serving::Model> model = catalog_.Live(name)->model;
    const std::size_t classes = model->classes().size();
    Subject subject{name, {}, {{"probability", Datatype::kFp32, classes}}, {}};
    subject.outputs.push_back(classes == 0 ? SubjectTensor{"decision", Datatype::kBool}
                                           : SubjectTensor{"label", Datatype::kBytes});
    for (const std::string& column : TestFeatures()) {
      const bool text = column == "carrier" || column == "origin";
      subject.inputs.push_back({column, text ? Datatype::kBytes : Datatype::kFp64, 0, column == "holiday"});
    }
    for (std::size_t i = 0; i < kPool; ++i) {
      Json row = serving::testing::RandomRow(random_);
      std::vector<float> features;
      PoolRow& pooled = subject.rows.emplace_back();
      for (const SubjectTensor& input : subject.inputs) {
        const Json& value = *row.Find(input.name);
        features.push_back(serving::testing::EncodeForTest(model->encoder(), static_cast<int>(features.size()), value));
        pooled.json.push_back(value.Dump());
        pooled.bytes.push_back(Bytes(input.datatype, value));
      }
      std::vector<float> values(model->num_outputs());
      model->Predict(features, 1, values);
      std::string& told = pooled.expected.emplace_back();
      for (const float value : values) told += Told(value);
      const auto best = static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
      pooled.expected.push_back(classes == 0 ? Told(Datatype::kBool, Json(values[0] >= 0.25F))
                                             : model->classes()[best]);
    }
    return subject;
  }
  /// A forest over floats, without a schema.
  Subject Plain() {
    const std::shared_ptr<const serving::Model> model = catalog_.Live("plain")->model;
    Subject subject{"plain", {{"a"}, {"b"}, {"c"}}, {{"probability"}}, {}};
    for (std::size_t i = 0; i < kPool; ++i) {
      PoolRow& pooled = subject.rows.emplace_back();
      std::vector<float> features;
      for (int column = 0; column < 3; ++column) {
        const Json value = random_.Below(6) == 0 ? Json() : Number(random_.Below(400));
        features.push_back(value.IsNull() ? std::nanf("") : static_cast<float>(value.AsDouble()));
        pooled.json.push_back(value.Dump());
        pooled.bytes.push_back(Bytes(Datatype::kFp32, value));
      }
      std::vector<float> values(1);
      model->Predict(features, 1, values);
      pooled.expected.push_back(Told(values[0]));
    }
    return subject;
  }
  /// Run by a worker, and so batched with whoever waits.
  Subject Fake() {
    Subject subject{"fake",
                    {{"x", Datatype::kFp32, 3}, {"name", Datatype::kBytes}},
                    {{"score"}, {"echo", Datatype::kBytes}, {"parts", Datatype::kInt64, 2}},
                    {}};
    for (std::size_t i = 0; i < kPool; ++i) {
      PoolRow& pooled = subject.rows.emplace_back();
      std::array<float, 3> x{};
      for (float& value : x) value = 20 + static_cast<float>(random_.Below(10'000)) / 16;
      const std::string name(random_.Below(9), static_cast<char>('a' + random_.Below(26)));
      pooled.json = {Json(Json::Array(x.begin(), x.end())).Dump(), Json(name).Dump()};
      pooled.bytes = {BytesOf(x), Bytes(Datatype::kBytes, Json(name))};
      const testing::FakeAnswer answer = testing::FakeAnswerOf(x, name);
      pooled.expected = {Told(answer.score), answer.echo, Cat(answer.parts[0], ",", answer.parts[1], ",")};
    }
    return subject;
  }

  struct Sent {
    const Subject* subject;
    Protocol protocol;
    std::vector<std::size_t> rows;
    std::string id;
  };

  void Check(const Sent& sent, const TestClient::Answer& answer) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto json = Json::Parse(answer.body);
    ASSERT_TRUE(json.ok()) << answer.body;
    ASSERT_EQ(json->StringOr("id", ""), sent.id);
    Check(sent, AnswersOf(*sent.subject, *json, sent.rows.size(), sent.protocol));
  }
  void Check(const Sent& sent, const Answers& answers) {
    ASSERT_EQ(answers.size(), sent.rows.size());
    for (std::size_t row = 0; row < answers.size(); ++row) {
      ASSERT_EQ(answers[row], sent.subject->rows[sent.rows[row]].expected)
          << sent.subject->name << " by protocol " << static_cast<int>(sent.protocol) << ", row " << row;
    }
    ++right_;
  }

  /// Groups of random requests, each group sent at once, on connections that are kept for some groups.
  void RunClient(std::size_t client, std::int64_t requests) {
    Random random(client + 77);
    auto connection = std::make_unique<TestClient>(server_->port());
    GrpcCalls calls(grpc_server_->address());
    while (requests > 0 && !HasFatalFailure()) {
      if (random.Below(20) == 0) connection = std::make_unique<TestClient>(server_->port());
      std::string text;
      std::vector<Sent> group(std::min<std::size_t>(1 + random.Below(kGroupMax), static_cast<std::size_t>(requests)));
      for (Sent& sent : group) {
        sent.subject = &subjects_[random.Below(subjects_.size())];
        sent.protocol = static_cast<Protocol>(random.Below(kProtocols));
        for (std::uint64_t count = 1 + random.Below(kRowsMax); count > 0; --count) {
          sent.rows.push_back(random.Below(kPool));
        }
        sent.id = Cat(client, "-", --requests);
        if (sent.protocol == Protocol::kGrpc) {
          calls.Start(*sent.subject, sent.rows, sent.id);
        } else {
          text += RequestOf(*sent.subject, sent.rows, sent.id, sent.protocol);
        }
      }
      ASSERT_TRUE(connection->Send(text));
      for (const Sent& sent : group) {
        if (sent.protocol != Protocol::kGrpc) Check(sent, connection->Read());
      }
      auto responses = calls.Finish();
      for (const Sent& sent : group) {
        if (sent.protocol != Protocol::kGrpc) continue;
        Check(sent, GrpcAnswers(*sent.subject, responses[sent.id], sent.rows.size()));
      }
    }
  }

  serving::testing::TestDirectory directory_;
  std::shared_ptr<testing::FakeControl> control_ = std::make_shared<testing::FakeControl>();
  serving::Batcher batcher_{clock_, metrics_, 2};
  serving::Catalog catalog_{metrics_, Options()};
  std::unique_ptr<GrpcServer> grpc_server_;
  Random random_{41};
  std::vector<Subject> subjects_;
  std::atomic<std::int64_t> right_{0};
};

TEST_F(ConcurrentEqualityTest, EachAnswerIsTheRowsOwnAnswer) {
  const char* const soak = std::getenv("SOAK_REQUESTS");
  const std::int64_t requests = soak == nullptr ? kEqualityRequests : *ParseInt(soak);
  const auto each = requests / static_cast<std::int64_t>(kEqualityClients) + 1;
  std::vector<std::thread> clients;
  for (std::size_t client = 0; client < kEqualityClients; ++client) {
    clients.emplace_back([this, client, each] { RunClient(client, each); });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right_, each * static_cast<std::int64_t>(kEqualityClients));
  const std::vector<std::size_t> batches = control_->batches();
  EXPECT_GT(*std::max_element(batches.begin(), batches.end()), kRowsMax) << "nothing was ever joined";
}

}  // namespace
}  // namespace mw::api::inference
