// Which runs an experiment has, of both stages, kept between questions: a run never changes its experiment, and a
// number is given once, so what was read holds and only newer runs are asked for. Purged runs stay in it.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>

#include "base/result.h"
#include "db/database.h"
#include "tracking/number_set.h"
#include "tracking/run.h"

namespace mw::tracking {

/// Any thread.
class ExperimentMembers {
 public:
  static constexpr std::size_t kKept = 16;  ///< experiments; those that were asked for last

  /// At least the runs that the snapshot has. Errors: the database's.
  Result<NumberSet> Of(db::Snapshot& snapshot, const ExperimentId& experiment);

 private:
  struct Known {
    ExperimentId experiment;
    std::int64_t newest = 0;  ///< number of any run when it was read
    NumberSet runs;
  };

  std::mutex mutex_;
  std::list<Known> latest_first_;
};

}  // namespace mw::tracking
