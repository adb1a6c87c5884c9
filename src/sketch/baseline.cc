// Bins at the quantiles of the whole, and days of counts as bytes.
#include "sketch/baseline.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "sketch/number_key.h"

namespace mw::sketch {
namespace {

constexpr std::string_view kBaselineMagic = "MWBL";
/// More than any time in microseconds has.
constexpr std::int64_t kDaysMax = 1'000'000'000;

// Edges at evenly spaced quantiles. A value that several of them hit gets an edge just below it as well.
std::vector<double> EdgesOf(const Kll& kll, std::size_t edges_max) {
  std::vector<double> shares, edges;
  for (std::size_t i = 1; i <= edges_max; ++i) {
    shares.push_back(static_cast<double>(i) / static_cast<double>(edges_max + 1));
  }
  if (kll.count() == 0) return edges;
  const std::vector<double> quantiles = kll.Quantiles(shares);
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    const double value = quantiles[i];
    if (i > 0 && value == quantiles[i - 1]) continue;
    const bool heavy = i + 1 < quantiles.size() && quantiles[i + 1] == value;
    const double below = std::nextafter(value, -std::numeric_limits<double>::infinity());
    if (heavy && std::isfinite(below) && (edges.empty() || below > edges.back())) edges.push_back(below);
    edges.push_back(value);
  }
  return edges;
}

void WriteCounts(ByteWriter& out, const std::vector<std::uint64_t>& counts) {
  for (std::size_t i = 0; i < counts.size();) {
    out.Varint(counts[i]);
    std::size_t end = i + 1;
    while (counts[i] == 0 && end < counts.size() && counts[end] == 0) ++end;
    if (counts[i] == 0) out.Varint(end - i - 1);
    i = end;
  }
}

std::vector<std::uint64_t> ReadCounts(ByteReader& in, std::size_t size) {
  std::vector<std::uint64_t> counts;
  if (!in.Unfold(size, sizeof(std::uint64_t))) return counts;
  counts.reserve(size);
  while (counts.size() < size && !in.failed()) {
    counts.push_back(in.Varint());
    if (counts.back() != 0) continue;
    const std::uint64_t more = in.Varint();
    if (more > size - counts.size()) return in.Fail("more bins than the column has"), counts;
    counts.insert(counts.end(), static_cast<std::size_t>(more), 0);
  }
  return counts;
}

ColumnBins ReadBins(ByteReader& in, bool numeric) {
  ColumnBins bins;
  bins.numeric = numeric;
  if (numeric) {
    for (const std::int64_t key : UnpackKeys(in, kBaselineBinsMax)) {
      if (!bins.edges.empty() && NumberOf(key) == bins.edges.back()) in.Fail("two equal edges");
      bins.edges.push_back(NumberOf(key));
    }
    return bins;
  }
  const std::size_t count = in.Count(kBaselineBinsMax);
  for (std::size_t i = 0; i < count; ++i) bins.categories.emplace_back(in.Text(FrequentItems::kTextBytesMax));
  return bins;
}

void WriteBins(ByteWriter& out, const ColumnBins& bins) {
  if (bins.numeric) {
    std::vector<std::int64_t> keys;
    for (const double edge : bins.edges) keys.push_back(KeyOf(edge));
    return PackKeys(out, keys);
  }
  out.Varint(bins.categories.size());
  for (const std::string& category : bins.categories) out.Text(category);
}

BaselineBlock ReadBlock(ByteReader& in, const std::vector<ColumnBins>& bins) {
  BaselineBlock block;
  block.rows = in.Varint();
  if (!in.Unfold(bins.size(), sizeof(BlockColumn))) return block;
  for (const ColumnBins& column_bins : bins) {
    BlockColumn& column = block.columns.emplace_back();
    column.missing = in.Varint();
    column.counts = ReadCounts(in, column_bins.size());
    if (in.failed()) break;
  }
  return block;
}

}  // namespace

ColumnBins ColumnBins::Of(const ColumnProfile& column, std::size_t edges_max) {
  ColumnBins bins;
  bins.numeric = column.numeric();
  if (bins.numeric) {
    bins.edges = EdgesOf(column.quantiles(), edges_max);
  } else {
    for (const FrequentItems::Item& item : column.counts().Top(edges_max)) bins.categories.emplace_back(item.text);
  }
  return bins;
}

std::size_t ColumnBins::Find(double value) const {
  if (std::isinf(value)) return value < 0 ? MinusInfinity() : PlusInfinity();
  return static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin());
}

std::vector<double> ColumnBins::Counts(const ColumnProfile& column) const {
  std::vector<double> counts(size(), 0.0);
  if (column.numeric() != numeric) return counts;
  auto left = static_cast<double>(column.values());
  if (!numeric) {
    for (std::size_t i = 0; i < categories.size(); ++i) {
      counts[i] = static_cast<double>(column.counts().CountOf(categories[i]));
      left -= counts[i];
    }
    counts[Other()] = left;
    return counts;
  }
  const auto total = static_cast<double>(column.quantiles().count());
  const std::vector<double> ranks = column.quantiles().Cdf(edges);
  double below = 0;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    counts[i] = std::round(ranks[i] * total) - below;
    below += counts[i];
  }
  counts[edges.size()] = total - below;
  counts[MinusInfinity()] = static_cast<double>(column.negative_infinite());
  counts[PlusInfinity()] = static_cast<double>(column.positive_infinite());
  return counts;
}

BlockColumn Baseline::Sum(std::size_t column, std::int64_t from_day, std::int64_t until_day) const {
  BlockColumn sum;
  sum.counts.assign(bins.at(column).size(), 0);
  for (const BaselineBlock& block : blocks) {
    if (block.day < from_day || block.day >= until_day) continue;
    const BlockColumn& part = block.columns.at(column);
    sum.missing += part.missing;
    for (std::size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += part.counts[i];
  }
  return sum;
}

std::uint64_t Baseline::rows() const {
  std::uint64_t rows = 0;
  for (const ColumnProfile& column : whole.columns()) rows = std::max(rows, column.rows());
  return rows;
}

std::string Baseline::Bytes() const {
  ByteWriter out;
  out.Raw(kBaselineMagic);
  out.U8(kBaselineFormatVersion);
  out.Text(event_time);
  out.Text(whole.Bytes());
  for (const ColumnBins& column : bins) WriteBins(out, column);
  out.Varint(blocks.size());
  std::int64_t last = 0;
  for (const BaselineBlock& block : blocks) {
    out.Signed(block.day - last);
    last = block.day;
    out.Varint(block.rows);
    for (const BlockColumn& column : block.columns) {
      out.Varint(column.missing);
      WriteCounts(out, column.counts);
    }
  }
  return out.Take();
}

Result<Baseline> Baseline::FromBytes(std::string_view bytes) {
  if (bytes.size() > kBaselineBytesMax) {
    return ResourceExhausted("a baseline of ", bytes.size(), " bytes; at most ", kBaselineBytesMax);
  }
  ByteReader in(bytes);
  if (in.Raw(kBaselineMagic.size()) != kBaselineMagic) return DataLoss("these bytes are no baseline");
  const int version = in.U8();
  if (version > kBaselineFormatVersion) {
    return FailedPrecondition("the baseline has format ", version, ", this program reads up to ",
                              static_cast<int>(kBaselineFormatVersion), "; update this program");
  }
  if (version == 0) in.Fail("format 0");
  Baseline baseline;
  baseline.event_time = in.Text(kColumnNameBytesMax);
  const std::string_view whole = in.Text(kBaselineBytesMax);
  TRY(in.Check().In("baseline"));
  baseline.whole = TRY(Profile::FromBytes(whole).In("baseline"));
  for (const ColumnProfile& column : baseline.whole.columns()) baseline.bins.push_back(ReadBins(in, column.numeric()));
  const std::size_t days = in.Count(kBaselineDaysMax, 2);
  std::int64_t day = 0;
  for (std::size_t i = 0; i < days && !in.failed(); ++i) {
    const std::int64_t step = in.Signed();
    if (step > kDaysMax || step < -kDaysMax || (i > 0 && step <= 0)) in.Fail("days out of order");
    day += in.failed() ? 0 : step;
    baseline.blocks.push_back(ReadBlock(in, baseline.bins));
    baseline.blocks.back().day = day;
  }
  TRY(in.CheckEnd().In("baseline"));
  return baseline;
}

std::int64_t DayOf(Timestamp at) {
  const std::int64_t micros = ToMicros(at);
  return micros / kDayMicros - (micros % kDayMicros < 0 ? 1 : 0);
}

}  // namespace mw::sketch
