// register: model -> version. Makes the package a version of the registered model and points an alias at
// it. Trying again under the same attempt gives the same version.
#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "evaluation/report.h"
#include "steps/data_task.h"
#include "steps/run_log.h"
#include "steps/steps.h"
#include "wire/package.h"

namespace mw::steps {
namespace {

/// What the evaluation measured, to be kept with the version: a later gate and people compare by it.
Result<Json> ReportMetrics(const std::string& path) {
  const evaluation::Report report = TRY(evaluation::ReportFromJson(TRY(Json::Parse(TRY(ReadFile(path))))).In(path));
  Json metrics = Json::MakeObject();
  for (const evaluation::MetricValue& metric : report.overall) {
    if (metric.value) metrics[metric.metric] = *metric.value;
  }
  return metrics;
}

}  // namespace

Result<StepResult> RunRegister(const StepTask& task) {
  TRY(task.CheckOptions({"model", "alias"}));
  const std::string model = TRY(TextOption(task, "model"));
  const std::string alias = TRY(TextOption(task, "alias", ""));
  if (!IsName(model)) return InvalidArgument("with.model is ", Quoted(model), "; write letters, digits and -");
  TRY(wire::ReadPackage(TRY(task.Input("model"))).In("model"));
  const std::string package = task.inputs.at("model").digest;
  if (package.empty()) return InvalidArgument("input model has no digest; register works inside a pipeline only");

  Json metrics = Json::MakeObject();
  if (task.inputs.contains("report")) metrics = TRY(ReportMetrics(TRY(task.Input("report"))));
  net::HttpClient api = TRY(OpenApi());
  const Json answer = TRY(api.Call(net::Method::kPost, Cat("/api/v1/models/", net::PercentEncode(model), "/versions"),
                                   Json::Make({{"package", package},
                                               {"run_id", task.run_id},
                                               {"attempt_id", task.attempt_id},
                                               {"metrics", metrics},
                                               {"alias", alias.empty() ? Json() : Json(alias)}}))
                              .In(Cat("registering a version of ", model)));
  const std::int64_t version = TRY(answer.GetInt("version"));
  const Json registered = Json::Make({{"model", model}, {"version", version}});
  TRY(WriteFileDurably(TRY(task.Output("version")), registered.Dump() + "\n"));

  StepResult result;
  result.summary = Cat(model, " v", version, alias.empty() ? "" : Cat(", alias ", alias));
  result.metrics = Json::Make({{"version", version}});
  result.output_metadata["version"] = registered;
  return result;
}

}  // namespace mw::steps
