// Reading packages, reports and runs.
#include "monitoring/version_facts.h"

#include "base/log.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "monitoring/baselines.h"
#include "wire/package.h"

namespace mw::monitoring {
namespace {

constexpr std::size_t kReportBytesMax = std::size_t{32} << 20;

Result<VersionFacts> ReadPackageFacts(blob::BlobStore& blobs, const std::string& digest) {
  const blob::Artifact package{digest, blob::ArtifactKind::kDirectory, 0};
  const std::string info = TRY(blob::ReadFileOf(blobs, package, "package.json", wire::kPackageJsonBytesMax));
  return FactsOfPackage(info, TRY(blob::ReadFileOf(blobs, package, "schema.json", wire::kSchemaBytesMax)));
}

Result<evaluation::Report> ReadReport(blob::BlobStore& blobs, const std::string& digest) {
  return evaluation::ReportFromJson(TRY(Json::Parse(TRY(blobs.Get(digest, kReportBytesMax)))));
}

}  // namespace

Result<VersionFacts> FactsOfPackage(std::string_view package_json, std::string_view schema_json) {
  const wire::PackageInfo info = TRY(wire::ParsePackageInfo(package_json));
  VersionFacts facts;
  facts.schema = TRY(schema::FromJson(TRY(Json::Parse(schema_json))));
  facts.classes = info.classes;
  const Json* training = info.lineage.Find("training");
  if (training == nullptr) return facts;
  facts.training = evaluation::TrainingLabels::FromJson(*training, info.classes.size());
  if (const auto until = ParseTime(training->StringOr("until", "")); until.ok()) facts.trained_until = *until;
  return facts;
}

Task<VersionFacts> VersionBook::Read(registry::ModelVersion version) {
  VersionFacts facts;
  const auto read_package = [&] { return ReadPackageFacts(blobs_, version.package); };
  Result<VersionFacts> packaged = co_await OnWorkers(workers_, read_package);
  if (packaged.ok()) {
    facts = *std::move(packaged);
  } else {
    LogInfo("a package does not say what its version was made of",
            {{"model", version.model}, {"version", version.version}, {"reason", packaged.error().ToString()}});
  }
  facts.version = version.version;
  if (version.run_id.empty()) co_return facts;
  Result<RunFacts> run = co_await runs_.Of(version.run_id, version.package);
  if (!run.ok()) co_return facts;
  facts.pipeline = run->pipeline;
  facts.params = run->params;
  if (run->report.empty()) co_return facts;
  const auto read_report = [&] { return ReadReport(blobs_, run->report); };
  Result<evaluation::Report> report = co_await OnWorkers(workers_, read_report);
  if (report.ok()) facts.report = *std::move(report);
  co_return facts;
}

Task<Result<std::vector<VersionFacts>>> VersionBook::Versions(std::string model) {
  std::vector<VersionFacts> out;
  const registry::ModelName name{"default", model};
  const Result<std::vector<registry::ModelVersion>> versions = co_await registry_.ListVersions(name);
  if (!versions.ok()) {
    if (versions.error().code == Code::kNotFound) co_return out;
    co_return versions.error();
  }
  for (const registry::ModelVersion& version : *versions) {
    if (out.size() == kVersionsMax) break;
    if (version.package.empty()) continue;  // files alone answer nobody
    const std::pair<std::string, std::int64_t> key{model, version.version};
    std::optional<VersionFacts> known;
    {
      const Lock lock(mutex_);
      const auto found = known_.find(key);
      if (found != known_.end()) known = found->second;
    }
    if (!known) {
      known = co_await Read(version);
      const Lock lock(mutex_);
      known_[key] = *known;
    }
    out.push_back(*std::move(known));
  }
  co_return out;
}

}  // namespace mw::monitoring
