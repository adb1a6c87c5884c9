// Reading /proc.
#include "app/checks/processes.h"

#include <dirent.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace mw::app {
namespace {

constexpr std::size_t kProcFileBytesMax = std::size_t{16} << 20;
constexpr std::string_view kListening = "0A";

std::vector<int> Pids() {
  std::vector<int> pids;
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return pids;
  while (const dirent* entry = readdir(directory)) {
    if (const auto pid = ParseInt(entry->d_name)) pids.push_back(static_cast<int>(*pid));
  }
  closedir(directory);
  return pids;
}

std::string Proc(int pid, std::string_view file) {
  const Result<std::string> text = ReadFile(Cat("/proc/", pid, "/", file), kProcFileBytesMax);
  return text.ok() ? *text : "";
}

/// The fields of a line, between any number of spaces.
std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (const std::string_view field : Split(line, ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  return fields;
}

/// The inode of the socket that listens on the port, of one table.
std::string ListeningInode(const std::string& table, int port) {
  const Result<std::string> text = ReadFile(table, kProcFileBytesMax);
  if (!text.ok()) return "";
  for (const std::string_view line : Split(*text, '\n')) {
    const std::vector<std::string_view> fields = Fields(line);
    if (fields.size() < 10 || fields[3] != kListening) continue;
    const std::size_t colon = fields[1].rfind(':');
    if (colon == std::string_view::npos) continue;
    if (std::stoi(std::string(fields[1].substr(colon + 1)), nullptr, 16) == port) return std::string(fields[9]);
  }
  return "";
}

bool HoldsSocket(int pid, const std::string& link) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(Cat("/proc/", pid, "/fd"), error)) {
    char target[64];
    const ssize_t size = readlink(entry.path().c_str(), target, sizeof target);
    if (size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == link) return true;
  }
  return false;
}

}  // namespace

std::vector<Process> Processes() {
  std::vector<Process> processes;
  for (const int pid : Pids()) {
    Process process{pid, std::string(Trim(Proc(pid, "comm"))), {}};
    for (const std::string_view argument : Split(Proc(pid, "cmdline"), '\0')) process.arguments.emplace_back(argument);
    if (!process.name.empty()) processes.push_back(std::move(process));
  }
  return processes;
}

std::optional<Listener> ListenerOf(int port) {
  std::string inode = ListeningInode("/proc/net/tcp", port);
  if (inode.empty()) inode = ListeningInode("/proc/net/tcp6", port);
  if (inode.empty()) return std::nullopt;
  const std::string link = Cat("socket:[", inode, "]");
  for (const int pid : Pids()) {
    if (HoldsSocket(pid, link)) return Listener{pid, std::string(Trim(Proc(pid, "comm")))};
  }
  return Listener{};
}

std::vector<std::pair<int, std::string>> ShimsOf(std::string_view home) {
  const std::string runs = Cat(home, "/runs/");
  std::vector<std::pair<int, std::string>> shims;
  for (const Process& process : Processes()) {
    if (process.name != "mw-shim" || process.arguments.size() < 2) continue;
    if (process.arguments[1].starts_with(runs)) shims.emplace_back(process.pid, process.arguments[1]);
  }
  return shims;
}

}  // namespace mw::app
