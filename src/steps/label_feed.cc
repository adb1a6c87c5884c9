// The heap of labels that are not known yet, and the sending thread.
#include "steps/label_feed.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.h"

namespace mw::steps {
namespace {

constexpr Duration kFirstRetryPause = std::chrono::milliseconds(50);
constexpr Duration kLongestRetryPause = std::chrono::seconds(1);

bool ComesBack(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kDeadlineExceeded ||
         error.code == Code::kResourceExhausted || error.code == Code::kAborted;
}

std::string LabelsPath(const LabelFeed::Options& options) {
  return Cat("/api/v1/endpoints/", net::PercentEncode(options.endpoint), "/labels");
}

Result<net::HttpClient> Connect(const LabelFeed::Options& options) {
  net::ClientOptions client;
  client.bearer_token = options.token;
  return net::HttpClient::Make(options.url, client);
}

}  // namespace

Result<std::unique_ptr<LabelFeed>> LabelFeed::Start(Options options) {
  net::HttpClient http = TRY(Connect(options));
  std::unique_ptr<LabelFeed> feed(new LabelFeed(std::move(options), std::move(http)));
  feed->thread_ = std::thread([raw = feed.get()] { raw->Run(); });
  return feed;
}

LabelFeed::LabelFeed(Options options, net::HttpClient client)
    : options_(std::move(options)), client_(std::move(client)) {}

LabelFeed::~LabelFeed() {
  {
    const Lock lock(mutex_);
    finished_ = true;
    abandoned_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void LabelFeed::Add(wire::Label label) { unknown_.push(std::move(label)); }

Status LabelFeed::AddKnown(wire::Label label) {
  batch_.push_back(std::move(label));
  if (batch_.size() < kBatchLabels) return Ok();
  return Flush();
}

void LabelFeed::Advance(std::int64_t event_time_us) {
  Release(event_time_us);
  if (!batch_.empty() && clock_.Elapsed() - batch_since_ > kFlushPeriod) static_cast<void>(Flush());
}

void LabelFeed::Release(std::int64_t until_us) {
  while (!unknown_.empty() && unknown_.top().time_us <= until_us) {
    if (batch_.empty()) batch_since_ = clock_.Elapsed();
    batch_.push_back(unknown_.top());
    unknown_.pop();
    // A refusal is reported by Finish: requests go on.
    if (batch_.size() >= kBatchLabels) static_cast<void>(Flush());
  }
}

Status LabelFeed::Flush() {
  const Lock lock(mutex_);
  while (waiting_.size() >= kBatchesWaitingMax && outcome_.ok()) changed_.Wait(mutex_);
  if (outcome_.ok()) waiting_.push_back(std::move(batch_));
  batch_.clear();
  changed_.NotifyAll();
  return outcome_;
}

Result<LabelFeed::Summary> LabelFeed::Finish() {
  Release(std::numeric_limits<std::int64_t>::max());
  if (!batch_.empty()) static_cast<void>(Flush());
  {
    const Lock lock(mutex_);
    finished_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
  const Lock lock(mutex_);
  TRY(outcome_);
  return summary_;
}

void LabelFeed::Run() {
  for (std::uint64_t number = 1;; ++number) {
    std::vector<wire::Label> labels;
    {
      const Lock lock(mutex_);
      while (waiting_.empty() && !finished_) changed_.Wait(mutex_);
      if (waiting_.empty() || abandoned_) return;
      labels = std::move(waiting_.front());
      waiting_.pop_front();
      changed_.NotifyAll();
    }
    const Result<Json> answer = Send(labels, number);
    const Lock lock(mutex_);
    if (answer.ok()) {
      Count(*answer, labels);
      continue;
    }
    outcome_ = answer.error();
    changed_.NotifyAll();
    return;
  }
}

void LabelFeed::Count(const Json& answer, const std::vector<wire::Label>& labels) {
  const auto number = [&answer](std::string_view key) { return static_cast<std::uint64_t>(answer.IntOr(key, 0)); };
  ++summary_.batches;
  summary_.labels += number("labels");
  summary_.joined += number("joined");
  summary_.waiting += number("waiting");
  summary_.too_late += number("too_late");
  summary_.repeated += answer.BoolOr("repeated", false) ? number("labels") : 0;
  if (const Json* added = answer.Find("new_classes"); added != nullptr && added->IsArray()) {
    for (const Json& one : added->AsArray()) {
      summary_.new_classes.push_back({one.StringOr("name", ""), 0, one.StringOr("did_you_mean", "")});
    }
  }
  // Also those of later batches, to which the class is no longer new.
  for (NewClass& one : summary_.new_classes) {
    one.labels += static_cast<std::uint64_t>(std::count_if(
        labels.begin(), labels.end(), [&one](const wire::Label& label) { return label.text == one.name; }));
  }
}

/// False when nobody waits for the outcome any more.
bool LabelFeed::WaitFor(Duration duration) {
  const Lock lock(mutex_);
  if (!abandoned_) changed_.WaitFor(mutex_, duration);
  ++summary_.retries;
  return !abandoned_;
}

Result<Json> LabelFeed::Send(const std::vector<wire::Label>& labels, std::uint64_t number) {
  const std::string target = Cat(LabelsPath(options_), "?batch_id=", net::PercentEncode(options_.batches), "-", number);
  const std::string body = wire::LabelBytes(labels);
  const net::Headers headers = {{"Content-Type", std::string(wire::kLabelBatchType)}};
  const Duration start = clock_.Elapsed();
  for (Duration pause = kFirstRetryPause;; pause = std::min(2 * pause, kLongestRetryPause)) {
    const Result<net::Response> response = client_.Send(net::Method::kPost, target, body, headers);
    if (response.ok() && response->status < 300) return Json::Parse(response->body);
    Error error = response.ok() ? net::ErrorFromResponse(*response) : response.error();
    const bool patient = clock_.Elapsed() - start < kPatience;
    if (!ComesBack(error) || !patient || !WaitFor(pause)) return std::move(error).In("sending labels");
  }
}

Result<LabelFacts> FetchLabelFacts(const LabelFeed::Options& options) {
  net::HttpClient client = TRY(Connect(options));
  // Of no time at all: what is known of labels is not asked for.
  const std::string target = LabelsPath(options) + "?from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:00Z";
  const RealClock clock;
  const Duration start = clock.Elapsed();
  Result<Json> answer = client.Call(net::Method::kGet, target);
  while (!answer.ok() && ComesBack(answer.error()) && clock.Elapsed() - start < LabelFeed::kPatience) {
    std::this_thread::sleep_for(kLongestRetryPause);  // NOLINT(no-sleeps): nobody tells when it is back
    answer = client.Call(net::Method::kGet, target);
  }
  if (!answer.ok()) return std::move(answer).error().In("asking for the endpoint's classes");
  LabelFacts facts;
  facts.key = answer->StringOr("key", "");
  if (const Json* recorded = answer->Find("recorded"); recorded != nullptr) {
    facts.recorded_rows = recorded->IntOr("rows", 0);
    facts.kept_rows = recorded->IntOr("kept", 0);
  }
  const Json* classes = answer->Find("classes");
  if (classes == nullptr || !classes->IsArray()) return facts;
  for (const Json& name : classes->AsArray()) {
    if (name.IsString()) facts.names.push_back(name.AsString());
  }
  return facts;
}

}  // namespace mw::steps
