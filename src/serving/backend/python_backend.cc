// The worker's text onto the disk, an interpreter, workers.
#include "serving/backend/python_backend.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/backend/python_environment.h"
#include "serving/backend/python_worker_source.h"
#include "serving/backend/worker_process.h"

namespace mw::serving {
namespace {

/// Models unpack what they were logged with; a limit keeps a disk from filling up.
constexpr std::uint64_t kWorkerFileBytesMax = std::uint64_t{4} << 30;

/// The worker as a file, named by its digest so that two versions of this program do not meet.
Result<std::string> PlaceWorker(const std::string& directory) {
  TRY(MakeDirectories(directory, 0700));
  const std::string path = Cat(directory, "/worker-", Sha256Hex(kPythonWorkerSource).substr(0, 16), ".py");
  if (!Exists(path)) TRY(WriteFileDurably(path, kPythonWorkerSource, 0600));
  return path;
}

std::string Listed(const Json& answer, std::string_view key) {
  std::vector<std::string> texts;
  const Json* list = answer.Find(key);
  if (list != nullptr && list->IsArray()) {
    for (const Json& text : list->AsArray()) texts.push_back(text.IsString() ? text.AsString() : text.Dump());
  }
  return Join(texts, ", ");
}

/// Whether the user's environment has what the model asks for. Another version is said, not refused.
Status CheckPython(const std::string& model, const std::string& worker, const PythonBackendOptions& options) {
  const std::string requirements = model + "/requirements.txt";
  const std::string log = Cat(options.directory, "/check-", getpid(), ".log");
  const Status asked =
      RunToEnd({options.python, "-I", worker, "--check", Exists(requirements) ? requirements : "/dev/null"}, log,
               options.start_timeout);
  const std::string said = asked.ok() ? TRY(ReadFile(log, 1 << 20)) : std::string();
  unlink(log.c_str());
  TRY(Status(asked).In(options.python));
  const std::string_view text = Trim(said);
  const std::size_t line = text.rfind('\n');
  const Json answer =
      TRY(Json::Parse(line == std::string_view::npos ? text : text.substr(line + 1)).In(options.python));
  if (const std::string missing = Listed(answer, "missing"); !missing.empty()) {
    return FailedPrecondition(options.python, " lacks ", missing,
                              ", which the model needs; install them there, or leave ",
                              "--python out and an environment is made");
  }
  if (const std::string different = Listed(answer, "different"); !different.empty()) {
    LogWarning("a model runs with other packages than it was made with",
               {{"model", Json(model)}, {"python", Json(options.python)}, {"packages", Json(different)}});
  }
  return Ok();
}

Result<std::string> Interpreter(const std::string& model, const std::string& worker,
                                const PythonBackendOptions& options) {
  if (!options.python.empty()) {
    TRY(CheckPython(model, worker, options));
    return options.python;
  }
  PythonEnvironmentOptions environment;
  environment.directory = options.directory;
  environment.timeout = options.environment_timeout;
  environment.progress = options.progress;
  return MakePythonEnvironment(TRY(ReadPythonRequirements(model)), environment);
}

}  // namespace

bool IsMlflowModel(const std::string& directory) { return Exists(directory + "/MLmodel"); }

Result<std::unique_ptr<Backend>> StartPythonBackend(const std::string& directory, const PythonBackendOptions& options) {
  if (!directory.starts_with('/') || !options.directory.starts_with('/')) {
    return InvalidArgument("the model's path ", Quoted(directory), " or that of environments ",
                           Quoted(options.directory), " is not absolute");
  }
  if (!IsMlflowModel(directory)) return NotFound(directory, " has no MLmodel file: it is no model of MLflow's");
  WorkerOptions worker;
  worker.confiner = options.program.empty() ? TRY(FindConfiner()) : options.program;
  const std::string script = TRY(PlaceWorker(options.directory));
  const std::string interpreter = TRY(Interpreter(directory, script, options));
  const std::string scratch = options.directory + "/tmp";
  TRY(MakeDirectories(scratch, 0700));
  worker.command = {interpreter, "-I", script, directory};
  worker.directory = directory;
  worker.environment = {"PYTHONDONTWRITEBYTECODE=1", Cat("TMPDIR=", scratch), Cat("MPLCONFIGDIR=", scratch),
                        "OPENBLAS_NUM_THREADS=1",    "MKL_NUM_THREADS=1",     "MLFLOW_DISABLE_TELEMETRY=true"};
  worker.environment.insert(worker.environment.end(), options.environment.begin(), options.environment.end());
  worker.memory_bytes_max = options.memory_bytes_max;
  worker.file_bytes_max = kWorkerFileBytesMax;
  worker.start_timeout = options.start_timeout;
  worker.restarts = options.restarts;
  worker.timeouts = options.timeouts;
  if (options.progress) options.progress("loading the model in Python");
  return StartWorkers(worker, options.workers);
}

}  // namespace mw::serving
