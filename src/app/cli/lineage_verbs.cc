// lineage, record, compare, reproduce, baseline, note: where things come from, what differs, what people say of them.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "app/cli/comparison_text.h"
#include "app/cli/verbs.h"
#include "base/text.h"

namespace mw::app::cli {
namespace {

using net::Method;

struct LineageArguments {
  std::string of;
  bool reached = false;
};

int RunLineage(const Options& options, const LineageArguments& arguments) {
  const std::string of = net::PercentEncode(arguments.of);
  const std::string_view what = arguments.reached ? "impact" : "origin";
  const Result<Json> answer = Call(options, Method::kGet, Cat("/api/v1/lineage/", what, "?of=", of));
  if (options.json || !answer.ok()) return Print(options, answer, [](const Json&) {});
  return Print(options, Call(options, Method::kGet, Cat("/api/v1/lineage?direction=downstream&hops=2&of=", of)),
               [&](const Json& graph) {
                 Say(Cat(arguments.reached ? ImpactText(*answer) : OriginText(*answer), RecordsText(graph)));
               });
}

struct RecordArguments {
  std::string type, by, note;
  std::vector<std::string> on;
};

int RunRecord(const Options& options, const RecordArguments& arguments) {
  Json on = Json::MakeArray();
  for (const std::string& reference : arguments.on) on.Append(reference);
  Json body = Json::Make({{"type", arguments.type}, {"on", std::move(on)}, {"note", arguments.note}});
  if (!arguments.by.empty()) body["by"] = arguments.by;
  return Print(options, Call(options, Method::kPost, "/api/v1/lineage/records", body), [&](const Json& answer) {
    Say(Cat("recorded ", arguments.type, " of ", Join(arguments.on, ", "), ": ", answer.StringOr("execution", ""),
            "\n"));
  });
}

struct CompareArguments {
  std::string a, b;
  bool all = false;
};

/// With one name it is held against its baseline.
int RunCompare(const Options& options, const CompareArguments& arguments) {
  const std::string target = arguments.b.empty() ? Cat("/api/v1/compare?b=", net::PercentEncode(arguments.a))
                                                 : Cat("/api/v1/compare?a=", net::PercentEncode(arguments.a),
                                                       "&b=", net::PercentEncode(arguments.b));
  return Print(options, Call(options, Method::kGet, target),
               [&](const Json& answer) { Say(ComparisonText(answer, arguments.all)); });
}

int RunReproduce(const Options& options, const std::string& of) {
  return Print(options, Call(options, Method::kGet, Cat("/api/v1/runs/", net::PercentEncode(of), "/reproduce")),
               [](const Json& answer) { Say(RecipeText(answer)); });
}

struct BaselineArguments {
  std::string experiment, run;
  bool remove = false;
};

int RunBaseline(const Options& options, const BaselineArguments& arguments) {
  const std::string target = Cat("/api/v1/experiments/", net::PercentEncode(arguments.experiment), "/baseline");
  const Method method = arguments.remove ? Method::kDelete : arguments.run.empty() ? Method::kGet : Method::kPut;
  const Json body = method == Method::kPut ? Json::Make({{"run", arguments.run}}) : Json();
  return Print(options, Call(options, method, target, body), [&](const Json& answer) {
    const std::string run = answer.StringOr("run", "");
    Say(Cat("experiment ", arguments.experiment, run.empty() ? " has no baseline" : Cat(": baseline ", run), "\n"));
  });
}

struct NoteArguments {
  std::string of, text;
};

/// MLflow's tag for notes, so that its own pages show them too.
int RunNote(const Options& options, const NoteArguments& arguments) {
  constexpr std::string_view kExperiment = "experiment:", kRun = "run:";
  Json body = Json::Make({{"key", "mlflow.note.content"}, {"value", arguments.text}});
  std::string target = "/api/2.0/mlflow/runs/set-tag";
  if (arguments.of.starts_with(kExperiment)) {
    target = "/api/2.0/mlflow/experiments/set-experiment-tag";
    body["experiment_id"] = arguments.of.substr(kExperiment.size());
  } else {
    body["run_id"] = arguments.of.starts_with(kRun) ? arguments.of.substr(kRun.size()) : arguments.of;
  }
  return Print(options, Call(options, Method::kPost, target, body), [](const Json&) { Say("noted\n"); });
}

void AddCompareVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto compare = std::make_shared<CompareArguments>();
  CLI::App* verb =
      registrar.Add("compare", "Show what differs between two versions or runs, in what went in and in what came out",
                    "millwright compare late-departures@1 late-departures@2",
                    [&options, compare] { return RunCompare(options, *compare); });
  verb->add_option("a", compare->a, "MODEL@VERSION or a run's id; alone: held against its experiment's baseline")
      ->required();
  verb->add_option("b", compare->b, "The other one");
  verb->add_flag("--all", compare->all, "Show what is the same too");
  const auto of = std::make_shared<std::string>();
  registrar
      .Add("reproduce", "Print the commands that make a run again, and what is missing",
           "millwright reproduce late-departures@2", [&options, of] { return RunReproduce(options, *of); })
      ->add_option("of", *of, "A run's id or MODEL@VERSION")
      ->required();
  const auto baseline = std::make_shared<BaselineArguments>();
  CLI::App* pin = registrar.Add("baseline", "Pin the run that others of an experiment are compared with",
                                "millwright baseline 3 0192a7c0...",
                                [&options, baseline] { return RunBaseline(options, *baseline); });
  pin->add_option("experiment", baseline->experiment, "An experiment's id")->required();
  pin->add_option("run", baseline->run, "A run's id; without one the pinned run is shown");
  pin->add_flag("--remove", baseline->remove, "Pin none");
}

}  // namespace

void AddLineageVerbs(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto lineage = std::make_shared<LineageArguments>();
  CLI::App* verb = registrar.Add("lineage", "Show what something was made of and by, or what it reached",
                                 "millwright lineage late-departures@2",
                                 [&options, lineage] { return RunLineage(options, *lineage); });
  verb->add_option(
          "of", lineage->of,
          "MODEL@VERSION, run:ID, endpoint:NAME, sha256:DIGEST, TYPE:TITLE, TYPE:TITLE@DIGEST or an id of lineage")
      ->required();
  verb->add_flag("--reached", lineage->reached, "What was made from it: versions, live endpoints");
  const auto record = std::make_shared<RecordArguments>();
  CLI::App* said = registrar.Add("record", "Record something of your own in lineage: a sign-off, a review",
                                 "millwright record sign-off --version late-departures@2 --by Ann --note \"ready\"",
                                 [&options, record] { return RunRecord(options, *record); });
  said->add_option("type", record->type, "What it is: sign-off, review, ...")->required();
  said->add_option("--on,--version", record->on, "What it is about, as `lineage` takes it; may be repeated")
      ->required();
  said->add_option("--by", record->by, "Who says so");
  said->add_option("--note", record->note, "In Markdown");
  AddCompareVerbs(registrar);
  const auto note = std::make_shared<NoteArguments>();
  CLI::App* noted = registrar.Add("note", "Write a note in Markdown on a run or an experiment",
                                  "millwright note run:0192a7c0... \"kept for the audit\"",
                                  [&options, note] { return RunNote(options, *note); });
  noted->add_option("of", note->of, "run:ID, a run's id, or experiment:ID")->required();
  noted->add_option("text", note->text, "The note; takes the place of the one before")->required();
}

}  // namespace mw::app::cli
