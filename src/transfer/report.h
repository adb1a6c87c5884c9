// What a transfer did: counts by kind and state, what was left out and why, where experiments went. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace mw::transfer {

class Report {
 public:
  static constexpr std::size_t kListedMax = 1000;  ///< of what is left out; the rest is counted

  explicit Report(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  void Count(std::string_view kind, std::string_view state, std::int64_t count = 1);
  void Skip(std::string_view kind, std::string_view id, std::string_view why);
  /// A thing that is in another place or form than it was.
  void Note(std::string_view kind, std::string_view id, std::string_view what);
  /// Whether everything that was found is there now, as it was.
  [[nodiscard]] bool whole() const { return skipped_.empty() && differing_ == 0; }
  [[nodiscard]] std::int64_t count(std::string_view kind, std::string_view state) const;
  void Differs(std::string_view kind, std::string_view id, std::string_view why);

  [[nodiscard]] Json ToJson(double seconds) const;
  /// For people.
  [[nodiscard]] std::string ToText(double seconds) const;

 private:
  struct Line {
    std::string kind, id, why;
  };
  [[nodiscard]] static Json LinesJson(const std::vector<Line>& lines);
  void Add(std::vector<Line>& lines, std::string_view kind, std::string_view id, std::string_view why);

  std::string from_, to_;
  std::map<std::string, std::map<std::string, std::int64_t>, std::less<>> counts_;
  std::vector<Line> skipped_, notes_, differences_;
  std::int64_t unlisted_ = 0;
  std::int64_t differing_ = 0;
};

}  // namespace mw::transfer
