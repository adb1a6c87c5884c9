// Windows to artifacts.
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
  return Cat(window.endpoint, " ", FormatTime(window.window_start), " version ", window.version);
}

/// What of it can be told; nothing while its summary is not there.
Result<bool> Tell(db::Transaction& transaction, const Clock& clock, const predictions::ChangedWindow& window,
                  const std::string& model) {
  const std::string title = TitleOf(window);
  const std::string id = Cat("predictions-", Hex(title));
  if (lineage::Lineage::ExecutionById(transaction, lineage::ExecutionId(id)).ok()) return false;
  lineage::ToldPredictions told;
  told.id = id;
  told.title = title;
  told.model = model;
  told.version = window.version;
  told.metadata = Json::Make({{"endpoint", window.endpoint},
                              {"window_start", FormatTime(window.window_start)},
                              {"window_seconds", static_cast<std::int64_t>(window.window_length.count() / 1'000'000)},
                              {"model", model},
                              {"version", window.version}});
  told.started = told.ended = clock.Now();
  TRY(lineage::RecordPredictions(transaction, clock, told));
  return true;
}

}  // namespace

void PredictionLineage::TakeChanges() {
  const std::int64_t changes = predictions_.changes();
  if (changes == seen_) return;
  for (predictions::ChangedWindow& window : predictions_.ChangedSince(seen_)) {
    if (told_.insert(TitleOf(window)).second) waiting_.push_back(std::move(window));
  }
  seen_ = changes;
}

Task<Timestamp> PredictionLineage::Tick(Timestamp now) {
  TakeChanges();
  std::vector<std::pair<predictions::ChangedWindow, std::string>> batch;
  while (!waiting_.empty() && batch.size() < kWindowsMax) {
    predictions::ChangedWindow window = std::move(waiting_.front());
    waiting_.pop_front();
    const auto summaries = predictions_.Windows({.endpoint = window.endpoint,
                                                 .version = window.version,
                                                 .from = window.window_start,
                                                 .until = window.window_start + window.window_length});
    if (!summaries.empty()) batch.emplace_back(std::move(window), summaries.front().model);
  }
  if (batch.empty()) co_return now + kPeriod;
  const Status told = co_await database_.Write([&](db::Transaction& transaction) -> Status {
    for (const auto& [window, model] : batch) TRY(Tell(transaction, clock_, window, model));
    return Ok();
  });
  if (!told.ok()) {
    LogWarning("lineage was not told of predictions", {{"error", told.error().ToString()}});
    for (auto& [window, model] : batch) waiting_.push_back(std::move(window));
  }
  co_return waiting_.empty() || !told.ok() ? now + kPeriod : now;
}

}  // namespace mw::app
