// Cells under windows.
#include "app/cli/goal_strip.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "app/cli/command.h"
#include "app/cli/monitor_findings.h"
#include "base/text.h"
#include "goals/metric.h"

namespace mw::app::cli {
namespace {

bool HoldsYear(std::string_view text) {
  std::size_t digits = 0;
  for (const char c : text) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits == 4) return true;
  }
  return false;
}

// Of the windows from `first` on.
std::vector<std::string> Labels(const Json::Array& windows, std::size_t first) {
  std::vector<std::string> labels;
  for (std::size_t i = first; i < windows.size(); ++i) labels.push_back(windows[i].StringOr("label", ""));
  const auto year = [](const std::string& label) { return label.size() > 5 ? label.substr(label.size() - 5) : label; };
  // A label with two years ("30 Dec 2013 - 5 Jan 2014") says nothing without its last.
  const bool one_year = std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
    return label.size() > 5 && year(label) == year(labels.front()) && !HoldsYear(label.substr(0, label.size() - 5));
  });
  for (std::string& label : labels) {
    if (one_year) label.resize(label.size() - 5);
  }
  return labels;
}

bool InPercent(const Json& target) {
  const goals::Metric* metric = goals::FindMetric(target.StringOr("metric", ""));
  return metric != nullptr && metric->in_percent;
}

// Needs and values stand beside each other in one unit, however the goal wrote them.
std::string Percent(const std::string& need) {
  const std::size_t space = need.rfind(' ');
  const std::optional<double> share =
      space == std::string::npos ? std::nullopt : ParseDouble(std::string_view(need).substr(space + 1));
  return share ? Cat(need.substr(0, space + 1), goals::CompactNumber(*share * 100), "%") : need;
}

std::string Text(const Json& target, const Json& cell) {
  std::string text = cell.StringOr("text", "");
  const std::size_t digit = text.find_last_of("0123456789");
  if (!InPercent(target) || digit == std::string::npos || text.find('%') != std::string::npos) return text;
  return text.insert(digit + 1, "%");
}

std::string Need(const Json& target) {
  const Json* objective = target.Find("objective");
  std::string need = target.StringOr("need", "");
  if (InPercent(target)) need = Percent(need);
  if (objective == nullptr || !objective->IsNumber()) return need;
  return Cat(need, " ", Fixed(objective->AsDouble() * 100, 0), "%");
}

std::string Name(const Json& target) {
  const std::string name = target.StringOr("name", ""), metric = target.StringOr("metric", "");
  const bool says_more = target.StringOr("kind", "") == "quality" && name != metric;
  return says_more ? Cat(name, " ", metric) : name;
}

std::string Padded(std::string text, std::size_t width, bool right) {
  if (text.size() >= width) return text;
  const std::string space(width - text.size(), ' ');
  return right ? space + text : text + space;
}

// Words in lines that begin with `indent` spaces; the first begins where `head` ends.
std::string Wrapped(const std::string& head, std::size_t indent, std::string_view text) {
  // A long head has its line to itself.
  std::string out = head.size() < indent ? std::string() : Cat(head, "\n");
  std::string line = head.size() < indent ? Padded(head, indent, false) : std::string(indent, ' ');
  for (const std::string_view word : Split(text, ' ')) {
    if (line.size() + word.size() + 1 > kStripWidth) {
      CatTo(out, line, "\n");
      line = std::string(indent, ' ');
    }
    if (line.size() > indent) line += ' ';
    line += word;
  }
  return Cat(out, line, "\n");
}

std::size_t Widest(const std::vector<std::string>& texts, std::size_t least) {
  for (const std::string& text : texts) least = std::max(least, text.size());
  return least;
}

// The first window of those that are shown: as many as fit into `room`, whose labels are shorter within one year.
std::size_t FirstShown(const Json::Array& windows, std::size_t cell, std::size_t room) {
  const std::size_t most = std::max<std::size_t>(room / (cell + 1), 1);
  std::size_t first = windows.size() > most ? windows.size() - most : 0;
  while (first + 1 < windows.size() && (Widest(Labels(windows, first), cell) + 1) * (windows.size() - first) > room) {
    ++first;
  }
  return first;
}

std::string CellRows(const Json& board, std::size_t columns) {
  const Json::Array& targets = board.ListOrEmpty("targets");
  const Json::Array& windows = board.ListOrEmpty("windows");
  std::size_t name = 6, need = 4, cell = 5, cost = 10;
  for (const Json& target : targets) {
    name = std::max(name, Name(target).size());
    need = std::max(need, Need(target).size());
    cost = std::max(cost, target.StringOr("miss_costs", "").size());
    for (const Json& one : target.ListOrEmpty("cells")) cell = std::max(cell, Text(target, one).size());
  }
  const std::size_t fixed = name + 2 + need + 2 + cost;
  const std::size_t room = fixed < kStripWidth ? kStripWidth - fixed : 0;
  const std::size_t first =
      columns == 0 ? FirstShown(windows, cell, room) : windows.size() - std::min(columns, windows.size());
  const std::vector<std::string> labels = Labels(windows, first);
  cell = Widest(labels, cell);

  std::string out = Cat(Padded("target", name, false), "  ", Padded("need", need, false));
  for (const std::string& label : labels) CatTo(out, " ", Padded(label, cell, true));
  CatTo(out, "  miss costs\n");
  for (const Json& target : targets) {
    CatTo(out, Padded(Name(target), name, false), "  ", Padded(Need(target), need, false));
    const Json::Array& cells = target.ListOrEmpty("cells");
    for (std::size_t i = first; i < cells.size(); ++i) CatTo(out, " ", Padded(Text(target, cells[i]), cell, true));
    CatTo(out, "  ", target.StringOr("miss_costs", ""), "\n");
  }
  if (first == 0) return out;
  return Cat(out, "  ", Counted(first, "earlier window"), first == 1 ? " is" : " are", " not shown, ", labels.size(),
             " of ", windows.size(), " are: --all shows them, --windows 12 as many\n");
}

// What the headline passes over: it goes by what decides.
std::string MissedAllTheSame(const Json& board) {
  if (board.StringOr("state", "") != "met") return {};
  const Json::Array& windows = board.ListOrEmpty("windows");
  std::vector<std::string> missed;
  for (const Json& target : board.ListOrEmpty("targets")) {
    const Json::Array& cells = target.ListOrEmpty("cells");
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < std::min(cells.size(), windows.size()); ++i) {
      const bool counts = windows[i].StringOr("stage", "") == "production";
      if (counts && cells[i].StringOr("outcome", "") == "missed") labels.push_back(windows[i].StringOr("label", ""));
    }
    if (labels.empty()) continue;
    const std::size_t more = labels.size() - 1;
    missed.push_back(
        Cat(target.StringOr("name", ""), " (", labels.back(), more == 0 ? "" : Cat(" and ", more, " before"), ")"));
  }
  if (missed.empty()) return {};
  return Wrapped("  met", 8,
                 Cat("goes by the KPI, in a goal without one by the targets of priority 1; missed all the same: ",
                     Join(missed, ", ")));
}

// Why targets of the last window have no value, each reason once.
std::string Unmeasured(const Json& board) {
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const Json& target : board.ListOrEmpty("targets")) {
    const Json::Array& cells = target.ListOrEmpty("cells");
    if (cells.empty() || cells.back().StringOr("text", "") != "-") continue;
    const std::string reason = cells.back().StringOr("reason", "");
    const auto known =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& entry) { return entry.first == reason; });
    if (known != reasons.end()) {
      known->second.push_back(target.StringOr("name", ""));
    } else if (!reason.empty()) {
      reasons.push_back({reason, {target.StringOr("name", "")}});
    }
  }
  std::string out;
  for (const auto& [reason, targets] : reasons) CatTo(out, Wrapped("  -", 4, Cat(Join(targets, ", "), ": ", reason)));
  return out;
}

// Labels that no window could be measured with.
std::string Impossible(const Json& board) {
  std::int64_t labels = 0;
  std::string first;
  for (const Json& window : board.ListOrEmpty("windows")) {
    labels += window.IntOr("impossible_labels", 0);
    if (first.empty()) first = window.StringOr("first_impossible_label", "");
  }
  if (labels == 0) return {};
  return Wrapped("  !", 4, Cat(labels, labels == 1 ? " impossible label" : " impossible labels", " left out; ", first));
}

// A target that is missed the same way in one window after the other is said once, for the last of them.
struct Shown {
  const Json* why;
  std::string first;  // window
};
std::vector<Shown> ShownWhys(const Json& board) {
  std::vector<Shown> shown;
  for (const Json& why : board.ListOrEmpty("whys")) {
    const bool plain = why.ListOrEmpty("evidence").size() == 1;
    const auto same = std::find_if(shown.begin(), shown.end(), [&](const Shown& other) {
      return plain && other.why->ListOrEmpty("evidence").size() == 1 &&
             *other.why->Find("targets") == *why.Find("targets");
    });
    if (same == shown.end()) {
      shown.push_back({&why, why.StringOr("window", "")});
    } else {
      same->why = &why;
    }
  }
  return shown;
}

std::string Whys(const Json& board) {
  constexpr std::size_t kIndent = 14;
  std::string out;
  for (const auto& [shown, first] : ShownWhys(board)) {
    const Json& why = *shown;
    std::vector<std::string> targets;
    for (const Json& target : why.ListOrEmpty("targets")) targets.push_back(target.AsString());
    const std::string last = why.StringOr("window", "");
    CatTo(out, "\n",
          Wrapped(Cat("why ", first, first == last ? "" : " to " + last), kIndent,
                  Cat(why.StringOr("sentence", ""), " (", Join(targets, ", "), ")")));
    for (const Json& item : why.ListOrEmpty("evidence")) {
      CatTo(out, Wrapped(Cat("  ", item.StringOr("kind", "")), kIndent + 2, item.StringOr("text", "")));
    }
    const Json* remedy = why.Find("remedy");
    if (remedy == nullptr) continue;
    if (const std::string text = remedy->StringOr("text", ""); !text.empty())
      CatTo(out, Wrapped("  fix", kIndent + 2, text));
    if (const std::string command = remedy->StringOr("command", ""); !command.empty()) {
      CatTo(out, std::string(kIndent + 2, ' '), command, "\n");
    }
  }
  return out;
}

std::string Heading(const Json& board) {
  const std::string state = board.StringOr("state", "unknown");
  std::string out = Cat("goal ", board.StringOr("goal", ""), ": ");
  if (state == "missed") {
    std::vector<std::string> labels;
    for (const Json& label : board.ListOrEmpty("missed_in")) labels.push_back(label.AsString());
    CatTo(out, "MISSED in ", Join(labels, ", "));
  } else {
    CatTo(out, state == "met" ? "met" : "not measured in production yet");
  }
  if (board.IntOr("pending", 0) > 0)
    CatTo(out, "  (", Counted(static_cast<std::size_t>(board.IntOr("pending", 0)), "window"),
          board.IntOr("pending", 0) == 1 ? " waits" : " wait", " to be judged)");
  return out + "\n";
}

}  // namespace

std::string GoalStrip(const Json& board, std::size_t columns) {
  if (board.ListOrEmpty("windows").empty()) return Heading(board);
  std::string out = Cat(Heading(board), "\n", CellRows(board, columns));
  CatTo(out, "  ! missed   ~ estimated before labels came   - not measurable yet   windows are of event time, ",
        board.StringOr("timezone", "UTC"), "\n", MissedAllTheSame(board), Impossible(board), Unmeasured(board),
        Whys(board));
  if (const Json* saved = board.Find("saved"); saved != nullptr && saved->IsObject()) {
    CatTo(out, "\n", Wrapped("saved", 14, saved->StringOr("text", "")));
  }
  return out;
}

}  // namespace mw::app::cli
