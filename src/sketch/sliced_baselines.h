// Baselines of parts of a training set, one for each value of some columns (origin=LGA), kept in the model package
// as slices.bin beside baseline.bin, so that a slice of the traffic is held against the same slice of the training
// rows. Optional: a package without the file has no slices. One thread.
//
//   MWSL, format version, number of slices, then for each: column, value, the bytes of its Baseline
// Invariants: no two slices of one column and value; limits below hold for what SlicesFromBytes gives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sketch/baseline.h"

namespace mw::sketch {

inline constexpr std::string_view kSlicesFile = "slices.bin";
inline constexpr std::uint8_t kSlicesFormatVersion = 1;
inline constexpr std::size_t kSlicesMax = 24;
inline constexpr std::size_t kSlicesBytesMax = std::size_t{64} << 20;
/// Slices of one column: its most frequent values.
inline constexpr std::size_t kSliceValuesMax = 8;
/// A value with fewer rows in the baseline has no slice.
inline constexpr std::size_t kSliceRowsMin = 500;
/// Finer bins than the comparison needs, coarser than the whole's.
inline constexpr std::size_t kSliceEdges = 64;
/// Counts in the blocks of all slices together.
inline constexpr std::size_t kSlicesCountsMax = std::size_t{16} << 20;

struct BaselineSlice {
  std::string column;
  std::string value;  ///< as schema/slice.h writes it
  Baseline baseline;
};

/// Puts slices together one by one, so that only one baseline need be in memory.
class SlicesWriter {
 public:
  /// False when it would be one too many, or too many bytes; then it is left out.
  bool Add(const BaselineSlice& slice);
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::string Bytes() const;

 private:
  std::string parts_;
  std::size_t count_ = 0;
};
/// Errors: kDataLoss for bytes that are none of ours; kFailedPrecondition for a newer format; kResourceExhausted.
Result<std::vector<BaselineSlice>> SlicesFromBytes(std::string_view bytes);

}  // namespace mw::sketch
