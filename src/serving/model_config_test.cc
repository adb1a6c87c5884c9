// Configurations as people write them, what of them is not honoured, and texts that are none.
#include "serving/model_config.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "serving/text_format.h"

namespace mw::serving {
namespace {

constexpr const char* kConfig = R"(
# a model of trees
name: "late"
platform: "onnxruntime_onnx"  backend: 'onnxruntime';
max_batch_size: 1024
input [
  { name: "x" data_type: TYPE_FP32 dims: [ 30 ] },
  { name: "s", data_type: TYPE_STRING, dims: [ 1, -1 ] reshape { shape: [ ] } }
]
output { name: "y" data_type: TYPE_INT64 dims: 1 dims: 2 }
dynamic_batching {
  max_queue_delay_microseconds: 100
  preferred_batch_size: [ 4, 8 ]
}
version_policy: { specific { versions: [ 3, 1 ] } }
instance_group [ { count: 2 kind: KIND_CPU }, { count: 1 kind: KIND_GPU gpus: [ 0 ] } ]
model_warmup [ { name: "w" batch_size: 1 } ]
ensemble_scheduling < step [ { model_name: "a" } ] >
)";

TEST(ModelConfigTest, ReadsWhatIsHonouredAndNamesTheRest) {
  const auto config = ParseModelConfig(kConfig);
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->name, "late");
  EXPECT_EQ(config->platform, "onnxruntime_onnx");
  EXPECT_EQ(config->backend, "onnxruntime");
  EXPECT_EQ(config->max_batch_size, 1024);
  ASSERT_EQ(config->inputs.size(), 2U);
  EXPECT_EQ(config->inputs[0], (TensorSpec{"x", Datatype::kFp32, {-1, 30}}));
  EXPECT_EQ(config->inputs[1], (TensorSpec{"s", Datatype::kBytes, {-1, 1, -1}}));
  EXPECT_EQ(config->outputs[0], (TensorSpec{"y", Datatype::kInt64, {-1, 1, 2}}));
  EXPECT_EQ(config->max_queue_delay_us, 100);
  EXPECT_EQ(config->instances, 3);
  EXPECT_EQ(config->versions.kind, ModelConfig::VersionPolicy::Kind::kSpecific);
  EXPECT_EQ(Join(config->not_honoured, ", "),
            "input.reshape, dynamic_batching.preferred_batch_size, instance_group.kind KIND_GPU, instance_group.gpus, "
            "ensemble_scheduling");
}

TEST(ModelConfigTest, SaysWhatIsWrongAndWhere) {
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {"name: \"late\"\nmax_batch_size: \"8\"", "max_batch_size is \"8\""},
           {"max_batch_size: -1", "max_batch_size is \"-1\""},
           {"max_batch_size: 99999999999999999999", "a number from 0"},
           {"name: 7", "name is no text"},
           {"input { name: \"x\" data_type: TYPE_FLOAT }", "data_type is \"TYPE_FLOAT\""},
           {"input { dims: 1 }", "has no name"},
           {"input { name: \"x\" dims: [1,1,1,1,1,1,1,1,1] }", "more than 8 dims"},
           {"version_policy { newest { } }", "no \"newest\""},
           {"version_policy { latest { num_versions: 0 } }", "num_versions is \"0\""},
           {"\n\nname \"late\"", "line 3: ':' or '{' is expected behind name"},
           {"input [ { name: \"x\" }", "',' or ']' is expected"},
           {"input { name: \"x\"", "'}' is missing"},
           {"name: \"late\n\"", "no closing quote"},
           {"name: \"\\q\"", "an escape that is none"},
           {"name:", "a value is expected"},
           {"}", "a field's name is expected"},
       }) {
    const auto config = ParseModelConfig(text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_EQ(config.error().code, Code::kInvalidArgument);
    EXPECT_NE(config.error().message.find(says), std::string::npos) << config.error().message;
  }
}

TEST(ModelConfigTest, DepthAndFieldsAndBytesAreBounded) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "a{";
  EXPECT_NE(ParseModelConfig(deep).error().message.find("deeper than 32"), std::string::npos);
  std::string many = "a: [";
  for (int i = 0; i <= 100'000; ++i) many += "1,";
  EXPECT_NE(ParseModelConfig(many).error().message.find("more than 100000 fields"), std::string::npos);
  EXPECT_FALSE(ParseModelConfig(std::string(kTextFormatBytesMax + 1, ' ')).ok());
}

TEST(TextFormatTest, ReadsTextsNumbersListsAndEscapes) {
  const auto root = ParseTextFormat(R"(a: "x\n\x41\101" 'y' b: -1.5e+3, c: [] d: [1, TWO] e { f: true; } # end)");
  ASSERT_TRUE(root.ok()) << root.error().ToString();
  EXPECT_EQ(root->Find("a")->value, "x\nAAy");
  EXPECT_EQ(root->Find("b")->value, "-1.5e+3");
  EXPECT_EQ(root->Find("c"), nullptr);
  EXPECT_EQ(root->fields[3].value, "TWO");
  EXPECT_EQ(root->Find("e")->Find("f")->value, "true");
}

TEST(ChooseVersionsTest, LatestAllOrThoseThatAreNamed) {
  using Policy = ModelConfig::VersionPolicy;
  using Versions = std::vector<std::int64_t>;
  EXPECT_EQ(ChooseVersions(Policy{}, {1, 3, 2}), (Versions{3}));
  EXPECT_EQ(ChooseVersions(Policy{Policy::Kind::kLatest, 2}, {1, 3, 2}), (Versions{3, 2}));
  EXPECT_EQ(ChooseVersions(Policy{Policy::Kind::kLatest, 9}, {1, 3, 2}), (Versions{3, 2, 1}));
  EXPECT_EQ(ChooseVersions(Policy{Policy::Kind::kAll}, {1, 3, 2}), (Versions{3, 2, 1}));
  EXPECT_EQ(ChooseVersions(Policy{Policy::Kind::kSpecific, 1, {1, 7}}, {1, 3, 2}), (Versions{1}));
  EXPECT_EQ(ChooseVersions(Policy{}, {}), Versions{});
}

}  // namespace
}  // namespace mw::serving
