// logged-models/*, and the older runs/log-model.
#include <algorithm>
#include <optional>
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/logged_model_words.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/validation.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using tracking::LoggedModelDetails;
using tracking::LoggedModelId;
using tracking::LoggedModels;
using tracking::LoggedModelStatus;
using TextMap = std::map<std::string, std::string>;

constexpr std::int64_t kLoggedModelsFoundUsual = 50;

// ---- words ----

Result<LoggedModelStatus> StatusIn(const Parameters& parameters) {
  const std::string word =
      TRY(parameters.Enum("status", {"LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"}));
  if (word.empty()) TRY(parameters.RequiredText("status"));
  for (const LoggedModelStatus status :
       {LoggedModelStatus::kPending, LoggedModelStatus::kReady, LoggedModelStatus::kFailed}) {
    if (WordOf(status) == word) return status;
  }
  return LoggedModelStatus::kUnspecified;
}

Json ModelAnswer(const LoggedModelDetails& details) { return Json::Make({{"model", LoggedModelJson(details)}}); }

/// The last value of a key that comes twice stays.
Result<TextMap> TextsIn(const Parameters& parameters, std::string_view list) {
  TextMap texts;
  for (const Parameters& each : TRY(parameters.List(list))) {
    std::string key = TRY(each.RequiredText("key"));
    texts[std::move(key)] = TRY(each.Text("value"));
  }
  return texts;
}

LoggedModelId LoggedModelIdOf(const net::Request& request) { return LoggedModelId(request.params.at("model_id")); }

/// The id of a client that may have to ask again; empty: it gave none, as MLflow's do not.
Result<LoggedModelId> OwnIdIn(const Parameters& parameters) {
  std::string id = TRY(parameters.Text("model_id"));
  const bool fine = id.size() == 34 && id.starts_with("m-") &&
                    std::string_view(id).substr(2).find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (id.empty() || fine) return LoggedModelId(std::move(id));
  return InvalidArgument("Invalid value ", Json(id).Dump(), " for parameter 'model_id' supplied: a logged model that ",
                         "its client names has 'm-' and 32 hexadecimal digits.");
}

// ---- one model ----

Task<Result<Json>> CreateLoggedModel(LoggedModels& models, const Parameters& parameters, net::Request&) {
  tracking::NewLoggedModel model;
  model.experiment = tracking::ExperimentId(CO_TRY(parameters.RequiredText("experiment_id")));
  model.name = CO_TRY(parameters.Text("name"));
  if (!model.name.empty()) CO_TRY(CheckLoggedModelName(model.name));
  model.type = CO_TRY(parameters.Text("model_type"));
  model.source_run = CO_TRY(parameters.Text("source_run_id"));
  model.params = CO_TRY(TextsIn(parameters, "params"));
  model.tags = CO_TRY(TextsIn(parameters, "tags"));
  model.id = CO_TRY(OwnIdIn(parameters));
  co_return ModelAnswer(CO_TRY(co_await models.Create(std::move(model))));
}

Task<Result<Json>> GetLoggedModel(LoggedModels& models, const Parameters& parameters, net::Request& request) {
  const bool also_deleted = CO_TRY(parameters.Bool("allow_deleted", false));
  co_return ModelAnswer(CO_TRY(co_await models.Get(LoggedModelIdOf(request), also_deleted)));
}

Task<Result<Json>> FinalizeLoggedModel(LoggedModels& models, const Parameters& parameters, net::Request& request) {
  const LoggedModelStatus status = CO_TRY(StatusIn(parameters));
  co_return ModelAnswer(CO_TRY(co_await models.Finalize(LoggedModelIdOf(request), status)));
}

Task<Result<Json>> DeleteLoggedModel(LoggedModels& models, const Parameters&, net::Request& request) {
  CO_TRY(co_await models.Delete(LoggedModelIdOf(request)));
  co_return Json::MakeObject();
}

Task<Result<Json>> SetLoggedModelTags(LoggedModels& models, const Parameters& parameters, net::Request& request) {
  TextMap tags = CO_TRY(TextsIn(parameters, "tags"));
  CO_TRY(co_await models.SetTags(LoggedModelIdOf(request), std::move(tags)));
  co_return Json::MakeObject();
}

Task<Result<Json>> DeleteLoggedModelTag(LoggedModels& models, const Parameters&, net::Request& request) {
  CO_TRY(co_await models.DeleteTag(LoggedModelIdOf(request), request.params.at("tag_key")));
  co_return Json::MakeObject();
}

Task<Result<Json>> LogParams(LoggedModels& models, const Parameters& parameters, net::Request& request) {
  TextMap params = CO_TRY(TextsIn(parameters, "params"));
  CO_TRY(co_await models.LogParams(LoggedModelIdOf(request), std::move(params)));
  co_return Json::MakeObject();
}

// ---- search ----

Result<std::vector<search::LoggedModelOrderKey>> OrderOf(const Parameters& parameters) {
  std::vector<search::LoggedModelOrderField> fields;
  for (const Parameters& each : TRY(parameters.List("order_by"))) {
    search::LoggedModelOrderField field;
    field.field_name = TRY(each.RequiredText("field_name"));
    field.ascending = TRY(each.Bool("ascending", true));
    field.dataset_name = TRY(each.Text("dataset_name"));
    field.dataset_digest = TRY(each.Text("dataset_digest"));
    fields.push_back(std::move(field));
  }
  return search::ParseLoggedModelOrderBy(fields);
}

Result<std::vector<tracking::DatasetChoice>> DatasetsOf(const Parameters& parameters) {
  std::vector<tracking::DatasetChoice> datasets;
  for (const Parameters& each : TRY(parameters.List("datasets"))) {
    tracking::DatasetChoice dataset;
    dataset.name = TRY(each.Text("dataset_name"));
    dataset.digest = TRY(each.Text("dataset_digest"));
    if (dataset.name.empty()) {
      return InvalidArgument("`dataset_name` in the `datasets` clause must be specified.");
    }
    datasets.push_back(std::move(dataset));
  }
  return datasets;
}

Result<tracking::LoggedModelQuery> LoggedModelQueryOf(const Parameters& parameters) {
  tracking::LoggedModelQuery query;
  for (std::string& id : TRY(parameters.Texts("experiment_ids"))) query.experiments.emplace_back(std::move(id));
  query.filter = TRY(search::ParseLoggedModelFilter(TRY(parameters.Text("filter"))));
  query.datasets = TRY(DatasetsOf(parameters));
  query.order = TRY(OrderOf(parameters));
  const std::optional<std::int64_t> wanted = TRY(parameters.Int("max_results"));
  const std::int64_t asked = wanted.value_or(0);
  if (asked < 0) {
    return InvalidArgument("Invalid value ", asked,
                           " for parameter 'max_results' supplied. It must be a positive integer");
  }
  query.limit = asked == 0 ? kLoggedModelsFoundUsual : std::min(asked, LoggedModels::kFoundMax);
  if (const std::string token = TRY(parameters.Text("page_token")); !token.empty()) {
    query.after = TRY(tracking::ParsePageToken(token, query));
  }
  return query;
}

Task<Result<Json>> SearchLoggedModels(LoggedModels& models, const Parameters& parameters, net::Request&) {
  const tracking::LoggedModelQuery query = CO_TRY(LoggedModelQueryOf(parameters));
  const tracking::LoggedModelPage page = CO_TRY(co_await models.Search(query));
  Json found = Json::MakeArray();
  for (const LoggedModelDetails& model : page.models) found.Append(LoggedModelJson(model));
  Json answer = ListJson("models", std::move(found));
  if (page.next) answer["next_page_token"] = tracking::PageToken(query, *page.next);
  co_return answer;
}

// ---- the older way ----

/// What the run's tag keeps of a model: where it is, and its flavors without their settings.
Result<Json> NoteOf(const std::string& text) {
  Result<Json> model = Json::Parse(text);
  if (!model.ok() || !model->IsObject()) {
    return InvalidArgument("Malformed model info. \n ", Quoted(text), " \n is not a valid JSON.");
  }
  std::vector<std::string> missing;
  for (const char* field : {"artifact_path", "flavors", "run_id", "utc_time_created"}) {
    if (model->Find(field) == nullptr) missing.push_back(Cat("'", field, "'"));
  }
  if (!missing.empty()) {
    return InvalidArgument("Model json is missing mandatory fields: {", Join(missing, ", "), "}");
  }
  Json note = Json::MakeObject(), flavors = Json::MakeObject();
  for (const char* field : {"run_id", "artifact_path", "utc_time_created", "model_uuid"}) {
    if (const Json* value = model->Find(field)) note[field] = *value;
  }
  const Json* all = model->Find("flavors");
  if (!all->IsObject()) return InvalidArgument("\"flavors\" of the model is no object");
  for (const auto& [flavor, settings] : all->AsObject()) {
    if (!settings.IsObject()) {
      flavors[flavor] = settings;
      continue;
    }
    Json kept = Json::MakeObject();
    for (const auto& [key, value] : settings.AsObject()) {
      if (key != "config") kept[key] = value;
    }
    flavors[flavor] = std::move(kept);
  }
  note["flavors"] = std::move(flavors);
  return note;
}

Task<Result<Json>> Note(LoggedModels& models, const Parameters& parameters, net::Request&) {
  tracking::RunId run(CO_TRY(parameters.RunId()));
  const std::string text = CO_TRY(parameters.RequiredText("model_json"));
  Json note = CO_TRY(NoteOf(text));
  CO_TRY(co_await models.Note(std::move(run), std::move(note)));
  co_return Json::MakeObject();
}

}  // namespace

void AddLoggedModelRoutes(net::RouteTable& routes, LoggedModels& models) {
  const auto add = [&](Method method, std::string_view path, Permission permission, auto call) {
    AddRpc(routes, method, path, permission, [&models, call](const Parameters& parameters, net::Request& request) {
      return call(models, parameters, request);
    });
  };
  add(Method::kPost, "/logged-models", Permission::kWrite, CreateLoggedModel);
  add(Method::kPost, "/logged-models/search", Permission::kRead, SearchLoggedModels);
  add(Method::kGet, "/logged-models/{model_id}", Permission::kRead, GetLoggedModel);
  add(Method::kPatch, "/logged-models/{model_id}", Permission::kWrite, FinalizeLoggedModel);
  add(Method::kDelete, "/logged-models/{model_id}", Permission::kWrite, DeleteLoggedModel);
  add(Method::kPatch, "/logged-models/{model_id}/tags", Permission::kWrite, SetLoggedModelTags);
  add(Method::kDelete, "/logged-models/{model_id}/tags/{tag_key...}", Permission::kWrite, DeleteLoggedModelTag);
  add(Method::kPost, "/logged-models/{model_id}/params", Permission::kWrite, LogParams);
  add(Method::kPost, "/runs/log-model", Permission::kWrite, Note);
}

}  // namespace mw::api::mlflow
