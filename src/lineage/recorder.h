// The narrow doors by which modules tell what happened, each in the transaction that makes it true. All of them may be
// repeated and change nothing then. Any thread; inside closures of db::Database.
//
//   run "0193.."  --input--> dataset "flights"          kind      type of artifact   title
//        '--output--> logged model                      version   version            MODEL@3
//   registration --output--> version MODEL@3            deployment deployment        ENDPOINT#GENERATION
//   deployment ENDPOINT#7 <--output-- release <--input-- version MODEL@3
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "db/database.h"
#include "lineage/graph.h"

namespace mw::lineage {

// Types of what is recorded by itself.
inline constexpr std::string_view kRun = "tracked_run", kDataset = "dataset", kModel = "model", kVersion = "version",
                                  kDeployment = "deployment", kPredictions = "predictions", kFile = "file";

/// "late-departures@3"
std::string VersionTitle(std::string_view model, std::int64_t version);
/// "late-departures#7"
std::string DeploymentTitle(std::string_view endpoint, std::int64_t generation);

/// A run that a training logs: an execution of the run's own id, in the context of its experiment.
struct ToldRun {
  std::string id = {};
  std::string project = "default";
  std::string experiment = {};  ///< its name or id
  std::string name = {};
  ExecutionState state = ExecutionState::kRunning;
  std::string code_version = {};            ///< git's commit; empty: unknown, or told before
  Json metadata = Json::MakeObject();       ///< user, source and the like
  Json configuration = Json::MakeObject();  ///< its parameters
  Timestamp started{};
  Timestamp ended{};  ///< 1970: it has not
};
Status RecordRun(db::Transaction& transaction, const Clock& clock, const ToldRun& run);

/// Something that a run read or made. With a digest or title.
struct ToldArtifact {
  std::string port =
      {};  ///< what it was to the run, "training"; empty: its title and digest. What is another gets its digest too
  std::string type{kDataset};
  std::string title = {};  ///< the dataset's name, the logged model's id
  std::string digest = {};
  std::string uri = {};
  Json metadata = Json::MakeObject();
};
/// The run was told before, or is made as one without a name. Errors: kInvalidArgument neither digest nor title.
Status RecordRunInput(db::Transaction& transaction, const Clock& clock, std::string_view run,
                      const ToldArtifact& artifact);
Status RecordRunOutput(db::Transaction& transaction, const Clock& clock, std::string_view run,
                       const ToldArtifact& artifact);

struct ToldVersion {
  std::string project = "default";
  std::string model = {};
  std::int64_t version = 0;
  std::string digest = {};        ///< of its package; may be empty
  std::string uri = {};           ///< where its files lie; may be empty
  std::string run_id = {};        ///< that made it; may be empty
  std::string logged_model = {};  ///< the id of the logged model that it is a version of; may be empty
  std::vector<std::string> sources =
      {};               ///< ids of artifacts that it came from; those that are unknown are passed over
  std::string by = {};  ///< may be empty
  Timestamp at{};
};
/// The version as an artifact, registered from its sources, else from the newest artifact of its digest, else from the
/// version that `uri` names, else from its logged model, else from what its run made: the model at `uri`, which is told
/// now where nobody told of it, or all of its models without one.
Status RecordVersion(db::Transaction& transaction, const Clock& clock, const ToldVersion& version);

struct ToldDeployment {
  std::string project = "default";
  std::string endpoint = {};
  std::int64_t generation = 0;
  std::string model = {};
  std::vector<std::int64_t> versions = {};  ///< the primary one first; with shadows
  std::string cause = {};
  std::string by = {};
  Timestamp at{};
};
Status RecordDeployment(db::Transaction& transaction, const Clock& clock, const ToldDeployment& deployment);

/// Predictions as an artifact of type kPredictions: those of a version at an endpoint, or a file that a batch wrote.
struct ToldPredictions {
  std::string project = "default";
  std::string id = {};     ///< of the execution: the same again changes its metadata alone
  std::string title = {};  ///< "late-departures version 3", a path
  std::string model = {};
  std::int64_t version = 0;
  std::string digest = {};             ///< of a file; may be empty
  std::string uri = {};                ///< of a file
  std::vector<ToldArtifact> inputs{};  ///< files that were read; none at an endpoint
  Json metadata = Json::MakeObject();  ///< rows and the like
  Timestamp started{}, ended{};
};
Status RecordPredictions(db::Transaction& transaction, const Clock& clock, const ToldPredictions& predictions);

/// What a person records: a sign-off of a version, a review of a dataset.
struct ToldRecord {
  std::string project = "default";
  std::string type = {};  ///< "sign-off"
  std::vector<ArtifactId> on = {};
  std::string by = {};
  std::string note = {};
  Json metadata = Json::MakeObject();
};
/// Errors: kInvalidArgument a type that is no name, nothing that it is about.
Result<ExecutionId> RecordByHand(db::Transaction& transaction, const Clock& clock, const ToldRecord& record);

}  // namespace mw::lineage
