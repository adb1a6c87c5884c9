// Brings labels to the control plane while a replay goes on: each once it is known in event time, in batches, from
// a thread of its own, so that requests never wait for it. A control plane that is away for a while gets the same
// batch under the same id until it answers.
//
// One thread calls Add, Advance and Finish. Invariant: when Finish succeeds, every label that was added has been
// acknowledged exactly once.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/result.h"
#include "net/http_client.h"
#include "wire/label_batch.h"

namespace mw::steps {

class LabelFeed {
 public:
  static constexpr std::size_t kBatchLabels = 4096;
  static constexpr std::size_t kBatchesWaitingMax = 1024;                   ///< then Advance waits
  static constexpr Duration kFlushPeriod = std::chrono::milliseconds(250);  ///< a smaller batch leaves after this
  static constexpr Duration kPatience = std::chrono::minutes(2);            ///< with a control plane that is away

  struct Options {
    std::string url;  ///< of the control plane
    std::string token;
    std::string endpoint;
    std::string batches;  ///< what batch ids begin with; the same labels under the same name count once
  };
  struct NewClass {
    std::string name;
    std::uint64_t labels = 0;
    std::string nearest;  ///< a class there was with nearly that name; empty: none
  };
  struct Summary {
    std::uint64_t labels = 0;
    std::uint64_t batches = 0;
    std::uint64_t retries = 0;
    // When they were acknowledged; a label that waits is joined when its prediction arrives.
    std::uint64_t joined = 0;
    std::uint64_t waiting = 0;
    std::uint64_t too_late = 0;
    std::uint64_t repeated = 0;  ///< in batches that had been acknowledged before
    std::vector<NewClass> new_classes;
  };

  /// Errors: kInvalidArgument for a URL that is none.
  static Result<std::unique_ptr<LabelFeed>> Start(Options options);
  ~LabelFeed();
  LabelFeed(const LabelFeed&) = delete;
  LabelFeed& operator=(const LabelFeed&) = delete;

  /// A label that is known from label.time_us on; without a time it is sent at once.
  void Add(wire::Label label);
  /// A label that is known already, to be sent in the order of the calls. Errors: an earlier batch was refused.
  Status AddKnown(wire::Label label);
  /// Event time has come to here: what is known by now is sent.
  void Advance(std::int64_t event_time_us);
  /// Sends all that is left and waits until it is acknowledged. Errors: the control plane's refusal;
  /// kUnavailable when it stayed away.
  Result<Summary> Finish();

 private:
  struct Later {
    bool operator()(const wire::Label& a, const wire::Label& b) const { return a.time_us > b.time_us; }
  };
  LabelFeed(Options options, net::HttpClient client);
  void Release(std::int64_t until_us);
  Status Flush();
  void Run();
  Result<Json> Send(const std::vector<wire::Label>& labels, std::uint64_t number);
  void Count(const Json& answer, const std::vector<wire::Label>& labels) MW_REQUIRES(mutex_);
  bool WaitFor(Duration duration);

  const Options options_;
  RealClock clock_;
  std::priority_queue<wire::Label, std::vector<wire::Label>, Later> unknown_;  // not known yet, the next on top
  std::vector<wire::Label> batch_;                                             // being filled
  Duration batch_since_{0};

  net::HttpClient client_;  // the thread's
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::vector<wire::Label>> waiting_ MW_GUARDED_BY(mutex_);
  Summary summary_ MW_GUARDED_BY(mutex_);
  Status outcome_ MW_GUARDED_BY(mutex_);
  bool finished_ MW_GUARDED_BY(mutex_) = false;   // no more batches will come
  bool abandoned_ MW_GUARDED_BY(mutex_) = false;  // nobody waits for the rest
  std::thread thread_;
};

/// What the control plane says of labels of the endpoint.
struct LabelFacts {
  std::vector<std::string> names;  ///< by which labels can say their class, by number; empty when numbers alone will do
  std::string key;                 ///< the column by which requests name the entity; empty: none
  std::int64_t recorded_rows = 0;  ///< predictions of all windows
  std::int64_t kept_rows = 0;      ///< of them with an id, by which labels find them
};

/// Waits for a control plane that is away, as the feed does. Errors: kNotFound no such endpoint; kUnavailable.
Result<LabelFacts> FetchLabelFacts(const LabelFeed::Options& options);

}  // namespace mw::steps
