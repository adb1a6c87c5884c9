// storage, gc, retention: what experiments take, taking what was deleted away, and how long runs stay.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <optional>

#include "app/cli/verbs.h"
#include "app/sizes.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

using net::Method;

constexpr std::chrono::minutes kCollectionTimeout{60};

// ---- storage ----

void SaySizes(const Json& answer) {
  std::vector<std::vector<std::string>> rows = {
      {"id", "experiment", "runs", "deleted", "files", "artifacts", "points"}};
  for (const Json& row : answer.Find("experiments")->AsArray()) {
    const bool deleted = row.StringOr("stage", "") == "deleted";
    rows.push_back({row.StringOr("experiment_id", ""), Cat(row.StringOr("name", ""), deleted ? " (deleted)" : ""),
                    WithThousands(row.IntOr("runs", 0)), WithThousands(row.IntOr("deleted_runs", 0)),
                    WithThousands(row.IntOr("files", 0)), Megabytes(row.IntOr("artifact_bytes", 0)),
                    Megabytes(row.IntOr("point_bytes", 0))});
  }
  Say(TextTable(rows));
}

// ---- gc ----

struct GcArguments {
  std::string older_than, grace;
  std::vector<std::string> experiments, runs;
  bool dry_run = false, orphans = false;
};

Json ListOf(const std::vector<std::string>& texts) {
  Json list = Json::MakeArray();
  for (const std::string& text : texts) list.Append(text);
  return list;
}

Result<Json> CollectGarbage(const Options& options, const GcArguments& arguments) {
  Json body = Json::Make({{"dry_run", arguments.dry_run}, {"orphans", arguments.orphans}});
  if (!arguments.older_than.empty()) body["older_than"] = arguments.older_than;
  if (!arguments.grace.empty()) body["grace"] = arguments.grace;
  if (!arguments.experiments.empty()) body["experiment_ids"] = ListOf(arguments.experiments);
  if (!arguments.runs.empty()) body["run_ids"] = ListOf(arguments.runs);
  net::HttpClient client = TRY(Connect(options, kCollectionTimeout));
  return client.Call(Method::kPost, "/api/v1/gc", body);
}

void SayCollected(const Json& answer, bool dry_run) {
  const std::size_t runs = answer.Find("runs")->AsArray().size();
  const std::size_t models = answer.Find("models")->AsArray().size();
  const std::size_t experiments = answer.Find("experiments")->AsArray().size();
  for (const Json& kept : answer.Find("kept")->AsArray()) {
    Say(Cat("kept ", kept.StringOr("id", ""), ": ", kept.StringOr("reason", ""), "\n"));
  }
  Say(Cat(dry_run ? "would purge " : "purged ", runs, " runs, ", models, " logged models and ", experiments,
          " experiments; ", dry_run ? "would delete " : "deleted ", WithThousands(answer.IntOr("blobs", 0)), " blobs, ",
          Megabytes(answer.IntOr("blob_bytes", 0)), "\n"));
  if (const std::int64_t waiting = answer.IntOr("blobs_waiting", 0); waiting > 0) {
    Say(Cat(waiting, " blobs were stored so recently that they are deleted by themselves later\n"));
  }
}

// ---- retention ----

struct RuleArguments {
  std::string experiment;
  std::optional<std::int64_t> keep_days, keep_last, trash_days;
  bool none = false;
};

Result<Json> Retention(const Options& options, const RuleArguments& arguments) {
  constexpr const char* kPath = "/api/v1/retention";
  Json body = Json::MakeObject();
  if (arguments.keep_days) body["keep_days"] = *arguments.keep_days;
  if (arguments.keep_last) body["keep_last"] = *arguments.keep_last;
  if (arguments.trash_days) body["trash_days"] = *arguments.trash_days;
  if (arguments.experiment.empty()) {
    if (body.AsObject().empty() && !arguments.none) return Call(options, Method::kGet, kPath);
    return InvalidArgument("name the experiment, by its id, or '*' for all that have no rule of their own");
  }
  const std::string target = Cat(kPath, "/", net::PercentEncode(arguments.experiment));
  if (arguments.none) TRY(Call(options, Method::kDelete, target));
  if (!body.AsObject().empty()) TRY(Call(options, Method::kPut, target, body));
  return Call(options, Method::kGet, kPath);
}

std::string LimitText(const Json& row, std::string_view key) {
  const Json* limit = row.Find(key);
  return limit == nullptr || limit->IsNull() ? "-" : Cat(limit->AsInt());
}

void SayRules(const Json& answer) {
  std::vector<std::vector<std::string>> rows = {{"experiment", "keep days", "keep last", "days in the trash"}};
  for (const Json& row : answer.Find("rules")->AsArray()) {
    rows.push_back({row.StringOr("experiment_id", ""), LimitText(row, "keep_days"), LimitText(row, "keep_last"),
                    LimitText(row, "trash_days")});
  }
  Say(rows.size() == 1 ? "no rules: runs stay until somebody deletes them\n" : TextTable(rows));
}

}  // namespace

void AddStorageVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  registrar.Add("storage", "What each experiment takes", "millwright storage",
                [&options] { return Print(options, Call(options, Method::kGet, "/api/v1/storage"), SaySizes); });

  const auto gc = std::make_shared<GcArguments>();
  CLI::App* gc_command = registrar.Add("gc", "Take deleted runs and experiments away, with their metrics and artifacts",
                                       "millwright gc --older-than 30d --orphans", [&options, gc] {
                                         return Print(options, CollectGarbage(options, *gc),
                                                      [gc](const Json& answer) { SayCollected(answer, gc->dry_run); });
                                       });
  gc_command->add_option("--older-than", gc->older_than, "Only what was deleted so long ago, e.g. 30d");
  gc_command->add_option("--experiment", gc->experiments, "Only of this experiment, by its id; may be repeated");
  gc_command->add_option("--run", gc->runs, "Only this run, by its id; may be repeated");
  gc_command->add_flag("--orphans", gc->orphans, "Also delete every stored file that nothing names");
  gc_command->add_option("--grace", gc->grace, "Leave files alone that were stored so recently (1h)");
  gc_command->add_flag("--dry-run", gc->dry_run, "Only say what would go");

  const auto rule = std::make_shared<RuleArguments>();
  CLI::App* rule_command = registrar.Add("retention", "How long runs stay: show the rules, or set one",
                                         "millwright retention 3 --keep-days 90 --keep-last 100", [&options, rule] {
                                           return Print(options, Retention(options, *rule), SayRules);
                                         });
  rule_command->add_option("experiment", rule->experiment, "Its id; '*': all without a rule of their own");
  rule_command->add_option("--keep-days", rule->keep_days, "Delete runs that ended longer ago");
  rule_command->add_option("--keep-last", rule->keep_last, "... and are not among so many newest");
  rule_command->add_option("--trash-days", rule->trash_days, "Purge what was deleted longer ago");
  rule_command->add_flag("--none", rule->none, "Remove the rule");
}

}  // namespace mw::app::cli
