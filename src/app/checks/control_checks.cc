// Judging what the modules report.
#include "app/checks/control_checks.h"

#include <algorithm>

#include "app/version.h"
#include "base/text.h"

namespace mw::app {

Check ServerCheck(const wire::StatusReport& report, std::int64_t generation) {
  const std::string name = Cat("server ", report.address.substr(report.address.rfind('/') + 1));
  if (report.version != kVersion) {
    return {name, Health::kWarn, Cat("has version ", report.version, ", the control plane ", kVersion),
            "restart the older one"};
  }
  if (report.generation < generation) {
    return {name, Health::kWarn, Cat("has generation ", report.generation, " of ", generation),
            "wait a moment; then see its log"};
  }
  return {name, Health::kOk, Cat("reports, generation ", report.generation, ", version ", report.version), ""};
}

Check EndpointCheck(const endpoints::EndpointView& view) {
  const std::string name = Cat("endpoint ", view.current.endpoint);
  if (view.Ready())
    return {name, Health::kOk,
            Cat(TrafficText(view.current), view.current.traffic.versions.empty() ? " answers" : " answer"), ""};
  return {name, Health::kBad, Cat(TrafficText(view.current), " wanted and not ready"),
          Cat("millwright rollback ", view.current.endpoint)};
}

Check RecordingCheck(const std::string& endpoint, const std::vector<predictions::WindowSummary>& windows) {
  std::int64_t rows = 0;
  std::int64_t sampled = 0;
  std::int64_t dropped = 0;
  Timestamp newest = Timestamp::min();
  for (const predictions::WindowSummary& window : windows) {
    rows += window.rows;
    sampled += window.sampled_rows;
    dropped += window.dropped_rows;
    newest = std::max(newest, window.window_start + window.window_length);
  }
  const std::string name = Cat("record ", endpoint);
  if (windows.empty()) return {name, Health::kOk, "no prediction yet", ""};
  std::string value = Cat(WithThousands(rows), " predictions until ", FormatTime(newest), " (event time)");
  if (sampled + dropped < rows) {
    CatTo(value, ", ", WithThousands(sampled), " of them one by one (a sample above 1,000 a second)");
  }
  if (dropped == 0) return {name, Health::kOk, value, ""};
  return {name, Health::kWarn, Cat(value, ", ", WithThousands(dropped), " dropped by full queues"),
          "the model server is too busy to record all; give it another core"};
}

Check LabelCheck(const std::string& endpoint, const predictions::LabelCoverage& coverage) {
  const std::string name = Cat("labels ", endpoint);
  if (coverage.predictions == 0) return {name, Health::kOk, "no prediction to label yet", ""};
  std::string value =
      Cat(Fixed(coverage.coverage() * 100, 1), " % of ", WithThousands(coverage.predictions), " recorded have one");
  if (coverage.unknown > 0) CatTo(value, ", ", WithThousands(coverage.unknown), " wait for a prediction");
  if (coverage.contradictions > 0) CatTo(value, ", ", WithThousands(coverage.contradictions), " contradict");
  const bool well = coverage.labelled > 0;
  return {name, well ? Health::kOk : Health::kWarn, value,
          well ? "" : Cat("send them: POST /api/v1/endpoints/", endpoint, "/labels")};
}

Check GoalCheck(const std::string& goal, const std::vector<monitoring::MeasuredWindow>& windows) {
  const std::string name = Cat("goal ", goal);
  std::int64_t impossible = 0;
  std::string first;
  for (const monitoring::MeasuredWindow& window : windows) {
    impossible += window.impossible;
    if (first.empty()) first = window.first_impossible;
  }
  if (impossible == 0) return {name, Health::kOk, Cat("judged over ", windows.size(), " windows"), ""};
  return {name, Health::kWarn, Cat("measured without ", WithThousands(impossible), " impossible labels; ", first),
          "send these labels again with a value that the label can have"};
}

}  // namespace mw::app
