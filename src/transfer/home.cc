// Bodies of about a megabyte, so that no transaction holds up those who log meanwhile.
#include "transfer/home.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "tracking/imports.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

constexpr std::size_t kFramesBytes = std::size_t{1} << 20;
constexpr std::size_t kPointsOfAFrame = 60'000;
constexpr std::size_t kMappedBytesMin = std::size_t{8} << 20;  ///< smaller files are read whole
constexpr std::size_t kFileBytesMax = std::size_t{1} << 46;
constexpr std::size_t kBodyBytes = std::size_t{4} << 20;       ///< of runs or models in one call, or a single one
constexpr std::size_t kPieceBytesMax = std::size_t{30} << 20;  ///< what the control plane takes
constexpr int kAttempts = 8;                                   ///< of one call, within half a minute
constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::string_view kArtifacts = "/api/2.0/mlflow-artifacts/artifacts";

/// Whether artifacts at this location are brought along: not what lies in an object store.
bool IsBrought(std::string_view location) {
  const std::size_t colon = location.find("://");
  return colon == std::string_view::npos || location.starts_with("file:") || !ProxyPath(location).empty();
}

bool IsPassing(const Result<net::Response>& response) {
  if (!response.ok()) return response.error().code == Code::kUnavailable;
  return response->status == 503 || response->status == 429;
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

constexpr Home::Kind Home::kRuns = {"run", "runs", "runs", "run_id"};
constexpr Home::Kind Home::kLoggedModels = {"logged model", "logged-models", "models", "model_id"};

Home::Home(net::HttpClient& control, std::string source, ArtifactReader* artifacts, Report& report)
    : control_(control),
      source_(std::move(source)),
      attempt_(NewIdText(RealClock())),
      artifacts_(artifacts),
      report_(report) {}

/// Everything that is asked may be asked again: a control plane that restarts is waited for.
Result<net::Response> Home::Ask(net::Method method, const std::string& target, std::string_view body,
                                std::string_view type) {
  const net::Headers headers = {{"Content-Type", std::string(type)}};
  Result<net::Response> response = control_.Send(method, target, body, headers);
  for (int attempt = 1; attempt < kAttempts && IsPassing(response); ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100) * (1 << attempt));  // NOLINT(no-sleeps): asked again
    response = control_.Send(method, target, body, headers);
  }
  if (!response.ok()) return std::move(response).error();
  if (response->status >= 300) return net::ErrorFromResponse(*response);
  return response;
}

Result<Json> Home::Import(std::string_view what, const Json& body) {
  const net::Response response =
      TRY(Ask(net::Method::kPost, Cat("/api/v1/import/", what), body.Dump(), "application/json"));
  const Json answer = TRY(Json::Parse(response.body));
  const Json* outcomes = answer.Find("outcomes");
  if (outcomes == nullptr || !outcomes->IsArray()) return Internal("the control plane answers ", answer.Dump());
  return *outcomes;
}

Json Home::DigestJson(const tracking::SetDigest& digest) {
  return Json::Make({{"count", digest.count}, {"sum", Cat(digest.sum)}});
}

/// What the control plane refuses is parted until the one at fault is alone: that is left out, the others come.
Status Home::ImportPieces(const Kind& kind, std::string_view begin, std::span<const Piece* const> pieces,
                          const TakeOutcome& take) {
  if (pieces.empty()) return Ok();
  std::string body(begin);
  for (const Piece* piece : pieces) CatTo(body, piece == pieces.front() ? "" : ",", piece->json);
  body += "]}";
  const Result<net::Response> response =
      Ask(net::Method::kPost, Cat("/api/v1/import/", kind.what), body, "application/json");
  if (!response.ok() && response.error().code == Code::kInvalidArgument) {
    if (pieces.size() == 1) {
      report_.Skip(kind.name, pieces.front()->id, response.error().message);
      return Ok();
    }
    TRY(ImportPieces(kind, begin, pieces.first(pieces.size() / 2), take));
    return ImportPieces(kind, begin, pieces.subspan(pieces.size() / 2), take);
  }
  if (!response.ok()) return response.error();
  const Json answer = TRY(Json::Parse(response->body));
  for (const Json& outcome : ListIn(&answer, "outcomes")) take(outcome);
  return Ok();
}

Status Home::ImportMany(const Kind& kind, const Json& rest, const std::vector<Piece>& pieces, const TakeOutcome& take) {
  std::string begin = rest.Dump();
  begin.pop_back();  // the brace at its end
  CatTo(begin, ",\"", kind.list, "\":[");
  std::vector<const Piece*> together;
  std::size_t bytes = 0;
  for (const Piece& piece : pieces) {
    if (piece.json.size() > kPieceBytesMax) {
      report_.Skip(kind.name, piece.id,
                   Cat("has ", piece.json.size(), " bytes of texts and datasets; at most ", kPieceBytesMax));
      continue;
    }
    if (bytes + piece.json.size() > kBodyBytes) {
      TRY(ImportPieces(kind, begin, together, take));
      together.clear();
      bytes = 0;
    }
    together.push_back(&piece);
    bytes += piece.json.size();
  }
  return ImportPieces(kind, begin, together, take);
}

Status Home::Experiments(const Json::Array& experiments) {
  Json::Array sent = experiments;
  std::map<std::string, std::string> brought;  // id -> where it lies there
  for (Json& experiment : sent) {
    const std::string id = experiment.StringOr("experiment_id", ""),
                      location = experiment.StringOr("artifact_location", "");
    // What is brought along has its place here; what stays elsewhere keeps its own.
    if (IsBrought(location)) {
      experiment["artifact_location"] = "";
      brought[id] = ArtifactPlace(location);
    } else {
      remote_locations_[id] = location;
    }
  }
  const Json outcomes =
      TRY(Import("experiments", Json::Make({{"source", source_}, {"experiments", Json(std::move(sent))}})));
  for (const Json& outcome : outcomes.AsArray()) {
    const std::string id = outcome.StringOr("id", ""), state = outcome.StringOr("state", ""),
                      to = outcome.StringOr("to", "");
    if (to.empty()) {
      report_.Skip("experiment", id, outcome.StringOr("why", ""));
      continue;
    }
    experiments_[id] = to;
    if (const auto place = brought.find(id); place != brought.end()) places_[place->second] = to;
    report_.Count("experiment", state);
    if (to != id) report_.Note("experiment", id, Cat("has the id ", to, " here"));
  }
  return Ok();
}

Result<std::vector<bool>> Home::Begin(const Kind& kind, const Json& rest, const Json::Array& items, const Open& open) {
  std::vector<Piece> sent;
  std::vector<bool> wanted(items.size(), false);
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Json item = items[i];
    Json& info = item["info"];
    const std::string id = info.StringOr(kind.id, ""), there = info.StringOr("experiment_id", "");
    const auto experiment = experiments_.find(there);
    if (experiment == experiments_.end()) {
      report_.Skip(kind.name, id, Cat("its experiment ", there, " was left out"));
      continue;
    }
    info["experiment_id"] = experiment->second;
    places[id] = i;
    sent.push_back({id, item.Dump()});
  }
  const auto take = [&](const Json& outcome) {
    const std::string id = outcome.StringOr("id", ""), state = outcome.StringOr("state", "");
    const auto place = places.find(id);
    if (place == places.end()) return;
    if (state == "done") report_.Count(kind.name, "known");
    if (state == "taken") report_.Skip(kind.name, id, outcome.StringOr("why", ""));
    if (state != "open") return;
    wanted[place->second] = true;
    const Json& item = items[place->second];
    const Json& info = *item.Find("info");
    const std::string there = info.StringOr("experiment_id", "");
    OpenItem opened{experiments_[there], info.StringOr("artifact_uri", ""), item.StringOr("fingerprint", "")};
    if (remote_locations_.contains(there)) opened.artifact_uri.clear();
    open(id, item, std::move(opened));
  };
  TRY(ImportMany(kind, rest, sent, take));
  return wanted;
}

/// What is to be there of what the run read and made.
Home::OpenRun Home::Opened(const Json& run, OpenItem item) {
  OpenRun open{std::move(item)};
  std::set<std::string> members;
  for (const Json& input : ListIn(run.Find("inputs"), "dataset_inputs")) {
    const Json* dataset = input.Find("dataset");
    if (dataset == nullptr) continue;
    std::vector<std::pair<std::string, std::string>> tags;
    for (const Json& tag : ListIn(&input, "tags"))
      tags.emplace_back(tag.StringOr("key", ""), tag.StringOr("value", ""));
    members.insert(tracking::DatasetMember(dataset->StringOr("name", ""), dataset->StringOr("digest", ""), tags));
  }
  open.datasets = static_cast<std::int64_t>(members.size());
  for (const Json& model : ListIn(run.Find("inputs"), "model_inputs")) {
    open.models_read += members.insert(tracking::ModelReadMember(model.StringOr("model_id", ""))).second ? 1 : 0;
  }
  for (const Json& model : ListIn(run.Find("outputs"), "model_outputs")) {
    const std::string member = tracking::ModelMadeMember(model.StringOr("model_id", ""), IntegerOf(model, "step"));
    open.models_made += members.insert(member).second ? 1 : 0;
  }
  for (const std::string& member : members) open.inputs.Add(member);
  return open;
}

Result<std::vector<bool>> Home::BeginRuns(const Json::Array& runs) {
  return Begin(
      kRuns, Json::Make({{"source", source_}, {"attempt", attempt_}}), runs,
      [this](const std::string& id, const Json& run, OpenItem item) { open_[id] = Opened(run, std::move(item)); });
}

Status Home::Points(const std::string& run, const std::string& key, std::span<const Point> points) {
  if (key.empty() || key.size() > tracking::Imports::kKeyBytesMax || !IsUtf8(key)) {
    report_.Skip("metric", Cat(run, " ", Quoted(key)),
                 Cat("its name must have 1 to ", tracking::Imports::kKeyBytesMax, " bytes of UTF-8"));
    return Ok();
  }
  tracking::PointDigest& digest = open_[run].metrics[key];
  for (const Point& point : points) digest.Add(point);
  report_.Count("point", "imported", static_cast<std::int64_t>(points.size()));
  for (; !points.empty(); points = points.subspan(std::min(points.size(), kPointsOfAFrame))) {
    tracking::AppendFrame(frames_, run, key, points.first(std::min(points.size(), kPointsOfAFrame)));
    if (frames_.size() >= kFramesBytes) TRY(FlushPoints());
  }
  return Ok();
}

Status Home::FlushPoints() {
  if (frames_.empty()) return Ok();
  TRY(Ask(net::Method::kPost, Cat("/api/v1/import/points?attempt=", attempt_), frames_, kBytesType));
  frames_.clear();
  return Ok();
}

Status Home::EndRuns() {
  TRY(FlushPoints());
  for (const auto& [id, run] : open_) {
    TRY(BringArtifacts("run", id, run.artifact_uri, Cat(run.experiment, "/", id, "/artifacts")));
  }
  return Finish();
}

Status Home::Finish() {
  Json::Array runs;
  for (const auto& [id, run] : open_) {
    Json metrics = Json::MakeArray();
    for (const auto& [key, digest] : run.metrics) {
      metrics.Append(Json::Make({{"key", key}, {"count", digest.count}, {"sum", Cat(digest.sum)}}));
    }
    runs.push_back(Json::Make({{"run_id", id},
                               {"fingerprint", run.fingerprint},
                               {"metrics", std::move(metrics)},
                               {"inputs", DigestJson(run.inputs)}}));
  }
  const std::map<std::string, OpenRun> finished = std::exchange(open_, {});
  if (runs.empty()) return Ok();
  const Json outcomes = TRY(Import("finish", Json::Make({{"runs", Json(std::move(runs))}})));
  for (const Json& outcome : outcomes.AsArray()) {
    const std::string id = outcome.StringOr("id", "");
    if (outcome.StringOr("state", "") == "done") {
      report_.Count("run", "imported");
      if (const auto run = finished.find(id); run != finished.end()) CountInputs(run->second);
    } else {
      report_.Differs("run", id, outcome.StringOr("why", ""));
    }
  }
  return Ok();
}

void Home::CountInputs(const OpenRun& run) {
  if (run.datasets > 0) report_.Count("dataset input", "imported", run.datasets);
  if (run.models_read > 0) report_.Count("model input", "imported", run.models_read);
  if (run.models_made > 0) report_.Count("model output", "imported", run.models_made);
}

// ---- artifacts ----

Result<std::map<std::string, std::int64_t>> Home::ListHere(const std::string& directory) {
  const net::Response response =
      TRY(Ask(net::Method::kGet, Cat(kArtifacts, "?path=", net::PercentEncode(directory)), "", "application/json"));
  const Json answer = TRY(Json::Parse(response.body));
  std::map<std::string, std::int64_t> sizes;
  const Json* files = answer.Find("files");
  if (files == nullptr || !files->IsArray()) return sizes;
  for (const Json& file : files->AsArray()) {
    if (!file.BoolOr("is_dir", false)) sizes[file.StringOr("path", "")] = file.IntOr("file_size", 0);
  }
  return sizes;
}

Status Home::BringArtifacts(std::string_view kind, const std::string& id, const std::string& uri,
                            const std::string& target) {
  if (artifacts_ == nullptr || uri.empty()) return Ok();
  const Result<std::vector<ArtifactFile>> files = artifacts_->List(uri);
  if (!files.ok()) {
    report_.Skip("artifacts", Cat(kind, " ", id), files.error().ToString());
    return Ok();
  }
  std::map<std::string, std::map<std::string, std::int64_t>> here;
  for (const ArtifactFile& file : *files) {
    const std::string path = Cat(target, "/", file.path), directory = DirectoryOf(path);
    if (!here.contains(directory)) here[directory] = TRY(ListHere(directory));
    const auto known = here[directory].find(path.substr(directory.size() + 1));
    if (known != here[directory].end() && known->second == file.size) {
      report_.Count("artifact", "known");
      continue;
    }
    Status brought = BringFile(uri, file, path);
    if (!brought.ok() && brought.error().code == Code::kUnavailable) return brought;
    if (brought.ok()) {
      report_.Count("artifact", "imported");
      report_.Count("artifact byte", "imported", file.size);
    } else {
      report_.Skip("artifact", Cat(id, " ", file.path), brought.error().ToString());
    }
  }
  return Ok();
}

Status Home::BringFile(const std::string& uri, const ArtifactFile& file, const std::string& target) {
  return artifacts_->Open(uri, file.path, [&](const std::string& path) -> Status {
    const auto put = [&](std::string_view bytes) -> Status {
      TRY(Ask(net::Method::kPut, Cat(kArtifacts, "/", EncodePath(target)), bytes, kBytesType));
      return Ok();
    };
    if (file.size >= static_cast<std::int64_t>(kMappedBytesMin)) {
      return put(TRY(MappedFile::Open(path, kFileBytesMax)).bytes());
    }
    return put(TRY(ReadFile(path, kMappedBytesMin)));
  });
}

}  // namespace mw::transfer
