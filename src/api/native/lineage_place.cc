// From names to ids of lineage.
#include "api/native/lineage_place.h"

#include <algorithm>
#include <optional>

#include "api/native/handler.h"
#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/recorder.h"

namespace mw::api::native {
namespace {

using lineage::Lineage;

/// What these made; what they read where they made nothing.
Status TakePorts(db::Snapshot& snapshot, LineagePlace& place) {
  std::vector<lineage::ArtifactId> read;
  for (const lineage::ExecutionId& id : place.executions) {
    for (const lineage::Event& event : TRY(Lineage::EventsOf(snapshot, id))) {
      std::vector<lineage::ArtifactId>& to = event.direction == lineage::Direction::kOutput ? place.artifacts : read;
      if (std::find(to.begin(), to.end(), event.artifact) == to.end()) to.push_back(event.artifact);
    }
  }
  if (place.artifacts.empty()) place.artifacts = std::move(read);
  return Ok();
}

Result<LineagePlace> OfRun(db::Snapshot& snapshot, LineagePlace place, const std::string& run) {
  const Result<lineage::Execution> tracked = Lineage::ExecutionById(snapshot, lineage::ExecutionId(run));
  if (tracked.ok()) place.executions.push_back(tracked->id);
  const lineage::ContextName context{std::string(kProject), "run", run};
  for (const lineage::Execution& execution : TRY(Lineage::ExecutionsOfContext(snapshot, context))) {
    place.executions.push_back(execution.id);
  }
  if (place.executions.empty()) return NotFound("lineage knows nothing of run ", Quoted(run));
  TRY(TakePorts(snapshot, place));
  return place;
}

Status TakeDigests(db::Snapshot& snapshot, LineagePlace& place, std::vector<lineage::Artifact> newest_first) {
  if (newest_first.size() < 2) return Ok();
  for (lineage::Artifact& artifact : newest_first) {
    TitledDigest one;
    one.runs = TRY(Lineage::RunsAt(snapshot, artifact.id, TitledDigest::kRunsShown + 1));
    one.more_runs = one.runs.size() > static_cast<std::size_t>(TitledDigest::kRunsShown);
    if (one.more_runs) one.runs.pop_back();
    one.artifact = std::move(artifact);
    place.digests.push_back(std::move(one));
  }
  return Ok();
}

Result<LineagePlace> OfTitle(db::Snapshot& snapshot, LineagePlace place, std::string_view type,
                             const std::string& title) {
  auto all = TRY(Lineage::ArtifactsByTitle(snapshot, kProject, type, title, "", LineagePlace::kDigestsShown));
  if (!all.empty()) {
    place.artifacts.push_back(all.front().id);
    TRY(TakeDigests(snapshot, place, std::move(all)));
    return place;
  }
  if (const std::size_t at = title.rfind('@'); at != std::string::npos) {
    const std::string name = title.substr(0, at), digest = title.substr(at + 1);
    const auto found = TRY(Lineage::ArtifactsByTitle(snapshot, kProject, type, name, digest, 1));
    if (!found.empty()) {
      place.artifacts.push_back(found.front().id);
      all = TRY(Lineage::ArtifactsByTitle(snapshot, kProject, type, name, "", LineagePlace::kDigestsShown));
      TRY(TakeDigests(snapshot, place, std::move(all)));
      return place;
    }
  }
  return NotFound("lineage knows no ", type, " ", Quoted(title), "; name one as MODEL@VERSION, run:ID, ",
                  "endpoint:NAME, sha256:DIGEST, TYPE:TITLE, TYPE:TITLE@DIGEST or by its id");
}

/// Its own artifact, else that of its package.
Result<LineagePlace> OfVersion(db::Snapshot& snapshot, LineagePlace place, const registry::ModelName& name,
                               const std::string& reference) {
  const registry::ModelVersion version = TRY(registry::Registry::GetVersion(snapshot, name, reference));
  const std::string title = lineage::VersionTitle(version.model, version.version);
  const auto titled = TRY(Lineage::ArtifactsByTitle(snapshot, kProject, lineage::kVersion, title));
  if (!titled.empty()) {
    place.artifacts.push_back(titled.front().id);
    return place;
  }
  const auto packages = TRY(Lineage::ArtifactsByDigest(snapshot, kProject, version.package));
  if (packages.empty()) return NotFound("nothing is recorded of how ", title, " was made");
  place.artifacts.push_back(packages.front().id);
  return place;
}

Result<LineagePlace> OfId(db::Snapshot& snapshot, LineagePlace place) {
  const Result<lineage::Artifact> artifact = Lineage::ArtifactById(snapshot, lineage::ArtifactId(place.reference));
  if (artifact.ok()) {
    place.artifacts.push_back(artifact->id);
    return place;
  }
  if (artifact.error().code != Code::kNotFound) return artifact.error();
  const std::string id = place.reference;
  return OfRun(snapshot, std::move(place), id);
}

Result<LineagePlace> Find(db::Snapshot& snapshot, const std::string& reference) {
  LineagePlace place{reference, {}, {}};
  if (reference.starts_with("sha256:")) {
    place.artifacts.push_back(TRY(Lineage::ArtifactByDigest(snapshot, kProject, reference)).id);
    return place;
  }
  const std::size_t colon = reference.find(':');
  if (colon != std::string::npos) {
    const std::string type = reference.substr(0, colon), name = reference.substr(colon + 1);
    return type == "run" ? OfRun(snapshot, std::move(place), name) : OfTitle(snapshot, std::move(place), type, name);
  }
  if (const std::size_t at = reference.rfind('@'); at != std::string::npos) {
    const registry::ModelName model{std::string(kProject), reference.substr(0, at)};
    return OfVersion(snapshot, std::move(place), model, reference.substr(at + 1));
  }
  return OfId(snapshot, std::move(place));
}

}  // namespace

Task<Result<LineagePlace>> FindPlace(LineageParts parts, std::string reference) {
  if (reference.empty()) {
    co_return InvalidArgument("of=... is missing: MODEL@VERSION, run:ID, endpoint:NAME, sha256:DIGEST, TYPE:TITLE, ",
                              "TYPE:TITLE@DIGEST or an id");
  }
  constexpr std::string_view kEndpoint = "endpoint:";
  std::string wanted = reference;
  if (reference.starts_with(kEndpoint)) {
    const endpoints::EndpointView view = CO_TRY(co_await parts.endpoints.Get(reference.substr(kEndpoint.size())));
    wanted = Cat("deployment:", lineage::DeploymentTitle(view.current.endpoint, view.current.generation));
  }
  LineagePlace place =
      CO_TRY(co_await parts.database.Read([&](db::Snapshot& snapshot) { return Find(snapshot, wanted); }));
  place.reference = std::move(reference);
  co_return place;
}

}  // namespace mw::api::native
