// The filter language: what it means, what it refuses and where.
#include "lineage/metadata_filter.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"

namespace mw::lineage {
namespace {

using Kind = FilterNode::Kind;

FilterNode Read(std::string_view text, Noun noun = Noun::kArtifact) {
  const Result<FilterNode> node = ParseMetadataFilter(noun, text);
  EXPECT_TRUE(node.ok()) << text << ": " << node.error().ToString();
  return node.value_or(FilterNode{});
}

std::string Refused(std::string_view text, Noun noun = Noun::kArtifact) {
  const Result<FilterNode> node = ParseMetadataFilter(noun, text);
  return node.ok() ? "accepted" : node.error().message;
}

TEST(MetadataFilterTest, OneRestrictionOfEachKind) {
  EXPECT_EQ(Read(R"(display_name = "test")").term, (FilterTerm{.subject = Subject::kDisplayName, .text = "test"}));
  EXPECT_EQ(Read(R"(schema_title="system.Model")").term,
            (FilterTerm{.subject = Subject::kSchemaTitle, .text = "model"}));
  EXPECT_EQ(Read(R"(schema_title!="millwright.train")", Noun::kExecution).term,
            (FilterTerm{.subject = Subject::kSchemaTitle, .compare = Compare::kNotEqual, .text = "train"}));
  EXPECT_EQ(Read(R"(create_time = "2020-11-19T11:30:00-04:00")").term.time, *ParseTime("2020-11-19T15:30:00Z"));
  EXPECT_EQ(Read("metadata.field_1.number_value = 10.0").term,
            (FilterTerm{.subject = Subject::kMetadataNumber, .key = "field_1", .number = 10}));
  EXPECT_EQ(
      Read("metadata.a.b.number_value <= -1.5e-3").term,
      (FilterTerm{
          .subject = Subject::kMetadataNumber, .key = "a.b", .compare = Compare::kLessOrEqual, .number = -1.5e-3}));
  EXPECT_EQ(
      Read(R"(metadata."field:1".string_value > 'it\'s')").term,
      (FilterTerm{.subject = Subject::kMetadataText, .key = "field:1", .compare = Compare::kGreater, .text = "it's"}));
  EXPECT_EQ(Read("metadata.passed.bool_value = true").term,
            (FilterTerm{.subject = Subject::kMetadataTruth, .key = "passed", .truth = true}));
  EXPECT_EQ(Read("state=LIVE").term.text, "live");
  EXPECT_EQ(Read("state = COMPLETE", Noun::kExecution).term.text, "complete");
  EXPECT_EQ(Read(R"(in_context("projects/1/locations/l/metadataStores/default/contexts/c1"))").term,
            (FilterTerm{.subject = Subject::kInContext, .text = "c1"}));
  EXPECT_EQ(
      Read(R"(parent_contexts: "projects/1/locations/l/metadataStores/default/contexts/c1")", Noun::kContext).term,
      (FilterTerm{.subject = Subject::kParentContexts, .text = "c1"}));
  EXPECT_EQ(Read(R"(name = "projects/1/locations/l/metadataStores/default/artifacts/a1")").term.text, "a1");
}

TEST(MetadataFilterTest, OrBindsCloserThanAnd) {
  const FilterNode node = Read(R"(uri = "a" AND uri = "b" OR uri = "c" AND -uri = "d")");
  ASSERT_EQ(node.kind, Kind::kAll);
  ASSERT_EQ(node.parts.size(), 3U);
  EXPECT_EQ(node.parts[1].kind, Kind::kAny);
  EXPECT_EQ(node.parts[2].kind, Kind::kNot);
  const FilterNode grouped = Read(R"((uri = "a" AND uri = "b") OR NOT (uri = "c"))");
  ASSERT_EQ(grouped.kind, Kind::kAny);
  EXPECT_EQ(grouped.parts[0].kind, Kind::kAll);
  EXPECT_EQ(Read("").kind, Kind::kAll);
  EXPECT_TRUE(Read("  ").parts.empty());
}

TEST(MetadataFilterTest, ReadsWhatItWroteAsTheSame) {
  for (const std::string_view text :
       {R"(uri = "a\"b\\" AND (state = PENDING OR metadata."x y".number_value < 1e300))",
        R"(NOT (display_name != "x" AND in_context("c")) OR update_time >= "2026-01-02T03:04:05.000006Z")"}) {
    const FilterNode node = Read(text);
    EXPECT_EQ(Read(FilterText(Noun::kArtifact, node)), node) << FilterText(Noun::kArtifact, node);
  }
}

TEST(MetadataFilterTest, NoTextUpsetsItAndWhatItTakesItTakesAgain) {
  const std::vector<std::string> pieces = {"uri",
                                           "=",
                                           "!=",
                                           "\"a\"",
                                           " AND ",
                                           " OR ",
                                           "NOT ",
                                           "-",
                                           "(",
                                           ")",
                                           ".",
                                           "metadata",
                                           "x",
                                           "number_value",
                                           "1.5",
                                           "state",
                                           "LIVE",
                                           "'",
                                           "\\",
                                           ":",
                                           "in_context(\"c\")",
                                           ">",
                                           "\xc3",
                                           "\xc3\xa4",
                                           "name",
                                           "\"2026-01-02T03:04:05Z\"",
                                           "create_time",
                                           " "};
  Random random(7);
  int taken = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (std::uint64_t i = random.Below(12); i > 0; --i) text += pieces[random.Below(pieces.size())];
    const Result<FilterNode> node = ParseMetadataFilter(Noun::kArtifact, text);
    if (!node.ok()) continue;
    ++taken;
    const std::string again = FilterText(Noun::kArtifact, *node);
    const Result<FilterNode> second = ParseMetadataFilter(Noun::kArtifact, again);
    if (!second.ok() && second.error().message.find("parentheses are deeper") != std::string::npos) continue;
    ASSERT_TRUE(second.ok()) << text << " was written " << again << ": " << second.error().message;
    ASSERT_EQ(*second, *node) << text << " was written " << again;
  }
  EXPECT_GT(taken, 100);
}

TEST(MetadataFilterTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Refused("uri ="), "filter: expected a value at byte 5, before \"\"");
  EXPECT_EQ(Refused("uri ~ 3"), "filter: expected =, !=, <, <=, > or >= at byte 4, before \"~ 3\"");
  EXPECT_EQ(Refused("uri = \"a"), "filter: a quote does not end at byte 6, before \"\\\"a\"");
  EXPECT_TRUE(Refused("colour = 3").starts_with("filter: \"colour\" is none of the fields name, display_name, uri"));
  EXPECT_TRUE(Refused("uri = a", Noun::kExecution).find("none of the fields name, display_name, state") !=
              std::string::npos);
  EXPECT_TRUE(Refused("uri = a uri = b").starts_with("filter: expected AND or OR at byte 8"));
  EXPECT_TRUE(Refused("(uri = a").starts_with("filter: expected )"));
  EXPECT_TRUE(Refused("state = WARM").starts_with("filter: \"WARM\" is no state"));
  EXPECT_TRUE(Refused("state < LIVE").starts_with("filter: states and truths are equal or not"));
  EXPECT_TRUE(Refused("create_time > yesterday").find("is no time like") != std::string::npos);
  EXPECT_TRUE(Refused("metadata.a.number_value > many").find("is no number") != std::string::npos);
  EXPECT_TRUE(Refused("metadata.a > 3").find("metadata is asked for as") != std::string::npos);
  EXPECT_TRUE(Refused("in_context(\"c\")", Noun::kContext).find("contexts are in none") != std::string::npos);
  EXPECT_TRUE(Refused("((((((uri = a))))))").find("parentheses are deeper than 5") != std::string::npos);
  EXPECT_TRUE(Refused(std::string("uri = \"\xff\"")).find("not UTF-8") != std::string::npos);
  EXPECT_TRUE(Refused(std::string(kFilterBytesMax + 1, ' ')).find("at most 16384") != std::string::npos);
  std::string many = "uri = a";
  for (int i = 0; i < 100; ++i) many += " OR uri = a";
  EXPECT_TRUE(Refused(many).find("more than 100 restrictions") != std::string::npos);
}

TEST(MetadataFilterTest, Orders) {
  EXPECT_EQ(*ParseMetadataOrder(Noun::kArtifact, "create_time desc, display_name"),
            (std::vector<OrderKey>{{Subject::kCreateTime, true}, {Subject::kDisplayName, false}}));
  EXPECT_TRUE(ParseMetadataOrder(Noun::kArtifact, "")->empty());
  EXPECT_FALSE(ParseMetadataOrder(Noun::kContext, "state").ok());
  EXPECT_FALSE(ParseMetadataOrder(Noun::kArtifact, "uri down").ok());
}

}  // namespace
}  // namespace mw::lineage
