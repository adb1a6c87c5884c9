// Prometheus' text exposition format 0.0.4.
#include "base/metrics.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "base/text.h"

namespace mw {
namespace {

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return Cat(value);
}

void AppendEscaped(std::string& out, std::string_view text, bool quote) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quote) {
      out += "\\\"";
    } else {
      out.push_back(c);
    }
  }
}

std::string RenderLabels(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    CatTo(out, out.empty() ? "" : ",", name, "=\"");
    AppendEscaped(out, value, true);
    out.push_back('"');
  }
  return out;
}

void AppendSample(std::string& out, std::string_view name, std::string_view labels, std::string_view value) {
  out.append(name);
  if (!labels.empty()) CatTo(out, "{", labels, "}");
  CatTo(out, " ", value, "\n");
}

void AppendHistogram(std::string& out, const std::string& name, const std::string& labels, const Histogram& histogram) {
  const std::string prefix = labels.empty() ? "" : labels + ",";
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
    cumulative += histogram.Count(i);
    const std::string bound = i < histogram.bounds().size() ? Number(histogram.bounds()[i]) : "+Inf";
    AppendSample(out, name + "_bucket", Cat(prefix, "le=\"", bound, "\""), Cat(cumulative));
  }
  AppendSample(out, name + "_sum", labels, Number(histogram.Sum()));
  AppendSample(out, name + "_count", labels, Cat(cumulative));
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
  MW_ASSERT(std::is_sorted(bounds_.begin(), bounds_.end()));
}

std::size_t Histogram::BucketOf(double value) const {
  return static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
}

void Histogram::Observe(double value) {
  counts_[BucketOf(value)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

void Histogram::Add(std::span<const std::uint32_t> counts, double sum) {
  MW_ASSERT(counts.size() == bounds_.size() + 1);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) counts_[i].fetch_add(counts[i], std::memory_order_relaxed);
  }
  sum_.fetch_add(sum, std::memory_order_relaxed);
}

void HistogramTally::Flush() {
  histogram_->Add(counts_, sum_);
  std::fill(counts_.begin(), counts_.end(), 0U);
  sum_ = 0;
}

std::vector<double> LatencyBuckets() {
  return {1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10};
}

MetricsRegistry::Series& MetricsRegistry::Find(std::string_view name, std::string_view help, std::string_view type,
                                               const Labels& labels) {
  auto family = std::find_if(families_.begin(), families_.end(), [&](const auto& f) { return f->name == name; });
  if (family == families_.end()) {
    families_.push_back(std::make_unique<Family>(Family{std::string(name), std::string(help), std::string(type), {}}));
    family = families_.end() - 1;
  }
  MW_ASSERT((*family)->type == type);
  const std::string rendered = RenderLabels(labels);
  auto& series = (*family)->series;
  const auto found = std::find_if(series.begin(), series.end(), [&](const Series& s) { return s.labels == rendered; });
  if (found != series.end()) return *found;
  series.push_back(Series{rendered, nullptr, nullptr, nullptr});
  return series.back();
}

Counter& MetricsRegistry::AddCounter(std::string_view name, std::string_view help, const Labels& labels) {
  const Lock lock(mutex_);
  Series& series = Find(name, help, "counter", labels);
  if (!series.counter) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& MetricsRegistry::AddGauge(std::string_view name, std::string_view help, const Labels& labels) {
  const Lock lock(mutex_);
  Series& series = Find(name, help, "gauge", labels);
  if (!series.gauge) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& MetricsRegistry::AddHistogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                                         const Labels& labels) {
  const Lock lock(mutex_);
  Series& series = Find(name, help, "histogram", labels);
  if (!series.histogram) series.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *series.histogram;
}

std::string MetricsRegistry::Expose() const {
  const Lock lock(mutex_);
  std::vector<const Family*> families;
  for (const auto& family : families_) families.push_back(family.get());
  std::sort(families.begin(), families.end(), [](auto* a, auto* b) { return a->name < b->name; });
  std::string out;
  for (const Family* family : families) {
    CatTo(out, "# HELP ", family->name, " ");
    AppendEscaped(out, family->help, false);
    CatTo(out, "\n# TYPE ", family->name, " ", family->type, "\n");
    for (const Series& series : family->series) {
      if (series.counter) AppendSample(out, family->name, series.labels, Cat(series.counter->Value()));
      if (series.gauge) AppendSample(out, family->name, series.labels, Number(series.gauge->Value()));
      if (series.histogram) AppendHistogram(out, family->name, series.labels, *series.histogram);
    }
  }
  return out;
}

}  // namespace mw
