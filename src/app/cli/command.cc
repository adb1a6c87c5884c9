// What every verb shares.
#include "app/cli/command.h"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "app/config.h"
#include "base/file.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

std::string Token(const Options& options) {
  if (std::string token = Environment("MILLWRIGHT_TOKEN"); !token.empty()) return token;
  const Result<std::string> home = HomeDirectory(options.home);
  if (!home.ok()) return "";
  const Result<std::string> token = ReadFile(*home + "/token", 4096);
  return token.ok() ? std::string(Trim(*token)) : "";
}

}  // namespace

CLI::App* Registrar::Add(const std::string& verb, const std::string& summary, const std::string& example,
                         std::function<int()> action) const {
  CLI::App* command = root.add_subcommand(verb, summary);
  command->footer("Example:\n  " + example);
  command->add_option("--home", options.home, "Home directory (else $MILLWRIGHT_HOME, ~/.local/share/millwright)");
  command->add_option("--url", options.url, "Control plane (else $MILLWRIGHT_URL, the home's own)");
  command->add_flag("--json", options.json, "Print JSON for programs");
  command->callback([this_chosen = &chosen, action = std::move(action)] { *this_chosen = action; });
  return command;
}

int Fail(const Error& error) {
  std::fprintf(stderr, "millwright: %s\n", Printable(error.ToString()).c_str());
  switch (error.code) {
    case Code::kInvalidArgument: return kWrongInput;
    case Code::kUnavailable: return kUnreachable;
    default: return kFailed;
  }
}

Result<Json> Addresses(const Options& options) {
  const std::string home = TRY(HomeDirectory(options.home));
  const Result<std::string> text = ReadFile(home + "/addresses.json", 1 << 20);
  if (!text.ok()) {
    return Unavailable("no Millwright has its home in ", home,
                       " yet; start one with `millwright up`, or name one with ", "--url or --home");
  }
  return Json::Parse(*text).In(home + "/addresses.json");
}

Result<std::string> ControlUrl(const Options& options) {
  if (!options.url.empty()) return options.url;
  if (std::string url = Environment("MILLWRIGHT_URL"); !url.empty()) return url;
  const Json addresses = TRY(Addresses(options));
  return addresses.GetString("console");
}

Result<net::HttpClient> Connect(const Options& options, std::chrono::milliseconds timeout) {
  net::ClientOptions client;
  client.connect_timeout = std::min(client.connect_timeout, timeout);
  client.timeout = timeout;
  client.bearer_token = Token(options);
  return net::HttpClient::Make(TRY(ControlUrl(options)), client);
}

Result<Json> Call(const Options& options, net::Method method, const std::string& target, const Json& body) {
  net::HttpClient client = TRY(Connect(options));
  Result<Json> answer = client.Call(method, target, body);
  if (!answer.ok() && answer.error().code == Code::kUnavailable) {
    answer.error().message += "; is `millwright up` running?";
  }
  return answer;
}

Status Become(const Options& options, std::vector<std::string> words) {
  setenv("MILLWRIGHT_TOKEN", Token(options).c_str(), 1);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return ErrnoError(errno, Cat("starting ", words[0]));
}

Result<std::string> InferenceUrl(const Options& options) {
  if (std::string url = Environment("MILLWRIGHT_INFERENCE_URL"); !url.empty()) return url;
  const Json addresses = TRY(Addresses(options));
  return addresses.GetString("inference");
}

int Print(const Options& options, const Result<Json>& answer, const std::function<void(const Json&)>& action) {
  if (!answer.ok()) return Fail(answer.error());
  if (options.json) {
    Say(answer->DumpPretty());
  } else {
    action(*answer);
  }
  return kDone;
}

void Say(std::string_view text) { SayAsItIs(Printable(text)); }

void SayAsItIs(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Pause(std::chrono::milliseconds duration) {
  std::this_thread::sleep_for(duration);  // NOLINT(no-sleeps): a person watches; the server is asked again
}

}  // namespace mw::app::cli
