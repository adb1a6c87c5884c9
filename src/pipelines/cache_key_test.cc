// What changes a key, what does not, and how a miss is explained.
#include "pipelines/cache_key.h"

#include <gtest/gtest.h>

namespace mw::pipelines {
namespace {

Step Train() {
  Step step;
  step.name = "train";
  step.uses = "train";
  step.with = *Json::Parse(R"({"max_depth":6,"margin":{"b":1,"a":2}})");
  step.outputs = {{"model", OutputKind::kDirectory}};
  return step;
}

KeyMaterial Material() { return {{{"schema.yaml", "sha256:aa"}}, "sha256:bb", {{"rows", "sha256:cc"}}, "0.1.0"}; }

TEST(CacheKey, IsKnownForever) {
  // Entries outlive the program: a change of this value means that no old entry is ever hit again.
  EXPECT_EQ(KeyOf(Train(), Material()).digest, KeyOf(Train(), Material()).digest);
  EXPECT_EQ(PartsToJson(KeyOf(Train(), Material()).parts).Dump(),
            R"([["file schema.yaml","sha256:aa"],["goal","sha256:bb"],["input rows","sha256:cc"],["program","0.1.0"],)"
            R"(["uses","train"],["with.margin","{\"a\":2,\"b\":1}"],["with.max_depth","6"]])");
}

TEST(CacheKey, OrderOfWritingAndTheStepsNameDecideNothing) {
  Step other = Train();
  other.name = "train_again";
  other.with = *Json::Parse(R"({"margin":{"a":2,"b":1},"max_depth":6})");
  other.resources.cpu = 8;
  other.retries = 5;
  EXPECT_EQ(KeyOf(other, Material()).digest, KeyOf(Train(), Material()).digest);
}

TEST(CacheKey, EveryPartCounts) {
  const std::string key = KeyOf(Train(), Material()).digest;
  Step step = Train();
  step.with["max_depth"] = 7;
  EXPECT_NE(KeyOf(step, Material()).digest, key);
  KeyMaterial material = Material();
  material.files[0].second = "sha256:ab";
  EXPECT_NE(KeyOf(Train(), material).digest, key);
  material = Material();
  material.goal_file = "sha256:ab";
  EXPECT_NE(KeyOf(Train(), material).digest, key);
  material = Material();
  material.inputs[0].second = "sha256:ab";
  EXPECT_NE(KeyOf(Train(), material).digest, key);
  material = Material();
  material.program = "0.2.0";
  EXPECT_NE(KeyOf(Train(), material).digest, key);
}

TEST(CacheKey, AUsersProgramDependsOnItsCommandAndNotOnTheBuiltInSteps) {
  Step step;
  step.argv = {"python3", "eda.py", "--rows={inputs.rows}"};
  step.outputs = {{"report", OutputKind::kFile}};
  KeyMaterial material = Material();
  const std::string key = KeyOf(step, material).digest;
  material.program = "0.2.0";
  EXPECT_EQ(KeyOf(step, material).digest, key);
  step.argv.back() = "--rows={inputs.other}";
  EXPECT_NE(KeyOf(step, material).digest, key);
}

TEST(CacheKey, AMissNamesWhatDiffersFromTheNearestSuccess) {
  Step step = Train();
  KeyMaterial material = Material();
  const auto earlier = KeyOf(step, material).parts;
  step.with["max_depth"] = 8;
  step.with["seed"] = 1;
  material.inputs[0].second = "sha256:dd";
  material.files[0].second = "absent";
  const auto now = KeyOf(step, material).parts;
  EXPECT_EQ(ExplainMiss(earlier, now),
            "file schema.yaml is missing; input rows changed; with.max_depth was 6, is 8; with.seed is new: 1");
  EXPECT_EQ(ExplainMiss(now, earlier),
            "file schema.yaml changed; input rows changed; with.max_depth was 8, is 6; with.seed is gone");
  EXPECT_EQ(Distance(earlier, now), 4U);
  EXPECT_EQ(Distance(earlier, earlier), 0U);
}

TEST(CacheKey, PartsSurviveTheirJson) {
  const auto parts = KeyOf(Train(), Material()).parts;
  EXPECT_EQ(*PartsFromJson(*Json::Parse(PartsToJson(parts).Dump())), parts);
  for (const char* bad : {"{}", "[1]", R"([["a"]])", R"([["a",1]])"})
    EXPECT_FALSE(PartsFromJson(*Json::Parse(bad)).ok());
}

}  // namespace
}  // namespace mw::pipelines
