// doctor: is all well, and what to do where it is not. Exit code 0 all well, 1 warnings, 2 something is bad.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "app/cli/verbs.h"
#include "base/text.h"

namespace mw::app::cli {
namespace {

Json Row(std::string_view check, std::string_view state, std::string_view value, std::string_view remedy) {
  return Json::Make({{"check", check}, {"state", state}, {"value", value}, {"remedy", remedy}});
}

/// What the control plane says of itself, and whether the model server answers.
Json Examine(const Options& options) {
  Json checks = Json::MakeArray();
  const Result<Json> answer = Call(options, net::Method::kGet, "/api/v1/doctor");
  if (answer.ok()) {
    checks.Append(Row("control plane", "ok", "answers", ""));
    for (const Json& check : answer->Find("checks")->AsArray()) checks.Append(check);
  } else {
    checks.Append(Row("control plane", "bad", answer.error().message, "millwright up"));
  }
  const auto alive = [&]() -> Result<net::Response> {
    net::HttpClient client = TRY(net::HttpClient::Make(TRY(InferenceUrl(options)), {}));
    return client.Send(net::Method::kGet, "/v2/health/ready");
  };
  const Result<net::Response> ready = alive();
  if (!ready.ok()) {
    checks.Append(Row("inference", "bad", ready.error().message, "its log is HOME/logs/serve.log"));
  } else {
    checks.Append(ready->status == 200
                      ? Row("inference", "ok", "ready", "")
                      : Row("inference", "warn", "not ready", "deploy a version: millwright deploy MODEL"));
  }
  return checks;
}

int RunDoctor(const Options& options) {
  const Json checks = Examine(options);
  int worst = 0;
  std::vector<std::vector<std::string>> rows = {{"", "check", "value", "remedy"}};
  for (const Json& check : checks.AsArray()) {
    const std::string state = check.StringOr("state", "bad");
    worst = std::max(worst, state == "ok" ? 0 : state == "warn" ? 1 : 2);
    rows.push_back({state, check.StringOr("check", ""), check.StringOr("value", ""), check.StringOr("remedy", "")});
  }
  Say(options.json ? Json::Make({{"checks", checks}}).DumpPretty() : Table(rows));
  return worst;
}

}  // namespace

void AddDoctorVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  registrar.Add("doctor", "Examine everything; exit code 0 well, 1 warnings, 2 bad", "millwright doctor --json",
                [&options] { return RunDoctor(options); });
}

}  // namespace mw::app::cli
