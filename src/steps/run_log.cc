// Batches of metrics to POST /api/v1/runs/{run}/log.
#include "steps/run_log.h"

#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace mw::steps {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

bool HasApi() { return !Environment("MILLWRIGHT_URL").empty(); }

Result<net::HttpClient> OpenApi() {
  const std::string url = Environment("MILLWRIGHT_URL");
  if (url.empty()) {
    return FailedPrecondition(
        "this step talks to the control plane, and MILLWRIGHT_URL is not set; run it in a pipeline"
        ", or set MILLWRIGHT_URL and MILLWRIGHT_TOKEN");
  }
  net::ClientOptions options;
  options.timeout = std::chrono::seconds(30);
  options.bearer_token = Environment("MILLWRIGHT_TOKEN");
  return net::HttpClient::Make(url, options).In("MILLWRIGHT_URL");
}

RunLog::RunLog(const StepTask& task, const Clock& clock)
    : run_id_(task.run_id), attempt_id_(task.attempt_id), clock_(clock) {
  if (run_id_.empty() || !HasApi()) return;
  auto api = OpenApi();
  if (api.ok()) {
    api_.emplace(*std::move(api));
  } else {
    LogWarning("metrics will not be sent", {{"error", api.error().ToString()}});
  }
}

void RunLog::Metric(std::string_view name, std::int64_t step, double value) {
  if (!api_) return;
  if (waiting_.size() >= kPointsMax) {
    waiting_.erase(waiting_.begin());
    ++dropped_;
  }
  waiting_.push_back(Json::Make({{"name", name}, {"step", step}, {"value", value}, {"time", ToMicros(clock_.Now())}}));
  if (++unsent_since_try_ >= kBatch && failures_ < kFailuresMax) Send();
}

void RunLog::Send() {
  unsent_since_try_ = 0;
  const Status sent = Post(Json());
  if (sent.ok()) {
    failures_ = 0;
    return;
  }
  if (++failures_ == 1) {
    LogWarning("metrics could not be sent, training goes on", {{"error", sent.error().ToString()}});
  }
}

Status RunLog::Post(const Json& params) {
  Json body = Json::Make({{"attempt_id", attempt_id_}, {"metrics", Json(Json::Array(waiting_))}});
  if (params.IsObject()) body["params"] = params;
  TRY(api_->Call(net::Method::kPost, Cat("/api/v1/runs/", net::PercentEncode(run_id_), "/log"), body));
  waiting_.clear();
  return Ok();
}

void RunLog::Finish(const Json& params) {
  if (!api_) return;
  const Status sent = Post(params);
  if (sent.ok() && dropped_ == 0) return;
  LogWarning("metrics were lost; the result of the step has the last ones",
             {{"points", static_cast<std::int64_t>(waiting_.size() + dropped_)},
              {"error", sent.ok() ? std::string("too many waited") : sent.error().ToString()}});
}

}  // namespace mw::steps
