// up, serve, version: the two planes as processes.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "api/inference/grpc/grpc_server.h"
#include "api/inference/inference_api.h"
#include "app/cli/verbs.h"
#include "app/config.h"
#include "app/platform.h"
#include "app/version.h"
#include "base/log.h"
#include "base/text.h"
#include "base/yaml.h"
#include "serving/serve.h"

namespace mw::app::cli {
namespace {

struct ServeArguments {
  std::vector<std::string> models;
  std::string model_repository;
  std::string memory_max;  // "2GiB"; empty: no bound
  std::string follow;
  std::string listen = "127.0.0.1:8080";
  std::string grpc_listen;
  std::string state_directory;
  std::string python;
  std::string token_file;
  std::vector<std::string> allowed_hosts;
  int loops = 0;
};

int RunUp(const Options& options, Flags flags) {
  flags.home = options.home;
  Result<Config> config = LoadConfig(flags);
  if (!config.ok()) {
    std::fprintf(stderr, "millwright: %s\n", config.error().ToString().c_str());
    return kWrongInput;
  }
  SetLogLevel(config->log_level);
  serving::BlockStopSignals();
  const std::string home = config->home;
  Result<std::unique_ptr<Platform>> platform = Platform::Start(*std::move(config));
  if (!platform.ok()) {
    std::fprintf(stderr, "millwright: %s\n", platform.error().ToString().c_str());
    return kWrongInput;
  }
  Say(Cat("Control plane  ", (*platform)->url(), "     home ", home, "\n"));
  (*platform)->Run([](const std::string& address) { Say(Cat("Inference      ", address, "\n")); });
  serving::WaitForStopSignal();
  Say("stopping: finishing what is in flight; running steps go on and are taken up again\n");
  const Status stopped = (*platform)->StopServing();
  return stopped.ok() ? kDone : Fail(stopped.error());
}

Result<serving::ServeOptions> ServeOptionsOf(const ServeArguments& arguments) {
  serving::ServeOptions options;
  for (const std::string& model : arguments.models) {
    const std::size_t equals = model.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidArgument("--model ", Quoted(model), " wants NAME=FILE, e.g. --model late=model.json");
    }
    options.models.emplace_back(model.substr(0, equals), model.substr(equals + 1));
  }
  options.model_repository = arguments.model_repository;
  if (!arguments.memory_max.empty())
    options.memory_bytes_max = TRY(ParseBytes(arguments.memory_max).In("--memory-max"));
  options.follow = arguments.follow;
  options.token = Environment("MILLWRIGHT_TOKEN");
  if (!arguments.token_file.empty()) options.token = Trim(TRY(ReadFile(arguments.token_file, 4096)));
  options.state_directory = arguments.state_directory;
  options.python = arguments.python.empty() ? Environment("MILLWRIGHT_PYTHON") : arguments.python;
  const net::Address listen = TRY(net::ParseAddress(arguments.listen).In("--listen"));
  options.host = listen.host;
  options.port = listen.port;
  options.loops = arguments.loops;
  options.allowed_hosts = arguments.allowed_hosts;
  options.program_version = kVersion;
  return options;
}

api::inference::InferenceContext ContextOf(const serving::HandlerContext& context) {
  api::inference::InferenceContext inference{context.catalog, context.metrics, context.clock, std::string(kVersion)};
  inference.recording = context.recording;
  inference.cache = context.cache;
  inference.access = context.access;
  inference.access_log = context.access_log;
  inference.control = &context.control;
  inference.admission = context.admission;
  inference.shadow = context.shadow;
  return inference;
}

class GrpcFront final : public serving::Front {
 public:
  explicit GrpcFront(std::unique_ptr<api::inference::GrpcServer> server) : server_(std::move(server)) {}
  [[nodiscard]] std::string address() const override { return server_->address(); }
  void Stop() override { server_->Stop(); }

 private:
  const std::unique_ptr<api::inference::GrpcServer> server_;
};

/// Beside the HTTP server's usual port the next one, beside a free one a free one; beside a port of one's own only
/// when told.
Result<std::optional<net::Address>> GrpcAddress(const ServeArguments& arguments, const serving::ServeOptions& options) {
  if (arguments.grpc_listen == "none") return std::nullopt;
  if (!arguments.grpc_listen.empty()) {
    return std::optional(TRY(net::ParseAddress(arguments.grpc_listen).In("--grpc-listen")));
  }
  if (options.port == 0) return net::Address{options.host, 0};
  if (options.port == kInferencePort) return net::Address{options.host, kGrpcPort};
  return std::nullopt;
}

Result<serving::FrontFactory> FrontOf(const ServeArguments& arguments, serving::ServeOptions& options) {
  const std::optional<net::Address> address = TRY(GrpcAddress(arguments, options));
  if (!address) return nullptr;
  options.front_host = address->host;
  api::inference::GrpcServerOptions listen;
  listen.host = address->host;
  listen.port = address->port;
  listen.threads = options.loops;
  return
      [listen](const std::function<serving::HandlerContext()>& new_thread) -> Result<std::unique_ptr<serving::Front>> {
        auto server = TRY(api::inference::GrpcServer::Start(listen, [&new_thread] { return ContextOf(new_thread()); }));
        return std::make_unique<GrpcFront>(std::move(server));
      };
}

int RunServe(const ServeArguments& arguments) {
  Result<serving::ServeOptions> options = ServeOptionsOf(arguments);
  if (!options.ok()) return Fail(options.error());
  serving::BlockStopAndReloadSignals();
  const auto make_handler = [](const serving::HandlerContext& context) {
    return std::make_unique<api::inference::InferenceHandler>(ContextOf(context));
  };
  const Result<serving::FrontFactory> front = FrontOf(arguments, *options);
  if (!front.ok()) return Fail(front.error());
  const auto plane = serving::DataPlane::Start(*options, make_handler, *front);
  if (!plane.ok()) {
    std::fprintf(stderr, "millwright: %s\n", plane.error().ToString().c_str());
    return kWrongInput;
  }
  Say(Cat("Inference      ", (*plane)->address(), "\n"));
  if (const std::string grpc = (*plane)->front_address(); !grpc.empty()) Say(Cat("gRPC           ", grpc, "\n"));
  serving::WaitForStopSignal(**plane);
  (*plane)->Stop();
  return kDone;
}

int RunVersion(const Options& options) {
  Say(options.json ? Json::Make({{"version", kVersion}}).DumpPretty() : Cat("millwright ", kVersion, "\n"));
  return kDone;
}

}  // namespace

void AddServerVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto flags = std::make_shared<Flags>();
  CLI::App* up = registrar.Add("up", "Run the control plane and one model server", "millwright up --home ~/millwright",
                               [&options, flags] { return RunUp(options, *flags); });
  up->add_option("--listen", flags->listen, "HOST:PORT of the control plane; port 0 takes a free one");
  up->add_option("--inference-listen", flags->inference_listen, "HOST:PORT of the model server");
  up->add_option("--database", flags->database, "postgresql:// URL; else HOME/millwright.db");
  up->add_option("--artifacts", flags->artifacts, "s3://BUCKET/PREFIX; else HOME/artifacts");
  up->add_option("--s3-endpoint", flags->s3_endpoint, "http://HOST:PORT of the S3-speaking server");
  up->add_option("--s3-region", flags->s3_region, "Its region (us-east-1)");
  up->add_option("--webhook-allow", flags->webhook_allow,
                 "Networks that webhooks may reach besides the public internet, also by http: 127.0.0.1,10.0.0.0/8");
  up->add_option("--lost-after", flags->lost_after,
                 "Silence after which a run that sent heartbeats counts as failed (5m)");
  up->add_option("--log-level", flags->log_level, "debug, info, warning or error");

  const auto serve = std::make_shared<ServeArguments>();
  CLI::App* serve_command = registrar.Add("serve", "Run a model server: of files, or following a control plane",
                                          "millwright serve --model late=package/ --listen 127.0.0.1:0",
                                          [serve] { return RunServe(*serve); });
  serve_command->add_option("--model", serve->models,
                            "NAME=PATH of a package, an XGBoost, LightGBM or ONNX file, or MLflow's model directory");
  serve_command->add_option("--model-repository", serve->model_repository,
                            "Directory of models: MODEL/1/model.onnx, xgboost.json, model.txt, MODEL/config.pbtxt; "
                            "SIGHUP reads it again");
  serve_command->add_option("--memory-max", serve->memory_max,
                            "Memory for all models, e.g. 2GiB; the one used longest ago makes room; else no bound");
  serve_command->add_option("--follow", serve->follow, "URL of the control plane that says what to serve");
  serve_command->add_option("--listen", serve->listen, "HOST:PORT; port 0 takes a free one");
  serve_command->add_option(
      "--grpc-listen", serve->grpc_listen,
      "HOST:PORT of gRPC, or none; by default 8081 beside 8080, a free port beside port 0, else none");
  serve_command->add_option("--python", serve->python,
                            "Interpreter that has what MLflow's models need; else an environment is made for each");
  serve_command->add_option("--state-dir", serve->state_directory,
                            "Where the last good state is kept; needed to follow");
  serve_command->add_option("--token-file", serve->token_file,
                            "File with the token for the control plane; beside --model-repository the one that "
                            "loads and unloads models");
  serve_command->add_option(
      "--allow-host", serve->allowed_hosts,
      "Name by which clients or a proxy call this server, besides localhost; * allows every name");
  serve_command->add_option("--loops", serve->loops, "Threads; 0: one for each core");

  registrar.Add("version", "Print the version", "millwright version", [&options] { return RunVersion(options); });
}

}  // namespace mw::app::cli
