// apply, diff, check, plan: the files that people write.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>

#include "api/native/file_kinds.h"
#include "app/cli/verbs.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

struct FileArguments {
  std::vector<std::string> paths;
  std::vector<std::string> set;
};

Result<std::string> RealPath(const std::string& path) {
  char buffer[PATH_MAX];
  if (realpath(path.c_str(), buffer) == nullptr) return ErrnoError(errno, Cat("looking for ", path));
  return std::string(buffer);
}

/// A file as it is; of a directory its *.yaml files.
Result<std::vector<std::string>> Expand(const std::string& path) {
  const std::string real = TRY(RealPath(path));
  struct stat info {};
  if (stat(real.c_str(), &info) != 0) return ErrnoError(errno, Cat("looking at ", path));
  if (!S_ISDIR(info.st_mode)) return std::vector<std::string>{real};
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(real.c_str()), closedir);
  if (!directory) return ErrnoError(errno, Cat("reading ", path));
  std::vector<std::string> files;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".yaml") || name.ends_with(".yml")) files.push_back(Cat(real, "/", name));
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) return NotFound(path, " has no .yaml file in it");
  return files;
}

Result<Json> ReadFiles(const std::vector<std::string>& paths) {
  Json files = Json::MakeArray();
  for (const std::string& path : paths) {
    for (const std::string& file : TRY(Expand(path))) {
      const std::string text = TRY(ReadFile(file, 1 << 20));
      files.Append(Json::Make({{"path", file}, {"text", text}}));
    }
  }
  return files;
}

Result<Json> Apply(const Options& options, const std::vector<std::string>& paths, bool dry_run) {
  const Json files = TRY(ReadFiles(paths));
  return Call(options, net::Method::kPost, "/api/v1/apply", Json::Make({{"files", files}, {"dry_run", dry_run}}));
}

/// Of what apply leaves as it is: some files are checked and not kept.
std::string_view Untouched(const Json& object) {
  if (object.Find("changed") != nullptr) return "unchanged";
  return object.StringOr("kind", "") == "schema" ? "checked; steps read it from its file"
                                                 : "checked; nothing uses it yet";
}

/// Returns whether anything changes.
bool SayApplied(const Json& answer, bool dry_run) {
  bool any = false;
  for (const Json& object : answer.Find("objects")->AsArray()) {
    const bool changed = object.BoolOr("changed", false);
    any = any || changed;
    const std::string_view done = object.BoolOr("created", false) ? (dry_run ? "would be created" : "created")
                                  : changed                       ? (dry_run ? "would change" : "changed")
                                                                  : Untouched(object);
    Say(Cat(object.StringOr("kind", ""), " ", object.StringOr("name", ""), ": ", done, "\n"));
    if (const Json* changes = object.Find("changes"); changes != nullptr && !object.BoolOr("created", false)) {
      for (const Json& change : changes->AsArray()) {
        Say(Cat("  ", change.StringOr("path", ""), ": ", change.StringOr("before", ""), " -> ",
                change.StringOr("after", ""), "\n"));
      }
    }
    if (const Json* warnings = object.Find("warnings"); warnings != nullptr) {
      for (const Json& warning : warnings->AsArray()) Say(Cat("  warning: ", warning.AsString(), "\n"));
    }
    if (const Json* feasibility = object.Find("feasibility"); feasibility != nullptr) {
      for (const Json& line : feasibility->AsArray()) Say(Cat("  ", line.AsString(), "\n"));
    }
  }
  return any;
}

int RunApply(const Options& options, const std::vector<std::string>& paths) {
  return Print(options, Apply(options, paths, false), [](const Json& answer) { SayApplied(answer, false); });
}

int RunDiff(const Options& options, const std::vector<std::string>& paths) {
  bool any = false;
  const int code =
      Print(options, Apply(options, paths, true), [&](const Json& answer) { any = SayApplied(answer, true); });
  return code == kDone && any ? kFailed : code;
}

int RunCheck(const Options& options, const std::vector<std::string>& paths) {
  const Result<Json> files = ReadFiles(paths);
  if (!files.ok()) return Fail(files.error());
  Json report = Json::MakeArray();
  std::string faults;
  for (const Json& file : files->AsArray()) {
    const std::string path = file.StringOr("path", "");
    const Result<api::native::FileKind> kind = api::native::CheckFile(file.StringOr("text", ""), path);
    if (!kind.ok()) CatTo(faults, kind.error().message, "\n");
    report.Append(Json::Make({{"path", path},
                              {"kind", kind.ok() ? Json(kind->kind) : Json()},
                              {"name", kind.ok() ? Json(kind->name) : Json()},
                              {"error", kind.ok() ? Json() : Json(kind.error().message)}}));
    if (!options.json && kind.ok()) Say(Cat(path, ": ", kind->kind, " ", kind->name, " is right\n"));
  }
  if (options.json) Say(report.DumpPretty());
  if (faults.empty()) return kDone;
  if (!options.json) std::fputs(faults.c_str(), stderr);
  return kWrongInput;
}

void SayPlan(const Json& plan) {
  std::vector<std::vector<std::string>> rows = {{"step", "does", "why", "expected"}};
  for (const Json& step : plan.Find("steps")->AsArray()) {
    const double seconds = step.DoubleOr("expected_seconds", -1);
    rows.push_back({step.StringOr("step", ""), step.StringOr("action", ""), step.StringOr("why", ""),
                    seconds < 0 ? "unknown" : FormatDuration(Duration(static_cast<std::int64_t>(seconds * 1e6)))});
  }
  Say(TextTable(rows));
  if (const Json* notes = plan.Find("notes"); notes != nullptr) {
    for (const Json& note : notes->AsArray()) Say(Cat("note: ", note.AsString(), "\n"));
  }
}

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// The file that a pipeline of that name was applied from.
Result<std::string> AppliedFrom(const Options& options, const std::string& name) {
  const Json answer = TRY(Call(options, net::Method::kGet, "/api/v1/pipelines"));
  for (const Json& pipeline : answer.Find("pipelines")->AsArray()) {
    if (pipeline.StringOr("name", "") == name) return RealPath(pipeline.StringOr("file", ""));
  }
  return NotFound(Quoted(name), " is neither a pipeline's file, a directory that holds one as pipeline.yaml, nor the ",
                  "name of an applied pipeline (`millwright apply -f DIRECTORY` makes it one)");
}

/// A pipeline's file, of a directory its pipeline.yaml, of a name the file that it was applied from.
Result<std::string> PipelineFile(const Options& options, const std::string& word) {
  if (IsDirectory(word)) {
    const std::string file = word + (word.ends_with('/') ? "" : "/") + "pipeline.yaml";
    if (access(file.c_str(), F_OK) == 0) return RealPath(file);
  } else if (access(word.c_str(), F_OK) == 0) {
    return RealPath(word);
  }
  return AppliedFrom(options, word);
}

int RunPlan(const Options& options, const FileArguments& arguments) {
  const Result<std::string> path = PipelineFile(options, arguments.paths.front());
  if (!path.ok()) return Fail(path.error());
  const Result<std::string> text = ReadFile(*path, 1 << 20);
  if (!text.ok()) return Fail(text.error());
  Json set = Json::MakeArray();
  for (const std::string& pair : arguments.set) set.Append(pair);
  return Print(
      options,
      Call(options, net::Method::kPost, "/api/v1/plan", Json::Make({{"path", *path}, {"text", *text}, {"set", set}})),
      SayPlan);
}

}  // namespace

void AddFileVerbs(const Registrar& registrar) {
  const auto arguments = std::make_shared<FileArguments>();
  const Options& options = registrar.options;
  const auto add_paths = [&](CLI::App* command) {
    command->add_option("-f,--file,path", arguments->paths, "File, or directory of .yaml files")->required();
  };
  add_paths(registrar.Add("apply", "Make goals and pipelines what these files say",
                          "millwright apply -f examples/flights",
                          [&options, arguments] { return RunApply(options, arguments->paths); }));
  add_paths(registrar.Add("diff", "Show what apply would change; exit code 1 when anything",
                          "millwright diff -f examples/flights",
                          [&options, arguments] { return RunDiff(options, arguments->paths); }));
  add_paths(registrar.Add("check", "Check files without a server; exit code 2 when anything is wrong",
                          "millwright check examples/flights",
                          [&options, arguments] { return RunCheck(options, arguments->paths); }));
  CLI::App* plan = registrar.Add("plan", "Show what a run of this pipeline would do: order, cache, expected time",
                                 "millwright plan examples/flights/pipeline.yaml --set train_until=2013-07-01",
                                 [&options, arguments] { return RunPlan(options, *arguments); });
  plan->add_option("-f,--file,path", arguments->paths,
                   "Pipeline file, directory with a pipeline.yaml, or name of an applied pipeline")
      ->required()
      ->expected(1);
  plan->add_option("--set", arguments->set, "NAME=VALUE of a pipeline's parameter");
}

}  // namespace mw::app::cli
