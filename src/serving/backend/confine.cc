// Limits, lifeline, directory, then exec.
#include "serving/backend/confine.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "serving/backend/worker_mailbox.h"

namespace mw::serving {
namespace {

constexpr rlim_t kDescriptorsMax = 1'024;

Status Limit(int what, rlim_t most, std::string_view name) {
  const rlimit wanted{most, most};
  if (setrlimit(static_cast<__rlimit_resource>(what), &wanted) == 0) return Ok();
  return ErrnoError(errno, Cat("limiting the worker's ", name));
}

Status SetLimits(const Confinement& confinement) {
  TRY(Limit(RLIMIT_CORE, 0, "core dumps"));
  TRY(Limit(RLIMIT_NOFILE, kDescriptorsMax, "descriptors"));
  signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit fails, as one to a full disk does
  TRY(Limit(RLIMIT_FSIZE, confinement.file_bytes_max, "files"));
  if (confinement.memory_bytes_max == 0) return Ok();
  return Limit(RLIMIT_DATA, confinement.memory_bytes_max, "memory");
}

/// The only thing that can happen on the lifeline is its end, and the signal for it is SIGKILL.
Status TieToLifeline() {
  const bool tied = fcntl(kWorkerLifeline, F_SETOWN, getpid()) == 0 && fcntl(kWorkerLifeline, F_SETSIG, SIGKILL) == 0 &&
                    fcntl(kWorkerLifeline, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
  if (!tied) return ErrnoError(errno, "tying the worker to its server");
  char byte;
  if (read(kWorkerLifeline, &byte, 1) == 0) return Unavailable("the server has ended already");
  return Ok();
}

Result<Confinement> Parse(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) return InvalidArgument("confine wants MEMORY_BYTES FILE_BYTES DIRECTORY PROGRAM...");
  const auto memory = ParseInt(arguments[0]);
  const auto file = ParseInt(arguments[1]);
  if (!memory || !file || *memory < 0 || *file < 0)
    return InvalidArgument("confine: the limits are no numbers of bytes");
  return Confinement{static_cast<std::uint64_t>(*memory), static_cast<std::uint64_t>(*file), arguments[2]};
}

Status Confine(const Confinement& confinement) {
  if (syscall(SYS_close_range, kWorkerMemory + 1, ~0U, 0U) != 0) return ErrnoError(errno, "closing descriptors");
  TRY(TieToLifeline());
  if (chdir(confinement.directory.c_str()) != 0) return ErrnoError(errno, Cat("going to ", confinement.directory));
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoError(errno, "giving up privileges");
  return SetLimits(confinement);
}

}  // namespace

std::vector<std::string> ConfineArguments(const Confinement& confinement, const std::vector<std::string>& command) {
  std::vector<std::string> arguments = {"confine", Cat(confinement.memory_bytes_max), Cat(confinement.file_bytes_max),
                                        confinement.directory};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

Error ConfineAndExecute(const std::vector<std::string>& arguments) {
  const auto confinement = Parse(arguments);
  if (!confinement.ok()) return confinement.error();
  if (const Status confined = Confine(*confinement); !confined.ok()) return confined.error();
  std::vector<char*> argv;
  for (std::size_t i = 3; i < arguments.size(); ++i) argv.push_back(const_cast<char*>(arguments[i].c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return ErrnoError(errno, Cat("starting ", arguments[3]));
}

}  // namespace mw::serving
