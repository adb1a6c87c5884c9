// Answers read back by protobuf's own classes.
#include "api/inference/grpc/infer_answer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/metrics.h"
#include "open_inference.pb.h"
#include "serving/version_metrics.h"

namespace mw::api::inference {
namespace {

namespace proto = ::inference;

class InferAnswer : public ::testing::Test {
 protected:
  InferAnswer() {
    outputs_ = {{"probability", serving::Datatype::kFp32, values_shape_, values_},
                {"label", serving::Datatype::kBytes, labels_shape_, labels_}};
  }
  [[nodiscard]] InferenceAnswer Answer() const {
    return {.version = version_, .id = "id-1", .event_time = "2013-07-01", .rows = 2, .outputs = outputs_};
  }
  static void Expect(const proto::ModelInferResponse& response, const std::string& values, const std::string& labels) {
    EXPECT_EQ(response.model_name(), "fraud");
    EXPECT_EQ(response.model_version(), "300");
    EXPECT_EQ(response.id(), "id-1");
    EXPECT_EQ(response.parameters().at("event_time").string_param(), "2013-07-01");
    ASSERT_EQ(response.outputs_size(), 2);
    EXPECT_EQ(response.outputs(0).name(), "probability");
    EXPECT_EQ(response.outputs(0).datatype(), "FP32");
    ASSERT_EQ(response.outputs(0).shape_size(), 2);
    EXPECT_EQ(response.outputs(0).shape(1), 300);
    EXPECT_EQ(response.outputs(1).datatype(), "BYTES");
    EXPECT_EQ(response.raw_output_contents(0), values);
    EXPECT_EQ(response.raw_output_contents(1), labels);
  }

  MetricsRegistry metrics_;
  serving::ServedVersion version_{.endpoint = "fraud",
                                  .version = 300,
                                  .version_text = "300",
                                  .source = "m",
                                  .model = nullptr,
                                  .recorded = nullptr,
                                  .metrics = serving::MetricsOf(metrics_, "fraud", "300")};
  const std::vector<std::int64_t> values_shape_ = {2, 300}, labels_shape_ = {2};
  const std::string values_ = std::string(2 * 300 * 4, '\x7F'), labels_ = std::string("\1\0\0\0a\0\0\0\0", 9);
  std::vector<serving::TensorView> outputs_;
};

TEST_F(InferAnswer, IsAModelInferResponse) {
  std::string bytes;
  AppendInferResponse(Answer(), bytes);
  proto::ModelInferResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  Expect(response, values_, labels_);
}

TEST_F(InferAnswer, SaysInAStreamThatItIsTheLast) {
  std::string bytes;
  AppendStreamResponse(Answer(), bytes);
  proto::ModelStreamInferResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  EXPECT_EQ(response.error_message(), "");
  Expect(response.infer_response(), values_, labels_);
  EXPECT_TRUE(response.infer_response().parameters().at("triton_final_response").bool_param());
}

TEST_F(InferAnswer, NamesInAStreamTheRequestThatFailed) {
  std::string bytes;
  AppendStreamError("no such model", "id-2", bytes);
  proto::ModelStreamInferResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  EXPECT_EQ(response.error_message(), "no such model");
  EXPECT_EQ(response.infer_response().id(), "id-2");
  EXPECT_TRUE(response.infer_response().parameters().at("triton_final_response").bool_param());
}

}  // namespace
}  // namespace mw::api::inference
