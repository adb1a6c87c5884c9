// Reading /proc.
#include "load/server_processes.h"

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/file.h"
#include "base/text.h"

namespace mw::load {
namespace {

constexpr std::size_t kProcFileBytesMax = std::size_t{16} << 20;
constexpr std::string_view kListening = "0A";

std::string Read(const std::string& path) {
  const Result<std::string> text = ReadFile(path, kProcFileBytesMax);
  return text.ok() ? *text : "";
}

std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (const std::string_view field : Split(line, ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  return fields;
}

/// The numbered entries of a directory.
std::vector<int> Numbers(const std::string& path) {
  std::vector<int> numbers;
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return numbers;
  while (const dirent* entry = readdir(directory)) {
    if (const auto number = ParseInt(entry->d_name)) numbers.push_back(static_cast<int>(*number));
  }
  closedir(directory);
  return numbers;
}

/// "socket:[12345]" of every socket that listens on the port.
std::set<std::string, std::less<>> ListeningSockets(int port) {
  std::set<std::string, std::less<>> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const std::string text = Read(table);
    for (const std::string_view line : Split(text, '\n')) {
      const std::vector<std::string_view> fields = Fields(line);
      if (fields.size() < 10 || fields[3] != kListening) continue;
      const std::string_view hex = fields[1].substr(fields[1].rfind(':') + 1);
      int found = 0;
      std::from_chars(hex.data(), hex.data() + hex.size(), found, 16);
      if (found == port) sockets.insert(Cat("socket:[", fields[9], "]"));
    }
  }
  return sockets;
}

bool HoldsAny(int pid, const std::set<std::string, std::less<>>& sockets) {
  const std::string directory = Cat("/proc/", pid, "/fd/");
  for (const int descriptor : Numbers(directory)) {
    char target[64];
    const ssize_t size = readlink(Cat(directory, descriptor).c_str(), target, sizeof target);
    if (size > 0 && sockets.contains(std::string_view(target, static_cast<std::size_t>(size)))) return true;
  }
  return false;
}

/// The fields of /proc/PID/stat behind the name: 1 is the parent, 11 and 12 user and system time in ticks.
std::vector<std::string> Stat(int pid) {
  const std::string text = Read(Cat("/proc/", pid, "/stat"));
  const std::size_t name_end = text.rfind(')');
  std::vector<std::string> fields;
  if (name_end == std::string::npos) return fields;
  for (const std::string_view field : Fields(std::string_view(text).substr(name_end + 1))) fields.emplace_back(field);
  return fields;
}

void AddDescendants(std::vector<int>& pids, const std::vector<int>& all) {
  std::multimap<int, int> children;
  for (const int pid : all) {
    const std::vector<std::string> stat = Stat(pid);
    if (stat.size() < 2) continue;
    if (const auto parent = ParseInt(stat[1])) children.emplace(static_cast<int>(*parent), pid);
  }
  for (std::size_t i = 0; i < pids.size(); ++i) {
    const auto [begin, end] = children.equal_range(pids[i]);
    for (auto child = begin; child != end; ++child) {
      if (std::find(pids.begin(), pids.end(), child->second) == pids.end()) pids.push_back(child->second);
    }
  }
}

/// Nanoseconds on a processor, then what is of no interest here.
std::optional<Duration> ThreadsCpu(int pid) {
  const std::string directory = Cat("/proc/", pid, "/task/");
  std::int64_t nanos = 0;
  for (const int thread : Numbers(directory)) {
    const std::string text = Read(Cat(directory, thread, "/schedstat"));
    const auto own = ParseInt(text.substr(0, text.find(' ')));
    if (own) nanos += *own;
  }
  if (nanos == 0) return std::nullopt;
  return Duration(nanos / 1000);
}

std::optional<Duration> ProcessCpu(int pid) {
  const std::vector<std::string> stat = Stat(pid);
  if (stat.size() < 13) return std::nullopt;
  const long long ticks = ParseInt(stat[11]).value_or(0) + ParseInt(stat[12]).value_or(0);
  return Duration(ticks * 1'000'000 / sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<int> ServerProcesses(int port) {
  const auto sockets = ListeningSockets(port);
  std::vector<int> pids;
  if (sockets.empty()) return pids;
  const std::vector<int> all = Numbers("/proc");
  for (const int pid : all) {
    if (HoldsAny(pid, sockets)) pids.push_back(pid);
  }
  AddDescendants(pids, all);
  return pids;
}

std::optional<Duration> CpuOf(const std::vector<int>& pids) {
  std::optional<Duration> sum;
  for (const int pid : pids) {
    std::optional<Duration> used = ThreadsCpu(pid);
    if (!used) used = ProcessCpu(pid);
    if (used) sum = sum.value_or(Duration(0)) + *used;
  }
  return sum;
}

std::optional<Duration> WaitedForCores() {
  const std::string text = Read("/proc/pressure/cpu");
  const std::size_t at = text.find("total=");
  if (!text.starts_with("some") || at == std::string::npos) return std::nullopt;
  std::int64_t micros = 0;
  std::from_chars(text.data() + at + 6, text.data() + text.size(), micros);
  return Duration(micros);
}

int Cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

}  // namespace mw::load
