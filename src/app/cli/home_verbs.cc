// backup, restore: a home in one file, and back.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "app/backup.h"
#include "app/cli/verbs.h"
#include "app/sizes.h"
#include "base/clock.h"
#include "base/text.h"

namespace mw::app::cli {
namespace {

struct RestoreArguments {
  std::string file;
  bool check = false;
};

/// "millwright-20130714-031000.tar"
std::string DefaultName(Timestamp now) {
  std::string digits;
  for (const char c : FormatTime(now).substr(0, 19)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  return Cat("millwright-", digits.substr(0, 8), "-", digits.substr(8), ".tar");
}

int RunBackup(const Options& options, std::string file) {
  const RealClock clock;
  const Duration begin = clock.Elapsed();
  Flags flags;
  flags.home = options.home;
  const Result<Config> config = LoadConfig(flags);
  if (!config.ok()) return Fail(config.error());
  if (file.empty()) file = DefaultName(clock.Now());
  const Result<BackupReport> report = WriteBackup(*config, file, clock);
  if (!report.ok()) return Fail(report.error());
  if (options.json) {
    Say(Json::Make({{"file", report->file}, {"files", report->files}, {"bytes", report->bytes}}).DumpPretty());
    return kDone;
  }
  Say(Cat(report->file, ": ", WithThousands(report->files), " files, ", Megabytes(report->bytes), " in ",
          FormatDuration(clock.Elapsed() - begin),
          "\nIt holds the home's tokens: keep it as safe as the home. Try it: ", "millwright restore ", file,
          " --check\n"));
  return kDone;
}

Json ToJson(const RestoreReport& report) {
  return Json::Make({{"created", FormatTime(report.created)},
                     {"from", report.from},
                     {"files", report.files},
                     {"bytes", report.bytes},
                     {"open_steps", report.open_steps},
                     {"endpoints", report.deployments}});
}

int RunRestore(const Options& options, const RestoreArguments& arguments) {
  const RealClock clock;
  const Result<std::string> home = HomeDirectory(options.home);
  if (!home.ok()) return Fail(home.error());
  const Result<RestoreReport> report =
      arguments.check ? CheckBackup(arguments.file, clock) : RestoreBackup(arguments.file, *home, clock);
  if (!report.ok()) return Fail(report.error());
  if (options.json) {
    Say(ToJson(*report).DumpPretty());
    return kDone;
  }
  Say(Cat(WithThousands(report->files), " files, ", Megabytes(report->bytes), ", of ", report->from, " at ",
          FormatTime(report->created), "; every digest agrees, the database is intact, ", report->deployments,
          " endpoints have their packages\n"));
  if (report->open_steps > 0) Say(Cat(report->open_steps, " steps were running then and will be tried again\n"));
  Say(arguments.check ? "it could be restored; nothing was kept\n"
                      : Cat("start it: millwright up --home ", *home, "\n"));
  return kDone;
}

}  // namespace

void AddHomeVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto file = std::make_shared<std::string>();
  CLI::App* backup = registrar.Add("backup", "Write the whole home into one file, also while it is in use",
                                   "millwright backup /backups/millwright.tar",
                                   [&options, file] { return RunBackup(options, *file); });
  backup->add_option("file", *file, "A new file; else millwright-DATE-TIME.tar here");

  const auto restore = std::make_shared<RestoreArguments>();
  CLI::App* restore_command =
      registrar.Add("restore", "Make a home out of a backup", "millwright restore millwright.tar --home ~/restored",
                    [&options, restore] { return RunRestore(options, *restore); });
  restore_command->add_option("file", restore->file, "What `millwright backup` wrote")->required();
  restore_command->add_flag("--check", restore->check, "Only prove that it could be restored; keeps nothing");
}

}  // namespace mw::app::cli
