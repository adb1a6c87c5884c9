// The access log on disk: lines of JSON in files that are named by the time of their first line, oldest given up first.
//
//   2026-11-22T13-37-33.123456Z.jsonl      being written, 8 MiB at most
//   2026-11-22T12-10-05.004711Z.jsonl.zst  full ones, compressed about tenfold
//
// AccessFiles: one thread and one process for each directory. SearchAccessFiles: any thread, any process, also while
// the files are written. Invariants: the directory never holds more than its bound and one file; a file's lines are in
// the order in which their requests ended, so hardly older than the file's name says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace mw::serving {

struct AccessFileLimits {
  std::uint64_t bytes_max = std::uint64_t{256} << 20;  ///< of all files: about 7 million requests
  std::size_t file_bytes_max = std::size_t{8} << 20;
};

/// STATE/access
std::string AccessPath(const std::string& state_directory);

class AccessFiles {
 public:
  /// Goes on with what an earlier process left. Errors: from errno for the directory.
  static Result<AccessFiles> Open(std::string directory, const AccessFileLimits& limits = {});
  /// Appends whole lines, the first of which is of that time. Errors: from errno; then the lines are lost.
  Status Append(std::string_view lines, Timestamp first);

 private:
  AccessFiles(std::string directory, const AccessFileLimits& limits)
      : directory_(std::move(directory)), limits_(limits) {}
  Status Begin(Timestamp first);
  Status Reopen(const std::string& name);
  void CloseAndCompress();
  void GiveUpOldest();

  std::string directory_;
  AccessFileLimits limits_;
  std::string name_;  // of the file being written
  FileDescriptor file_;
  std::size_t bytes_ = 0;  // in it
};

/// What is looked for. All that is given has to hold.
struct AccessQuery {
  std::string prediction{};  ///< a request's id, or that of one of its rows: "ID/3"
  std::string trace{};       ///< a trace id
  std::string endpoint{};
  std::optional<Timestamp> since{};
  bool problems = false;  ///< only what was refused, failed or slow
  std::size_t limit = 100;

  static constexpr std::size_t kLimitMax = 10'000;
};

/// {"prediction","trace","endpoint","since","problems","limit"} as texts, of which none is needed.
/// Errors: kInvalidArgument naming the key.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
Result<AccessQuery> ParseAccessQuery(const QueryParameters& parameters);
QueryParameters ToParameters(const AccessQuery& query);

struct AccessFindings {
  std::vector<std::string> lines;    ///< the newest that match, at most `limit`, in the order of time; JSON objects
  std::optional<Timestamp> reaches;  ///< how far back the log goes; nothing: there is none
};
/// Errors: from errno for a directory that cannot be read; one that is not there is an empty log.
Result<AccessFindings> SearchAccessFiles(const std::string& directory, const AccessQuery& query);

/// {"requests":[...],"reaches":"..."|null}
std::string ToJsonText(const AccessFindings& findings);

}  // namespace mw::serving
