// What `millwright bench` tells people: tables of a measurement, lines of a search, cores and money. Pure.
#pragma once

#include <optional>
#include <string>

#include "load/capacity.h"
#include "load/measurement.h"

namespace mw::app::cli {

/// Rates, latencies, processor time and errors.
std::string MeasurementText(const load::Measurement& measurement);

/// A line of a search, made when its trial is over; the heading is the first.
std::string TrialHeading();
std::string TrialText(const load::Measurement& measurement, const load::Verdict& verdict);

/// Core-seconds and, with a price for one core for one hour, money; one line.
std::string CostText(const load::Measurement& measurement, std::optional<double> price_per_core_hour);

/// What a wanted rate takes.
std::string CapacityText(const load::WantedRate& wanted, const load::Capacity& capacity, int cores);

}  // namespace mw::app::cli
