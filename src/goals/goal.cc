// Reads goal files and writes goals as JSON.
#include "goals/goal.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/id.h"
#include "base/text.h"
#include "base/yaml.h"

namespace mw::goals {
namespace {

constexpr std::size_t kTargetsMax = 200;

// The value, or a complaint at the key's line and a harmless default.
template <typename T>
T Checked(YamlReader& reader, std::string_view key, Result<T> result) {
  if (result.ok()) return *std::move(result);
  reader.complaints().Add(reader.LineOf(key), Cat(key, ": ", result.error().message));
  return T{};
}

template <typename T, typename Parse>
std::optional<T> Optional(YamlReader& reader, std::string_view key, Parse parse) {
  const std::string text = reader.StringOr(key, "");
  if (text.empty()) return std::nullopt;
  return Checked<T>(reader, key, parse(text));
}

WindowLength Length(YamlReader& reader, const WindowLength& otherwise) {
  const std::string text = reader.StringOr("window", "");
  return text.empty() ? otherwise : Checked(reader, "window", ParseWindowLength(text));
}

// A probability or share: bounds included or not, as its meaning says.
double Share(YamlReader& reader, std::string_view key, double otherwise) {
  const double share = reader.ShareOr(key, otherwise);
  if (share >= 0 && share <= 1) return share;
  reader.complaints().Add(reader.LineOf(key),
                          Cat(key, ": ", share, " does not lie between 0 and 1; write 45% or 0.45"));
  return otherwise;
}

Result<int> ParseMinute(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, ':');
  if (parts.size() == 2 && parts[0].size() == 2 && parts[1].size() == 2) {
    const auto hour = ParseInt(parts[0]);
    const auto minute = ParseInt(parts[1]);
    if (hour && minute && *hour >= 0 && *minute >= 0 && *minute < 60 && *hour * 60 + *minute <= 24 * 60) {
      return static_cast<int>(*hour * 60 + *minute);
    }
  }
  return InvalidArgument(Quoted(text), " is no time of day; write 04:00 to 24:00");
}

Result<int> ParseDay(std::string_view text) {
  constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  const auto* const found = std::find(kDays.begin(), kDays.end(), text);
  if (found != kDays.end()) return static_cast<int>(found - kDays.begin());
  return InvalidArgument(Quoted(text), " is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun");
}

// "Mon-Fri" or "Sat"; a range may wrap around the week's end.
Status ParseDays(std::string_view text, std::array<bool, 7>& days) {
  const std::vector<std::string_view> ends = Split(text, '-');
  if (ends.size() > 2) return InvalidArgument(Quoted(text), " is no range of days; write Mon-Fri");
  const int first = TRY(ParseDay(ends.front()));
  const int last = TRY(ParseDay(ends.back()));
  for (int day = first;; day = (day + 1) % 7) {
    days[static_cast<std::size_t>(day)] = true;
    if (day == last) return Ok();
  }
}

bool IsZone(std::string_view text) {
  if (text == "UTC") return true;
  return text.find('/') != std::string_view::npos && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_' || c == '-';
         });
}

Result<LabelTiming> ParseKnownAt(std::string_view text) {
  LabelTiming timing;
  const std::size_t plus = text.find('+');
  timing.column = Trim(text.substr(0, plus));
  const bool plain = std::all_of(timing.column.begin(), timing.column.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (timing.column.empty() || !plain) {
    return InvalidArgument(Quoted(text), " is no time; write a column, or `column + 15m`");
  }
  if (plus != std::string_view::npos) timing.delay = TRY(ParseDuration(Trim(text.substr(plus + 1))));
  return timing;
}

class GoalReader {
 public:
  GoalReader(const YamlNode& root, Complaints& complaints) : reader_(root, complaints), complaints_(complaints) {}

  Goal Read() {
    goal_.name = Name();
    goal_.outcome = reader_.String("outcome");
    goal_.owner = reader_.String("owner");
    goal_.model = reader_.StringOr("model", goal_.name);
    goal_.impact_of_miss = reader_.StringOr("impact_of_miss", "");
    goal_.zone = Checked(reader_, "timezone", TimeZone::Load(reader_.StringOr("timezone", "UTC")));
    ReadPredict();
    ReadLabels();
    ReadDefaults();
    ReadKpi();
    ReadTargets();
    reader_.Finish();
    CheckAsAWhole();
    return std::move(goal_);
  }

 private:
  std::string Name() {
    std::string name = reader_.String("goal");
    if (!name.empty() && !IsName(name)) {
      complaints_.Add(reader_.LineOf("goal"), Cat("goal: ", Quoted(name), " is no name; write letters, digits and -"));
    }
    return name;
  }

  void ReadPredict() {
    const YamlNode* node = reader_.Node("predict");
    if (node == nullptr) {
      complaints_.Add(
          reader_.line(),
          "predict is missing; write predict: {label: COLUMN, type: binary_classification, threshold: 0.5}");
      return;
    }
    YamlReader predict(*node, complaints_);
    goal_.label = predict.String("label");
    goal_.problem = *ProblemFromName(predict.ChoiceOr("type", ProblemNames(), ProblemName(goal_.problem)));
    goal_.horizon = predict.DurationOr("horizon", Duration(0));
    threshold_given_ = node->Find("threshold") != nullptr;
    goal_.threshold = Share(predict, "threshold", 0.5);
    if (threshold_given_ && goal_.problem != Problem::kBinaryClassification) OnlyBinary(predict, "threshold");
    predict.Finish();
  }

  void ReadLabels() {
    const YamlNode* node = reader_.Node("labels");
    if (node == nullptr) return;
    YamlReader labels(*node, complaints_);
    const std::string known_at = labels.String("known_at");
    if (!known_at.empty()) goal_.labels = Checked(labels, "known_at", ParseKnownAt(known_at));
    const double expected = Share(labels, "expected", 1);
    if (goal_.labels) goal_.labels->expected_share = expected;
    labels.Finish();
  }

  void ReadDefaults() {
    const YamlNode* node = reader_.Node("defaults");
    if (node == nullptr) return;
    YamlReader defaults(*node, complaints_);
    goal_.window = Length(defaults, goal_.window);
    goal_.slices = defaults.StringsOr("slices", {});
    defaults.Finish();
  }

  void ReadKpi() {
    const YamlNode* node = reader_.Node("kpi");
    if (node == nullptr) return;
    YamlReader reader(*node, complaints_);
    Kpi kpi;
    kpi.require = Require(reader);
    kpi.name = reader.StringOr("name", kpi.require.metric);
    kpi.window = Length(reader, goal_.window);
    kpi.deadline = Optional<Timestamp>(reader, "deadline", [](std::string_view text) { return ParseTime(text); });
    if (const YamlNode* costs = reader.Node("costs")) {
      if (goal_.problem == Problem::kBinaryClassification) {
        ReadCosts(*costs);
      } else {
        OnlyBinary(reader, "costs");
      }
    }
    reader.Finish();
    goal_.kpi = std::move(kpi);
  }

  void OnlyBinary(YamlReader& reader, std::string_view key) {
    complaints_.Add(reader.LineOf(key),
                    Cat(key, ": has no meaning for ", ProblemName(goal_.problem), ", which flags nothing; remove it"));
  }

  void ReadCosts(const YamlNode& node) {
    Costs costs;
    for (const auto& [name, value] : node.map) ReadCost(costs, name, value);
    if (costs.missed_name.empty() || costs.flagged_name.empty()) {
      complaints_.Add(node.line, "costs: needs both; write {missed_NAME: 900 USD, flagged_NAME: 180 USD}");
      return;
    }
    goal_.costs = std::move(costs);
  }

  void ReadCost(Costs& costs, const std::string& name, const YamlNode& value) {
    const bool missed = name.starts_with("missed");
    if (!missed && !name.starts_with("flagged")) {
      complaints_.Add(value.line, Cat("costs: unknown cost ", Quoted(name), "; names begin with missed or flagged"));
      return;
    }
    std::string& own_name = missed ? costs.missed_name : costs.flagged_name;
    if (!own_name.empty()) {
      complaints_.Add(value.line, Cat("costs: ", name, " and ", own_name, " are two costs of one kind; keep one"));
      return;
    }
    own_name = name;
    const Result<Money> money = ParseMoney(value.scalar);
    if (!money.ok()) {
      complaints_.Add(value.line, Cat("costs: ", name, ": ", money.error().message));
      return;
    }
    CheckCurrency(money->currency, value.line);
    (missed ? costs.missed : costs.flagged) = money->amount;
    costs.currency = money->currency;
  }

  void CheckCurrency(const std::string& currency, int line) {
    if (currency.empty()) return;
    if (currency_.empty()) currency_ = currency;
    if (currency_ == currency) return;
    complaints_.Add(line, Cat("money in ", currency, " beside money in ", currency_, "; use one currency in a goal"));
  }

  Requirement Require(YamlReader& reader) {
    const std::string text = reader.String("require");
    if (text.empty()) return {};
    return Checked(reader, "require", ParseRequirement(text, goal_.problem));
  }

  void ReadTargets() {
    const YamlNode* node = reader_.Node("targets");
    if (node == nullptr || node->list.empty()) {
      complaints_.Add(
          node == nullptr ? reader_.line() : node->line,
          "targets is missing; write at least one, such as - {name: ranking, priority: 1, require: roc_auc >= 0.68}");
      return;
    }
    if (node->list.size() > kTargetsMax) {
      complaints_.Add(node->line, Cat("targets: ", node->list.size(), " are more than ", kTargetsMax));
      return;
    }
    for (const YamlNode& element : node->list) ReadTarget(element);
  }

  void ReadTarget(const YamlNode& node) {
    YamlReader reader(node, complaints_);
    if (node.kind != YamlNode::Kind::kMap) return;
    Target target;
    target.name = TargetName(reader);
    target.require = Require(reader);
    target.kind = TargetKind(reader, target.require);
    target.priority = Priority(reader);
    target.window = Length(reader, goal_.window);
    target.slices = reader.StringsOr("slices", goal_.slices);
    target.cost_of_miss = Optional<Money>(reader, "cost_of_miss", ParseMoneyPerHour);
    if (target.cost_of_miss) CheckCurrency(target.cost_of_miss->currency, reader.LineOf("cost_of_miss"));
    CheckCurrency(target.require.currency, reader.LineOf("require"));
    ReadConditions(reader, target);
    reader.Finish();
    goal_.targets.push_back(std::move(target));
  }

  std::string TargetName(YamlReader& reader) {
    std::string name = reader.String("name");
    if (!name.empty() && !IsName(name)) {
      complaints_.Add(reader.LineOf("name"), Cat("name: ", Quoted(name), " is no name; write letters, digits and -"));
    }
    if (!name.empty() && !names_.insert(name).second) {
      complaints_.Add(reader.LineOf("name"), Cat("name: two targets are called ", Quoted(name), "; rename one"));
    }
    return name;
  }

  Kind TargetKind(YamlReader& reader, const Requirement& require) {
    const Metric* metric = FindMetric(require.metric);
    const Kind kind = metric == nullptr ? Kind::kQuality : metric->kind;
    const std::string written =
        reader.ChoiceOr("kind", {"quality", "performance", "freshness", "cost"}, KindName(kind));
    if (metric != nullptr && written != KindName(kind)) {
      complaints_.Add(reader.LineOf("kind"), Cat("kind: ", require.metric, " is a metric of ", KindName(kind),
                                                 ", not of ", written, "; write kind: ", KindName(kind)));
    }
    return kind;
  }

  int Priority(YamlReader& reader) {
    const long long priority = reader.IntOr("priority", 3);
    if (priority >= 1 && priority <= 3) return static_cast<int>(priority);
    complaints_.Add(
        reader.LineOf("priority"),
        Cat("priority: ", priority, " is not known; 1 stops a release and pages, 2 opens a ticket, 3 is only shown"));
    return 3;
  }

  void ReadConditions(YamlReader& reader, Target& target) {
    if (reader.Node("objective") != nullptr) target.objective = Share(reader, "objective", 1);
    target.calendar = Optional<Calendar>(reader, "calendar", ParseCalendar);
    target.peak_per_second = Optional<double>(reader, "peak", ParseRate);
    const bool served = target.kind == Kind::kPerformance;
    if (target.objective && !served && target.kind != Kind::kFreshness) {
      Misplaced(reader, "objective", target, "performance or freshness");
    }
    if (target.calendar && !served) Misplaced(reader, "calendar", target, "performance");
    if (target.peak_per_second && !served) Misplaced(reader, "peak", target, "performance");
  }

  void Misplaced(YamlReader& reader, std::string_view key, const Target& target, std::string_view kinds) {
    complaints_.Add(reader.LineOf(key), Cat(key, ": has no meaning for a target of kind ", KindName(target.kind),
                                            "; remove it, or give it to one of kind ", kinds));
  }

  void CheckAsAWhole() {
    const double best = goal_.costs && goal_.costs->missed > 0 ? goal_.costs->flagged / goal_.costs->missed : -1;
    if (best >= 0 && best <= 1) {
      if (!threshold_given_) goal_.threshold = best;
      if (std::fabs(goal_.threshold - best) > 0.005) {
        goal_.warnings.push_back(Cat("threshold ", goal_.threshold, " is not what the costs say: flagging pays from ",
                                     goal_.costs->flagged, " / ", goal_.costs->missed, " = ", Fixed(best, 2)));
      }
    }
    if (goal_.costs) return;
    if (goal_.kpi && goal_.kpi->require.metric == "saving") NeedsCosts("kpi");
    for (const Target& target : goal_.targets) {
      if (target.require.metric == "saving") NeedsCosts(target.name);
    }
  }

  void NeedsCosts(std::string_view who) {
    complaints_.Add(reader_.LineOf("kpi"),
                    Cat(who, ": saving needs costs; write kpi.costs: {missed_NAME: 900 USD, flagged_NAME: 180 USD}"));
  }

  YamlReader reader_;
  Complaints& complaints_;
  Goal goal_;
  std::set<std::string> names_;
  std::string currency_;
  bool threshold_given_ = false;
};

Json MoneyJson(const std::optional<Money>& money, std::string_view per) {
  if (!money) return nullptr;
  return Cat(money->amount, " ", money->currency, per);
}

Json Seconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

Json Strings(const std::vector<std::string>& texts) {
  Json out = Json::MakeArray();
  for (const std::string& text : texts) out.Append(text);
  return out;
}

Json TargetJson(const Target& target) {
  return Json::Make({
      {"name", target.name},
      {"kind", KindName(target.kind)},
      {"priority", target.priority},
      {"require", target.require.text},
      {"metric", target.require.metric},
      {"window", FormatWindowLength(target.window)},
      {"slices", Strings(target.slices)},
      {"cost_of_miss", MoneyJson(target.cost_of_miss, "/h")},
      {"objective", target.objective ? Json(*target.objective) : Json()},
      {"calendar", target.calendar ? Json(target.calendar->text) : Json()},
      {"peak_per_second", target.peak_per_second ? Json(*target.peak_per_second) : Json()},
  });
}

Json CostsJson(const std::optional<Costs>& costs) {
  if (!costs) return nullptr;
  return Json::Make({{costs->missed_name, Cat(costs->missed, " ", costs->currency)},
                     {costs->flagged_name, Cat(costs->flagged, " ", costs->currency)}});
}

Json KpiJson(const Goal& goal) {
  if (!goal.kpi) return nullptr;
  return Json::Make({{"name", goal.kpi->name},
                     {"require", goal.kpi->require.text},
                     {"metric", goal.kpi->require.metric},
                     {"window", FormatWindowLength(goal.kpi->window)},
                     {"costs", CostsJson(goal.costs)},
                     {"deadline", goal.kpi->deadline ? Json(FormatTime(*goal.kpi->deadline)) : Json()}});
}

Json LabelsJson(const Goal& goal) {
  if (!goal.labels) return nullptr;
  return Json::Make({{"known_at_column", goal.labels->column},
                     {"delay_seconds", Seconds(goal.labels->delay)},
                     {"expected", goal.labels->expected_share}});
}

}  // namespace

const Target* Goal::Find(std::string_view target) const {
  for (const Target& candidate : targets) {
    if (candidate.name == target) return &candidate;
  }
  return nullptr;
}

std::string_view Goal::Currency() const {
  if (costs) return costs->currency;
  for (const Target& target : targets) {
    if (target.cost_of_miss) return target.cost_of_miss->currency;
    if (!target.require.currency.empty()) return target.require.currency;
  }
  return {};
}

Result<Goal> ParseGoal(std::string_view text, std::string_view file_name) {
  const YamlNode root = TRY(ParseYaml(text, file_name));
  Complaints complaints{std::string(file_name)};
  if (root.kind != YamlNode::Kind::kMap || root.map.empty() || root.map.front().first != "goal") {
    complaints.Add(std::max(root.line, 1), "this is no goal file; its first key must be `goal: NAME`");
    return complaints.AsStatus().error();
  }
  Goal goal = GoalReader(root, complaints).Read();
  TRY(complaints.AsStatus());
  return goal;
}

Json ToJson(const Goal& goal) {
  Json targets = Json::MakeArray();
  for (const Target& target : goal.targets) targets.Append(TargetJson(target));
  return Json::Make(
      {{"goal", goal.name},
       {"outcome", goal.outcome},
       {"owner", goal.owner},
       {"model", goal.model},
       {"timezone", goal.zone.name()},
       {"predict", Json::Make({{"label", goal.label},
                               {"type", ProblemName(goal.problem)},
                               {"horizon_seconds", Seconds(goal.horizon)},
                               {"threshold", goal.threshold}})},
       {"labels", LabelsJson(goal)},
       {"kpi", KpiJson(goal)},
       {"impact_of_miss", goal.impact_of_miss},
       {"defaults", Json::Make({{"window", FormatWindowLength(goal.window)}, {"slices", Strings(goal.slices)}})},
       {"targets", std::move(targets)},
       {"warnings", Strings(goal.warnings)}});
}

Result<Calendar> ParseCalendar(std::string_view text) {
  std::vector<std::string_view> words = Split(Trim(text), ' ');
  std::erase(words, std::string_view());
  if (words.size() != 3) {
    return InvalidArgument(Quoted(text), " is no calendar; write `Mon-Fri 08:00-18:00 Europe/Berlin`");
  }
  Calendar calendar;
  calendar.text = text;
  TRY(ParseDays(words[0], calendar.days));
  const std::vector<std::string_view> hours = Split(words[1], '-');
  if (hours.size() != 2) return InvalidArgument(Quoted(words[1]), " is no range of hours; write 08:00-18:00");
  calendar.from_minute = TRY(ParseMinute(hours[0]));
  calendar.until_minute = TRY(ParseMinute(hours[1]));
  if (calendar.from_minute >= calendar.until_minute) {
    return InvalidArgument("the hours ", words[1], " end before they begin; write the earlier one first");
  }
  if (!IsZone(words[2])) return InvalidArgument(Quoted(words[2]), " is no time zone; write UTC or America/New_York");
  calendar.zone = words[2];
  return calendar;
}

}  // namespace mw::goals
