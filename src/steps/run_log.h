// Sends the numbers of a running step to the control plane while it works, in batches.
//
// Losing the server never fails the step: what could not be sent is kept (up to kPointsMax, the oldest
// dropped), tried again with the next batches and once more at the end, then given up with a warning.
// Without $MILLWRIGHT_URL nothing is sent. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "net/http_client.h"
#include "steps/task.h"

namespace mw::steps {

/// The control plane's API as this step may use it, from $MILLWRIGHT_URL and $MILLWRIGHT_TOKEN.
/// Errors: kFailedPrecondition when the step runs outside a pipeline; kInvalidArgument for a URL that is none.
Result<net::HttpClient> OpenApi();
/// Whether there is a control plane to talk to.
bool HasApi();

class RunLog {
 public:
  static constexpr std::size_t kPointsMax = 100'000;
  static constexpr std::size_t kBatch = 50;  ///< points that are sent at once, as soon as there are so many
  static constexpr int kFailuresMax = 3;     ///< in a row; then only the end tries again

  /// `clock` outlives this.
  RunLog(const StepTask& task, const Clock& clock);

  void Metric(std::string_view name, std::int64_t step, double value);
  /// Sends all that is left, and the parameters. Warns when that fails.
  void Finish(const Json& params);

 private:
  void Send();
  Status Post(const Json& params);

  std::string run_id_, attempt_id_;
  const Clock& clock_;
  std::optional<net::HttpClient> api_;
  std::vector<Json> waiting_;
  std::size_t unsent_since_try_ = 0;
  std::size_t dropped_ = 0;
  int failures_ = 0;
};

}  // namespace mw::steps
