// Finds, starts and ends the model server beside a control plane.
#include "serving/local_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "net/http_client.h"
#include "serving/follower.h"

extern char** environ;

namespace mw::serving {
namespace {

constexpr std::chrono::milliseconds kPollPause{10};

/// True once `done` is, false when `timeout` passed first.
bool WaitUntil(std::chrono::milliseconds timeout, const std::function<bool()>& done) {
  const RealClock clock;
  const Duration deadline = clock.Elapsed() + timeout;
  while (!done()) {
    if (clock.Elapsed() >= deadline) return false;
    poll(nullptr, 0, static_cast<int>(kPollPause.count()));
  }
  return true;
}

bool IsLocked(const std::string& state_directory) {
  const std::string path = state_directory + "/serve.lock";
  if (access(path.c_str(), F_OK) != 0) return false;
  const auto lock = LockFile(path);
  return !lock.ok() && lock.error().code == Code::kFailedPrecondition;
}

bool Answers(const LocalServer& server) {
  net::ClientOptions options;
  options.timeout = options.connect_timeout = std::chrono::seconds(2);
  auto client = net::HttpClient::Make(server.address, options);
  if (!client.ok()) return false;
  const auto response = client->Send(net::Method::kGet, "/v2/health/live");
  return response.ok() && response->status == 200;
}

bool MayAdopt(const LocalServer& server, const LocalServerOptions& options) {
  const auto& others = options.accepted_versions;
  return (server.version == options.program_version ||
          std::find(others.begin(), others.end(), server.version) != others.end()) &&
         Answers(server);
}

/// The last line of a log: of a program that could not start, the sentence that says why.
std::string LastWords(const std::string& path) {
  constexpr std::size_t kBytesMax = 500;
  constexpr std::string_view kName = "millwright: ";
  const auto text = ReadFile(path);
  std::string_view line = text.ok() ? Trim(*text) : "";
  if (const std::size_t end = line.rfind('\n'); end != std::string_view::npos) line = line.substr(end + 1);
  if (line.starts_with(kName)) line.remove_prefix(kName.size());
  return std::string(line.substr(0, kBytesMax));
}

Result<pid_t> Spawn(const LocalServerOptions& options) {
  const std::vector<std::string> arguments = {
      options.program,         "serve",    "--follow",    options.control_plane_url, "--state-dir",
      options.state_directory, "--listen", options.listen};
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, 2, options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  // A session of its own: neither Ctrl-C nor the end of the control plane's terminal reaches it.
  posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID));
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, options.program.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return ErrnoError(failed, Cat("starting ", options.program));
  return pid;
}

Status WriteControlPlane(const LocalServerOptions& options) {
  const Json file = Json::Make({{"url", Json(options.control_plane_url)}, {"token", Json(options.token)}});
  return WriteFileDurably(ControlPlanePath(options.state_directory), file.DumpPretty(), 0600);
}

Result<LocalServer> StartServer(const LocalServerOptions& options) {
  const pid_t pid = TRY(Spawn(options));
  bool ended = false;
  LocalServer server;
  const bool up = WaitUntil(options.start_timeout, [&] {
    ended = waitpid(pid, nullptr, WNOHANG) == pid;
    if (ended) return true;
    auto found = FindLocalServer(options.state_directory);
    if (!found.ok() || found->pid != pid || !Answers(*found)) return false;
    server = *std::move(found);
    return true;
  });
  if (up && !ended) return server;
  if (!ended) kill(pid, SIGTERM);
  return Unavailable("the model server ", ended ? "ended at once" : "did not come up", ": ",
                     LastWords(options.log_path), " (its log is ", options.log_path, ")");
}

}  // namespace

Result<LocalServer> FindLocalServer(const std::string& state_directory) {
  Result<std::string> text = ReadFile(state_directory + "/serve.json", 65'536);
  if (!text.ok() || !IsLocked(state_directory)) return NotFound("no model server runs in ", state_directory);
  const Json file = TRY(Json::Parse(*text));
  LocalServer server;
  server.pid = static_cast<int>(TRY(file.GetInt("pid")));
  server.address = TRY(file.GetString("address"));
  server.version = TRY(file.GetString("version"));
  server.server_id = TRY(file.GetString("server"));
  if (server.pid <= 1) return InvalidArgument(state_directory, "/serve.json has the pid ", server.pid);
  return server;
}

Result<LocalServer> AdoptOrStart(const LocalServerOptions& options) {
  TRY(MakeDirectories(options.state_directory));
  TRY(WriteControlPlane(options));
  if (auto found = FindLocalServer(options.state_directory); found.ok() && MayAdopt(*found, options)) {
    found->adopted = true;
    LogInfo("model server adopted", {{"pid", Json(found->pid)}, {"address", Json(found->address)}});
    return found;
  }
  TRY(StopLocalServer(options.state_directory, options.stop_timeout));
  return StartServer(options);
}

Status StopLocalServer(const std::string& state_directory, std::chrono::milliseconds timeout) {
  const auto found = FindLocalServer(state_directory);
  if (!found.ok()) {
    // A server that is starting or ending holds the lock without serve.json.
    if (WaitUntil(timeout, [&] { return !IsLocked(state_directory); })) return Ok();
    return DeadlineExceeded("a process holds ", state_directory, "/serve.lock but does not say which; end it by hand");
  }
  kill(found->pid, SIGTERM);
  const bool gone = WaitUntil(timeout, [&] {
    waitpid(found->pid, nullptr, WNOHANG);  // a child of ours; fails harmlessly for an adopted one
    return !IsLocked(state_directory);
  });
  if (gone) return Ok();
  return DeadlineExceeded("the model server (process ", found->pid, ") did not end within ", FormatDuration(timeout));
}

}  // namespace mw::serving
