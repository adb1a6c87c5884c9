// Frames and tensors between server and worker: what is sent arrives, what is nonsense is refused.
#include "serving/backend/worker_protocol.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "base/text.h"

namespace mw::serving {
namespace {

struct Channels {
  WorkerChannel a, b;
};

Channels MakeChannels() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {WorkerChannel{FileDescriptor(ends[0])}, WorkerChannel{FileDescriptor(ends[1])}};
}

TensorList ManyTensors() {
  TensorList tensors;
  const std::array<std::int64_t, 2> shape = {3, 2};
  for (std::size_t i = 0; i < kDatatypes - 1; ++i) {
    const auto datatype = static_cast<Datatype>(i);
    const auto room = tensors.Add(Cat("tensor ", i), datatype, shape, 6 * DatatypeBytes(datatype));
    for (std::size_t at = 0; at < room.size(); ++at) room[at] = static_cast<char>(at + i);
  }
  std::string texts;
  for (const std::string_view text : {"one", "", "three"}) AppendElement(texts, text);
  tensors.Append({"texts", Datatype::kBytes, std::span(shape).first(1), texts});
  const std::array<std::int64_t, 1> empty = {0};
  tensors.Append({"none", Datatype::kFp64, empty, ""});
  tensors.Append({"scalar", Datatype::kInt8, {}, "x"});
  return tensors;
}

void ExpectSame(const TensorList& expected, const std::vector<TensorView>& found) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].name, expected[i].name);
    EXPECT_EQ(found[i].datatype, expected[i].datatype);
    EXPECT_EQ(std::vector(found[i].shape.begin(), found[i].shape.end()),
              std::vector(expected[i].shape.begin(), expected[i].shape.end()));
    EXPECT_EQ(found[i].bytes, expected[i].bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(found[i].bytes.data()) % TensorList::kAlignment, 0U);
  }
}

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

TEST(WorkerProtocol, TensorsOfEveryDatatypeArriveAsTheyWereSent) {
  Channels channels = MakeChannels();
  const TensorList sent = ManyTensors();
  for (std::uint64_t id = 1; id <= 3; ++id) {
    ASSERT_TRUE(channels.a.SendTensors(FrameKind::kRun, id, sent, std::chrono::seconds(5)).ok());
  }
  for (std::uint64_t id = 1; id <= 3; ++id) {
    const auto frame = channels.b.Receive(std::chrono::seconds(5));
    ASSERT_TRUE(frame.ok()) << frame.error().ToString();
    EXPECT_EQ(frame->kind, FrameKind::kRun);
    EXPECT_EQ(frame->id, id);
    EXPECT_EQ(frame->payload, WriteTensors(sent));
    const auto tensors = ParseTensors(frame->payload);
    ASSERT_TRUE(tensors.ok()) << tensors.error().ToString();
    ExpectSame(sent, *tensors);
  }
}

TEST(WorkerProtocol, TheMailboxCarriesWhatFitsAndTheSocketTheRest) {
  Channels channels = MakeChannels();
  const auto memory = WorkerMailbox::MakeMemory();
  ASSERT_TRUE(memory.ok()) << memory.error().ToString();
  channels.a.UseMailbox(WorkerMailbox::Open(memory->get(), MailboxSide::kServer).value());
  channels.b.UseMailbox(WorkerMailbox::Open(memory->get(), MailboxSide::kWorker).value());
  std::thread echo([&] {
    for (int i = 0; i < 5; ++i) {
      const auto frame = channels.b.Receive(std::chrono::seconds(20));
      if (!frame.ok()) return;
      EXPECT_TRUE(channels.b.Send(FrameKind::kAnswer, frame->id, frame->payload, std::chrono::seconds(20)).ok());
    }
  });
  const TensorList small = ManyTensors();
  for (std::uint64_t id = 1; id <= 5; ++id) {
    TensorList large;
    const std::array<std::int64_t, 1> shape = {static_cast<std::int64_t>(kMailboxBytes) + 7};
    large.Add("large", Datatype::kUint8, shape, kMailboxBytes + 7)[kMailboxBytes] = 'z';
    const TensorList& sent = id % 2 == 0 ? large : small;
    ASSERT_TRUE(channels.a.SendTensors(FrameKind::kRun, id, sent, std::chrono::seconds(20)).ok());
    const auto frame = channels.a.Receive(std::chrono::seconds(20));
    ASSERT_TRUE(frame.ok()) << frame.error().ToString();
    EXPECT_EQ(frame->id, id);
    ExpectSame(sent, *ParseTensors(frame->payload));
  }
  echo.join();
  // Silence and the end are noticed without a bell.
  EXPECT_EQ(channels.a.Receive(std::chrono::milliseconds(1)).error().code, Code::kDeadlineExceeded);
  channels.b = MakeChannels().b;
  EXPECT_EQ(channels.a.Receive(std::chrono::seconds(20)).error().code, Code::kUnavailable);
}

TEST(WorkerProtocol, AMailboxThatLiesIsRefused) {
  Channels channels = MakeChannels();
  const auto memory = WorkerMailbox::MakeMemory();
  channels.a.UseMailbox(WorkerMailbox::Open(memory->get(), MailboxSide::kServer).value());
  auto liar = WorkerMailbox::Open(memory->get(), MailboxSide::kWorker).value();
  for (const std::string& head : {Bytes({1, 0, 64, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                                  Bytes({0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                                  Bytes({0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}) {
    ASSERT_TRUE(liar.Post(head, {}));
    EXPECT_EQ(channels.a.Receive(std::chrono::seconds(5)).error().code, Code::kDataLoss);
  }
  EXPECT_NE(ftruncate(memory->get(), 0), 0);  // its size is sealed: the server cannot be made to fault
}

TEST(WorkerProtocol, ATensorLargerThanTheSocketsBufferArrives) {
  Channels channels = MakeChannels();
  TensorList sent;
  const std::array<std::int64_t, 1> shape = {8 << 20};
  const auto room = sent.Add("large", Datatype::kUint8, shape, std::size_t{8} << 20);
  for (std::size_t i = 0; i < room.size(); ++i) room[i] = static_cast<char>(i * 31);
  std::thread sender(
      [&] { EXPECT_TRUE(channels.a.SendTensors(FrameKind::kRun, 7, sent, std::chrono::seconds(20)).ok()); });
  const auto frame = channels.b.Receive(std::chrono::seconds(20));
  sender.join();
  ASSERT_TRUE(frame.ok()) << frame.error().ToString();
  ExpectSame(sent, *ParseTensors(frame->payload));
}

// The bytes that a worker in another language writes, spelled out.
TEST(WorkerProtocol, TheFormatIsTheOneTheHeaderDescribes) {
  TensorList tensors;
  const std::array<std::int64_t, 2> shape = {1, 2};
  tensors.Append({"ab", Datatype::kInt16, shape, Bytes({1, 0, 2, 0})});
  const std::string expected = Bytes({1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +
                               Bytes({6, 2, 2, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}) +
                               Bytes({1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}) +
                               Bytes({'a', 'b', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +
                               Bytes({1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(WriteTensors(tensors), expected);
}

TEST(WorkerProtocol, ATensorThatLiesAboutItselfIsRefused) {
  const std::string good = WriteTensors(ManyTensors());
  ASSERT_TRUE(ParseTensors(good).ok());
  for (std::size_t size = 0; size < good.size() - 16; ++size) EXPECT_FALSE(ParseTensors(good.substr(0, size)).ok());
  const std::pair<std::size_t, int> lies[] = {{0, 200}, {3, 1},  {16, 14},  {17, 9}, {19, 9},
                                              {24, 7},  {29, 1}, {31, 255}, {32, 4}};
  for (const auto& [at, value] : lies) {
    std::string bad = good;
    bad[at] = static_cast<char>(value);
    EXPECT_FALSE(ParseTensors(bad).ok()) << at;
  }
}

TEST(WorkerProtocol, AFrameOfAnUnknownKindOrTooLargeIsRefusedBeforeItIsRead) {
  for (const std::string& head : {Bytes({0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                                  Bytes({0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                                  Bytes({0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                                  Bytes({1, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}) {
    Channels channels = MakeChannels();
    ASSERT_EQ(write(channels.a.socket(), head.data(), head.size()), 16);
    EXPECT_EQ(channels.b.Receive(std::chrono::seconds(5)).error().code, Code::kDataLoss);
  }
}

TEST(WorkerProtocol, AnEndInTheMiddleOfAFrameIsUnavailableAndSilenceIsDeadlineExceeded) {
  Channels channels = MakeChannels();
  EXPECT_EQ(channels.b.Receive(std::chrono::milliseconds(1)).error().code, Code::kDeadlineExceeded);
  const std::string head = Bytes({8, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x'});
  ASSERT_EQ(write(channels.a.socket(), head.data(), head.size()), 17);
  EXPECT_EQ(channels.b.Receive(std::chrono::milliseconds(1)).error().code, Code::kDeadlineExceeded);
  channels.a = MakeChannels().a;
  EXPECT_EQ(channels.b.Receive(std::chrono::seconds(5)).error().code, Code::kUnavailable);
}

TEST(WorkerProtocol, TheHelloTellsTheModel) {
  BackendInfo info;
  info.platform = "mlflow_pyfunc";
  info.library = "MLflow 2.9";
  info.inputs = {{"x", Datatype::kFp32, {-1, 30}}, {"name", Datatype::kBytes, {-1}}};
  info.outputs = {{"y", Datatype::kInt64, {-1}}};
  info.batchable = true;
  info.memory_bytes = 123'456;
  info.feature_names = {"a", "b"};
  const auto read = ParseHello(WriteHello({info, true}));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_TRUE(read->mailbox);
  EXPECT_EQ(read->info.inputs, info.inputs);
  EXPECT_EQ(read->info.outputs, info.outputs);
  EXPECT_EQ(read->info.memory_bytes, info.memory_bytes);
  EXPECT_EQ(read->info.feature_names, info.feature_names);
  EXPECT_EQ(WriteHello(*read), WriteHello({info, true}));
}

TEST(WorkerProtocol, AHelloThatLacksSomethingIsRefused) {
  for (const std::string_view bad :
       {"", "[]", "{}", R"({"protocol":2,"inputs":[],"outputs":[]})", R"({"protocol":1,"inputs":[]})",
        R"({"protocol":1,"inputs":[{"name":"x","datatype":"FP31","shape":[]}],"outputs":[]})",
        R"({"protocol":1,"inputs":[{"name":"","datatype":"FP32","shape":[]}],"outputs":[]})",
        R"({"protocol":1,"inputs":[{"name":"x","datatype":"FP32","shape":[1,1,1,1,1,1,1,1,1]}],"outputs":[]})",
        R"({"protocol":1,"inputs":[3],"outputs":[]})"}) {
    EXPECT_EQ(ParseHello(bad).error().code, Code::kDataLoss) << bad;
  }
}

TEST(WorkerProtocol, AnErrorKeepsItsCodeAndIsOneShortLine) {
  const Error error = ParseError(WriteError(InvalidArgument("the value\n", std::string(9'000, 'x'))));
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_EQ(error.message.substr(0, 12), "the value xx");
  EXPECT_EQ(error.message.size(), kErrorSentenceBytesMax);
  EXPECT_EQ(ParseError(R"({"code":"UNAUTHENTICATED","message":"m"})").code, Code::kInternal);
  EXPECT_EQ(ParseError("nonsense").code, Code::kInternal);
}

}  // namespace
}  // namespace mw::serving
