// A bounded pool that starts its threads one by one, as jobs come.
#include "serving/load_pool.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace mw::serving {
namespace {

/// What this thread does for the pool that it belongs to.
enum class Duty : std::uint8_t { kNone, kCounts, kAside };
thread_local Duty t_duty = Duty::kNone;

}  // namespace

LoadPool::LoadPool(int threads)
    : threads_max_(threads > 0 ? static_cast<std::size_t>(threads)
                               : std::max(std::size_t{1}, std::size_t{std::thread::hardware_concurrency()})) {}

LoadPool::~LoadPool() { Stop(); }

void LoadPool::Submit(std::function<void()> job) {
  const Lock lock(mutex_);
  if (stopping_) return;
  jobs_.push_back(std::move(job));
  if (jobs_.size() > idle_ && threads_.size() < threads_max_ + aside_) threads_.emplace_back([this] { Run(); });
  wake_.NotifyOne();
}

void LoadPool::Stop() {
  std::vector<std::thread> threads;
  {
    const Lock lock(mutex_);
    stopping_ = true;
    jobs_.clear();
    threads.swap(threads_);
    wake_.NotifyAll();
  }
  for (std::thread& thread : threads) thread.join();
}

void LoadPool::LetOthersBegin() {
  if (t_duty != Duty::kCounts) return;
  const Lock lock(mutex_);
  if (stopping_ || aside_ >= kAsideMax) return;
  t_duty = Duty::kAside;
  --running_;
  ++aside_;
  if (jobs_.size() > idle_) threads_.emplace_back([this] { Run(); });
  wake_.NotifyOne();
}

void LoadPool::Run() {
  while (true) {
    std::function<void()> job;
    {
      const Lock lock(mutex_);
      ++idle_;
      while ((jobs_.empty() || running_ >= threads_max_) && !stopping_) wake_.Wait(mutex_);
      --idle_;
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      ++running_;
    }
    t_duty = Duty::kCounts;
    job();
    const Lock lock(mutex_);
    --(t_duty == Duty::kAside ? aside_ : running_);
    t_duty = Duty::kNone;
    if (!jobs_.empty()) wake_.NotifyOne();
  }
}

}  // namespace mw::serving
