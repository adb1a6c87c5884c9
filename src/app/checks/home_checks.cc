// Looking at what a home holds.
#include "app/checks/home_checks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "api/inference/inference_api.h"
#include "api/native/package_example.h"
#include "app/backup.h"
#include "app/checks/processes.h"
#include "app/sizes.h"
#include "base/file.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "blob/directory_blobs.h"
#include "db/sqlite_connection.h"
#include "jobs/jobs.h"
#include "net/http_client.h"
#include "serving/warm_up.h"
#include "wire/desired_state.h"
#include "wire/package.h"

namespace mw::app {
namespace {

constexpr std::int64_t kIntegrityBytesMax = std::int64_t{256} << 20;
constexpr std::int64_t kLogBytesWarn = std::int64_t{256} << 20;
constexpr Duration kBackupAgeWarn = std::chrono::hours(24);
constexpr Duration kRestoreAgeWarn = std::chrono::hours(24 * 30);

std::int64_t SizeOf(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 ? static_cast<std::int64_t>(facts.st_size) : -1;
}

Check Database(const Config& config) {
  const std::string path = config.DatabasePath();
  const std::int64_t size = SizeOf(path);
  if (size < 0)
    return {"database", Health::kBad, Cat("there is no ", path), "millwright up, or name the home with --home"};
  const std::string remedy = "millwright restore BACKUP --home NEW";
  const auto database = db::SqliteConnection::Open(path, db::Use::kRead);
  if (!database.ok()) return {"database", Health::kBad, database.error().message, remedy};
  if (size > kIntegrityBytesMax) {
    return {"database", Health::kOk, Cat(Megabytes(size), "; too large to read it all here: restore --check does"), ""};
  }
  const auto rows = (*database)->Query("PRAGMA quick_check", {});
  if (!rows.ok()) return {"database", Health::kBad, rows.error().message, remedy};
  const std::string found = rows->empty() ? "no answer" : rows->front().Text(0);
  if (found != "ok") return {"database", Health::kBad, Cat("damaged: ", found), remedy};
  return {"database", Health::kOk, Cat(Megabytes(size), ", intact"), ""};
}

Check DatabaseLog(const Config& config) {
  const std::int64_t size = std::max<std::int64_t>(0, SizeOf(config.DatabasePath() + "-wal"));
  if (size < kLogBytesWarn) return {"database log", Health::kOk, Megabytes(size), ""};
  return {"database log", Health::kWarn, Cat(Megabytes(size), ": something has been reading for very long"),
          "restart `millwright up`"};
}

/// What the model server was told last; empty when there is none.
wire::DesiredState LastState(const Config& config) {
  const Result<std::string> text = ReadFile(config.ServePath() + "/desired_state.json", std::size_t{16} << 20);
  const auto state = text.ok() ? wire::ParseDesiredState(*text) : Result<wire::DesiredState>(text.error());
  return state.ok() ? *state : wire::DesiredState();
}

/// The package as the model server has it, and as the artifact store has it.
Status VerifyPackage(const Config& config, blob::BlobStore& blobs, const std::string& digest) {
  const std::string fetched = Cat(config.ServePath(), "/packages/", digest.substr(digest.find(':') + 1));
  if (access(fetched.c_str(), F_OK) == 0) TRY(wire::ReadPackage(fetched));
  const blob::Manifest manifest = TRY(blob::ReadManifest(blobs, digest));
  for (const blob::ManifestFile& file : manifest.files) TRY(blobs.Verify(file.digest).In(file.path));
  return Ok();
}

Check PackageOf(const Config& config, blob::BlobStore& blobs, const wire::DesiredEndpoint& endpoint) {
  const std::string name = Cat("package ", endpoint.name);
  const Status verified = VerifyPackage(config, blobs, endpoint.package);
  if (verified.ok()) return {name, Health::kOk, Cat("version ", endpoint.version, ", all digests agree"), ""};
  return {name, Health::kBad, verified.error().ToString(), "millwright restore BACKUP --home NEW"};
}

Result<Json> WarmUpFile(blob::BlobStore& blobs, const std::string& package) {
  const std::string text =
      TRY(blob::ReadFileOf(blobs, {package, blob::ArtifactKind::kDirectory, 0}, "warmup.json", wire::kWarmUpBytesMax));
  return Json::Parse(text);
}

/// The first row's answers of the library that trained the model.
Result<std::vector<float>> GoldenAnswers(const Json& warm_up) {
  const Json* rows = warm_up.Find("rows");
  const Json* answers = warm_up.Find("probabilities");
  if (rows == nullptr || answers == nullptr || !rows->IsArray() || !answers->IsArray() || rows->AsArray().empty()) {
    return NotFound("the package has no warm-up row");
  }
  std::vector<float> golden;
  for (const Json& value : answers->AsArray()) golden.push_back(static_cast<float>(value.AsDouble()));
  golden.resize(golden.size() / rows->AsArray().size());
  return golden;
}

/// Whether the first output has the bits that the training library gave. Errors: kFailedPrecondition when not.
Status CompareRow(const Json& outputs, const Json& warm_up) {
  const std::vector<float> golden = TRY(GoldenAnswers(warm_up));
  const Json* const data = outputs.AsArray().empty() ? nullptr : outputs.AsArray().front().Find("data");
  if (data == nullptr || !data->IsArray()) return DataLoss("an answer without outputs");
  std::vector<float> values;
  for (const Json& value : data->AsArray()) values.push_back(static_cast<float>(value.AsDouble()));
  const bool same = std::equal(values.begin(), values.end(), golden.begin(), golden.end(), [](float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  });
  return same ? Ok() : Status(FailedPrecondition("answers a row of its package otherwise than in training"));
}

/// The same of a model of tensors, as close as its workers are held to it when they start (serving/warm_up.h).
Status CompareTensors(const Json& outputs, const Json& recorded) {
  const Json answered = Json::Make({{"inputs", Json::MakeArray()}, {"outputs", outputs}});
  const auto ours = TRY(serving::WarmUpFromJson({answered}));
  const auto theirs = TRY(serving::WarmUpFromJson({recorded}));
  return serving::CompareAnswers(ours.front().outputs, theirs.front().outputs);
}

Result<Json> Ask(const std::string& url, const std::string& endpoint, const Json& request) {
  net::ClientOptions options;
  options.timeout = options.connect_timeout = std::chrono::milliseconds(1000);
  net::HttpClient client = TRY(net::HttpClient::Make(url, options));
  const Json answer =
      TRY(client.Call(net::Method::kPost, Cat("/v2/models/", net::PercentEncode(endpoint), "/infer"), request));
  const Json* outputs = answer.Find("outputs");
  if (outputs == nullptr || !outputs->IsArray()) return DataLoss("an answer without outputs");
  return *outputs;
}

/// Null of a package of rows.
const Json* RecordedRequest(const Json& warm_up) {
  const Json* const requests = warm_up.Find("requests");
  return requests == nullptr || !requests->IsArray() || requests->AsArray().empty() ? nullptr
                                                                                    : &requests->AsArray().front();
}

Check GoldenRow(blob::BlobStore& blobs, const std::string& url, const wire::DesiredEndpoint& endpoint) {
  const std::string name = Cat("endpoint ", endpoint.name);
  const auto warm_up = WarmUpFile(blobs, endpoint.package);
  if (!warm_up.ok()) return {name, Health::kWarn, Cat("no golden row: ", warm_up.error().ToString()), ""};
  Result<Json> request = api::native::ExampleRequest(blobs, endpoint.package);
  if (!request.ok()) return {name, Health::kWarn, request.error().message, ""};
  (*request)["id"] = api::inference::kProbeId;
  const auto outputs = Ask(url, endpoint.name, *request);
  if (!outputs.ok())
    return {name, Health::kBad, outputs.error().message, "millwright up; its log is HOME/logs/serve.log"};
  const Json* const recorded = RecordedRequest(*warm_up);
  const Status same = recorded == nullptr ? CompareRow(*outputs, *warm_up) : CompareTensors(*outputs, *recorded);
  if (!same.ok()) {
    const bool differs = same.error().code == Code::kFailedPrecondition;
    return {name, differs ? Health::kBad : Health::kWarn, same.error().message,
            differs ? Cat("millwright rollback ", endpoint.name, " --dry-run") : ""};
  }
  const char* const how =
      recorded == nullptr ? " answers a golden row to the bit" : " answers a recorded request alike";
  return {name, Health::kOk, Cat("version ", endpoint.version, how), ""};
}

Check Age(std::string name, std::optional<Timestamp> at, Duration warn, Timestamp now, const std::string& remedy) {
  if (!at) return {std::move(name), Health::kWarn, "never", remedy};
  const Duration age = now - *at;
  const Health health = age > warn ? Health::kWarn : Health::kOk;
  return {std::move(name), health, Cat(FormatDuration(age), " ago"), health == Health::kOk ? "" : remedy};
}

}  // namespace

Checks DatabaseChecks(const Config& config) {
  if (!config.database.empty()) {
    return {{"database", Health::kOk, "PostgreSQL; its own tools watch it", ""}};
  }
  return {Database(config), DatabaseLog(config)};
}

Checks BackupChecks(const Config& config, const Clock& clock) {
  const BackupNotes notes = ReadBackupNotes(config.home);
  const Timestamp now = clock.Now();
  const std::string file = notes.file.empty() ? "BACKUP.tar" : notes.file;
  return {
      Age("last backup", notes.last, kBackupAgeWarn, now, "millwright backup /another/disk/millwright.tar"),
      Age("restore tested", notes.restore_tested, kRestoreAgeWarn, now, Cat("millwright restore ", file, " --check"))};
}

Checks PackageChecks(const Config& config) {
  Checks checks;
  const wire::DesiredState state = LastState(config);
  if (state.endpoints.empty()) return checks;
  const auto blobs = blob::DirectoryBlobs::Open(config.ArtifactsPath());
  if (!blobs.ok()) return {{"packages", Health::kBad, blobs.error().message, "millwright restore BACKUP --home NEW"}};
  for (const wire::DesiredEndpoint& endpoint : state.endpoints) checks.push_back(PackageOf(config, **blobs, endpoint));
  return checks;
}

Check ShimCheck(const Config& config, bool control_plane_runs) {
  const auto shims = ShimsOf(config.home);
  if (shims.empty()) return {"steps", Health::kOk, "none running", ""};
  std::vector<std::string> open;
  if (const auto database = db::SqliteConnection::Open(config.DatabasePath(), db::Use::kRead); database.ok()) {
    const auto attempts = jobs::Open(**database);
    for (const jobs::Attempt& attempt : attempts.value_or(std::vector<jobs::Attempt>())) {
      open.push_back(attempt.spec.directory);
    }
  }
  std::vector<std::string> orphans;
  for (const auto& [pid, directory] : shims) {
    if (std::find(open.begin(), open.end(), directory) == open.end()) orphans.push_back(Cat(pid));
  }
  if (!orphans.empty()) {
    return {"steps", Health::kWarn, Cat(orphans.size(), " running that no run waits for"),
            Cat("kill ", Join(orphans, " "))};
  }
  if (control_plane_runs) return {"steps", Health::kOk, Cat(shims.size(), " running"), ""};
  return {"steps", Health::kOk, Cat(shims.size(), " running; the next `millwright up` takes them up again"), ""};
}

Checks GoldenRowChecks(const Config& config, const std::string& inference_url) {
  Checks checks;
  const wire::DesiredState state = LastState(config);
  const auto blobs = blob::DirectoryBlobs::Open(config.ArtifactsPath());
  if (!blobs.ok()) return checks;
  for (const wire::DesiredEndpoint& endpoint : state.endpoints) {
    checks.push_back(GoldenRow(**blobs, inference_url, endpoint));
  }
  return checks;
}

}  // namespace mw::app
