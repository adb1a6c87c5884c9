// Writes the models that real clients ask: models_main DIRECTORY makes
//   mixed/       a package: numbers, a truth value, categories, a threshold
//   classes/     the same columns, three classes
//   floats.json  an XGBoost file of 30 floats
#include <cstdio>
#include <string>

#include "serving/test_model.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: conformance_models DIRECTORY\n");
    return 1;
  }
  const std::string directory = argv[1];
  namespace testing = mw::serving::testing;
  testing::WriteTestPackage(directory + "/mixed", 11);
  testing::WriteTestPackage(directory + "/classes", 12, "late", testing::TestFeatures(), {"early", "on time", "late"});
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back(mw::Cat("x", i));
  const mw::Status written =
      mw::WriteFileDurably(directory + "/floats.json", testing::RandomXgboostJson(13, names, 100, 6));
  return written.ok() ? 0 : 1;
}
