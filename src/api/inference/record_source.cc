// Bodies that are kept.
#include "api/inference/record_source.h"

namespace mw::api::inference {
namespace {

class KeptRecords final : public RequestBody {
 public:
  KeptRecords(std::string_view body, ExtraColumns extra) : body_(body), extra_(extra) {}
  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    thread_local RecordRequest request;
    return request.Decode(body_, model, limits, extra_, out);
  }

 private:
  const std::string body_;
  const ExtraColumns extra_;
};

}  // namespace

std::unique_ptr<RequestBody> RecordSource::Keep() const { return std::make_unique<KeptRecords>(body_, extra_); }

}  // namespace mw::api::inference
