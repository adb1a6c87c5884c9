// Cron lines and target_missed triggers.
#include "pipelines/triggers.h"

#include <array>
#include <optional>

#include "base/text.h"

namespace mw::pipelines {
namespace {

struct Field {
  std::string_view name;
  long long low;
  long long high;
};
constexpr std::array<Field, 5> kFields = {
    {{"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 7}}};

bool InRange(std::string_view text, const Field& field, long long& value) {
  const auto number = ParseInt(text);
  if (!number || *number < field.low || *number > field.high) return false;
  value = *number;
  return true;
}

bool IsCronItem(std::string_view item, const Field& field) {
  if (const std::size_t slash = item.find('/'); slash != std::string_view::npos) {
    const auto every = ParseInt(item.substr(slash + 1));
    if (!every || *every < 1 || *every > field.high) return false;
    item = item.substr(0, slash);
    if (item != "*" && item.find('-') == std::string_view::npos) return false;
  }
  if (item == "*") return true;
  long long from = 0;
  long long to = 0;
  const std::size_t dash = item.find('-');
  if (dash == std::string_view::npos) return InRange(item, field, from);
  return InRange(item.substr(0, dash), field, from) && InRange(item.substr(dash + 1), field, to) && from <= to;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : Split(text, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

Json ReadTrigger(const YamlNode& node, Complaints& complaints) {
  YamlReader trigger(node, complaints);
  if (node.kind != YamlNode::Kind::kMap) return {};
  if (node.Find("cron") != nullptr) {
    const std::string cron = trigger.String("cron");
    if (const Status checked = CheckCron(cron); !checked.ok()) {
      complaints.Add(trigger.LineOf("cron"), checked.error().message);
    }
    trigger.StringOr("timezone", "UTC");
  } else if (node.Find("target_missed") != nullptr) {
    trigger.StringsOr("target_missed", {});
    trigger.DurationOr("cooldown", Duration(0));
    if (trigger.IntOr("max_runs", 1) < 1) {
      complaints.Add(trigger.LineOf("max_runs"), "max_runs is at least 1; to stop a trigger, remove it");
    }
    trigger.DurationOr("per", Duration(0));
  } else {
    complaints.Add(node.line, "a trigger starts with cron: or target_missed:");
    return {};
  }
  trigger.Finish();
  return node.ToJson();
}

}  // namespace

Status CheckCron(std::string_view text) {
  const auto words = Words(text);
  if (words.size() == 6) {
    return InvalidArgument("cron ", Quoted(text), " has six fields; there are no seconds: a run starts at most once a ",
                           "minute. Write minute, hour, day of month, month, day of week");
  }
  if (words.size() != kFields.size()) {
    return InvalidArgument("cron ", Quoted(text), " has ", words.size(),
                           " fields; write five: minute, hour, day of month, month, day of week");
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string_view item : Split(words[i], ',')) {
      if (IsCronItem(item, kFields[i])) continue;
      return InvalidArgument("cron ", Quoted(text), ": the ", kFields[i].name, " ", Quoted(words[i]), " is not *, ",
                             kFields[i].low, " to ", kFields[i].high, ", a range 1-5, a step */2 or a list of these");
    }
  }
  return Ok();
}

Json ReadTriggers(const YamlNode& node, Complaints& complaints) {
  Json triggers = Json::MakeArray();
  if (node.kind != YamlNode::Kind::kList) {
    complaints.Add(node.line, "triggers: wants a list: - {cron: \"0 4 1 * *\", timezone: UTC}");
    return triggers;
  }
  for (const YamlNode& element : node.list) triggers.Append(ReadTrigger(element, complaints));
  return triggers;
}

}  // namespace mw::pipelines
