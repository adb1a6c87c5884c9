// Views of an experiment's runs that somebody has named: which columns, which filter, which order. Everybody who may
// read the experiment sees them. What a view says is the console's business; here it is a text. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "tracking/run.h"

namespace mw::tracking {

struct View {
  ExperimentId experiment;
  std::string name;
  std::string state;         ///< JSON
  std::string saved_by;      ///< who saved it last
  std::int64_t updated = 0;  ///< milliseconds
};

class Views {
 public:
  static constexpr std::size_t kNameBytesMax = 200;
  static constexpr std::size_t kStateBytesMax = 64 << 10;
  static constexpr std::size_t kViewsMax = 200;  ///< of one experiment

  /// Both outlive this.
  Views(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// By name.
  Task<Result<std::vector<View>>> List(ExperimentId experiment);
  /// Saves it, or replaces what has its name. Errors: kInvalidArgument; kNotFound no such experiment;
  /// kResourceExhausted when there are kViewsMax of it.
  Task<Status> Save(View view);
  /// Errors: kNotFound.
  Task<Status> Delete(ExperimentId experiment, std::string name);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::tracking
