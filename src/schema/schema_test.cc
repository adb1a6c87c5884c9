// Schemas: both written forms, every fault of a file at once, and what changed between two.
#include "schema/schema.h"

#include <gtest/gtest.h>

namespace mw::schema {
namespace {

constexpr std::string_view kFile = R"(schema: late-departures
label: departed_late
event_time: predicted_at
key: flight_id
columns:
  flight_id: text
  predicted_at: timestamp
  departed_late: {type: boolean}
  temp: {type: float, unit: degF, min: -40, max: 130.5, description: Air at the origin}
  hour: {type: integer, required: true, min: 0, max: 23}
  carrier: {type: category, vocabulary: [AA, "9E", UA]}
)";

Schema Flights() { return *ParseYaml(kFile, "schema.yaml"); }

TEST(Schema, ReadsYaml) {
  const auto schema = ParseYaml(kFile, "schema.yaml");
  ASSERT_TRUE(schema.ok()) << schema.error().ToString();
  EXPECT_EQ(schema->name, "late-departures");
  EXPECT_EQ(schema->label, "departed_late");
  EXPECT_EQ(schema->key, "flight_id");
  ASSERT_EQ(schema->columns.size(), 6U);
  EXPECT_EQ(*schema->Find("temp"),
            (Column{"temp", ColumnType::kFloat, "degF", false, -40.0, 130.5, {}, "Air at the origin"}));
  EXPECT_EQ(schema->Find("carrier")->vocabulary, (std::vector<std::string>{"AA", "9E", "UA"}));
  EXPECT_EQ(schema->Find("flight_id")->type, ColumnType::kText);
  EXPECT_EQ(schema->Find("nobody"), nullptr);
}

TEST(Schema, NamesEveryFaultOfAFileAtOnce) {
  const auto broken = ParseYaml(R"(schema: s
label: departed
columns:
  departed_late: {type: bool}
  temp: {type: float, units: degF, min: 10, max: 5}
  hour: {min: x, type: integer}
  carrier: {type: float, vocabulary: [AA]}
extra: 1
)",
                                "schema.yaml");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(
      broken.error().message,
      "schema.yaml:4: column \"departed_late\": type \"bool\" is none of float, integer, boolean, category, text, "
      "timestamp\n"
      "schema.yaml:5: unknown key \"units\"; did you mean unit?\n"
      "schema.yaml:5: column \"temp\": min 10 is greater than max 5\n"
      "schema.yaml:6: min: \"x\" is not a number\n"
      "schema.yaml:7: column \"carrier\": a vocabulary is for category, not for float\n"
      "schema.yaml:2: label: \"departed\" is no column; add it to columns\n"
      "schema.yaml:8: unknown key \"extra\"; keys here: columns, event_time, key, label, schema");
}

TEST(Schema, RefusesYamlOfAnotherShape) {
  for (const char* text :
       {"schema: s", "columns: {a: float}", "- a", "schema: s\ncolumns: [a]", "schema: s\ncolumns: 3",
        "schema: s\ncolumns:\n  a: {}\n", "schema: s\ncolumns:\n  a: [x]\n"}) {
    EXPECT_FALSE(ParseYaml(text, "schema.yaml").ok()) << text;
  }
}

TEST(Schema, JsonReadsBackEqual) {
  const Schema schema = Flights();
  const std::string text = ToJson(schema).Dump();
  const auto again = FromJson(*Json::Parse(text));
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(*again, schema);
  EXPECT_EQ(ToJson(*again).Dump(), text);
  EXPECT_EQ(*ColumnsFromJson(ColumnsToJson(schema.columns)), schema.columns);
}

TEST(Schema, JsonKeepsItsWrittenForm) {
  Schema schema;
  schema.name = "s";
  schema.columns = {{"a", ColumnType::kInteger, "mi", true, 1.0, {}, {}, ""},
                    {"b", ColumnType::kCategory, "", false, {}, {}, {"x", ""}, "d"}};
  EXPECT_EQ(
      ToJson(schema).Dump(),
      R"({"format_version":1,"name":"s","columns":[{"name":"a","type":"integer","unit":"mi","required":true,"min":1.0},)"
      R"({"name":"b","type":"category","vocabulary":["x",""],"description":"d"}]})");
}

struct BadJson {
  const char* json;
  const char* says;
};

TEST(Schema, RefusesJsonWithTheReason) {
  const BadJson cases[] = {
      {R"([])", "a schema is a JSON object"},
      {R"({"columns":[]})", "format_version"},
      {R"({"format_version":2,"columns":[]})", "format_version 2; this program reads up to 1"},
      {R"({"format_version":0,"columns":[]})", "0 is no version"},
      {R"({"format_version":1})", "columns: wants an array"},
      {R"({"format_version":1,"columns":[1]})", "column 0: wants an object"},
      {R"({"format_version":1,"columns":[{"type":"float"}]})", "name"},
      {R"({"format_version":1,"columns":[{"name":"","type":"float"}]})", "a column's name is empty"},
      {R"({"format_version":1,"columns":[{"name":"a","type":"int"}]})", R"(column "a": type: "int" is none of)"},
      {R"({"format_version":1,"columns":[{"name":"a","type":"float"},{"name":"a","type":"text"}]})",
       R"("a" is there twice)"},
      {R"({"format_version":1,"columns":[{"name":"a","type":"float","min":"1"}]})", "min"},
      {R"({"format_version":1,"columns":[{"name":"a","type":"category","vocabulary":["x","x"]}]})", R"(has "x" twice)"},
      {R"({"format_version":1,"columns":[{"name":"a","type":"category","vocabulary":[3]}]})", "3 is no text"},
      {R"({"format_version":1,"label":"b","columns":[{"name":"a","type":"float"}]})", R"(label: "b" is no column)"},
      {R"({"format_version":1,"label":3,"columns":[]})", "label"},
  };
  for (const BadJson& bad : cases) {
    const auto schema = FromJson(*Json::Parse(bad.json));
    ASSERT_FALSE(schema.ok()) << bad.json;
    EXPECT_NE(schema.error().ToString().find(bad.says), std::string::npos) << bad.json << "\n"
                                                                           << schema.error().ToString();
  }
}

TEST(Schema, ChecksWhatWasPutTogetherInMemory) {
  Schema schema = Flights();
  EXPECT_TRUE(Check(schema).ok());
  schema.Find("temp")->min = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(Check(schema).ok());
  schema = Flights();
  schema.Find("temp")->name = std::string(kNameBytesMax + 1, 'x');
  EXPECT_FALSE(Check(schema).ok());
  schema = Flights();
  schema.key = "";
  EXPECT_TRUE(Check(schema).ok());
}

TEST(SchemaCompare, FindsNothingBetweenEquals) {
  const Schema before = Flights();
  Schema after = before;
  std::swap(after.columns[0], after.columns[4]);
  after.Find("temp")->description = "other words";
  after.name = "another";
  EXPECT_TRUE(Compare(before, after).empty());
}

TEST(SchemaCompare, NamesWhatChanged) {
  const Schema before = Flights();
  Schema after = before;
  after.columns.erase(after.columns.begin() + 1);
  after.Find("temp")->unit = "degC";
  after.Find("temp")->max = {};
  after.Find("hour")->type = ColumnType::kFloat;
  after.Find("hour")->required = false;
  after.Find("carrier")->vocabulary = {"AA", "UA"};
  after.columns.push_back({"wind", ColumnType::kFloat, "mph", false, {}, {}, {}, ""});
  after.event_time = "";
  std::vector<std::string> sentences;
  for (const Difference& difference : Compare(before, after)) sentences.push_back(difference.ToString());
  EXPECT_EQ(sentences, (std::vector<std::string>{
                           "column \"predicted_at\" was dropped (timestamp)",
                           "column \"temp\": unit degF became degC",
                           "column \"temp\": range -40 to 130.5 became -40 to open",
                           "column \"hour\": type integer became float",
                           "column \"hour\": required true became false",
                           "column \"carrier\": vocabulary of 3 values, \"9E\" at 1 became 2 values, \"UA\" at 1",
                           "column \"wind\" was added (float)",
                           "event_time: predicted_at became none",
                       }));
}

}  // namespace
}  // namespace mw::schema
