// Polling: a file is read from where the last reading ended.
#include "transfer/event_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "base/text.h"
#include "tracking/kept_value.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::size_t kLineBytesHeld = std::size_t{4} << 20;
constexpr std::string_view kExperimentId = "tensorboard";

std::int64_t Millis(double seconds) {
  const double millis = std::floor(seconds * 1000 + 0.5);
  return std::isfinite(millis) && std::abs(millis) < 9e15 ? static_cast<std::int64_t>(millis) : 0;
}

/// TensorBoard's own rule.
bool IsEventFile(const std::string& name) { return name.find("tfevents") != std::string::npos; }

Json NumbersJson(const std::vector<double>& numbers) {
  Json list = Json::MakeArray();
  for (const double number : numbers) list.Append(NumberJson(number));
  return list;
}

Json HistogramJson(const Event& event, const EventHistogram& histogram) {
  return Json::Make({{"step", event.step},
                     {"time", Millis(event.wall_time)},
                     {"min", NumberJson(histogram.min)},
                     {"max", NumberJson(histogram.max)},
                     {"count", NumberJson(histogram.count)},
                     {"sum", NumberJson(histogram.sum)},
                     {"edges", NumbersJson(histogram.edges)},
                     {"counts", NumbersJson(histogram.counts)}});
}

Json TextJson(const Event& event, const std::vector<std::string>& texts) {
  Json line = Json::Make({{"step", event.step}, {"time", Millis(event.wall_time)}});
  if (texts.size() == 1) {
    line["text"] = texts.front();
  } else {
    Json list = Json::MakeArray();
    for (const std::string& text : texts) list.Append(text);
    line["texts"] = std::move(list);
  }
  return line;
}

void AppendEscaped(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  CatTo(out, '=', kDigits[byte >> 4], kDigits[byte & 15]);
}

Status AppendTo(const std::string& path, std::string_view bytes) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file.valid()) return ErrnoError(errno, Cat("opening ", path));
  while (!bytes.empty()) {
    const ssize_t count = write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return ErrnoError(errno, Cat("writing ", path));
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return Ok();
}

}  // namespace

std::string FileNameOf(std::string_view tag) {
  std::string out;
  for (const char c : tag) {
    const bool begins = out.empty() || out.back() == '/';
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                          c == '-' || (c == '.' && !begins) || (c == '/' && !begins);
    if (is_plain) {
      out += c;
    } else {
      AppendEscaped(out, c);
    }
  }
  if (out.ends_with('/')) out.replace(out.size() - 1, 1, "=2F");
  return out.empty() ? "=" : out;
}

Result<std::unique_ptr<EventFolder>> EventFolder::Open(const std::string& path, std::string experiment,
                                                       std::string scratch) {
  std::error_code error;
  const fs::path root = fs::canonical(path, error);
  if (error || !fs::is_directory(root, error)) return NotFound(path, " is no folder");
  if (experiment.empty()) experiment = root.filename().string();
  if (experiment.empty()) experiment = "tensorboard";
  return std::unique_ptr<EventFolder>(new EventFolder(root.string(), std::move(experiment), std::move(scratch)));
}

Result<bool> EventFolder::IsEmpty() {
  TRY(FindFiles());
  return runs_.empty();
}

Status EventFolder::Begin(Sink& sink) {
  Json experiment = Json::Make({{"experiment_id", kExperimentId}, {"name", experiment_}});
  const std::int64_t now = ToMicros(RealClock().Now()) / 1000;
  experiment["creation_time"] = now;
  experiment["last_update_time"] = now;
  return sink.Experiments({std::move(experiment)});
}

Status EventFolder::FindFiles() {
  std::error_code error;
  for (fs::recursive_directory_iterator at(root_, error), end; !error && at != end; at.increment(error)) {
    if (at.depth() >= kDepthMax) at.disable_recursion_pending();
    const std::string name = at->path().filename().string();
    if (!IsEventFile(name) || !at->is_regular_file(error)) continue;
    RunFolder& run = FolderOf(at->path().parent_path().string());
    run.files.try_emplace(name, EventFile{at->path().string(), 0, false});
  }
  return error ? Status(Unavailable("reading ", root_, ": ", error.message())) : Ok();
}

EventFolder::RunFolder& EventFolder::FolderOf(const std::string& directory) {
  RunFolder& run = runs_[directory];
  if (!run.id.empty()) return run;
  // The same directory is the same run, however often it is imported.
  run.id = Sha256Hex(Cat("tensorboard:", directory)).substr(0, 32);
  run.name = fs::path(directory).lexically_relative(root_).string();
  if (run.name == ".") run.name = experiment_;
  run.scratch = Cat(scratch_, "/", run.id);
  return run;
}

Result<bool> EventFolder::Read(Sink& sink, bool is_end) {
  TRY(FindFiles());
  bool has_news = false;
  for (auto& [directory, run] : runs_) {
    for (auto& [name, file] : run.files) {
      if (!file.is_over) TRY(ReadFile(run, file, sink));
    }
    if (!run.has_news && !(is_end && run.is_told)) continue;
    has_news = true;
    TRY(Tell(run, is_end, sink));
  }
  return has_news;
}

Status EventFolder::ReadFile(RunFolder& run, EventFile& file, Sink& sink) {
  const FileDescriptor descriptor(open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor.valid()) return Ok();  // gone since it was listed
  std::string buffer;
  std::size_t wanted = kReadBytes;
  while (true) {
    buffer.resize(wanted);
    const ssize_t count = pread(descriptor.get(), buffer.data(), buffer.size(), static_cast<off_t>(file.offset));
    if (count < 0) return ErrnoError(errno, Cat("reading ", file.path));
    std::string_view rest(buffer.data(), static_cast<std::size_t>(count));
    const bool is_all = rest.size() < buffer.size();
    RecordView record = FirstRecord(rest);
    for (; record.kind == RecordView::Kind::kWhole; record = FirstRecord(rest)) {
      const Result<Event> event = ParseEvent(record.message);
      if (event.ok()) TRY(TakeEvent(run, *event, sink));
      if (!event.ok()) sink.Skip("event", Cat(file.path, " at byte ", file.offset), event.error().message);
      file.offset += record.size;
      rest.remove_prefix(record.size);
    }
    if (record.kind == RecordView::Kind::kDamaged) {
      file.is_over = true;
      sink.Skip("event file", file.path, Cat("the record at byte ", file.offset, " is damaged; the rest is not read"));
      return Ok();
    }
    if (record.kind == RecordView::Kind::kTooLong) {
      sink.Skip("event", Cat(file.path, " at byte ", file.offset), Cat("has ", record.size, " bytes"));
      file.offset += record.size;
    } else if (is_all) {
      return Ok();
    }
    wanted = std::max<std::size_t>(kReadBytes, record.kind == RecordView::Kind::kPartial ? record.size : 0);
  }
}

Status EventFolder::TakeEvent(RunFolder& run, const Event& event, Sink& sink) {
  // A file begins with an event that says its version alone.
  if (event.wall_time > 0 && !event.values.empty()) {
    run.first = run.first == 0 ? event.wall_time : std::min(run.first, event.wall_time);
    run.last = std::max(run.last, event.wall_time);
  }
  for (EventValue value : event.values) TakeValue(run, event, value, sink);
  if (run.held >= Sink::kPointsMax) {
    // The run's end and what it is known by come later.
    if (!run.is_open) TRY(Open(run, false, false, sink));
    TRY(SendPoints(run, sink));
  }
  std::size_t bytes = 0;
  for (const auto& [artifact, lines] : run.lines) bytes += lines.size();
  return bytes < kLineBytesHeld ? Ok() : WriteLines(run);
}

void EventFolder::TakeValue(RunFolder& run, const Event& event, EventValue& value, Sink& sink) {
  std::string& plugin = run.plugins[value.tag];
  const bool is_new = plugin.empty();
  if (is_new && !value.plugin.empty()) plugin = value.plugin;
  Interpret(value, plugin);
  run.has_news = true;
  switch (value.kind) {
    case EventValue::Kind::kScalar:
      run.points[value.tag].push_back({Millis(event.wall_time), event.step, tracking::KeptValue(value.scalar)});
      ++run.held;
      break;
    case EventValue::Kind::kHistogram:
      run.lines[Cat("histograms/", FileNameOf(value.tag), ".jsonl")] +=
          HistogramJson(event, value.histogram).Dump() + "\n";
      break;
    case EventValue::Kind::kText:
      run.lines[Cat("texts/", FileNameOf(value.tag), ".jsonl")] += TextJson(event, value.texts).Dump() + "\n";
      break;
    case EventValue::Kind::kOther:
      if (is_new) {
        sink.Skip("tag", Cat(run.name, " ", value.tag), Cat("of the kind ", plugin.empty() ? "unknown" : plugin));
        if (plugin.empty()) plugin = "?";
      }
      break;
  }
}

Status EventFolder::WriteLines(RunFolder& run) {
  for (const auto& [artifact, lines] : run.lines) TRY(AppendTo(Cat(run.scratch, "/", artifact), lines));
  run.lines.clear();
  return Ok();
}

Json EventFolder::RunJson(const RunFolder& run, bool is_end, bool is_whole) const {
  Json info = Json::Make({{"run_id", run.id}, {"experiment_id", kExperimentId}, {"run_name", run.name}});
  info["status"] = is_end ? "FINISHED" : "RUNNING";
  info["start_time"] = Millis(run.first);
  if (is_end) info["end_time"] = Millis(run.last);
  Json tags = Json::MakeArray();
  tags.Append(PairJson("mlflow.runName", run.name));
  tags.Append(PairJson("tensorboard.logdir", run.name == experiment_ ? root_ : Cat(root_, "/", run.name)));
  Json out = Json::Make(
      {{"info", std::move(info)}, {"data", Json::Make({{"params", Json::MakeArray()}, {"tags", std::move(tags)}})}});
  Json offsets = Json::MakeArray();
  for (const auto& [name, file] : run.files) {
    offsets.Append(Json::Make({{"file", name}, {"bytes", static_cast<std::int64_t>(file.offset)}}));
  }
  out["files"] = std::move(offsets);
  if (is_whole) out["fingerprint"] = FingerprintOf(out);
  // Another place in each process, so no part of what the run is known by.
  out["info"]["artifact_uri"] = run.scratch;
  return out;
}

Status EventFolder::Open(RunFolder& run, bool is_end, bool is_whole, Sink& sink) {
  run.is_wanted = TRY(sink.BeginRuns({RunJson(run, is_end, is_whole)}))
  .front();
  run.is_open = true;
  return Ok();
}

Status EventFolder::SendPoints(RunFolder& run, Sink& sink) {
  for (auto& [key, points] : run.points) {
    // Exact repeats are one point.
    tracking::SortPoints(points);
    if (run.is_wanted) TRY(sink.Points(run.id, key, points));
  }
  run.points.clear();
  run.held = 0;
  return Ok();
}

Status EventFolder::Tell(RunFolder& run, bool is_end, Sink& sink) {
  TRY(WriteLines(run));
  if (run.is_open) {
    TRY(SendPoints(run, sink));
    TRY(sink.EndRuns());
  }
  TRY(Open(run, is_end, true, sink));
  TRY(SendPoints(run, sink));
  TRY(sink.EndRuns());
  run.is_open = false;
  run.is_told = true;
  run.has_news = false;
  return Ok();
}

}  // namespace mw::transfer
