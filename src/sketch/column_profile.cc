// Sorting values into what they are, block by block, and handing each kind to its sketches.
#include "sketch/column_profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "sketch/hash.h"

namespace mw::sketch {
namespace {

constexpr std::size_t kBlockRows = 512;
constexpr std::size_t kTopForPeople = 20;
constexpr std::uint64_t kRowsMax = std::uint64_t{1} << 60;
constexpr double kLargest = std::numeric_limits<double>::max();

bool IsNumeric(ValueKind kind) { return kind == ValueKind::kNumber || kind == ValueKind::kTimestamp; }

ColumnSpec Shortened(ColumnSpec spec) {
  if (spec.name.size() > kColumnNameBytesMax) spec.name.resize(kColumnNameBytesMax);
  return spec;
}

}  // namespace

std::string_view ValueKindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNumber: return "number";
    case ValueKind::kCategory: return "category";
    case ValueKind::kText: return "text";
    case ValueKind::kTimestamp: return "timestamp";
  }
  return "number";
}

ColumnProfile::ColumnProfile(ColumnSpec spec)
    : spec_(Shortened(std::move(spec))), kll_(Kll::kDefaultK, HashText(spec_.name)) {}

bool ColumnProfile::numeric() const { return IsNumeric(spec_.kind); }

template <typename Number>
void ColumnProfile::AddAll(std::span<const Number> values) {
  std::array<double, kBlockRows> finite;
  for (std::size_t at = 0; at < values.size(); at += kBlockRows) {
    const std::span<const Number> block = values.subspan(at, std::min(kBlockRows, values.size() - at));
    std::size_t count = 0, missing = 0, positive = 0;
    for (const Number number : block) {
      const auto value = static_cast<double>(number);
      finite[count] = value;
      count += std::abs(value) <= kLargest ? 1 : 0;
      missing += value != value ? 1 : 0;
      positive += value > kLargest ? 1 : 0;
    }
    rows_ += block.size();
    missing_ += missing;
    if (!numeric()) {
      wrong_type_ += block.size() - missing;
      continue;
    }
    positive_infinite_ += positive;
    negative_infinite_ += block.size() - missing - positive - count;
    AddFinite(std::span(finite).first(count));
  }
}

void ColumnProfile::AddFinite(std::span<const double> values) {
  moments_.Add(values);
  kll_.Add(values);
  distinct_.Add(values);
}

void ColumnProfile::AddNumbers(std::span<const float> values) { AddAll(values); }
void ColumnProfile::AddNumbers(std::span<const double> values) { AddAll(values); }

void ColumnProfile::AddMissing(std::uint64_t rows) {
  rows_ += rows;
  missing_ += rows;
}

void ColumnProfile::AddWrongType(std::uint64_t rows) {
  rows_ += rows;
  wrong_type_ += rows;
}

void ColumnProfile::AddValue(std::string_view value, std::uint64_t count) {
  if (numeric()) return AddWrongType(count);
  rows_ += count;
  if (!IsUtf8(value)) invalid_text_ += count;
  AddCount(value, count);
}

// Distinct texts are the counters until one must go; from then on each text that has no counter is also
// added to the sketch, which by then holds all those that had one.
void ColumnProfile::AddCount(std::string_view text, std::uint64_t count) {
  const bool full = counts_.exact() && counts_.size() == counts_.capacity() && counts_.CountOf(text) == 0;
  if (full) distinct_.AddHashes(counts_.Hashes());
  if (counts_.Add(text, count) && (full || approximate())) distinct_.AddText(CountedText(text));
}

void ColumnProfile::MergeCounts(const ColumnProfile& other) {
  const bool all_fit = !approximate() && !other.approximate() &&
                       counts_.UnionSize(other.counts_) <= std::min(counts_.capacity(), other.counts_.capacity());
  if (!all_fit) {
    distinct_.AddHashes(counts_.Hashes());
    distinct_.AddHashes(other.counts_.Hashes());
    distinct_.Merge(other.distinct_);
  }
  counts_.Merge(other.counts_);
}

void ColumnProfile::Merge(const ColumnProfile& other) {
  if (&other == this) return Merge(ColumnProfile(other));
  rows_ += other.rows_;
  missing_ += other.missing_;
  if (numeric() != other.numeric()) {
    wrong_type_ += other.rows_ - other.missing_;
    return;
  }
  wrong_type_ += other.wrong_type_;
  positive_infinite_ += other.positive_infinite_;
  negative_infinite_ += other.negative_infinite_;
  invalid_text_ += other.invalid_text_;
  if (!numeric()) return MergeCounts(other);
  moments_.Merge(other.moments_);
  kll_.Merge(other.kll_);
  distinct_.Merge(other.distinct_);
}

std::uint64_t ColumnProfile::distinct() const {
  if (!numeric() && !approximate()) return counts_.size();
  return static_cast<std::uint64_t>(std::round(std::min(distinct_.Estimate(), static_cast<double>(values()))));
}

Json ColumnProfile::ToJson() const {
  Json json = Json::Make({{"name", spec_.name},
                          {"kind", ValueKindName(spec_.kind)},
                          {"rows", rows_},
                          {"missing", missing_},
                          {"distinct", distinct()}});
  if (approximate()) json["approximate"] = true;
  if (wrong_type_ > 0) json["wrong_type"] = wrong_type_;
  if (infinite() > 0) json["infinite"] = infinite();
  if (invalid_text_ > 0) json["invalid_text"] = invalid_text_;
  if (!numeric()) {
    Json top = Json::MakeArray();
    for (const FrequentItems::Item& item : counts_.Top(kTopForPeople)) {
      top.Append(Json::Make({{"value", item.text}, {"count", item.count}}));
    }
    json["top"] = std::move(top);
  } else if (moments_.count() > 0) {
    json["min"] = moments_.min();
    json["max"] = moments_.max();
    json["mean"] = moments_.mean();
    json["std"] = moments_.std();
    Json quantiles = Json::MakeArray();
    for (const double value : kll_.Quantiles(std::array{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}))
      quantiles.Append(value);
    json["quantiles"] = std::move(quantiles);
  }
  return json;
}

void ColumnProfile::Write(ByteWriter& out) const {
  out.Text(spec_.name);
  out.U8(static_cast<std::uint8_t>(spec_.kind));
  for (const std::uint64_t counter :
       {rows_, missing_, wrong_type_, positive_infinite_, negative_infinite_, invalid_text_}) {
    out.Varint(counter);
  }
  if (!numeric()) {
    counts_.Write(out);
    if (approximate()) distinct_.Write(out);
    return;
  }
  moments_.Write(out);
  kll_.Write(out);
  distinct_.Write(out);
}

Result<ColumnProfile> ColumnProfile::Read(ByteReader& in) {
  ColumnSpec spec{std::string(in.Text(kColumnNameBytesMax)), ValueKind::kNumber};
  const std::uint8_t kind = in.U8();
  if (kind > static_cast<std::uint8_t>(ValueKind::kTimestamp)) in.Fail("a column of an unknown kind");
  TRY(in.Check());
  spec.kind = static_cast<ValueKind>(kind);
  ColumnProfile column(std::move(spec));
  for (std::uint64_t* counter : {&column.rows_, &column.missing_, &column.wrong_type_, &column.positive_infinite_,
                                 &column.negative_infinite_, &column.invalid_text_}) {
    *counter = in.Varint();
  }
  TRY(column.ReadSketches(in));
  return column;
}

Status ColumnProfile::ReadSketches(ByteReader& in) {
  if (rows_ > kRowsMax) in.Fail("too many rows");
  std::uint64_t left = rows_;
  for (const std::uint64_t part : {missing_, wrong_type_, positive_infinite_, negative_infinite_}) {
    if (part > left) in.Fail("the rows do not add up");
    left -= std::min(left, part);
  }
  if (!in.Unfold(1, sizeof(ColumnProfile))) return in.Check();
  if (!numeric()) {
    counts_ = TRY(FrequentItems::Read(in));
    if (approximate()) distinct_ = TRY(HyperLogLog::Read(in));
    if (counts_.total() != left || invalid_text_ > left) in.Fail("the rows do not add up");
    return in.Check();
  }
  moments_ = TRY(Moments::Read(in));
  kll_ = TRY(Kll::Read(in));
  distinct_ = TRY(HyperLogLog::Read(in));
  if (moments_.count() != left || kll_.count() != left || invalid_text_ > 0) in.Fail("the rows do not add up");
  return in.Check();
}

}  // namespace mw::sketch
