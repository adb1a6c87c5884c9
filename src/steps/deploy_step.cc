// deploy: version -> deployment. Asks the control plane to serve the version and waits until the model
// servers report it ready; a version that cannot be loaded is said at once, not at the deadline.
#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "steps/data_task.h"
#include "steps/run_log.h"
#include "steps/step_options.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::size_t kVersionFileBytesMax = 4096;
constexpr std::chrono::milliseconds kFirstPollPause{50}, kLongestPollPause{1000};

struct Registered {
  std::string model;
  std::int64_t version = 0;
};

Result<Registered> ReadVersion(const StepTask& task) {
  const std::string path = TRY(task.Input("version"));
  const Json json = TRY(Json::Parse(TRY(ReadFile(path, kVersionFileBytesMax))).In(path));
  Registered registered;
  registered.model = TRY(json.GetString("model").In(path));
  registered.version = TRY(json.GetInt("version").In(path));
  return registered;
}

// Why a model server cannot serve the version, when one says so.
Status CheckServers(const Json& endpoint, std::int64_t version) {
  const Json* servers = endpoint.Find("servers");
  if (servers == nullptr || !servers->IsArray()) return Ok();
  for (const Json& server : servers->AsArray()) {
    if (server.StringOr("state", "") != "FAILED" || server.IntOr("version", version) != version) continue;
    return FailedPrecondition("model server ", server.StringOr("server", "?"), " could not load version ", version,
                              ": ", server.StringOr("error", "no reason given"));
  }
  return Ok();
}

bool IsReady(const Json& endpoint, std::int64_t version) {
  return endpoint.BoolOr("ready", false) && endpoint.IntOr("version", -1) == version;
}

// An answer that does not come is waited out too: the control plane may be restarting.
Status AwaitReady(net::HttpClient& api, const std::string& endpoint, std::int64_t version, Duration timeout) {
  const RealClock clock;
  const Duration deadline = clock.Elapsed() + timeout;
  const std::string target = Cat("/api/v1/endpoints/", net::PercentEncode(endpoint));
  std::string last = "no answer yet";
  for (auto pause = kFirstPollPause;; pause = std::min(pause * 2, kLongestPollPause)) {
    const auto answer = api.Call(net::Method::kGet, target);
    if (answer.ok()) {
      if (IsReady(*answer, version)) return Ok();
      TRY(CheckServers(*answer, version));
      const std::string fault = answer->StringOr("fault", "");
      last = fault.empty() ? "last seen: " + answer->Dump() : fault;
    } else {
      if (answer.error().code != Code::kUnavailable) return answer.error();
      last = answer.error().ToString();
    }
    if (clock.Elapsed() + pause >= deadline) break;
    std::this_thread::sleep_for(pause);  // NOLINT(no-sleeps): the API tells the state only when asked
  }
  return DeadlineExceeded("endpoint ", endpoint, " did not serve version ", version, " within ",
                          FormatDuration(timeout), "; ", last.substr(0, 700));
}

}  // namespace

Result<StepResult> RunDeploy(const StepTask& task) {
  TRY(task.CheckOptions({"endpoint", "timeout"}));
  const Registered registered = TRY(ReadVersion(task));
  const std::string endpoint = TRY(TextOption(task, "endpoint", registered.model));
  const Duration timeout = TRY(DurationOption(task, "timeout", std::chrono::seconds(60)));
  const RealClock clock;
  const Duration begin = clock.Elapsed();

  net::HttpClient api = TRY(OpenApi());
  const Json answer =
      TRY(api.Call(net::Method::kPost, Cat("/api/v1/endpoints/", net::PercentEncode(endpoint), "/deploy"),
                   Json::Make(
                       {{"model", registered.model}, {"version", registered.version}, {"attempt_id", task.attempt_id}}))
              .In(Cat("deploying ", registered.model, " v", registered.version)));
  TRY(AwaitReady(api, endpoint, registered.version, timeout));
  const Json deployment = Json::Make({{"endpoint", endpoint},
                                      {"model", registered.model},
                                      {"version", registered.version},
                                      {"generation", answer.IntOr("generation", 0)}});
  TRY(WriteFileDurably(TRY(task.Output("deployment")), deployment.Dump() + "\n"));

  StepResult result;
  result.summary = Cat(endpoint, " serves ", registered.model, " v", registered.version, " after ",
                       FormatDuration(clock.Elapsed() - begin));
  result.metrics = Json::Make({{"ready_seconds", static_cast<double>((clock.Elapsed() - begin).count()) / 1e6}});
  result.output_metadata["deployment"] = deployment;
  return result;
}

}  // namespace mw::steps
