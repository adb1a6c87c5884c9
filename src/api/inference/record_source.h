// Bodies of rows as a source of requests: v1 and MLflow. One for each request.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/inference/inference_request.h"
#include "api/inference/json_parameter.h"
#include "api/inference/record_request.h"

namespace mw::api::inference {

class RecordSource final : public RequestSource {
 public:
  /// `by_column` is told whether the client sent columns.
  RecordSource(RecordRequest& request, std::string_view body, ExtraColumns extra, bool& by_column)
      : request_(request), body_(body), extra_(extra), by_column_(by_column) {}
  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    Status decoded = request_.Decode(body_, model, limits, extra_, out);
    by_column_ = request_.by_column();
    return decoded;
  }
  [[nodiscard]] std::int64_t event_time_us() const override { return request_.event_time_us(); }
  [[nodiscard]] std::string_view Parameter(std::string_view name) override { return parameter_.Find(body_, name); }
  [[nodiscard]] std::size_t bytes() const override { return body_.size(); }
  [[nodiscard]] std::unique_ptr<RequestBody> Keep() const override;

 private:
  RecordRequest& request_;
  std::string_view body_;
  ExtraColumns extra_;
  bool& by_column_;
  JsonParameter parameter_;
};

}  // namespace mw::api::inference
