// JSON lines; see log.h.
#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>

#include "base/clock.h"

namespace mw {
namespace {

std::atomic<LogLevel> log_level{LogLevel::kInfo};
std::atomic<int> log_descriptor{2};
constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

}  // namespace

void Log(LogLevel level, std::string_view message, LogFields fields) {
  if (level < log_level.load(std::memory_order_relaxed)) return;
  std::string line = "{\"time\":";
  AppendJsonString(line, FormatTime(RealClock().Now()));
  line += ",\"level\":";
  AppendJsonString(line, kLevelNames[static_cast<std::size_t>(level)]);
  line += ",\"message\":";
  AppendJsonString(line, message);
  for (const auto& [key, value] : fields) {
    line.push_back(',');
    AppendJsonString(line, key);
    line.push_back(':');
    value.DumpTo(line);
  }
  line += "}\n";
  // A log that cannot be written has nobody to tell.
  [[maybe_unused]] const ssize_t written = write(log_descriptor.load(), line.data(), line.size());
}

void SetLogLevel(LogLevel level) { log_level = level; }
void SetLogDescriptor(int descriptor) { log_descriptor = descriptor; }

}  // namespace mw
