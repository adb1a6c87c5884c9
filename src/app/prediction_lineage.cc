// Endpoints and versions with windows to artifacts.
#include "app/prediction_lineage.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "lineage/lineage.h"
#include "lineage/recorder.h"

namespace mw::app {
namespace {

std::string TitleOf(const predictions::ChangedWindow& window) {
  return Cat(window.endpoint, " version ", window.version);
}

Status Tell(db::Transaction& transaction, const Clock& clock, const predictions::ChangedWindow& window,
            const std::string& model) {
  const std::string title = TitleOf(window);
  const std::string id = Cat("predictions-", Hex(title));
  if (lineage::Lineage::ExecutionById(transaction, lineage::ExecutionId(id)).ok()) return Ok();
  lineage::ToldPredictions told;
  told.id = id;
  told.title = title;
  told.model = model;
  told.version = window.version;
  told.metadata = Json::Make({{"endpoint", window.endpoint}, {"model", model}, {"version", window.version}});
  told.started = told.ended = clock.Now();
  return lineage::RecordPredictions(transaction, clock, told);
}

}  // namespace

void PredictionLineage::TakeChanges() {
  const std::int64_t changes = predictions_.changes();
  if (changes == seen_) return;
  for (predictions::ChangedWindow& window : predictions_.ChangedSince(seen_)) {
    const std::string title = TitleOf(window);
    if (!told_.contains(title)) waiting_.try_emplace(title, std::move(window));
  }
  seen_ = changes;
}

Task<Timestamp> PredictionLineage::Tick(Timestamp now) {
  TakeChanges();
  std::vector<std::pair<predictions::ChangedWindow, std::string>> batch;
  for (const auto& [title, window] : waiting_) {
    const auto summaries = predictions_.Windows({.endpoint = window.endpoint,
                                                 .version = window.version,
                                                 .from = window.window_start,
                                                 .until = window.window_start + window.window_length});
    if (!summaries.empty()) batch.emplace_back(window, summaries.front().model);
  }
  if (batch.empty()) co_return now + kPeriod;
  const Status told = co_await database_.Write([&](db::Transaction& transaction) -> Status {
    for (const auto& [window, model] : batch) TRY(Tell(transaction, clock_, window, model));
    return Ok();
  });
  if (!told.ok()) {
    LogWarning("lineage was not told of predictions", {{"error", told.error().ToString()}});
    co_return now + kPeriod;
  }
  for (const auto& [window, model] : batch) {
    waiting_.erase(TitleOf(window));
    told_.insert(TitleOf(window));
  }
  co_return now + kPeriod;
}

}  // namespace mw::app
