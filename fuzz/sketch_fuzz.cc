// Profiles, baselines and baselines of slices from anywhere: what is read can be asked, merged, added to and written,
// and what was written reads back as the same bytes.
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "sketch/baseline.h"
#include "sketch/sliced_baselines.h"

namespace {

using mw::sketch::Baseline;
using mw::sketch::ColumnBins;
using mw::sketch::ColumnProfile;
using mw::sketch::Profile;

void Ask(const ColumnProfile& column) {
  const std::array<double, 4> shares = {0, 0.3, 1, NAN};
  (void)column.quantiles().Quantiles(shares);
  (void)column.quantiles().Items();
  (void)column.quantiles().Rank(0);
  (void)column.distinct();
  (void)column.moments().skewness();
  const ColumnBins bins = ColumnBins::Of(column, 20);
  MW_ASSERT(bins.Counts(column).size() == bins.size());
}

void Use(Profile profile) {
  const std::string bytes = profile.Bytes();
  auto again = Profile::FromBytes(bytes);
  MW_ASSERT(again.ok() && again->Bytes() == bytes);
  (void)profile.ToJson().Dump();
  for (const ColumnProfile& column : profile.columns()) Ask(column);
  profile.Merge(*again);
  for (std::size_t i = 0; i < profile.size(); ++i) {
    for (int value = 0; value < 40; ++value) profile.column(i).AddNumber(value);
    profile.column(i).AddValue("text");
    again->column(i).Merge(profile.column(profile.size() - 1 - i));
  }
  MW_ASSERT(Profile::FromBytes(profile.Bytes()).ok());
  MW_ASSERT(Profile::FromBytes(again->Bytes()).ok());
}

void Use(const Baseline& baseline) {
  const std::string bytes = baseline.Bytes();
  const auto again = Baseline::FromBytes(bytes);
  MW_ASSERT(again.ok() && again->Bytes() == bytes);
  for (std::size_t i = 0; i < baseline.bins.size(); ++i) {
    MW_ASSERT(baseline.Sum(i, -100'000, 100'000).counts.size() == baseline.bins[i].size());
    MW_ASSERT(baseline.bins[i].Counts(baseline.whole.column(i)).size() == baseline.bins[i].size());
    if (baseline.bins[i].numeric) MW_ASSERT(baseline.bins[i].Find(0) < baseline.bins[i].size());
  }
}

void Use(const std::vector<mw::sketch::BaselineSlice>& slices) {
  mw::sketch::SlicesWriter writer;
  for (const mw::sketch::BaselineSlice& slice : slices) {
    MW_ASSERT(writer.Add(slice));
    Use(slice.baseline);
  }
  MW_ASSERT(mw::sketch::SlicesFromBytes(writer.Bytes()).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto profile = Profile::FromBytes(bytes);
  if (profile.ok()) Use(*profile);
  const auto baseline = Baseline::FromBytes(bytes);
  if (baseline.ok()) Use(*baseline);
  const auto slices = mw::sketch::SlicesFromBytes(bytes);
  if (slices.ok()) Use(*slices);
  return 0;
}
