// What model servers recorded and what became of it: windows up, labels in, both read back.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/mutex.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "predictions/predictions.h"
#include "wire/label_names.h"
#include "wire/label_text.h"

namespace mw::api::native {
namespace {

using predictions::Predictions;

constexpr std::size_t kLabelBodyBytesMax = std::size_t{16} << 20;
constexpr std::string_view kLinesType = "application/x-ndjson";
constexpr std::size_t kWindowsMax = 20'000;

/// What a package says that labels need.
struct LabelledModel {
  wire::PackageInfo info;
  std::string key;  ///< the column by which requests name the entity; empty: none
};

/// By the package's digest: labels come in thousands of batches, packages hardly change. Any thread.
class LabelledModels {
 public:
  explicit LabelledModels(blob::BlobStore& blobs) : blobs_(blobs) {}

  Result<std::shared_ptr<const LabelledModel>> Of(const std::string& package) {
    {
      const Lock lock(mutex_);
      if (const auto found = known_.find(package); found != known_.end()) return found->second;
    }
    const auto model = std::make_shared<const LabelledModel>(TRY(Read(package)));
    const Lock lock(mutex_);
    if (known_.size() >= kKnownMax) known_.clear();
    known_[package] = model;
    return model;
  }

 private:
  static constexpr std::size_t kKnownMax = 64;

  [[nodiscard]] Result<LabelledModel> Read(const std::string& digest) const {
    const blob::Artifact package{digest, blob::ArtifactKind::kDirectory, 0};
    LabelledModel model;
    model.info =
        TRY(wire::ParsePackageInfo(TRY(blob::ReadFileOf(blobs_, package, "package.json", wire::kPackageJsonBytesMax))));
    const Json schema = TRY(Json::Parse(TRY(blob::ReadFileOf(blobs_, package, "schema.json", wire::kSchemaBytesMax))));
    model.key = schema.StringOr("key", "");
    return model;
  }

  blob::BlobStore& blobs_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const LabelledModel>> known_ MW_GUARDED_BY(mutex_);
};

using ModelPointer = std::shared_ptr<const LabelledModel>;

/// What labels need.
struct Doors {
  Predictions& predictions;
  endpoints::Endpoints& endpoints;
  std::shared_ptr<LabelledModels> models;
};

/// Whatever is wrong with a frame, it will be wrong for ever: the sender must not try again (400).
Result<std::vector<wire::WindowPiece>> PiecesOf(std::string_view frame, const std::string& server) {
  Result<std::vector<wire::WindowPiece>> pieces = wire::WindowPiecesFromFrame(frame);
  if (!pieces.ok()) return InvalidArgument(pieces.error().ToString());
  for (const wire::WindowPiece& piece : *pieces) {
    if (piece.server == server) continue;
    return InvalidArgument("a piece of server ", Quoted(piece.server), " came under the name ", Quoted(server));
  }
  return pieces;
}

Task<Result<Response>> PutWindows(Predictions& predictions, Request& request) {
  const std::string frame = CO_TRY(co_await request.ReadAll());
  std::vector<wire::WindowPiece> pieces = CO_TRY(PiecesOf(frame, request.params.at("id")));
  // A frame may hold more than one transaction takes: many hours of event time in one second. What an earlier part
  // acknowledged is known again when the server sends the frame anew.
  predictions::Accepted accepted;
  for (std::size_t first = 0; first < pieces.size(); first += Predictions::kPiecesMax) {
    const auto begin = pieces.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end =
        pieces.begin() + static_cast<std::ptrdiff_t>(std::min(first + Predictions::kPiecesMax, pieces.size()));
    std::vector<wire::WindowPiece> part(std::make_move_iterator(begin), std::make_move_iterator(end));
    const predictions::Accepted own = CO_TRY(co_await predictions.Accept(std::move(part)));
    accepted.pieces += own.pieces;
    accepted.repeated += own.repeated;
    accepted.rows += own.rows;
  }
  co_return net::JsonResponse(
      Json::Make({{"pieces", accepted.pieces}, {"repeated", accepted.repeated}, {"rows", accepted.rows}}));
}

Result<std::string> BatchIdOf(const Request& request) {
  if (const std::string* id = request.Query("batch_id"); id != nullptr) return *id;
  return InvalidArgument("labels in this form carry their batch in the address: ?batch_id=...");
}

bool IsType(const Request& request, std::string_view type) {
  const std::string* given = net::FindHeader(request.headers, "content-type");
  return given != nullptr && EqualsIgnoreCase(Trim(std::string_view(*given).substr(0, given->find(';'))), type);
}

/// The batch that a request carries, in one of three forms.
Result<wire::LabelBatch> BatchOf(const Request& request, const std::string& body) {
  wire::LabelBatch batch;
  batch.endpoint = request.params.at("name");
  if (IsType(request, wire::kLabelBatchType)) {
    batch.batch_id = TRY(BatchIdOf(request));
    batch.labels = TRY(wire::ParseLabelBytes(body));
  } else if (IsType(request, kLinesType)) {
    batch.batch_id = TRY(BatchIdOf(request));
    batch.labels = TRY(wire::LabelsFromLines(body));
  } else {
    const Json json = TRY(Json::Parse(body).In("request body"));
    batch.batch_id = TRY(json.GetString("batch_id"));
    const Json* labels = json.Find("labels");
    if (labels == nullptr) return InvalidArgument("\"labels\" is missing");
    batch.labels = TRY(wire::LabelsFromJson(*labels));
  }
  return batch;
}

/// Labels for an endpoint that nobody knows are a mistake in its name.
Task<Status> CheckEndpoint(Predictions& predictions, endpoints::Endpoints& endpoints, std::string name) {
  for (const std::string& known : predictions.EndpointNames()) {
    if (known == name) co_return Ok();
  }
  const auto found = co_await endpoints.Get(name);
  if (!found.ok()) co_return found.error();
  co_return Ok();
}

/// The model that the endpoint shall answer with; null when no version was deployed here.
Task<Result<ModelPointer>> ModelOf(const Doors& doors, std::string endpoint) {
  const auto found = co_await doors.endpoints.Get(std::move(endpoint));
  if (!found.ok() && found.error().code == Code::kNotFound) co_return ModelPointer();
  if (!found.ok()) co_return found.error();
  co_return doors.models->Of(found->current.package);
}

/// The classes of a model of several, by number: the endpoint's list, which begins with those of its first version.
Task<Result<std::vector<std::string>>> ClassesOf(const Doors& doors, std::string endpoint, const LabelledModel* model) {
  std::vector<std::string> classes = CO_TRY(co_await doors.predictions.Classes(std::move(endpoint)));
  if (classes.empty() && model != nullptr) classes = model->info.classes;
  co_return classes;
}

/// Turns classes by name into numbers where the model says how, and refuses numbers that mean nothing to it; gives the
/// model's classes if it has several.
Task<Result<std::vector<std::string>>> ReadLabels(const Doors& doors, wire::LabelBatch& batch) {
  std::vector<std::string> classes;
  const ModelPointer model = CO_TRY(co_await ModelOf(doors, batch.endpoint));
  if (model == nullptr) co_return classes;
  CO_TRY(wire::NumberLabels(model->info, batch.labels));
  if (!model->info.classes.empty()) classes = CO_TRY(co_await ClassesOf(doors, batch.endpoint, model.get()));
  CO_TRY(wire::CheckNumbers(model->info, classes, batch.labels));
  co_return model->info.classes;
}

Json OrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json ToJson(const std::vector<predictions::NewClass>& classes) {
  Json out = Json::MakeArray();
  for (const predictions::NewClass& one : classes) {
    out.Append(Json::Make({{"name", one.name}, {"labels", one.labels}, {"did_you_mean", OrNull(one.nearest)}}));
  }
  return out;
}

Task<Result<Response>> PostLabels(const Doors& doors, Request& request) {
  const std::string body = CO_TRY(co_await request.ReadAll());
  wire::LabelBatch batch = CO_TRY(BatchOf(request, body));
  CO_TRY(co_await CheckEndpoint(doors.predictions, doors.endpoints, batch.endpoint));
  const std::string batch_id = batch.batch_id;
  std::vector<std::string> classes = CO_TRY(co_await ReadLabels(doors, batch));
  const predictions::LabelsAccepted accepted =
      CO_TRY(co_await doors.predictions.AcceptLabels(std::move(batch), std::move(classes)));
  Json answer = Json::Make({{"batch_id", batch_id},
                            {"labels", accepted.labels},
                            {"repeated", accepted.repeated},
                            {"joined", accepted.joined},
                            {"waiting", accepted.waiting},
                            {"too_late", accepted.too_late}});
  if (!accepted.new_classes.empty()) answer["new_classes"] = ToJson(accepted.new_classes);
  co_return net::JsonResponse(answer);
}

Result<Timestamp> TimeOf(const Request& request, std::string_view name, Timestamp otherwise) {
  const std::string* text = request.Query(name);
  if (text == nullptr) return otherwise;
  return ParseTime(*text).In(name);
}

/// ?from=&to=&version= of a request.
Result<predictions::WindowRange> RangeOf(const Request& request) {
  predictions::WindowRange range;
  range.endpoint = request.params.at("name");
  range.from = TRY(TimeOf(request, "from", range.from));
  range.until = TRY(TimeOf(request, "to", range.until));
  if (const std::string* version = request.Query("version"); version != nullptr) {
    const auto number = ParseInt(*version);
    if (!number || *number < 1) return InvalidArgument("version is ", Quoted(*version), "; it must be a number");
    range.version = *number;
  }
  return range;
}

Json Milliseconds(const wire::LatencyHistogram& latency, double share) {
  if (latency.count() == 0) return nullptr;
  return static_cast<double>(latency.Quantile(share).count()) / 1000;
}

Json ToJson(const predictions::WindowSummary& window) {
  Json out = Json::Make({{"from", FormatTime(window.window_start)},
                         {"to", FormatTime(window.window_start + window.window_length)},
                         {"model", window.model},
                         {"version", window.version},
                         {"pieces", window.pieces},
                         {"rows", window.rows},
                         {"sampled_rows", window.sampled_rows},
                         {"dropped_rows", window.dropped_rows},
                         {"repeated_rows", window.repeated_rows},
                         {"future_rows", window.future_rows},
                         {"flagged_rows", window.flagged_rows},
                         {"labelled", window.labelled},
                         {"label_sum", window.label_sum},
                         {"labelled_prediction_sum", window.labelled_prediction_sum},
                         {"settled", window.settled},
                         {"requests", window.requests},
                         {"failures", window.failures},
                         {"refused", window.refused}});
  out["latency_ms"] = Json::Make({{"p50", Milliseconds(window.latency, 0.5)},
                                  {"p90", Milliseconds(window.latency, 0.9)},
                                  {"p99", Milliseconds(window.latency, 0.99)}});
  return out;
}

Task<Result<Response>> GetWindows(Predictions& predictions, endpoints::Endpoints& endpoints, Request& request) {
  const predictions::WindowRange range = CO_TRY(RangeOf(request));
  CO_TRY(co_await CheckEndpoint(predictions, endpoints, range.endpoint));
  const std::vector<predictions::WindowSummary> windows = predictions.Windows(range);
  Json rows = Json::MakeArray();
  for (std::size_t i = windows.size() > kWindowsMax ? windows.size() - kWindowsMax : 0; i < windows.size(); ++i) {
    rows.Append(ToJson(windows[i]));
  }
  co_return net::JsonResponse(Json::Make(
      {{"endpoint", range.endpoint}, {"truncated", windows.size() > kWindowsMax}, {"windows", std::move(rows)}}));
}

/// Classes that the model lacks: of earlier versions, or brought by labels.
Json ForeignTo(const LabelledModel& model, const std::vector<std::string>& classes) {
  const std::vector<std::string>& own = model.info.classes;
  const std::vector<std::string_view> candidates(own.begin(), own.end());
  Json out = Json::MakeArray();
  for (const std::string& name : classes) {
    if (own.empty() || wire::PlaceOfName(own, name) >= 0) continue;
    out.Append(Json::Make({{"name", name}, {"did_you_mean", OrNull(std::string(Nearest(name, candidates)))}}));
  }
  return out;
}

/// How the endpoint's labels say what happened, and what they find.
Task<Status> AddModel(const Doors& doors, std::string endpoint, Json& out) {
  const ModelPointer model = CO_TRY(co_await ModelOf(doors, endpoint));
  const bool binary = model != nullptr && model->info.classes.empty();
  std::vector<std::string> classes;
  if (binary) classes = model->info.label_values;
  if (!binary) classes = CO_TRY(co_await ClassesOf(doors, endpoint, model.get()));
  out["classes"] = Json(Json::Array(classes.begin(), classes.end()));
  out["foreign_classes"] = model == nullptr ? Json::MakeArray() : ForeignTo(*model, classes);
  out["key"] = model == nullptr ? Json() : OrNull(model->key);
  std::int64_t rows = 0, kept = 0;
  for (const predictions::WindowSummary& window : doors.predictions.Windows({endpoint})) {
    rows += window.rows;
    kept += window.sampled_rows;
  }
  out["recorded"] = Json::Make({{"rows", rows}, {"kept", kept}});
  co_return Ok();
}

Task<Result<Response>> GetLabels(const Doors& doors, Request& request) {
  const predictions::WindowRange range = CO_TRY(RangeOf(request));
  CO_TRY(co_await CheckEndpoint(doors.predictions, doors.endpoints, range.endpoint));
  const predictions::LabelCoverage coverage = CO_TRY(co_await doors.predictions.Coverage(range));
  Json out = Json::Make({{"endpoint", range.endpoint},
                         {"predictions", coverage.predictions},
                         {"labelled", coverage.labelled},
                         {"coverage", coverage.coverage()}});
  CO_TRY(co_await AddModel(doors, range.endpoint, out));
  out["delay_s"] = Json::Make({{"p50", coverage.delay_p50_s},
                               {"p90", coverage.delay_p90_s},
                               {"p95", coverage.delay_p95_s},
                               {"p99", coverage.delay_p99_s},
                               {"max", coverage.delay_max_s}});
  out["duplicates"] = coverage.duplicates;
  out["contradictions"] = coverage.contradictions;
  out["early"] = coverage.early;
  out["unknown"] = coverage.unknown;
  out["expired"] = coverage.expired;
  out["too_late"] = coverage.too_late;
  co_return net::JsonResponse(out);
}

}  // namespace

void AddPredictionRoutes(net::RouteTable& routes, Predictions& predictions, endpoints::Endpoints& endpoints,
                         blob::BlobStore& blobs) {
  const Doors doors{predictions, endpoints, std::make_shared<LabelledModels>(blobs)};
  routes.Add({Method::kPut, "/api/v1/servers/{id}/windows", Permission::kFollow, wire::kFrameBytesMax,
              net::Simple([&predictions](Request& request) { return PutWindows(predictions, request); })});
  routes.Add({Method::kPost, "/api/v1/endpoints/{name}/labels", Permission::kWrite, kLabelBodyBytesMax,
              net::Simple([doors](Request& request) { return PostLabels(doors, request); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/labels", Permission::kRead, 0,
              net::Simple([doors](Request& request) { return GetLabels(doors, request); })});
  routes.Add({Method::kGet, "/api/v1/endpoints/{name}/windows", Permission::kRead, 0,
              net::Simple([&predictions, &endpoints](Request& request) {
                return GetWindows(predictions, endpoints, request);
              })});
}

}  // namespace mw::api::native
