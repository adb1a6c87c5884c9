// The metrics of several classes together, in the order in which reports and estimates give them (formulas:
// multiclass.h).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace mw::evaluation::class_metrics {

enum Place : std::size_t { kAccuracy, kPrecision, kRecall, kF1, kAuc, kLogLoss, kBrier, kEce, kPlaces };
inline constexpr std::array<std::string_view, kPlaces> kNames = {
    "accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_roc_auc", "log_loss", "brier", "ece"};

}  // namespace mw::evaluation::class_metrics
