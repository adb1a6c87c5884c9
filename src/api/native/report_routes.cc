// What the evaluation of a registered version found: the report that the run which registered it made.
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "pipelines/report_of.h"

namespace mw::api::native {
namespace {

using pipelines::RunDetails;

constexpr std::size_t kReportBytesMax = std::size_t{32} << 20;

/// The report of the step that evaluated this package.
Result<std::string> ReportDigest(const RunDetails& run, const registry::ModelVersion& version) {
  if (const pipelines::NamedArtifact* report = pipelines::ReportOf(run, version.package))
    return report->artifact.digest;
  return NotFound("no step of run ", version.run_id, " evaluated version ", version.version, " of ",
                  Quoted(version.model), "; add a step with `uses: evaluate` to its pipeline");
}

Task<Result<Response>> Get(registry::Registry& registry, pipelines::Pipelines& pipelines, blob::BlobStore& blobs,
                           Request& request) {
  registry::ModelName name = ModelNameOf(request);
  const registry::ModelVersion version =
      CO_TRY(co_await registry.GetVersion(std::move(name), request.params.at("version")));
  if (version.run_id.empty()) {
    co_return NotFound("version ", version.version, " of ", Quoted(version.model),
                       " was registered without a run, so nothing here evaluated it");
  }
  const RunDetails run = CO_TRY(co_await pipelines.Get(pipelines::RunId(version.run_id)));
  const std::string digest = CO_TRY(ReportDigest(run, version));
  std::string report = CO_TRY(blobs.Get(digest, kReportBytesMax));
  co_return Response{200, {{"Content-Type", "application/json"}}, std::move(report)};
}

}  // namespace

void AddReportRoutes(net::RouteTable& routes, registry::Registry& registry, pipelines::Pipelines& pipelines,
                     blob::BlobStore& blobs) {
  routes.Add({Method::kGet, "/api/v1/models/{name}/versions/{version}/report", Permission::kRead, 0,
              net::Simple([&](Request& request) { return Get(registry, pipelines, blobs, request); })});
}

}  // namespace mw::api::native
