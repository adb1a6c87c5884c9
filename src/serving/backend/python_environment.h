// The Python that runs an MLflow model: an environment made for its requirements, or one that the user has.
//
//   requirements.txt --key (digest)--> DIRECTORY/KEY made already? --yes--> its interpreter
//                                          | no: under DIRECTORY/KEY.lock
//                                          '-> venv, resolve -> requirements.lock (versions and hashes) -> install ->
//                                          complete
//
// Made once for all models with the same requirements, by whoever comes first, and never changed afterwards: a lock
// names every package, its version and the digests of its file. Only wheels are taken, so nothing runs while packages
// are installed; only names, versions and digests are taken from a model's requirements, no options and no addresses.
// Where they have digests, pip asks them of every package. Any thread, any number of processes. Invariant: an
// environment with the file `complete` holds exactly what its requirements.lock says.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace mw::serving {

struct PythonEnvironmentOptions {
  std::string directory;                        ///< where environments are kept; made when absent
  Duration timeout = std::chrono::minutes(20);  ///< of each step: resolving, installing
  /// Told what is being done: "installing 41 packages". On the calling thread.
  std::function<void(std::string_view)> progress = {};
};

/// What a model directory asks for.
struct PythonRequirements {
  std::string python;              ///< "3.11": of what version the interpreter must be; empty: any
  std::vector<std::string> lines;  ///< "scikit-learn==1.6.1", "six==1.17.0 --hash=sha256:...", sorted
};

/// From python_env.yaml and requirements.txt. Errors: kFailedPrecondition when the directory has no requirements.txt;
/// kInvalidArgument for a line that is more than a name, a version and a marker.
Result<PythonRequirements> ReadPythonRequirements(const std::string& model_directory);

/// The interpreter of the environment for these requirements. Blocks while it is made, minutes perhaps.
/// Errors: kFailedPrecondition without an interpreter of the version asked for, or when packages cannot be had, with
/// the last lines of what the installer said; kDeadlineExceeded; from errno.
Result<std::string> MakePythonEnvironment(const PythonRequirements& requirements,
                                          const PythonEnvironmentOptions& options);

/// Runs a program to its end, its output into `log` (replaced); `said` is told its last line when there is a new one,
/// once a second. Errors: kFailedPrecondition "ended with ..."; with the
/// last lines of the log; kDeadlineExceeded after killing it; from errno.
Status RunToEnd(const std::vector<std::string>& command, const std::string& log, Duration timeout,
                const std::function<void(std::string_view)>& said = {});

}  // namespace mw::serving
