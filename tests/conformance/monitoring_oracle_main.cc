// Answers questions about distances for monitoring_oracles.py: one JSON object a line in, one a line out.
//   {"ask":"bins","p":[..],"q":[..]}  {"ask":"samples","a":[..],"b":[..]}  {"ask":"proportions","of":[a,n,b,m]}
//   {"ask":"tails","x":..,"degrees":..,"p":..,"n":..}  {"ask":"align","p":[[low,high,count]..],"p_nan":..,"q":..}
// Infinite bounds are the texts "inf" and "-inf". Reads stdin to its end; one thread.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "base/json.h"
#include "monitoring/distances.h"
#include "monitoring/noise_floor.h"
#include "monitoring/probability.h"

namespace mw::monitoring {
namespace {

double NumberOf(const Json& json) {
  if (json.IsNumber()) return json.AsDouble();
  const double sign = json.IsString() && json.AsString() == "-inf" ? -1 : 1;
  return sign * std::numeric_limits<double>::infinity();
}

std::vector<double> NumbersOf(const Json& json, std::string_view key) {
  std::vector<double> out;
  for (const Json& each : json.Find(key)->AsArray()) out.push_back(NumberOf(each));
  return out;
}

Json Texts(const std::vector<double>& values) {
  Json out = Json::MakeArray();
  for (const double value : values) out.Append(value);
  return out;
}

Json Bins(const Json& ask) {
  const std::vector<double> p = NumbersOf(ask, "p");
  const std::vector<double> q = NumbersOf(ask, "q");
  const TwoSampleTest chi = ChiSquareContingency(p, q);
  return Json::Make({{"jensen_shannon", JensenShannon(p, q)},
                     {"kullback_leibler", KullbackLeibler(p, q)},
                     {"population_stability", PopulationStability(p, q)},
                     {"l_infinity", LInfinity(p, q)},
                     {"total_variation", TotalVariation(p, q)},
                     {"hellinger", Hellinger(p, q)},
                     {"chi_square", chi.statistic},
                     {"chi_square_p", chi.p_value}});
}

Json Samples(const Json& ask) {
  std::vector<double> a = NumbersOf(ask, "a");
  std::vector<double> b = NumbersOf(ask, "b");
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const TwoSampleTest exact = KolmogorovSmirnovTest(a, b);
  return Json::Make({{"ks", exact.statistic},
                     {"ks_p", exact.p_value},
                     {"ks_limit_p", KolmogorovSmirnovLimitTest(a, b).p_value},
                     {"wasserstein", Wasserstein(a, b)}});
}

Json Proportions(const Json& ask) {
  const std::vector<double> of = NumbersOf(ask, "of");
  const TwoSampleTest test = TwoProportions(of[0], of[1], of[2], of[3]);
  return Json::Make({{"z", test.statistic}, {"p", test.p_value}});
}

Json Tails(const Json& ask) {
  const double degrees = ask.DoubleOr("degrees", 1);
  return Json::Make({{"chi_square_tail", ChiSquareTail(ask.DoubleOr("x", 0), degrees)},
                     {"chi_square_quantile", ChiSquareQuantile(ask.DoubleOr("p", 0.5), degrees)},
                     {"normal_quantile", NormalQuantile(ask.DoubleOr("p", 0.5))},
                     {"kolmogorov_tail", KolmogorovSmirnovTail(ask.DoubleOr("d", 0.5), ask.IntOr("n", 10))}});
}

Histogram HistogramOf(const Json& ask, std::string_view key, std::string_view nan) {
  Histogram out;
  for (const Json& bucket : ask.Find(key)->AsArray()) {
    const Json::Array& numbers = bucket.AsArray();
    out.buckets.push_back({NumberOf(numbers[0]), NumberOf(numbers[1]), NumberOf(numbers[2])});
  }
  out.nan = ask.DoubleOr(nan, 0);
  return out;
}

Json Aligned(const Json& ask) {
  const AlignedHistograms aligned = Align(HistogramOf(ask, "p", "p_nan"), HistogramOf(ask, "q", "q_nan"),
                                          {.tfdv_compat = ask.BoolOr("tfdv_compat", false)});
  return Json::Make(
      {{"p", Texts(aligned.p)}, {"q", Texts(aligned.q)}, {"jensen_shannon", JensenShannon(aligned.p, aligned.q)}});
}

Json Answer(const Json& ask) {
  const std::string what = ask.StringOr("ask", "");
  if (what == "bins") return Bins(ask);
  if (what == "samples") return Samples(ask);
  if (what == "proportions") return Proportions(ask);
  if (what == "tails") return Tails(ask);
  if (what == "align") return Aligned(ask);
  return Json::Make({{"error", "ask what?"}});
}

}  // namespace
}  // namespace mw::monitoring

int main() {
  std::string line;
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    const mw::Result<mw::Json> ask = mw::Json::Parse(line);
    line.clear();
    if (!ask.ok()) return 1;
    std::puts(mw::monitoring::Answer(*ask).Dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}
