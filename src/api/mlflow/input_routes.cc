// runs/log-inputs, runs/outputs, experiments/search-datasets
#include <memory>
#include <optional>
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/validation.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using tracking::DatasetInput;
using tracking::Inputs;
using tracking::LoggedInputs;

constexpr std::size_t kDatasetNameMax = 500, kDigestMax = 36, kSourceMax = 65'535, kSchemaMax = 1'048'575,
                      kProfileMax = 16'777'215;
constexpr std::size_t kInputTagKeyMax = 255, kInputTagValueMax = 500;
constexpr std::size_t kExperimentsMax = 20;  // of one search

/// `what`: "Dataset name".
Result<std::string> Given(const Parameters& parameters, std::string_view name, std::string_view what) {
  std::optional<std::string> text = TRY(parameters.OptionalText(name));
  if (!text) return InvalidArgument(what, " cannot be None");
  return *std::move(text);
}

Result<std::string> DatasetText(const Parameters& dataset, std::string_view name, std::size_t characters_max) {
  std::string text = TRY(Given(dataset, name, Cat("Dataset ", name)));
  TRY(CheckLength(name, text, characters_max));
  return text;
}

Result<std::string> OptionalDatasetText(const Parameters& dataset, std::string_view name, std::size_t characters_max) {
  std::string text = TRY(dataset.Text(name));
  TRY(CheckLength(name, text, characters_max));
  return text;
}

Result<DatasetInput> DatasetInputOf(const Parameters& entry) {
  const std::optional<Parameters> given = TRY(entry.Object("dataset"));
  if (!given) return InvalidArgument("Dataset cannot be None");
  tracking::Dataset dataset;
  dataset.name = TRY(DatasetText(*given, "name", kDatasetNameMax));
  dataset.digest = TRY(DatasetText(*given, "digest", kDigestMax));
  dataset.source_type = TRY(Given(*given, "source_type", "Dataset source_type"));
  dataset.source = TRY(DatasetText(*given, "source", kSourceMax));
  dataset.schema = TRY(OptionalDatasetText(*given, "schema", kSchemaMax));
  dataset.profile = TRY(OptionalDatasetText(*given, "profile", kProfileMax));
  DatasetInput input;
  input.dataset = std::make_shared<const tracking::Dataset>(std::move(dataset));
  for (const Parameters& tag : TRY(entry.List("tags"))) {
    std::string key = TRY(Given(tag, "key", "InputTag key"));
    std::string value = TRY(Given(tag, "value", "InputTag value"));
    TRY(CheckLength("key", key, kInputTagKeyMax));
    TRY(CheckLength("value", value, kInputTagValueMax));
    input.tags.emplace_back(std::move(key), std::move(value));
  }
  return input;
}

Result<LoggedInputs> InputsOf(const Parameters& parameters) {
  LoggedInputs logged;
  logged.run = tracking::RunId(TRY(parameters.RequiredText("run_id")));
  TRY(CheckRunId(logged.run.text()));
  for (const Parameters& entry : TRY(parameters.List("datasets"))) {
    logged.datasets.push_back(TRY(DatasetInputOf(entry)));
  }
  for (const Parameters& model : TRY(parameters.List("models"))) {
    logged.models_read.push_back(TRY(model.RequiredText("model_id")));
  }
  return logged;
}

Result<LoggedInputs> OutputsOf(const Parameters& parameters) {
  LoggedInputs logged;
  logged.run = tracking::RunId(TRY(parameters.RequiredText("run_id")));
  for (const Parameters& model : TRY(parameters.List("models"))) {
    tracking::ModelOutput output;
    output.model = TRY(model.RequiredText("model_id"));
    output.step = TRY(model.RequiredInt("step"));
    logged.models_made.push_back(std::move(output));
  }
  return logged;
}

Task<Result<Json>> LogInputs(Inputs& inputs, const Parameters& parameters) {
  LoggedInputs logged = CO_TRY(InputsOf(parameters));
  CO_TRY(co_await inputs.Log(std::move(logged)));
  co_return Json::MakeObject();
}

Task<Result<Json>> LogOutputs(Inputs& inputs, const Parameters& parameters) {
  LoggedInputs logged = CO_TRY(OutputsOf(parameters));
  CO_TRY(co_await inputs.Log(std::move(logged)));
  co_return Json::MakeObject();
}

Task<Result<Json>> SearchDatasets(Inputs& inputs, const Parameters& parameters) {
  std::vector<tracking::ExperimentId> experiments;
  std::vector<std::string> ids = CO_TRY(parameters.Texts("experiment_ids"));
  for (std::string& id : ids) experiments.emplace_back(std::move(id));
  if (experiments.empty()) {
    co_return InvalidArgument("SearchDatasets request must specify at least one experiment_id.");
  }
  if (experiments.size() > kExperimentsMax) {
    co_return InvalidArgument("SearchDatasets request cannot specify more than ", kExperimentsMax,
                              " experiment_ids. Received ", experiments.size(), " experiment_ids.");
  }
  Json list = Json::MakeArray();
  const auto summaries = CO_TRY(co_await inputs.Summaries(std::move(experiments)));
  for (const tracking::DatasetSummary& summary : summaries) {
    Json one =
        Json::Make({{"experiment_id", summary.experiment.text()}, {"name", summary.name}, {"digest", summary.digest}});
    if (!summary.context.empty()) one["context"] = summary.context;
    list.Append(std::move(one));
  }
  co_return ListJson("dataset_summaries", std::move(list));
}

}  // namespace

void AddInputRoutes(net::RouteTable& routes, Inputs& inputs) {
  const auto add = [&](std::string_view path, Permission permission, auto call) {
    AddRpc(routes, Method::kPost, path, permission,
           [&inputs, call](const Parameters& parameters, net::Request&) { return call(inputs, parameters); });
  };
  add("/runs/log-inputs", Permission::kWrite, LogInputs);
  add("/runs/outputs", Permission::kWrite, LogOutputs);
  add("/experiments/search-datasets", Permission::kRead, SearchDatasets);
}

}  // namespace mw::api::mlflow
