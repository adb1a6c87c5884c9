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
  if (view.Ready()) return {name, Health::kOk, Cat("version ", view.current.version, " answers"), ""};
  return {name, Health::kBad, Cat("version ", view.current.version, " is wanted and not ready"),
          Cat("millwright rollback ", view.current.endpoint)};
}

Check RecordingCheck(const std::string& endpoint, const std::vector<predictions::WindowSummary>& windows) {
  std::int64_t rows = 0;
  std::int64_t dropped = 0;
  Timestamp newest = Timestamp::min();
  for (const predictions::WindowSummary& window : windows) {
    rows += window.rows;
    dropped += window.dropped_rows;
    newest = std::max(newest, window.window_start + window.window_length);
  }
  const std::string name = Cat("record ", endpoint);
  if (windows.empty()) return {name, Health::kOk, "no prediction yet", ""};
  std::string value = Cat(WithThousands(rows), " predictions until ", FormatTime(newest), " (event time)");
  if (dropped == 0) return {name, Health::kOk, value, ""};
  return {name, Health::kWarn, Cat(value, ", ", WithThousands(dropped), " dropped by full queues"),
          "the model server is too busy to record all; give it another core"};
}

Check LabelCheck(const std::string& endpoint, const predictions::LabelCoverage& coverage) {
  const std::string name = Cat("labels ", endpoint);
  if (coverage.predictions == 0) return {name, Health::kOk, "no prediction to label yet", ""};
  std::string value =
      Cat(Fixed(coverage.coverage() * 100, 1), " % of ", WithThousands(coverage.predictions), " predictions have one");
  if (coverage.unknown > 0) CatTo(value, ", ", WithThousands(coverage.unknown), " wait for a prediction");
  if (coverage.contradictions > 0) CatTo(value, ", ", WithThousands(coverage.contradictions), " contradict");
  const bool well = coverage.labelled > 0;
  return {name, well ? Health::kOk : Health::kWarn, value,
          well ? "" : Cat("send them: POST /api/v1/endpoints/", endpoint, "/labels")};
}

}  // namespace mw::app
