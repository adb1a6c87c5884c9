// What the sketches say of numbers in a file, for bench/sketch_bench.py, which compares it with another library.
//
//   sketch_answers_bench FILE COUNT PARTS   FILE holds doubles; each COUNT of them are one stream, sketched in PARTS
//                                           pieces that are merged; a line of JSON for each stream
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "sketch/frequent_items.h"
#include "sketch/hyper_log_log.h"
#include "sketch/kll.h"

namespace mw::sketch {
namespace {

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Values for each second of processor time.
template <typename Sketch>
double Rate(Sketch& sketch, std::span<const double> values) {
  const double start = CpuSeconds();
  sketch.Add(values);
  return static_cast<double>(values.size()) / (CpuSeconds() - start);
}

template <typename Sketch>
Sketch InParts(const Sketch& empty, std::span<const double> values, std::size_t parts) {
  Sketch merged = empty;
  for (std::size_t part = 0; part < parts; ++part) {
    Sketch piece = empty;
    piece.Add(values.subspan(values.size() * part / parts,
                             values.size() * (part + 1) / parts - values.size() * part / parts));
    merged.Merge(piece);
  }
  return merged;
}

FrequentItems WholeParts(std::span<const double> values) {
  FrequentItems items;
  for (const double value : values) items.Add(Cat(static_cast<long>(value)));
  return items;
}

Json NumbersOf(const std::vector<double>& values) {
  Json json = Json::MakeArray();
  for (const double value : values) json.Append(value);
  return json;
}

Json Answers(std::span<const double> values, std::size_t parts, std::uint64_t seed) {
  Json json = Json::MakeObject();
  std::vector<double> shares;
  for (int i = 1; i < 1000; ++i) shares.push_back(i / 1000.0);
  Kll kll(Kll::kDefaultK, seed);
  HyperLogLog hll;
  json["kll_rate"] = Rate(kll, values);
  json["hll_rate"] = Rate(hll, values);
  ByteWriter bytes;
  kll.Write(bytes);
  json["kll_bytes"] = bytes.Take().size();
  json["quantiles"] = NumbersOf(kll.Quantiles(shares));
  json["merged_quantiles"] = NumbersOf(InParts(Kll(Kll::kDefaultK, seed), values, parts).Quantiles(shares));
  json["distinct"] = hll.Estimate();
  json["merged_distinct"] = InParts(HyperLogLog(), values, parts).Estimate();
  const FrequentItems items = WholeParts(values);
  json["frequent_error"] = items.error();
  Json top = Json::MakeObject();
  for (const FrequentItems::Item& item : items.Top(50)) top[item.text] = item.count;
  json["frequent"] = std::move(top);
  return json;
}

int Run(const std::string& path, std::size_t count, std::size_t parts) {
  const Result<std::string> bytes = ReadFile(path, std::size_t{4} << 30);
  if (!bytes.ok()) return std::fprintf(stderr, "%s\n", bytes.error().ToString().c_str()), 2;
  std::vector<double> values(bytes->size() / sizeof(double));
  std::memcpy(values.data(), bytes->data(), values.size() * sizeof(double));
  for (std::size_t at = 0; at + count <= values.size(); at += count) {
    std::puts(Answers(std::span<const double>(values).subspan(at, count), parts, at).Dump().c_str());
  }
  return 0;
}

}  // namespace
}  // namespace mw::sketch

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: sketch_answers_bench FILE COUNT PARTS\n"), 2;
  return mw::sketch::Run(argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10));
}
