// Slices as bytes.
#include "sketch/sliced_baselines.h"

namespace mw::sketch {
namespace {

constexpr std::string_view kSlicesMagic = "MWSL";
constexpr std::size_t kHeadBytes = 16;

std::size_t CountsOf(const Baseline& baseline) {
  std::size_t counts = 0;
  for (const ColumnBins& bins : baseline.bins) counts += bins.size();
  return counts * baseline.blocks.size();
}

bool Has(const std::vector<BaselineSlice>& slices, std::string_view column, std::string_view value) {
  for (const BaselineSlice& slice : slices) {
    if (slice.column == column && slice.value == value) return true;
  }
  return false;
}

Status CheckHead(ByteReader& in) {
  if (in.Raw(kSlicesMagic.size()) != kSlicesMagic) return DataLoss("these bytes are no baselines of slices");
  const int version = in.U8();
  if (version > kSlicesFormatVersion) {
    return FailedPrecondition("the baselines of slices have format ", version, ", this program reads up to ",
                              static_cast<int>(kSlicesFormatVersion), "; update this program");
  }
  if (version == 0) in.Fail("format 0");
  return Ok();
}

}  // namespace

bool SlicesWriter::Add(const BaselineSlice& slice) {
  if (count_ == kSlicesMax) return false;
  ByteWriter out;
  out.Text(slice.column);
  out.Text(slice.value);
  out.Text(slice.baseline.Bytes());
  const std::string bytes = out.Take();
  if (parts_.size() + bytes.size() + kHeadBytes > kSlicesBytesMax) return false;
  parts_ += bytes;
  ++count_;
  return true;
}

std::string SlicesWriter::Bytes() const {
  ByteWriter out;
  out.Raw(kSlicesMagic);
  out.U8(kSlicesFormatVersion);
  out.Varint(count_);
  out.Raw(parts_);
  return out.Take();
}

Result<std::vector<BaselineSlice>> SlicesFromBytes(std::string_view bytes) {
  if (bytes.size() > kSlicesBytesMax) {
    return ResourceExhausted("baselines of slices in ", bytes.size(), " bytes; at most ", kSlicesBytesMax);
  }
  ByteReader in(bytes);
  TRY(CheckHead(in));
  std::vector<BaselineSlice> slices;
  const std::size_t count = in.Count(kSlicesMax, 3);
  std::size_t counts = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view column = in.Text(kColumnNameBytesMax);
    const std::string_view value = in.Text(kColumnNameBytesMax);
    const std::string_view baseline = in.Text(kSlicesBytesMax);
    if (Has(slices, column, value)) in.Fail("two slices of one value");
    TRY(in.Check().In("baselines of slices"));
    Baseline read = TRY(Baseline::FromBytes(baseline));
    slices.push_back({std::string(column), std::string(value), std::move(read)});
    counts += CountsOf(slices.back().baseline);
    if (counts > kSlicesCountsMax) {
      return ResourceExhausted("baselines of slices with ", counts, " counts; at most ", kSlicesCountsMax);
    }
  }
  TRY(in.CheckEnd().In("baselines of slices"));
  return slices;
}

}  // namespace mw::sketch
