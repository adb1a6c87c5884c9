// Checks of named views.
#include "tracking/views.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "tracking/tracking.h"
#include "tracking/view_store.h"

namespace mw::tracking {
namespace {

Status Check(const View& view) {
  if (view.name.empty() || view.name.size() > Views::kNameBytesMax) {
    return InvalidArgument("the name of a view has 1 to ", Views::kNameBytesMax, " bytes, not ", view.name.size());
  }
  if (view.state.size() > Views::kStateBytesMax) {
    return InvalidArgument("the view ", Quoted(view.name), " has ", view.state.size(), " bytes; at most ",
                           Views::kStateBytesMax);
  }
  return Ok();
}

Status Put(db::Transaction& transaction, const View& view) {
  TRY(Tracking::GetExperiment(transaction, view.experiment));
  const std::vector<View> there = TRY(store::FindViews(transaction, view.experiment));
  const bool known = std::any_of(there.begin(), there.end(), [&](const View& v) { return v.name == view.name; });
  if (!known && there.size() >= Views::kViewsMax) {
    return ResourceExhausted("the experiment has ", there.size(), " views already; delete some");
  }
  return store::PutView(transaction, view);
}

}  // namespace

Task<Result<std::vector<View>>> Views::List(ExperimentId experiment) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::FindViews(s, experiment); });
}

Task<Status> Views::Save(View view) {
  CO_TRY(Check(view));
  view.updated = ToMicros(clock_.Now()) / 1000;
  co_return co_await database_.Write([&](db::Transaction& t) { return Put(t, view); });
}

Task<Status> Views::Delete(ExperimentId experiment, std::string name) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    if (TRY(store::DeleteView(t, experiment, name))) return Ok();
    return NotFound("the experiment ", experiment.text(), " has no view ", Quoted(name));
  });
}

}  // namespace mw::tracking
