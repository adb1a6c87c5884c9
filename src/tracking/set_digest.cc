// FNV-1a, finished as SplitMix64 is.
#include "tracking/set_digest.h"

#include <algorithm>

#include "base/text.h"
#include "tracking/point_frames.h"

namespace mw::tracking {
namespace {

void AddPart(std::string& member, std::string_view part) { CatTo(member, part.size(), ":", part); }

}  // namespace

void SetDigest::Add(std::string_view member) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : member) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBULL;
  ++count;
  sum += hash ^ (hash >> 31);
}

std::string DatasetMember(std::string_view name, std::string_view digest,
                          std::vector<std::pair<std::string, std::string>> tags) {
  std::sort(tags.begin(), tags.end());
  std::string member = "dataset ";
  AddPart(member, name);
  AddPart(member, digest);
  for (const auto& [key, value] : tags) {
    AddPart(member, key);
    AddPart(member, value);
  }
  return member;
}

std::string ModelReadMember(std::string_view model) { return Cat("read ", model); }

std::string ModelMadeMember(std::string_view model, std::int64_t step) { return Cat("made ", step, " ", model); }

std::string ModelMetricMember(const ModelMetric& metric) {
  PointDigest point;
  point.Add(metric.point);
  std::string member = Cat("metric ", point.sum, " ");
  for (const std::string* part : {&metric.key, &metric.run, &metric.dataset_name, &metric.dataset_digest}) {
    AddPart(member, *part);
  }
  return member;
}

}  // namespace mw::tracking
