// Open addressing over the names; built once.
#include "schema/name_table.h"

#include <bit>
#include <utility>

namespace mw::schema {

NameTable::NameTable(std::vector<std::string> names)
    : names_(std::move(names)), entries_(std::bit_ceil(names_.size() * 4 + 1)), mask_(entries_.size() - 1) {
  for (std::size_t position = 0; position < names_.size(); ++position) {
    if (Find(names_[position]) >= 0) continue;
    const std::uint32_t hash = Hash(names_[position]);
    std::size_t at = hash & mask_;
    while (entries_[at].position >= 0) at = (at + 1) & mask_;
    entries_[at] = {hash, static_cast<std::int32_t>(position)};
  }
}

}  // namespace mw::schema
