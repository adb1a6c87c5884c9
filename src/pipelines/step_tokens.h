// The question that pipelines asks of whoever guards the API: a token with which one attempt may speak to it. The
// app plugs the answer in.
#pragma once

#include <string>

#include "pipelines/run.h"

namespace mw::pipelines {

/// Control loop's thread only.
class StepTokens {
 public:
  virtual ~StepTokens() = default;
  /// The token of the attempt, valid until Revoke. Asked again after a restart of the control plane for every
  /// attempt that is still open: the same attempt gets the same token then, for its program holds it already.
  virtual std::string Issue(const RunId& run, const std::string& attempt_id) = 0;
  virtual void Revoke(const std::string& attempt_id) = 0;
};

}  // namespace mw::pipelines
