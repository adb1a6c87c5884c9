// Names and values as `init` writes and reads them: YAML that reads back, words that hint.
#include "steps/init_files.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "base/yaml.h"
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

}  // namespace
}  // namespace mw::steps
