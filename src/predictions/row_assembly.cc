// Row by row; features by name, classes by number.
#include "predictions/row_assembly.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace mw::predictions {
namespace {

/// Several pieces of different versions may lack one another's features.
void AppendFeatures(JoinedRows& rows, const store::SampledPiece& piece, const std::vector<std::size_t>& kept) {
  const std::size_t width = piece.feature_names.size();
  if (rows.feature_names == piece.feature_names) {
    for (const std::size_t row : kept) {
      const auto begin = piece.features.begin() + static_cast<std::ptrdiff_t>(row * width);
      rows.features.insert(rows.features.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
    }
    return;
  }
  std::vector<std::size_t> place;
  for (const std::string& name : rows.feature_names) {
    const auto found = std::find(piece.feature_names.begin(), piece.feature_names.end(), name);
    place.push_back(static_cast<std::size_t>(found - piece.feature_names.begin()));
  }
  for (const std::size_t row : kept) {
    for (const std::size_t column : place) {
      rows.features.push_back(column == width ? std::numeric_limits<float>::quiet_NaN()
                                              : piece.features[row * width + column]);
    }
  }
}

/// Makes room for features that no piece before had.
void AddFeatureNames(JoinedRows& rows, const std::vector<std::string>& names) {
  if (rows.feature_names == names) return;
  std::vector<std::string> all = rows.feature_names;
  for (const std::string& name : names) {
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
  }
  if (all.size() == rows.feature_names.size()) return;
  const std::size_t before = rows.feature_names.size();
  std::vector<float> wider(rows.size() * all.size(), std::numeric_limits<float>::quiet_NaN());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::copy_n(rows.features.begin() + static_cast<std::ptrdiff_t>(row * before), before,
                wider.begin() + static_cast<std::ptrdiff_t>(row * all.size()));
  }
  rows.features = std::move(wider);
  rows.feature_names = std::move(all);
}

/// The prediction is the likeliest class's place, in the piece as the version orders its classes.
void AppendClasses(JoinedRows& rows, const store::SampledPiece& piece, const std::vector<std::size_t>& kept) {
  const std::size_t width = rows.classes.size(), own = piece.classes.size();
  const float absent = own == 0 ? std::numeric_limits<float>::quiet_NaN() : 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::size_t begin = rows.class_probabilities.size();
    rows.class_probabilities.resize(begin + width, absent);
    for (std::size_t c = 0; c < own; ++c) {
      rows.class_probabilities[begin + piece.classes[c]] = piece.class_probabilities[kept[i] * own + c];
    }
    float& prediction = rows.predictions[rows.predictions.size() - kept.size() + i];
    if (prediction >= 0 && prediction < static_cast<float>(own)) {
      prediction = static_cast<float>(piece.classes[static_cast<std::size_t>(prediction)]);
    }
  }
}

}  // namespace

void AppendRows(JoinedRows& rows, store::SampledPiece piece, const LabelsByArrival& labels, JoinedColumns columns) {
  const auto found = labels.find(piece.arrival);
  std::vector<std::size_t> kept;
  const auto weight = static_cast<float>(piece.sample_rate > 0 ? 1 / piece.sample_rate : 1);
  if (columns == JoinedColumns::kAll) AddFeatureNames(rows, piece.feature_names);
  for (std::size_t i = 0; i < piece.rows.ids.size(); ++i) {
    store::SettledRow label{std::numeric_limits<double>::quiet_NaN(), kNoDelay, false};
    if (found != labels.end() && i < found->second.size()) label = found->second[i];
    if (label.repeated) continue;
    kept.push_back(i);
    rows.ids.push_back(std::move(piece.rows.ids[i]));
    rows.keys.push_back(piece.rows.keys.empty() ? std::string() : std::move(piece.rows.keys[i]));
    rows.versions.push_back(piece.version);
    rows.event_times_us.push_back(piece.rows.event_times_us[i]);
    rows.predictions.push_back(piece.rows.predictions[i]);
    rows.labels.push_back(label.label);
    rows.delays_us.push_back(label.delay_us);
    rows.weights.push_back(weight);
  }
  if (!rows.classes.empty()) AppendClasses(rows, piece, kept);
  if (columns == JoinedColumns::kAll) AppendFeatures(rows, piece, kept);
}

}  // namespace mw::predictions
