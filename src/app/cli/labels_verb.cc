// labels: what really happened, from a file; or how much of it is known.
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <memory>

#include "app/cli/verbs.h"
#include "app/programs.h"
#include "base/clock.h"
#include "base/text.h"
#include "wire/label_names.h"

namespace mw::app::cli {
namespace {

using net::Method;

struct LabelArguments {
  std::string endpoint;
  std::string file;
  std::string id;
  std::string key;
  std::string label;
  std::string time;
};

/// Files are read by the program that links the libraries for them.
Status Send(const Options& options, const LabelArguments& arguments) {
  const std::string program = TRY(ProgramPath("mw-step"));
  const std::string labels_to = TRY(ControlUrl(options));
  std::vector<std::string> words = {program,       "labels", arguments.file, "--endpoint", arguments.endpoint,
                                    "--labels-to", labels_to};
  for (const auto& [flag, value] : {std::pair("--id", &arguments.id), std::pair("--key", &arguments.key),
                                    std::pair("--label", &arguments.label), std::pair("--time", &arguments.time)}) {
    if (!value->empty()) words.insert(words.end(), {flag, *value});
  }
  if (options.json) words.emplace_back("--json");
  return Become(options, words);
}

std::string Delay(const Json& delays, std::string_view quantile) {
  const double seconds = delays.DoubleOr(quantile, -1);
  return seconds < 0 ? "-" : FormatDuration(Duration(static_cast<std::int64_t>(seconds * 1e6)));
}

void SayKept(const Json& coverage) {
  const Json* recorded = coverage.Find("recorded");
  if (recorded == nullptr) return;
  const std::string kept = wire::KeptSentence(recorded->IntOr("rows", 0), recorded->IntOr("kept", 0));
  if (!kept.empty()) Say(kept + "\n");
}

void SayForeign(const Json& coverage) {
  const Json* classes = coverage.Find("foreign_classes");
  if (classes == nullptr || !classes->IsArray()) return;
  for (const Json& one : classes->AsArray()) {
    const std::string nearest = one.StringOr("did_you_mean", "");
    Say(Cat("the version that answers has no class ", Quoted(one.StringOr("name", "")),
            nearest.empty() ? "" : Cat("; did a label mean ", Quoted(nearest), "?"), "\n"));
  }
}

void SayCoverage(const Json& coverage) {
  const Json& delays = *coverage.Find("delay_s");
  Say(Cat(WithThousands(coverage.IntOr("labelled", 0)), " of ", WithThousands(coverage.IntOr("predictions", 0)),
          " predictions have their label (", Fixed(100 * coverage.DoubleOr("coverage", 0), 1),
          " %)\ndelay (event time)  half within ", Delay(delays, "p50"), ", 95 % within ", Delay(delays, "p95"),
          ", the last after ", Delay(delays, "max"), "\nlabels sent twice ",
          WithThousands(coverage.IntOr("duplicates", 0)), ", contradicting ",
          WithThousands(coverage.IntOr("contradictions", 0)), ", waiting for their prediction ",
          WithThousands(coverage.IntOr("unknown", 0)), ", given up ", WithThousands(coverage.IntOr("expired", 0)),
          ", too late ", WithThousands(coverage.IntOr("too_late", 0)), "\n"));
  SayKept(coverage);
  const Json* classes = coverage.Find("classes");
  if (classes == nullptr || !classes->IsArray() || classes->AsArray().empty()) return;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < classes->AsArray().size(); ++i) {
    names.push_back(Cat(i, " ", classes->AsArray()[i].AsString()));
  }
  Say(Cat("classes by number  ", Join(names, ", "), "\n"));
  SayForeign(coverage);
}

int RunLabels(const Options& options, const LabelArguments& arguments) {
  // Where sending succeeds, another program has taken over.
  if (!arguments.file.empty()) return Fail(Send(options, arguments).error());
  return Print(
      options,
      Call(options, Method::kGet, Cat("/api/v1/endpoints/", net::PercentEncode(arguments.endpoint), "/labels")),
      SayCoverage);
}

}  // namespace

void AddLabelsVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto arguments = std::make_shared<LabelArguments>();
  CLI::App* command = registrar.Add("labels", "Bring what really happened, or see how much of it is known",
                                    "millwright labels late-departures --file labels.csv --key flight_id --label late",
                                    [&options, arguments] { return RunLabels(options, *arguments); });
  command->add_option("endpoint", arguments->endpoint, "An endpoint's name")->required();
  command->add_option("--file", arguments->file, "CSV, Parquet, NDJSON or a dataset; without it: what is known");
  command->add_option("--id", arguments->id, "Column with the prediction's id; else prediction_id");
  command->add_option("--key", arguments->key, "Column with the entity's key; else key");
  command->add_option("--label", arguments->label, "Column with what happened, as in the model's data; else label");
  command->add_option("--time", arguments->time, "Column with the time since when it is known; else time");
}

}  // namespace mw::app::cli
