// Describes a version for the recorder; counts rows by second.
#include "serving/recorded_version.h"

#include <algorithm>

#include "wire/class_name.h"
#include "wire/window_record.h"

namespace mw::serving {
namespace {

bool CanRecord(const std::vector<std::string>& classes) {
  return !classes.empty() && classes.size() <= wire::kSampleClassesMax &&
         std::all_of(classes.begin(), classes.end(), [](const std::string& name) { return wire::IsClassName(name); });
}

}  // namespace

std::uint64_t TrafficRate::Add(std::int64_t second, std::uint32_t rows) {
  const std::uint64_t stamp = static_cast<std::uint64_t>(second) << kRowsBits;
  std::atomic<std::uint64_t>& slot = SlotOf(second);
  std::uint64_t seen = slot.load(std::memory_order_relaxed);
  std::uint64_t now = rows;
  if ((seen & ~kRowsMask) != stamp) {
    // Whoever comes second adds to the first one's count, or is not counted: both are harmless.
    slot.compare_exchange_strong(seen, stamp | rows, std::memory_order_relaxed);
  } else if ((seen & kRowsMask) < kRowsMask / 2) {
    now += slot.fetch_add(rows, std::memory_order_relaxed) & kRowsMask;
  } else {
    now = seen & kRowsMask;
  }
  const std::uint64_t before = SlotOf(second - 1).load(std::memory_order_relaxed);
  const bool is_before = (before & ~kRowsMask) == static_cast<std::uint64_t>(second - 1) << kRowsBits;
  return is_before ? std::max(now, before & kRowsMask) : now;
}

RecordedVersion::RecordedVersion(const std::string& endpoint_in, std::int64_t version_in, const Model& of)
    : endpoint(endpoint_in),
      model(of.name().empty() ? endpoint_in : of.name()),
      version(version_in),
      classes(of.classes()),
      records_classes(CanRecord(of.classes())),
      threshold(of.threshold()) {
  if (of.num_features() > wire::kSampleFeaturesMax) return;
  for (std::size_t i = 0; i < of.num_features(); ++i) {
    const schema::Column& column = of.encoder().column(static_cast<int>(i));
    const bool category = column.type == schema::ColumnType::kCategory;
    features.push_back(
        {{column.name, category ? sketch::ValueKind::kCategory : sketch::ValueKind::kNumber}, column.vocabulary});
  }
}

}  // namespace mw::serving
