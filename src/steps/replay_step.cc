// Arguments, the reading thread, the sending loop, the summary.
#include "steps/replay_step.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/text.h"
#include "data/rows.h"
#include "net/http_client.h"
#include "net/load_client.h"
#include "steps/control_plane.h"
#include "steps/label_feed.h"
#include "steps/replay_fault.h"
#include "steps/replay_request.h"

namespace mw::steps {
namespace {

constexpr std::string_view kReplayUsage =
    "usage: mw-step replay DATASET --url URL [--model NAME] [--from TIME] [--to TIME] [--limit N] [--rate R] "
    "[--connections N] [--in-flight N] [--labels-to URL] [--no-labels] [--fault FAULT]... "
    "[--predictions FILE.parquet] [--json]";
constexpr std::size_t kBlocksAhead = 4;
/// Rows of now that a server records whole (wire::RecordingRules), less what comes at the edges of a second.
constexpr double kRateOfNow = 900;

struct ReplayArguments {
  std::string dataset;
  std::string url;
  std::string model;
  data::RowQuery query;
  net::LoadOptions load{.connections = 4, .in_flight_max = 8};
  std::string predictions;
  std::string labels_to;
  bool labels = true;
  std::vector<ReplayFault> faults;
  bool json = false;
};

Result<int> Count(std::string_view flag, std::string_view value, int most) {
  const auto count = ParseInt(value);
  if (count && *count >= 1 && *count <= most) return static_cast<int>(*count);
  return InvalidArgument(flag, " is ", Quoted(value), "; it must be a number from 1 to ", most);
}

Status ReadFlag(std::string_view flag, const std::string& value, ReplayArguments& out) {
  if (flag == "--url") {
    out.url = value;
  } else if (flag == "--model") {
    out.model = value;
  } else if (flag == "--from") {
    out.query.from = TRY(ParseTime(value).In(flag));
  } else if (flag == "--to") {
    out.query.until = TRY(ParseTime(value).In(flag));
  } else if (flag == "--limit") {
    out.query.limit = TRY(Count(flag, value, 2'000'000'000));
  } else if (flag == "--rate") {
    out.load.rate = TRY(Count(flag, value, 1'000'000));
  } else if (flag == "--connections") {
    out.load.connections = TRY(Count(flag, value, 1024));
  } else if (flag == "--in-flight") {
    out.load.in_flight_max = TRY(Count(flag, value, 1024));
  } else if (flag == "--predictions") {
    out.predictions = value;
  } else if (flag == "--labels-to") {
    out.labels_to = value;
  } else if (flag == "--fault") {
    out.faults.push_back(TRY(ParseFault(value)));
  } else {
    return InvalidArgument("no flag ", Quoted(flag), "; ", kReplayUsage);
  }
  return Ok();
}

Result<ReplayArguments> ReadReplayArguments(const std::vector<std::string>& arguments) {
  ReplayArguments read;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--json") {
      read.json = true;
    } else if (arguments[i] == "--no-labels") {
      read.labels = false;
    } else if (!arguments[i].starts_with("--")) {
      read.dataset = arguments[i];
    } else if (i + 1 < arguments.size()) {
      TRY(ReadFlag(arguments[i], arguments[i + 1], read));
      ++i;
    } else {
      return InvalidArgument(arguments[i], " lacks its value; ", kReplayUsage);
    }
  }
  if (read.dataset.empty() || read.url.empty()) return InvalidArgument(kReplayUsage);
  return read;
}

/// A chunk's rows as requests.
struct Block {
  std::string bytes;
  std::vector<std::size_t> ends;  // of each request in `bytes`
  std::vector<std::int64_t> event_times;
  std::vector<std::string> keys;
  std::vector<std::optional<wire::Label>> labels;  // empty when none are sent
};

/// Blocks from the reading thread to the sending one.
class BlockQueue {
 public:
  /// Waits while there are enough. False when the sender has given up.
  bool Push(Block block) {
    const Lock lock(mutex_);
    while (blocks_.size() >= kBlocksAhead && !closed_) changed_.Wait(mutex_);
    if (closed_) return false;
    blocks_.push_back(std::move(block));
    changed_.NotifyAll();
    return true;
  }
  void Finish(Status outcome) {
    const Lock lock(mutex_);
    outcome_ = std::move(outcome);
    finished_ = true;
    changed_.NotifyAll();
  }
  /// Waits for the next block; nothing when there are no more.
  std::optional<Block> Pop() {
    const Lock lock(mutex_);
    while (blocks_.empty() && !finished_) changed_.Wait(mutex_);
    if (blocks_.empty()) return std::nullopt;
    Block block = std::move(blocks_.front());
    blocks_.erase(blocks_.begin());
    changed_.NotifyAll();
    return block;
  }
  void Close() {
    const Lock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }
  Status outcome() {
    const Lock lock(mutex_);
    return outcome_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<Block> blocks_ MW_GUARDED_BY(mutex_);
  Status outcome_ MW_GUARDED_BY(mutex_);
  bool finished_ MW_GUARDED_BY(mutex_) = false;
  bool closed_ MW_GUARDED_BY(mutex_) = false;
};

Status ReadRows(const ReplayArguments& arguments, ReplayRequest& request, bool with_labels, BlockQueue& queue) {
  data::SessionOptions options;
  options.paths = {arguments.dataset};
  options.threads = 1;  // the other cores are the server's and the sender's
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  data::RowQuery query = arguments.query;
  query.columns = request.columns();
  return data::StreamRows(session, arguments.dataset, query, [&](const data::Chunk& chunk) -> Status {
    Block block;
    for (std::size_t row = 0; row < chunk.rows(); ++row) {
      request.Append(chunk, row, block.bytes);
      block.ends.push_back(block.bytes.size());
      block.event_times.push_back(request.EventTime(chunk, row));
      if (!arguments.predictions.empty()) block.keys.push_back(request.id());
      if (with_labels) block.labels.push_back(request.LabelOf(chunk, row));
    }
    if (!queue.Push(std::move(block))) return Cancelled("the sender has given up");
    return Ok();
  });
}

std::string_view Between(std::string_view text, std::string_view from, char to) {
  const std::size_t at = text.find(from);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + from.size());
  return text.substr(0, text.find(to));
}

/// What came back, row by row and in sum.
class ReplayOutcome {
 public:
  explicit ReplayOutcome(bool keep_predictions) : keep_predictions_(keep_predictions) {}

  void Sent(std::int64_t event_time, std::string key) {
    if (event_time != data::Chunk::kMissingTime) {
      if (first_event_ == data::Chunk::kMissingTime) first_event_ = event_time;
      last_event_ = event_time;
    }
    if (!keep_predictions_) return;
    rows_.push_back(Row{std::move(key), event_time, {}, {}});
  }
  void Answered(const net::LoadAnswer& answer) {
    latencies_.push_back(answer.latency.count());
    if (answer.status != 200) {
      ++failed_;
      if (first_failure_.empty()) {
        first_failure_ = answer.status == 0 ? "the connection was lost" : Cat(answer.status, " ", answer.body);
      }
      return;
    }
    const std::string_view version = Between(answer.body, "\"model_version\":\"", '"');
    if (version != last_version_) last_version_ = version;
    ++versions_[last_version_];
    if (!keep_predictions_) return;
    Row& row = rows_[answer.index];
    row.version = version;
    row.value = Between(answer.body, "\"data\":[", ']');
  }

  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] const std::string& first_failure() const { return first_failure_; }
  /// Labels are sent; counts the rows that never get one.
  void Labelled(bool has_label) { without_label_ += has_label ? 0 : 1; }
  Json Summary(const std::string& model, const net::LoadReport& report);
  [[nodiscard]] Json LabelSummary(const LabelFeed::Summary& sent) const {
    return Json::Make({{"sent", sent.labels},
                       {"batches", sent.batches},
                       {"retries", sent.retries},
                       {"rows_without", without_label_}});
  }
  /// Through a CSV file that DuckDB turns into Parquet.
  Status WritePredictions(const std::string& path) const;

 private:
  struct Row {
    std::string key;
    std::int64_t event_time;
    std::string version;
    std::string value;
  };
  double LatencyMs(double share) {
    if (latencies_.empty()) return 0;
    const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), latencies_.begin() + rank, latencies_.end());
    return static_cast<double>(latencies_[static_cast<std::size_t>(rank)]) / 1000;
  }

  bool keep_predictions_;
  std::vector<std::int64_t> latencies_;  // microseconds
  std::uint64_t failed_ = 0;
  std::uint64_t without_label_ = 0;
  std::string first_failure_;
  std::string last_version_;
  std::map<std::string, std::uint64_t, std::less<>> versions_;
  std::int64_t first_event_ = data::Chunk::kMissingTime;
  std::int64_t last_event_ = data::Chunk::kMissingTime;
  std::vector<Row> rows_;
};

Json ReplayOutcome::Summary(const std::string& model, const net::LoadReport& report) {
  const double seconds = static_cast<double>(report.elapsed.count()) * 1e-6;
  const std::uint64_t sent = report.answered + report.failed;
  Json versions = Json::MakeObject();
  for (const auto& [version, count] : versions_) versions[version] = Json(count);
  const auto time = [](std::int64_t at) {
    return at == data::Chunk::kMissingTime ? Json() : Json(FormatTime(FromMicros(at)));
  };
  return Json::Make({{"model", Json(model)},
                     {"versions", std::move(versions)},
                     {"rows", Json(sent)},
                     {"failed", Json(failed_)},
                     {"first_failure", first_failure_.empty() ? Json() : Json(first_failure_)},
                     {"seconds", Json(seconds)},
                     {"rows_per_second", Json(seconds > 0 ? static_cast<double>(sent) / seconds : 0.0)},
                     {"latency_ms", Json::Make({{"p50", Json(LatencyMs(0.5))},
                                                {"p90", Json(LatencyMs(0.9))},
                                                {"p99", Json(LatencyMs(0.99))},
                                                {"max", Json(LatencyMs(1.0))}})},
                     {"first_event_time", time(first_event_)},
                     {"last_event_time", time(last_event_)}});
}

void AppendCsvText(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

Status ReplayOutcome::WritePredictions(const std::string& path) const {
  std::string csv = "key,event_time,version,prediction\n";
  for (const Row& row : rows_) {
    AppendCsvText(csv, row.key);
    CatTo(csv, ',', row.event_time == data::Chunk::kMissingTime ? "" : FormatTime(FromMicros(row.event_time)), ',',
          row.version, ',', row.value, '\n');
  }
  const std::string temporary = path + ".csv";
  TRY(WriteFileDurably(temporary, csv));
  data::SessionOptions options;
  options.paths = {temporary, path};
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  TRY(session.Bind("predictions", temporary));
  TRY(session.WriteParquet(
      "SELECT CAST(key AS VARCHAR) AS key, CAST(event_time AS TIMESTAMPTZ) AS event_time, "
      "CAST(version AS BIGINT) AS version, CAST(prediction AS FLOAT) AS prediction FROM predictions",
      path));
  std::remove(temporary.c_str());
  return Ok();
}

/// On stderr, a line each second once a second has passed.
class Progress {
 public:
  void Note(std::uint64_t sent) {
    const Duration now = clock_.Elapsed();
    if (now < next_) return;
    next_ = now + std::chrono::seconds(1);
    if (sent > 0) std::fprintf(stderr, "%s rows sent\n", WithThousands(static_cast<long long>(sent)).c_str());
  }

 private:
  RealClock clock_;
  Duration next_ = clock_.Elapsed() + std::chrono::seconds(1);
};

/// Hands the row's label to the feed, and tells it how far event time has come.
void FeedLabel(Block& block, std::size_t row, LabelFeed* feed, ReplayOutcome& outcome) {
  if (feed == nullptr) return;
  outcome.Labelled(block.labels[row].has_value());
  if (block.labels[row]) feed->Add(*std::move(block.labels[row]));
  feed->Advance(block.event_times[row]);
}

Result<net::LoadReport> SendRows(const ReplayArguments& arguments, BlockQueue& queue, LabelFeed* feed,
                                 ReplayOutcome& outcome) {
  std::optional<Block> block = queue.Pop();  // before the clock starts: finding the first rows is not latency
  std::size_t row = 0;
  std::uint64_t sent = 0;
  Progress progress;
  const auto next = [&](std::string& out) {
    if (block && row == block->ends.size()) {
      block = queue.Pop();
      row = 0;
      progress.Note(sent);
    }
    if (!block) return false;
    const std::size_t begin = row == 0 ? 0 : block->ends[row - 1];
    out.append(block->bytes, begin, block->ends[row] - begin);
    outcome.Sent(block->event_times[row], block->keys.empty() ? "" : std::move(block->keys[row]));
    FeedLabel(*block, row, feed, outcome);
    ++row;
    ++sent;
    return true;
  };
  return net::RunLoad(arguments.load, next, [&](const net::LoadAnswer& answer) { outcome.Answered(answer); });
}

/// The only model that is served, when none was named.
Result<std::string> OnlyModel(net::HttpClient& client) {
  const Json server = TRY(client.Call(net::Method::kGet, "/v2"));
  const Json* models = server.Find("models");
  if (models != nullptr && models->IsArray() && models->AsArray().size() == 1 && models->AsArray()[0].IsString()) {
    return models->AsArray()[0].AsString();
  }
  return InvalidArgument("the server serves ", models == nullptr ? "[]" : models->Dump(), "; name one with --model");
}

Result<Json> FetchMetadata(ReplayArguments& arguments) {
  net::HttpClient client = TRY(net::HttpClient::Make(arguments.url, net::ClientOptions{}));
  if (arguments.model.empty()) arguments.model = TRY(OnlyModel(client));
  const net::Response response =
      TRY(client.Send(net::Method::kGet, Cat("/v2/models/", net::PercentEncode(arguments.model))));
  Result<Json> body = Json::Parse(response.body);
  if (response.status == 200) return body;
  return InvalidArgument(arguments.url, ": ", body.ok() ? body->StringOr("error", response.body) : response.body);
}

std::string SummaryText(const Json& summary) {
  const Json& latency = *summary.Find("latency_ms");
  std::string versions;
  for (const auto& [version, count] : summary.Find("versions")->AsObject()) {
    CatTo(versions, versions.empty() ? " v" : ", v", version);
  }
  std::string text = Cat("served     ", WithThousands(summary.IntOr("rows", 0)), " rows by ",
                         summary.StringOr("model", ""), versions, " in ", Fixed(summary.DoubleOr("seconds", 0), 1),
                         " s (", WithThousands(static_cast<long long>(summary.DoubleOr("rows_per_second", 0))), "/s)  ",
                         WithThousands(summary.IntOr("failed", 0)), " failed   p50 ",
                         Fixed(latency.DoubleOr("p50", 0), 1), " ms  p90 ", Fixed(latency.DoubleOr("p90", 0), 1),
                         " ms  p99 ", Fixed(latency.DoubleOr("p99", 0), 1), " ms  (wall time)\n");
  if (!summary.Find("first_event_time")->IsNull()) {
    CatTo(text, "event time ", summary.StringOr("first_event_time", ""), " to ",
          summary.StringOr("last_event_time", ""), "\n");
  }
  if (const Json& labels = *summary.Find("labels"); labels.IsObject()) {
    CatTo(text, "labels     ", WithThousands(labels.IntOr("sent", 0)), " sent as they became known, ",
          WithThousands(labels.IntOr("rows_without", 0)), " rows never get one\n");
  }
  for (const Json& fault : summary.Find("faults")->AsArray()) CatTo(text, "FAULT      ", fault.AsString(), "\n");
  return text;
}

LabelFeed::Options FeedOptions(const ReplayArguments& arguments, const std::string& replay) {
  return {arguments.labels_to, TokenFromEnvironment(), arguments.model, replay};
}

/// Nothing when no labels are wanted, or there are none.
Result<std::unique_ptr<LabelFeed>> StartFeed(const ReplayArguments& arguments, const ReplayRequest& request,
                                             const std::string& replay) {
  if (!arguments.labels || arguments.labels_to.empty() || !request.has_labels()) return std::unique_ptr<LabelFeed>();
  return LabelFeed::Start(FeedOptions(arguments, replay));
}

/// The column by which the model's requests name the entity; empty where nobody is there to say.
Result<std::string> KeyColumn(const ReplayArguments& arguments) {
  if (arguments.labels_to.empty()) return std::string();
  Result<LabelFacts> facts = FetchLabelFacts(FeedOptions(arguments, ""));
  if (facts.ok()) return facts->key;
  if (facts.error().code == Code::kNotFound) return std::string();
  return facts.error();
}

/// Rows that do not say when they were are predictions of now: slowly enough that each is recorded.
void Pace(const ReplayRequest& request, ReplayArguments& arguments) {
  if (request.has_event_time() || arguments.load.rate > 0) return;
  arguments.load.rate = kRateOfNow;
  arguments.load.catch_up = false;
  std::fprintf(stderr, "rows without an event time count as predictions of now: %.0f a second, so that each is %s\n",
               kRateOfNow, "recorded; --rate N for another pace");
}

/// That nothing was sent, and when the dataset's rows are.
Status NoRows(const ReplayArguments& arguments, const data::Dataset& dataset) {
  if (dataset.rows == 0 || dataset.roles.event_time.empty()) return InvalidArgument("the dataset has no rows");
  data::SessionOptions options;
  options.paths = {arguments.dataset};
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  TRY(session.Bind("rows", arguments.dataset));
  const std::string time = data::SqlName(dataset.roles.event_time);
  const auto span =
      TRY(session.Query(Cat("SELECT epoch_us(min(", time, ")), epoch_us(max(", time, ")) FROM \"rows\"")));
  const auto said = [](std::string_view word, const std::optional<Timestamp>& at) {
    return at ? Cat(word, FormatTime(*at)) : std::string();
  };
  return InvalidArgument("no row lies", said(" from ", arguments.query.from), said(" until ", arguments.query.until),
                         "; the dataset's ", WithThousands(dataset.rows), " rows are from ",
                         FormatTime(FromMicros(span[0][0].AsInt())), " to ",
                         FormatTime(FromMicros(span[0][1].AsInt())));
}

}  // namespace

Status Replay(const std::vector<std::string>& arguments_in) {
  ReplayArguments arguments = TRY(ReadReplayArguments(arguments_in));
  const net::Url url = TRY(net::Url::Parse(arguments.url));
  arguments.load.host = url.host;
  arguments.load.port = url.port;
  const data::Dataset dataset = TRY(data::ReadDataset(arguments.dataset));
  const Json metadata = TRY(FetchMetadata(arguments));
  const std::string replay = Cat("replay-", Hex(RandomBytes(8)));
  const std::string key = TRY(KeyColumn(arguments));
  ReplayRequest request =
      TRY(ReplayRequest::Make(metadata, dataset, Cat(url.host, ":", url.port), replay, key, arguments.faults));
  if (!request.has_event_time() && (arguments.query.from || arguments.query.until)) {
    return InvalidArgument("--from, --to: the rows do not say when they were; leave them out, --limit takes the first");
  }
  Pace(request, arguments);
  const std::unique_ptr<LabelFeed> feed = TRY(StartFeed(arguments, request, replay));
  ReplayOutcome outcome(!arguments.predictions.empty());
  BlockQueue queue;
  std::thread reader([&] { queue.Finish(ReadRows(arguments, request, feed != nullptr, queue)); });
  const Result<net::LoadReport> report = SendRows(arguments, queue, feed.get(), outcome);
  queue.Close();
  reader.join();
  if (!report.ok()) return report.error();
  TRY(queue.outcome());
  if (report->answered + report->failed == 0) return NoRows(arguments, dataset);
  if (!arguments.predictions.empty()) TRY(outcome.WritePredictions(arguments.predictions));
  Json summary = outcome.Summary(arguments.model, *report);
  summary["labels"] = feed == nullptr ? Json() : outcome.LabelSummary(TRY(feed->Finish()));
  summary["faults"] = Json::MakeArray();
  for (const std::string& sentence : request.faults().sentences()) summary["faults"].Append(sentence);
  const std::string text = arguments.json ? summary.Dump() + "\n" : SummaryText(summary);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (outcome.failed() == 0) return Ok();
  return FailedPrecondition(outcome.failed(), " of ", report->answered + report->failed,
                            " requests failed; the first: ", outcome.first_failure());
}

}  // namespace mw::steps
