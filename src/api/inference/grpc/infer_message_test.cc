// Requests as protobuf's own classes write them, read in pieces: names, shapes and values of every datatype, and what
// is refused.
#include "api/inference/grpc/infer_message.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/random.h"
#include "base/text.h"
#include "open_inference.pb.h"

namespace mw::api::inference {
namespace {

namespace proto = ::inference;
using serving::Datatype;
using serving::TensorView;

std::vector<std::string_view> Pieces(std::string_view message, Random& random) {
  std::vector<std::string_view> pieces;
  while (!message.empty()) {
    pieces.push_back(message.substr(0, 1 + random.Below(40)));
    message.remove_prefix(pieces.back().size());
  }
  return pieces;
}

Status Read(const proto::ModelInferRequest& request, InferMessage& message) {
  const std::string bytes = request.SerializeAsString();
  const std::string_view whole = bytes;
  return message.Read(std::span(&whole, 1));
}

std::string Complaint(const proto::ModelInferRequest& request) {
  InferMessage message;
  const Status status = Read(request, message);
  if (status.ok()) return "none";
  EXPECT_EQ(status.error().code, Code::kInvalidArgument);
  return status.error().ToString();
}

proto::ModelInferRequest::InferInputTensor& AddInput(proto::ModelInferRequest& request, std::string_view name,
                                                     std::string_view datatype,
                                                     const std::vector<std::int64_t>& shape) {
  auto& input = *request.add_inputs();
  input.set_name(std::string(name));
  input.set_datatype(std::string(datatype));
  input.mutable_shape()->Add(shape.begin(), shape.end());
  return input;
}

template <typename T>
std::string RawContents(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(InferMessage, ReadsRawContentsInWhateverPieces) {
  Random random(3);
  proto::ModelInferRequest request;
  request.set_model_name("fraud");
  request.set_model_version("3");
  request.set_id("Zürich-7");
  (*request.mutable_parameters())["event_time"].set_string_param("2013-07-01T04:00:00Z");
  (*request.mutable_parameters())["priority"].set_uint64_param(2);
  (*request.mutable_parameters())["timeout"].set_int64_param(1'500);
  (*request.mutable_parameters())["whatever"].set_int64_param(-1);
  (*request.mutable_parameters())["ratio"].set_double_param(0.5);
  AddInput(request, "amounts", "FP32", {50, 3});
  AddInput(request, "names", "BYTES", {2});
  request.add_outputs()->set_name("probability");
  std::vector<float> amounts(150);
  for (float& amount : amounts) amount = static_cast<float>(random.Uniform());
  request.add_raw_input_contents(RawContents(amounts));
  std::string names;
  serving::AppendElement(names, "Ada");
  serving::AppendElement(names, "");
  request.add_raw_input_contents(names);
  const std::string bytes = request.SerializeAsString();
  InferMessage message;
  for (int round = 0; round < 200; ++round) {
    ASSERT_TRUE(message.Read(Pieces(bytes, random)).ok());
    EXPECT_EQ(message.target().model, "fraud");
    EXPECT_EQ(message.target().version, "3");
    EXPECT_EQ(message.request().id, "Zürich-7");
    EXPECT_EQ(message.request().event_time, "2013-07-01T04:00:00Z");
    EXPECT_EQ(message.request().timeout, Duration(1'500));
    EXPECT_EQ(message.request().priority, 2U);
    EXPECT_EQ(message.request().outputs, std::vector<std::string_view>{"probability"});
    ASSERT_EQ(message.request().inputs.size(), 2U);
    const TensorView& matrix = message.request().inputs[0];
    EXPECT_EQ(matrix.name, "amounts");
    EXPECT_EQ(matrix.datatype, Datatype::kFp32);
    EXPECT_EQ(std::vector<std::int64_t>(matrix.shape.begin(), matrix.shape.end()), (std::vector<std::int64_t>{50, 3}));
    EXPECT_EQ(matrix.bytes, RawContents(amounts));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.bytes.data()) % alignof(double), 0U);
    EXPECT_EQ(message.request().inputs[1].bytes, names);
  }
}

TEST(InferMessage, ReadsTypedContentsOfEveryDatatype) {
  proto::ModelInferRequest request;
  std::vector<std::string> expected;
  const auto add = [&](std::string_view datatype, std::int64_t size, std::string raw) -> proto::InferTensorContents& {
    expected.push_back(std::move(raw));
    return *AddInput(request, Cat("of ", datatype), datatype, {size}).mutable_contents();
  };
  auto& bools = add("BOOL", 2, std::string("\1\0", 2));
  bools.add_bool_contents(true), bools.add_bool_contents(false);
  auto& int8 = add("INT8", 2, RawContents<std::int8_t>({-128, 127}));
  int8.add_int_contents(-128), int8.add_int_contents(127);
  add("INT16", 1, RawContents<std::int16_t>({-300})).add_int_contents(-300);
  auto& int32 = add("INT32", 2, RawContents<std::int32_t>({INT32_MIN, 7}));
  int32.add_int_contents(INT32_MIN), int32.add_int_contents(7);
  add("INT64", 1, RawContents<std::int64_t>({INT64_MIN})).add_int64_contents(INT64_MIN);
  add("UINT8", 1, RawContents<std::uint8_t>({255})).add_uint_contents(255);
  add("UINT16", 1, RawContents<std::uint16_t>({65535})).add_uint_contents(65535);
  add("UINT32", 1, RawContents<std::uint32_t>({UINT32_MAX})).add_uint_contents(UINT32_MAX);
  add("UINT64", 1, RawContents<std::uint64_t>({UINT64_MAX})).add_uint64_contents(UINT64_MAX);
  auto& floats = add("FP32", 2, RawContents<float>({0.1F, std::numeric_limits<float>::infinity()}));
  floats.add_fp32_contents(0.1F), floats.add_fp32_contents(std::numeric_limits<float>::infinity());
  add("FP64", 1, RawContents<double>({0.1})).add_fp64_contents(0.1);
  auto& texts = add("BYTES", 3, std::string("\2\0\0\0ab\0\0\0\0\1\0\0\0c", 15));
  texts.add_bytes_contents("ab"), texts.add_bytes_contents(""), texts.add_bytes_contents("c");
  const std::string bytes = request.SerializeAsString();
  Random random(5);
  InferMessage message;
  for (int round = 0; round < 100; ++round) {
    const Status read = message.Read(Pieces(bytes, random));
    ASSERT_TRUE(read.ok()) << read.error().ToString();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(Hex(message.request().inputs[i].bytes), Hex(expected[i])) << message.request().inputs[i].name;
    }
  }
}

TEST(InferMessage, ReadsNumbersThatAreNotPacked) {
  // input { name: "x" datatype: "FP32" shape: 2 contents { fp32_contents: 1 fp32_contents: 2 } }
  const std::string contents = std::string("\x35\0\0\x80\x3F\x35\0\0\0\x40", 10);
  const std::string input = std::string("\x0A\1x\x12\4FP32\x18\2\x2A\x0A", 13) + contents;
  const std::string bytes = Cat("\x2A", static_cast<char>(input.size()), input);
  const std::string_view whole = bytes;
  InferMessage message;
  ASSERT_TRUE(message.Read(std::span(&whole, 1)).ok());
  EXPECT_EQ(message.request().inputs[0].bytes, RawContents<float>({1, 2}));
}

TEST(InferMessage, ReadsFieldsThatComeTwiceAsProtobufDoes) {
  // Messages that follow one another are merged: of a parameter's value the last choice stays.
  const std::string input = Cat("\x0A\1x\x12\4FP32\x18\1", std::string("\x2A\5\x35\0\0\x80\x3F", 7));
  std::string bytes;
  InferMessage message;
  const auto read = [&](std::string read_bytes) {
    bytes = std::move(read_bytes);
    const std::string_view whole = bytes;
    return message.Read(std::span(&whole, 1));
  };
  const auto with_parameter = [&](std::string_view values) {
    const std::string entry = Cat("\x0A\1p", values);
    return Cat("\x22", static_cast<char>(entry.size()), entry, "\x2A", static_cast<char>(input.size()), input);
  };
  ASSERT_TRUE(read(with_parameter("\x12\3\x1A\1a\x12\3\x1A\1b")).ok());
  EXPECT_EQ(message.FindParameter("p"), "b");
  ASSERT_TRUE(read(with_parameter(std::string("\x12\3\x1A\1a\x12\0", 7))).ok());
  EXPECT_EQ(message.FindParameter("p"), "a");
  EXPECT_FALSE(read(with_parameter("\x12\1\1\x12\3\x1A\1b")).ok()) << "the first value is no message";
  const std::string twice = Cat(input, std::string("\x2A\5\x35\0\0\x80\x3F", 7));
  EXPECT_EQ(read(Cat("\x2A", static_cast<char>(twice.size()), twice)).error().ToString(),
            "input \"x\" has contents twice");
}

TEST(InferMessage, NamesWhatDoesNotFit) {
  const auto with = [](const auto& change) {
    proto::ModelInferRequest request;
    AddInput(request, "x", "FP32", {2});
    request.add_raw_input_contents(std::string(8, '\0'));
    change(request);
    return Complaint(request);
  };
  using Request = proto::ModelInferRequest;
  EXPECT_EQ(with([](Request&) {}), "none");
  EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_name(""); }), "input 0 has no name");
  EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_datatype("FP23"); }),
            "input \"x\" has the datatype \"FP23\"; known are BOOL, INT8 to INT64, UINT8 to UINT64, FP16, BF16, FP32, "
            "FP64, BYTES");
  EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_shape(0, 3); }),
            "tensor \"x\" has 8 bytes, its shape [3] of FP32 asks for 12");
  EXPECT_EQ(with([](Request& r) { r.add_raw_input_contents("more"); }),
            "the request has 1 inputs and 2 raw_input_contents; send one for each input, or contents in the inputs");
  EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1); }),
            "input \"x\" has contents, and the request raw_input_contents; send one or the other");
  EXPECT_EQ(with([](Request& r) { r.set_id(std::string(257, 'i')); }), "id has 257 bytes, at most 256");
  EXPECT_EQ(with([](Request& r) { (*r.mutable_parameters())["event_time"].set_int64_param(1); }),
            "parameter event_time must be a string_param like 2013-07-01T04:00:00Z");
  EXPECT_EQ(with([](Request& r) { (*r.mutable_parameters())["timeout"].set_int64_param(-1); }),
            "parameter timeout must be an int64_param or uint64_param from 0");
  EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_shape(0, INT64_MAX); }),
            "tensor \"x\": the shape [9223372036854775807] has more than 67108864 elements");
  EXPECT_EQ(with([](Request& r) {
              for (int i = 0; i < 8; ++i) r.mutable_inputs(0)->add_shape(1);
            }),
            "input \"x\" has more than 8 dimensions");
}

TEST(InferMessage, NamesTypedContentsThatDoNotFit) {
  const auto with = [](std::string_view datatype, std::int64_t size, const auto& fill) {
    proto::ModelInferRequest request;
    fill(*AddInput(request, "x", datatype, {size}).mutable_contents());
    return Complaint(request);
  };
  using Contents = proto::InferTensorContents;
  EXPECT_EQ(with("INT8", 1, [](Contents& c) { c.add_int_contents(128); }),
            "input \"x\", value 0 in int_contents does not fit its datatype INT8");
  EXPECT_EQ(with("INT8", 1, [](Contents& c) { c.add_fp32_contents(1); }),
            "input \"x\" of datatype INT8 has contents other than int_contents");
  EXPECT_EQ(with("FP16", 1, [](Contents& c) { c.add_fp32_contents(1); }),
            "input \"x\" has the datatype FP16, which travels in raw_input_contents only");
  EXPECT_EQ(with("FP32", 1, [](Contents& c) { c.add_fp32_contents(1), c.add_fp32_contents(2); }),
            "input \"x\" has more values in fp32_contents than the 1 of its shape");
  EXPECT_EQ(with("FP32", 3, [](Contents& c) { c.add_fp32_contents(1), c.add_fp32_contents(2); }),
            "input \"x\" has 2 values in fp32_contents, its shape says 3");
  EXPECT_EQ(with("BYTES", 60'000'000, [](Contents& c) { c.add_bytes_contents("a"); }),
            "input \"x\" has fewer values in bytes_contents than the 60000000 of its shape");
}

TEST(InferMessage, BoundsWhatNumbersGrowTo) {
  proto::ModelInferRequest request;
  constexpr int kCount = 9'000'000;  // a byte each on the wire, eight of them in memory
  auto& contents = *AddInput(request, "x", "INT64", {kCount}).mutable_contents();
  contents.mutable_int64_contents()->Resize(kCount, 1);
  EXPECT_EQ(Complaint(request),
            "input \"x\" has 72000000 bytes; one request has at most 67108864, send the rows in parts");
}

TEST(InferMessage, RefusesSharedMemoryAsUnsupported) {
  proto::ModelInferRequest request;
  (*AddInput(request, "x", "FP32", {2}).mutable_parameters())["shared_memory_region"].set_string_param("r");
  InferMessage message;
  EXPECT_EQ(Read(request, message).error().code, Code::kUnimplemented);
}

TEST(InferMessage, RefusesWhatIsNoMessage) {
  InferMessage message;
  const std::string_view text = "this is no protobuf";
  EXPECT_EQ(message.Read(std::span(&text, 1)).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(message.Read({}).ok());  // an empty message is one of no fields
  EXPECT_TRUE(message.request().inputs.empty());
}

}  // namespace
}  // namespace mw::api::inference
