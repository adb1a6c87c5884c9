// Requests byte by byte, answers taken apart, addresses and metadata.
#include "load/encode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace mw::load {
namespace {

ModelInput Input() {
  ModelInput input;
  input.columns = {
      {"temp", "FP32", {}}, {"hour", "INT64", {}}, {"late", "BOOL", {}}, {"carrier", "BYTES", {"AA", "UA"}}};
  return input;
}

const std::vector<Row> kRows = {{0.1, 3.0, true, std::string("UA")}, {{}, {}, {}, {}}};

TEST(Encode, WritesATensorForEachColumn) {
  EXPECT_EQ(*JsonBody(Input(), kRows, {"id 1", false}),
            R"({"id":"id 1","inputs":[{"name":"temp","datatype":"FP32","shape":[2],"data":[0.1,null]},)"
            R"({"name":"hour","datatype":"INT64","shape":[2],"data":[3,null]},)"
            R"({"name":"late","datatype":"BOOL","shape":[2],"data":[true,null]},)"
            R"({"name":"carrier","datatype":"BYTES","shape":[2],"data":["UA",null]}]})");
}

TEST(Encode, WritesOneMatrixWithCodesForCategories) {
  EXPECT_EQ(*JsonBody(Input(), kRows, {"", true}),
            R"({"inputs":[{"name":"input","datatype":"FP32","shape":[2,4],"data":[0.1,3,1,1,null,null,null,null]}]})");
  ModelInput matrix;
  matrix.columns = {{"f0", "FP32", {}}, {"f1", "FP32", {}}};
  matrix.matrix = "x";
  EXPECT_EQ(*JsonBody(matrix, {{1.5, -2.0}}, {}),
            R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,-2]}]})");
}

TEST(Encode, WritesFloatsBehindTheirHeader) {
  const BinaryBody body = *BinaryRequest(Input(), kRows, {});
  EXPECT_EQ(body.bytes.substr(0, body.json_size),
            R"({"inputs":[{"name":"input","datatype":"FP32","shape":[2,4],"parameters":{"binary_data_size":32}}],)"
            R"("parameters":{"binary_data_output":true}})");
  ASSERT_EQ(body.bytes.size(), body.json_size + 32);
  float values[8];
  std::memcpy(values, body.bytes.data() + body.json_size, 32);
  EXPECT_EQ(values[0], 0.1F);
  EXPECT_EQ(values[1], 3.0F);
  EXPECT_EQ(values[2], 1.0F);
  EXPECT_EQ(values[3], 1.0F);
  for (int i = 4; i < 8; ++i) EXPECT_TRUE(std::isnan(values[i]));
}

TEST(Encode, RefusesATextWithoutACode) {
  ModelInput input = Input();
  input.columns[3].vocabulary.clear();
  const auto body = BinaryRequest(input, kRows, {});
  ASSERT_FALSE(body.ok());
  EXPECT_NE(body.error().message.find("--package"), std::string::npos);
  EXPECT_TRUE(JsonBody(input, kRows, {}).ok());
  input.columns[3].vocabulary = {"AA"};  // known, but without this one: missing, as the model takes it
  EXPECT_TRUE(std::isnan((*MatrixOf(input, kRows))[3]));
}

TEST(Encode, PreparesManyDifferentRequests) {
  ModelAddress address = *ModelAddress::Parse("http://127.0.0.1:8080/late");
  const ModelInput input = Input();
  const auto source = MadeUpRows(input.columns, 1);
  const RequestKind kind = *PrepareKind({Protocol::kRest, 2, 3}, address, input, *source, {"probe", false});
  EXPECT_EQ(kind.requests.size(), kRequestsMax);
  EXPECT_EQ(kind.name, "rest, 2 rows");
  EXPECT_EQ(kind.rows, 2);
  EXPECT_DOUBLE_EQ(kind.weight, 3);
  EXPECT_TRUE(kind.requests[0].starts_with("POST /v2/models/late/infer HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"));
  EXPECT_NE(kind.requests[0], kind.requests[1]);
  const std::size_t body = kind.requests[0].find("\r\n\r\n") + 4;
  EXPECT_NE(kind.requests[0].find(Cat("Content-Length: ", kind.requests[0].size() - body, "\r\n")), std::string::npos);
}

TEST(Encode, KeepsThePoolOfLargeRequestsWithinItsMemory) {
  ModelInput input;
  for (int i = 0; i < 100; ++i) input.columns.push_back({Cat("f", i), "FP32", {}});
  const auto source = MadeUpRows(input.columns, 1);
  const auto kind = *PrepareKind({Protocol::kBinary, 1024, 1}, *ModelAddress::Parse("http://h/m"), input, *source, {});
  EXPECT_NEAR(static_cast<double>(kind.requests.size() * 409'600), kRequestBytesMax, 500'000);
}

RequestKind Expecting(Expect expect, int rows) {
  RequestKind kind;
  kind.expect = expect;
  kind.rows = rows;
  return kind;
}

TEST(Answers, MustHaveTheRequestsRows) {
  const RequestKind json = Expecting(Expect::kJsonRows, 3);
  EXPECT_TRUE(AnswerFits(json, {}, R"({"outputs":[{"name":"p","shape":[3],"data":[1,2,3]}]})"));
  EXPECT_TRUE(AnswerFits(json, {}, R"({"outputs": [{"shape" : [ 3, 1], "data": []}]})"));
  EXPECT_FALSE(AnswerFits(json, {}, R"({"outputs":[{"name":"p","shape":[2],"data":[1,2]}]})"));
  EXPECT_FALSE(AnswerFits(json, {}, "hello"));
  EXPECT_TRUE(AnswerFits(Expecting(Expect::kStatus, 3), {}, ""));
}

TEST(Answers, MustHaveTheBytesThatTheirHeaderNames) {
  const RequestKind binary = Expecting(Expect::kBinaryRows, 2);
  const std::string header =
      R"({"outputs":[{"name":"p","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]})";
  const std::string length = Cat(header.size());
  const std::vector<net::HeaderView> headers = {{"inference-header-content-length", length}};
  EXPECT_TRUE(AnswerFits(binary, headers, header + "12345678"));
  EXPECT_FALSE(AnswerFits(binary, headers, header + "1234567"));
  EXPECT_FALSE(AnswerFits(binary, headers, header.substr(0, 20)));
  EXPECT_FALSE(AnswerFits(binary, {}, header + "12345678"));
  EXPECT_FALSE(AnswerFits(Expecting(Expect::kBinaryRows, 3), headers, header + "12345678"));
}

TEST(ModelAddress, ReadsNamesAndPaths) {
  const auto path = [](std::string_view url) {
    const auto address = ModelAddress::Parse(url);
    return address.ok() ? Cat(address->host, " ", address->port, " ", address->model, " ", address->path) : "none";
  };
  EXPECT_EQ(path("http://127.0.0.1:8080/late"), "127.0.0.1 8080 late /v2/models/late");
  EXPECT_EQ(path("http://h/late/"), "h 80 late /v2/models/late");
  EXPECT_EQ(path("http://h:1/v2/models/late/versions/3"), "h 1 late /v2/models/late/versions/3");
  EXPECT_EQ(path("http://h:1/v2/models/late/infer"), "h 1 late /v2/models/late");
  EXPECT_EQ(path("http://h:1/kserve/v2/models/late"), "h 1 late /kserve/v2/models/late");
  EXPECT_EQ(path("http://h:1/"), "none");
  EXPECT_EQ(path("http://h:1/a/b"), "none");
  EXPECT_EQ(path("http://h:1/v2/models/"), "none");
}

TEST(ModelInput, ReadsMetadata) {
  const ModelInput columns = *ParseModelInput(
      R"({"name":"late","inputs":[{"name":"temp","datatype":"FP32","shape":[-1]},)"
      R"({"name":"carrier","datatype":"BYTES","shape":[-1,1]}],"parameters":{"live_version":"3","source":"p"}})");
  ASSERT_EQ(columns.columns.size(), 2U);
  EXPECT_EQ(columns.columns[1].datatype, "BYTES");
  EXPECT_EQ(columns.version, "3");
  EXPECT_EQ(columns.source, "p");
  EXPECT_TRUE(columns.matrix.empty());
  const ModelInput matrix =
      *ParseModelInput(R"({"inputs":[{"name":"input__0","datatype":"FP32","shape":[-1,3]}],"platform":"fil"})");
  EXPECT_EQ(matrix.matrix, "input__0");
  EXPECT_EQ(matrix.columns.size(), 3U);
}

TEST(ModelInput, RefusesWhatItCannotFill) {
  for (const char* wrong :
       {"", "{}", R"({"inputs":[]})", R"({"inputs":[{"name":"x","datatype":"FP32","shape":[-1,3,224,224]}]})",
        R"({"inputs":[{"name":"x","datatype":"WORDS","shape":[-1]}]})",
        R"({"inputs":[{"name":"x","datatype":"INT8","shape":[-1,4]}]})", R"({"inputs":[{"datatype":"FP32"}]})",
        R"({"inputs":[{"name":"x","datatype":"FP32","shape":[-1,1000000]}]})"}) {
    EXPECT_FALSE(ParseModelInput(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace mw::load
