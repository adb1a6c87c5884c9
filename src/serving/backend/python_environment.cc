// venv, pip, and what is believed of a model's requirements.
#include "serving/backend/python_environment.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

namespace mw::serving {
namespace {

constexpr std::size_t kRequirementsMax = 1000;
constexpr std::size_t kReportBytesMax = std::size_t{64} << 20;
constexpr std::size_t kSaidLinesMax = 5;
constexpr std::size_t kSaidBytesMax = 120;
constexpr auto kSaidPeriod = std::chrono::seconds(1);

constexpr std::string_view kHash = "--hash=sha256:";

/// Takes the digests off the end of a line: " --hash=sha256:..." each.
std::string_view WithoutHashes(std::string_view line) {
  while (true) {
    const std::size_t space = line.rfind(' ');
    const std::string_view last = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    const bool digest = last.starts_with(kHash) && last.size() == kHash.size() + 64 &&
                        last.find_first_not_of("0123456789abcdef", kHash.size()) == std::string_view::npos;
    if (!digest) return line;
    line = Trim(line.substr(0, space));
  }
}

/// NAME[EXTRAS] VERSIONS ; MARKER, digests, and no address ("name @ https://...").
Status CheckRequirement(std::string_view whole, std::string_view where) {
  const std::string_view line = WithoutHashes(whole);
  const bool plain = !line.empty() && std::isalnum(static_cast<unsigned char>(line.front())) != 0 &&
                     std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < 0x7F; }) &&
                     line.find_first_of("@/\\") == std::string_view::npos && line.find("--") == std::string_view::npos;
  if (plain) return Ok();
  return InvalidArgument(where, ": ", Quoted(whole),
                         " is more than a package's name and version; make the environment ",
                         "yourself and name its interpreter with --python");
}

/// "3.11" of "3.11.7".
std::string MinorVersion(std::string_view version) {
  const std::vector<std::string_view> parts = Split(Trim(version), '.');
  return parts.size() < 2 ? std::string() : Cat(parts[0], ".", parts[1]);
}

Result<std::string> PythonVersionOf(const std::string& model_directory) {
  const std::string path = model_directory + "/python_env.yaml";
  if (!Exists(path)) return std::string();
  const YamlNode root = TRY(ParseYaml(TRY(ReadFile(path, 1 << 20)), path));
  const YamlNode* python = root.Find("python");
  if (python == nullptr) return std::string();
  std::string version = MinorVersion(python->scalar);
  const bool number = version.size() >= 3 && version.front() == '3' &&
                      std::all_of(version.begin() + 2, version.end(),
                                  [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
  if (number) return version;
  return InvalidArgument(path, ": python is ", Quoted(python->scalar), "; it must be a version, as 3.11.7");
}

/// The first program of that name in PATH.
std::optional<std::string> FindProgram(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (const std::string_view directory : Split(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path, ':')) {
    std::string candidate = Cat(directory, "/", name);
    if (!directory.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

std::string LastLines(const std::string& log, std::size_t lines_max = kSaidLinesMax) {
  const auto text = ReadFile(log, std::size_t{16} << 20);
  if (!text.ok()) return "";
  std::vector<std::string> lines;
  for (const std::string_view line : Split(*text, '\n')) {
    if (!Trim(line).empty()) lines.emplace_back(Trim(line));
  }
  if (lines.size() > lines_max) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(lines_max));
  return Join(lines, " | ");
}

/// Its interpreter must be of the version asked for: the name does not say so when it is python3.
Result<std::string> FindInterpreter(const std::string& version, const std::string& scratch) {
  for (const std::string& name :
       {version.empty() ? std::string("python3") : Cat("python", version), std::string("python3")}) {
    const std::optional<std::string> found = FindProgram(name);
    if (!found) continue;
    const std::string log = scratch + ".version";
    const Status asked = RunToEnd({*found, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"}, log,
                                  std::chrono::seconds(30));
    const std::string says = asked.ok() ? std::string(Trim(TRY(ReadFile(log)))) : std::string();
    unlink(log.c_str());
    if (asked.ok() && (version.empty() || says == version)) return *found;
  }
  return FailedPrecondition("the model wants Python ", version.empty() ? "3" : version,
                            ", and there is none in PATH; install ",
                            "it, or name the interpreter of an environment of yours with --python");
}

/// The lock: what pip has found, with the digest of each file.
Result<std::string> LockOf(const std::string& report_path) {
  const Json report = TRY(Json::Parse(TRY(ReadFile(report_path, kReportBytesMax))).In(report_path));
  const Json* packages = report.Find("install");
  if (packages == nullptr || !packages->IsArray()) return DataLoss(report_path, " lists no packages");
  std::vector<std::string> lines;
  for (const Json& package : packages->AsArray()) {
    const Json* metadata = package.Find("metadata");
    const Json* download = package.Find("download_info");
    const Json* archive = download == nullptr ? nullptr : download->Find("archive_info");
    const Json* hashes = archive == nullptr ? nullptr : archive->Find("hashes");
    const std::string digest = hashes == nullptr ? "" : hashes->StringOr("sha256", "");
    if (metadata == nullptr || digest.empty()) return DataLoss(report_path, " has a package without a digest");
    lines.push_back(
        Cat(TRY(metadata->GetString("name")), "==", TRY(metadata->GetString("version")), " --hash=sha256:", digest));
  }
  std::sort(lines.begin(), lines.end());
  return Join(lines, "\n") + "\n";
}

class Maker {
 public:
  Maker(const PythonRequirements& requirements, const PythonEnvironmentOptions& options, std::string target)
      : requirements_(requirements), options_(options), target_(std::move(target)), log_(target_ + ".log") {}

  Status Make() {
    std::filesystem::remove_all(target_);
    const std::string interpreter = TRY(FindInterpreter(requirements_.python, target_));
    Say(Cat("making a Python environment with ", interpreter));
    TRY(Step({interpreter, "-I", "-m", "venv", target_}, "making a Python environment"));
    TRY(WriteFileDurably(target_ + "/requirements.txt", Join(requirements_.lines, "\n") + "\n"));
    Say(Cat("resolving ", requirements_.lines.size(), " requirements"));
    TRY(Pip(
        {"--dry-run", "--ignore-installed", "--report", target_ + "/report.json", "-r", target_ + "/requirements.txt"},
        "resolving the model's requirements"));
    const std::string lock = TRY(LockOf(target_ + "/report.json"));
    TRY(WriteFileDurably(target_ + "/requirements.lock", lock));
    const auto packages = std::count(lock.begin(), lock.end(), '\n');
    Say(Cat("installing ", packages, " packages"));
    TRY(Pip({"--no-deps", "--require-hashes", "-r", target_ + "/requirements.lock"},
            Cat("installing ", packages, " packages")));
    TRY(WriteFileDurably(target_ + "/complete", ""));
    unlink(log_.c_str());
    return Ok();
  }

 private:
  void Say(std::string_view what) const {
    if (options_.progress) options_.progress(what);
  }
  Status Step(const std::vector<std::string>& command, std::string_view what) const {
    const auto said = [this, what](std::string_view line) { Say(Cat(what, ": ", line.substr(0, kSaidBytesMax))); };
    return RunToEnd(command, log_, options_.timeout, said).In(what);
  }
  Status Pip(const std::vector<std::string>& arguments, std::string_view what) const {
    std::vector<std::string> command = {target_ + "/bin/python",
                                        "-I",
                                        "-m",
                                        "pip",
                                        "install",
                                        "--no-input",
                                        "--disable-pip-version-check",
                                        "--progress-bar",
                                        "off",
                                        "--only-binary",
                                        ":all:"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Step(command, what);
  }

  const PythonRequirements& requirements_;
  const PythonEnvironmentOptions& options_;
  const std::string target_;
  const std::string log_;
};

/// Whether the process has ended in time.
bool AwaitEnd(pollfd& process, const std::string& log, Duration timeout,
              const std::function<void(std::string_view)>& said) {
  const RealClock clock;
  const Duration deadline = clock.Elapsed() + timeout;
  std::string last;
  while (true) {
    const Duration left = std::max(deadline - clock.Elapsed(), Duration(0));
    const Duration wait = said ? std::min<Duration>(left, kSaidPeriod) : left;
    if (poll(&process, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count())) == 1)
      return true;
    if (wait == left) return false;
    std::string line = said ? LastLines(log, 1) : std::string();
    if (!line.empty() && line != last) said(last = std::move(line));
  }
}

/// Waits for whoever makes the same environment.
Result<FileDescriptor> AwaitLock(const std::string& path, Duration timeout) {
  const RealClock clock;
  const Duration deadline = clock.Elapsed() + timeout;
  while (true) {
    Result<FileDescriptor> lock = LockFile(path);
    if (lock.ok() || lock.error().code != Code::kFailedPrecondition) return lock;
    if (clock.Elapsed() >= deadline) {
      return DeadlineExceeded("another process has been making the same Python environment for too long: ", path);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // NOLINT(no-sleeps): another process has it
  }
}

}  // namespace

Result<PythonRequirements> ReadPythonRequirements(const std::string& model_directory) {
  PythonRequirements requirements;
  const std::string path = model_directory + "/requirements.txt";
  if (!Exists(path)) {
    return FailedPrecondition(model_directory,
                              " has no requirements.txt; name the interpreter of an environment that has ",
                              "what the model needs with --python");
  }
  requirements.python = TRY(PythonVersionOf(model_directory));
  const std::string text = TRY(ReadFile(path, 1 << 20));
  std::string line;
  for (const std::string_view raw : Split(text, '\n')) {
    std::string_view part = Trim(raw.substr(0, raw.find('#')));
    const bool goes_on = part.ends_with('\\');  // digests stand on lines of their own
    if (goes_on) part = Trim(part.substr(0, part.size() - 1));
    if (!part.empty()) CatTo(line, line.empty() ? "" : " ", part);
    if (goes_on || line.empty()) continue;
    TRY(CheckRequirement(line, path));
    requirements.lines.push_back(std::exchange(line, {}));
  }
  if (requirements.lines.size() > kRequirementsMax)
    return InvalidArgument(path, " has more than ", kRequirementsMax, " lines");
  std::sort(requirements.lines.begin(), requirements.lines.end());
  return requirements;
}

Result<std::string> MakePythonEnvironment(const PythonRequirements& requirements,
                                          const PythonEnvironmentOptions& options) {
  TRY(MakeDirectories(options.directory, 0700));
  const std::string key =
      Sha256Hex(Cat("1\n", requirements.python, "\n", Join(requirements.lines, "\n"))).substr(0, 24);
  const std::string target = Cat(options.directory, "/", key);
  const std::string interpreter = target + "/bin/python";
  if (Exists(target + "/complete")) return interpreter;
  if (options.progress) options.progress("waiting for the Python environment");
  const FileDescriptor lock = TRY(AwaitLock(target + ".lock", 2 * options.timeout));
  if (Exists(target + "/complete")) return interpreter;
  TRY(Maker(requirements, options, target).Make());
  return interpreter;
}

Status RunToEnd(const std::vector<std::string>& command, const std::string& log, Duration timeout,
                const std::function<void(std::string_view)>& said) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID));
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return ErrnoError(failed, Cat("starting ", command.front()));
  const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd watched{process.get(), POLLIN, 0};
  const bool ended = AwaitEnd(watched, log, timeout, said);
  if (!ended) kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return DeadlineExceeded("not done after ", FormatDuration(timeout), ": ", LastLines(log));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Ok();
  return FailedPrecondition(
      "it ended with ", WIFEXITED(status) ? Cat("exit code ", WEXITSTATUS(status)) : Cat("signal ", WTERMSIG(status)),
      ": ", LastLines(log));
}

}  // namespace mw::serving
