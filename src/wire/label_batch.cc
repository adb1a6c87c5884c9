// The compact form of labels.
#include "wire/label_batch.h"

#include <algorithm>
#include <cmath>

#include "sketch/bytes.h"
#include "wire/class_name.h"

namespace mw::wire {
namespace {

constexpr std::string_view kNumbersMagic = "MWL1";
constexpr std::string_view kNamesMagic = "MWL2";
constexpr std::size_t kLabelBytesMin = 1 + 1 + 1 + 1;
constexpr std::uint8_t kNamed = 2;  // a bit of the id's kind

bool HasNames(const std::vector<Label>& labels) {
  return std::any_of(labels.begin(), labels.end(), [](const Label& label) { return !label.text.empty(); });
}

}  // namespace

std::string LabelBytes(const std::vector<Label>& labels) {
  sketch::ByteWriter out;
  out.Raw(HasNames(labels) ? kNamesMagic : kNumbersMagic);
  out.Varint(labels.size());
  for (const Label& label : labels) {
    const bool named = !label.text.empty();
    out.U8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(label.by) | (named ? kNamed : 0)));
    out.Text(label.id);
    named ? out.Text(label.text) : out.F64(label.value);
    out.Signed(label.time_us);
  }
  return out.Take();
}

Result<std::vector<Label>> ParseLabelBytes(std::string_view bytes) {
  sketch::ByteReader in(bytes);
  const std::string_view magic = in.Raw(kNumbersMagic.size());
  if (magic != kNumbersMagic && magic != kNamesMagic) {
    return InvalidArgument("no labels: they begin with ", kNumbersMagic, " or ", kNamesMagic);
  }
  const std::uint8_t kinds = magic == kNamesMagic ? 4 : 2;
  const std::size_t count = in.Count(kLabelsMax, kLabelBytesMin);
  std::vector<Label> labels(count);
  for (std::size_t i = 0; i < count; ++i) {
    Label& label = labels[i];
    const std::uint8_t kind = in.U8();
    const bool named = (kind & kNamed) != 0;
    label.by = static_cast<LabelBy>(kind & ~kNamed);
    label.id = in.Text(kLabelIdBytesMax);
    if (named && kind < kinds) {
      label.text = in.Text(kClassNameBytesMax);
    } else {
      label.value = in.F64();
    }
    label.time_us = in.Signed();
    if (in.failed()) return InvalidArgument("label ", i + 1, " of ", count, ": ", in.Check().error().message);
    if (kind >= kinds) return InvalidArgument("label ", i + 1, ": unknown id kind ", kind);
    if (named && label.text.empty()) return InvalidArgument("label ", i + 1, ": its class has no name");
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
  if (!IsClassName(label.text)) {
    return InvalidArgument("it is ", Quoted(label.text), "; a class's name is UTF-8 of at most ", kClassNameBytesMax,
                           " bytes");
  }
  return Ok();
}

}  // namespace mw::wire
