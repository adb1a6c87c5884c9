// Arguments, where it goes on, the model, the summary.
#include "steps/batch_tool.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "serving/backend/start_backend.h"
#include "steps/batch_lineage.h"
#include "steps/batch_run.h"
#include "steps/control_plane.h"
#include "wire/package.h"

namespace mw::steps {
namespace {

constexpr std::string_view kPredictUsage =
    "usage: mw-step predict --input FILE|DIRECTORY|PATTERN --output FILE.parquet (--model PATH | --version "
    "MODEL[@VERSION] --url URL) [--keep key|all|COLUMN,...] [--record-as ENDPOINT] [--no-recording] [--strict] "
    "[--part-rows N] [--state DIR] [--json]";
/// Rows of one batch whose features are recorded whole; of more, as many drawn by their ids.
constexpr double kSampledRowsMax = 1'000'000;
constexpr auto kDeliveryTimeout = std::chrono::seconds(60);
constexpr Duration kProgressPeriod = std::chrono::milliseconds(200);

struct PredictArguments {
  std::string input;
  std::string output;
  std::string model_path;
  std::string reference;  // MODEL[@VERSION]
  std::string url;
  std::string keep;
  std::string record_as;
  std::string part_rows;
  std::string state;  // where environments for MLflow's models are kept
  bool recording = true;
  bool strict = false;
  bool json = false;
};

Result<PredictArguments> ReadPredictArguments(const std::vector<std::string>& arguments) {
  PredictArguments read;
  const std::vector<std::pair<std::string_view, std::string*>> flags = {{"--input", &read.input},
                                                                        {"--output", &read.output},
                                                                        {"--model", &read.model_path},
                                                                        {"--version", &read.reference},
                                                                        {"--url", &read.url},
                                                                        {"--keep", &read.keep},
                                                                        {"--record-as", &read.record_as},
                                                                        {"--part-rows", &read.part_rows},
                                                                        {"--state", &read.state}};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--json") {
      read.json = true;
    } else if (word == "--strict") {
      read.strict = true;
    } else if (word == "--no-recording") {
      read.recording = false;
    } else {
      const auto flag =
          std::find_if(flags.begin(), flags.end(), [&](const auto& known) { return known.first == word; });
      if (flag == flags.end()) return InvalidArgument("no flag ", Quoted(word), "; ", kPredictUsage);
      if (i + 1 == arguments.size()) return InvalidArgument(word, " lacks its value; ", kPredictUsage);
      *flag->second = arguments[++i];
    }
  }
  const bool one_model = read.model_path.empty() != read.reference.empty();
  if (read.input.empty() || read.output.empty() || !one_model) return InvalidArgument(kPredictUsage);
  if (!read.output.ends_with(".parquet"))
    return InvalidArgument("--output is ", Quoted(read.output), "; it must end in .parquet");
  if (!read.reference.empty() && read.url.empty()) return InvalidArgument("--version needs --url, the control plane's");
  return read;
}

Result<std::int64_t> PartRows(const PredictArguments& arguments) {
  if (arguments.part_rows.empty()) return BatchJob().part_rows;
  const auto rows = ParseInt(arguments.part_rows);
  if (rows && *rows >= 1 && *rows <= 1'000'000'000) return *rows;
  return InvalidArgument("--part-rows is ", Quoted(arguments.part_rows), "; it must be a number from 1 to 1000000000");
}

/// Of a model file, or of all that is in a directory.
Result<std::string> DigestOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return ErrnoError(errno, Cat("model ", path));
  if (!S_ISDIR(status.st_mode)) return Cat("sha256:", Sha256Hex(TRY(ReadFile(path))));
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  if (error) return ErrnoError(error.value(), path);
  std::sort(files.begin(), files.end());
  Sha256 digest;
  for (const std::string& file : files) {
    digest.Update(Cat(file.substr(path.size()), "\n", Sha256Hex(TRY(ReadFile(file))), "\n"));
  }
  return Cat("sha256:", digest.Finish());
}

Json ToJson(const std::vector<InputFile>& files) {
  Json out = Json::MakeArray();
  for (const InputFile& file : files) {
    out.Append(Json::Make({{"path", file.path}, {"bytes", file.bytes}, {"modified_us", file.modified_us}}));
  }
  return out;
}

/// One batch prediction, from its arguments to its summary.
class Batch {
 public:
  explicit Batch(PredictArguments arguments) : arguments_(std::move(arguments)) {}

  Status Run() {
    TRY(Prepare());
    TRY(GoOnOrBegin());
    resumed_at_ = marker_.rows;
    model_ = TRY(serving::Model::Load(model_path_, serving::MakeStartBackend(ForeignOptionsOf(), metrics_)));
    if (model_->backend() != nullptr) tensors_.emplace(TRY(BatchTensors::Make(*model_->backend())));
    if (Recording()) recorder_ = TRY(StartRecorder());
    if (!marker_.complete) TRY(Predict());
    Status delivered = recorder_ == nullptr ? Ok() : recorder_->Deliver(kDeliveryTimeout);
    if (delivered.ok()) delivered = Tell();
    if (!delivered.ok()) {
      return std::move(delivered).In(Cat(arguments_.output, " is whole, but what is to be recorded waits in ",
                                         directory_, " until the same command is run again"));
    }
    recorder_.reset();
    Say();
    return RemoveWorkDirectory();
  }

 private:
  /// Windows are of models that take rows.
  [[nodiscard]] bool Recording() const { return arguments_.recording && marker_.version != 0 && !tensors_; }

  /// Of a version's files, whatever runs the model.
  [[nodiscard]] Status Tell() const {
    if (!arguments_.recording || marker_.version == 0) return Ok();
    net::HttpClient api = TRY(ControlPlane());
    return TellLineage(api, marker_, job_.files, output_, RealClock().Now());
  }

  [[nodiscard]] Result<net::HttpClient> ControlPlane() const {
    net::ClientOptions options;
    options.bearer_token = TokenFromEnvironment();
    return net::HttpClient::Make(arguments_.url, options);
  }

  [[nodiscard]] serving::ForeignOptions ForeignOptionsOf() const {
    serving::ForeignOptions foreign;
    const std::string state = arguments_.state.empty() ? directory_ : arguments_.state;
    foreign.python_directory = std::filesystem::absolute(state).lexically_normal().string() + "/python";
    const char* const python = std::getenv("MILLWRIGHT_PYTHON");
    foreign.python = python == nullptr ? "" : python;
    return foreign;
  }

  Status Prepare() {
    job_.files = TRY(FindInputs(arguments_.input));
    job_.keep = Keep::Parse(arguments_.keep);
    job_.strict = arguments_.strict;
    job_.part_rows = TRY(PartRows(arguments_));
    output_ = std::filesystem::absolute(arguments_.output).lexically_normal().string();
    directory_ = output_ + ".unfinished";
    job_.directory = directory_;
    TRY(MakeDirectories(directory_));
    auto lock = LockFile(directory_ + "/lock");
    if (!lock.ok() && lock.error().code == Code::kFailedPrecondition) {
      return FailedPrecondition("another process is writing ", arguments_.output);
    }
    lock_ = TRY(std::move(lock));
    return Ok();
  }

  /// What a run must share with the one that it continues.
  Result<Json> Same() const {
    const bool bare = arguments_.reference.empty();
    const std::string digest = bare ? TRY(DigestOf(arguments_.model_path)) : std::string();
    return Json::Make(
        {{"input", ToJson(job_.files)},
         {"model", bare ? std::filesystem::absolute(arguments_.model_path).string() : arguments_.reference},
         {"model_digest", digest},
         {"keep", arguments_.keep},
         {"record_as", arguments_.record_as},
         {"recording", arguments_.recording},
         {"part_rows", job_.part_rows}});
  }

  Status GoOnOrBegin() {
    const Json same = TRY(Same());
    std::optional<BatchMarker> before = TRY(ReadMarker(directory_));
    model_path_ = arguments_.reference.empty() ? arguments_.model_path : directory_ + "/model";
    if (before && before->arguments == same) {
      marker_ = std::move(*before);
      if (!arguments_.strict || marker_.bad_rows == 0) return Ok();
      return InvalidArgument(marker_.first_bad_rows.front());
    }
    if (before && before->complete) {
      return FailedPrecondition(directory_,
                                " holds what was recorded of an earlier batch and not delivered; run that one ",
                                "again, or remove the directory");
    }
    if (before) std::fprintf(stderr, "the input or the arguments are others than before: beginning anew\n");
    return Begin(same);
  }

  Status Begin(const Json& same) {
    for (const char* name : {"parts", "windows", "model", "spill", "progress.json"}) {
      std::filesystem::remove_all(Cat(directory_, "/", name));
    }
    marker_.arguments = same;
    marker_.started = RealClock().Now();
    if (arguments_.reference.empty()) {
      marker_.model_digest = same.StringOr("model_digest", "");
    } else {
      TRY(FetchModel());
    }
    marker_.batch_id =
        Sha256Hex(Cat(same.Dump(), marker_.model, "@", marker_.version, marker_.model_digest)).substr(0, 16);
    data::SessionOptions options;
    for (const InputFile& file : job_.files) options.paths.push_back(file.path);
    data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
    marker_.rows_expected = TRY(CountRows(session, job_.files));
    return WriteMarker(directory_, marker_);
  }

  Status FetchModel() {
    const std::size_t at = arguments_.reference.find('@');
    const std::string name = arguments_.reference.substr(0, at);
    const std::string version = at == std::string::npos ? "production" : arguments_.reference.substr(at + 1);
    net::HttpClient api = TRY(ControlPlane());
    const std::optional<ModelVersion> found = TRY(FindVersion(api, name, version));
    if (!found) {
      const Result<Json> model = api.Call(net::Method::kGet, Cat("/api/v1/models/", net::PercentEncode(name)));
      if (!model.ok()) return model.error();  // there is no such model: it says which there are
      return NotFound("model ", Quoted(name), " has no version ", Quoted(version), "; see `millwright models ", name,
                      "`, or name a file with --model");
    }
    TRY(FetchPackage(api, found->package, directory_ + "/model"));
    marker_.model = name;
    marker_.version = found->version;
    marker_.model_digest = found->package;
    return Ok();
  }

  Result<std::unique_ptr<BatchRecorder>> StartRecorder() {
    BatchRecorderOptions options;
    options.batch_id = marker_.batch_id;
    options.endpoint = Endpoint();
    options.version = marker_.version;
    options.started = marker_.started;
    options.sample_rate =
        std::min(1.0, kSampledRowsMax / static_cast<double>(std::max<std::int64_t>(marker_.rows_expected, 1)));
    options.directory = directory_;
    options.control_plane = {arguments_.url, TokenFromEnvironment()};
    return BatchRecorder::Start(std::move(options), *model_);
  }

  [[nodiscard]] std::string Endpoint() const {
    return arguments_.record_as.empty() ? marker_.model : arguments_.record_as;
  }

  Status Predict() {
    job_.model = model_.get();
    job_.tensors = tensors_ ? &*tensors_ : nullptr;
    job_.recorder = recorder_.get();
    began_ = clock_.Elapsed();
    if (isatty(STDERR_FILENO) != 0) job_.progress = [this](std::int64_t rows) { ShowProgress(rows); };
    const Status predicted = PredictParts(job_, marker_);
    if (shown_) std::fputs("\r\x1b[K", stderr);
    TRY(Status(predicted));
    for (const InputFile& file : job_.files) {
      if (TRY(DescribeFile(file.path)) == file) continue;
      return FailedPrecondition(file.path, " was changed while it was read; predict again");
    }
    TRY(JoinParts(directory_, marker_, Metadata(), output_));
    elapsed_ = clock_.Elapsed() - began_;
    marker_.complete = true;
    return WriteMarker(directory_, marker_);
  }

  void ShowProgress(std::int64_t rows) {
    const Duration now = clock_.Elapsed();
    if (now - shown_at_ < kProgressPeriod) return;
    shown_at_ = now;
    shown_ = true;
    const double rate = static_cast<double>(rows - resumed_at_) / std::max(Seconds(now - began_), 1e-3);
    const std::int64_t left = std::max<std::int64_t>(marker_.rows_expected - rows, 0);
    const Duration rest(static_cast<std::int64_t>(static_cast<double>(left) / std::max(rate, 1.0)) * 1'000'000);
    const std::string line =
        Cat("\r\x1b[K", WithThousands(rows), " of ", job_.files.front().is_csv() ? "about " : "",
            WithThousands(std::max(marker_.rows_expected, rows)), " rows, ",
            WithThousands(static_cast<long long>(rate)), " rows/s, ", FormatDuration(rest), " left");
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

  /// What the file says of itself.
  [[nodiscard]] Json Metadata() const {
    Json classes = Json::MakeArray();
    for (const std::string& name : model_->classes()) classes.Append(name);
    return Json::Make({{"batch", marker_.batch_id},
                       {"model", marker_.model.empty() ? model_->name() : marker_.model},
                       {"version", marker_.version == 0 ? Json() : Json(marker_.version)},
                       {"model_digest", marker_.model_digest},
                       {"classes", std::move(classes)},
                       {"threshold", model_->threshold() ? Json(*model_->threshold()) : Json()}});
  }

  [[nodiscard]] Json Summary() const {
    const double seconds = Seconds(elapsed_);
    Json bad = Json::MakeArray();
    for (const std::string& sentence : marker_.first_bad_rows) bad.Append(sentence);
    Json out =
        Json::Make({{"output", output_},
                    {"batch", marker_.batch_id},
                    {"model", marker_.model.empty() ? model_->name() : marker_.model},
                    {"version", marker_.version == 0 ? Json() : Json(marker_.version)},
                    {"model_digest", marker_.model_digest},
                    {"rows", marker_.rows},
                    {"resumed_at", resumed_at_},
                    {"seconds", seconds},
                    {"rows_per_second", seconds > 0 ? static_cast<double>(marker_.rows - resumed_at_) / seconds : 0},
                    {"bad_rows", marker_.bad_rows},
                    {"first_bad_rows", std::move(bad)},
                    {"unknown_categories", marker_.unknown_categories}});
    if (Recording()) out["recorded"] = Json::Make({{"endpoint", Endpoint()}, {"sampled_rows", marker_.sampled_rows}});
    return out;
  }

  void Say() const {
    const Json summary = Summary();
    const std::string text = arguments_.json ? summary.Dump() + "\n" : SummaryText(summary);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }

  [[nodiscard]] std::string SummaryText(const Json& summary) const {
    std::string out = Cat(WithThousands(marker_.rows), " rows predicted in ", Fixed(Seconds(elapsed_), 1), " s (",
                          WithThousands(static_cast<long long>(summary.DoubleOr("rows_per_second", 0))),
                          " rows/s) into ", arguments_.output, "\n");
    if (resumed_at_ > 0) CatTo(out, "went on at row ", WithThousands(resumed_at_), "\n");
    if (marker_.unknown_categories > 0) {
      CatTo(out, WithThousands(marker_.unknown_categories), " categories that training never saw counted as missing\n");
    }
    if (Recording()) {
      CatTo(out, "recorded for endpoint ", Endpoint(), ", version ", marker_.version, ": ",
            WithThousands(marker_.rows - marker_.bad_rows), " rows, ", WithThousands(marker_.sampled_rows),
            " with their features\n");
    }
    if (marker_.bad_rows == 0) return out;
    CatTo(out, WithThousands(marker_.bad_rows), " bad rows have no prediction; ", kErrorColumn, " says why:\n");
    for (const std::string& sentence : marker_.first_bad_rows) CatTo(out, "  ", sentence, "\n");
    return out;
  }

  Status RemoveWorkDirectory() {
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
    return error ? Status(ErrnoError(error.value(), directory_)) : Ok();
  }

  const PredictArguments arguments_;
  const RealClock clock_;
  std::string output_;
  std::string directory_;
  std::string model_path_;
  FileDescriptor lock_;
  BatchJob job_;
  BatchMarker marker_;
  MetricsRegistry metrics_;
  std::shared_ptr<const serving::Model> model_;
  std::optional<BatchTensors> tensors_;
  std::unique_ptr<BatchRecorder> recorder_;
  std::int64_t resumed_at_ = 0;
  Duration began_{0};
  Duration elapsed_{0};
  Duration shown_at_{0};
  bool shown_ = false;
};

}  // namespace

Status PredictBatch(const std::vector<std::string>& arguments) {
  SetLogLevel(LogLevel::kWarning);
  return Batch(TRY(ReadPredictArguments(arguments))).Run();
}

}  // namespace mw::steps
