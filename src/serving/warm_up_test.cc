// Tensors written and read back, requests from a configuration, answers held against recorded ones.
#include "serving/warm_up.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "serving/tensor_text.h"

namespace mw::serving {
namespace {

constexpr std::string_view kEveryDatatype = R"([
 {"name":"a","datatype":"BOOL","shape":[2],"data":[true,false]},
 {"name":"b","datatype":"UINT64","shape":[2],"data":[0,9007199254740993]},
 {"name":"c","datatype":"INT8","shape":[1,2],"data":[-128,127]},
 {"name":"d","datatype":"FP16","shape":[2],"data":[0.5,null]},
 {"name":"e","datatype":"FP32","shape":[2],"data":[0.10000000149011612,-1.5]},
 {"name":"f","datatype":"FP64","shape":[2],"data":[0.1,5e-324]},
 {"name":"g","datatype":"BYTES","shape":[2],"data":["Köln",""]},
 {"name":"h","datatype":"INT64","shape":[0],"data":[]}])";

TEST(TensorTextTest, EveryDatatypeIsReadAsItWasWritten) {
  const auto read = TensorsFromJson(*Json::Parse(kEveryDatatype));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  const Json written = TensorsToJson(*read);
  EXPECT_EQ(written, *Json::Parse(kEveryDatatype)) << written.Dump();
  for (std::size_t i = 0; i < read->size(); ++i) EXPECT_TRUE(CheckTensor((*read)[i]).ok());
}

TEST(TensorTextTest, WhatIsNoTensorIsRefusedByName) {
  for (const char* text : {R"([{"name":"a","datatype":"FP32","shape":[2],"data":[1]}])",
                           R"([{"name":"a","datatype":"FP33","shape":[1],"data":[1]}])",
                           R"([{"name":"a","datatype":"INT8","shape":[1],"data":[128]}])",
                           R"([{"name":"a","datatype":"UINT8","shape":[1],"data":[-1]}])",
                           R"([{"name":"a","datatype":"INT32","shape":[1],"data":[1.5]}])",
                           R"([{"name":"a","datatype":"BOOL","shape":[1],"data":[1]}])",
                           R"([{"name":"a","datatype":"BYTES","shape":[1],"data":[1]}])",
                           R"([{"name":"a","datatype":"FP32","shape":[-1],"data":[1]}])",
                           R"([{"name":"a","datatype":"FP32","data":[1]}])"}) {
    const auto read = TensorsFromJson(*Json::Parse(text));
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, Code::kInvalidArgument) << text;
  }
}

TensorList Floats(const char* name, std::vector<float> values) {
  TensorList list;
  const std::int64_t shape[] = {static_cast<std::int64_t>(values.size())};
  std::memcpy(list.Add(name, Datatype::kFp32, shape, values.size() * 4).data(), values.data(), values.size() * 4);
  return list;
}

TEST(WarmUpTest, AnswersMayDifferByRoundingAndNoMore) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(CompareAnswers(Floats("y", {0.5F, nan, 1000}), Floats("y", {0.500001F, nan, 1000.005F})).ok());
  EXPECT_TRUE(CompareAnswers(Floats("y", {0.5F}), TensorList()).ok()) << "nothing was recorded";
  for (const auto& other : {Floats("y", {0.51F}), Floats("y", {nan}), Floats("y", {0.5F, 1}), Floats("z", {0.5F})}) {
    EXPECT_EQ(CompareAnswers(Floats("y", {0.5F}), other).error().code, Code::kFailedPrecondition);
  }
}

TEST(WarmUpTest, WhatTheConfigurationAsksForIsMade) {
  const auto config = ParseModelConfig(R"(
    max_batch_size: 8
    model_warmup [ { name: "zeros" batch_size: 4
                     inputs { key: "x" value: { data_type: TYPE_FP32 dims: [ 2 ] zero_data: true } } },
                   { name: "chance" batch_size: 1 count: 3
                     inputs { key: "x" value: { data_type: TYPE_FP32 dims: [ 2 ] random_data: true } }
                     inputs { key: "s" value: { data_type: TYPE_STRING dims: [ 1 ] random_data: true } }
                     inputs { key: "n" value: { data_type: TYPE_INT64 dims: [ 1 ] random_data: true } } } ])");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_TRUE(config->not_honoured.empty());
  const auto requests = WarmUpOf(*config);
  ASSERT_TRUE(requests.ok()) << requests.error().ToString();
  ASSERT_EQ(requests->size(), 2U);
  EXPECT_EQ((*requests)[0].inputs[0].bytes, std::string(4 * 2 * 4, '\0'));
  EXPECT_EQ((*requests)[0].inputs[0].shape[0], 4);
  EXPECT_EQ((*requests)[1].times, 3);
  float uniform = -1;
  std::memcpy(&uniform, (*requests)[1].inputs.Find("x")->bytes.data(), sizeof uniform);
  EXPECT_GT(uniform, 0);
  EXPECT_LT(uniform, 1);
  std::int64_t whole = -1;
  std::memcpy(&whole, (*requests)[1].inputs.Find("n")->bytes.data(), sizeof whole);
  EXPECT_GE(whole, 0);
  EXPECT_LT(whole, 100);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(CheckTensor((*requests)[1].inputs[i]).ok());
}

TEST(WarmUpTest, AFileOfAnotherSizeIsRefused) {
  auto config = ParseModelConfig(R"(model_warmup { name: "file" inputs { key: "x" value: {
      data_type: TYPE_FP32 dims: [ 2 ] input_data_file: "x.bin" } } })");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->warm_up[0].inputs[0].file, "x.bin");
  EXPECT_EQ(WarmUpOf(*config).error().code, Code::kInvalidArgument);
  config->warm_up[0].inputs[0].bytes = std::string(8, '\1');
  EXPECT_TRUE(WarmUpOf(*config).ok());
}

}  // namespace
}  // namespace mw::serving
