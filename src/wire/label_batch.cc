// The compact form of labels.
#include "wire/label_batch.h"

#include <cmath>

#include "sketch/bytes.h"

namespace mw::wire {
namespace {

constexpr std::string_view kMagic = "MWL1";
constexpr std::size_t kLabelBytesMin = 1 + 1 + 8 + 1;

}  // namespace

std::string LabelBytes(const std::vector<Label>& labels) {
  sketch::ByteWriter out;
  out.Raw(kMagic);
  out.Varint(labels.size());
  for (const Label& label : labels) {
    out.U8(static_cast<std::uint8_t>(label.by));
    out.Text(label.id);
    out.F64(label.value);
    out.Signed(label.time_us);
  }
  return out.Take();
}

Result<std::vector<Label>> ParseLabelBytes(std::string_view bytes) {
  sketch::ByteReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return InvalidArgument("no labels: they begin with ", kMagic);
  const std::size_t count = in.Count(kLabelsMax, kLabelBytesMin);
  std::vector<Label> labels(count);
  for (std::size_t i = 0; i < count; ++i) {
    Label& label = labels[i];
    const std::uint8_t by = in.U8();
    label.by = static_cast<LabelBy>(by);
    label.id = in.Text(kLabelIdBytesMax);
    label.value = in.F64();
    label.time_us = in.Signed();
    if (in.failed()) return InvalidArgument("label ", i + 1, " of ", count, ": ", in.Check().error().message);
    if (by > static_cast<std::uint8_t>(LabelBy::kKey))
      return InvalidArgument("label ", i + 1, ": unknown id kind ", by);
    TRY(CheckLabel(label).In(Cat("label ", i + 1)));
  }
  if (const Status end = in.CheckEnd(); !end.ok()) {
    return InvalidArgument("no labels: ", end.error().message, "; at most ", kLabelsMax, " in a batch");
  }
  return labels;
}

Status CheckLabel(const Label& label) {
  if (label.id.empty()) return InvalidArgument("it names neither a prediction nor a key");
  if (label.id.size() > kLabelIdBytesMax) {
    return InvalidArgument("its id ", Quoted(label.id), " has ", label.id.size(), " bytes; at most ", kLabelIdBytesMax);
  }
  if (!std::isfinite(label.value)) return InvalidArgument("its value is ", label.value, "; it must be finite");
  return Ok();
}

}  // namespace mw::wire
