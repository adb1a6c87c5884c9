// Checks, and what is remembered together.
#include "tracking/inputs.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "tracking/checks.h"
#include "tracking/input_store.h"

namespace mw::tracking {
namespace {

Status CheckModel(std::string_view id) {
  if (!id.empty() && id.size() <= Inputs::kModelIdBytesMax) return Ok();
  return InvalidArgument("the id ", Quoted(id), " of a model must have 1 to ", Inputs::kModelIdBytesMax, " bytes");
}

Status Check(const LoggedInputs& logged) {
  const std::size_t most = std::max({logged.datasets.size(), logged.models_read.size(), logged.models_made.size()});
  if (most > Inputs::kEntriesMax) {
    return InvalidArgument(most, " datasets or models at once; send at most ", Inputs::kEntriesMax, " at a time");
  }
  for (const std::string& model : logged.models_read) TRY(CheckModel(model));
  for (const ModelOutput& output : logged.models_made) TRY(CheckModel(output.model));
  return Ok();
}

}  // namespace

Status Inputs::Log(db::Transaction& transaction, const LoggedInputs& logged) const {
  const store::StoredRun run = TRY(MustFindActiveRun(transaction, logged.run));
  LoggedInputs fresh{logged.run};
  for (const DatasetInput& input : logged.datasets) {
    if (TRY(store::AddInput(transaction, run, input))) fresh.datasets.push_back(input);
  }
  for (const std::string& model : logged.models_read) {
    if (TRY(store::AddModelInput(transaction, run.number, model))) fresh.models_read.push_back(model);
  }
  for (const ModelOutput& output : logged.models_made) {
    if (TRY(store::AddModelOutput(transaction, run.number, output))) fresh.models_made.push_back(output);
  }
  const bool any = !fresh.datasets.empty() || !fresh.models_read.empty() || !fresh.models_made.empty();
  return any && on_logged_ ? on_logged_(transaction, fresh) : Ok();
}

Task<Status> Inputs::Log(LoggedInputs logged) {
  CO_TRY(Check(logged));
  co_return co_await database_.Write([&](db::Transaction& t) { return Log(t, logged); });
}

Task<Result<std::vector<DatasetSummary>>> Inputs::Summaries(std::vector<ExperimentId> experiments) {
  co_return co_await database_.Read(
      [&](db::Snapshot& s) { return store::FindSummaries(s, experiments, kSummariesMax); });
}

}  // namespace mw::tracking
