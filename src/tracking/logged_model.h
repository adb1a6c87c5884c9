// The nouns of logged models: a model that a training made, with the files it is loaded from. It has parameters, tags,
// and metrics that runs measured of it, perhaps on named datasets. Plain values, no I/O. Times are milliseconds.
//
//   pending --Finalize--> ready | failed          active --Delete--> deleted, until it is purged
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "tracking/run.h"

namespace mw::tracking {

using LoggedModelId = Id<struct LoggedModelTag>;  ///< "m-" and 32 hexadecimal digits

enum class LoggedModelStatus : std::uint8_t { kUnspecified, kPending, kReady, kFailed };
/// "UNSPECIFIED", "PENDING", "READY", "FAILED": as searches compare them
std::string_view StatusName(LoggedModelStatus status);
/// Errors: kInvalidArgument lists the names.
Result<LoggedModelStatus> ParseLoggedModelStatus(std::string_view name);

struct NewLoggedModel {
  ExperimentId experiment;
  std::string name;        ///< empty: one is made up
  std::string type;        ///< may be empty
  std::string source_run;  ///< the run that makes it; may be empty
  std::map<std::string, std::string> params = {};
  std::map<std::string, std::string> tags = {};
  LoggedModelId id = LoggedModelId();  ///< the caller's: "m-" and 32 hexadecimal digits; empty: one is made
};

struct LoggedModel {
  LoggedModelId id;
  ExperimentId experiment;
  std::string name;
  std::string type;
  std::string source_run;
  LoggedModelStatus status = LoggedModelStatus::kPending;
  Stage stage = Stage::kActive;
  std::int64_t created = 0;
  std::int64_t updated = 0;
  std::string artifact_uri;    ///< "<experiment's location>/models/<id>/artifacts"
  std::string status_message;  ///< of a model that came with one; empty: none
};

/// What a run measured of a model.
struct ModelMetric {
  std::string key;
  Point point;
  std::string run;             ///< its id
  std::string dataset_name;    ///< empty: on no named dataset
  std::string dataset_digest;  ///< may be empty
};

struct LoggedModelDetails {
  LoggedModel model;
  std::vector<std::pair<std::string, std::string>> params, tags;  ///< by key
  std::vector<ModelMetric> metrics;                               ///< by key, time, step
};

}  // namespace mw::tracking
