// The program's own log: one JSON object a line on stderr or a file, e.g.
// {"time":"2026-01-02T03:04:05.678901Z","level":"info","message":"run started","run":"0193..."}
// Any thread; a line is written whole by one write(2). Never blocks on anything but that write.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace mw {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

using LogFields = std::initializer_list<Json::Member>;

void Log(LogLevel level, std::string_view message, LogFields fields = {});
inline void LogInfo(std::string_view message, LogFields fields = {}) { Log(LogLevel::kInfo, message, fields); }
inline void LogWarning(std::string_view message, LogFields fields = {}) { Log(LogLevel::kWarning, message, fields); }
inline void LogError(std::string_view message, LogFields fields = {}) { Log(LogLevel::kError, message, fields); }

/// Lines below `level` are dropped from now on. Default kInfo.
void SetLogLevel(LogLevel level);
/// Lines go to this file descriptor from now on; the caller keeps it open. Default 2.
void SetLogDescriptor(int descriptor);

}  // namespace mw
