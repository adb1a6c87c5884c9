// A lane: one thread of the generator with connections of its own, whatever protocol they speak.
#pragma once

#include <utility>

#include "base/result.h"
#include "load/tally.h"

namespace mw::load {

class Lane {
 public:
  explicit Lane(Pacer pacer) : pacer_(std::move(pacer)) {}
  virtual ~Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Connects everything, before any lane runs.
  virtual Status Open() = 0;
  /// On a thread of its own, from before `start` until the last answer or the end of patience.
  virtual void Run(Duration start) = 0;
  /// After Run.
  [[nodiscard]] const Tally& tally() const { return pacer_.tally(); }

 protected:
  Pacer pacer_;
};

}  // namespace mw::load
