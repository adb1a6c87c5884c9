// gate: report -> verdict. Passes, or ends with exit code 3 and the table of checks: the goal's targets, the
// trivial model, and the version in production.
//
// With the inputs model and rows, candidate and production are scored on the same rows and compared pair
// by pair; without them production's recorded metrics stand in.
#include <cstdio>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "evaluation/answers.h"
#include "evaluation/gate.h"
#include "steps/control_plane.h"
#include "steps/data_task.h"
#include "steps/encoded_rows.h"
#include "steps/run_log.h"
#include "steps/scoring.h"
#include "steps/step_options.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::size_t kReportBytesMax = std::size_t{64} << 20;
constexpr std::string_view kProduction = "production";

Result<evaluation::Report> ReadReport(const StepTask& task) {
  const std::string path = TRY(task.Input("report"));
  return evaluation::ReportFromJson(TRY(Json::Parse(TRY(ReadFile(path, kReportBytesMax))).In(path)));
}

Result<evaluation::GateOptions> ReadOptions(const StepTask& task) {
  evaluation::GateOptions options;
  const std::string targets = TRY(TextOption(task, "targets", "goal"));
  if (targets != "goal") return InvalidArgument("with.targets is ", Quoted(targets), "; write goal");
  const std::string against = TRY(TextOption(task, "against", ""));
  if (!against.empty() && against != kProduction) {
    return InvalidArgument("with.against is ", Quoted(against), "; write production, or leave it out");
  }
  options.against_production = !against.empty();
  options.rows_min = TRY(WholeOption(task, "rows_min", static_cast<int>(options.rows_min), {1, 1'000'000'000}));
  const Json* margins = task.with.Find("margin");
  if (margins == nullptr || margins->IsNull()) return options;
  if (!margins->IsObject()) return InvalidArgument("with.margin is ", margins->Dump(), "; write {roc_auc: 0.005}");
  for (const auto& [metric, margin] : margins->AsObject()) {
    options.margins[metric] = TRY(margins->GetDouble(metric).In("with.margin"));
  }
  return options;
}

// The blocks of the report, so that gate and report count the same independent units.
std::vector<std::string> BlockColumns(const evaluation::Report& report) {
  std::vector<std::string> columns;
  std::string_view left = report.block;
  if (left == "row") return columns;
  while (!left.empty()) {
    const std::size_t cut = left.find(" x ");
    const std::string_view part = left.substr(0, cut);
    if (!part.starts_with("hour of ")) columns.emplace_back(part);
    left = cut == std::string_view::npos ? std::string_view() : left.substr(cut + 3);
  }
  return columns;
}

struct Scored {
  goals::Problem problem;
  EncodedRows rows;
  std::vector<double> values;
};

Result<Scored> ScoreRows(const StepTask& task, const std::string& package, const evaluation::Report& report) {
  const LoadedModel model = TRY(LoadModel(package));
  EncodedRows rows = TRY(LoadRows(task, "rows", model.Wants(report.label, BlockColumns(report))));
  std::vector<double> values = Score(model, rows);
  return Scored{model.problem, std::move(rows), std::move(values)};
}

Result<std::vector<evaluation::Gain>> Pair(const StepTask& task, net::HttpClient& api, const ModelVersion& version,
                                           const evaluation::Report& report, const goals::Goal* goal) {
  const std::string directory = Cat(task.result_path.substr(0, task.result_path.rfind('/')), "/production_package");
  TRY(FetchPackage(api, version.package, directory));
  const Scored candidate = TRY(ScoreRows(task, TRY(task.Input("model")), report).In("candidate"));
  const Scored production = TRY(ScoreRows(task, directory, report).In(kProduction));
  evaluation::MeasureOptions options;
  options.threshold = report.threshold;
  options.costs = evaluation::CostsOf(goal);
  options.bootstrap.confidence = report.confidence;
  options.bootstrap.seed = report.seed;
  const auto answers = [&](const Scored& scored) {
    return scored.rows.AnsweredWith(scored.problem, scored.values, BlocksOf(scored.rows, BlockColumns(report)));
  };
  return evaluation::CompareAnswers(answers(candidate), answers(production), options);
}

// A comparison that cannot be made leaves the recorded metrics: the gate then decides with less, never
// with nothing.
std::vector<evaluation::Gain> PairOrWarn(const StepTask& task, net::HttpClient& api, const ModelVersion& version,
                                         const evaluation::Report& report, const goals::Goal* goal) {
  if (!task.inputs.contains("model") || !task.inputs.contains("rows")) return {};
  auto gains = Pair(task, api, version, report, goal);
  if (gains.ok()) return *std::move(gains);
  LogWarning("production could not be scored on the same rows; its recorded metrics stand in",
             {{"version", version.version}, {"error", gains.error().ToString()}});
  return {};
}

Result<std::optional<evaluation::Production>> FindProduction(const StepTask& task, const evaluation::Report& report,
                                                             const goals::Goal* goal) {
  net::HttpClient api = TRY(OpenApi());
  const std::string otherwise = goal == nullptr ? report.model : goal->model;
  const std::string model = TRY(TextOption(task, "model", otherwise));
  const auto version =
      TRY(FindVersion(api, model, std::string(kProduction)).In(Cat("the version in production of ", model)));
  if (!version) return std::optional<evaluation::Production>();
  return std::optional<evaluation::Production>(
      {version->version, version->metrics, PairOrWarn(task, api, *version, report, goal)});
}

Json FindingOf(const evaluation::Check& check) {
  return Json::Make({{"severity", check.blocks ? "error" : "warning"},
                     {"message", Cat(check.name, ": ", check.metric, " must be ", check.need,
                                     check.why.empty() ? "" : Cat(" (", check.why, ")"))}});
}

/// "ranking roc_auc 0.61, need >= 0.68"; where nothing was measured, why.
std::string FailureOf(const evaluation::Check& check) {
  std::string out = check.name;
  if (!check.metric.empty() && check.name.find(check.metric) == std::string::npos) CatTo(out, " ", check.metric);
  if (check.value) {
    const bool percent = check.need.ends_with('%');
    CatTo(out, " ", goals::CompactNumber(*check.value * (percent ? 100 : 1)), percent ? "%" : "");
  }
  if (!check.need.empty()) CatTo(out, ", need ", check.need);
  if (!check.value && !check.why.empty()) CatTo(out, " (", check.why, ")");
  return out;
}

/// "gate fail, 4/5: ranking roc_auc 0.61, need >= 0.68": what stops the release is in the one line that people see.
std::string SummaryOf(const evaluation::GateDecision& decision) {
  std::vector<std::string> failures;
  for (const evaluation::Check& check : decision.checks) {
    if (check.blocks && check.verdict != evaluation::Verdict::kPass) failures.push_back(FailureOf(check));
  }
  const std::string head =
      Cat("gate ", evaluation::VerdictName(decision.verdict), ", ", decision.passed(), "/", decision.blocking());
  return failures.empty() ? head + " checks passed" : Cat(head, ": ", Join(failures, "; "));
}

StepResult ResultOf(const evaluation::GateDecision& decision, std::optional<std::int64_t> production) {
  StepResult result;
  result.gate_failed = decision.verdict != evaluation::Verdict::kPass;
  result.summary = SummaryOf(decision);
  if (production) CatTo(result.summary, ", against version ", *production);
  result.metrics = Json::Make({{"gate.passed", static_cast<std::int64_t>(decision.passed())},
                               {"gate.blocking", static_cast<std::int64_t>(decision.blocking())}});
  for (const evaluation::Check& check : decision.checks) {
    if (check.verdict != evaluation::Verdict::kPass) result.findings.Append(FindingOf(check));
  }
  result.output_metadata["verdict"] = Json::Make({{"verdict", evaluation::VerdictName(decision.verdict)}});
  return result;
}

}  // namespace

Result<StepResult> RunGate(const StepTask& task) {
  TRY(task.CheckOptions({"targets", "against", "margin", "model", "rows_min"}));
  const evaluation::GateOptions options = TRY(ReadOptions(task));
  const std::optional<goals::Goal> loaded = TRY(LoadGoal(task));
  const goals::Goal* goal = loaded ? &*loaded : nullptr;
  if (goal == nullptr && task.with.Find("targets") != nullptr) {
    return InvalidArgument("with.targets is goal, but the pipeline names none; write `goal: NAME` in it");
  }
  const evaluation::Report report = TRY(ReadReport(task));
  std::optional<evaluation::Production> production;
  if (options.against_production) production = TRY(FindProduction(task, report, goal));
  const evaluation::GateDecision decision = TRY(evaluation::Decide(report, goal, production, options));
  TRY(WriteFileDurably(TRY(task.Output("verdict")), evaluation::ToJson(decision).DumpPretty() + "\n"));
  std::string table = evaluation::GateTable(decision);
  if (options.against_production && !production) table += "nothing is in production yet\n";
  std::fwrite(table.data(), 1, table.size(), stdout);
  return ResultOf(decision, production ? std::optional(production->version) : std::nullopt);
}

}  // namespace mw::steps
