// Expected confusions, ranks and losses.
#include "evaluation/class_estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>

#include "base/random.h"
#include "base/text.h"
#include "evaluation/class_metrics.h"
#include "evaluation/measurable.h"
#include "evaluation/ratio.h"
#include "evaluation/sum.h"

namespace mw::evaluation {
namespace {

using namespace class_metrics;

using Values = std::array<double, kPlaces>;

// Rows with the model's probabilities, and what is fixed by them.
class Rows {
 public:
  Rows(std::size_t classes, std::span<const double> probabilities, std::span<const std::uint32_t> blocks)
      : classes_(classes), count_(probabilities.size() / classes), model_(probabilities) {
    for (std::size_t row = 0; row < count_; ++row) {
      const auto own = model_.subspan(row * classes_, classes_);
      predicted_.push_back(static_cast<std::uint32_t>(std::max_element(own.begin(), own.end()) - own.begin()));
      blocks_.push_back(blocks.empty() ? static_cast<std::uint32_t>(row) : blocks[row]);
      num_blocks_ = std::max<std::size_t>(num_blocks_, std::size_t{blocks_.back()} + 1);
    }
    for (std::size_t own = 0; own < classes_; ++own) order_.push_back(OrderOf(own));
  }

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::size_t classes() const { return classes_; }
  [[nodiscard]] std::size_t num_blocks() const { return num_blocks_; }

  /// `shares`: of each row, how much it belongs to each class.
  [[nodiscard]] Values Measure(std::span<const double> shares, std::span<const double> weights) const;

 private:
  [[nodiscard]] double Model(std::size_t row, std::size_t own) const { return model_[row * classes_ + own]; }
  [[nodiscard]] std::vector<std::uint32_t> OrderOf(std::size_t own) const {
    std::vector<std::uint32_t> order(count_);
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return Model(a, own) != Model(b, own) ? Model(a, own) > Model(b, own) : a < b;
    });
    return order;
  }
  [[nodiscard]] double Auc(std::size_t own, std::span<const double> shares, std::span<const double> weights) const;
  void Losses(std::span<const double> shares, std::span<const double> weights, double total, Values& out) const;

  std::size_t classes_, count_, num_blocks_ = 0;
  std::span<const double> model_;
  std::vector<std::uint32_t> predicted_, blocks_;
  std::vector<std::vector<std::uint32_t>> order_;  // by class, the likeliest rows first
};

double Rows::Auc(std::size_t own, std::span<const double> shares, std::span<const double> weights) const {
  Sum area;
  double above = 0, others = 0;
  const std::vector<std::uint32_t>& order = order_[own];
  for (std::size_t at = 0; at < order.size();) {
    const double score = Model(order[at], own);
    double positive = 0, negative = 0;
    for (; at < order.size() && Model(order[at], own) == score; ++at) {
      const double weight = weights[blocks_[order[at]]], share = shares[order[at] * classes_ + own];
      positive += weight * share;
      negative += weight * (1 - share);
    }
    area.Add(negative * (above + positive / 2));
    above += positive;
    others += negative;
  }
  return above * others > 0 ? area.Total() / (above * others) : kNan;
}

void Rows::Losses(std::span<const double> shares, std::span<const double> weights, double total, Values& out) const {
  Sum log_loss, brier;
  for (std::size_t row = 0; row < count_; ++row) {
    const double weight = weights[blocks_[row]];
    if (weight == 0) continue;
    double squares = 0;
    for (std::size_t own = 0; own < classes_; ++own) squares += Model(row, own) * Model(row, own);
    for (std::size_t own = 0; own < classes_; ++own) {
      const double share = weight * shares[row * classes_ + own], p = Model(row, own);
      if (share == 0) continue;
      log_loss.Add(-share * std::log(std::clamp(p, kLogLossClip, 1 - kLogLossClip)));
      brier.Add(share * (squares - 2 * p + 1));
    }
  }
  out[kLogLoss] = log_loss.Total() / total;
  out[kBrier] = brier.Total() / total;
}

Values Rows::Measure(std::span<const double> shares, std::span<const double> weights) const {
  std::vector<double> labelled(classes_), predicted(classes_), hit(classes_);
  for (std::size_t row = 0; row < count_; ++row) {
    const double weight = weights[blocks_[row]];
    for (std::size_t own = 0; own < classes_; ++own) labelled[own] += weight * shares[row * classes_ + own];
    predicted[predicted_[row]] += weight;
    hit[predicted_[row]] += weight * shares[row * classes_ + predicted_[row]];
  }
  Values out;
  out.fill(kNan);
  const double total = std::accumulate(predicted.begin(), predicted.end(), 0.0);
  if (total == 0) return out;
  double precision = 0, recall = 0, f1 = 0, auc = 0, occurring = 0, ranked = 0;
  for (std::size_t own = 0; own < classes_; ++own) {
    if (labelled[own] <= 0) continue;
    ++occurring;
    precision += predicted[own] > 0 ? hit[own] / predicted[own] : 0;
    recall += hit[own] / labelled[own];
    f1 += 2 * hit[own] / (labelled[own] + predicted[own]);
    const double area = Auc(own, shares, weights);
    if (std::isfinite(area)) auc += area;
    if (std::isfinite(area)) ++ranked;
  }
  out[kAccuracy] = std::accumulate(hit.begin(), hit.end(), 0.0) / total;
  out[kPrecision] = precision / occurring;
  out[kRecall] = recall / occurring;
  out[kF1] = f1 / occurring;
  if (ranked > 0) out[kAuc] = auc / ranked;
  Losses(shares, weights, total, out);
  return out;
}

std::vector<double> Calibrated(std::size_t classes, std::span<const double> probabilities,
                               const ClassCalibration& calibration) {
  std::vector<double> out(probabilities.begin(), probabilities.end());
  for (std::size_t first = 0; first < out.size(); first += classes) {
    double sum = 0;
    for (std::size_t own = 0; own < classes; ++own) {
      if (calibration[own]) out[first + own] = std::clamp((*calibration[own])(out[first + own]), 0.0, 1.0);
      sum += out[first + own];
    }
    for (std::size_t own = 0; own < classes; ++own) {
      out[first + own] = sum > 0 ? out[first + own] / sum : probabilities[first + own];
    }
  }
  return out;
}

// Every row becomes one class, drawn at its probabilities.
void Draw(Random& random, std::size_t classes, std::span<const double> shares, std::vector<double>& drawn) {
  std::fill(drawn.begin(), drawn.end(), 0.0);
  for (std::size_t first = 0; first < shares.size(); first += classes) {
    double left = random.Uniform();
    std::size_t own = 0;
    for (; own + 1 < classes && left >= shares[first + own]; ++own) left -= shares[first + own];
    drawn[first + own] = 1;
  }
}

std::array<std::optional<Interval>, kPlaces> IntervalsFor(const Rows& rows, std::span<const double> shares,
                                                          const BootstrapOptions& options) {
  std::array<std::optional<Interval>, kPlaces> out;
  if (rows.num_blocks() < kBlocksMin) return out;
  const int replicates = AffordableReplicates(options.replicates, static_cast<double>(4 * shares.size()));
  Random random(options.seed);
  BlockDraws draws(rows.num_blocks(), options.seed + 1);
  std::vector<double> drawn(shares.size());
  std::array<std::vector<double>, kPlaces> values;
  for (int i = 0; i < replicates; ++i) {
    Draw(random, rows.classes(), shares, drawn);
    const Values measured = rows.Measure(drawn, draws.Next());
    for (std::size_t place = 0; place < kPlaces; ++place) values[place].push_back(measured[place]);
  }
  for (std::size_t place = 0; place < kPlaces; ++place)
    out[place] = PercentileInterval(values[place], options.confidence);
  return out;
}

Status CheckRows(std::size_t classes, std::span<const double> probabilities, std::span<const std::uint32_t> blocks,
                 const ClassCalibration& calibration) {
  if (classes < 2 || probabilities.size() % classes != 0 || calibration.size() != classes) {
    return InvalidArgument(probabilities.size(), " probabilities and ", calibration.size(), " calibrations for ",
                           classes, " classes");
  }
  if (!blocks.empty() && blocks.size() != probabilities.size() / classes) {
    return InvalidArgument(probabilities.size() / classes, " rows beside ", blocks.size(), " blocks");
  }
  for (const double p : probabilities) {
    if (!(p >= 0 && p <= 1)) return InvalidArgument("the model answered ", p, "; a probability lies between 0 and 1");
  }
  return Ok();
}

}  // namespace

ClassCalibration CalibrateClasses(std::size_t classes, std::span<const double> probabilities,
                                  std::span<const std::uint32_t> labels, std::uint64_t seed) {
  ClassCalibration out(classes);
  if (labels.empty()) return out;
  std::vector<double> own_probabilities(labels.size());
  std::vector<std::uint8_t> positives(labels.size());
  for (std::size_t own = 0; own < classes; ++own) {
    for (std::size_t row = 0; row < labels.size(); ++row) {
      own_probabilities[row] = probabilities[row * classes + own];
      positives[row] = labels[row] == own ? 1 : 0;
    }
    out[own] = CalibrateIfBetter(own_probabilities, positives, seed);
  }
  return out;
}

Result<std::vector<MetricValue>> EstimateClassMetrics(std::size_t classes, std::span<const double> probabilities,
                                                      std::span<const std::uint32_t> blocks,
                                                      const ClassCalibration& calibration,
                                                      const BootstrapOptions& options) {
  TRY(CheckRows(classes, probabilities, blocks, calibration));
  const Rows rows(classes, probabilities, blocks);
  const std::vector<double> shares = Calibrated(classes, probabilities, calibration);
  const Values values = rows.Measure(shares, std::vector<double>(rows.num_blocks(), 1.0));
  const auto intervals = IntervalsFor(rows, shares, options);
  std::vector<MetricValue> out;
  for (std::size_t place = 0; place < kPlaces; ++place) {
    MetricValue& value = out.emplace_back();
    value.metric = kNames[place];
    value.rows = static_cast<std::int64_t>(rows.size());
    if (place == kEce) {
      value.reason = kNeedsLabels;
    } else if (!std::isfinite(values[place])) {
      value.reason = "there are no rows";
    } else {
      value.value = values[place];
      if (!intervals[place]) continue;
      value.low = std::min(intervals[place]->low, values[place]);
      value.high = std::max(intervals[place]->high, values[place]);
    }
  }
  return out;
}

}  // namespace mw::evaluation
