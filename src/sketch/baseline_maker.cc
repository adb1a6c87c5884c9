// Rows into days, values into bins.
#include "sketch/baseline_maker.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace mw::sketch {
namespace {

constexpr std::uint32_t kNoBlock = ~std::uint32_t{0};

/// The place of a category; that behind the last for what is none.
std::size_t PlaceOf(float value, std::span<const std::string> categories) {
  return value >= 0 && value < static_cast<float>(categories.size()) ? static_cast<std::size_t>(value)
                                                                     : categories.size();
}

// The bin of each category: its own, or that of all others.
std::vector<std::size_t> BinsOfCategories(const ColumnBins& bins, std::span<const std::string> categories) {
  std::vector<std::size_t> places;
  for (const std::string& category : categories) {
    const auto found = std::find(bins.categories.begin(), bins.categories.end(), CountedText(category));
    places.push_back(static_cast<std::size_t>(found - bins.categories.begin()));
  }
  return places;
}

}  // namespace

ColumnProfile ProfileOf(ColumnSpec spec, std::span<const float> values, std::span<const std::string> categories) {
  ColumnProfile profile(std::move(spec));
  if (profile.numeric()) {
    profile.AddNumbers(values);
    return profile;
  }
  std::vector<std::uint64_t> counts(categories.size() + 1, 0);
  std::uint64_t missing = 0;
  for (const float value : values) std::isnan(value) ? ++missing : ++counts[PlaceOf(value, categories)];
  for (std::size_t i = 0; i < categories.size(); ++i) {
    if (counts[i] > 0) profile.AddValue(categories[i], counts[i]);
  }
  if (counts.back() > 0) profile.AddWrongType(counts.back());
  profile.AddMissing(missing);
  return profile;
}

BaselineMaker::BaselineMaker(Rows rows) {
  baseline_.event_time = rows.event_times_us.empty() ? "" : rows.event_time;
  std::vector<std::int64_t> days, day_of_row;
  for (const std::int64_t time : rows.event_times_us) day_of_row.push_back(DayOf(FromMicros(time)));
  days = day_of_row;
  std::sort(days.begin(), days.end());
  days.erase(std::unique(days.begin(), days.end()), days.end());
  const std::size_t columns = std::max<std::size_t>(1, rows.columns);
  // An edge may bring a second one for a heavy value, and each column has four bins more.
  const std::size_t days_max = std::min(kBaselineDaysMax, rows.counts_max / columns / (2 * kBaselineFewestEdges + 4));
  if (days.size() > days_max) days.erase(days.begin(), days.end() - static_cast<std::ptrdiff_t>(days_max));
  const std::size_t bins_max = rows.counts_max / columns / std::max<std::size_t>(1, days.size());
  edges_max_ = std::clamp(bins_max / 2 - std::min<std::size_t>(2, bins_max / 2), kBaselineFewestEdges, rows.edges_max);
  for (const std::int64_t day : days) baseline_.blocks.push_back({day, 0, {}});
  for (const std::int64_t day : day_of_row) {
    const auto found = std::lower_bound(days.begin(), days.end(), day);
    const bool kept = found != days.end() && *found == day;
    block_of_row_.push_back(kept ? static_cast<std::uint32_t>(found - days.begin()) : kNoBlock);
    if (kept) ++baseline_.blocks[block_of_row_.back()].rows;
  }
}

void BaselineMaker::Add(ColumnSpec spec, std::span<const float> values, std::span<const std::string> categories) {
  MW_ASSERT(block_of_row_.empty() || block_of_row_.size() == values.size());
  const ColumnProfile profile = ProfileOf(std::move(spec), values, categories);
  if (baseline_.whole.Find(profile.name()) != nullptr) return;
  const ColumnBins bins = ColumnBins::Of(profile, edges_max_);
  AddBlocks(bins, values, categories);
  baseline_.bins.push_back(bins);
  baseline_.whole.Add(profile);
}

void BaselineMaker::AddBlocks(const ColumnBins& bins, std::span<const float> values,
                              std::span<const std::string> categories) {
  const std::vector<std::size_t> places = BinsOfCategories(bins, categories);
  const std::size_t column = baseline_.bins.size();
  for (BaselineBlock& block : baseline_.blocks) {
    block.columns.push_back({0, std::vector<std::uint64_t>(bins.size(), 0)});
  }
  for (std::size_t row = 0; row < block_of_row_.size(); ++row) {
    if (block_of_row_[row] == kNoBlock) continue;
    BlockColumn& counts = baseline_.blocks[block_of_row_[row]].columns[column];
    const float value = values[row];
    const std::size_t place = bins.numeric ? 0 : PlaceOf(value, categories);
    if (std::isnan(value) || (!bins.numeric && place == categories.size())) {
      ++counts.missing;
    } else {
      ++counts.counts[bins.numeric ? bins.Find(static_cast<double>(value)) : places[place]];
    }
  }
}

}  // namespace mw::sketch
