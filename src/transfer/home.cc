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

namespace mw::transfer {
namespace {

constexpr std::size_t kFramesBytes = std::size_t{1} << 20;
constexpr std::size_t kPointsOfAFrame = 60'000;
constexpr std::size_t kMappedBytesMin = std::size_t{8} << 20;  ///< smaller files are read whole
constexpr std::size_t kFileBytesMax = std::size_t{1} << 46;
constexpr std::size_t kVersionsOfACall = 500;
constexpr int kAttempts = 8;  ///< of one call, within half a minute
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

/// A location in one form, however it is written: "file:///a/b/" and "/a/b" are one place.
std::string PlaceOf(std::string_view location) {
  std::string place = ProxyPath(location);
  if (!place.empty()) {
    place.insert(0, "mlflow-artifacts:/");
  } else if (location.starts_with("file:")) {
    location.remove_prefix(5);
    if (location.starts_with("//")) location = location.substr(std::min(location.find('/', 2), location.size()));
    place = net::PercentDecode(location).value_or(std::string(location));
  } else {
    place = location;
  }
  while (place.ends_with('/')) place.pop_back();
  return place;
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

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

Status Home::Experiments(const Json::Array& experiments) {
  Json::Array sent = experiments;
  std::map<std::string, std::string> brought;  // id -> where it lies there
  for (Json& experiment : sent) {
    const std::string id = experiment.StringOr("experiment_id", ""),
                      location = experiment.StringOr("artifact_location", "");
    // What is brought along has its place here; what stays elsewhere keeps its own.
    if (IsBrought(location)) {
      experiment["artifact_location"] = "";
      brought[id] = PlaceOf(location);
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

Result<std::vector<bool>> Home::BeginRuns(const Json::Array& runs) {
  Json::Array sent;
  std::vector<bool> wanted(runs.size(), false);
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Json run = runs[i];
    Json& info = run["info"];
    const std::string id = info.StringOr("run_id", ""), there = info.StringOr("experiment_id", "");
    const auto experiment = experiments_.find(there);
    if (experiment == experiments_.end()) {
      report_.Skip("run", id, Cat("its experiment ", there, " was left out"));
      continue;
    }
    info["experiment_id"] = experiment->second;
    OpenRun open{experiment->second, info.StringOr("artifact_uri", ""), run.StringOr("fingerprint", ""), {}};
    if (remote_locations_.contains(there)) open.artifact_uri.clear();
    open_[id] = std::move(open);
    places[id] = i;
    sent.push_back(std::move(run));
  }
  const Json outcomes =
      TRY(Import("runs", Json::Make({{"source", source_}, {"attempt", attempt_}, {"runs", Json(std::move(sent))}})));
  for (const Json& outcome : outcomes.AsArray()) {
    const std::string id = outcome.StringOr("id", ""), state = outcome.StringOr("state", "");
    const auto place = places.find(id);
    if (place == places.end()) continue;
    wanted[place->second] = state == "open";
    if (state == "open") continue;
    open_.erase(id);
    if (state == "done") report_.Count("run", "known");
    if (state == "taken") report_.Skip("run", id, outcome.StringOr("why", ""));
  }
  return wanted;
}

Status Home::Points(const std::string& run, const std::string& key, std::span<const Point> points) {
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
    runs.push_back(Json::Make({{"run_id", id}, {"fingerprint", run.fingerprint}, {"metrics", std::move(metrics)}}));
  }
  open_.clear();
  if (runs.empty()) return Ok();
  const Json outcomes = TRY(Import("finish", Json::Make({{"runs", Json(std::move(runs))}})));
  for (const Json& outcome : outcomes.AsArray()) {
    if (outcome.StringOr("state", "") == "done") {
      report_.Count("run", "imported");
    } else {
      report_.Differs("run", outcome.StringOr("id", ""), outcome.StringOr("why", ""));
    }
  }
  return Ok();
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

// ---- models ----

Status Home::LoggedModels(const Json::Array& models) {
  // Registered versions are made of their files, so those come.
  for (const Json& model : models) {
    const Json& info = *model.Find("info");
    const std::string id = info.StringOr("model_id", "");
    const auto experiment = experiments_.find(info.StringOr("experiment_id", ""));
    if (experiment != experiments_.end()) {
      TRY(BringArtifacts("logged model", id, info.StringOr("artifact_uri", ""),
                         Cat(experiment->second, "/models/", id, "/artifacts")));
    }
    report_.Skip("logged model", id, "not kept by this version; its files are");
  }
  return Ok();
}

std::string Home::Relocated(const std::string& uri) const {
  if (artifacts_ == nullptr) return uri;
  const std::string place = PlaceOf(uri);
  // The longest location that the place lies in: experiments may lie in one another's.
  for (std::size_t end = place.rfind('/'); end != std::string::npos && end > 0; end = place.rfind('/', end - 1)) {
    const auto known = places_.find(place.substr(0, end));
    if (known != places_.end()) return Cat("mlflow-artifacts:/", known->second, place.substr(end));
  }
  return uri;
}

Status Home::RegisteredModel(const Json& model, const Json::Array& versions) {
  const auto number = [](const Json& version) { return ParseInt(version.StringOr("version", "")).value_or(0); };
  Json::Array sorted = versions;
  std::sort(sorted.begin(), sorted.end(), [&](const Json& a, const Json& b) { return number(a) < number(b); });
  std::span<const Json> rest(sorted);
  do {
    const std::size_t count = std::min(rest.size(), kVersionsOfACall);
    TRY(PutVersions(model, rest.first(count)));
    rest = rest.subspan(count);
  } while (!rest.empty());
  return Ok();
}

Status Home::PutVersions(const Json& model, std::span<const Json> versions) {
  Json::Array sent;
  std::set<std::string> numbers;
  for (Json version : versions) {
    numbers.insert(version.StringOr("version", ""));
    const std::string id = Cat(model.StringOr("name", ""), "/", version.StringOr("version", ""));
    const std::string source = version.StringOr("source", ""), storage = version.StringOr("storage_location", "");
    const std::string here = storage.empty() ? "" : Relocated(storage);
    // What no run's artifacts are: the files of a logged model.
    if (source.starts_with("models:") && here != storage) {
      TRY(BringArtifacts("model version", id, storage, ProxyPath(here)));
    }
    version["source"] = Relocated(source);
    version["storage_location"] = here;
    const std::string status = version.StringOr("status", "READY");
    if (status != "READY") report_.Note("model version", id, Cat("was ", status, ", is READY here"));
    sent.push_back(std::move(version));
  }
  Json told = model;
  Json aliases = Json::MakeArray();
  if (const Json* all = model.Find("aliases"); all != nullptr && all->IsArray()) {
    for (const Json& alias : all->AsArray()) {
      if (numbers.contains(alias.StringOr("version", ""))) aliases.Append(alias);
    }
  }
  told["aliases"] = std::move(aliases);
  const Json body = Json::Make({{"model", std::move(told)}, {"versions", Json(std::move(sent))}});
  const Result<Json> outcomes = Import("models", body);
  if (!outcomes.ok() && outcomes.error().code == Code::kInvalidArgument) {
    report_.Skip("registered model", model.StringOr("name", ""), outcomes.error().message);
    return Ok();
  }
  if (!outcomes.ok()) return outcomes.error();
  for (const Json& outcome : outcomes->AsArray()) {
    const std::string id = outcome.StringOr("id", ""), state = outcome.StringOr("state", "");
    const std::string_view kind = id.find('/') != std::string::npos   ? "model version"
                                  : id.find('@') != std::string::npos ? "alias"
                                                                      : "registered model";
    if (state == "taken") {
      report_.Skip(kind, id, outcome.StringOr("why", ""));
    } else {
      report_.Count(kind, state == "made" ? "imported" : "known");
    }
  }
  return Ok();
}

}  // namespace mw::transfer
