// Which rate to try next when looking for the highest one that holds a target: doubling until one does not, bisection
// between the two, then the best again until it held three times in all. A rate that fails when it is confirmed is
// the new upper bound and the search goes on below it. A pure function of the trials so far.
#pragma once

#include <optional>
#include <span>

namespace mw::load {

struct Trial {
  double rate = 0;  ///< requests a second
  bool held = false;
};

struct SearchOptions {
  double first = 1000;      ///< the rate to begin with
  double precision = 0.05;  ///< the best is known to this share
  int confirmations = 2;    ///< how often the best must hold again
  int trials_max = 40;
  double rate_min = 1;
  double rate_max = 10e6;
};

struct SearchStep {
  std::optional<double> next;  ///< nothing: the search is over
  double best = 0;             ///< the highest rate that held and never failed, nor did one below it; 0: none
  int held_times = 0;          ///< how often
  bool confirmed = false;      ///< that often enough
};

SearchStep NextTrial(std::span<const Trial> trials, const SearchOptions& options);

/// To three significant digits, for rates that people read.
double RoundRate(double rate);

}  // namespace mw::load
