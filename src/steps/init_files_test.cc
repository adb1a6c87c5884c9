// Names and values as `init` writes and reads them: YAML that reads back, words that hint.
#include "steps/init_files.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"
#include "data/testing.h"
#include "steps/init_step.h"
#include "steps/init_words.h"

namespace mw::steps {
namespace {

TEST(YamlText, ReadsBackAsTheSameText) {
  for (const std::string text : {"plain",
                                 "two words",
                                 "true",
                                 "No",
                                 "n",
                                 "1",
                                 "1e5",
                                 "-",
                                 "",
                                 "a: b",
                                 "#x",
                                 "{x}",
                                 "it's",
                                 "say \"hi\"",
                                 "名前",
                                 "a\nb",
                                 "tab\there",
                                 "\\",
                                 "[1]",
                                 "@",
                                 "%",
                                 "data/my file.csv",
                                 "/abs/path.csv",
                                 "null",
                                 "~",
                                 "2013-01-01",
                                 " lead",
                                 "a,b"}) {
    const std::string yaml = Cat("x: {", YamlText(text), ": ", YamlText(text), ", l: [", YamlText(text), "]}\n");
    const auto root = ParseYaml(yaml, "test");
    ASSERT_TRUE(root.ok()) << yaml << root.error().ToString();
    const YamlNode* x = root->Find("x");
    ASSERT_NE(x, nullptr);
    EXPECT_EQ(x->map[0].first, text) << yaml;
    EXPECT_EQ(x->map[0].second.scalar, text) << yaml;
    EXPECT_TRUE(x->map[0].second.ToJson().IsString()) << yaml;
    EXPECT_EQ(x->map[1].second.list[0].scalar, text) << yaml;
  }
}

TEST(Words, StandByThemselves) {
  EXPECT_EQ(WordsOf("customerId_2 (cm)"), (std::vector<std::string>{"customer", "id", "2", "cm"}));
  EXPECT_EQ(WordsOf("PassengerID"), (std::vector<std::string>{"passenger", "id"}));
  EXPECT_TRUE(HasWord("Order-No", {"no"}));
  EXPECT_FALSE(HasWord("idle", {"id"}));
  EXPECT_FALSE(HasWord("", {"id"}));
}

TEST(Words, WhatSoundsLate) {
  EXPECT_TRUE(SoundsLate("departed_late_minutes", "departed_late"));
  EXPECT_TRUE(SoundsLate("resolved_at", "open"));
  EXPECT_FALSE(SoundsLate("age", "income"));
  EXPECT_TRUE(SaysYes(" Yes ") && SaysNo("FALSE") && !SaysYes("no"));
}

TEST(Words, ANameFromAPath) {
  EXPECT_EQ(NameFrom("/tmp/My Data (2).final.csv"), "my-data-2");
  EXPECT_EQ(NameFrom("__.csv"), "my-model");
  EXPECT_EQ(NameFrom("churn"), "churn");
  EXPECT_LE(NameFrom(std::string(500, 'a')).size(), 60U);
}

/// What `init --positive` writes of a column of yes and no, as label_values; or the refusal.
std::string LabelValuesOf(const std::string& positive) {
  const data::ScratchDirectory scratch;
  std::string csv = "months,left\n";
  for (int i = 0; i < 400; ++i) CatTo(csv, i % 37, i % 3 == 0 ? ",Yes\n" : ",No\n");
  const std::string directory = scratch.path() + "/made";
  ::testing::internal::CaptureStdout();
  const Status made =
      Init({scratch.File("churn.csv", csv), "--label", "left", "--positive", positive, "--dir", directory});
  ::testing::internal::GetCapturedStdout();
  if (!made.ok()) return made.error().ToString();
  const std::string pipeline = *ReadFile(directory + "/pipeline.yaml");
  const std::size_t at = pipeline.find("label_values: ");
  return at == std::string::npos ? "none" : pipeline.substr(at, pipeline.find(']', at) + 1 - at);
}

TEST(InitPositive, OfTruthValuesIsAnyWordForThem) {
  EXPECT_EQ(LabelValuesOf("Yes"), "none");
  EXPECT_EQ(LabelValuesOf("y"), "none");
  EXPECT_EQ(LabelValuesOf("NO"), R"(label_values: ["true", "false"])");
  EXPECT_NE(LabelValuesOf("perhaps").find("left is never \"perhaps\""), std::string::npos);
}

}  // namespace
}  // namespace mw::steps
