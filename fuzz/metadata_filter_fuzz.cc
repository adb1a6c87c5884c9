// Filters and orders of the metadata API. What is accepted keeps its limits and reads the same when it is written
// again.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "lineage/metadata_filter.h"

namespace {

using mw::lineage::FilterNode;

void Require(bool holds) {
  if (!holds) std::abort();
}

std::size_t Terms(const FilterNode& node) {
  if (node.kind == FilterNode::Kind::kTerm) return 1;
  std::size_t terms = 0;
  for (const FilterNode& part : node.parts) terms += Terms(part);
  return terms;
}

/// Writing puts parentheses around more than was written, which may be too deep to be read again.
bool TooDeep(const mw::Error& error) { return error.message.find("parentheses are deeper") != std::string::npos; }

void Check(mw::lineage::Noun noun, const std::string& text) {
  const mw::Result<FilterNode> node = mw::lineage::ParseMetadataFilter(noun, text);
  if (!node.ok()) {
    Require(!node.error().message.empty() && node.error().message.size() < 1000 && mw::IsUtf8(node.error().message));
    return;
  }
  Require(Terms(*node) <= mw::lineage::kFilterTermsMax);
  const std::string again = mw::lineage::FilterText(noun, *node);
  if (again.size() > mw::lineage::kFilterBytesMax) return;
  const mw::Result<FilterNode> second = mw::lineage::ParseMetadataFilter(noun, again);
  if (!second.ok() && TooDeep(second.error())) return;
  Require(second.ok() && *second == *node);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const auto noun : {mw::lineage::Noun::kArtifact, mw::lineage::Noun::kExecution, mw::lineage::Noun::kContext}) {
    Check(noun, text);
    const auto order = mw::lineage::ParseMetadataOrder(noun, text);
    if (order.ok()) Require(order->size() <= mw::lineage::kOrderKeysMax);
  }
  return 0;
}
