// Words and columns.
#include "app/cli/bench_report.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

using load::Measurement;

constexpr double kWaitedShareToSay = 0.2;

/// Milliseconds without their unit; "-" where there is none.
std::string Millis(std::optional<Duration> latency) {
  if (!latency || *latency == load::LatencyHistogram::kNoBound) return "-";
  const double ms = static_cast<double>(latency->count()) * 1e-3;
  return Fixed(ms, ms < 10 ? 3 : (ms < 100 ? 1 : 0));
}

std::optional<Duration> Percentile(const load::LatencyHistogram& latency, double share) {
  if (static_cast<double>(latency.count()) * (1 - share) < 1) return std::nullopt;
  return latency.Percentile(share);
}

std::vector<std::string> RateRow(std::string name, double requests, double rows) {
  return {std::move(name), load::RateText(requests), load::RateText(rows)};
}

void AddLatencies(std::vector<std::string>& row, const load::LatencyHistogram& latency) {
  for (const double share : {0.5, 0.9, 0.99, 0.999}) row.push_back(Millis(Percentile(latency, share)));
  row.push_back(Millis(latency.max()));
}

std::string RatesTable(const Measurement& measurement) {
  std::vector<std::vector<std::string>> table = {
      {"", "requests/s", "rows/s", "P50 ms", "P90 ms", "P99 ms", "P99.9 ms", "max ms"}};
  const load::Tally& tally = measurement.load.tally;
  if (!measurement.pacing.closed) {
    table.push_back(RateRow("asked", measurement.Asked(), measurement.Asked() * measurement.RowsPerRequest()));
  }
  table.push_back(RateRow("answered", measurement.RequestsPerSecond(), measurement.RowsPerSecond()));
  AddLatencies(table.back(), tally.latency);
  for (std::size_t i = 0; measurement.kinds.size() > 1 && i < measurement.kinds.size(); ++i) {
    const double seconds = static_cast<double>(measurement.load.measured.count()) * 1e-6;
    table.push_back({Cat("  ", measurement.kinds[i]),
                     load::RateText(static_cast<double>(tally.by_kind[i].answered) / seconds), ""});
    AddLatencies(table.back(), tally.by_kind[i].latency);
  }
  return TextTable(table);
}

std::vector<std::string> CpuRow(std::string name, double micros, const Measurement& measurement) {
  const double elapsed_us = static_cast<double>(std::max<std::int64_t>(1, measurement.load.elapsed.count()));
  const double cores = micros * static_cast<double>(measurement.load.tally.all_answers) / elapsed_us;
  return {std::move(name), Fixed(micros, 2), Fixed(micros / measurement.RowsPerRequest(), 3), Fixed(cores, 2)};
}

std::string CpuTable(const Measurement& measurement) {
  std::vector<std::vector<std::string>> table = {{"processor time", "us a request", "us a row", "cores"}};
  const std::optional<double> server = measurement.ServerMicros();
  if (server) table.push_back(CpuRow("server", *server, measurement));
  table.push_back(CpuRow("client", measurement.ClientMicros(), measurement));
  return TextTable(table) + (server ? "" : "server: unknown; its processes cannot be seen from here\n");
}

std::string ErrorsText(const Measurement& measurement) {
  const load::Tally& tally = measurement.load.tally;
  const std::string all = WithThousands(static_cast<long long>(tally.planned));
  if (measurement.Bad() == 0) return Cat("errors: none of ", all, " requests\n");
  std::string text =
      Cat("errors: ", WithThousands(static_cast<long long>(measurement.Bad())), " of ", all, " requests:");
  for (const auto& [status, count] : tally.statuses) {
    if (status != 200) CatTo(text, " ", count, status == 0 ? " without an answer," : Cat(" answered ", status, ","));
  }
  if (tally.wrong > 0) CatTo(text, " ", tally.wrong, " with another number of rows,");
  if (tally.not_sent > 0) {
    CatTo(text, " ", tally.not_sent, " not sent since ", tally.waiting_max, " waited for a free connection,");
  }
  text.back() = '\n';
  return text;
}

}  // namespace

std::string MeasurementText(const Measurement& measurement) {
  std::string text = Cat(RatesTable(measurement), "\n", CpuTable(measurement), "\n", ErrorsText(measurement));
  if (measurement.pacing.closed) {
    text +=
        "closed loop: each connection asked again when it was answered, so latencies are those of a patient client\n";
  }
  if (measurement.waited_share.value_or(0) > kWaitedShareToSay) {
    CatTo(text, "work waited for a core ", Fixed(100 * *measurement.waited_share, 0), " % of the time\n");
  }
  const std::string late = load::LagWarning(measurement);
  return late.empty() ? text : Cat(text, late, "\n");
}

namespace {

std::string Cell(std::string text, std::size_t width) {
  return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

}  // namespace

std::string TrialHeading() {
  std::string line;
  for (const char* name : {"asked/s", "answered/s", "rows/s", "P50 ms", "P90 ms", "P99 ms", "P99.9 ms"}) {
    line += Cell(name, 12);
  }
  return line + "\n";
}

std::string TrialText(const Measurement& measurement, const load::Verdict& verdict) {
  std::string line = Cell(load::RateText(measurement.Asked()), 12) +
                     Cell(load::RateText(measurement.RequestsPerSecond()), 12) +
                     Cell(load::RateText(measurement.RowsPerSecond()), 12);
  for (const double share : {0.5, 0.9, 0.99, 0.999}) line += Cell(Millis(measurement.Latency(share)), 12);
  return Cat(line, "  ", verdict.held ? "held" : "missed: ", verdict.held ? "" : verdict.why, "\n");
}

std::string CostText(const Measurement& measurement, std::optional<double> price) {
  const std::optional<double> server = measurement.ServerMicros();
  if (!server) return "cost: unknown, for the server's processor time is\n";
  const double us_per_row = *server / measurement.RowsPerRequest();
  // A microsecond for each is a second for a million.
  std::string text = Cat("cost: ", Fixed(us_per_row, 2), " core-seconds of the server for a million predictions");
  if (price) {
    CatTo(text, "; ", Fixed(load::CostPerMillionRows(us_per_row, *price), 6), " at ", *price, " a core-hour with ",
          Fixed(100 * load::kSpareShare, 0), " % of it kept free");
  }
  return text + "\n";
}

std::string CapacityText(const load::WantedRate& wanted, const load::Capacity& capacity, int cores) {
  const std::string spare = Fixed(100 * load::kSpareShare, 0);
  std::string text = Cat("for ", load::RateText(wanted.per_second), wanted.rows ? " rows/s" : " requests/s");
  if (wanted.rows) CatTo(text, " (", load::RateText(capacity.requests_per_second), " requests/s of this size)");
  CatTo(text, ", extrapolated, ", spare, " % kept free:\n");
  if (capacity.server_cores) {
    CatTo(text, "  ", Fixed(*capacity.server_cores, 1),
          " cores by the server's processor time, clients elsewhere: ", *capacity.server_machines,
          *capacity.server_machines == 1 ? " machine of " : " machines of ", cores,
          cores == 1 ? " core\n" : " cores\n");
  }
  if (capacity.machines_like_this > 0) {
    CatTo(text, "  ", capacity.machines_like_this, capacity.machines_like_this == 1 ? " machine" : " machines",
          " like this one by the rate that held here, client included\n");
  }
  return text;
}

}  // namespace mw::app::cli
