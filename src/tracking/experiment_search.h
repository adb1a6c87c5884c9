// Searching experiments, of which a project has few: all are read, filtered and sorted here. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "search/filter.h"
#include "search/order_by.h"
#include "tracking/run.h"
#include "tracking/run_search.h"

namespace mw::tracking {

struct ExperimentQuery {
  std::string project = "default";
  search::Filter filter = {};
  search::OrderBy order = {};
  StageView view = StageView::kActiveOnly;
  std::size_t limit = 1000;
  ExperimentId after = {};  ///< the last one of the page before; empty: the first page
};

struct ExperimentPage {
  std::vector<Experiment> experiments;
  ExperimentId next = {};  ///< empty: this was the last page
};

/// Of all of them those that fit, in order. A page whose `after` is not there any more is empty.
ExperimentPage SelectExperiments(std::vector<Experiment> all, const ExperimentQuery& query);

}  // namespace mw::tracking
