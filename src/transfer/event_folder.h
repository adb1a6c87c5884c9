// TensorBoard's event files as runs: one for each directory that holds some, its tags as metrics. Histograms and texts
// become artifacts, a file of JSON lines for each tag. Files are only read; a last record that is not whole yet is read
// when it is. One thread.
//
//   histograms/TAG.jsonl  {"step", "time", "min", "max", "count", "sum", "edges": [n+1], "counts": [n]}
//   texts/TAG.jsonl       {"step", "time", "text"}, or "texts" of several
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "transfer/event_record.h"
#include "transfer/sink.h"

namespace mw::transfer {

class EventFolder {
 public:
  static constexpr int kDepthMax = 16;

  /// `scratch`: a directory of the caller's for the files of histograms and texts. Errors: kNotFound.
  static Result<std::unique_ptr<EventFolder>> Open(const std::string& path, std::string experiment,
                                                   std::string scratch);

  [[nodiscard]] std::string Name() const { return "tensorboard:" + root_; }
  /// Whether there is no event file in it or below it.
  Result<bool> IsEmpty();
  /// Tells the experiment; once, at first.
  Status Begin(Sink& sink);
  /// Reads what was written since the last time, and tells it; what is told twice by another process is the same.
  /// `is_end`: runs have ended, with their last event.
  Result<bool> Read(Sink& sink, bool is_end);

 private:
  struct EventFile {
    std::string path;
    std::uint64_t offset = 0;
    bool is_over = false;  ///< damaged: nothing more comes of it
  };
  struct RunFolder {
    std::string id, name, scratch;
    std::map<std::string, EventFile> files;
    std::map<std::string, std::string> plugins;  ///< by tag
    std::map<std::string, std::vector<Point>> points;
    std::map<std::string, std::string> lines;  ///< by artifact, not written yet
    std::size_t held = 0;
    double first = 0, last = 0;  ///< times of events
    bool is_open = false, is_wanted = false, is_told = false, has_news = false;
  };
  EventFolder(std::string root, std::string experiment, std::string scratch)
      : root_(std::move(root)), experiment_(std::move(experiment)), scratch_(std::move(scratch)) {}
  Status FindFiles();
  RunFolder& FolderOf(const std::string& directory);
  Status ReadFile(RunFolder& run, EventFile& file, Sink& sink);
  Status TakeEvent(RunFolder& run, const Event& event, Sink& sink);
  void TakeValue(RunFolder& run, const Event& event, EventValue& value, Sink& sink);
  Status Open(RunFolder& run, bool is_end, bool is_whole, Sink& sink);
  Status SendPoints(RunFolder& run, Sink& sink);
  /// Everything so far, with the histograms and texts.
  Status Tell(RunFolder& run, bool is_end, Sink& sink);
  Status WriteLines(RunFolder& run);
  /// `is_whole`: with what it is known by, when it is imported again.
  [[nodiscard]] Json RunJson(const RunFolder& run, bool is_end, bool is_whole) const;

  std::string root_, experiment_, scratch_;
  std::map<std::string, RunFolder> runs_;  // by directory
};

/// A tag as the name of a file: letters, digits and ". _ - /" stay, every other byte becomes =XX; no part begins with a
/// dot.
std::string FileNameOf(std::string_view tag);

}  // namespace mw::transfer
