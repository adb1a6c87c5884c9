// YAML: lines, limits, and every complaint of a file at once.
#include "base/yaml.h"

#include <gtest/gtest.h>

namespace mw {
namespace {

TEST(Yaml, KnowsItsLinesAndItsKinds) {
  const auto root = ParseYaml("goal: late\ntargets:\n  - {name: a, need: \"5\"}\n  - 3\nempty:\n", "goal.yaml");
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->Find("targets")->list[1].line, 4);
  EXPECT_EQ(root->ToJson().Dump(), R"({"goal":"late","targets":[{"name":"a","need":"5"},3],"empty":null})");
}

TEST(Yaml, RefusesWithFileAndLine) {
  EXPECT_EQ(ParseYaml("a: 1\na: 2\n", "f.yaml").error().message,
            "f.yaml:2: the key \"a\" stands here twice; keep one of them");
  EXPECT_TRUE(ParseYaml("a: [1\nb: 2", "f.yaml").error().message.starts_with("f.yaml:"));
  EXPECT_FALSE(ParseYaml("a: &x 1\nb: *x\n", "f.yaml").ok());
  EXPECT_FALSE(ParseYaml("", "f.yaml").ok());
  EXPECT_FALSE(ParseYaml("a: 1\n---\nb: 2\n", "f.yaml").ok());
  EXPECT_FALSE(ParseYaml(std::string(100, '[') + std::string(100, ']'), "f.yaml").ok());
  EXPECT_FALSE(ParseYaml(std::string(2 << 20, 'a'), "f.yaml").ok());
  EXPECT_FALSE(ParseYaml("a: \xff", "f.yaml").ok());
}

TEST(YamlReader, CollectsEveryComplaint) {
  const auto root = ParseYaml("owner: me\ntreshold: 0.2\nwindow: fast\nkind: speed\n", "goal.yaml");
  Complaints complaints("goal.yaml");
  YamlReader reader(*root, complaints);
  EXPECT_EQ(reader.String("owner"), "me");
  reader.NumberOr("threshold", 0.5);
  reader.DurationOr("window", {});
  reader.ChoiceOr("kind", {"quality", "cost"}, "quality");
  reader.String("model");
  reader.Finish();
  EXPECT_EQ(complaints.lines(),
            (std::vector<std::string>{
                "goal.yaml:3: window: \"fast\" is not a duration; write it like 20ms, 15m, 2h or 28d",
                "goal.yaml:4: kind: \"speed\" is none of quality, cost", "goal.yaml:1: the key \"model\" is missing",
                "goal.yaml:2: unknown key \"treshold\"; did you mean threshold?"}));
}

TEST(YamlUnits, AreExact) {
  EXPECT_EQ(ParseDuration("1.5h")->count(), 5400000000);
  EXPECT_EQ(ParseDuration("20ms")->count(), 20000);
  EXPECT_DOUBLE_EQ(*ParseShare("45%"), 0.45);
  EXPECT_EQ(*ParseShare(" 95 % "), 0.95) << "to the bit: it is shown as it is kept";
  EXPECT_DOUBLE_EQ(*ParseShare("0.45"), 0.45);
  EXPECT_EQ(*ParseBytes("2GiB"), 2147483648);
  for (const char* wrong : {"", "h", "-1h", "1 fortnight", "nan"}) EXPECT_FALSE(ParseDuration(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace mw
