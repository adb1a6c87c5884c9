// What every verb shares: the options all of them take, the way to the control plane, exit codes and how
// errors are said. Verbs print tables for people, JSON with --json for programs.
//
// Exit codes: 0 done; 1 it failed (the run failed, the check found faults, the server said no);
// 2 the command line or a file is wrong; 3 the control plane or model server cannot be reached.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "net/http_client.h"

namespace CLI {
class App;
}

namespace mw::app::cli {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongInput = 2;
inline constexpr int kUnreachable = 3;

/// Options of every verb, filled by the parser before the verb's action runs.
struct Options {
  std::string home;
  std::string url;
  bool json = false;
};

/// Verbs register themselves here; the chosen one leaves its action.
struct Registrar {
  CLI::App& root;
  Options& options;
  std::function<int()>& chosen;
  /// A subcommand with --help, `example` below it, and `action` to run when chosen.
  CLI::App* Add(const std::string& verb, const std::string& summary, const std::string& example,
                std::function<int()> action) const;
};

/// Says the error on stderr ("millwright: ...") and gives its exit code.
int Fail(const Error& error);

/// HOME/addresses.json as `up` wrote it. Errors: kUnavailable: no Millwright has this home, with the remedy.
Result<Json> Addresses(const Options& options);

/// A client of the control plane: --url, else MILLWRIGHT_URL, else HOME/addresses.json; the token is
/// MILLWRIGHT_TOKEN, else HOME/token. `timeout` is for connecting and for each read and write.
Result<net::HttpClient> Connect(const Options& options,
                                std::chrono::milliseconds timeout = net::ClientOptions().timeout);
/// One call through a client of its own. Errors: also kUnavailable with "is `millwright up` running?".
Result<Json> Call(const Options& options, net::Method method, const std::string& target, const Json& body = Json());

/// Where the control plane answers: --url, else MILLWRIGHT_URL, else HOME/addresses.json.
Result<std::string> ControlUrl(const Options& options);

/// Lets another program take over, with these words as its command line and the token in MILLWRIGHT_TOKEN, where
/// no list of processes shows it. Returns only when that fails.
Status Become(const Options& options, std::vector<std::string> words);

/// Where online predictions are answered, e.g. "http://127.0.0.1:8080".
Result<std::string> InferenceUrl(const Options& options);

/// Runs `action` on the answer, or fails. With --json the answer itself is printed instead.
int Print(const Options& options, const Result<Json>& answer, const std::function<void(const Json&)>& action);

/// Writes to stdout, what a terminal would obey made visible: names and notes are anybody's.
void Say(std::string_view text);
/// Codes for the terminal too: one's own, and what a step printed.
void SayAsItIs(std::string_view text);

/// Before a verb that follows something asks the server again.
void Pause(std::chrono::milliseconds duration);

}  // namespace mw::app::cli
