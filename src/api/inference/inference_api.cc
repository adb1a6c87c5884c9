// Routes, decodes, predicts, encodes.
#include "api/inference/inference_api.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::string_view kModels = "/v2/models/";
constexpr std::string_view kJson = "application/json";

void SendError(net::ResponseWriter& out, int status, std::string_view message,
               std::span<const net::HeaderView> extra = {}) {
  std::string body = "{\"error\":";
  AppendJsonString(body, message);
  body += "}";
  out.Send(status, kJson, body, extra);
}

void SendNotAllowed(net::ResponseWriter& out, const net::RequestView& request, std::string_view allowed) {
  const net::HeaderView allow{"Allow", allowed};
  SendError(out, 405, Cat(net::MethodName(request.method), " is not allowed for ", request.path, "; use ", allowed),
            std::span(&allow, 1));
}

bool IsRead(net::Method method) { return method == net::Method::kGet || method == net::Method::kHead; }

/// As AppendJsonString, with a short way for text that needs no escapes, which ids rarely do.
void AppendText(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\') return AppendJsonString(out, text);
  }
  out += '"';
  out += text;
  out += '"';
}

void AppendNumber(std::string& out, std::uint64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end.ptr);
}

/// `columns`: 0 for a tensor of one dimension.
void AppendTensorHead(std::string& out, std::string_view name, std::string_view datatype, std::size_t rows,
                      std::size_t columns = 0) {
  out += "{\"name\":\"";
  out += name;
  out += "\",\"datatype\":\"";
  out += datatype;
  out += "\",\"shape\":[";
  AppendNumber(out, rows);
  if (columns > 0) {
    out += ',';
    AppendNumber(out, columns);
  }
  out += "],\"data\":[";
}

void AppendValues(std::string& out, std::span<const float> values) {
  char digits[32];
  for (const float value : values) {
    if (!std::isfinite(value)) [[unlikely]] {  // JSON has no word for it
      out += "null,";
      continue;
    }
    const auto end = std::to_chars(digits, digits + sizeof digits, value);
    *end.ptr = ',';
    out.append(digits, end.ptr + 1);
  }
  out.back() = ']';
  out += '}';
}

void AppendDecisions(std::string& out, std::span<const float> values, double threshold) {
  for (const float value : values) out += static_cast<double>(value) >= threshold ? "true," : "false,";
  out.back() = ']';
  out += '}';
}

/// The likeliest class of each row; of equal ones the first.
void AppendLabels(std::string& out, std::span<const float> values, const std::vector<std::string>& classes) {
  for (std::size_t row = 0; row < values.size(); row += classes.size()) {
    const auto own = values.subspan(row, classes.size());
    AppendText(out, classes[static_cast<std::size_t>(std::max_element(own.begin(), own.end()) - own.begin())]);
    out += ',';
  }
  out.back() = ']';
  out += '}';
}

std::string_view DatatypeOf(const schema::Column& column) {
  switch (column.type) {
    case schema::ColumnType::kInteger: return "INT64";
    case schema::ColumnType::kBoolean: return "BOOL";
    case schema::ColumnType::kCategory:
    case schema::ColumnType::kText:
    case schema::ColumnType::kTimestamp: return "BYTES";
    case schema::ColumnType::kFloat: break;
  }
  return "FP32";
}

Json TensorMetadata(std::string_view name, std::string_view datatype, std::size_t columns = 0) {
  Json shape(Json::Array{Json(-1)});
  if (columns > 0) shape.Append(Json(static_cast<std::int64_t>(columns)));
  return Json::Make({{"name", Json(name)}, {"datatype", Json(datatype)}, {"shape", std::move(shape)}});
}

void SendUnknownModel(net::ResponseWriter& out, const serving::Snapshot& snapshot, std::string_view model) {
  std::vector<std::string_view> names(snapshot.names.names().begin(), snapshot.names.names().end());
  const std::string_view nearest = Nearest(model, names);
  SendError(out, 404,
            Cat("no model ", Quoted(model), " is served here", nearest.empty() ? "" : "; did you mean ",
                nearest.empty() ? "" : Quoted(nearest), names.empty() ? "; none is yet" : ""));
}

void SendUnknownVersion(net::ResponseWriter& out, const serving::ServedEndpoint& endpoint, std::string_view version) {
  SendError(out, 404,
            Cat("model ", Quoted(endpoint.live->endpoint), " has no version ", Quoted(version),
                " here; versions: ", endpoint.live->version_text, endpoint.previous ? ", " : "",
                endpoint.previous ? endpoint.previous->version_text : ""));
}

void SendReady(net::ResponseWriter& out, bool ready) {
  // The protocol: 200 is true, 4xx is false.
  out.Send(ready ? 200 : 400, kJson, ready ? R"({"ready":true})" : R"({"ready":false})");
}

}  // namespace

InferenceHandler::InferenceHandler(const InferenceContext& context)
    : clock_(context.clock),
      metrics_(context.metrics),
      program_version_(context.program_version),
      reader_(context.catalog.NewReader()),
      unknown_models_(context.metrics.AddCounter("millwright_inference_unknown_model_total",
                                                 "Requests for a model or version that is not served here.")),
      recording_(context.recording),
      next_id_(Cat(Hex(RandomBytes(8)), "0000000000000000")) {}

void InferenceHandler::Handle(const net::RequestView& request, net::ResponseWriter& out) {
  ModelPath path;
  if (!ParseModelPath(request.path, path)) return HandleServer(request, out);
  HandleModel(request, path, out);
}

bool InferenceHandler::ParseModelPath(std::string_view path, ModelPath& out) {
  if (!path.starts_with(kModels)) return false;
  path.remove_prefix(kModels.size());
  const auto next = [&path] {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    return part;
  };
  out.model = next();
  out.action = next();
  if (out.action == "versions") {
    out.version = next();
    out.action = next();
    if (out.version.empty()) return false;
  }
  return path.empty() && !out.model.empty();
}

void InferenceHandler::HandleServer(const net::RequestView& request, net::ResponseWriter& out) {
  const std::string_view path = request.path;
  const bool known = path == "/v2" || path == "/v2/" || path == "/v2/health/live" || path == "/v2/health/ready" ||
                     path == "/metrics" || path == "/v2/models";
  if (!known) return SendError(out, 404, Cat("no such path: ", path.substr(0, 200), "; start at /v2"));
  if (!IsRead(request.method)) return SendNotAllowed(out, request, "GET");
  if (path == "/metrics") return out.Send(200, "text/plain; version=0.0.4", metrics_.Expose());
  if (path == "/v2/health/live") return out.Json(R"({"live":true})");
  if (path == "/v2/health/ready") {
    return SendReady(out, reader_.Read([](const serving::Snapshot& snapshot) { return snapshot.ready; }));
  }
  Json models = Json::MakeArray();
  reader_.Read([&models](const serving::Snapshot& snapshot) {
    for (const std::string& name : snapshot.names.names()) models.Append(Json(name));
  });
  out.Json(Json::Make({{"name", Json("millwright")},
                       {"version", Json(program_version_)},
                       {"extensions", Json::MakeArray()},
                       {"models", std::move(models)}})
               .Dump());
}

void InferenceHandler::HandleModel(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out) {
  reader_.Read([&](const serving::Snapshot& snapshot) {
    const serving::ServedEndpoint* endpoint = snapshot.Find(path.model);
    const serving::ServedVersion* version =
        endpoint == nullptr ? nullptr : (path.version.empty() ? endpoint->live.get() : endpoint->Find(path.version));
    if (version == nullptr) {
      unknown_models_.Add();
      if (endpoint != nullptr) return SendUnknownVersion(out, *endpoint, path.version);
      return SendUnknownModel(out, snapshot, path.model);
    }
    if (path.action == "infer") {
      if (request.method != net::Method::kPost) return SendNotAllowed(out, request, "POST");
      return Infer(*version, snapshot, request.body, out);
    }
    if (!IsRead(request.method)) return SendNotAllowed(out, request, "GET");
    if (path.action == "ready") return SendReady(out, true);
    if (path.action.empty()) return SendMetadata(*endpoint, *version, out);
    SendError(out, 404, Cat("no such path: ", request.path.substr(0, 200), "; a model has /ready and /infer"));
  });
}

void InferenceHandler::Infer(const serving::ServedVersion& version, const serving::Snapshot& snapshot,
                             std::string_view body, net::ResponseWriter& out) {
  const Duration start = clock_.Elapsed();
  const serving::VersionMetrics& metrics = version.metrics;
  metrics.requests.Add();
  const Status decoded = decoder_.Decode(body, *version.model, snapshot.limits);
  if (!decoded.ok()) return Refuse(version, decoded.error(), start, out);
  values_.resize(decoder_.rows() * version.model->num_outputs());
  version.model->Predict(decoder_.features(), decoder_.rows(), values_);
  request_id_ = RequestId();
  WriteAnswer(version, out);
  const Duration latency = clock_.Elapsed() - start;
  metrics.rows.Add(decoder_.rows());
  if (decoder_.unknown_categories() > 0) metrics.unknown_categories.Add(decoder_.unknown_categories());
  metrics.seconds.Observe(static_cast<double>(latency.count()) * 1e-6);
  const bool failed = !std::all_of(values_.begin(), values_.end(), [](float value) { return std::isfinite(value); });
  if (failed) metrics.failures.Add();
  Record(version, snapshot, start, latency, failed);
}

void InferenceHandler::Record(const serving::ServedVersion& version, const serving::Snapshot& snapshot, Duration start,
                              Duration latency, bool failed) {
  if (recording_ == nullptr || decoder_.id() == kProbeId) return;
  serving::RecordedRequest request;
  request.id = request_id_;
  request.features = decoder_.features();
  request.predictions = values_;
  if (const std::size_t outputs = version.model->num_outputs(); outputs > 1) {
    recorded_.clear();
    for (auto row = values_.begin(); row != values_.end(); row += static_cast<std::ptrdiff_t>(outputs)) {
      recorded_.push_back(static_cast<float>(std::max_element(row, row + static_cast<std::ptrdiff_t>(outputs)) - row));
    }
    request.predictions = recorded_;
    request.class_probabilities = values_;
  }
  request.event_times_us = decoder_.event_times_us();
  request.keys = decoder_.keys();
  request.start = start;
  request.latency = latency;
  request.failed = failed;
  recording_->AddAnswered(version.recorded, snapshot.recording.rows_per_second_full, request);
}

/// A 4xx is the caller's, anything else the server's own.
void InferenceHandler::Refuse(const serving::ServedVersion& version, const Error& error, Duration start,
                              net::ResponseWriter& out) {
  const int status = HttpStatus(error.code);
  const bool refused = status < 500;
  (refused ? version.metrics.refused : version.metrics.failures).Add();
  SendError(out, status, error.ToString());
  if (recording_ == nullptr) return;
  const std::span<const std::int64_t> times = decoder_.event_times_us();
  const std::int64_t time = times.empty() ? serving::kNoEventTime : times.front();
  if (refused) {
    recording_->AddRefused(version.recorded, time, start);
  } else {
    recording_->AddFailed(version.recorded, time, start);
  }
}

void InferenceHandler::WriteAnswer(const serving::ServedVersion& version, net::ResponseWriter& out) {
  std::string& body = out.Begin(200, kJson);
  body += "{\"model_name\":\"";
  body += version.endpoint;
  body += "\",\"model_version\":\"";
  body += version.version_text;
  body += "\",\"id\":";
  AppendText(body, request_id_);
  if (!decoder_.event_time().empty()) {
    body += ",\"parameters\":{\"event_time\":";
    AppendText(body, decoder_.event_time());
    body += '}';
  }
  body += ",\"outputs\":[";
  const serving::Model& model = *version.model;
  if (decoder_.wants_value()) {
    AppendTensorHead(body, model.output_name(), "FP32", decoder_.rows(), model.classes().size());
    AppendValues(body, values_);
  }
  if (decoder_.wants_decision() && model.decision_name() != nullptr) {
    if (decoder_.wants_value()) body += ',';
    AppendTensorHead(body, model.decision_name(), model.classes().empty() ? "BOOL" : "BYTES", decoder_.rows());
    if (model.classes().empty()) {
      AppendDecisions(body, values_, *model.threshold());
    } else {
      AppendLabels(body, values_, model.classes());
    }
  }
  body += "]}";
  out.Finish();
}

/// The client's, or one that no other request has. The prediction id of a row is made of it (wire/window_record.h).
std::string_view InferenceHandler::RequestId() {
  if (!decoder_.id().empty()) return decoder_.id();
  char digits[17];
  const auto end = std::to_chars(digits, digits + sizeof digits, ++id_count_, 16);
  next_id_.replace(next_id_.size() - static_cast<std::size_t>(end.ptr - digits), std::string::npos,
                   std::string_view(digits, static_cast<std::size_t>(end.ptr - digits)));
  return next_id_;
}

void InferenceHandler::SendMetadata(const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version,
                                    net::ResponseWriter& out) const {
  const serving::Model& model = *version.model;
  Json versions = Json::MakeArray();
  versions.Append(Json(endpoint.live->version_text));
  if (endpoint.previous != nullptr) versions.Append(Json(endpoint.previous->version_text));
  Json inputs = Json::MakeArray();
  for (std::size_t i = 0; i < model.num_features(); ++i) {
    const schema::Column& column = model.encoder().column(static_cast<int>(i));
    inputs.Append(TensorMetadata(column.name, DatatypeOf(column)));
  }
  Json outputs = Json::MakeArray();
  outputs.Append(TensorMetadata(model.output_name(), "FP32", model.classes().size()));
  if (model.decision_name() != nullptr) {
    outputs.Append(TensorMetadata(model.decision_name(), model.classes().empty() ? "BOOL" : "BYTES"));
  }
  Json parameters = Json::Make({{"live_version", Json(endpoint.live->version_text)}, {"source", Json(version.source)}});
  if (model.threshold()) parameters["threshold"] = Json(*model.threshold());
  if (!model.classes().empty()) {
    parameters["classes"] = Json(Json::Array(model.classes().begin(), model.classes().end()));
  }
  out.Json(Json::Make({{"name", Json(version.endpoint)},
                       {"versions", std::move(versions)},
                       {"platform", Json("millwright_forest")},
                       {"inputs", std::move(inputs)},
                       {"outputs", std::move(outputs)},
                       {"parameters", std::move(parameters)}})
               .Dump());
}

}  // namespace mw::api::inference
