// What model servers recorded and what became of it: windows up, labels in, both read back.
#include <algorithm>
#include <cmath>
#include <optional>

#include "api/native/handler.h"
#include "api/native/routes.h"
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

/// What labels need.
struct Doors {
  Predictions& predictions;
  endpoints::Endpoints& endpoints;
  blob::BlobStore& blobs;
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
  const predictions::Accepted accepted = CO_TRY(co_await predictions.Accept(std::move(pieces)));
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

/// What its package says of the model that the endpoint shall answer with; nothing when no version was deployed here.
Task<Result<std::optional<wire::PackageInfo>>> ModelOf(endpoints::Endpoints& endpoints, blob::BlobStore& blobs,
                                                       std::string endpoint) {
  std::optional<wire::PackageInfo> info;
  const auto found = co_await endpoints.Get(std::move(endpoint));
  if (!found.ok() && found.error().code == Code::kNotFound) co_return info;
  if (!found.ok()) co_return found.error();
  const blob::Artifact package{found->current.package, blob::ArtifactKind::kDirectory, 0};
  const std::string text = CO_TRY(blob::ReadFileOf(blobs, package, "package.json", wire::kPackageJsonBytesMax));
  info = CO_TRY(wire::ParsePackageInfo(text));
  co_return info;
}

/// Turns classes by name into numbers where the model says how; gives the model's classes if it has several.
Task<Result<std::vector<std::string>>> ReadNames(const Doors& doors, wire::LabelBatch& batch) {
  std::vector<std::string> classes;
  const bool named = std::any_of(batch.labels.begin(), batch.labels.end(),
                                 [](const wire::Label& label) { return !label.text.empty(); });
  if (!named) co_return classes;
  const auto model = CO_TRY(co_await ModelOf(doors.endpoints, doors.blobs, batch.endpoint));
  if (!model) co_return classes;
  CO_TRY(wire::NumberLabels(*model, batch.labels));
  co_return model->classes;
}

Task<Result<Response>> PostLabels(const Doors& doors, Request& request) {
  const std::string body = CO_TRY(co_await request.ReadAll());
  wire::LabelBatch batch = CO_TRY(BatchOf(request, body));
  CO_TRY(co_await CheckEndpoint(doors.predictions, doors.endpoints, batch.endpoint));
  const std::string batch_id = batch.batch_id;
  std::vector<std::string> classes = CO_TRY(co_await ReadNames(doors, batch));
  const predictions::LabelsAccepted accepted =
      CO_TRY(co_await doors.predictions.AcceptLabels(std::move(batch), std::move(classes)));
  co_return net::JsonResponse(Json::Make({{"batch_id", batch_id},
                                          {"labels", accepted.labels},
                                          {"repeated", accepted.repeated},
                                          {"joined", accepted.joined},
                                          {"waiting", accepted.waiting},
                                          {"too_late", accepted.too_late}}));
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
                         {"failures", window.failures}});
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

/// The names by which a label can say its class, by number.
Task<Result<std::vector<std::string>>> ClassesOf(const Doors& doors, std::string endpoint) {
  const auto model = CO_TRY(co_await ModelOf(doors.endpoints, doors.blobs, endpoint));
  if (model && model->classes.empty()) co_return model->label_values;
  std::vector<std::string> classes = CO_TRY(co_await doors.predictions.Classes(endpoint));
  if (classes.empty() && model) co_return model->classes;
  co_return classes;
}

Task<Result<Response>> GetLabels(const Doors& doors, Request& request) {
  const predictions::WindowRange range = CO_TRY(RangeOf(request));
  CO_TRY(co_await CheckEndpoint(doors.predictions, doors.endpoints, range.endpoint));
  const predictions::LabelCoverage coverage = CO_TRY(co_await doors.predictions.Coverage(range));
  const std::vector<std::string> classes = CO_TRY(co_await ClassesOf(doors, range.endpoint));
  Json out = Json::Make({{"endpoint", range.endpoint},
                         {"predictions", coverage.predictions},
                         {"labelled", coverage.labelled},
                         {"coverage", coverage.coverage()},
                         {"classes", Json(Json::Array(classes.begin(), classes.end()))}});
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
  const Doors doors{predictions, endpoints, blobs};
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
