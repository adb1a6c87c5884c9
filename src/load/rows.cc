// Made-up rows and rows like a baseline's.
#include "load/rows.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::load {
namespace {

constexpr std::size_t kQuantiles = 1000;

bool IsWhole(std::string_view datatype) { return datatype.find("INT") != std::string_view::npos; }

Cell MadeUp(const InputColumn& column, Random& random) {
  if (!column.vocabulary.empty()) return column.vocabulary[random.Below(column.vocabulary.size())];
  if (column.datatype == "BOOL") return random.Below(2) == 1;
  if (column.datatype == "BYTES") return std::string(1, static_cast<char>('a' + random.Below(26)));
  if (IsWhole(column.datatype)) return static_cast<double>(random.Below(100));
  return std::round(random.Normal() * 1000) / 1000;
}

class MadeUpSource final : public RowSource {
 public:
  MadeUpSource(std::vector<InputColumn> columns, std::uint64_t seed) : columns_(std::move(columns)), random_(seed) {}
  void Next(Row& row) override {
    row.clear();
    for (const InputColumn& column : columns_) row.push_back(MadeUp(column, random_));
  }
  [[nodiscard]] std::string About() const override {
    const auto texts = std::count_if(columns_.begin(), columns_.end(), [](const InputColumn& column) {
      return column.datatype == "BYTES" && column.vocabulary.empty();
    });
    if (texts == 0) return "made-up rows";
    return Cat("made-up rows; ", texts, texts == 1 ? " column holds" : " columns hold",
               " texts the model hardly knows");
  }

 private:
  std::vector<InputColumn> columns_;
  Random random_;
};

/// What to draw a column's cells from.
struct Drawer {
  const InputColumn* column = nullptr;
  double missing = 0;
  std::vector<double> quantiles;                      // of numbers
  std::vector<std::pair<std::uint64_t, Cell>> up_to;  // of texts: cumulative counts
};

Cell NumberCell(const InputColumn& column, double value) {
  if (column.datatype == "BOOL") return value != 0;
  return IsWhole(column.datatype) ? std::round(value) : value;
}

Cell Draw(const Drawer& drawer, Random& random) {
  if (random.Uniform() < drawer.missing) return {};
  if (!drawer.quantiles.empty()) {
    return NumberCell(*drawer.column, drawer.quantiles[random.Below(drawer.quantiles.size())]);
  }
  if (drawer.up_to.empty()) return MadeUp(*drawer.column, random);
  const std::uint64_t at = random.Below(drawer.up_to.back().first);
  return std::upper_bound(drawer.up_to.begin(), drawer.up_to.end(), at,
                          [](std::uint64_t value, const auto& entry) { return value < entry.first; })
      ->second;
}

Drawer DrawerOf(const InputColumn& column, const sketch::ColumnProfile* profile) {
  Drawer drawer;
  drawer.column = &column;
  if (profile == nullptr || profile->rows() == 0) return drawer;
  drawer.missing = static_cast<double>(profile->missing()) / static_cast<double>(profile->rows());
  if (profile->numeric() && profile->quantiles().count() > 0) {
    std::vector<double> shares;
    for (std::size_t i = 0; i < kQuantiles; ++i) shares.push_back((static_cast<double>(i) + 0.5) / kQuantiles);
    drawer.quantiles = profile->quantiles().Quantiles(shares);
  }
  std::uint64_t total = 0;
  for (const auto& item : profile->counts().Items()) {
    total += item.count;
    const bool truth = column.datatype == "BOOL";
    drawer.up_to.emplace_back(total, truth ? Cell(item.text == "true") : Cell(std::string(item.text)));
  }
  return drawer;
}

class BaselineSource final : public RowSource {
 public:
  BaselineSource(std::vector<InputColumn> columns, const sketch::Baseline& baseline, std::uint64_t seed)
      : columns_(std::move(columns)), random_(seed) {
    for (const InputColumn& column : columns_) drawers_.push_back(DrawerOf(column, baseline.whole.Find(column.name)));
  }
  void Next(Row& row) override {
    row.clear();
    for (const Drawer& drawer : drawers_) row.push_back(Draw(drawer, random_));
  }
  [[nodiscard]] std::string About() const override {
    return "rows like the training data's, drawn by column from its profile";
  }

 private:
  std::vector<InputColumn> columns_;
  std::vector<Drawer> drawers_;
  Random random_;
};

}  // namespace

std::unique_ptr<RowSource> MadeUpRows(std::vector<InputColumn> columns, std::uint64_t seed) {
  return std::make_unique<MadeUpSource>(std::move(columns), seed);
}

std::unique_ptr<RowSource> BaselineRows(std::vector<InputColumn> columns, const sketch::Baseline& baseline,
                                        std::uint64_t seed) {
  return std::make_unique<BaselineSource>(std::move(columns), baseline, seed);
}

}  // namespace mw::load
