// What is known of a run, or of a version and the run that made it, ready to be compared. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "evaluation/report.h"

namespace mw::compare {

struct DataFact {
  std::string digest = {};
  std::optional<std::int64_t> rows = {};
  std::string uri = {};
  /// {"columns": [...]} as data::Profile writes it; null: there is none.
  Json profile = Json();
};

using Texts = std::map<std::string, std::string>;

struct Facts {
  std::string reference = {};  ///< as it was asked for
  bool is_version = false;
  std::string run_id = {};  ///< may be empty: a version that no run made
  std::string experiment = {};
  std::string model = {};
  std::int64_t version = 0;
  std::string name = {};
  std::string pipeline = {};  ///< of a run of one
  Timestamp created{};
  std::map<std::string, DataFact> data = {};
  Texts code = {}, config = {}, environment = {}, hardware = {};
  std::map<std::string, double> metrics = {};
  std::optional<evaluation::Report> report = {};
  // For making it again.
  Texts params = {};                        ///< the pipeline's parameters, or the run's
  Texts tags = {};                          ///< of the tracked run
  bool has_diff = false, has_lock = false;  ///< the package kept what was not committed, the environment
};

}  // namespace mw::compare
