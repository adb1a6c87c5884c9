// What pipelines know of the runs that made versions, as monitoring asks for it. Any thread that runs coroutines.
#pragma once

#include <string>

#include "monitoring/version_facts.h"
#include "pipelines/pipelines.h"

namespace mw::app {

class RunFactsSource final : public monitoring::RunSource {
 public:
  /// `pipelines` is there before the first question and outlives this.
  explicit RunFactsSource(const std::unique_ptr<pipelines::Pipelines>& pipelines) : pipelines_(pipelines) {}
  Task<Result<monitoring::RunFacts>> Of(std::string run_id, std::string package) override;

 private:
  const std::unique_ptr<pipelines::Pipelines>& pipelines_;
};

}  // namespace mw::app
