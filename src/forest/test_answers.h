// Known answers that a library gave, beside the model file it wrote: testdata/README.md says how they were made.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "forest/forest.h"

namespace mw::forest {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct KnownAnswers {
  std::vector<float> rows;
  std::size_t count = 0;
  std::vector<double> margins, predictions;  ///< exact: floats of float models
};

inline std::string TestData(std::string_view name) { return Cat(kSourceDirectory, "/src/forest/testdata/", name); }

/// Null stands for NaN; infinities are texts.
inline std::vector<double> Numbers(const Json& array) {
  std::vector<double> numbers;
  for (const Json& value : array.AsArray()) {
    if (value.IsArray()) {
      for (const double inner : Numbers(value)) numbers.push_back(inner);
    } else if (value.IsString()) {
      numbers.push_back(*ParseDouble(value.AsString()));
    } else {
      numbers.push_back(value.IsNull() ? std::nan("") : value.AsDouble());
    }
  }
  return numbers;
}

/// `all` has the rows, `model` its answers to them.
inline KnownAnswers ReadAnswers(const Json& all, const Json& model) {
  KnownAnswers answers;
  for (const double value : Numbers(*all.Find("rows"))) answers.rows.push_back(static_cast<float>(value));
  answers.count = all.Find("rows")->AsArray().size();
  if (const Json* margins = model.Find("margins")) answers.margins = Numbers(*margins);
  answers.predictions = Numbers(*model.Find("predictions"));
  return answers;
}

/// NaN is NaN, whatever its bits: the answers' file does not tell them apart.
inline bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

/// Every engine's margins and the predictions of batches of several sizes, bit by bit.
inline void ExpectAnswers(const Forest& forest, const KnownAnswers& answers, std::string_view what) {
  ASSERT_EQ(answers.rows.size(), answers.count * forest.num_features()) << what;
  std::vector<double> found(answers.count * forest.num_margins());
  for (std::size_t engine = 0; engine < kEngines && !answers.margins.empty(); ++engine) {
    if (!forest.Fits(static_cast<Engine>(engine))) continue;
    ASSERT_EQ(answers.margins.size(), found.size()) << what;
    forest.PredictMarginOn(static_cast<Engine>(engine), answers.rows, answers.count, found);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(SameBits(found[i], answers.margins[i]))
          << what << ": margin " << i << " is " << found[i] << ", the library's " << answers.margins[i];
    }
  }
  const std::size_t width = forest.num_outputs();
  ASSERT_EQ(answers.predictions.size(), answers.count * width) << what;
  for (std::size_t count = 1; count <= answers.count; count = 2 * count + 1) {
    found.assign(count * width, 0.0);
    const auto rows = std::span(answers.rows).first(count * forest.num_features());
    forest.Predict(rows, count, found);
    std::vector<float> narrow(count * width);
    forest.Predict(rows, count, narrow);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(SameBits(found[i], answers.predictions[i]))
          << what << ": prediction " << i << " is " << found[i] << ", the library's " << answers.predictions[i];
      EXPECT_EQ(narrow[i], static_cast<float>(found[i])) << what;
    }
  }
}

}  // namespace mw::forest
