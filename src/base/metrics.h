// Counters, gauges and histograms, exposed in Prometheus' text format 0.0.4 at /metrics.
// Recording is one or two relaxed atomic operations: safe from every thread, hot paths included.
// Metrics are made once at construction and live as long as their registry.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace mw {

class Counter {
 public:
  void Add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t Value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] double Value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  /// `bounds`: upper bounds of the buckets, ascending; +Inf is added.
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);
  /// Many at once: `counts` by bucket, +Inf last, and the sum of the values.
  void Add(std::span<const std::uint32_t> counts, double sum);
  /// The bucket that a value falls into.
  [[nodiscard]] std::size_t BucketOf(double value) const;
  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  /// Of bucket i alone (not cumulative); i == bounds().size() is the +Inf bucket.
  [[nodiscard]] std::uint64_t Count(std::size_t i) const { return counts_[i].load(std::memory_order_relaxed); }
  [[nodiscard]] double Sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// What one thread observed, until it is added to the histogram at once: threads that observe at every request would
/// otherwise take the same cache lines from one another. One thread.
class HistogramTally {
 public:
  explicit HistogramTally(Histogram& histogram) : histogram_(&histogram), counts_(histogram.bounds().size() + 1) {}
  void Observe(double value) {
    ++counts_[histogram_->BucketOf(value)];
    sum_ += value;
  }
  void Flush();

 private:
  Histogram* histogram_;
  std::vector<std::uint32_t> counts_;
  double sum_ = 0;
};

/// Latency buckets in seconds from 10 us to 10 s, about three a decade.
std::vector<double> LatencyBuckets();

using Labels = std::vector<std::pair<std::string, std::string>>;

class MetricsRegistry {
 public:
  /// Asking again with the same name and labels gives the same metric. Names end in their unit
  /// (_seconds, _bytes), counters in _total.
  Counter& AddCounter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& AddGauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& AddHistogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                          const Labels& labels = {});
  /// The whole exposition, families in order of their names.
  [[nodiscard]] std::string Expose() const;

 private:
  struct Series {
    std::string labels;  // rendered: {a="b"}
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Family {
    std::string name, help, type;
    std::vector<Series> series;
  };
  Series& Find(std::string_view name, std::string_view help, std::string_view type, const Labels& labels)
      MW_REQUIRES(mutex_);
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw
