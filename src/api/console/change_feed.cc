// Publishing is a set insertion for each open console.
#include "api/console/change_feed.h"

#include <utility>

namespace mw::api::console {

ChangeFeed::Subscription::~Subscription() {
  const Lock lock(feed_.mutex_);
  feed_.subscriptions_.erase(this);
}

std::vector<Change> ChangeFeed::Subscription::Take() {
  const Lock lock(feed_.mutex_);
  std::vector<Change> taken(gathered_.begin(), gathered_.end());
  gathered_.clear();
  return taken;
}

void ChangeFeed::Publish(std::string_view topic, std::string_view name) {
  const Lock lock(mutex_);
  for (Subscription* subscription : subscriptions_) {
    std::set<Change>& gathered = subscription->gathered_;
    const bool first = gathered.empty();
    gathered.insert({std::string(topic), std::string(name)});
    if (gathered.size() > kGatheredMax) gathered = {{"all", ""}};
    // Under the lock, so that nobody is woken who is no longer there; a waker only posts.
    if (first) subscription->wake_();
  }
}

Result<std::unique_ptr<ChangeFeed::Subscription>> ChangeFeed::Subscribe(std::function<void()> wake) {
  std::unique_ptr<Subscription> subscription(new Subscription(*this, std::move(wake)));
  const Lock lock(mutex_);
  if (subscriptions_.size() >= kSubscriptionsMax) {
    return ResourceExhausted(kSubscriptionsMax, " consoles are open already; close some");
  }
  subscriptions_.insert(subscription.get());
  return subscription;
}

}  // namespace mw::api::console
