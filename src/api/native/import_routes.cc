// Bulk import: experiments and runs in the form of MLflow's own entities, points as packed frames.
#include <memory>
#include <utility>

#include "api/native/handler.h"
#include "api/native/import_fields.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "tracking/imports.h"

namespace mw::api::native {
namespace {

using tracking::ImportedRun;
using tracking::Imports;

Result<tracking::Experiment> ExperimentOf(const Json& json) {
  tracking::Experiment experiment;
  experiment.id = tracking::ExperimentId(TRY(json.GetString("experiment_id")));
  experiment.project = kProject;
  experiment.name = TRY(json.GetString("name"));
  experiment.artifact_location = json.StringOr("artifact_location", "");
  experiment.stage = TRY(ImportedStage(json));
  experiment.created = json.IntOr("creation_time", 0);
  experiment.updated = json.IntOr("last_update_time", experiment.created);
  for (auto& [key, value] : TRY(ImportedTexts(json, "tags"))) experiment.tags[key] = std::move(value);
  return experiment;
}

Result<tracking::DatasetInput> DatasetInputOf(const Json& json) {
  const Json& told = *TRY(ImportedObject(json, "dataset"));
  tracking::Dataset dataset;
  dataset.name = TRY(told.GetString("name"));
  dataset.digest = TRY(told.GetString("digest"));
  dataset.source_type = told.StringOr("source_type", "");
  dataset.source = told.StringOr("source", "");
  dataset.schema = told.StringOr("schema", "");
  dataset.profile = told.StringOr("profile", "");
  tracking::DatasetInput input;
  input.dataset = std::make_shared<const tracking::Dataset>(std::move(dataset));
  input.tags = TRY(ImportedTexts(json, "tags"));
  return input;
}

/// "inputs" and "outputs", where there are any.
Status ReadInputs(const Json& json, ImportedRun& run) {
  if (const Json* inputs = json.Find("inputs"); inputs != nullptr && inputs->IsObject()) {
    run.datasets = TRY(ImportedItems(*inputs, "dataset_inputs", DatasetInputOf));
    for (const Json& model : *TRY(ImportedList(*inputs, "model_inputs"))) {
      run.models_read.push_back(TRY(model.GetString("model_id")));
    }
  }
  const Json* outputs = json.Find("outputs");
  if (outputs == nullptr || !outputs->IsObject()) return Ok();
  for (const Json& model : *TRY(ImportedList(*outputs, "model_outputs"))) {
    tracking::ModelOutput output;
    output.model = TRY(model.GetString("model_id"));
    output.step = TRY(ImportedInteger(model, "step"));
    run.models_made.push_back(std::move(output));
  }
  return Ok();
}

Result<ImportedRun> RunOf(const Json& json) {
  const Json& info = *TRY(ImportedObject(json, "info"));
  ImportedRun out;
  out.run.id = tracking::RunId(TRY(info.GetString("run_id")));
  if (out.run.id.empty() || out.run.id.text().size() > 64) {
    return InvalidArgument("run_id ", Quoted(out.run.id.text()), " must have 1 to 64 characters");
  }
  out.run.experiment = tracking::ExperimentId(TRY(info.GetString("experiment_id")));
  out.run.name = info.StringOr("run_name", "");
  out.run.user = info.StringOr("user_id", "");
  out.run.source = info.StringOr("source_name", "");
  out.run.status = TRY(tracking::ParseStatus(ToLower(info.StringOr("status", "RUNNING"))));
  out.run.stage = TRY(ImportedStage(info));
  out.run.started = info.IntOr("start_time", 0);
  if (const Json* ended = info.Find("end_time"); ended != nullptr && ended->IsInt()) out.run.ended = ended->AsInt();
  const Json& data = *TRY(ImportedObject(json, "data"));
  out.params = TRY(ImportedTexts(data, "params"));
  out.tags = TRY(ImportedTexts(data, "tags"));
  TRY(ReadInputs(json, out));
  out.fingerprint = json.StringOr("fingerprint", "");
  return out;
}

Result<tracking::FinishedRun> FinishedOf(const Json& json) {
  tracking::FinishedRun run;
  run.run = tracking::RunId(TRY(json.GetString("run_id")));
  run.fingerprint = json.StringOr("fingerprint", "");
  for (const Json& metric : *TRY(ImportedList(json, "metrics"))) {
    run.metrics[TRY(metric.GetString("key"))] = TRY(ImportedDigest<tracking::PointDigest>(metric));
  }
  const Json* inputs = json.Find("inputs");
  if (inputs != nullptr && inputs->IsObject()) run.inputs = TRY(ImportedDigest<tracking::SetDigest>(*inputs));
  return run;
}

Task<Result<Response>> PutExperiments(Imports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::string source = CO_TRY(body.GetString("source"));
  auto experiments = CO_TRY(ImportedItems(body, "experiments", ExperimentOf));
  co_return ImportAnswer(CO_TRY(co_await imports.PutExperiments(std::move(source), std::move(experiments))));
}

Task<Result<Response>> PutRuns(Imports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::string source = CO_TRY(body.GetString("source"));
  std::string attempt = CO_TRY(body.GetString("attempt"));
  auto runs = CO_TRY(ImportedItems(body, "runs", RunOf));
  co_return ImportAnswer(CO_TRY(co_await imports.PutRuns(std::move(source), std::move(attempt), std::move(runs))));
}

Task<Result<Response>> AddPoints(Imports& imports, Request& request) {
  const std::string* attempt = request.Query("attempt");
  if (attempt == nullptr) co_return InvalidArgument("points carry their import in the address: ?attempt=...");
  const std::string body = CO_TRY(co_await request.ReadAll());
  std::vector<tracking::PointFrame> frames;
  std::size_t points = 0;
  CO_TRY(tracking::ReadFrames(body, [&](tracking::PointFrame frame) {
    points += frame.points.size();
    frames.push_back(std::move(frame));
    return Ok();
  }));
  CO_TRY(co_await imports.AddPoints(*attempt, std::move(frames)));
  co_return net::JsonResponse(Json::Make({{"points", static_cast<std::int64_t>(points)}}));
}

Task<Result<Response>> Finish(Imports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  auto runs = CO_TRY(ImportedItems(body, "runs", FinishedOf));
  co_return ImportAnswer(CO_TRY(co_await imports.Finish(std::move(runs))));
}

}  // namespace

void AddImportRoutes(net::RouteTable& routes, Imports& imports) {
  AddImportRoute(routes, "experiments", kImportBodyBytesMax, imports, PutExperiments);
  AddImportRoute(routes, "runs", kImportBodyBytesMax, imports, PutRuns);
  AddImportRoute(routes, "points", tracking::kFramesBytesMax, imports, AddPoints);
  AddImportRoute(routes, "finish", kImportBodyBytesMax, imports, Finish);
}

}  // namespace mw::api::native
