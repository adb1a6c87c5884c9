// The columns of some rows, profiled: of a data set, a training period, a window of predictions. Mergeable by
// column name, in versioned bytes: a record between processes and versions of the program.
// One thread. Invariant: names are unique; Bytes() is a function of the state alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "sketch/column_profile.h"

namespace mw::sketch {

/// Written at the start of the bytes; a greater one is refused.
inline constexpr std::uint8_t kProfileFormatVersion = 1;
inline constexpr std::size_t kProfileColumnsMax = 20'000;

class Profile {
 public:
  Profile() = default;
  /// One empty column for each; of equal names the first counts.
  explicit Profile(const std::vector<ColumnSpec>& specs);

  [[nodiscard]] const std::vector<ColumnProfile>& columns() const { return columns_; }
  [[nodiscard]] std::size_t size() const { return columns_.size(); }
  [[nodiscard]] ColumnProfile& column(std::size_t index) { return columns_.at(index); }
  [[nodiscard]] const ColumnProfile& column(std::size_t index) const { return columns_.at(index); }
  /// nullptr when there is no such column.
  [[nodiscard]] const ColumnProfile* Find(std::string_view name) const;
  [[nodiscard]] ColumnProfile* Find(std::string_view name);
  /// Merged into the column of that name; appended when there is none.
  void Add(ColumnProfile column);
  /// Columns by name; new ones are appended in the other's order.
  void Merge(const Profile& other);

  [[nodiscard]] std::string Bytes() const;
  /// Errors: kDataLoss for bytes that are none of ours; kFailedPrecondition for a newer format.
  static Result<Profile> FromBytes(std::string_view bytes);
  /// The same inside other records, with the version of its own; errors as FromBytes.
  void Write(ByteWriter& out) const;
  static Result<Profile> Read(ByteReader& in);

  /// {"columns":[{"name":..,"kind":..,"rows":..,"missing":..,...}]}, for people.
  [[nodiscard]] Json ToJson() const;

 private:
  std::vector<ColumnProfile> columns_;
};

}  // namespace mw::sketch
