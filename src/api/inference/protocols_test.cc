// Every protocol over real sockets: the same rows give the same bits whatever they came by, refusals have the form
// that the protocol's clients read, and what binary tensors claim is not believed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "api/inference/test_server.h"
#include "base/random.h"
#include "net/content_coding.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using net::TestClient;
using serving::testing::RandomRow;
using serving::testing::TestDirectory;
using serving::testing::TestFeatures;
using serving::testing::WriteTestPackage;
using testing::Raw;
using testing::ServerTest;

class ProtocolsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    WriteTestPackage(directory_ / "late", 100);
    WriteTestPackage(directory_ / "when", 7, "when", TestFeatures(), {"early", "on time", "late"});
    ASSERT_TRUE(
        WriteFileDurably(directory_ / "plain.json", serving::testing::RandomXgboostJson(5, {"a", "b", "c"}, 10, 3))
            .ok());
    ASSERT_TRUE(catalog_.Deploy("late", 1, "sha256:1", directory_ / "late").ok());
    ASSERT_TRUE(catalog_.Deploy("when", 4, "sha256:4", directory_ / "when").ok());
    ASSERT_TRUE(catalog_.Deploy("plain", 1, "plain", directory_ / "plain.json").ok());
    catalog_.SetReady(true);
    Listen(Loops(1), [this] { return InferenceContext{catalog_, metrics_, clock_, "9.9.9", nullptr, &cache_}; });
  }

  TestDirectory directory_;
  serving::Catalog catalog_{metrics_};
  serving::ResponseCache cache_{serving::CacheSettings{}, clock_, metrics_};
};

std::vector<Json> Rows(std::size_t count) {
  Random random(11);
  std::vector<Json> rows;
  for (std::size_t i = 0; i < count; ++i) rows.push_back(RandomRow(random));
  return rows;
}

/// The rows as binary columns: FP64 numbers, BYTES categories (empty: missing), holiday as FP32 with NaN.
std::string BinaryBody(const std::vector<Json>& rows, std::string_view more, std::size_t& json_bytes) {
  Json inputs = Json::MakeArray();
  std::string binary;
  for (const std::string& name : TestFeatures()) {
    std::string bytes;
    const bool text = name == "carrier" || name == "origin";
    for (const Json& row : rows) {
      const Json& value = *row.Find(name);
      if (text) {
        serving::AppendElement(bytes, value.IsNull() ? "" : value.AsString());
      } else {
        const std::vector<double> number = {value.IsNull()   ? std::nan("")
                                            : value.IsBool() ? (value.AsBool() ? 1.0 : 0.0)
                                                             : value.AsDouble()};
        bytes += Raw(number);
      }
    }
    inputs.Append(Json::Make(
        {{"name", Json(name)},
         {"shape", Json(Json::Array{Json(static_cast<std::int64_t>(rows.size()))})},
         {"datatype", Json(text ? "BYTES" : "FP64")},
         {"parameters", Json::Make({{"binary_data_size", Json(static_cast<std::int64_t>(bytes.size()))}})}}));
    binary += bytes;
  }
  const std::string json = Cat(R"({"id":"b1",)", more, R"("inputs":)", inputs.Dump(), "}");
  json_bytes = json.size();
  return json + binary;
}

std::string V2Body(const std::vector<Json>& rows) {
  Json inputs = Json::MakeArray();
  for (const std::string& name : TestFeatures()) {
    Json::Array data;
    for (const Json& row : rows) data.push_back(*row.Find(name));
    const bool text = name == "carrier" || name == "origin";
    inputs.Append(Json::Make({{"name", Json(name)},
                              {"shape", Json(Json::Array{Json(static_cast<std::int64_t>(rows.size()))})},
                              {"datatype", Json(text                ? "BYTES"
                                                : name == "holiday" ? "BOOL"
                                                                    : "FP64")},
                              {"data", Json(std::move(data))}}));
  }
  return Json::Make({{"inputs", std::move(inputs)}}).Dump();
}

std::vector<float> Floats(const Json& list) {
  std::vector<float> values;
  for (const Json& value : list.AsArray()) values.push_back(static_cast<float>(value.AsDouble()));
  return values;
}

std::vector<float> V2Values(const Json& answer) { return Floats(*answer.Find("outputs")->AsArray()[0].Find("data")); }

std::vector<float> Probabilities(const Json& predictions) {
  std::vector<float> values;
  for (const Json& row : predictions.AsArray()) {
    values.push_back(static_cast<float>(row.Find("probability")->AsDouble()));
  }
  return values;
}

Json Split(const std::vector<Json>& rows) {
  Json columns = Json::MakeArray(), data = Json::MakeArray();
  columns.Append(Json("not_a_feature"));
  for (const std::string& name : TestFeatures()) columns.Append(Json(name));
  for (const Json& row : rows) {
    Json values = Json::MakeArray();
    values.Append(Json("dropped"));
    for (const std::string& name : TestFeatures()) values.Append(*row.Find(name));
    data.Append(std::move(values));
  }
  return Json::Make({{"data", std::move(data)}, {"columns", std::move(columns)}});
}

TEST_F(ProtocolsTest, TheSameRowsGiveTheSameBitsWhateverTheyCameBy) {
  const std::vector<Json> rows = Rows(70);
  const std::vector<float> expected = V2Values(PostJson("/v2/models/late/infer", V2Body(rows)));
  ASSERT_EQ(expected.size(), rows.size());

  std::size_t json_bytes = 0;
  const std::string binary = BinaryBody(rows, R"("parameters":{"binary_data_output":true},)", json_bytes);
  const auto answer =
      Post("/v2/models/late/infer", binary, Cat("Inference-Header-Content-Length: ", json_bytes, "\r\n"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto length = static_cast<std::size_t>(
      std::stoi(std::string(*net::FindHeader(answer.headers, "Inference-Header-Content-Length"))));
  const Json head = *Json::Parse(answer.body.substr(0, length));
  EXPECT_EQ(head.StringOr("id", ""), "b1");
  EXPECT_EQ(answer.body.substr(length, rows.size() * sizeof(float)), Raw(expected));
  EXPECT_EQ(answer.body.size(), length + rows.size() * (sizeof(float) + 1));

  Json instances = Json::MakeArray(), records = Json::MakeArray(), lists = Json::MakeArray();
  Json columns = Json::MakeObject();
  for (const std::string& name : TestFeatures()) columns[name] = Json::MakeArray();
  for (const Json& row : rows) {
    instances.Append(row);
    Json list = Json::MakeArray();
    for (const std::string& name : TestFeatures()) {
      list.Append(*row.Find(name));
      columns[name].Append(*row.Find(name));
    }
    lists.Append(std::move(list));
  }
  const std::string objects = Json::Make({{"instances", instances}}).Dump();
  EXPECT_EQ(Probabilities(*PostJson("/v1/models/late:predict", objects).Find("predictions")), expected);
  EXPECT_EQ(Probabilities(*PostJson("/v1/models/late/versions/1:predict", Json::Make({{"instances", lists}}).Dump())
                               .Find("predictions")),
            expected);
  const Json by_column = PostJson("/v1/models/late:predict", Json::Make({{"inputs", columns}}).Dump());
  EXPECT_EQ(Floats(*by_column.Find("outputs")->Find("probability")), expected);
  EXPECT_EQ(Probabilities(*PostJson("/models/late/invocations", Json::Make({{"dataframe_records", instances}}).Dump())
                               .Find("predictions")),
            expected);
  EXPECT_EQ(Probabilities(*PostJson("/models/late/invocations", Json::Make({{"dataframe_split", Split(rows)}}).Dump())
                               .Find("predictions")),
            expected);
}

TEST_F(ProtocolsTest, AMatrixOfFloatsIsTakenAsBytes) {
  const std::vector<float> matrix = {1.5F, std::nanf(""), 0.25F, -3.0F, 7.0F, 20.0F};
  const Json expected =
      PostJson("/v2/models/plain/infer",
               R"({"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[[1.5,null,0.25],[-3,7,20]]}]})");
  const std::string json =
      R"({"inputs":[{"name":"any","shape":[2,3],"datatype":"FP32","parameters":{"binary_data_size":24}}],)"
      R"("outputs":[{"name":"probability"}]})";
  const auto answer =
      Post("/v2/models/plain/infer", json + Raw(matrix), Cat("Inference-Header-Content-Length: ", json.size(), "\r\n"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(V2Values(*Json::Parse(answer.body)), V2Values(expected));
}

TEST_F(ProtocolsTest, CompressedBodiesGiveTheSameAnswers) {
  const std::vector<Json> rows = Rows(200);
  const std::string body = V2Body(rows);
  const std::vector<float> expected = V2Values(PostJson("/v2/models/late/infer", body));
  for (const auto coding : {net::ContentCoding::kGzip, net::ContentCoding::kDeflate, net::ContentCoding::kZstd}) {
    std::string coded;
    ASSERT_TRUE(net::EncodeContent(coding, body, coded).ok());
    const std::string_view name = net::ContentCodingName(coding);
    const auto answer =
        Post("/v2/models/late/infer", coded, Cat("Content-Encoding: ", name, "\r\nAccept-Encoding: ", name, "\r\n"));
    ASSERT_EQ(answer.status, 200);
    ASSERT_NE(net::FindHeader(answer.headers, "Content-Encoding"), nullptr);
    std::string decoded;
    ASSERT_TRUE(net::DecodeContent(coding, answer.body, 1 << 20, decoded).ok());
    EXPECT_EQ(V2Values(*Json::Parse(decoded)), expected);
    EXPECT_EQ(Post("/v2/models/late/infer", coded.substr(1), Cat("Content-Encoding: ", name, "\r\n")).status, 400);
  }
  EXPECT_EQ(Post("/v2/models/late/infer", body, "Content-Encoding: br\r\n").status, 415);
  std::string bomb;
  ASSERT_TRUE(net::EncodeContent(net::ContentCoding::kZstd, std::string(std::size_t{32} << 20, ' '), bomb).ok());
  EXPECT_EQ(Post("/v2/models/late/infer", bomb, "Content-Encoding: zstd\r\n").status, 413);
}

TEST_F(ProtocolsTest, SeveralClassesComeAsListsBesideTheirLabel) {
  const std::vector<Json> rows = Rows(3);
  const Json v2 = PostJson("/v2/models/when/infer", V2Body(rows));
  Json instances = Json::MakeArray();
  for (const Json& row : rows) instances.Append(row);
  const Json v1 = PostJson("/v1/models/when:predict", Json::Make({{"instances", instances}}).Dump());
  const std::vector<float> all = V2Values(v2);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Json& prediction = v1.Find("predictions")->AsArray()[row];
    EXPECT_EQ(Floats(*prediction.Find("probability")),
              std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(3 * row),
                                 all.begin() + static_cast<std::ptrdiff_t>(3 * row + 3)));
    EXPECT_EQ(prediction.StringOr("label", ""),
              v2.Find("outputs")->AsArray()[1].Find("data")->AsArray()[row].AsString());
  }
}

TEST_F(ProtocolsTest, OneOutputStandsForItself) {
  const Json answer = PostJson("/v1/models/plain:predict", R"({"instances":[[1,2,3],{"a":1,"b":2,"c":3}],"id":"q7"})");
  const std::vector<float> values = Floats(*answer.Find("predictions"));
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values[0], values[1]);
  EXPECT_EQ(answer.StringOr("id", ""), "q7");
  EXPECT_EQ(answer.StringOr("model_version", ""), "1");
}

TEST_F(ProtocolsTest, RefusalsNameTheColumnTheRowAndTheValue) {
  const auto message = [this](std::string_view body) {
    return PostJson("/v1/models/late:predict", body, 400).StringOr("error", "");
  };
  EXPECT_NE(message(R"({"instances":[{"temp":1,"wind":2,"hour":3,"holiday":true,"carrier":"AA"}]})").find("\"origin\""),
            std::string::npos);
  EXPECT_NE(message(R"({"instances":[[1,2,3.5,true,"AA","JFK"]]})").find("row 0: column \"hour\": 3.5"),
            std::string::npos);
  EXPECT_NE(message(R"({"instances":[[1,2,3,true,"AA","JFK",9]]})").find("more than the model's 6 columns"),
            std::string::npos);
  EXPECT_NE(message(R"({"instances":[{"tmp":1}]})").find("did you mean \"temp\""), std::string::npos);
  EXPECT_NE(message(R"({"instances":[]})").find("no rows"), std::string::npos);
  EXPECT_NE(message("{}").find("send instances or inputs"), std::string::npos);
  EXPECT_NE(message(R"({"inputs":{"temp":[1,2],"wind":[1]}})").find("column"), std::string::npos);
  EXPECT_NE(message(R"({"instances":[[1,2,3,true,"AA","JFK"]],"inputs":{}})").find("send one of them"),
            std::string::npos);
}

TEST_F(ProtocolsTest, ASignatureIsTheDefaultOneOrRefused) {
  const auto ask = [this](std::string_view signature, int status) {
    return PostJson("/v1/models/plain:predict", Cat(R"({"signature_name":)", signature, R"(,"instances":[[1,2,3]]})"),
                    status)
        .StringOr("error", "");
  };
  for (const char* known : {R"("serving_default")", R"("")", "null"}) EXPECT_EQ(ask(known, 200), "") << known;
  EXPECT_EQ(ask(R"("classify")", 400),
            "signature_name is \"classify\"; a model has the signature \"serving_default\" and no other");
  EXPECT_EQ(ask("7", 400), "signature_name must be a string");
  EXPECT_EQ(Post("/models/plain/invocations", R"({"signature_name":"any","instances":[[1,2,3]]})").status, 200)
      << "MLflow knows no signatures";
}

TEST_F(ProtocolsTest, ColumnsThatMlflowDropsAreNamedWhenOneIsMissing) {
  const auto refusal = [this](std::string_view body) {
    return PostJson("/models/plain/invocations", body, 400).StringOr("message", "");
  };
  EXPECT_EQ(refusal(R"({"dataframe_split":{"columns":["a","b","b"],"data":[[1,2,3]]}})"), "columns names \"b\" twice");
  EXPECT_EQ(refusal(R"({"dataframe_split":{"columns":["a","b","cc"],"data":[[1,2,3]]}})"),
            "row 0: column \"c\" is missing; expected a number, or null where the value is unknown; did you mean it by "
            "\"cc\"?");
  EXPECT_NE(refusal(R"({"dataframe_records":[{"a":1,"b":2,"far away":3}]})").find("\"c\" is missing"),
            std::string::npos);
  EXPECT_EQ(refusal(R"({"dataframe_records":[{"a":1,"b":2,"far away":3}]})").find("did you mean"), std::string::npos);
  EXPECT_NE(refusal(R"({"inputs":{"a":[1],"b":[2],"cc":[3]}})").find("by \"cc\"?"), std::string::npos);
}

TEST_F(ProtocolsTest, MlflowRefusalsHaveItsForm) {
  const Json bad = PostJson("/models/late/invocations", R"({"dataframe_split":{"columns":["temp"]}})", 400);
  EXPECT_EQ(bad.StringOr("error_code", ""), "BAD_REQUEST");
  EXPECT_NE(bad.StringOr("message", "").find("no data"), std::string::npos);
  const Json many = PostJson("/invocations", R"({"instances":[[1,2,3]]})", 400);
  EXPECT_NE(many.StringOr("message", "").find("/models/NAME/invocations"), std::string::npos);
  EXPECT_EQ(PostJson("/models/none/invocations", "{}", 404).StringOr("error_code", ""), "RESOURCE_DOES_NOT_EXIST");
}

TEST_F(ProtocolsTest, WhatBinaryTensorsClaimIsNotBelieved) {
  const auto refused = [this](std::string_view json, std::string_view bytes, std::string_view length) {
    const auto answer =
        Post("/v2/models/plain/infer", Cat(json, bytes), Cat("Inference-Header-Content-Length: ", length, "\r\n"));
    EXPECT_EQ(answer.status, 400) << answer.body;
    return answer.body;
  };
  const auto input = [](std::string_view shape, std::string_view size) {
    return Cat(R"({"inputs":[{"name":"x","shape":)", shape, R"(,"datatype":"FP32","parameters":{"binary_data_size":)",
               size, "}}]}");
  };
  const std::string good = input("[1,3]", "12");
  const std::string twelve(12, '\0');
  EXPECT_EQ(Post("/v2/models/plain/infer", good + twelve, Cat("Inference-Header-Content-Length: ", good.size(), "\r\n"))
                .status,
            200);
  EXPECT_NE(refused(good, twelve + "x", Cat(good.size())).find("1 bytes more"), std::string::npos);
  EXPECT_NE(refused(good, twelve.substr(1), Cat(good.size())).find("11 bytes are left"), std::string::npos);
  EXPECT_NE(refused(good, twelve, "99999").find("the body has"), std::string::npos);
  refused(good, twelve, "-1");
  refused(good, twelve, "18446744073709551616");
  refused(good, twelve, "12x");
  const std::string lies[] = {
      input("[1,3]", "13"),    input("[4611686018427387904,4]", "0"), input("[-1,3]", "12"), input("[1,3]", "-12"),
      input("[1,3]", "1e300"), input("[1,1,1,1,1,1,1,1,3]", "12"),    input("[0,3]", "0"),   input("[1,3]", "\"12\""),
      input("[]", "4")};
  for (const std::string& lie : lies) refused(lie, twelve, Cat(lie.size()));
}

/// Where the test's packages lie: a source is a name in its directory.
class TestSource final : public serving::ModelSource {
 public:
  explicit TestSource(std::string directory) : directory_(std::move(directory)) {}
  Result<std::string> Locate(const std::string& source) override { return directory_ + "/" + source; }

 private:
  std::string directory_;
};

TEST_F(ProtocolsTest, AnEndpointThatAsksForItGivesKeptAnswersAgain) {
  wire::DesiredEndpoint wanted{.name = "kept", .model = "late", .version = 1, .package = "late"};
  wanted.settings.cache.enabled = true;
  catalog_.Want(wanted, std::make_shared<TestSource>(directory_.path()));
  ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(10)));
  const std::vector<Json> rows = Rows(3);
  const std::vector<float> expected = V2Values(PostJson("/v2/models/late/infer", V2Body(rows)));
  EXPECT_EQ(V2Values(PostJson("/v2/models/kept/infer", V2Body(rows))), expected);
  EXPECT_EQ(cache_.bytes() > 0, true);
  EXPECT_EQ(V2Values(PostJson("/v2/models/kept/infer", V2Body(rows))), expected);
  Json instances = Json::MakeArray();
  for (const Json& row : rows) instances.Append(row);
  const Json v1 = PostJson("/v1/models/kept:predict", Json::Make({{"instances", instances}}).Dump());
  EXPECT_EQ(Probabilities(*v1.Find("predictions")), expected);
  EXPECT_EQ(v1.Find("predictions")->AsArray()[0].Find("decision")->IsBool(), true);
  EXPECT_NE(V2Values(PostJson("/v2/models/kept/infer", V2Body(Rows(4)))), expected);
  server_.reset();
  const std::string metrics = metrics_.Expose();
  EXPECT_NE(metrics.find("millwright_inference_cache_hits_total{model=\"kept\",version=\"1\"} 2"), std::string::npos)
      << metrics.substr(metrics.find("cache"), 400);
}

TEST_F(ProtocolsTest, AKeyStaysWithItsVersion) {
  WriteTestPackage(directory_ / "newer", 900);
  wire::DesiredEndpoint wanted{.name = "shared", .model = "late", .version = 1, .package = "late"};
  wanted.traffic.versions = {{1, "late", 5'000}, {2, "newer", 5'000}};
  wanted.settings.sticky = {wire::StickyKey::From::kHeader, "X-User"};
  catalog_.Want(wanted, std::make_shared<TestSource>(directory_.path()));
  ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(10)));
  const std::string body = V2Body(Rows(1));
  std::set<std::string> all;
  for (int user = 0; user < 40; ++user) {
    std::set<std::string> own;
    for (int ask = 0; ask < 3; ++ask) {
      const auto answer = Post("/v2/models/shared/infer", body, Cat("x-user: u", user, "\r\n"));
      ASSERT_EQ(answer.status, 200) << answer.body;
      own.insert(Json::Parse(answer.body)->StringOr("model_version", ""));
    }
    EXPECT_EQ(own.size(), 1U) << user;
    all.merge(own);
  }
  EXPECT_EQ(all, (std::set<std::string>{"1", "2"}));
  // By the entity's key in the rows.
  wanted.settings.sticky = {wire::StickyKey::From::kColumn, "flight"};
  catalog_.Want(wanted, std::make_shared<TestSource>(directory_.path()));
  ASSERT_TRUE(catalog_.WaitSettled(std::chrono::seconds(10)));
  std::map<std::string, std::set<std::string>> versions;
  for (int ask = 0; ask < 60; ++ask) {
    Json row = Rows(1)[0];
    const std::string flight = Cat("F", ask % 20);
    row["flight"] = Json(flight);
    const Json answer =
        PostJson("/v1/models/shared:predict", Json::Make({{"instances", Json(Json::Array{row})}}).Dump());
    versions[flight].insert(answer.StringOr("model_version", ""));
  }
  std::set<std::string> seen;
  for (auto& [flight, own] : versions) {
    EXPECT_EQ(own.size(), 1U) << flight;
    seen.merge(own);
  }
  EXPECT_EQ(seen.size(), 2U);
}

TEST_F(ProtocolsTest, RowsInPlainJsonAreAnsweredInTheFormThatIsAskedFor) {
  const auto body = [](std::string_view more) {
    return Cat("{", more, R"("inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]})");
  };
  const Json plain = PostJson("/v2/models/plain/infer", body(""));
  std::vector<float> values;
  for (const Json& value : plain.Find("outputs")->AsArray()[0].Find("data")->AsArray()) {
    values.push_back(static_cast<float>(value.AsDouble()));
  }
  for (const std::string_view asked :
       {R"("parameters":{"binary_data_output":true,"timeout":1000000,"priority":1},)",
        R"("outputs":[{"name":"probability","parameters":{"binary_data":true}}],)",
        R"("parameters":{"binary_data_output":true},"outputs":[{"name":"probability"}],)"}) {
    for (int again = 0; again < 2; ++again) {
      const Answer answer = Post("/v2/models/plain/infer", body(asked));
      EXPECT_EQ(answer.status, 200) << answer.body;
      const std::string* const length = net::FindHeader(answer.headers, "inference-header-content-length");
      ASSERT_NE(length, nullptr) << asked;
      EXPECT_EQ(answer.body.substr(static_cast<std::size_t>(*ParseInt(*length))), Raw(values)) << asked;
    }
  }
  const Json text = PostJson(
      "/v2/models/plain/infer",
      body(
          R"("parameters":{"binary_data_output":true},"outputs":[{"name":"probability","parameters":{"binary_data":false}}],)"));
  EXPECT_EQ(text.Find("outputs")->Dump(), plain.Find("outputs")->Dump());
  PostJson("/v2/models/plain/infer", body(R"("parameters":{"timeout":"soon"},)"), 400);
}

TEST_F(ProtocolsTest, OfSeveralClassesTheLikeliestComeByNumberAndLabel) {
  std::string body = V2Body(Rows(3));
  const Json whole = PostJson("/v2/models/when/infer", body);
  const Json::Array& probabilities = whole.Find("outputs")->AsArray()[0].Find("data")->AsArray();
  body.insert(1, R"("outputs":[{"name":"probability","parameters":{"classification":2}},{"name":"label"}],)");
  const Json answer = PostJson("/v2/models/when/infer", body);
  const Json& classes = answer.Find("outputs")->AsArray()[0];
  EXPECT_EQ(classes.StringOr("datatype", ""), "BYTES");
  EXPECT_EQ(classes.Find("shape")->Dump(), "[3,2]");
  const Json::Array& labels = answer.Find("outputs")->AsArray()[1].Find("data")->AsArray();
  const std::vector<std::string> names = {"early", "on time", "late"};
  for (std::size_t row = 0; row < 3; ++row) {
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < 3; ++i) order.emplace_back(-probabilities[3 * row + i].AsDouble(), i);
    std::sort(order.begin(), order.end());
    for (std::size_t place = 0; place < 2; ++place) {
      const std::size_t which = order[place].second;
      EXPECT_EQ(classes.Find("data")->AsArray()[2 * row + place].AsString(),
                Cat(probabilities[3 * row + which].Dump(), ":", which, ":", names[which]));
    }
    EXPECT_EQ(labels[row].AsString(), names[order[0].second]);
  }
  std::string many = V2Body(Rows(1));
  many.insert(1, R"("outputs":[{"name":"probability","parameters":{"classification":900000000}}],)");
  EXPECT_EQ(PostJson("/v2/models/when/infer", many).Find("outputs")->AsArray()[0].Find("shape")->Dump(), "[1,3]");
  many = V2Body(Rows(1));
  many.insert(1, R"("outputs":[{"name":"label","parameters":{"classification":1}}],)");
  EXPECT_NE(PostJson("/v2/models/when/infer", many, 400).StringOr("error", "").find("holds texts"), std::string::npos);
}

TEST_F(ProtocolsTest, WhatIsRefusedBeforeItsProtocolIsKnownEachClientCanRead) {
  const auto readable = [](const Answer& answer, int status) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const auto body = Json::Parse(answer.body);
    ASSERT_TRUE(body.ok()) << answer.body;
    EXPECT_FALSE(body->StringOr("error", "").empty()) << answer.body;
    EXPECT_FALSE(body->StringOr("error_code", "").empty()) << answer.body;
    EXPECT_EQ(body->StringOr("message", ""), body->StringOr("error", "")) << answer.body;
  };
  readable(Ask("GET /v2 HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
  readable(Ask(Cat("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", (64 << 20) + 1, "\r\n\r\n")),
           413);
  readable(Ask("NONSENSE\r\n\r\n"), 400);
  readable(Post("/invocations", "x", "Content-Encoding: br\r\n"), 415);
  readable(Post("/invocations", "x", "Content-Encoding: gzip\r\n"), 400);
  readable(Ask(testing::GetRequest("/v3")), 404);
  readable(Ask(testing::GetRequest("/invocations")), 405);
  for (const std::string_view path : {"/v2/other", "/v2/models/late/other", "/v1/other", "/v1/models/late:other"}) {
    const bool post = path.ends_with(":other");
    EXPECT_FALSE(AskJson(post ? testing::PostRequest(path, "{}") : testing::GetRequest(path), 404)
                     .StringOr("error", "")
                     .empty());
  }
}

TEST_F(ProtocolsTest, HealthAndMetadataOfTheOtherProtocols) {
  EXPECT_EQ(GetJson("/v1/models").Find("models")->AsArray().size(), 3U);
  const Json status = GetJson("/v1/models/late");
  EXPECT_EQ(status.Find("model_version_status")->AsArray()[0].StringOr("state", ""), "AVAILABLE");
  EXPECT_EQ(GetJson("/v1/models/late/versions/1/metadata").Find("model_spec")->StringOr("version", ""), "1");
  GetJson("/v1/models/none", 404);
  TestClient client(server_->port());
  EXPECT_EQ(client.Ask("GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
  EXPECT_EQ(client.Ask("GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n").body, "9.9.9");
  EXPECT_EQ(client.Ask("GET /invocations HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
  EXPECT_EQ(client.Ask("GET /v1/models/late:predict HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
  EXPECT_EQ(client.Ask("POST /v1/models/late:classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").status,
            404);
}

}  // namespace
}  // namespace mw::api::inference
