// import, export: what other tools keep comes in, what is here goes out.
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include "app/cli/verbs.h"
#include "app/config.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "transfer/event_folder.h"
#include "transfer/home.h"
#include "transfer/mlflow_database.h"
#include "transfer/mlflow_export.h"
#include "transfer/mlflow_folder.h"
#include "transfer/mlflow_server.h"
#include "transfer/server_login.h"

namespace mw::app::cli {
namespace {

using transfer::Report;
using transfer::Selection;
using transfer::Source;

struct TransferArguments {
  std::string place;
  std::vector<std::string> experiments;
  std::string artifacts_root;
  std::string report;
  bool no_artifacts = false;
  bool follow = false;
};

bool IsFolder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// Prints the report, and writes it where it is wanted.
int Tell(const Options& options, const std::string& path, const Report& report, double seconds, const Status& done) {
  const Json json = report.ToJson(seconds);
  if (!path.empty()) {
    const Status written = WriteFileDurably(path, json.DumpPretty());
    if (!written.ok()) return Fail(written.error());
  }
  Say(options.json ? json.DumpPretty() : report.ToText(seconds));
  if (!done.ok()) return Fail(done.error());
  return report.whole() ? kDone : kFailed;
}

/// Where things come from, with what it needs to be alive.
struct OpenedSource {
  std::optional<net::HttpClient> client;
  std::unique_ptr<Source> source;
};

bool IsServer(const std::string& place) {
  const std::string scheme = ToLower(place.substr(0, place.find("://")));
  return scheme == "http" || scheme == "https";
}

Result<net::HttpClient> ServerClient(const std::string& url) {
  transfer::ServerLogin login;
  login.username = Environment("MLFLOW_TRACKING_USERNAME");
  login.password = Environment("MLFLOW_TRACKING_PASSWORD");
  login.token = Environment("MLFLOW_TRACKING_TOKEN");
  login.roots = Environment("MLFLOW_TRACKING_SERVER_CERT_PATH");
  return net::HttpClient::Make(url, TRY(transfer::OptionsFor(url, login)));
}

Status OpenSource(const std::string& place, OpenedSource& opened) {
  if (IsServer(place)) {
    opened.client = TRY(ServerClient(place));
    opened.source = std::make_unique<transfer::MlflowServer>(*opened.client, place, transfer::kLoginRemedy);
  } else if (IsFolder(place)) {
    opened.source = TRY(transfer::MlflowFolder::Open(place));
  } else {
    opened.source = TRY(transfer::MlflowDatabase::Open(place));
  }
  return Ok();
}

class Timer {
 public:
  [[nodiscard]] double Seconds() const { return std::chrono::duration<double>(clock_.Elapsed() - begun_).count(); }

 private:
  RealClock clock_;
  Duration begun_ = clock_.Elapsed();
};

Result<int> ImportMlflow(const Options& options, const TransferArguments& arguments) {
  OpenedSource opened;
  TRY(OpenSource(arguments.place, opened));
  net::HttpClient control = TRY(Connect(options));
  std::optional<net::HttpClient> server;
  if (opened.client) server = TRY(ServerClient(arguments.place));
  transfer::ArtifactReader artifacts(arguments.artifacts_root, std::move(server));
  Source& source = *opened.source;
  Report report(source.Name(), TRY(ControlUrl(options)));
  const Timer timer;
  transfer::Home home(control, source.Name(), arguments.no_artifacts ? nullptr : &artifacts, report);
  const Status done = source.Send(Selection{arguments.experiments}, home);
  return Tell(options, arguments.report, report, timer.Seconds(), done);
}

/// The other way round: our own API is MLflow's.
Result<int> ExportMlflow(const Options& options, const TransferArguments& arguments) {
  net::HttpClient control = TRY(Connect(options));
  transfer::ArtifactReader artifacts("", TRY(Connect(options)));
  transfer::MlflowServer source(control, TRY(ControlUrl(options)));
  Report report(source.Name(), arguments.place);
  const Timer timer;
  auto target =
      TRY(transfer::MlflowExport::Begin(arguments.place, arguments.no_artifacts ? nullptr : &artifacts, report));
  Status done = source.Send(Selection{arguments.experiments}, *target);
  if (done.ok()) done = target->Finish();
  return Tell(options, arguments.report, report, timer.Seconds(), done);
}

// ---- TensorBoard ----

std::atomic<bool> stop_following = false;

/// A directory of this process, gone with everything in it at the end.
class Scratch {
 public:
  Scratch() {
    std::error_code error;
    std::string pattern = Cat(std::filesystem::temp_directory_path(error).string(), "/millwright-import.XXXXXX");
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Until SIGINT or SIGTERM; what is there then is the end.
Status Follow(transfer::EventFolder& folder, transfer::Home& home) {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_following = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  while (!stop_following) {
    TRY(folder.Read(home, false));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // NOLINT(no-sleeps): files tell nothing
  }
  return Ok();
}

Result<int> ImportTensorBoard(const Options& options, const TransferArguments& arguments) {
  const Scratch scratch;
  const std::string experiment = arguments.experiments.empty() ? "" : arguments.experiments.front();
  const auto folder = TRY(transfer::EventFolder::Open(arguments.place, experiment, scratch.path()));
  if (!arguments.follow && TRY(folder->IsEmpty())) {
    return NotFound("no event files in ", arguments.place, " or below it; their names have \"tfevents\" in them");
  }
  net::HttpClient control = TRY(Connect(options));
  transfer::ArtifactReader artifacts("", std::nullopt);
  Report report(folder->Name(), TRY(ControlUrl(options)));
  const Timer timer;
  transfer::Home home(control, folder->Name(), &artifacts, report);
  Status done = folder->Begin(home);
  if (done.ok() && arguments.follow) done = Follow(*folder, home);
  if (done.ok()) {
    const Result<bool> read = folder->Read(home, true);
    if (!read.ok()) done = read.error();
  }
  return Tell(options, arguments.report, report, timer.Seconds(), done);
}

// ---- the command line ----

using Action = Result<int> (*)(const Options& options, const TransferArguments& arguments);

CLI::App* AddAction(const Registrar& registrar, const char* verb, const char* summary, const char* example,
                    const std::shared_ptr<TransferArguments>& arguments, Action action) {
  const Options& options = registrar.options;
  CLI::App* command = registrar.Add(verb, summary, example, [&options, arguments, action] {
    const Result<int> code = action(options, *arguments);
    return code.ok() ? *code : Fail(code.error());
  });
  command->add_option("--report", arguments->report, "Write the report as JSON to this file too");
  return command;
}

/// One word for each --experiment, so that the folder may follow it.
void AddExperiments(CLI::App* command, TransferArguments& arguments, const char* about) {
  command->add_option("--experiment", arguments.experiments, about)->allow_extra_args(false);
}

void AddImportMlflow(const Registrar& registrar) {
  const auto arguments = std::make_shared<TransferArguments>();
  CLI::App* command = AddAction(
      registrar, "mlflow", "Bring experiments, runs and models of MLflow with their ids and dates",
      "millwright import mlflow ./mlruns\n  millwright import mlflow sqlite:///mlflow.db\n  millwright import "
      "mlflow http://127.0.0.1:5001",
      arguments, ImportMlflow);
  command->add_option("source", arguments->place, "A folder mlruns, a database's file or URL, a server's address")
      ->required();
  AddExperiments(command, *arguments, "Only this one, by name or id; again for another");
  command->add_option("--artifacts-root", arguments->artifacts_root, "The folder behind mlflow-artifacts:/ URIs");
  command->add_flag("--no-artifacts", arguments->no_artifacts, "Leave artifacts where they are");
}

void AddImportTensorBoard(const Registrar& registrar) {
  const auto arguments = std::make_shared<TransferArguments>();
  CLI::App* command =
      AddAction(registrar, "tensorboard", "Bring the event files of TensorBoard, a run for each directory",
                "millwright import tensorboard ./runs --follow", arguments, ImportTensorBoard);
  command->add_option("folder", arguments->place, "A folder with event files in it or below it")->required();
  AddExperiments(command, *arguments, "Experiment for the runs; else named as the folder");
  command->add_flag("--follow", arguments->follow, "Go on with what is written, until interrupted");
}

void AddExportMlflow(const Registrar& registrar) {
  const auto arguments = std::make_shared<TransferArguments>();
  CLI::App* command =
      AddAction(registrar, "mlflow", "Write a folder that MLflow opens: a database, artifacts beside it",
                "millwright export mlflow --experiment churn ./out", arguments, ExportMlflow);
  command->add_option("folder", arguments->place, "A folder, made when absent; it gets an mlflow.db")->required();
  AddExperiments(command, *arguments, "Only this one, by name or id, without the model registry; again for another");
  command->add_flag("--no-artifacts", arguments->no_artifacts, "Leave artifacts where they are");
}

}  // namespace

void AddTransferVerbs(const Registrar& registrar) {
  CLI::App* import = registrar.root.add_subcommand("import", "Bring what other tools keep");
  import->require_subcommand(1);
  AddImportMlflow({*import, registrar.options, registrar.chosen});
  AddImportTensorBoard({*import, registrar.options, registrar.chosen});
  CLI::App* leave = registrar.root.add_subcommand("export", "Write what is here for other tools");
  leave->require_subcommand(1);
  AddExportMlflow({*leave, registrar.options, registrar.chosen});
}

}  // namespace mw::app::cli
