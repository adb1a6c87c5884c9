// mw-step: runs one built-in step (`mw-step NAME TASK.json`) or one verb that reads data files.
// Exit codes: 0 done, 1 failed and may be tried again, 2 bad input, 3 a gate said no. The last line on
// stderr says why.
#include <cstdio>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "steps/steps.h"

namespace {

using mw::steps::ExitCode;

constexpr std::size_t kTaskLimitBytes = std::size_t{4} << 20;

void Print(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

int List() {
  for (const auto& entry : mw::steps::AllSteps()) Print(stdout, mw::Cat(entry.name, "\t", entry.about, "\n"));
  for (const auto& entry : mw::steps::AllTools()) Print(stdout, mw::Cat(entry.name, "\t", entry.about, "\n"));
  return 0;
}

int Usage() {
  Print(stderr, "usage: mw-step NAME TASK.json | mw-step --list\n");
  return static_cast<int>(ExitCode::kBadInput);
}

mw::Result<ExitCode> RunStep(const mw::steps::StepEntry& entry, const std::string& task_path) {
  const std::string text = TRY(mw::ReadFile(task_path, kTaskLimitBytes));
  const mw::steps::StepTask task = TRY(mw::steps::ParseTask(text).In(task_path));
  const mw::steps::StepResult result = TRY(entry.run(task));
  TRY(mw::steps::WriteResult(task, result));
  Print(stdout, result.summary + "\n");
  return result.gate_failed ? ExitCode::kGateFailed : ExitCode::kDone;
}

int Fail(const mw::Error& error) {
  Print(stderr, error.ToString() + "\n");
  return static_cast<int>(mw::steps::ExitCodeOf(error));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return Usage();
  if (arguments[0] == "--list") return List();
  for (const auto& tool : mw::steps::AllTools()) {
    if (tool.name != arguments[0]) continue;
    const mw::Status status = tool.run({arguments.begin() + 1, arguments.end()});
    return status.ok() ? 0 : Fail(status.error());
  }
  const auto entry = mw::steps::FindStep(arguments[0]);
  if (!entry.ok()) return Fail(entry.error());
  if (arguments.size() != 2) return Usage();
  const auto code = RunStep(**entry, arguments[1]);
  return code.ok() ? static_cast<int>(*code) : Fail(code.error());
}
