// The door of bulk import: experiments and runs that were made elsewhere, with their ids, dates and whole histories.
// Every call is one transaction and may be repeated; what was imported is remembered, so that an import that was killed
// goes on where it was. Any thread.
//
//   PutExperiments -> PutRuns -> open --AddPoints*--> Finish: histories compared -> done
//                        '-> done: nothing has changed since it was imported     '-> differs: stays open
//                        '-> taken: a run of that id is here that was not imported; it is left alone
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"
#include "db/database.h"
#include "tracking/inputs.h"
#include "tracking/point_frames.h"
#include "tracking/run.h"
#include "tracking/set_digest.h"
#include "tracking/tracking.h"

namespace mw::tracking {

enum class ImportState : std::uint8_t {
  kMade,     ///< experiment: with the id that it had, or with the next one when that is taken
  kKnown,    ///< experiment: imported before
  kMerged,   ///< experiment: one of that name is here; runs come into it, tags that it lacks are added
  kRefused,  ///< see `why`
  kOpen,     ///< run: send its points
  kDone,     ///< run: whole, and unchanged since
  kTaken,    ///< run: not imported, left alone
  kDiffers,  ///< run: what is here is not what was meant to be
};
/// "made", "known", ...
std::string_view ImportStateName(ImportState state);

struct ImportOutcome {
  std::string id;  ///< as it was given
  std::string to;  ///< of experiments: the id here
  ImportState state = ImportState::kRefused;
  std::string why;  ///< of kRefused, kTaken, kDiffers
};

struct ImportedRun {
  Run run;  ///< `experiment` is the id here
  std::vector<std::pair<std::string, std::string>> params, tags;
  std::vector<DatasetInput> datasets = {};  ///< what the run read and made: added to what it has
  std::vector<std::string> models_read = {};
  std::vector<ModelOutput> models_made = {};
  std::string fingerprint;  ///< changes when anything of the run changes
};

struct FinishedRun {
  RunId run;
  std::string fingerprint;
  std::map<std::string, PointDigest> metrics;
  SetDigest inputs = {};  ///< of what it read and made
};

class Imports {
 public:
  static constexpr std::size_t kRunsMax = 1000;  ///< of one call
  static constexpr std::size_t kKeyBytesMax = 1000;
  static constexpr std::size_t kTextBytesMax = 1 << 20;  ///< of a parameter's or tag's value: more than clients may log
  static constexpr std::size_t kDatasetNameBytesMax = 2000, kDatasetDigestBytesMax = 144;

  /// Outlives this.
  explicit Imports(db::Database& database) : database_(database) {}

  /// Called with every run that comes or has changed, and with what it read and made that is new, in that transaction,
  /// perhaps more than once. Set before the first.
  void OnRun(Tracking::Witness witness) { witnesses_.run = std::move(witness); }
  void OnLogged(Inputs::Witness witness) { witnesses_.logged = std::move(witness); }
  struct Witnesses {
    Tracking::Witness run;
    Inputs::Witness logged;
  };

  /// `source` names where they come from: ids mean something there alone.
  Task<Result<std::vector<ImportOutcome>>> PutExperiments(std::string source, std::vector<Experiment> experiments);
  /// `attempt` is one for each import's process: points that another one sent are not added twice.
  /// Errors: kInvalidArgument.
  Task<Result<std::vector<ImportOutcome>>> PutRuns(std::string source, std::string attempt,
                                                   std::vector<ImportedRun> runs);
  /// Errors: kInvalidArgument a name; kFailedPrecondition a run that is not open.
  Task<Status> AddPoints(std::string attempt, std::vector<PointFrame> frames);
  /// Compares every metric, and what the run read and made, with what is here, then takes the run for whole.
  Task<Result<std::vector<ImportOutcome>>> Finish(std::vector<FinishedRun> runs);

 private:
  db::Database& database_;
  Witnesses witnesses_;
};

}  // namespace mw::tracking
