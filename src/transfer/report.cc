// Counts, and lines of what is left out.
#include "transfer/report.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/text_table.h"
#include "transfer/sink.h"

namespace mw::transfer {

bool Selection::Has(std::string_view id, std::string_view name) const {
  if (names.empty()) return true;
  return std::any_of(names.begin(), names.end(), [&](const auto& wanted) { return wanted == id || wanted == name; });
}

void Report::Count(std::string_view kind, std::string_view state, std::int64_t count) {
  counts_[std::string(kind)][std::string(state)] += count;
}

std::int64_t Report::count(std::string_view kind, std::string_view state) const {
  const auto found = counts_.find(kind);
  if (found == counts_.end()) return 0;
  const auto at = found->second.find(std::string(state));
  return at == found->second.end() ? 0 : at->second;
}

void Report::Add(std::vector<Line>& lines, std::string_view kind, std::string_view id, std::string_view why) {
  if (lines.size() < kListedMax) {
    lines.push_back({std::string(kind), std::string(id), std::string(why)});
  } else {
    ++unlisted_;
  }
}

void Report::Skip(std::string_view kind, std::string_view id, std::string_view why) {
  Count(kind, "skipped");
  Add(skipped_, kind, id, why);
}

void Report::Note(std::string_view kind, std::string_view id, std::string_view what) { Add(notes_, kind, id, what); }

void Report::Differs(std::string_view kind, std::string_view id, std::string_view why) {
  Count(kind, "differs");
  ++differing_;
  Add(differences_, kind, id, why);
}

Json Report::LinesJson(const std::vector<Line>& lines) {
  Json list = Json::MakeArray();
  for (const Line& line : lines) list.Append(Json::Make({{"kind", line.kind}, {"id", line.id}, {"why", line.why}}));
  return list;
}

Json Report::ToJson(double seconds) const {
  Json counts = Json::MakeObject();
  for (const auto& [kind, states] : counts_) {
    Json one = Json::MakeObject();
    for (const auto& [state, count] : states) one[state] = count;
    counts[kind] = std::move(one);
  }
  return Json::Make({{"from", from_},
                     {"to", to_},
                     {"whole", whole()},
                     {"seconds", seconds},
                     {"counts", std::move(counts)},
                     {"skipped", LinesJson(skipped_)},
                     {"differences", LinesJson(differences_)},
                     {"notes", LinesJson(notes_)},
                     {"unlisted", unlisted_}});
}

std::string Report::ToText(double seconds) const {
  std::set<std::string> states;
  for (const auto& [kind, by_state] : counts_) {
    for (const auto& [state, count] : by_state) states.insert(state);
  }
  std::vector<std::vector<std::string>> rows = {{"what"}};
  rows[0].insert(rows[0].end(), states.begin(), states.end());
  for (const auto& [kind, by_state] : counts_) {
    rows.push_back({kind});
    for (const std::string& state : states) {
      const auto at = by_state.find(state);
      rows.back().push_back(at == by_state.end() ? "-" : WithThousands(at->second));
    }
  }
  std::string out = Cat(from_, " -> ", to_, " in ", Fixed(seconds, 1), " s\n", TextTable(rows));
  const auto say = [&](std::string_view heading, const std::vector<Line>& lines) {
    if (!lines.empty()) CatTo(out, heading, ":\n");
    for (const Line& line : lines) CatTo(out, "  ", line.kind, " ", line.id, ": ", line.why, "\n");
  };
  say("left out", skipped_);
  say("differs", differences_);
  say("changed on the way", notes_);
  if (unlisted_ > 0) CatTo(out, "  and ", unlisted_, " more\n");
  return out;
}

}  // namespace mw::transfer
