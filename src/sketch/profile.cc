// Columns by name, and their bytes.
#include "sketch/profile.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace mw::sketch {
namespace {

constexpr std::string_view kProfileMagic = "MWPF";

}  // namespace

Profile::Profile(const std::vector<ColumnSpec>& specs) {
  for (const ColumnSpec& spec : specs) {
    if (Find(spec.name) == nullptr) columns_.emplace_back(spec);
  }
}

const ColumnProfile* Profile::Find(std::string_view name) const {
  for (const ColumnProfile& column : columns_) {
    if (column.name() == name) return &column;
  }
  return nullptr;
}

ColumnProfile* Profile::Find(std::string_view name) {
  return const_cast<ColumnProfile*>(std::as_const(*this).Find(name));
}

void Profile::Add(ColumnProfile column) {
  if (ColumnProfile* own = Find(column.name())) return own->Merge(column);
  columns_.push_back(std::move(column));
}

void Profile::Merge(const Profile& other) {
  if (&other == this) return Merge(Profile(other));
  const bool same = std::equal(columns_.begin(), columns_.end(), other.columns_.begin(), other.columns_.end(),
                               [](const ColumnProfile& a, const ColumnProfile& b) { return a.name() == b.name(); });
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; !same && i < columns_.size(); ++i) places.emplace(columns_[i].name(), i);
  for (std::size_t i = 0; i < other.columns_.size(); ++i) {
    const ColumnProfile& column = other.columns_[i];
    const auto place = same ? places.end() : places.find(column.name());
    if (same) {
      columns_[i].Merge(column);
    } else if (place != places.end()) {
      columns_[place->second].Merge(column);
    } else {
      columns_.push_back(column);
    }
  }
}

void Profile::Write(ByteWriter& out) const {
  out.U8(kProfileFormatVersion);
  out.Varint(columns_.size());
  for (const ColumnProfile& column : columns_) column.Write(out);
}

Result<Profile> Profile::Read(ByteReader& in) {
  const int version = in.U8();
  if (version > kProfileFormatVersion) {
    return FailedPrecondition("the profile has format ", version, ", this program reads up to ",
                              static_cast<int>(kProfileFormatVersion), "; update this program");
  }
  if (version == 0) in.Fail("a profile of format 0");
  Profile profile;
  std::unordered_set<std::string> names;
  const std::size_t count = in.Count(kProfileColumnsMax, 8);
  for (std::size_t i = 0; i < count; ++i) {
    ColumnProfile column = TRY(ColumnProfile::Read(in));
    if (!names.insert(column.name()).second) in.Fail("a profile with two columns of one name");
    profile.columns_.push_back(std::move(column));
  }
  TRY(in.Check());
  return profile;
}

std::string Profile::Bytes() const {
  ByteWriter out;
  out.Raw(kProfileMagic);
  Write(out);
  return out.Take();
}

Result<Profile> Profile::FromBytes(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Raw(kProfileMagic.size()) != kProfileMagic) return DataLoss("these bytes are no profile");
  Profile profile = TRY(Read(in).In("profile"));
  TRY(in.CheckEnd().In("profile"));
  return profile;
}

Json Profile::ToJson() const {
  Json columns = Json::MakeArray();
  for (const ColumnProfile& column : columns_) columns.Append(column.ToJson());
  return Json::Make({{"columns", std::move(columns)}});
}

}  // namespace mw::sketch
