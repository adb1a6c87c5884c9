// The decoder against a slow second implementation on base/json.h, and what its complaints name.
#include "api/inference/request_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "base/json.h"
#include "base/random.h"
#include "serving/test_model.h"

namespace mw::api::inference {
namespace {

using serving::testing::RandomRow;
using serving::testing::TestDatatype;
using serving::testing::TestDirectory;
using serving::testing::TestFeatures;

class RequestDecoderTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TestDirectory directory;
    serving::testing::WriteTestPackage(directory / "p", 5);
    auto model = serving::Model::Load(directory / "p");
    ASSERT_TRUE(model.ok()) << model.error().ToString();
    model_ = *model;
  }
  static void TearDownTestSuite() { model_.reset(); }

  std::string Complaint(std::string_view body) {
    const Status decoded = decoder_.Decode(body, *model_, limits_);
    return decoded.ok() ? "accepted" : decoded.error().ToString();
  }
  void ExpectComplaint(std::string_view body, std::string_view part) {
    EXPECT_NE(Complaint(body).find(part), std::string::npos) << body << "\n" << Complaint(body);
  }

  static std::shared_ptr<const serving::Model> model_;
  wire::ServingLimits limits_;
  RequestDecoder decoder_;
};
std::shared_ptr<const serving::Model> RequestDecoderTest::model_;

Json Tensor(std::string_view name, std::string_view datatype, Json::Array data) {
  const auto rows = static_cast<std::int64_t>(data.size());
  return Json::Make({{"name", Json(name)},
                     {"shape", Json(Json::Array{Json(rows)})},
                     {"datatype", Json(datatype)},
                     {"data", Json(std::move(data))}});
}

/// Rows as named columns.
Json Columns(const std::vector<Json>& rows) {
  Json inputs = Json::MakeArray();
  for (const std::string& name : TestFeatures()) {
    Json::Array data;
    for (const Json& row : rows) data.push_back(*row.Find(name));
    inputs.Append(Tensor(name, TestDatatype(name), std::move(data)));
  }
  return inputs;
}

Json Request(Json inputs) { return Json::Make({{"inputs", std::move(inputs)}}); }

/// The specification once more, slowly, on a parsed tree: the rows, or nothing when it must be refused.
class Reference {
 public:
  explicit Reference(const serving::Model& model) : model_(model) {}

  std::optional<std::vector<float>> Decode(const Json& request) {
    const Json* inputs = request.Find("inputs");
    if (!request.IsObject() || inputs == nullptr || !inputs->IsArray() || inputs->AsArray().empty()) return {};
    if (!CheckRest(request)) return {};
    std::map<std::string, std::vector<float>> columns;
    std::optional<std::vector<float>> matrix;
    std::set<std::string> context;
    std::optional<std::size_t> rows;
    for (const Json& input : inputs->AsArray()) {
      const auto values = Flat(input);
      if (!values || values->rows == 0 || (rows && *rows != values->rows)) return {};
      rows = values->rows;
      const std::string name = input.Find("name")->AsString();
      const std::string type = input.Find("datatype")->AsString();
      if (values->width > 1 || values->width == 0) {
        if (values->width != model_.num_features() || matrix || type == "BYTES" || type == "BOOL") return {};
        matrix.emplace();
        for (std::size_t i = 0; i < values->cells.size(); ++i) {
          const auto cell = MatrixCell(static_cast<int>(i % values->width), values->cells[i]);
          if (!cell) return {};
          matrix->push_back(*cell);
        }
        continue;
      }
      if (name == "departure" || name == "flight") {
        if (!context.insert(name).second || !CheckContext(name, values->cells)) return {};
        continue;
      }
      const int feature = model_.encoder().FeatureIndex(name);
      if (feature < 0 || columns.contains(name)) return {};
      for (const Json& value : values->cells) {
        const auto cell = Cell(feature, type, value);
        if (!cell) return {};
        columns[name].push_back(*cell);
      }
    }
    if (matrix) return columns.empty() ? matrix : std::nullopt;
    if (columns.size() != model_.num_features()) return {};
    std::vector<float> out;
    for (std::size_t row = 0; row < *rows; ++row) {
      for (const std::string& name : TestFeatures()) out.push_back(columns[name][row]);
    }
    return out;
  }

 private:
  struct Values {
    std::size_t rows = 0;
    std::size_t width = 1;
    std::vector<Json> cells;
  };

  static bool CheckRest(const Json& request) {
    const Json* id = request.Find("id");
    if (id != nullptr && !id->IsNull() && !(id->IsString() && id->AsString().size() <= 256)) return false;
    const Json* parameters = request.Find("parameters");
    return parameters == nullptr || parameters->IsObject();
  }
  static bool CheckContext(const std::string& name, const std::vector<Json>& cells) {
    return name != "departure" || std::all_of(cells.begin(), cells.end(), [](const Json& value) {
             return !value.IsString() || ParseTime(value.AsString()).ok();
           });
  }
  static std::optional<Values> Flat(const Json& input) {
    if (!input.IsObject()) return {};
    for (const char* key : {"name", "datatype"}) {
      const Json* member = input.Find(key);
      if (member == nullptr || !member->IsString() || member->AsString().empty()) return {};
    }
    static const std::vector<std::string> kTypes = {"BOOL",   "INT8",   "INT16", "INT32", "INT64", "UINT8", "UINT16",
                                                    "UINT32", "UINT64", "FP16",  "BF16",  "FP32",  "FP64",  "BYTES"};
    if (std::find(kTypes.begin(), kTypes.end(), input.Find("datatype")->AsString()) == kTypes.end()) return {};
    const Json* shape = input.Find("shape");
    const Json* data = input.Find("data");
    if (shape == nullptr || data == nullptr || !shape->IsArray() || !data->IsArray()) return {};
    const Json::Array& sizes = shape->AsArray();
    if (sizes.empty() || sizes.size() > 2) return {};
    for (const Json& size : sizes) {
      if (!size.IsNumber() || size.AsDouble() < 0 || size.AsDouble() != std::floor(size.AsDouble())) return {};
    }
    Values out;
    if (sizes[0].AsDouble() > 65536) return {};
    out.rows = static_cast<std::size_t>(sizes[0].AsDouble());
    out.width = sizes.size() == 2 ? static_cast<std::size_t>(std::min(sizes[1].AsDouble(), 1e6)) : 1;
    const bool nested = !data->AsArray().empty() && data->AsArray()[0].IsArray();
    if (nested && (sizes.size() != 2 || data->AsArray().size() != out.rows)) return {};
    for (const Json& element : data->AsArray()) {
      if (element.IsArray() != nested) return {};
      if (!nested) {
        out.cells.push_back(element);
        continue;
      }
      if (element.AsArray().size() != out.width) return {};
      out.cells.insert(out.cells.end(), element.AsArray().begin(), element.AsArray().end());
    }
    if (out.cells.size() != out.rows * out.width) return {};
    return out;
  }
  static std::optional<float> Taken(const Result<float>& encoded) {
    return encoded.ok() ? std::optional<float>(*encoded) : std::nullopt;
  }
  std::optional<float> Cell(int feature, const std::string& type, const Json& value) {
    const schema::Encoder& encoder = model_.encoder();
    if (value.IsNull()) return Taken(encoder.EncodeMissing(feature));
    if (value.IsString()) return type == "BYTES" ? Taken(encoder.EncodeText(feature, value.AsString())) : std::nullopt;
    if (value.IsBool()) return type == "BOOL" ? Taken(encoder.EncodeBool(feature, value.AsBool())) : std::nullopt;
    if (!value.IsNumber() || type == "BYTES" || type == "BOOL") return {};
    const double number = value.AsDouble();
    if (type.find("INT") != std::string::npos && number != std::floor(number)) return {};
    return Taken(encoder.EncodeNumber(feature, number));
  }
  std::optional<float> MatrixCell(int feature, const Json& value) {
    if (value.IsNull()) return Taken(model_.encoder().EncodeMissing(feature));
    if (!value.IsNumber()) return {};
    const schema::Column& column = model_.encoder().column(feature);
    if (column.type != schema::ColumnType::kCategory) {
      return Taken(model_.encoder().EncodeNumber(feature, value.AsDouble()));
    }
    const double code = value.AsDouble();
    if (code < 0 || code >= static_cast<double>(column.vocabulary.size()) || code != std::floor(code)) return {};
    return static_cast<float>(code);
  }

  const serving::Model& model_;
};

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

/// Shuffles the members of every object, which must change nothing.
void ShuffleMembers(Random& random, Json& value) {
  if (value.IsArray()) {
    for (Json& element : value.AsArray()) ShuffleMembers(random, element);
  }
  if (!value.IsObject()) return;
  Json::Object& members = value.AsObject();
  for (std::size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[random.Below(i)]);
  for (auto& [key, member] : members) ShuffleMembers(random, member);
}

/// Changes one thing somewhere in the tree: a value, a key, the length of a list.
void Bend(Random& random, Json& value) {
  if (value.IsArray() && !value.AsArray().empty() && random.Below(4) != 0) {
    return Bend(random, value.AsArray()[random.Below(value.AsArray().size())]);
  }
  if (value.IsObject() && !value.AsObject().empty() && random.Below(8) != 0) {
    auto& member = value.AsObject()[random.Below(value.AsObject().size())];
    if (random.Below(10) == 0) {
      member.first += "x";
      return;
    }
    return Bend(random, member.second);
  }
  const std::vector<Json> values = {
      Json(),       Json(true),         Json(1),        Json(-1),
      Json(2.5),    Json(1e39),         Json("AA"),     Json("temp"),
      Json("FP32"), Json::MakeArray(),  Json("BYTES"),  Json(Json::Array{Json(1)}),
      Json("BOOL"), Json::MakeObject(), Json("flight"), Json(Json::Array{Json(3), Json(6)})};
  if (value.IsArray() && random.Below(2) == 0) {
    if (random.Below(2) == 0 && !value.AsArray().empty()) {
      value.AsArray().pop_back();
    } else {
      value.Append(values[random.Below(values.size())]);
    }
    return;
  }
  value = values[random.Below(values.size())];
}

Json RandomRequest(Random& random) {
  std::vector<Json> rows;
  const std::uint64_t count = 1 + random.Below(4);
  for (std::uint64_t i = 0; i < count; ++i) rows.push_back(RandomRow(random));
  Json request = Request(Columns(rows));
  const auto size = static_cast<std::int64_t>(count);
  if (random.Below(4) == 0) {  // one matrix
    Json::Array data;
    for (std::uint64_t row = 0; row < count; ++row) {
      Json::Array cells;
      for (int column = 0; column < 6; ++column) {
        cells.push_back(random.Below(6) == 0 && column != 2 ? Json()
                        : column < 2                        ? Json(100 * random.Uniform() - 50)
                                                            : Json(static_cast<std::int64_t>(random.Below(2))));
      }
      if (random.Below(40) == 0) cells.pop_back();
      data.emplace_back(std::move(cells));
    }
    request = Request(Json(Json::Array{Json::Make({{"name", Json("anything")},
                                                   {"shape", Json(Json::Array{Json(size), Json(6)})},
                                                   {"datatype", Json("FP32")},
                                                   {"data", Json(std::move(data))}})}));
  } else if (random.Below(4) == 0) {
    request["inputs"].Append(Tensor("flight", "BYTES", Json::Array(count, Json("UA\u00e91"))));
    request["inputs"].Append(Tensor("departure", "BYTES", Json::Array(count, Json("2013-05-01T10:00:00Z"))));
  }
  if (random.Below(3) == 0) request["id"] = Json("id \"1\"");
  if (random.Below(3) == 0) request["parameters"] = Json::Make({{"x", Json(Json::Array{Json(1)})}});
  return request;
}

TEST_F(RequestDecoderTest, AgreesWithTheReferenceOnRandomRequests) {
  Random random(17);
  Reference reference(*model_);
  int accepted = 0;
  for (int round = 0; round < 40'000; ++round) {
    Json request = RandomRequest(random);
    ShuffleMembers(random, request);
    for (std::uint64_t bends = random.Below(3); bends > 0; --bends) Bend(random, request);
    const std::string body = random.Below(2) == 0 ? request.Dump() : request.DumpPretty();
    const Result<Json> parsed = Json::Parse(body);
    // A key that Bend wrote twice is refused by both or ignored by one: not compared.
    if (!parsed.ok()) continue;
    const auto expected = reference.Decode(*parsed);
    const Status decoded = decoder_.Decode(body, *model_, limits_);
    ASSERT_EQ(decoded.ok(), expected.has_value()) << body << "\n" << (decoded.ok() ? "" : decoded.error().ToString());
    if (!expected) continue;
    ++accepted;
    ASSERT_TRUE(SameBits(decoder_.features(), *expected)) << body;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST_F(RequestDecoderTest, BytesChangedAtRandomNeverCrashAndNeverPassAsNoJson) {
  Random random(19);
  for (int round = 0; round < 40'000; ++round) {
    std::string body = RandomRequest(random).Dump();
    for (std::uint64_t edits = 1 + random.Below(3); edits > 0; --edits) {
      body[random.Below(body.size())] = static_cast<char>(random.Below(256));
    }
    const Status decoded = decoder_.Decode(body, *model_, limits_);
    if (decoded.ok()) {
      const Result<Json> parsed = Json::Parse(body);
      ASSERT_TRUE(parsed.ok() || parsed.error().message.find("twice") != std::string::npos) << body;
    }
  }
}

/// Everything that a decoding gives, as text.
std::string Described(const RequestDecoder& decoder, const Status& decoded) {
  if (!decoded.ok()) return decoded.error().ToString();
  std::string text = Cat(decoder.id(), "|", decoder.event_time(), "|", decoder.rows(), "|",
                         decoder.unknown_categories(), "|", decoder.wants_value(), decoder.wants_decision());
  InferenceRequest told;
  decoder.Tell(told);
  CatTo(text, "|", told.timeout.count(), "|", told.priority, "|", decoder.binary_outputs().any());
  for (const float value : decoder.features()) CatTo(text, "|", std::bit_cast<std::uint32_t>(value));
  for (const std::int64_t time : decoder.event_times_us()) CatTo(text, "|", time);
  for (const std::string_view key : decoder.keys()) CatTo(text, "|", key);
  return text;
}

/// Another value for one of the columns, mostly of the right type.
std::string RandomValue(Random& random) {
  constexpr std::string_view kValues[] = {"1",    "0",     "-3.25",  "1e2",           "null",         "NaN",
                                          "true", "false", "\"AA\"", "\"ZZ\"",        "\"\\u00dc2\"", "\"quo\\\"te\"",
                                          " 7",   "1e39",  "\"\"",   "[1]",           "1,2",          "",
                                          "01",   "\"a",   "2.50 ",  "\"1969-12-31\""};
  return std::string(kValues[random.Below(std::size(kValues))]);
}

TEST_F(RequestDecoderTest, ARememberedRequestChangesNothing) {
  Random random(23);
  const TestDirectory directory;
  serving::testing::WriteTestPackage(directory / "other", 6, "late",
                                     {"wind", "temp", "hour", "holiday", "origin", "carrier"});
  const std::shared_ptr<const serving::Model> other = *serving::Model::Load(directory / "other");
  const std::vector<std::string> pieces = {R"({"id":)",
                                           R"(,"parameters":{"event_time":)",
                                           R"(},"inputs":[{"name":"temp","shape":[1],"datatype":"FP32","data":[)",
                                           R"(]},{"name":"wind","shape":[1,1],"datatype":"FP32","data":[[)",
                                           R"(]]},{"name":"hour","shape":[1],"datatype":"INT64","data":[)",
                                           R"(]},{"name":"holiday","shape":[1],"datatype":"BOOL","data":[)",
                                           R"(]},{"name":"carrier","shape":[1],"datatype":"BYTES","data":[)",
                                           R"(]},{"name":"origin","shape":[1],"datatype":"BYTES","data":[)",
                                           "]}]}"};
  const std::vector<std::string> usual = {R"("id-1")", R"("2013-05-01T10:00:00Z")", "3.5", "2", "7", "true", R"("AA")",
                                          R"("JFK")"};
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string body;
    for (std::size_t i = 0; i < usual.size(); ++i) {
      body += pieces[i];
      body += random.Below(24) == 0 ? RandomValue(random) : i == 2 || i == 3 ? Cat(random.Uniform() * 40) : usual[i];
    }
    body += pieces.back();
    if (random.Below(20) == 0) body[random.Below(body.size())] = static_cast<char>(random.Below(256));
    if (random.Below(20) == 0) body.insert(random.Below(body.size()), 1, ' ');
    const serving::Model& model = random.Below(30) == 0 ? *other : *model_;
    RequestDecoder fresh;
    const Status expected = fresh.Decode(body, model, limits_);
    const Status decoded = decoder_.Decode(body, model, limits_);
    ASSERT_EQ(Described(decoder_, decoded), Described(fresh, expected)) << body;
    accepted += decoded.ok() ? 1 : 0;
  }
  EXPECT_GT(accepted, 30'000);
}

TEST_F(RequestDecoderTest, AMatrixOfFloatsAlone) {
  const TestDirectory directory;
  serving::testing::WriteTestPackage(directory / "floats", 6, "late", {"wind", "temp"});
  const std::shared_ptr<const serving::Model> model = *serving::Model::Load(directory / "floats");
  Random random(37);
  for (int round = 0; round < 5000; ++round) {
    const std::uint64_t rows = 1 + random.Below(60);
    std::string body = Cat(R"({"inputs":[{"name":"x","shape":[)", rows, R"(,2],"datatype":"FP32","data":[)");
    std::vector<float> expected;
    for (std::uint64_t i = 0; i < 2 * rows; ++i) {
      const bool missing = random.Below(30) == 0;
      const std::string text = missing ? "null" : Cat(random.Uniform() * 4e6 - 2e6);
      expected.push_back(missing ? schema::Encoder::kMissing : static_cast<float>(std::strtod(text.c_str(), nullptr)));
      CatTo(body, i == 0 ? "" : ",", text);
    }
    body += "]}]}";
    ASSERT_TRUE(decoder_.Decode(body, *model, limits_).ok()) << body;
    ASSERT_TRUE(SameBits(decoder_.features(), expected)) << body;
  }
  // And back to a model whose other columns want a closer look.
  EXPECT_FALSE(decoder_
                   .Decode(R"({"inputs":[{"name":"x","shape":[1,6],"datatype":"FP32","data":[1,2,3.5,1,0,0]}]})",
                           *model_, limits_)
                   .ok());
}

TEST_F(RequestDecoderTest, ARememberedMatrixRowChangesNothing) {
  Random random(31);
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    const bool nested = round / 1000 % 2 == 1;
    std::string body =
        Cat(R"({"id":"row-)", random.Below(1000), R"(","inputs":[{"name":"x","shape":[1,6],"datatype":")",
            round / 2000 % 2 == 1 ? "INT64" : "FP32", R"(","data":)", nested ? "[[" : "[");
    for (int column = 0; column < 6; ++column) {
      const std::string usual = column < 2 ? Cat(random.Uniform() * 40 - 20) : Cat(random.Below(2));
      CatTo(body,
            column == 0            ? ""
            : random.Below(2) == 0 ? ","
                                   : ", ",
            random.Below(60) == 0 ? RandomValue(random) : usual);
    }
    body += nested ? "]]}]}" : "]}]}";
    if (random.Below(2) == 0) body.append(50, ' ');
    if (random.Below(20) == 0) body[random.Below(body.size())] = static_cast<char>(random.Below(256));
    if (random.Below(20) == 0) body.insert(random.Below(body.size()), 1, ' ');
    RequestDecoder fresh;
    const Status expected = fresh.Decode(body, *model_, limits_);
    const Status decoded = decoder_.Decode(body, *model_, limits_);
    ASSERT_EQ(Described(decoder_, decoded), Described(fresh, expected)) << body;
    accepted += decoded.ok() ? 1 : 0;
  }
  EXPECT_GT(accepted, 30'000);
}

std::string Body(std::string_view changed, std::string_view tensor) {
  std::string inputs;
  for (const std::string& name : TestFeatures()) {
    if (!inputs.empty()) inputs += ',';
    if (name == changed) {
      inputs += tensor;
      if (tensor.empty()) inputs.pop_back();
      continue;
    }
    const bool text = TestDatatype(name) == "BYTES";
    CatTo(inputs, R"({"name":")", name, R"(","shape":[1],"datatype":")",
          name == "holiday" ? "BOOL"
          : text            ? "BYTES"
                            : "FP32",
          R"(","data":[)",
          name == "holiday" ? "true"
          : text            ? "null"
                            : "1",
          "]}");
  }
  return Cat(R"({"inputs":[)", inputs, "]}");
}

TEST_F(RequestDecoderTest, ComplaintsNameTheColumnTheValueAndTheRemedy) {
  EXPECT_EQ(Complaint(Body("none", "")), "accepted");
  EXPECT_EQ(Complaint(Body("wind", "")),
            "column \"wind\" is missing; expected a number, or null where the value is unknown");
  ExpectComplaint(Body("temp", R"({"name":"tmp","shape":[1],"datatype":"FP32","data":[1]})"),
                  "the model has no column \"tmp\"; did you mean \"temp\"?");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"BYTES","data":["warm"]})"), "\"temp\"");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"BYTES","data":["warm"]})"), "warm");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"FP32","data":["warm"]})"),
                  "column \"temp\" holds a string (\"warm\"), but its datatype is FP");
  ExpectComplaint(Body("hour", R"({"name":"hour","shape":[1],"datatype":"FP32","data":[2.5]})"), "\"hour\"");
  ExpectComplaint(Body("hour", R"({"name":"hour","shape":[1],"datatype":"INT64","data":[null]})"), "\"hour\"");
  ExpectComplaint(Body("hour", R"({"name":"hour","shape":[1],"datatype":"INT64","data":[2.5]})"),
                  "column \"hour\" holds 2.5, but its datatype is INT");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[2],"datatype":"FP32","data":[1]})"),
                  "1 values, its shape says 2");
  ExpectComplaint(Body("wind", R"({"name":"wind","shape":[2],"datatype":"FP32","data":[1,2]})"),
                  "\"wind\" has 2 rows, the inputs before it have 1");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"FP32","data":[1,2]})"),
                  "more than the 1 values");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"FP31","data":[1]})"), "datatype \"FP31\"");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"FP32","data":[1e39]})"), "\"temp\": 1e+39");
  ExpectComplaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"FP32"})"), "\"temp\" has no data");
  ExpectComplaint(Body("wind", R"({"name":"temp","shape":[1],"datatype":"FP32","data":[1]})"),
                  "\"temp\" is there twice");
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[2,6],"datatype":"FP32","data":[[1,1,1,1,1,1],[1,1,1,1,1]]}]})",
                  "row 1 of input \"x\" has 5 values, the shape says 6");
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[1,5],"datatype":"FP32","data":[1,1,1,1,1]}]})",
                  "has 5 columns, the model takes 6");
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[1,6],"datatype":"FP32","data":[1,1,1,1,7,1]}]})",
                  "column \"carrier\" holds 7; in a matrix a category is its code, 0 to 4");
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[0,6],"datatype":"FP32","data":[]}]})", "has no rows");
  ExpectComplaint(R"({"inputs":[]})", "inputs is empty");
  ExpectComplaint(R"({"input":[]})", "has no inputs");
  ExpectComplaint(R"({"inputs":[},)", "no valid JSON");
  ExpectComplaint("{\"inputs\":\"\xff\"}", "not UTF-8");
  ExpectComplaint(R"({"parameters":{"event_time":"yesterday"},"inputs":[]})", "parameter event_time");
}

TEST_F(RequestDecoderTest, LimitsHoldBeforeMemoryIsTaken) {
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[900000000000000,6],"datatype":"FP32","data":[]}]})",
                  "at most 65536");
  limits_.rows_max = std::int64_t{1} << 60;
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[900000000000000,6],"datatype":"FP32","data":[]}]})",
                  "values fit one request");
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[1e300,6],"datatype":"FP32","data":[]}]})",
                  "is 1e300; expected a whole number from 0 to 9007199254740992");
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[9223372036854775807,6],"datatype":"FP32","data":[]}]})",
                  "is 9223372036854775807; expected");
  ExpectComplaint(R"({"inputs":[{"name":"x","shape":[1,1,1,1,1,1,1,1,1],"datatype":"FP32","data":[]}]})",
                  "more than 8 dimensions");
  limits_.body_bytes_max = 10;
  ExpectComplaint(R"({"inputs":[]}             )", "at most 10");
}

TEST_F(RequestDecoderTest, UnknownCategoriesAreMissingAndCounted) {
  EXPECT_EQ(Complaint(Body("carrier", R"({"name":"carrier","shape":[1],"datatype":"BYTES","data":["ZZ"]})")),
            "accepted");
  EXPECT_EQ(decoder_.unknown_categories(), 1U);
  EXPECT_TRUE(std::isnan(decoder_.features()[4]));
  EXPECT_EQ(Complaint(Body("carrier", R"({"name":"carrier","shape":[1],"datatype":"BYTES","data":["\u00dc2"]})")),
            "accepted");
  EXPECT_EQ(decoder_.unknown_categories(), 0U);
  EXPECT_EQ(decoder_.features()[4], 3.0F);
}

TEST_F(RequestDecoderTest, EventTimeComesFromTheParameterOrTheColumn) {
  std::string body = Body("none", "");
  body.replace(0, 1, R"({"parameters":{"event_time":"2013-05-01T10:00:00Z"},)");
  EXPECT_EQ(Complaint(body), "accepted");
  EXPECT_EQ(decoder_.event_time(), "2013-05-01T10:00:00Z");
  body = Body("none", "");
  body.insert(body.size() - 2, R"(,{"name":"departure","shape":[1],"datatype":"BYTES","data":["2013-06-01"]})");
  EXPECT_EQ(Complaint(body), "accepted");
  EXPECT_EQ(decoder_.event_time(), "2013-06-01");
  EXPECT_EQ(decoder_.event_times_us().size(), 1U);
  // The parameter stands above the column, wherever it comes.
  body.insert(body.size() - 1, R"(,"parameters":{"event_time":"2013-05-01T10:00:00Z"})");
  EXPECT_EQ(Complaint(body), "accepted");
  ASSERT_EQ(decoder_.event_times_us().size(), 1U);
  EXPECT_EQ(FormatTime(FromMicros(decoder_.event_times_us()[0])), "2013-05-01T10:00:00Z");
  EXPECT_EQ(Complaint(Body("none", "")), "accepted");
  EXPECT_TRUE(decoder_.event_times_us().empty());
}

TEST_F(RequestDecoderTest, EventTimesBefore1970AreRefused) {
  const auto as_parameter = [](std::string_view time) {
    std::string body = Body("none", "");
    return body.replace(0, 1, Cat(R"({"parameters":{"event_time":")", time, "\"},"));
  };
  const auto in_column = [](std::string_view time) {
    std::string body = Body("none", "");
    return body.insert(body.size() - 2,
                       Cat(R"(,{"name":"departure","shape":[1],"datatype":"BYTES","data":[")", time, "\"]}"));
  };
  for (const std::string_view time :
       {"1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00", "1970-01-01", "9999-12-31T23:59:59Z"}) {
    for (const std::string& body : {as_parameter(time), in_column(time)}) {
      EXPECT_EQ(Complaint(body), "accepted") << time;
      ASSERT_EQ(decoder_.event_times_us().size(), 1U);
      EXPECT_GE(decoder_.event_times_us()[0], 0) << time;
    }
  }
  for (const std::string_view time :
       {"0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:59:59+01:00", "1969-12-31"}) {
    const std::string says =
        Cat("the event time \"", time, "\" is before 1970-01-01T00:00:00Z; expected that or a later time");
    // Remembered or not.
    EXPECT_EQ(Complaint(as_parameter("1970-01-01T00:00:00Z")), "accepted");
    ExpectComplaint(as_parameter(time), says);
    EXPECT_TRUE(decoder_.event_times_us().empty()) << "the refusal counts at its receipt";
    ExpectComplaint(as_parameter(time), "parameter event_time");
    ExpectComplaint(in_column(time), says);
    ExpectComplaint(in_column(time), "column \"departure\", row 0");
  }
}

TEST_F(RequestDecoderTest, PythonsNaNIsMissing) {
  EXPECT_EQ(Complaint(Body("temp", R"({"name":"temp","shape":[1],"datatype":"FP32","data":[NaN]})")), "accepted");
  EXPECT_TRUE(std::isnan(decoder_.features()[0]));
}

TEST_F(RequestDecoderTest, OutputsCanBeChosen) {
  std::string body = Body("none", "");
  body.insert(1, R"("outputs":[{"name":"decision"}],)");
  EXPECT_EQ(Complaint(body), "accepted");
  EXPECT_FALSE(decoder_.wants_value());
  EXPECT_TRUE(decoder_.wants_decision());
  body = Body("none", "");
  body.insert(1, R"("outputs":[{"name":"probabilities"}],)");
  ExpectComplaint(body, "no output \"probabilities\"; did you mean \"probability\"?");
}

TEST_F(RequestDecoderTest, WishesAreToldAlsoOfARequestThatIsLikeTheOneBefore) {
  std::string body = Body("none", "");
  body.insert(1, R"("parameters":{"timeout":2500,"priority":2,"sequence_id":7,"mine":{"a":[1]}},)"
                 R"("outputs":[{"name":"probability","parameters":{"binary_data":true,"other":1}}],)");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Complaint(body), "accepted");
    InferenceRequest told;
    decoder_.Tell(told);
    EXPECT_EQ(told.timeout, Duration(2500));
    EXPECT_EQ(told.priority, 2U);
    EXPECT_TRUE(told.wants_value && !told.wants_decision);
    EXPECT_TRUE(decoder_.binary_outputs().Wants("probability"));
    EXPECT_FALSE(decoder_.binary_outputs().Wants("decision"));
  }
  EXPECT_EQ(Complaint(Body("none", "")), "accepted");
  InferenceRequest told;
  decoder_.Tell(told);
  EXPECT_TRUE(told.timeout == Duration{0} && told.priority == 0 && told.wants_decision);
  EXPECT_FALSE(decoder_.binary_outputs().any());
  const auto with = [](std::string_view parameters) {
    std::string altered = Body("none", "");
    return altered.insert(1, Cat("\"parameters\":", parameters, ","));
  };
  ExpectComplaint(with(R"({"timeout":"soon"})"), "parameter timeout must be a whole number from 0");
  ExpectComplaint(with(R"({"timeout":-1})"), "expected a whole number from 0");
  ExpectComplaint(with(R"({"priority":1.5})"), "parameter priority is 1.5");
  ExpectComplaint(with(R"({"binary_data_output":1})"), "must be true or false");
}

TEST_F(RequestDecoderTest, ClassesAreAskedForByNumber) {
  const auto with = [](std::string_view outputs) {
    std::string body = Body("none", "");
    return body.insert(1, Cat("\"outputs\":", outputs, ","));
  };
  const std::string two = with(R"([{"name":"probability","parameters":{"classification":2}}])");
  EXPECT_EQ(Complaint(two), "accepted");
  InferenceRequest told;
  decoder_.Tell(told);
  ASSERT_EQ(told.classifications.size(), 1U);
  EXPECT_EQ(told.classifications[0].output, "probability");
  EXPECT_EQ(told.classifications[0].count, 2U);
  EXPECT_EQ(Complaint(Body("none", "")), "accepted");
  decoder_.Tell(told);
  EXPECT_TRUE(told.classifications.empty());
  ExpectComplaint(with(R"([{"name":"probability","parameters":{"classification":-2}}])"), "classification is -2");
  ExpectComplaint(with(R"([{"name":"probability","parameters":{"shared_memory_region":"a"}}])"),
                  "shared_memory_region");
  ExpectComplaint(with(R"([{"parameters":{}}])"), "an output has no name");
}

}  // namespace
}  // namespace mw::api::inference
