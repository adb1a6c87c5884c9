// Confusions, ranks and probabilities of several classes.
#include "evaluation/multiclass.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "evaluation/class_metrics.h"
#include "evaluation/mass_bins.h"
#include "evaluation/ranked_rows.h"
#include "evaluation/ratio.h"
#include "evaluation/regression.h"
#include "evaluation/sum.h"

namespace mw::evaluation {
namespace {

using namespace class_metrics;

enum ClassPlace : std::size_t { kOwnPrecision, kOwnRecall, kOwnF1, kOwnAuc, kClassPlaces };
constexpr std::array<std::string_view, kClassPlaces> kClassNames = {"precision", "recall", "f1", "roc_auc"};

/// Mean of what is defined.
class Mean {
 public:
  void Add(double value) {
    if (!std::isfinite(value)) return;
    sum_ += value;
    ++count_;
  }
  [[nodiscard]] double Value() const { return count_ == 0 ? kNan : sum_ / count_; }

 private:
  double sum_ = 0;
  int count_ = 0;
};

/// Rows from the highest score down, with the ends of their groups of equal scores.
struct Ranking {
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> group_ends;
};

template <typename Score>
Ranking Rank(std::size_t count, const Score& score) {
  Ranking ranking;
  ranking.rows.resize(count);
  std::iota(ranking.rows.begin(), ranking.rows.end(), 0U);
  std::sort(ranking.rows.begin(), ranking.rows.end(), [&](std::uint32_t a, std::uint32_t b) {
    const double left = score(a), right = score(b);
    return left != right ? left > right : a < b;
  });
  for (std::size_t i = 1; i <= count; ++i) {
    if (i == count || score(ranking.rows[i]) != score(ranking.rows[i - 1])) {
      ranking.group_ends.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return ranking;
}

class Classified final : public Measurable {
 public:
  Classified(const ClassifiedRows& rows, std::vector<std::uint32_t> blocks, std::size_t num_blocks)
      : classes_(rows.classes.size()), labels_(rows.labels), blocks_(std::move(blocks)), num_blocks_(num_blocks) {
    for (const std::string_view name : kNames) names_.emplace_back(name);
    for (const std::string& own : rows.classes) {
      for (const std::string_view name : kClassNames) names_.push_back(Cat(name, " of ", own));
    }
    Predict(rows);
    for (std::size_t own = 0; own < classes_; ++own) {
      by_class_.push_back(
          Rank(labels_.size(), [&](std::uint32_t row) { return rows.probabilities[row * classes_ + own]; }));
    }
    by_confidence_ = Rank(labels_.size(), [&](std::uint32_t row) { return confidence_[row]; });
  }

  [[nodiscard]] const std::vector<std::string>& metrics() const override { return names_; }
  [[nodiscard]] std::size_t rows() const override { return labels_.size(); }
  [[nodiscard]] std::size_t num_blocks() const override { return num_blocks_; }
  [[nodiscard]] std::vector<double> Measure(std::span<const double> block_weights) const override;
  [[nodiscard]] std::string WhyUndefined(std::size_t metric) const override;

  /// [label][predicted], every row once.
  [[nodiscard]] std::vector<double> Confusion(std::span<const double> block_weights) const {
    std::vector<double> confusion(classes_ * classes_);
    for (std::size_t row = 0; row < labels_.size(); ++row) {
      confusion[labels_[row] * classes_ + predicted_[row]] += block_weights[blocks_[row]];
    }
    return confusion;
  }
  [[nodiscard]] std::vector<CalibrationBin> Calibration() const;

 private:
  void Predict(const ClassifiedRows& rows) {
    for (std::size_t row = 0; row < labels_.size(); ++row) {
      const double* p = rows.probabilities.data() + row * classes_;
      const auto best = static_cast<std::size_t>(std::max_element(p, p + classes_) - p);
      predicted_.push_back(static_cast<std::uint32_t>(best));
      confidence_.push_back(p[best]);
      log_loss_.push_back(-std::log(std::clamp(p[labels_[row]], kLogLossClip, 1 - kLogLossClip)));
      double brier = 0;
      for (std::size_t own = 0; own < classes_; ++own) brier += std::pow(p[own] - (own == labels_[row] ? 1 : 0), 2);
      brier_.push_back(brier);
    }
  }

  [[nodiscard]] double Auc(std::size_t own, std::span<const double> weights) const;
  [[nodiscard]] double Ece(double total, std::span<const double> weights) const;

  std::size_t classes_;
  std::vector<std::string> names_;
  std::vector<std::uint32_t> labels_, predicted_;
  std::vector<double> confidence_, log_loss_, brier_;
  std::vector<std::uint32_t> blocks_;
  std::size_t num_blocks_;
  std::vector<Ranking> by_class_;
  Ranking by_confidence_;
};

double Classified::Auc(std::size_t own, std::span<const double> weights) const {
  const Ranking& ranking = by_class_[own];
  Sum area;
  double above = 0, negatives = 0;
  std::size_t at = 0;
  for (const std::uint32_t end : ranking.group_ends) {
    double positive = 0, negative = 0;
    for (; at < end; ++at) {
      const std::uint32_t row = ranking.rows[at];
      (labels_[row] == own ? positive : negative) += weights[blocks_[row]];
    }
    area.Add(negative * (above + positive / 2));
    above += positive;
    negatives += negative;
  }
  return Ratio(area.Total(), above * negatives);
}

double Classified::Ece(double total, std::span<const double> weights) const {
  MassBins bins(total);
  double before = 0;
  std::size_t at = 0;
  for (const std::uint32_t end : by_confidence_.group_ends) {
    const double confidence = confidence_[by_confidence_.rows[at]];
    double weight = 0, right = 0;
    for (; at < end; ++at) {
      const std::uint32_t row = by_confidence_.rows[at];
      const double w = weights[blocks_[row]];
      weight += w;
      if (labels_[row] == predicted_[row]) right += w;
    }
    if (weight == 0) continue;
    bins.Add(before, weight, right, confidence);
    before += weight;
  }
  return Ratio(bins.Finish(), total);
}

std::vector<double> Classified::Measure(std::span<const double> weights) const {
  std::vector<double> out(names_.size(), kNan);
  const std::vector<double> confusion = Confusion(weights);
  Mean precision, recall, f1, auc;
  double total = 0, right = 0;
  for (std::size_t own = 0; own < classes_; ++own) {
    double labelled = 0, predicted = 0;
    for (std::size_t other = 0; other < classes_; ++other) {
      labelled += confusion[own * classes_ + other];
      predicted += confusion[other * classes_ + own];
    }
    const double hit = confusion[own * classes_ + own];
    total += labelled;
    right += hit;
    double* of_class = out.data() + kPlaces + own * kClassPlaces;
    of_class[kOwnPrecision] = Ratio(hit, predicted);
    of_class[kOwnRecall] = Ratio(hit, labelled);
    of_class[kOwnF1] = Ratio(2 * hit, labelled + predicted);
    of_class[kOwnAuc] = Auc(own, weights);
    if (labelled == 0) continue;
    precision.Add(predicted > 0 ? of_class[kOwnPrecision] : 0);
    recall.Add(of_class[kOwnRecall]);
    f1.Add(of_class[kOwnF1]);
    auc.Add(of_class[kOwnAuc]);
  }
  Sum log_loss, brier;
  for (std::size_t row = 0; row < labels_.size(); ++row) {
    const double weight = weights[blocks_[row]];
    log_loss.Add(weight * log_loss_[row]);
    brier.Add(weight * brier_[row]);
  }
  out[kAccuracy] = Ratio(right, total);
  out[kPrecision] = precision.Value();
  out[kRecall] = recall.Value();
  out[kF1] = f1.Value();
  out[kAuc] = auc.Value();
  out[kLogLoss] = Ratio(log_loss.Total(), total);
  out[kBrier] = Ratio(brier.Total(), total);
  out[kEce] = Ece(total, weights);
  return out;
}

std::string Classified::WhyUndefined(std::size_t metric) const {
  if (metric == kAuc) return "only one class occurs";
  if (metric < kPlaces) return "there are no rows";
  switch ((metric - kPlaces) % kClassPlaces) {
    case kOwnPrecision: return "no row is predicted to be of this class";
    case kOwnRecall: return "no row is of this class";
    case kOwnF1: return "no row is, or is predicted to be, of this class";
    default: return "every row is of this class, or none is";
  }
}

std::vector<CalibrationBin> Classified::Calibration() const {
  std::array<CalibrationBin, kMassBins> bins{};
  std::size_t begin = 0;
  for (const std::uint32_t end : by_confidence_.group_ends) {
    const std::size_t place = (begin + end) * kMassBins / (2 * labels_.size());
    CalibrationBin& bin = bins[std::min<std::size_t>(place, kMassBins - 1)];
    const double confidence = confidence_[by_confidence_.rows[begin]];
    if (bin.rows == 0) bin.high = confidence;
    bin.low = confidence;
    bin.rows += static_cast<std::int64_t>(end - begin);
    bin.mean_predicted += confidence * static_cast<double>(end - begin);
    for (; begin < end; ++begin) {
      const std::uint32_t row = by_confidence_.rows[begin];
      bin.positive_share += labels_[row] == predicted_[row] ? 1 : 0;
    }
  }
  std::vector<CalibrationBin> out;
  for (auto bin = bins.rbegin(); bin != bins.rend(); ++bin) {
    if (bin->rows == 0) continue;
    bin->mean_predicted /= static_cast<double>(bin->rows);
    bin->positive_share /= static_cast<double>(bin->rows);
    out.push_back(*bin);
  }
  return out;
}

Status CheckRows(const ClassifiedRows& rows) {
  const std::size_t classes = rows.classes.size();
  if (classes < 2 || classes > kClassesMax) {
    return InvalidArgument(classes, " classes; a report has 2 to ", kClassesMax);
  }
  if (rows.labels.empty()) return InvalidArgument("there are no rows to evaluate");
  if (rows.probabilities.size() != rows.labels.size() * classes) {
    return InvalidArgument(rows.labels.size(), " labels of ", classes, " classes but ", rows.probabilities.size(),
                           " probabilities");
  }
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    if (rows.labels[row] >= classes) return InvalidArgument("row ", row, ": there is no class ", rows.labels[row]);
    for (std::size_t own = 0; own < classes; ++own) {
      const double p = rows.probabilities[row * classes + own];
      if (!(p >= 0 && p <= 1)) return InvalidArgument("row ", row, ": ", p, " is no probability");
    }
  }
  return Ok();
}

Result<Classified> Make(const ClassifiedRows& rows) {
  TRY(CheckRows(rows));
  std::size_t num_blocks = 0;
  std::vector<std::uint32_t> blocks = TRY(FillBlocks(rows.blocks, rows.labels.size(), num_blocks));
  return Classified(rows, std::move(blocks), num_blocks);
}

ClassifiedRows Only(const ClassifiedRows& all, const std::vector<std::size_t>& rows) {
  ClassifiedRows out;
  out.classes = all.classes;
  const std::size_t classes = all.classes.size();
  for (const std::size_t row : rows) {
    out.labels.push_back(all.labels[row]);
    const double* p = all.probabilities.data() + row * classes;
    out.probabilities.insert(out.probabilities.end(), p, p + classes);
  }
  out.blocks = BlocksOfRows(all.blocks, rows);
  return out;
}

/// Only what is about all classes.
std::vector<MetricValue> OfAll(std::vector<MetricValue> values) {
  values.resize(kPlaces);
  return values;
}

Result<SliceReport> EvaluateSlice(const ClassifiedRows& all, const SliceColumn& column, std::uint32_t code,
                                  const BootstrapOptions& options) {
  const Classified rows = TRY(Make(Only(all, RowsOf(column, code))));
  SliceReport slice{.column = column.name, .value = column.values[code], .counts = CountsOf(rows)};
  if (slice.counts.rows < kSliceRowsMin) {
    slice.sufficient = false;
    slice.reason = Cat("insufficient data: ", slice.counts.rows, " rows, need ", kSliceRowsMin);
    slice.metrics = OfAll(Withheld(rows.metrics(), slice.counts.rows, slice.reason));
  } else {
    slice.metrics = OfAll(ValuesWithIntervals(rows, options));
  }
  return slice;
}

/// Each class's share of these rows.
std::vector<double> SharesOf(const ClassifiedRows& rows) {
  std::vector<double> shares(rows.classes.size());
  for (const std::uint32_t label : rows.labels) shares[label] += 1.0 / static_cast<double>(rows.labels.size());
  return shares;
}

Result<std::vector<MetricValue>> Constant(const ClassifiedRows& rows, const std::vector<double>& answer) {
  ClassifiedRows constant{rows.classes, rows.labels, {}, rows.blocks};
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    constant.probabilities.insert(constant.probabilities.end(), answer.begin(), answer.end());
  }
  return OfAll(PointValues(TRY(Make(constant))));
}

Result<Baseline> MostFrequent(const ClassifiedRows& rows, const std::vector<double>& shares) {
  const auto best = static_cast<std::size_t>(std::max_element(shares.begin(), shares.end()) - shares.begin());
  std::vector<double> answer(shares.size());
  answer[best] = 1;
  Baseline baseline;
  baseline.rule = Cat("every row ", rows.classes[best]);
  baseline.metrics = TRY(Constant(rows, answer));
  for (const std::size_t place : {kAuc, kLogLoss, kBrier, kEce}) {
    baseline.metrics[place].value.reset();
    baseline.metrics[place].reason = "a rule has no probabilities";
  }
  return baseline;
}

std::vector<ClassReport> ClassesOf(const ClassifiedRows& rows, const std::vector<MetricValue>& values,
                                   const std::vector<double>& confusion) {
  const std::size_t classes = rows.classes.size();
  std::vector<ClassReport> out;
  for (std::size_t own = 0; own < classes; ++own) {
    ClassReport& report = out.emplace_back();
    report.name = rows.classes[own];
    for (std::size_t other = 0; other < classes; ++other) {
      report.rows += std::llround(confusion[own * classes + other]);
      report.predicted += std::llround(confusion[other * classes + own]);
    }
    for (std::size_t place = 0; place < kClassPlaces; ++place) {
      report.metrics.push_back(values[kPlaces + own * kClassPlaces + place]);
      report.metrics.back().metric = kClassNames[place];
      report.metrics.back().rows = place == kOwnPrecision ? report.predicted : report.rows;
    }
  }
  return out;
}

}  // namespace

Result<Report> EvaluateMulticlass(const ClassifiedRows& rows, const std::vector<SliceColumn>& slices,
                                  const MulticlassOptions& options) {
  const Classified classified = TRY(Make(rows));
  TRY(CheckSlices(rows.labels.size(), slices));
  const std::size_t classes = rows.classes.size();
  const std::vector<double> shares = options.training_shares.empty() ? SharesOf(rows) : options.training_shares;
  if (shares.size() != classes) return InvalidArgument(shares.size(), " training shares for ", classes, " classes");
  BootstrapOptions bootstrap = options.bootstrap;
  bootstrap.replicates =
      AffordableReplicates(bootstrap.replicates, static_cast<double>(rows.labels.size() * (classes + 3)));
  Report report;
  report.problem = goals::Problem::kMulticlassClassification;
  report.confidence = bootstrap.confidence;
  report.replicates = bootstrap.replicates;
  report.seed = bootstrap.seed;
  report.counts = CountsOf(classified);
  MeasureOverall(classified, bootstrap, report);
  const std::vector<MetricValue> values = std::move(report.overall);
  const std::vector<double> confusion = classified.Confusion(std::vector<double>(classified.num_blocks(), 1.0));
  report.overall = OfAll(values);
  std::erase_if(report.draws, [&](const auto& one) { return FindMetric(report.overall, one.first) == nullptr; });
  report.no_model = TRY(MostFrequent(rows, shares));
  report.trivial_model.rule = "every row the training rows' shares";
  report.trivial_model.metrics = TRY(Constant(rows, shares));
  for (const SliceColumn& column : slices) {
    for (const std::uint32_t code : ByName(column)) {
      report.slices.push_back(TRY(EvaluateSlice(rows, column, code, bootstrap)));
    }
  }
  report.calibration = classified.Calibration();
  report.classes = ClassesOf(rows, values, confusion);
  for (std::size_t own = 0; own < classes; ++own) {
    auto& row = report.confusion.emplace_back();
    for (std::size_t other = 0; other < classes; ++other) row.push_back(std::llround(confusion[own * classes + other]));
  }
  return report;
}

Result<std::unique_ptr<Measurable>> MeasureMulticlass(const ClassifiedRows& rows) {
  return std::unique_ptr<Measurable>(std::make_unique<Classified>(TRY(Make(rows))));
}

}  // namespace mw::evaluation
