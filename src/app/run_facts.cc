// From a run to its parameters and its report.
#include "app/run_facts.h"

#include "pipelines/report_of.h"

namespace mw::app {

Task<Result<monitoring::RunFacts>> RunFactsSource::Of(std::string run_id, std::string package) {
  const pipelines::RunDetails run = CO_TRY(co_await pipelines_->Get(pipelines::RunId(run_id)));
  monitoring::RunFacts facts{.pipeline = run.graph.pipeline, .params = run.graph.params, .report = {}};
  if (const pipelines::NamedArtifact* report = pipelines::ReportOf(run, package)) {
    facts.report = report->artifact.digest;
  }
  co_return facts;
}

}  // namespace mw::app
