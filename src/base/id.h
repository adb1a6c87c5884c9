// Ids of records: 32 lower-case hexadecimal digits of a version 7 UUID (RFC 9562), so they sort by
// time of creation. Id<Tag> makes the id of a run and the id of a task different types.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace mw {

template <typename Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string text_;
};

/// A new UUIDv7 as 32 hexadecimal digits. Ids made by one process ascend strictly. Any thread.
std::string NewIdText(const Clock& clock);
template <typename IdType>
IdType NewId(const Clock& clock) {
  return IdType(NewIdText(clock));
}

/// Names that users give to models, goals, pipelines: [A-Za-z0-9][A-Za-z0-9._-]{0,127}.
bool IsName(std::string_view text);

}  // namespace mw
