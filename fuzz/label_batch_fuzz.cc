// Labels from outside, compact and as lines of JSON: what is accepted reads back equal from its compact form.
#include <cstdlib>

#include "wire/label_batch.h"
#include "wire/label_text.h"

namespace {

void CheckAccepted(const std::vector<mw::wire::Label>& labels) {
  const auto again = mw::wire::ParseLabelBytes(mw::wire::LabelBytes(labels));
  if (!again.ok() || *again != labels) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto labels = mw::wire::ParseLabelBytes(text); labels.ok()) CheckAccepted(*labels);
  if (const auto labels = mw::wire::LabelsFromLines(text); labels.ok()) CheckAccepted(*labels);
  return 0;
}
