// pg_dump as a child process, its connection given by the environment variables that libpq reads.
#include "db/postgres_dump.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace mw::db {
namespace {

/// The environment of this process with the connection's parameters put in place.
std::vector<std::string> Environment(const std::string& conninfo) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
  PQconninfoOption* options = PQconninfoParse(conninfo.c_str(), nullptr);
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->envvar == nullptr || option->val == nullptr) continue;
    const std::string name = Cat(option->envvar, "=");
    std::erase_if(variables, [&](const std::string& entry) { return entry.starts_with(name); });
    variables.push_back(Cat(name, option->val));
  }
  PQconninfoFree(options);
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What the child says on its standard error, up to 4 KiB kept.
std::string ReadAll(int descriptor) {
  std::string words;
  char buffer[1024];
  for (ssize_t count = read(descriptor, buffer, sizeof buffer); count != 0;
       count = read(descriptor, buffer, sizeof buffer)) {
    if (count < 0 && errno != EINTR) break;
    if (count > 0 && words.size() < 4096) words.append(buffer, static_cast<std::size_t>(count));
  }
  return words;
}

Status RunAndWait(std::vector<std::string> arguments, std::vector<std::string> environment) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe for pg_dump");
  const FileDescriptor words(pipe_ends[0]);
  FileDescriptor child_end(pipe_ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_end.get(), 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0].c_str(), &actions, nullptr, Pointers(arguments).data(),
                                 Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  child_end.Reset();
  if (error != 0) {
    return FailedPrecondition(
        "pg_dump cannot be run, so there is no backup before the migration; "
        "install postgresql-client, or go on without with --no-backup");
  }
  const std::string said = ReadAll(words.get());
  int status = 0;
  pid_t ended = waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR) ended = waitpid(child, &status, 0);
  if (ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0) return Ok();
  return FailedPrecondition("the backup before the migration failed; pg_dump said: ", Quoted(Trim(said), 500),
                            "; mend that, or go on without with --no-backup");
}

}  // namespace

Status DumpPostgres(const std::string& conninfo, const std::string& schema, const std::string& target) {
  const std::string unfinished = Cat(target, ".unfinished");
  Status done = RunAndWait(
      {"pg_dump", "--format=custom", Cat("--schema=\"", schema, "\""), Cat("--file=", unfinished), "--no-password"},
      Environment(conninfo));
  const FileDescriptor file(open(unfinished.c_str(), O_RDONLY | O_CLOEXEC));
  if (done.ok() && (fsync(file.get()) != 0 || rename(unfinished.c_str(), target.c_str()) != 0)) {
    done = ErrnoError(errno, Cat("keeping the backup ", target));
  }
  if (done.ok()) return SyncDirectory(target.substr(0, target.rfind('/') + 1));
  unlink(unfinished.c_str());
  return done;
}

}  // namespace mw::db
