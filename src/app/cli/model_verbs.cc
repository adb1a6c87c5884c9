// goals, models: what is wanted and what there is.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <limits>
#include <map>
#include <memory>

#include "app/cli/goal_strip.h"
#include "app/cli/verbs.h"
#include "app/config.h"
#include "app/programs.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

using net::Method;

std::string Measured(const Json& object, std::string_view key) {
  const Json* value = object.Find(key);
  return value != nullptr && value->IsNumber() ? Fixed(value->AsDouble(), 3) : "-";
}

std::string Interval(const Json& verdict) {
  const Json* low = verdict.Find("low");
  if (low == nullptr || !low->IsNumber()) return "";
  return Cat("[", Measured(verdict, "low"), ", ", Measured(verdict, "high"), "]");
}

/// "MISSED in Jul 2013 and 2 before": how it does where it counts.
std::string InProduction(const Json& goal) {
  const Json* production = goal.Find("production");
  std::string state = production == nullptr ? "" : production->StringOr("state", "");
  if (state == "met") return state;
  if (state != "missed") return "not measured yet";
  const Json::Array& windows = production->Find("missed_in")->AsArray();
  std::string out = "MISSED";
  if (!windows.empty()) CatTo(out, " in ", windows.back().AsString());
  return windows.size() > 1 ? Cat(out, " and ", windows.size() - 1, " before") : out;
}

/// "met, 2013-07-01": what the last evaluation said before anything was served.
std::string AtEvaluation(const Json& goal) {
  const std::string judged = goal.StringOr("judged", "");
  if (judged.empty()) return "never";
  const std::int64_t missed = goal.IntOr("missed", 0);
  return Cat(missed == 0 ? std::string("met") : Cat(missed, " missed"), ", ", judged.substr(0, 10));
}

void SayGoals(const Json& answer) {
  std::vector<std::vector<std::string>> rows = {
      {"goal", "model", "targets", "in production", "at evaluation", "outcome"}};
  for (const Json& goal : answer.Find("goals")->AsArray()) {
    rows.push_back({goal.StringOr("name", ""), goal.StringOr("model", ""), Cat(goal.IntOr("targets", 0)),
                    InProduction(goal), AtEvaluation(goal), goal.StringOr("outcome", "")});
  }
  Say(rows.size() > 1 ? TextTable(rows)
                      : "no goal yet; write one (docs/guide/files.md) and: millwright apply -f goal.yaml\n");
}

void SayGoal(const Json& answer, std::size_t columns) {
  const Json& goal = *answer.Find("goal");
  Say(Cat(goal.StringOr("goal", ""), ": ", goal.StringOr("outcome", ""), "\n"));
  Say(Cat("owner ", goal.StringOr("owner", "-"), ", model ", goal.StringOr("model", "-"), ", version ",
          answer.IntOr("version", 0), "\n\n"));
  const Json* production = answer.Find("production");
  if (production != nullptr && !production->Find("windows")->AsArray().empty()) {
    Say(GoalStrip(*production, columns));
    return;
  }
  const Json::Array& verdicts = answer.Find("verdicts")->AsArray();
  if (verdicts.empty()) {
    Say("no model was held against it yet; run its pipeline\n");
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"target", "need", "model", "", "no model", "trivial", "outcome", "a miss costs"}};
  for (const Json& row : verdicts) {
    const Json& verdict = *row.Find("verdict");
    rows.push_back({row.StringOr("target", ""), verdict.StringOr("need", ""), Measured(verdict, "value"),
                    Interval(verdict), Measured(verdict, "no_model"), Measured(verdict, "trivial_model"),
                    row.StringOr("outcome", ""), verdict.StringOr("miss_costs", "")});
  }
  Say(TextTable(rows));
  const Json& last = verdicts.back();
  Say(Cat("\njudged ", last.StringOr("recorded_at", ""), " at stage ", last.StringOr("stage", ""), "\n"));
}

// The goal, with how it does in production as its member "production".
Result<Json> GoalInAll(const Options& options, const std::string& name) {
  const std::string target = "/api/v1/goals/" + net::PercentEncode(name);
  Json answer = TRY(Call(options, Method::kGet, target));
  answer["production"] = TRY(Call(options, Method::kGet, target + "/production"));
  return answer;
}

struct GoalArguments {
  std::string goal;
  bool all = false;
  std::size_t windows = 0;
};

int RunGoals(const Options& options, const GoalArguments& arguments) {
  const std::string& name = arguments.goal;
  const std::size_t columns = arguments.all ? std::numeric_limits<std::size_t>::max() : arguments.windows;
  if (name.empty()) return Print(options, Call(options, Method::kGet, "/api/v1/goals"), SayGoals);
  return Print(options, GoalInAll(options, name), [columns](const Json& answer) { SayGoal(answer, columns); });
}

void SayModels(const Json& answer) {
  std::vector<std::vector<std::string>> rows = {{"model", "latest", "aliases"}};
  for (const Json& model : answer.Find("models")->AsArray()) {
    std::string aliases;
    for (const Json& alias : model.Find("aliases")->AsArray()) {
      CatTo(aliases, aliases.empty() ? "" : ", ", alias.StringOr("alias", ""), "=", alias.IntOr("version", 0));
    }
    rows.push_back({model.StringOr("name", ""), Cat(model.IntOr("latest", 0)), aliases});
  }
  Say(rows.size() > 1
          ? TextTable(rows)
          : "no model yet; a pipeline with a register step makes one, or: millwright register MODEL FILE\n");
}

void SayModel(const Json& answer) {
  std::vector<std::vector<std::string>> rows = {{"version", "created", "roc_auc", "ece", "run", "package", "aliases"}};
  for (const Json& version : answer.Find("versions")->AsArray()) {
    const Json* metrics = version.Find("metrics");
    const Json none = Json::MakeObject();
    const Json& shown = metrics == nullptr ? none : *metrics;
    std::string aliases;
    for (const Json& alias : version.Find("aliases")->AsArray()) {
      CatTo(aliases, aliases.empty() ? "" : ", ", alias.AsString());
    }
    rows.push_back({Cat(version.IntOr("version", 0)), version.StringOr("created", ""), Measured(shown, "roc_auc"),
                    Measured(shown, "ece"), version.StringOr("run_id", ""),
                    version.StringOr("package", "").substr(0, 19), aliases});
  }
  Say(TextTable(rows));
}

int RunModels(const Options& options, const std::string& name) {
  if (name.empty()) return Print(options, Call(options, Method::kGet, "/api/v1/models"), SayModels);
  return Print(options, Call(options, Method::kGet, "/api/v1/models/" + net::PercentEncode(name)), SayModel);
}

struct RegisterArguments {
  std::string model;
  std::string path;
  /// By flag, as the program that packs takes them; empty: not given.
  std::map<std::string, std::string> values;
};

/// Models are tried out by the program that may run their libraries; this one never opens them.
Status Register(const Options& options, const RegisterArguments& arguments) {
  const std::string program = TRY(ProgramPath("mw-step"));
  const std::string url = TRY(ControlUrl(options));
  Flags flags;
  flags.home = options.home;
  const std::string state = TRY(LoadConfig(flags))
  .ServePath();
  std::vector<std::string> words = {program, "bring", arguments.model, arguments.path, "--url", url, "--state", state};
  for (const auto& [flag, value] : arguments.values) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  }
  if (options.json) words.emplace_back("--json");
  return Become(options, std::move(words));
}

void AddRegisterVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto arguments = std::make_shared<RegisterArguments>();
  CLI::App* verb = registrar.Add("register", "Register a model that was trained elsewhere, after trying it out",
                                 "millwright register churn ./model.txt --schema schema.yaml --threshold 0.3",
                                 [&options, arguments] { return Fail(Register(options, *arguments).error()); });
  verb->add_option("model", arguments->model, "The registered model's name; made when it is new")->required();
  verb->add_option(
          "path", arguments->path,
          "XGBoost (.json, .ubj), LightGBM (.txt), ONNX, a directory of MLflow's or of a Triton server's model, or the "
          "files of a registered version: models:/NAME/3")
      ->required();
  const auto add = [&](const char* flag, const char* about) { verb->add_option(flag, arguments->values[flag], about); };
  add("--schema", "schema.yaml: columns and vocabularies of a model of trees");
  add("--threshold", "From this probability on the decision is yes");
  add("--warm-up", "Rows or requests with the answers of the library that trained it (docs/guide/register.md)");
  add("--alias", "An alias for the version; candidate when not given, or none");
  add("--python", "Interpreter that has what an MLflow model needs; else an environment is made");
}

}  // namespace

void AddModelVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto goal = std::make_shared<GoalArguments>();
  CLI::App* goals =
      registrar.Add("goals", "Show goals, or one goal with every target held against the model",
                    "millwright goals late-departures", [&options, goal] { return RunGoals(options, *goal); });
  goals->add_option("goal", goal->goal, "A goal's name");
  goals->add_flag("--all", goal->all, "Show every window, however wide the table gets");
  goals->add_option("--windows", goal->windows, "Show that many windows, the latest");
  AddRegisterVerb(registrar);
  const auto model = std::make_shared<std::string>();
  registrar
      .Add("models", "Show registered models, or one model's versions", "millwright models late-departures",
           [&options, model] { return RunModels(options, *model); })
      ->add_option("model", *model, "A model's name");
}

}  // namespace mw::app::cli
