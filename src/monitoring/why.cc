// Sentences from measurements.
#include "monitoring/why.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "evaluation/evaluate.h"

namespace mw::monitoring {
namespace {

using evaluation::MetricValue;

/// A mean that is off by less is not worth a word: a share, or so many mean absolute errors of a regression.
constexpr double kGapMin = 0.01;
constexpr double kGapMinErrors = 0.1;
/// A slice is named when it is off by so much more than the whole.
constexpr double kSliceGapMin = 0.02;
constexpr double kSliceGapMinErrors = 0.2;
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
/// A few digits, however large.
std::string Amount(double value) {
  const double size = std::fabs(value);
  if (size >= 1e9) return Cat(value);
  return Fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
/// What says whether a model still tells rows apart.
std::string_view MainMetric(goals::Problem problem) {
  switch (problem) {
    case goals::Problem::kMulticlassClassification: return "accuracy";
    case goals::Problem::kRegression: return "mae";
    case goals::Problem::kBinaryClassification: break;
  }
  return "roc_auc";
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

  [[nodiscard]] bool IsRegression() const { return goal_.problem == goals::Problem::kRegression; }
  /// A mean answer or label: a share, or a number of a regression.
  [[nodiscard]] std::string Mean(double value, int digits = 0) const {
    return IsRegression() ? Amount(value) : Percent(value, digits);
  }
  [[nodiscard]] std::string Difference(double value) const {
    return IsRegression() ? Cat(value >= 0 ? "+" : "", Amount(value)) : Points(value);
  }

  void Expected() {
    switch (goal_.problem) {
      case goals::Problem::kBinaryClassification: return ExpectedPositives();
      case goals::Problem::kMulticlassClassification: return ExpectedClasses();
      case goals::Problem::kRegression: return ExpectedNumbers();
    }
  }

  void ExpectedPositives() {
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
    if (off_) FurthestOff(" were");
  }

  void ExpectedNumbers() {
    const auto error = ValueOf(&window_, "mean_error"), mae = ValueOf(&window_, "mae");
    observed_ = ValueOf(&window_, "mean_label");
    if (!observed_ || !error || !mae) return;
    predicted_ = *observed_ + *error;
    slice_gap_min_ = kSliceGapMinErrors * *mae;
    const MetricValue* mean = evaluation::FindMetric(window_.report.overall, "mean_error");
    const bool beyond = !mean->low || !mean->high || *mean->low > 0 || *mean->high < 0;
    off_ = beyond && std::fabs(*error) >= kGapMinErrors * *mae;
    Add("calibration",
        Cat("mean predicted ", Amount(*predicted_), ", observed ", Amount(*observed_), " over ",
            WithThousands(window_.labelled), " with a label"),
        -*error);
  }

  // A probability of the likeliest class says how often it will be right.
  void ExpectedClasses() {
    observed_ = ValueOf(&window_, "accuracy");
    if (!observed_ || window_.report.calibration.empty()) return;
    double rows = 0, sum = 0;
    for (const evaluation::CalibrationBin& bin : window_.report.calibration) {
      rows += static_cast<double>(bin.rows);
      sum += static_cast<double>(bin.rows) * bin.mean_predicted;
    }
    predicted_ = sum / rows;
    const MetricValue* right = evaluation::FindMetric(window_.report.overall, "accuracy");
    const bool beyond = !right->low || !right->high || *predicted_ < *right->low || *predicted_ > *right->high;
    off_ = beyond && std::fabs(*observed_ - *predicted_) >= kGapMin;
    Add("calibration",
        Cat("the likeliest class has ", Percent(*predicted_, 1), " on the mean, and was right in ",
            Percent(*observed_, 1), " of ", WithThousands(window_.labelled), " with a label"),
        *observed_ - *predicted_);
    if (off_) FurthestOff(" were right");
    WorstClass();
  }

  void FurthestOff(std::string_view came) {
    const evaluation::CalibrationBin* worst = nullptr;
    for (const evaluation::CalibrationBin& bin : window_.report.calibration) {
      const auto gap = [](const evaluation::CalibrationBin& b) {
        return std::fabs(b.positive_share - b.mean_predicted);
      };
      if (worst == nullptr || gap(bin) > gap(*worst)) worst = &bin;
    }
    if (worst == nullptr) return;
    Add("calibration",
        Cat("furthest off where it says ", Percent(worst->mean_predicted), ": ", Percent(worst->positive_share), came),
        worst->positive_share - worst->mean_predicted);
  }

  // The class whose recall fell most since the evaluation; without one, that with the least.
  void WorstClass() {
    const auto recall = [](const evaluation::Report& report, const std::string& name) -> std::optional<double> {
      for (const evaluation::ClassReport& own : report.classes) {
        if (own.name != name || own.rows < evaluation::kClassMin) continue;
        const MetricValue* found = evaluation::FindMetric(own.metrics, "recall");
        return found == nullptr ? std::nullopt : found->value;
      }
      return std::nullopt;
    };
    std::string worst;
    double fall = 0, now = 0;
    std::optional<double> then;
    for (const evaluation::ClassReport& own : window_.report.classes) {
      const auto current = recall(window_.report, own.name);
      if (!current) continue;
      const auto before = input_.evaluated == nullptr ? std::nullopt : recall(input_.evaluated->report, own.name);
      const double lost = before.value_or(1) - *current;
      if (!worst.empty() && lost <= fall) continue;
      worst = own.name;
      fall = lost;
      now = *current;
      then = before;
    }
    if (worst.empty()) return;
    Add("class",
        Cat("recall of ", worst, " ", Number(now), then ? Cat(", at evaluation ", Number(*then)) : std::string()),
        -fall);
  }

  void Ranking() {
    const std::string metric(MainMetric(goal_.problem));
    const auto now = ValueOf(&window_, metric), then = ValueOf(input_.evaluated, metric);
    if (!now) return;
    if (!then) {
      Add("ranking", Cat(metric, " ", Number(*now)), *now);
      return;
    }
    const MetricValue* current = evaluation::FindMetric(window_.report.overall, metric);
    ranked_ = true;
    fell_ = IsRegression() ? current->low && *current->low > *then : current->high && *current->high < *then;
    Add("ranking",
        Cat(Aspect(), IsRegression() ? (fell_ ? " grew" : " did not grow") : (fell_ ? " fell" : " did not suffer"),
            ": ", metric, " ", Number(*now), ", at evaluation ", Number(*then)),
        *now - *then);
  }

  /// What the main metric is about.
  [[nodiscard]] std::string_view Aspect() const {
    switch (goal_.problem) {
      case goals::Problem::kMulticlassClassification: return "accuracy";
      case goals::Problem::kRegression: return "the error";
      case goals::Problem::kBinaryClassification: break;
    }
    return "ranking";
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
      if (std::fabs(own) < std::fabs(whole) + slice_gap_min_ || own * whole < 0) continue;
      if (worst_.empty()) worst_ = Cat(gap.column, "=", gap.value, " (", Difference(own), ")");
      Add("slice",
          Cat(gap.column, "=", gap.value, ": predicted ", Mean(gap.predicted, 1), ", observed ", Mean(gap.observed, 1),
              " of ", WithThousands(gap.rows)),
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
      const evaluation::TrainingLabels& training = input_.facts->training;
      if (training.positive_share) CatTo(text, " on ", Percent(*training.positive_share));
      if (training.constants) CatTo(text, " on ", Amount(training.constants->mean));
    }
    if (!worst_.empty()) CatTo(text, ", worst at ", worst_);
    CatTo(text, ".");
    if (!mattered_.empty()) CatTo(text, " Drift that mattered: ", Names(mattered_), ".");
    if (mattered_.empty() && !moved_.empty()) {
      CatTo(text, " ", Names(moved_), " moved, without weight", ranked_ && !fell_ ? Unharmed() : ".");
    }
    return text;
  }

  [[nodiscard]] std::string Unharmed() const {
    return Cat("; ", Aspect(), IsRegression() ? " did not grow." : " did not suffer.");
  }

  /// "30 % departed late, v1 expected 24 %"; nothing when the means agree.
  [[nodiscard]] std::string OffBy() const {
    const int digits = std::fabs(*observed_ - *predicted_) < 0.02 ? 1 : 0;
    switch (goal_.problem) {
      case goals::Problem::kMulticlassClassification:
        return Cat(Version(), " was right in ", Mean(*observed_, digits), " and expected ", Mean(*predicted_, digits));
      case goals::Problem::kRegression:
        return Cat(Words(goal_.label), " was ", Mean(*observed_), " on the mean, ", Version(), " expected ",
                   Mean(*predicted_));
      case goals::Problem::kBinaryClassification: break;
    }
    return Cat(Mean(*observed_, digits), " ", Words(goal_.label), ", ", Version(), " expected ",
               Mean(*predicted_, digits));
  }

  [[nodiscard]] std::string Opening() const {
    if (off_) return OffBy();
    if (fell_) {
      const std::string metric(MainMetric(goal_.problem));
      return Cat(Version(),
                 IsRegression()        ? " misses by more: "
                 : metric == "roc_auc" ? " ranks worse: "
                                       : " is right less often: ",
                 metric, " ", Number(*ValueOf(&window_, metric)), ", ", Number(*ValueOf(input_.evaluated, metric)),
                 " at evaluation");
    }
    if (!observed_) return Cat(Version(), " did not do what was needed");
    const std::string as_before = Cat(Version(), " did as it did before, and that was not enough");
    switch (goal_.problem) {
      case goals::Problem::kMulticlassClassification: return Cat(as_before, ": right in ", Percent(*observed_, 1));
      case goals::Problem::kRegression: return Cat(as_before, ": ", Words(goal_.label), " ", Amount(*observed_));
      case goals::Problem::kBinaryClassification: break;
    }
    return Cat(as_before, ": ", Percent(*observed_, 1), " ", Words(goal_.label));
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
  double slice_gap_min_ = kSliceGapMin;
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
