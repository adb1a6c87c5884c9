// Models of XGBoost through mw-backend against the same library in this process, bit for bit.
#include "serving/backend/xgboost_backend.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>

#include "base/random.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "forest/xgboost_oracle.h"
#include "serving/test_model.h"

namespace mw::serving {
namespace {

using testing::kLongRun;

constexpr std::size_t kFeatures = 5;

forest::TrainingRows SomeRows(std::size_t count, int classes) {
  Random random(3);
  forest::TrainingRows rows;
  rows.num_features = kFeatures;
  for (std::size_t i = 0; i < count * kFeatures; ++i) {
    const bool missing = random.Uniform() < 0.1;
    rows.values.push_back(missing ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(random.Normal()));
  }
  for (std::size_t i = 0; i < count; ++i) {
    rows.labels.push_back(static_cast<float>(random.Below(static_cast<std::uint64_t>(classes))));
  }
  return rows;
}

class XgboostBackend : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Backend>> Start(const std::string& name, const std::string& bytes) const {
    const std::string path = Cat(directory_.path(), "/", name);
    std::ofstream(path, std::ios::binary) << bytes;
    NativeBackendOptions options;
    options.program = Cat(kBinaryDirectory, "/bin/mw-backend");
    return StartXgboostBackend(path, options);
  }
  testing::TestDirectory directory_;
};

std::vector<float> Ask(Backend& backend, const std::vector<float>& values) {
  TensorList batch;
  const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(values.size() / kFeatures), kFeatures};
  batch.Append({"input", Datatype::kFp32, shape,
                std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))});
  const auto answer = backend.runners()[0]->Run(batch, kLongRun);
  if (!answer.ok()) {
    ADD_FAILURE() << answer.error().ToString();
    return {};
  }
  std::vector<float> found((*answer)[0].bytes.size() / sizeof(float));
  if (!found.empty()) std::memcpy(found.data(), (*answer)[0].bytes.data(), found.size() * sizeof(float));
  return found;
}

TEST_F(XgboostBackend, EveryFormatOfAModelAnswersWithTheLibrarysBits) {
  const forest::TrainingRows rows = SomeRows(300, 2);
  forest::XgboostOracle oracle = forest::XgboostOracle::Train(rows, {{"objective", "binary:logistic"}}, 10);
  const float* predicted = oracle.Predict(rows.values.data(), 300, /*margin=*/false);
  const std::vector<float> expected(predicted, predicted + 300);
  for (const char* format : {"json", "ubj", "deprecated"}) {
    const auto backend = Start(Cat("model.", format), oracle.Save(format));
    ASSERT_TRUE(backend.ok()) << format << ": " << backend.error().ToString();
    const BackendInfo& info = (*backend)->info();
    EXPECT_EQ(info.platform, "xgboost");
    EXPECT_TRUE(info.library.starts_with("XGBoost 1.") || info.library.starts_with("XGBoost 2."));
    EXPECT_EQ(info.inputs, (std::vector<TensorSpec>{{"input", Datatype::kFp32, {-1, kFeatures}}}));
    EXPECT_EQ(info.outputs, (std::vector<TensorSpec>{{"output", Datatype::kFp32, {-1}}}));
    EXPECT_TRUE(info.batchable);
    EXPECT_EQ(Ask(**backend, rows.values), expected) << format;
    EXPECT_TRUE(Ask(**backend, {}).empty());
  }
}

TEST_F(XgboostBackend, CountsTheTreesUpToTheBestIteration) {
  const forest::TrainingRows rows = SomeRows(300, 2);
  const auto train = [&](int rounds) {
    return forest::XgboostOracle::Train(rows, {{"objective", "binary:logistic"}}, rounds);
  };
  forest::XgboostOracle early = train(3);
  const float* predicted = early.Predict(rows.values.data(), 300, /*margin=*/false);
  const std::vector<float> expected(predicted, predicted + 300);
  forest::XgboostOracle oracle = train(10);
  for (const char* best : {"2", "10", "99999999999999999999"}) {
    oracle.SetAttribute("best_iteration", best);
    const auto backend = Start("model.ubj", oracle.Save("ubj"));
    ASSERT_TRUE(backend.ok()) << best << ": " << backend.error().ToString();
    EXPECT_EQ(Ask(**backend, rows.values) == expected, std::string_view(best) == "2") << best;
  }
}

TEST_F(XgboostBackend, OfSeveralClassesEachHasItsColumnAndFeaturesKeepTheirNames) {
  const forest::TrainingRows rows = SomeRows(200, 3);
  const forest::XgboostOracle::Parameters parameters = {{"objective", "multi:softprob"}, {"num_class", "3"}};
  forest::XgboostOracle oracle = forest::XgboostOracle::Train(rows, parameters, 4);
  oracle.SetFeatureInfo("feature_name", {"a", "b", "c", "d", "e f"});
  const auto backend = Start("model.json", oracle.Save("json"));
  ASSERT_TRUE(backend.ok()) << backend.error().ToString();
  EXPECT_EQ((*backend)->info().outputs[0].shape, (std::vector<std::int64_t>{-1, 3}));
  EXPECT_EQ((*backend)->info().feature_names, (std::vector<std::string>{"a", "b", "c", "d", "e f"}));
  const float* predicted = oracle.Predict(rows.values.data(), 200, /*margin=*/false);
  EXPECT_EQ(Ask(**backend, rows.values), std::vector<float>(predicted, predicted + 600));
}

TEST_F(XgboostBackend, AFileThatIsNoModelIsRefused) {
  for (const char* bytes : {"nonsense", "", "{\"learner\":{}}", "{}"}) {
    const auto refused = Start("model.json", bytes);
    ASSERT_FALSE(refused.ok()) << bytes;
    EXPECT_FALSE(refused.error().message.empty());
  }
}

}  // namespace
}  // namespace mw::serving
