// doctor: is all well, and what to do where it is not. Exit code 0 all well, 1 warnings, 2 something is bad. Looks at
// the home itself, so it works when the control plane is down; what only that knows is asked for when it is up.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "app/checks/home_checks.h"
#include "app/checks/machine_checks.h"
#include "app/cli/verbs.h"
#include "app/config.h"
#include "app/version.h"
#include "base/clock.h"
#include "base/text.h"
#include "serving/local_server.h"

namespace mw::app::cli {
namespace {

constexpr std::size_t kReportColumns = 100;
constexpr std::chrono::milliseconds kAnswerTimeout{1500};

void Append(Checks& checks, Checks more) { checks.insert(checks.end(), more.begin(), more.end()); }

/// One question with little patience: doctor is asked when something hangs.
Result<Json> Ask(const Options& options, const std::string& target) {
  net::HttpClient client = TRY(Connect(options, kAnswerTimeout));
  return client.Call(net::Method::kGet, target);
}

/// What the control plane says of itself, in `checks`. False when it does not answer.
bool AskControlPlane(const Options& options, Checks& checks) {
  const Result<Json> version = Ask(options, "/api/v1/version");
  if (!version.ok()) {
    checks.push_back({"control plane", Health::kBad, version.error().message, "millwright up"});
    return false;
  }
  const std::string running = version->StringOr("version", "");
  const bool same = running == kVersion;
  checks.push_back({"control plane", same ? Health::kOk : Health::kWarn,
                    same ? Cat("answers, version ", running) : Cat("version ", running, ", this program ", kVersion),
                    same ? "" : "restart it with this program: millwright up"});
  const Result<Json> answer = Ask(options, "/api/v1/doctor");
  const Json* rows = answer.ok() ? answer->Find("checks") : nullptr;
  if (rows == nullptr || !rows->IsArray()) {
    checks.push_back({"control plane", Health::kBad, "does not say how it is", "see HOME/logs"});
    return true;
  }
  for (const Json& row : rows->AsArray()) checks.push_back(CheckFromJson(row));
  return true;
}

int PortOf(const std::string& url) {
  const Result<net::Url> parsed = net::Url::Parse(url);
  return parsed.ok() ? parsed->port : 0;
}

Check ModelServer(const Config& config, const Result<serving::LocalServer>& server) {
  if (!server.ok()) {
    return {"model server", Health::kBad, "none runs in this home",
            Cat("millwright up; its log is ", config.LogsPath(), "/serve.log")};
  }
  if (server->version == kVersion)
    return {"model server", Health::kOk, Cat(server->address, ", pid ", server->pid), ""};
  return {"model server", Health::kWarn, Cat("version ", server->version, ", this program ", kVersion),
          "restart `millwright up`: it replaces the server without a failed request"};
}

/// Ports as this home last had them, else as it would take them.
Checks Ports(const Options& options, const Config& config, const Result<serving::LocalServer>& server, bool answers) {
  const Result<Json> addresses = Addresses(options);
  const int pid = addresses.ok() && answers ? static_cast<int>(addresses->IntOr("pid", 0)) : 0;
  const int console = addresses.ok() ? static_cast<int>(addresses->IntOr("port", 0)) : config.listen.port;
  const int inference = server.ok() ? PortOf(server->address) : config.inference_listen.port;
  Checks checks;
  if (console != 0) checks.push_back(PortCheck("control plane", console, pid));
  if (inference != 0) checks.push_back(PortCheck("model server", inference, server.ok() ? server->pid : 0));
  return checks;
}

/// Everything about a home on this machine.
Checks ExamineHome(const Options& options, const Config& config) {
  const RealClock clock;
  Checks checks;
  const bool answers = AskControlPlane(options, checks);
  const Result<serving::LocalServer> server = serving::FindLocalServer(config.ServePath());
  checks.push_back(ModelServer(config, server));
  if (server.ok()) {
    // What answers in truth says more than what the control plane thinks of it.
    std::erase_if(checks,
                  [](const Check& check) { return check.name.starts_with("endpoint ") && check.remedy.empty(); });
    Append(checks, GoldenRowChecks(config, server->address));
  }
  Append(checks, PackageChecks(config));
  checks.push_back(ShimCheck(config, answers));
  Append(checks, DatabaseChecks(config));
  Append(checks, BackupChecks(config, clock));
  Append(checks, DiskChecks(config.home, clock));
  checks.push_back(ClockCheck(config.home, clock));
  checks.push_back(LimitsCheck());
  Append(checks, Ports(options, config, server, answers));
  return checks;
}

int RunDoctor(const Options& options) {
  Flags flags;
  flags.home = options.home;
  const Result<Config> config = LoadConfig(flags);
  if (!config.ok()) return Fail(config.error());
  const bool elsewhere = !options.url.empty() || !Environment("MILLWRIGHT_URL").empty();
  Checks checks;
  if (elsewhere) {
    AskControlPlane(options, checks);
  } else {
    checks = ExamineHome(options, *config);
  }
  Health worst = Health::kOk;
  Json rows = Json::MakeArray();
  for (const Check& check : checks) {
    worst = std::max(worst, check.health);
    rows.Append(ToJson(check));
  }
  Say(options.json ? Json::Make({{"state", HealthName(worst)}, {"checks", rows}}).DumpPretty()
                   : Describe(checks, kReportColumns));
  return static_cast<int>(worst);
}

}  // namespace

void AddDoctorVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  registrar.Add("doctor", "Examine home, machine and servers; exit code 0 well, 1 warnings, 2 bad",
                "millwright doctor --json", [&options] { return RunDoctor(options); });
}

}  // namespace mw::app::cli
