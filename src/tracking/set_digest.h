// What a set of things is, in whatever order they come: how both ends of an import compare what a run read and made and
// what was measured of a model. Two sets of the same count and sum are the same but for one chance in 2^64, unless
// somebody makes them so. Both ends may be programs of different ages: these sums stay as they are. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tracking/logged_model.h"

namespace mw::tracking {

struct SetDigest {
  std::int64_t count = 0;
  std::uint64_t sum = 0;
  /// Each member once.
  void Add(std::string_view member);
  bool operator==(const SetDigest&) const = default;
};

// Members; no two different things are the same text.
/// `tags` in any order.
std::string DatasetMember(std::string_view name, std::string_view digest,
                          std::vector<std::pair<std::string, std::string>> tags);
std::string ModelReadMember(std::string_view model);
std::string ModelMadeMember(std::string_view model, std::int64_t step);
std::string ModelMetricMember(const ModelMetric& metric);

}  // namespace mw::tracking
