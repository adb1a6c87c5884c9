// Sentences from measurements.
#include "monitoring/why.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::monitoring {
namespace {

using evaluation::MetricValue;

/// A mean that is off by less is not worth a word.
constexpr double kGapMin = 0.01;
/// A slice is named when it is off by so much more than the whole.
constexpr double kSliceGapMin = 0.02;
/// An input matters when the model owes it this share of its answers.
constexpr double kImpactMin = 0.1;
constexpr std::size_t kNamesMax = 4;
constexpr std::size_t kSlicesShown = 3;

std::string Percent(double share, int digits = 0) { return Cat(Fixed(share * 100, digits), " %"); }
std::string Points(double difference) {
  return Cat(difference >= 0 ? "+" : "-", Fixed(std::fabs(difference) * 100, 0), " points");
}
std::string Words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}
std::string Number(double value) {
  const std::string text = Fixed(value, 3);
  return text.starts_with("0.") ? text.substr(1) : text;
}

std::optional<double> ValueOf(const MeasuredWindow* window, std::string_view metric) {
  if (window == nullptr) return std::nullopt;
  const MetricValue* found = evaluation::FindMetric(window->report.overall, metric);
  return found == nullptr ? std::nullopt : found->value;
}

std::string Names(const std::vector<std::string>& names) {
  if (names.size() <= kNamesMax) return Join(names, ", ");
  return Cat(Join({names.begin(), names.begin() + kNamesMax}, ", "), " and ", names.size() - kNamesMax, " more");
}

// What one window says about quality; collects evidence as it goes.
class QualityStory {
 public:
  explicit QualityStory(const WhyInput& input) : input_(input), window_(*input.window), goal_(*input.goal) {}

  Why Tell(std::vector<std::string> targets) {
    why_.window = window_.window;
    why_.targets = std::move(targets);
    Expected();
    Ranking();
    Threshold();
    Slices();
    Drift();
    Changes();
    why_.sentence = Sentence();
    why_.remedy = Mend();
    return std::move(why_);
  }

 private:
  void Add(std::string kind, std::string text, std::optional<double> value = std::nullopt) {
    why_.evidence.push_back({std::move(kind), std::move(text), value});
  }

  [[nodiscard]] std::string Version() const { return Cat("v", window_.version); }

  void Expected() {
    predicted_ = ValueOf(&window_, "mean_predicted");
    observed_ = ValueOf(&window_, "positive_share");
    if (!predicted_ || !observed_) return;
    const MetricValue* share = evaluation::FindMetric(window_.report.overall, "positive_share");
    const bool beyond = !share->low || !share->high || *predicted_ < *share->low || *predicted_ > *share->high;
    off_ = beyond && std::fabs(*observed_ - *predicted_) >= kGapMin;
    Add("calibration",
        Cat("mean predicted ", Percent(*predicted_, 1), ", observed ", Percent(*observed_, 1), " of ",
            WithThousands(window_.labelled), " with a label"),
        *observed_ - *predicted_);
    const evaluation::CalibrationBin* worst = nullptr;
    for (const evaluation::CalibrationBin& bin : window_.report.calibration) {
      const auto gap = [](const evaluation::CalibrationBin& b) {
        return std::fabs(b.positive_share - b.mean_predicted);
      };
      if (worst == nullptr || gap(bin) > gap(*worst)) worst = &bin;
    }
    if (worst == nullptr || !off_) return;
    Add("calibration",
        Cat("furthest off where it says ", Percent(worst->mean_predicted), ": ", Percent(worst->positive_share),
            " were"),
        worst->positive_share - worst->mean_predicted);
  }

  void Ranking() {
    const auto now = ValueOf(&window_, "roc_auc"), then = ValueOf(input_.evaluated, "roc_auc");
    if (!now) return;
    if (!then) {
      Add("ranking", Cat("roc_auc ", Number(*now)), *now);
      return;
    }
    const MetricValue* current = evaluation::FindMetric(window_.report.overall, "roc_auc");
    ranked_ = true;
    fell_ = current->high && *current->high < *then;
    Add("ranking",
        Cat(fell_ ? "ranking fell" : "ranking did not suffer", ": roc_auc ", Number(*now), ", at evaluation ",
            Number(*then)),
        *now - *then);
  }

  void Threshold() {
    const auto saving = ValueOf(&window_, "saving");
    if (!saving || !window_.report.rule_cost) return;
    for (const evaluation::CurvePoint& point : window_.report.curve) {
      if (point.saving && (!best_ || *point.saving > *best_)) best_ = point.saving;
    }
    Add("threshold",
        Cat(window_.report.no_model.rule, " would have cost ", Money(*window_.report.rule_cost), ", ", Version(),
            " saved ", Percent(*saving, 1),
            best_ ? Cat("; at the best threshold in hindsight ", Percent(*best_, 1)) : ""),
        *saving);
  }

  void Slices() {
    if (!predicted_ || !observed_) return;
    const double whole = *observed_ - *predicted_;
    for (const SliceGap& gap : window_.gaps) {
      const double own = gap.observed - gap.predicted;
      if (std::fabs(own) < std::fabs(whole) + kSliceGapMin || own * whole < 0) continue;
      if (worst_.empty()) worst_ = Cat(gap.column, "=", gap.value, " (", Points(own), ")");
      Add("slice",
          Cat(gap.column, "=", gap.value, ": predicted ", Percent(gap.predicted, 1), ", observed ",
              Percent(gap.observed, 1), " of ", WithThousands(gap.rows)),
          own);
      if (++slices_ == kSlicesShown) return;
    }
  }

  void Drift() {
    if (!input_.drift) {
      Add("drift", "nobody looked at the inputs of this window yet");
      return;
    }
    for (const DriftNote& note : *input_.drift) {
      const bool matters = note.alert || note.impact >= kImpactMin;
      (matters ? mattered_ : moved_).push_back(note.column);
      if (matters) Add("drift", note.sentence, note.impact);
    }
    if (!moved_.empty()) {
      Add("drift", Cat(Names(moved_), " moved too; the model owes them little"), static_cast<double>(moved_.size()));
    }
    if (input_.drift->empty()) Add("drift", "no input moved beyond what healthy windows do", 0);
  }

  void Changes() {
    for (const ChangeNote& change : input_.changes) Add("change", change.text);
    if (window_.versions.size() > 1) {
      std::vector<std::string> names;
      for (const std::int64_t version : window_.versions) names.push_back(Cat("v", version));
      Add("change", Cat(Join(names, " and "), " answered in it"));
    } else if (input_.before != nullptr && input_.before->version != window_.version) {
      Add("change", Cat(Version(), " took over from v", input_.before->version));
    } else if (input_.changes.empty()) {
      Add("change", Cat("nothing was deployed: ", Version(), " answered before it and in it"));
    }
  }

  [[nodiscard]] std::string Sentence() const {
    std::string text = Opening();
    if (off_ && input_.facts != nullptr && input_.facts->trained_until) {
      CatTo(text, ": trained until ", input_.goal->zone.FormatDay(*input_.facts->trained_until));
      if (input_.facts->training_positives) CatTo(text, " on ", Percent(*input_.facts->training_positives));
    }
    if (!worst_.empty()) CatTo(text, ", worst at ", worst_);
    CatTo(text, ".");
    if (!mattered_.empty()) CatTo(text, " Drift that mattered: ", Names(mattered_), ".");
    if (mattered_.empty() && !moved_.empty()) {
      CatTo(text, " ", Names(moved_), " moved, without weight", ranked_ && !fell_ ? "; ranking did not suffer." : ".");
    }
    return text;
  }

  [[nodiscard]] std::string Opening() const {
    if (off_) {
      const int digits = std::fabs(*observed_ - *predicted_) < 0.02 ? 1 : 0;
      return Cat(Percent(*observed_, digits), " ", Words(goal_.label), ", ", Version(), " expected ",
                 Percent(*predicted_, digits));
    }
    if (fell_) {
      return Cat(Version(), " ranks worse: roc_auc ", Number(*ValueOf(&window_, "roc_auc")), ", ",
                 Number(*ValueOf(input_.evaluated, "roc_auc")), " at evaluation");
    }
    if (observed_) {
      return Cat(Version(), " did as it did before, and that was not enough: ", Percent(*observed_, 1), " ",
                 Words(goal_.label));
    }
    return Cat(Version(), " did not do what was needed");
  }

  [[nodiscard]] std::string Money(double amount) const { return ShortMoney(amount, goal_.Currency()); }

  // What another version, evaluated on this very window, would have saved more.
  [[nodiscard]] std::optional<std::pair<std::int64_t, double>> BetterVersion() const {
    const auto saving = ValueOf(&window_, "saving");
    if (input_.others == nullptr || !saving || !window_.report.rule_cost) return std::nullopt;
    std::optional<std::pair<std::int64_t, double>> best;
    for (const VersionFacts& other : *input_.others) {
      const auto evaluated = EvaluationWindow(goal_, other);
      if (!evaluated || evaluated->window.from != window_.window.from ||
          evaluated->window.until != window_.window.until) {
        continue;
      }
      const auto theirs = ValueOf(&*evaluated, "saving");
      if (!theirs || *theirs <= *saving) continue;
      const double worth = (*theirs - *saving) * *window_.report.rule_cost;
      if (!best || worth > best->second) best = {other.version, worth};
    }
    return best;
  }

  [[nodiscard]] Remedy Mend() const {
    Remedy remedy;
    if (const auto better = BetterVersion()) {
      return {Cat("v", better->first, " would have saved ", Money(better->second), " more on these rows"),
              Cat("millwright deploy ", goal_.model, "@", better->first), better->second};
    }
    remedy.text = "retrain on everything before it";
    if (input_.facts != nullptr && !input_.facts->pipeline.empty()) {
      remedy.command = Cat("millwright run ", input_.facts->pipeline);
      for (const std::string& set : RetrainSettings(input_.facts->params, window_.window, goal_.zone)) {
        CatTo(remedy.command, " --set ", set);
      }
    }
    const auto saving = ValueOf(&window_, "saving");
    if (!saving || !window_.report.rule_cost) return remedy;
    if (window_.recalibrated_saving && *window_.recalibrated_saving > *saving) {
      remedy.worth = (*window_.recalibrated_saving - *saving) * *window_.report.rule_cost;
      CatTo(remedy.text, "; probabilities put right by the windows before were worth ", Money(*remedy.worth));
    } else if (best_ && *best_ > *saving) {
      CatTo(remedy.text, "; another threshold alone was worth at most ",
            Money((*best_ - *saving) * *window_.report.rule_cost));
    }
    return remedy;
  }

  const WhyInput& input_;
  const MeasuredWindow& window_;
  const goals::Goal& goal_;
  Why why_;
  std::optional<double> predicted_, observed_, best_;
  bool off_ = false, ranked_ = false, fell_ = false;
  std::string worst_;
  std::size_t slices_ = 0;
  std::vector<std::string> mattered_, moved_;
};

std::string Promise(const goals::Target& line) {
  return line.objective ? Cat(", ", Percent(*line.objective), " promised") : std::string();
}

// Targets that are not about quality say plainly what was and what should be.
Why Operational(const WhyInput& input, const goals::Target& line, const MeasuredTarget& target) {
  const MeasuredWindow& window = *input.window;
  const goals::Metric* metric = goals::FindMetric(line.require.metric);
  const std::string value = target.verdict.value && !std::isnan(*target.verdict.value) && metric != nullptr
                                ? goals::FormatMetric(*metric, *target.verdict.value, target.verdict.currency)
                                : std::string("unknown");
  Why why{.window = window.window, .targets = {line.name}, .sentence = {}, .evidence = {}, .remedy = {}};
  if (line.require.metric == "model.age") {
    why.sentence = Cat("v", window.version, " is ", value, " old, ", line.require.Need(), " is needed");
    if (input.facts != nullptr && input.facts->trained_until) {
      CatTo(why.sentence, ": it knows nothing after ", input.goal->zone.FormatDay(*input.facts->trained_until));
    }
    why.remedy = {"retrain", {}, std::nullopt};
    if (input.facts != nullptr && !input.facts->pipeline.empty()) {
      why.remedy.command = Cat("millwright run ", input.facts->pipeline);
      for (const std::string& set : RetrainSettings(input.facts->params, window.window, input.goal->zone)) {
        CatTo(why.remedy.command, " --set ", set);
      }
    }
  } else if (target.within) {
    why.sentence = Cat(Percent(*target.within, 1), " kept ", line.require.text, Promise(line));
    why.remedy.text = line.kind == goals::Kind::kFreshness ? "its source was late or silent: look there first"
                                                           : "see what else the model servers' machines were doing";
  } else {
    why.sentence = Cat(line.require.metric, " was ", value, ", ", line.require.Need(), " is needed");
  }
  CatTo(why.sentence, ".");
  why.evidence.push_back({line.kind == goals::Kind::kFreshness ? "freshness" : "traffic",
                          Cat(line.require.metric, " ", value, " over ", WithThousands(window.rows), " predictions"),
                          target.verdict.value});
  return why;
}

bool IsDate(std::string_view text) {
  return text.size() >= 10 && text[4] == '-' && text[7] == '-' && ParseTime(text).ok();
}

}  // namespace

std::vector<Why> Explain(const WhyInput& input) {
  std::vector<Why> whys;
  std::vector<std::string> quality;
  const std::vector<goals::Target> lines = LinesOf(*input.goal);
  for (std::size_t i = 0; i < lines.size() && i < input.window->targets.size(); ++i) {
    const MeasuredTarget& target = input.window->targets[i];
    if (target.verdict.outcome != goals::Outcome::kMissed) continue;
    if (lines[i].kind == goals::Kind::kQuality) {
      quality.push_back(lines[i].name);
    } else {
      whys.push_back(Operational(input, lines[i], target));
    }
  }
  if (!quality.empty()) whys.insert(whys.begin(), QualityStory(input).Tell(std::move(quality)));
  return whys;
}

std::vector<std::string> RetrainSettings(const std::vector<std::pair<std::string, std::string>>& params,
                                         const goals::Window& window, const TimeZone& zone) {
  std::vector<std::string> dates;
  for (const auto& [name, value] : params) {
    if (IsDate(value)) dates.push_back(value);
  }
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  if (dates.empty()) return {};
  const auto written = [&](Timestamp at, const std::string& like) {
    return like.size() == 10 ? zone.FormatDay(at) : FormatTime(at);
  };
  std::vector<std::string> settings, ends;
  for (const auto& [name, value] : params) {
    if (value == dates.back()) {
      ends.push_back(Cat(name, "=", written(window.until, value)));
    } else if (dates.size() > 1 && value == dates[dates.size() - 2]) {
      settings.push_back(Cat(name, "=", written(window.from, value)));
    }
  }
  settings.insert(settings.end(), ends.begin(), ends.end());
  return settings;
}

std::string ShortMoney(double amount, std::string_view currency) {
  const double size = std::fabs(amount);
  if (size >= 999'500) return Cat(Fixed(amount / 1e6, size < 9'950'000 ? 2 : 1), " M", currency);
  if (size >= 999.5) return Cat(Fixed(amount / 1e3, 0), " k", currency);
  return Cat(Fixed(amount, 0), " ", currency);
}

}  // namespace mw::monitoring
