// Finds and fetches the dataset behind an endpoint.
#include "app/cli/replay_source.h"

#include <sys/stat.h>

#include "app/config.h"
#include "base/file.h"
#include "base/id.h"
#include "base/text.h"

namespace mw::app::cli {
namespace {

using net::Method;

/// The directory that `init` makes is called as the endpoint is, and is no dataset.
bool IsDataset(const std::string& path) {
  struct stat info {};
  return stat((path + "/dataset.json").c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

struct RunDataset {
  std::string digest;
  std::int64_t rows = -1;
};

/// Of a run's outputs the dataset with the most rows that `wanted` says yes to.
template <typename Wanted>
RunDataset Largest(const Json& run, const Wanted& wanted) {
  RunDataset largest;
  for (const Json& task : run.Find("tasks")->AsArray()) {
    for (const Json& output : task.Find("outputs")->AsArray()) {
      const Json* metadata = output.Find("metadata");
      if (metadata == nullptr || !wanted(output, *metadata)) continue;
      if (metadata->IntOr("rows", 0) <= largest.rows) continue;
      largest = {output.StringOr("digest", ""), metadata->IntOr("rows", 0)};
    }
  }
  return largest;
}

/// What the model's parts were cut from, where it says when its rows were; else the part that judged the model, whose
/// rows it has not learned from.
Result<std::string> DatasetOfRun(const Json& run) {
  const RunDataset dated =
      Largest(run, [](const Json&, const Json& metadata) { return !metadata.StringOr("event_time", "").empty(); });
  if (dated.rows >= 0) return dated.digest;
  const RunDataset judging =
      Largest(run, [](const Json& output, const Json&) { return output.StringOr("name", "") == "evaluate"; });
  if (judging.rows >= 0) return judging.digest;
  return NotFound("the run ", run.StringOr("id", ""), " has no dataset with an event time, and none called ",
                  "\"evaluate\"; name a dataset's directory");
}

Result<std::string> FetchBlob(net::HttpClient& client, const std::string& digest) {
  const net::Response response = TRY(client.Send(Method::kGet, "/api/v1/artifacts/" + net::PercentEncode(digest)));
  if (response.status != 200) return net::ErrorFromResponse(response);
  return response.body;
}

/// Fetches the directory artifact under `target`, whose last file written is the one that says it is whole.
Status FetchDirectory(const Options& options, const std::string& digest, const std::string& target) {
  net::HttpClient client = TRY(Connect(options));
  const Json manifest = TRY(Json::Parse(TRY(FetchBlob(client, digest))));
  TRY(MakeDirectories(target, 0700));
  const Json* files = manifest.Find("files");
  if (files == nullptr || !files->IsArray()) return DataLoss("the artifact ", digest, " is no directory");
  for (const Json& file : files->AsArray()) {
    const std::string path = TRY(file.GetString("path"));
    if (!IsName(path)) return DataLoss("the dataset ", digest, " has a file ", Quoted(path));
    TRY(WriteFileDurably(Cat(target, "/", path), TRY(FetchBlob(client, TRY(file.GetString("digest"))))));
  }
  return WriteFileDurably(target + "/complete", digest);
}

/// The run that made the version which an endpoint answers with.
Result<Json> RunOf(const Options& options, const Json& endpoint) {
  const Json version = TRY(Call(options, Method::kGet,
                                Cat("/api/v1/models/", net::PercentEncode(endpoint.StringOr("model", "")), "/versions/",
                                    endpoint.IntOr("version", 0))));
  const std::string run = version.StringOr("run_id", "");
  if (run.empty()) {
    return NotFound("no run made the version of ", Quoted(endpoint.StringOr("endpoint", "")),
                    "; name a dataset's directory");
  }
  return Call(options, Method::kGet, "/api/v1/runs/" + run);
}

bool HasOutput(const Json& run, std::string_view name) {
  for (const Json& task : run.Find("tasks")->AsArray()) {
    for (const Json& output : task.Find("outputs")->AsArray()) {
      if (output.StringOr("name", "") == name) return true;
    }
  }
  return false;
}

/// The endpoint of that name, or else one whose data came from a table of that name.
Result<Json> FindEndpoint(const Options& options, const std::string& source) {
  Result<Json> endpoint = Call(options, Method::kGet, "/api/v1/endpoints/" + net::PercentEncode(source));
  if (endpoint.ok() || endpoint.error().code != Code::kNotFound) return endpoint;
  const Json all = TRY(Call(options, Method::kGet, "/api/v1/endpoints"));
  std::vector<std::string> names;
  for (const Json& candidate : all.Find("endpoints")->AsArray()) {
    const Result<Json> run = RunOf(options, candidate);
    if (run.ok() && HasOutput(*run, source)) return candidate;
    names.push_back(candidate.StringOr("endpoint", ""));
  }
  return NotFound(
      "nothing is called ", Quoted(source), ": no endpoint, no table that an endpoint's data came from, no ",
      "directory. ",
      names.empty() ? "There is no endpoint yet; deploy a version first" : Cat("Endpoints: ", Join(names, ", ")));
}

}  // namespace

Result<ReplaySource> FindReplaySource(const Options& options, const std::string& source) {
  if (IsDataset(source)) return ReplaySource{source, ""};
  if (!IsName(source)) {
    struct stat info {};
    const bool is_there = stat(source.c_str(), &info) == 0;
    return InvalidArgument(
        "replay takes an endpoint's name, the name of a table that its data came from, or a dataset's directory with ",
        "dataset.json; ", Quoted(source),
        !is_there               ? " is none of them"
        : S_ISDIR(info.st_mode) ? " is a directory without one"
                                : " is a file. `millwright init` makes a model of a file");
  }
  const Json endpoint = TRY(FindEndpoint(options, source));
  const std::string digest = TRY(DatasetOfRun(TRY(RunOf(options, endpoint))));
  const std::string directory =
      Cat(TRY(HomeDirectory(options.home)), "/datasets/", digest.substr(digest.find(':') + 1));
  if (!ReadFile(directory + "/complete", 4096).ok()) TRY(FetchDirectory(options, digest, directory));
  return ReplaySource{directory, endpoint.StringOr("endpoint", source)};
}

}  // namespace mw::app::cli
