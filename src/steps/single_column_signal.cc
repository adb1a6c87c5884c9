// What one column tells of the label by itself. Values become bins; what a bin says is learned on one half of the
// rows and judged on the other, both ways, so that a column of nothing but different values tells nothing.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/text.h"
#include "steps/table_survey.h"

namespace mw::steps {
namespace {

using goals::Problem;

constexpr std::size_t kCellsMax = 20'000'000;  // of rows times columns; beyond, every second, third, ... row is taken
constexpr std::size_t kRowsMin = 2'000;
constexpr std::size_t kBinsMax = 64;
constexpr std::size_t kRowsPerBin = 10;

/// A column of the sample: a number or a category's code for each row, NaN where missing.
struct Sample {
  std::vector<std::vector<double>> columns;
  std::vector<bool> is_number;
  std::vector<double> labels;
};

class SampleLoader {
 public:
  SampleLoader(std::size_t columns, std::size_t stride) : stride_(stride), codes_(columns) {
    sample_.columns.resize(columns);
  }

  Status Take(const data::Chunk& chunk, const std::vector<bool>& is_text) {
    for (std::size_t row = 0; row < chunk.rows(); ++row) {
      if (seen_++ % stride_ != 0) continue;
      for (std::size_t i = 0; i < is_text.size(); ++i) {
        sample_.columns[i].push_back(is_text[i] ? Code(i, chunk.Texts(i)[row]) : chunk.Numbers(i)[row]);
      }
      sample_.labels.push_back(chunk.Numbers(is_text.size())[row]);
    }
    return Ok();
  }
  Sample Finish() { return std::move(sample_); }

 private:
  double Code(std::size_t column, std::string_view value) {
    if (value.data() == nullptr) return std::nan("");
    auto& codes = codes_[column];
    const auto found = codes.find(value);
    if (found != codes.end()) return found->second;
    return codes.emplace(std::string(value), static_cast<double>(codes.size())).first->second;
  }

  std::size_t stride_;
  std::size_t seen_ = 0;
  Sample sample_;
  std::vector<std::map<std::string, double, std::less<>>> codes_;
};

/// Bins of equal mass for numbers, one for each category; the last bin is for missing values.
std::vector<std::size_t> BinsOf(const std::vector<double>& values, bool is_number, std::size_t& count) {
  std::vector<double> sorted;
  for (const double value : values) {
    if (!std::isnan(value)) sorted.push_back(value);
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> edges = sorted;
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  const std::size_t bins = std::clamp<std::size_t>(values.size() / kRowsPerBin, 4, kBinsMax);
  if (is_number && edges.size() > bins) {
    edges.clear();
    for (std::size_t i = 0; i < bins; ++i) {
      const double edge = sorted[i * sorted.size() / bins];
      // A value of much mass, such as 0, is a bin of its own: what differs from it may be all that counts.
      if (!edges.empty() && edges.back() == edge) edges.push_back(std::nextafter(edge, HUGE_VAL));
      if (edges.empty() || edges.back() < edge) edges.push_back(edge);
    }
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  }
  count = edges.size() + 1;
  std::vector<std::size_t> out;
  for (const double value : values) {
    const auto above = std::upper_bound(edges.begin(), edges.end(), value);
    const std::size_t place = above == edges.begin() ? 0 : static_cast<std::size_t>(above - edges.begin()) - 1;
    out.push_back(std::isnan(value) ? edges.size() : place);
  }
  return out;
}

/// Neighbours in the file fall into both halves, and no pattern of the file's order can follow it.
std::size_t HalfOf(std::size_t row) { return (row * 0x9E3779B97F4A7C15ULL) >> 63; }

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(std::max<std::size_t>(values.size(), 1));
}

/// For every row the mean label of its bin in the other half.
std::vector<double> MeansOfOtherHalf(const std::vector<std::size_t>& bins, std::size_t count,
                                     const std::vector<double>& labels) {
  std::vector<double> sums(2 * count), rows(2 * count);
  for (std::size_t row = 0; row < bins.size(); ++row) {
    const std::size_t at = HalfOf(row) * count + bins[row];
    sums[at] += labels[row];
    rows[at] += 1;
  }
  const double mean = MeanOf(labels);
  std::vector<double> out;
  for (std::size_t row = 0; row < bins.size(); ++row) {
    const std::size_t other = (1 - HalfOf(row)) * count + bins[row];
    out.push_back(rows[other] > 0 ? sums[other] / rows[other] : mean);
  }
  return out;
}

double Auc(const std::vector<double>& scores, const std::vector<double>& labels) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double area = 0, negatives = 0, positives = 0;
  for (std::size_t i = 0; i < order.size();) {
    double own = 0, group = 0;
    const std::size_t begin = i;
    for (; i < order.size() && scores[order[i]] == scores[order[begin]]; ++i) {
      own += labels[order[i]];
      group += 1;
    }
    area += own * (negatives + (group - own) / 2);
    negatives += group - own;
    positives += own;
  }
  return positives > 0 && negatives > 0 ? area / (positives * negatives) : 0.5;
}

double R2(const std::vector<double>& predictions, const std::vector<double>& labels) {
  const double mean = MeanOf(labels);
  double residual = 0, total = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    residual += (labels[row] - predictions[row]) * (labels[row] - predictions[row]);
    total += (labels[row] - mean) * (labels[row] - mean);
  }
  return total > 0 ? std::max(0.0, 1 - residual / total) : 0;
}

/// r squared of a straight line, over the rows that have a value.
double Linear(const std::vector<double>& values, const std::vector<double>& labels) {
  double n = 0, sx = 0, sy = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!std::isfinite(values[row])) continue;
    n += 1;
    sx += values[row];
    sy += labels[row];
  }
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (!std::isfinite(values[row])) continue;
    const double x = values[row] - sx / n, y = labels[row] - sy / n;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  const double covered = n / static_cast<double>(std::max<std::size_t>(values.size(), 1));
  return xx > 0 && yy > 0 && covered > 0.5 ? covered * xy * xy / (xx * yy) : 0;
}

/// The share of rows whose class is the most frequent one of their bin in the other half.
double NamedRight(const std::vector<std::size_t>& bins, std::size_t count, const std::vector<double>& labels,
                  std::size_t classes) {
  std::vector<double> counts(2 * count * classes), all(classes);
  for (std::size_t row = 0; row < bins.size(); ++row) {
    counts[(HalfOf(row) * count + bins[row]) * classes + static_cast<std::size_t>(labels[row])] += 1;
    all[static_cast<std::size_t>(labels[row])] += 1;
  }
  const auto most = [classes](const double* of) {
    return static_cast<std::size_t>(std::max_element(of, of + classes) - of);
  };
  double right = 0;
  for (std::size_t row = 0; row < bins.size(); ++row) {
    const double* other = counts.data() + ((1 - HalfOf(row)) * count + bins[row]) * classes;
    const bool seen = std::accumulate(other, other + classes, 0.0) > 0;
    if (most(seen ? other : all.data()) == static_cast<std::size_t>(labels[row])) right += 1;
  }
  return right / static_cast<double>(std::max<std::size_t>(bins.size(), 1));
}

Signal Score(const std::string& name, const std::vector<double>& values, bool is_number, const Sample& sample,
             const SignalRequest& request) {
  std::size_t count = 0;
  const std::vector<std::size_t> bins = BinsOf(values, is_number, count);
  Signal signal{name, 0, 0};
  if (request.problem == Problem::kMulticlassClassification) {
    signal.score = NamedRight(bins, count, sample.labels, request.classes);
    const std::vector<std::size_t> one(bins.size(), 0);
    const double majority = NamedRight(one, 1, sample.labels, request.classes);
    signal.strength = majority < 1 ? std::max(0.0, (signal.score - majority) / (1 - majority)) : 0;
    return signal;
  }
  const std::vector<double> means = MeansOfOtherHalf(bins, count, sample.labels);
  if (request.problem == Problem::kRegression) {
    signal.score = R2(means, sample.labels);
    if (is_number) signal.score = std::max(signal.score, Linear(values, sample.labels));
    signal.strength = signal.score;
  } else {
    signal.score = std::max(0.5, Auc(means, sample.labels));
    signal.strength = 2 * signal.score - 1;
  }
  return signal;
}

}  // namespace

Result<std::vector<Signal>> MeasureSignals(data::DuckdbSession& session, const SignalRequest& request) {
  std::vector<std::string> list;
  for (const std::string& column : request.columns) list.push_back(data::SqlName(column));
  for (std::size_t i = 0; i < list.size(); ++i) CatTo(list[i], " AS c", i);
  list.push_back(Cat("CAST(", request.label_sql, " AS DOUBLE) AS label"));
  const std::string sql =
      Cat("SELECT * FROM (SELECT ", Join(list, ", "), " FROM ", kReadTable, ") WHERE label IS NOT NULL");
  std::vector<bool> is_text;
  for (const auto& column : TRY(session.Describe(sql))) is_text.push_back(column.type == schema::ColumnType::kText);
  is_text.pop_back();
  const auto rows =
      static_cast<std::size_t>(TRY(session.Query(Cat("SELECT count(*) FROM ", kReadTable)))[0][0].AsInt());
  const std::size_t room = std::max(kRowsMin, kCellsMax / std::max<std::size_t>(list.size(), 1));
  SampleLoader loader(request.columns.size(), (rows + room - 1) / room);
  TRY(session.Stream(sql, [&](const data::Chunk& chunk) { return loader.Take(chunk, is_text); }));
  const Sample sample = loader.Finish();
  std::vector<Signal> signals;
  for (std::size_t i = 0; i < request.columns.size(); ++i) {
    signals.push_back(Score(request.columns[i], sample.columns[i], !is_text[i], sample, request));
  }
  std::vector<double> numbers(sample.labels.size());
  std::iota(numbers.begin(), numbers.end(), 0.0);
  signals.push_back(Score("", numbers, true, sample, request));
  return signals;
}

}  // namespace mw::steps
