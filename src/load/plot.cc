// Axes, lines, marks. Coordinates are in units of the view box.
#include "load/plot.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::load {
namespace {

constexpr double kWidth = 860, kHeight = 480;
constexpr double kLeft = 74, kRight = 780, kTop = 78, kBottom = 400;

constexpr std::string_view kStyle = R"(<style>
  svg { --ground: #ffffff; --ink: #1d2430; --faint: #667084; --grid: #e4e8ee; --full: #c2410c;
        --a: #8fb4e3; --b: #4c86cf; --c: #1f5aa6; --d: #0d2f60; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #14181f; --ink: #e8ecf2; --faint: #98a2b3; --grid: #2a313c; --full: #fb923c;
          --a: #3d6ca8; --b: #5f97dd; --c: #93bdf2; --d: #d6e6fb; }
  }
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--faint); }
  .title { font-size: 16px; font-weight: 600; fill: var(--ink); }
  .name { font-weight: 600; }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
  .target { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; }
  .best { stroke: var(--ink); stroke-width: 1.5; }
  .strong { fill: var(--ink); }
  .full { fill: var(--full); }
  .ground { fill: var(--ground); }
</style>
)";

struct Series {
  const char* name;
  const char* color;
  std::optional<Duration> CurvePoint::*value;
};
constexpr Series kSeries[] = {{"P50", "var(--a)", &CurvePoint::p50},
                              {"P90", "var(--b)", &CurvePoint::p90},
                              {"P99", "var(--c)", &CurvePoint::p99},
                              {"P99.9", "var(--d)", &CurvePoint::p999}};

double Millis(Duration latency) { return std::max(1e-3, static_cast<double>(latency.count()) * 1e-3); }

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out;
}

/// 1, 2 or 5 times a power of ten, at least `least`.
double NiceStep(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * 0.999) return factor * power;
  }
  return 10 * power;
}

std::string ShortNumber(double value) {
  if (value >= 1e6) return Cat(Fixed(value / 1e6, value < 1e7 ? 1 : 0), " M");
  if (value >= 1e4) return Cat(Fixed(value / 1e3, 0), "k");
  return value < 10 && value != std::floor(value) ? Fixed(value, 1) : WithThousands(std::llround(value));
}

std::string MillisLabel(double ms) {
  if (ms >= 1000) return Cat(Fixed(ms / 1000, 0), " s");
  if (ms >= 1) return Cat(Fixed(ms, 0), " ms");
  return Cat(Fixed(ms * 1000, 0), " \xC2\xB5s");
}

/// One point for each rate, ascending.
std::vector<CurvePoint> Ordered(std::vector<CurvePoint> points) {
  const auto slowness = [](const CurvePoint& point) { return point.p99.value_or(Duration::max()); };
  std::sort(points.begin(), points.end(), [&](const CurvePoint& a, const CurvePoint& b) {
    return a.asked != b.asked ? a.asked < b.asked : slowness(a) > slowness(b);
  });
  const auto same = [](const CurvePoint& a, const CurvePoint& b) { return a.asked == b.asked; };
  points.erase(std::unique(points.begin(), points.end(), same), points.end());
  return points;
}

class Drawing {
 public:
  explicit Drawing(const Plot& plot) : plot_(plot), points_(Ordered(plot.points)) { Scale(); }

  std::string Draw() {
    CatTo(out_, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", kWidth, " ", kHeight,
          "\" width=\"860\" height=\"480\" role=\"img\">\n<title>", Escape(plot_.title), "</title>\n", kStyle);
    CatTo(out_, "<rect class=\"ground\" width=\"", kWidth, "\" height=\"", kHeight, "\"/>\n");
    Text(kLeft, 30, plot_.title, "title");
    Text(kLeft, 50, plot_.subtitle, "");
    Saturation();
    Axes();
    Marks();
    Lines();
    return out_ + "</svg>\n";
  }

 private:
  void Scale() {
    double low = 1e9, high = 1e-3;
    for (const CurvePoint& point : points_) {
      rate_max_ = std::max(rate_max_, point.asked);
      for (const Series& series : kSeries) {
        if (!(point.*series.value)) continue;
        low = std::min(low, Millis(*(point.*series.value)));
        high = std::max(high, Millis(*(point.*series.value)));
      }
    }
    if (plot_.target) high = std::max(high, Millis(plot_.target->bound));
    if (low > high) low = high / 10;
    low_ = std::floor(std::log10(low));
    high_ = std::max(low_ + 1, std::ceil(std::log10(high * 1.05)));
    rate_max_ *= 1.04;
  }
  [[nodiscard]] double X(double rate) const { return kLeft + (kRight - kLeft) * rate / rate_max_; }
  [[nodiscard]] double Y(double ms) const {
    return kBottom - (kBottom - kTop) * (std::log10(ms) - low_) / (high_ - low_);
  }
  void Text(double x, double y, std::string_view text, std::string_view style, std::string_view anchor = "start",
            std::string_view color = "") {
    CatTo(out_, "<text x=\"", Fixed(x, 1), "\" y=\"", Fixed(y, 1), "\" text-anchor=\"", anchor, "\" class=\"", style,
          "\"");
    if (!color.empty()) CatTo(out_, " style=\"fill:", color, "\"");
    CatTo(out_, ">", Escape(text), "</text>\n");
  }
  void Line(double x1, double y1, double x2, double y2, std::string_view style) {
    CatTo(out_, "<line class=\"", style, "\" x1=\"", Fixed(x1, 1), "\" y1=\"", Fixed(y1, 1), "\" x2=\"", Fixed(x2, 1),
          "\" y2=\"", Fixed(y2, 1), "\"/>\n");
  }

  void Axes() {
    for (int decade = static_cast<int>(low_); decade <= static_cast<int>(high_); ++decade) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double ms = factor * std::pow(10, decade);
        if (std::log10(ms) > high_ + 1e-9 || (factor != 1 && high_ - low_ > 3)) continue;
        Line(kLeft, Y(ms), kRight, Y(ms), "grid");
        Text(kLeft - 8, Y(ms) + 4, MillisLabel(ms), "", "end");
      }
    }
    const double step = NiceStep(rate_max_ / 7);
    for (double rate = 0; rate <= rate_max_; rate += step) {
      Line(X(rate), kBottom, X(rate), kBottom + 5, "grid");
      Text(X(rate), kBottom + 20, ShortNumber(rate), "", "middle");
      if (plot_.rows_per_request > 1.001) {
        Text(X(rate), kBottom + 37, ShortNumber(rate * plot_.rows_per_request), "", "middle");
      }
    }
    Text(kRight + 8, kBottom + 20, "requests/s", "");
    if (plot_.rows_per_request > 1.001) Text(kRight + 8, kBottom + 37, "rows/s", "");
    Text(kLeft, kHeight - 16, "Latency from the time at which a request was due; logarithmic.", "");
  }

  /// From the rate on behind which the server kept up with none: one hiccup is no saturation.
  void Saturation() {
    auto first = points_.end();
    while (first != points_.begin() && (first - 1)->overtaken) --first;
    if (first == points_.end()) return;
    const double before = first == points_.begin() ? 0 : (first - 1)->asked;
    const double from = X((before + first->asked) / 2);
    CatTo(out_, "<rect class=\"full\" fill-opacity=\"0.10\" x=\"", Fixed(from, 1), "\" y=\"", kTop, "\" width=\"",
          Fixed(kRight - from, 1), "\" height=\"", kBottom - kTop, "\"/>\n");
    double most = 0;
    for (const CurvePoint& point : points_) most = std::max(most, point.answered);
    const bool left = from > kRight - 150;
    Text(left ? from - 6 : from + 6, kBottom - 24, "saturated", "full name", left ? "end" : "start");
    Text(left ? from - 6 : from + 6, kBottom - 8, Cat("answers ", ShortNumber(most), "/s at most"), "full",
         left ? "end" : "start");
  }

  void Marks() {
    if (plot_.target) {
      const double y = Y(Millis(plot_.target->bound));
      Line(kLeft, y, kRight, y, "target");
      Text(kLeft + 6, y - 6, Cat("target ", plot_.target->ToString()), "strong");
    }
    if (plot_.best_rate <= 0) return;
    Line(X(plot_.best_rate), kTop, X(plot_.best_rate), kBottom, "best");
    Text(X(plot_.best_rate) - 6, kTop + 14, Cat("holds ", ShortNumber(plot_.best_rate), "/s"), "strong name", "end");
  }

  void Lines() {
    double label_above = kBottom + 40;
    for (const Series& series : kSeries) {
      std::string path;
      double x = 0, y = 0;
      bool pen_down = false;
      for (const CurvePoint& point : points_) {
        const std::optional<Duration>& value = point.*series.value;
        if (value) {
          x = X(point.asked);
          y = Y(Millis(*value));
          CatTo(path, pen_down ? "L" : "M", Fixed(x, 1), " ", Fixed(y, 1), " ");
          CatTo(out_, "<circle cx=\"", Fixed(x, 1), "\" cy=\"", Fixed(y, 1), "\" r=\"2.6\" style=\"fill:", series.color,
                "\"/>\n");
        }
        pen_down = value.has_value();
      }
      if (path.empty()) continue;
      CatTo(out_, "<path class=\"line\" style=\"stroke:", series.color, "\" d=\"", path, "\"/>\n");
      label_above = std::min(y + 4, label_above - 14);  // labels of lines that meet stand above one another
      Text(std::max(x + 8, kRight + 8), label_above, series.name, "name", "start", series.color);
    }
  }

  const Plot& plot_;
  std::vector<CurvePoint> points_;
  double rate_max_ = 1, low_ = -1, high_ = 1;
  std::string out_;
};

}  // namespace

std::string LatencyPlot(const Plot& plot) { return Drawing(plot).Draw(); }

}  // namespace mw::load
