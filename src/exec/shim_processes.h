// mw-shim's view of the program's descendants. As their subreaper it is the parent of every orphan among them, so
// the chain of parents in /proc leads from each of them to the shim, whatever sessions and groups they make.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace mw::exec::shim {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  char state = '?';
  bool descendant = false;
};

/// False when there is no such process any more.
inline bool ReadProcess(pid_t pid, Process& out) {
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[512];
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return false;
  text[size] = '\0';
  // The name in parentheses may hold anything, parentheses too: fields are read after the last one.
  const char* after = std::strrchr(text, ')');
  out.pid = pid;
  return after != nullptr && std::sscanf(after + 1, " %c %d %d", &out.state, &out.parent, &out.group) == 3;
}

/// All descendants of the calling process that are not zombies.
inline std::vector<Process> Descendants() {
  std::vector<Process> all;
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return all;
  while (const dirent* entry = readdir(directory)) {
    Process process;
    const int pid = std::atoi(entry->d_name);
    if (pid > 0 && ReadProcess(pid, process)) all.push_back(process);
  }
  closedir(directory);
  for (bool grew = true; grew;) {
    grew = false;
    for (Process& process : all) {
      if (process.descendant) continue;
      bool under = process.parent == getpid();
      for (const Process& other : all) under = under || (other.descendant && other.pid == process.parent);
      grew = grew || under;
      process.descendant = under;
    }
  }
  std::vector<Process> found;
  for (const Process& process : all) {
    if (process.descendant && process.state != 'Z' && process.state != 'X') found.push_back(process);
  }
  return found;
}

/// SIGTERM to the program's group and, once each, to descendants that left it.
inline void TerminateAll(pid_t group) {
  kill(-group, SIGTERM);
  for (const Process& process : Descendants()) {
    if (process.group != group) kill(process.pid, SIGTERM);
  }
}

/// SIGKILL to all descendants. They are stopped first, so that what forks all the time cannot outrun the walk.
inline void KillAll() {
  for (int pass = 0; pass < 64; ++pass) {
    bool moving = false;
    for (const Process& process : Descendants()) {
      if (process.state == 'T' || process.state == 't') continue;
      moving = kill(process.pid, SIGSTOP) == 0 || moving;
    }
    if (!moving) break;
  }
  for (const Process& process : Descendants()) kill(process.pid, SIGKILL);
}

}  // namespace mw::exec::shim
