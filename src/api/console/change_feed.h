// What changed, told to whoever looks: the consoles that are open. Doors and reconcilers publish, each
// subscription gathers what it has not taken yet. Nothing is kept: who subscribes late, or lags behind, reads
// everything anew. Any thread.
//
// Invariant: between two Takes a subscription is woken at most once, and holds each change once.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace mw::api::console {

struct Change {
  std::string topic;  ///< "run", "goal", "pipeline", "model", "endpoint", "server"; "all": read everything anew
  std::string name;   ///< empty: any of the topic
  auto operator<=>(const Change&) const = default;
};

class ChangeFeed {
 public:
  static constexpr std::size_t kSubscriptionsMax = 200;
  static constexpr std::size_t kGatheredMax = 256;  ///< more in one subscription become one "all"

  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    /// What was published since the last Take, in no order of time.
    std::vector<Change> Take();

   private:
    friend class ChangeFeed;
    Subscription(ChangeFeed& feed, std::function<void()> wake) : feed_(feed), wake_(std::move(wake)) {}
    ChangeFeed& feed_;
    const std::function<void()> wake_;
    std::set<Change> gathered_;  // guarded by the feed's mutex
  };

  void Publish(std::string_view topic, std::string_view name);
  /// `wake` is called from any thread when there is something to take. The feed outlives the subscription.
  /// Errors: kResourceExhausted.
  Result<std::unique_ptr<Subscription>> Subscribe(std::function<void()> wake);

 private:
  Mutex mutex_;
  std::set<Subscription*> subscriptions_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::api::console
