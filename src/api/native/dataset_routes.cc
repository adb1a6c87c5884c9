// The datasets that runs read, as lists and one by one with who used it; those that pipelines made.
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "lineage/made.h"
#include "tracking/datasets.h"

namespace mw::api::native {
namespace {

using tracking::DatasetLine;
using tracking::DatasetRun;
using tracking::Datasets;

std::string TextOf(const Request& request, std::string_view name) {
  const std::string* text = request.Query(name);
  return text == nullptr ? "" : *text;
}

Result<std::int64_t> WholeNumberOf(const Request& request, std::string_view name, std::int64_t otherwise) {
  const std::string* text = request.Query(name);
  if (text == nullptr) return otherwise;
  if (const auto number = ParseInt(*text)) return *number;
  return InvalidArgument(name, " is a number, not ", Quoted(*text));
}

Json RunJson(const DatasetRun& run) {
  return Json::Make({{"run_id", run.id.text()},
                     {"name", run.name},
                     {"experiment_id", run.experiment.text()},
                     {"status", tracking::StatusName(run.status)},
                     {"stage", tracking::StageName(run.stage)},
                     {"started", run.started},
                     {"context", run.context}});
}

Json LineJson(const DatasetLine& line) {
  Json contexts = Json::MakeArray();
  for (const std::string& context : line.contexts) contexts.Append(context);
  return Json::Make({{"number", line.number},
                     {"experiment_id", line.experiment.text()},
                     {"name", line.name},
                     {"digest", line.digest},
                     {"source_type", line.source_type},
                     {"source", line.source},
                     {"runs", line.runs},
                     {"contexts", std::move(contexts)},
                     {"newest", line.newest ? RunJson(*line.newest) : Json()}});
}

/// ?experiment=ID &name=NAME &before=NUMBER &limit=N
Task<Result<Response>> ListDatasets(Datasets& datasets, Request& request) {
  tracking::DatasetQuery query;
  if (std::string experiment = TextOf(request, "experiment"); !experiment.empty()) {
    query.experiment = tracking::ExperimentId(std::move(experiment));
  }
  query.name = TextOf(request, "name");
  query.before = CO_TRY(WholeNumberOf(request, "before", 0));
  query.limit = CO_TRY(WholeNumberOf(request, "limit", query.limit));
  const std::int64_t limit = query.limit;
  const std::vector<DatasetLine> lines = CO_TRY(co_await datasets.List(std::move(query)));
  Json list = Json::MakeArray();
  for (const DatasetLine& line : lines) list.Append(LineJson(line));
  const bool whole = static_cast<std::int64_t>(lines.size()) < limit;
  Json next = whole ? Json() : Json(lines.back().number);
  co_return net::JsonResponse(Json::Make({{"datasets", std::move(list)}, {"next", std::move(next)}}));
}

/// ?name=NAME &digest=DIGEST
Task<Result<Response>> GetDataset(Datasets& datasets, Request& request) {
  std::string name = TextOf(request, "name"), digest = TextOf(request, "digest");
  if (name.empty()) co_return InvalidArgument("say which dataset: ?name=NAME&digest=DIGEST");
  const tracking::DatasetDetails details = CO_TRY(co_await datasets.Get(std::move(name), std::move(digest)));
  Json experiments = Json::MakeArray(), runs = Json::MakeArray(), models = Json::MakeArray();
  for (const tracking::ExperimentId& id : details.experiments) experiments.Append(id.text());
  for (const DatasetRun& run : details.runs) runs.Append(RunJson(run));
  for (const tracking::DatasetModel& model : details.models) {
    models.Append(Json::Make({{"model_id", model.id.text()},
                              {"name", model.name},
                              {"experiment_id", model.experiment.text()},
                              {"source_run_id", model.source_run},
                              {"made", model.made},
                              {"measured", model.measured}}));
  }
  const tracking::Dataset& dataset = details.dataset;
  co_return net::JsonResponse(Json::Make({{"name", dataset.name},
                                          {"digest", dataset.digest},
                                          {"source_type", dataset.source_type},
                                          {"source", dataset.source},
                                          {"schema", dataset.schema},
                                          {"profile", dataset.profile},
                                          {"experiments", std::move(experiments)},
                                          {"runs", std::move(runs)},
                                          {"runs_in_all", details.runs_in_all},
                                          {"models", std::move(models)}}));
}

Json MakerJson(const lineage::Maker& maker) {
  return Json::Make({{"execution", maker.id.text()},
                     {"type", maker.type},
                     {"name", maker.name},
                     {"port", maker.port},
                     {"pipeline", maker.pipeline},
                     {"run", maker.run},
                     {"started", FormatTime(maker.started)}});
}

/// ?before=ARTIFACT &limit=N
Task<Result<Response>> ListMade(db::Database& database, Request& request) {
  lineage::MadeQuery query;
  query.before = lineage::ArtifactId(TextOf(request, "before"));
  query.limit = CO_TRY(WholeNumberOf(request, "limit", query.limit));
  const std::vector<lineage::Made> all =
      CO_TRY(co_await database.Read([&](db::Snapshot& s) { return lineage::ListMade(s, query); }));
  Json list = Json::MakeArray();
  for (const lineage::Made& made : all) {
    list.Append(Json::Make({{"artifact", made.artifact.id.text()},
                            {"digest", made.artifact.digest},
                            {"uri", made.artifact.uri},
                            {"metadata", made.artifact.metadata},
                            {"created", FormatTime(made.artifact.created)},
                            {"maker", made.maker ? MakerJson(*made.maker) : Json()},
                            {"readers", made.readers}}));
  }
  const bool whole = static_cast<std::int64_t>(all.size()) < query.limit;
  Json next = whole ? Json() : Json(all.back().artifact.id.text());
  co_return net::JsonResponse(Json::Make({{"datasets", std::move(list)}, {"next", std::move(next)}}));
}

}  // namespace

void AddDatasetRoutes(net::RouteTable& routes, db::Database& database, Datasets& datasets) {
  routes.Add({Method::kGet, "/api/v1/datasets", Permission::kRead, 0,
              net::Simple([&datasets](Request& request) { return ListDatasets(datasets, request); })});
  routes.Add({Method::kGet, "/api/v1/datasets/made", Permission::kRead, 0,
              net::Simple([&database](Request& request) { return ListMade(database, request); })});
  routes.Add({Method::kGet, "/api/v1/dataset", Permission::kRead, 0,
              net::Simple([&datasets](Request& request) { return GetDataset(datasets, request); })});
}

}  // namespace mw::api::native
