// What every verb shares.
#include "app/cli/command.h"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "app/config.h"
#include "base/file.h"
#include "base/text.h"

namespace mw::app::cli {
namespace {

bool LooksNumeric(std::string_view cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,-+%") == std::string_view::npos;
}

/// Columns on a screen, not bytes.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

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
  std::fprintf(stderr, "millwright: %s\n", error.ToString().c_str());
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

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      const bool last = i + 1 == row.size();
      line += LooksNumeric(row[i]) ? padding + row[i] : row[i] + (last ? "" : padding);
      if (!last) line += "  ";
    }
    out += line + "\n";
  }
  return out;
}

void Say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace mw::app::cli
