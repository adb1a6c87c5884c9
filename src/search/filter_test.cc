// Filters of every dialect: what they mean, and each sentence that refuses one.
#include "search/filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "search/testing.h"

namespace mw::search {
namespace {

using FilterParser = Result<Filter> (*)(std::string_view);

Clause Only(FilterParser parse, std::string_view text) {
  const Result<Filter> filter = parse(text);
  if (!filter.ok()) {
    ADD_FAILURE() << text << ": " << filter.error().message;
    return {};
  }
  EXPECT_EQ(filter->size(), 1U) << text;
  return filter->empty() ? Clause{} : filter->front();
}

std::string Refusal(FilterParser parse, std::string_view text) {
  const Result<Filter> filter = parse(text);
  if (filter.ok()) return "accepted";
  EXPECT_EQ(filter.error().code, Code::kInvalidArgument);
  return filter.error().message;
}

std::string RunRefusal(std::string_view text) { return Refusal(ParseRunFilter, text); }

Clause OfRun(std::string_view text) { return Only(ParseRunFilter, text); }

Value Integer(std::int64_t value) { return Number{static_cast<double>(value), value}; }
Value Double(double value) { return Number{value, std::nullopt}; }
Value Text(std::string text) { return text; }
using List = std::vector<std::string>;

TEST(RunFilterTest, EveryEntityByEveryAlias) {
  for (const char* alias : {"metric", "metrics", "`metrics`"}) {
    EXPECT_EQ(OfRun(Cat(alias, ".loss < 0.5")), (Clause{Entity::kMetric, "loss", Comparator::kLess, Double(0.5)}));
  }
  for (const char* alias : {"parameter", "parameters", "param", "params"}) {
    EXPECT_EQ(OfRun(Cat(alias, ".depth = '3'")), (Clause{Entity::kParameter, "depth", Comparator::kEqual, Text("3")}));
  }
  for (const char* alias : {"tag", "tags"}) {
    EXPECT_EQ(OfRun(Cat(alias, ".team != \"vision\"")),
              (Clause{Entity::kTag, "team", Comparator::kNotEqual, Text("vision")}));
  }
  for (const char* alias : {"attribute.", "attributes.", "attr.", "run.", ""}) {
    EXPECT_EQ(OfRun(Cat(alias, "status LIKE 'RUN%'")),
              (Clause{Entity::kAttribute, "status", Comparator::kLike, Text("RUN%")}));
  }
  for (const char* alias : {"dataset", "datasets"}) {
    EXPECT_EQ(OfRun(Cat(alias, ".digest ILIKE 'a_'")),
              (Clause{Entity::kDataset, "digest", Comparator::kILike, Text("a_")}));
  }
}

TEST(RunFilterTest, AttributeKeysByTheirAliases) {
  for (const char* key : {"run_id", "run_name", "status", "artifact_uri", "user_id"}) {
    EXPECT_EQ(OfRun(Cat(key, " = 'x'")).key, key);
  }
  for (const char* key : {"`run name`", "attr.`Run name`", "attributes.\"Run Name\"", "\"run name\""}) {
    EXPECT_EQ(OfRun(Cat(key, " = 'x'")).key, "run_name") << key;
  }
  EXPECT_EQ(OfRun("end_time > 5"), (Clause{Entity::kAttribute, "end_time", Comparator::kGreater, Integer(5)}));
  for (const char* key : {"start_time", "created", "Created", "attr.`Created`"}) {
    EXPECT_EQ(OfRun(Cat(key, " >= 1700000000123")),
              (Clause{Entity::kAttribute, "start_time", Comparator::kGreaterOrEqual, Integer(1700000000123)}));
  }
}

TEST(RunFilterTest, KeysKeepTheirDotsAndLoseTheirQuotes) {
  EXPECT_EQ(OfRun("tags.mlflow.source.name = 'x'").key, "mlflow.source.name");
  EXPECT_EQ(OfRun("metrics.`val/loss 1-2: x` > 1").key, "val/loss 1-2: x");
  EXPECT_EQ(OfRun("metrics.\"a b\" > 1").key, "a b");
  EXPECT_EQ(OfRun("metrics.'a b' > 1").key, "a b");
  EXPECT_EQ(OfRun("metrics.a..b > 1").key, "a..b");
  EXPECT_EQ(OfRun("metrics.1a > 1").key, "1a");
  EXPECT_EQ(OfRun("metrics.1 > 1").key, "1");
  EXPECT_EQ(OfRun("params.layers[0] = 'x'").key, "layers[0]");
  EXPECT_EQ(OfRun("params.and = 'x'").key, "and");
  EXPECT_EQ(OfRun("params.in = 'x'").key, "in");
  EXPECT_EQ(OfRun("params.genauigkeit_ä = 'ü'"),
            (Clause{Entity::kParameter, "genauigkeit_ä", Comparator::kEqual, Text("ü")}));
  EXPECT_EQ(OfRun("tags.a.`b c` = 'x'").key, "a.`b c`");
  EXPECT_EQ(OfRun("tags.`` = 'x'").key, "");
  EXPECT_EQ(OfRun("tags. = 'x'").key, "");
  EXPECT_EQ(OfRun("tags. ILIKE 'x'").key, "");
}

TEST(RunFilterTest, NumbersExactAndNearest) {
  EXPECT_EQ(OfRun("metrics.m = 9007199254740993").value, Value(Number{9007199254740992.0, 9007199254740993}));
  EXPECT_EQ(OfRun("metrics.m>-1").value, Integer(-1));
  EXPECT_EQ(OfRun("metrics.m = +1").value, Integer(1));
  EXPECT_EQ(OfRun("metrics.m=1e5").value, Double(1e5));
  EXPECT_EQ(OfRun("metrics.m = 1e+16").value, Double(1e16));
  EXPECT_EQ(OfRun("metrics.m = -1.5E-3").value, Double(-1.5e-3));
  EXPECT_EQ(ParseRunFilter("metrics.m > 1e5AND metrics.m < 2e5")->size(), 2U);
  EXPECT_EQ(OfRun("metrics.m = .5").value, Double(.5));
  EXPECT_EQ(OfRun("metrics.m = 5.").value, Double(5));
  EXPECT_EQ(OfRun("start_time = 9223372036854775808").value, Double(9223372036854775808.0));
}

TEST(RunFilterTest, NumbersBeyondDoublesAreInfiniteOrNought) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string noughts(400, '0');
  EXPECT_EQ(OfRun("metrics.m < 1e999").value, Double(kInfinity));
  EXPECT_EQ(OfRun("metrics.m < 0.001e+99999999999999999999").value, Double(kInfinity));
  EXPECT_EQ(OfRun("metrics.m > -1e999").value, Double(-kInfinity));
  EXPECT_EQ(OfRun(Cat("metrics.m < 1", noughts)).value, Double(kInfinity));
  EXPECT_EQ(OfRun("metrics.m > 123e-999").value, Double(0));
  EXPECT_EQ(OfRun("metrics.m > 1e-99999999999999999999").value, Double(0));
  EXPECT_EQ(OfRun(Cat("metrics.m > 0.", noughts, "1")).value, Double(0));
  EXPECT_TRUE(std::signbit(std::get<Number>(OfRun(Cat("metrics.m > -.", noughts, "1e5")).value).value));
}

TEST(RunFilterTest, TextsKeepWhatStandsBetweenTheQuotes) {
  EXPECT_EQ(OfRun("tags.a = 'it''s'").value, Text("it''s"));
  EXPECT_EQ(OfRun("tags.a = 'it\\'s'").value, Text("it\\'s"));
  EXPECT_EQ(OfRun("tags.a = \"it's\"").value, Text("it's"));
  EXPECT_EQ(OfRun("tags.a = 'say \"x\" AND y'").value, Text("say \"x\" AND y"));
  EXPECT_EQ(OfRun("tags.a = 'C:\\'").value, Text("C:\\"));
  EXPECT_EQ(OfRun("tags.a = ''").value, Text(""));
  EXPECT_EQ(OfRun("tags.a = 'one\ntwo'").value, Text("one\ntwo"));
}

TEST(RunFilterTest, ComparatorsInAnyCaseAndWithoutBlanks) {
  EXPECT_EQ(OfRun("tags.a like'x'").comparator, Comparator::kLike);
  EXPECT_EQ(OfRun("tags.a iLike\"x\"").comparator, Comparator::kILike);
  EXPECT_EQ(OfRun("run_id in('a')").comparator, Comparator::kIn);
  EXPECT_EQ(OfRun("run_id not\n in ('a')").comparator, Comparator::kNotIn);
  EXPECT_EQ(OfRun("tags.a is null"), (Clause{Entity::kTag, "a", Comparator::kIsNull, {}}));
  EXPECT_EQ(OfRun("params.a IS  NOT\tNULL"), (Clause{Entity::kParameter, "a", Comparator::kIsNotNull, {}}));
  EXPECT_EQ(OfRun("metrics.a!=1").comparator, Comparator::kNotEqual);
  EXPECT_EQ(OfRun("metrics.a<=-1").comparator, Comparator::kLessOrEqual);
}

TEST(RunFilterTest, ClausesAreJoinedByAndAlone) {
  const Result<Filter> filter = ParseRunFilter(
      "metrics.a > 1 and params.b = 'x' AND tags.c IS NULL aNd run_id IN ('r') AND dataset.name = 'd'\n");
  ASSERT_TRUE(filter.ok()) << filter.error().message;
  ASSERT_EQ(filter->size(), 5U);
  EXPECT_EQ((*filter)[4].entity, Entity::kDataset);
  for (const char* text : {"params.a = 'x' AND", "AND params.a = 'x'", "params.a='x'AND AND params.b='x'",
                           "params.a = 'x' params.b = 'x'", "AND"}) {
    EXPECT_TRUE(ParseRunFilter(text).ok()) << text;
  }
  EXPECT_EQ(ParseRunFilter("")->size(), 0U);
  EXPECT_EQ(OfRun("\u00a0tags.a\u3000=\u2003'x'").key, "a");
}

TEST(RunFilterTest, ListsAreOfTextsAsWritten) {
  EXPECT_EQ(OfRun("run_id IN ('a', \"b\",'C', 'dE','7')").value, Value(List{"a", "b", "C", "dE", "7"}));
  EXPECT_EQ(OfRun("attr.run_id NOT IN ('A',)").value, Value(List{"A"}));
  EXPECT_EQ(OfRun("dataset.name IN ('train', 'Test')").value, Value(List{"train", "Test"}));
  EXPECT_EQ(OfRun("datasets.context NOT IN ('a')"),
            (Clause{Entity::kDataset, "context", Comparator::kNotIn, List{"a"}}));
}

TEST(RunFilterTest, RefusesWhatIsNoClause) {
  EXPECT_EQ(RunRefusal("params.a = 'x' OR params.b = 'y'"), "Invalid clause(s) in filter string: 'OR'");
  EXPECT_EQ(RunRefusal("params.m = +'"), "Invalid clause(s) in filter string: 'params.m', '=', '+', '''");
  EXPECT_EQ(RunRefusal("params.m"), "Invalid clause(s) in filter string: 'params.m'");
  EXPECT_EQ(RunRefusal("params.m ="), "Invalid clause(s) in filter string: 'params.m', '='");
  EXPECT_EQ(RunRefusal("params.m = 'a';"), "Invalid clause(s) in filter string: ';'");
  EXPECT_EQ(RunRefusal("(params.m = 'a')"), "Invalid clause(s) in filter string: '(params.m = 'a')'");
  EXPECT_EQ(RunRefusal("NOT params.m = 'a'"), "Invalid clause(s) in filter string: 'NOT'");
  EXPECT_EQ(RunRefusal("tags.a IS 'x'"), "Invalid clause(s) in filter string: 'tags.a', 'IS', ''x''");
  EXPECT_EQ(RunRefusal("tags.a NOT NULL"), "Invalid clause(s) in filter string: 'tags.a', 'NOT', 'NULL'");
  EXPECT_EQ(RunRefusal("run_id IN 'a'"), "Invalid clause(s) in filter string: 'run_id', 'IN', ''a''");
  EXPECT_EQ(RunRefusal("metrics.a > = 1"), "Invalid clause(s) in filter string: 'metrics.a', '>', '=', '1'");
  EXPECT_EQ(RunRefusal("tags.b = 'y' -- tags.a = 'x'"), "Invalid clause(s) in filter string: '-- tags.a = 'x''");
  EXPECT_EQ(RunRefusal("tags.b = /* ' */ 'y'"), "Invalid clause(s) in filter string: 'tags.b', '=', '/* ' */ 'y''");
  EXPECT_EQ(RunRefusal("run_id IN ('a'"), "Invalid clause(s) in filter string: 'run_id', 'IN', '('a''");
  EXPECT_EQ(RunRefusal("foo = 'x', tags.a = 'x'"), "Invalid clause(s) in filter string: ','");
  EXPECT_EQ(RunRefusal("1 IN ('a')"), "Invalid clause(s) in filter string: '1', 'IN', '('a')'");
}

TEST(RunFilterTest, RefusesSeveralFiltersAndBlankOnes) {
  EXPECT_EQ(
      RunRefusal("tags.a = 'x'; tags.b = 'y'"),
      "Search filter contained multiple expression \"tags.a = 'x'; tags.b = 'y'\". Provide AND-ed expression list.");
  EXPECT_EQ(RunRefusal("a='\"\\\n';b"),
            "Search filter contained multiple expression 'a=\\'\"\\\\\\n\\';b'. Provide AND-ed expression list.");
  EXPECT_EQ(RunRefusal("  "), "Invalid filter '  '. Could not be parsed.");
}

TEST(RunFilterTest, RefusesWhatIsNoIdentifier) {
  EXPECT_EQ(RunRefusal("1 < metrics.m"), "Invalid comparison clause. Expected 'Identifier' found '1'");
  EXPECT_EQ(RunRefusal("metrics.a-b > 1"), "Invalid comparison clause. Expected 'Identifier' found 'metrics.a-b'");
  EXPECT_EQ(RunRefusal("metrics.a = 1 = 2 = 3"),
            "Invalid comparison clause. Expected 'Identifier' found 'metrics.a = 1 = 2'");
  EXPECT_EQ(RunRefusal("NULL = 'x'"), "Invalid comparison clause. Expected 'Identifier' found 'NULL'");
}

TEST(RunFilterTest, RefusesEntitiesAndKeys) {
  const std::string entities = "Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']";
  EXPECT_EQ(RunRefusal("foo.bar = 'a'"), "Invalid entity type 'foo'. " + entities);
  EXPECT_EQ(RunRefusal("Metrics.a > 1"), "Invalid entity type 'Metrics'. " + entities);
  EXPECT_EQ(RunRefusal("`metrics.a` > 1"), "Invalid entity type '`metrics'. " + entities);
  EXPECT_EQ(RunRefusal("\"metrics\".a > 1"), "Invalid entity type '\"metrics\"'. " + entities);
  EXPECT_EQ(
      RunRefusal("run_uuid = 'x'").find("Invalid attribute key 'run_uuid' specified. Valid keys are '{'run_id', "), 0U);
  EXPECT_EQ(RunRefusal("datasets.foo = 'a'"),
            "Invalid dataset key 'foo' specified. Valid keys are '{'name', 'digest', 'context'}'");
}

TEST(RunFilterTest, RefusesValuesOfAnotherType) {
  EXPECT_EQ(RunRefusal("metrics.m = 'a'"), "Expected numeric value type for metric. Found 'a'");
  EXPECT_EQ(RunRefusal("metrics.m > NaN"), "Expected numeric value type for metric. Found NaN");
  EXPECT_EQ(RunRefusal("metrics.m > 1 + 1"), "Expected numeric value type for metric. Found 1 + 1");
  EXPECT_EQ(RunRefusal("metrics.m > 1+1"), "Expected numeric value type for metric. Found 1+1");
  EXPECT_EQ(RunRefusal("metrics.m > 0x1F"), "Expected numeric value type for metric. Found 0x1F");
  EXPECT_EQ(RunRefusal("Created > '1'"), "Expected numeric value type for numeric attribute: Created. Found '1'");
  EXPECT_EQ(RunRefusal("params.m = 1"), "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1");
  EXPECT_EQ(RunRefusal("tags.m IN ('a')"), "Expected a quoted string value for tag (e.g. 'my-value'). Got value ('a')");
  EXPECT_EQ(RunRefusal("status = 1"), "Expected a quoted string value for attributes. Got value 1");
  EXPECT_EQ(RunRefusal("run_id = ('a')"), "Invalid comparator '=' not one of '{'IN', 'NOT IN'}'");
  EXPECT_EQ(RunRefusal("dataset.name = 1"), "Expected a quoted string value for dataset attributes. Got value 1");
  EXPECT_EQ(RunRefusal("dataset.name = ('a')"), "Invalid comparator '=' not one of '{'IN', 'NOT IN'}'");
  for (const char* value : {"a", "`a`", "tags.b"}) {
    EXPECT_EQ(RunRefusal(Cat("tags.m = ", value)),
              Cat("Parameter value is either not quoted or unidentified quote types used for string value ", value,
                  ". Use either single or double quotes."));
  }
}

TEST(RunFilterTest, RefusesListsThatAreNone) {
  const std::string parsing = "While parsing a list in the query, expected ";
  const std::string ill_formed = parsing + "a non-empty list of string values, but got ill-formed list.";
  EXPECT_EQ(RunRefusal("run_id IN ()"), parsing + "a non-empty list of string values, but got empty list");
  EXPECT_EQ(RunRefusal("run_id IN (1, 'a')"),
            parsing + "string value, punctuation, or whitespace, but got different type in list: (1, 'a')");
  for (const char* list : {"(,)", "(a)", "('a' 'b')", "('a',,'b')", "(('a'))", "(1 2)", "(`a`)", "('a';)"}) {
    EXPECT_EQ(RunRefusal(Cat("run_id IN ", list)), ill_formed) << list;
  }
  EXPECT_EQ(RunRefusal("status IN ('a')"),
            "Only ['run_id'] attributes support comparison with a list of quoted string values.");
}

TEST(RunFilterTest, RefusesComparatorsThatDoNotFit) {
  EXPECT_EQ(RunRefusal("metrics.m == 1"), "Invalid comparator '==' not one of '{'=', '!=', '<', '<=', '>', '>='}'");
  EXPECT_EQ(RunRefusal("start_time like 1"),
            "Invalid comparator 'LIKE' not one of '{'=', '!=', '<', '<=', '>', '>='}'");
  EXPECT_EQ(RunRefusal("tags.a > 'x'"),
            "Invalid comparator '>' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}'");
  EXPECT_EQ(RunRefusal("params.a rlike 'x'"),
            "Invalid comparator 'RLIKE' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}'");
  EXPECT_EQ(RunRefusal("status not like 'x'"),
            "Invalid comparator 'NOT LIKE' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}'");
  EXPECT_EQ(RunRefusal("dataset.name < 'x'"),
            "Invalid comparator '<' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}'");
  EXPECT_EQ(RunRefusal("metrics.a IS NULL"),
            "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'a'");
  EXPECT_EQ(RunRefusal("attr.run_id IS NOT NULL"),
            "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'run_id'");
}

TEST(RunFilterTest, FaultsInMlflowsOrder) {
  EXPECT_EQ(RunRefusal("metrics.a == 1 AND foo.b = 'x' OR"), "Invalid clause(s) in filter string: 'OR'");
  EXPECT_EQ(RunRefusal("metrics.a == 1 AND metrics.b = 'x'"), "Expected numeric value type for metric. Found 'x'");
  EXPECT_EQ(RunRefusal("metrics.a == 1 AND metrics.b LIKE 1").find("Invalid comparator '=='"), 0U);
}

TEST(RunFilterTest, Limits) {
  std::string clauses = "tags.a = 'x'";
  for (std::size_t i = 1; i < kMaxClauses; ++i) clauses += " AND tags.a = 'x'";
  EXPECT_EQ(ParseRunFilter(clauses)->size(), kMaxClauses);
  EXPECT_EQ(RunRefusal(clauses + " AND tags.a = 'x'"),
            "Invalid filter: more than 100 clauses. Search with fewer at once.");

  std::string list = "run_id IN ('a'";
  for (std::size_t i = 1; i < kMaxListEntries; ++i) list += ",'a'";
  EXPECT_TRUE(ParseRunFilter(list + ")").ok());
  EXPECT_EQ(RunRefusal(list + ",'a')"), "Invalid filter: a list of more than 1000 values. Search for fewer at once.");

  const std::string longest = Cat("tags.a = '", std::string(kMaxFilterBytes - 11, 'x'), "'");
  EXPECT_TRUE(ParseRunFilter(longest).ok());
  EXPECT_EQ(RunRefusal(longest + " "),
            "Invalid filter: 65537 bytes, more than 65536. Search with fewer clauses at once.");
  EXPECT_EQ(RunRefusal("tags.a = '\xff'"), "Invalid filter: it is not text in UTF-8, or holds a NUL.");
  EXPECT_EQ(RunRefusal(std::string_view("tags.a = '\0'", 12)),
            "Invalid filter: it is not text in UTF-8, or holds a NUL.");
}

TEST(RunFilterTest, LongFaultsAreQuotedInPart) {
  for (const std::string piece : {"x ", "ä ", "(", "'", "= ", ") ", "a = 1 = ", "a + ", "IN ", "a.", "+"}) {
    std::string text;
    while (text.size() + piece.size() <= kMaxFilterBytes) text += piece;
    EXPECT_LT(RunRefusal(text).size(), 1200U) << piece;
  }
}

TEST(ExperimentFilterTest, KeysAndComparators) {
  const auto only = [](std::string_view text) { return Only(ParseExperimentFilter, text); };
  EXPECT_EQ(only("name ILIKE '%x'"), (Clause{Entity::kAttribute, "name", Comparator::kILike, Text("%x")}));
  EXPECT_EQ(only("attribute.creation_time >= 5"),
            (Clause{Entity::kAttribute, "creation_time", Comparator::kGreaterOrEqual, Integer(5)}));
  EXPECT_EQ(only("last_update_time < 5").key, "last_update_time");
  EXPECT_EQ(only("tags.`a b` = 'x'"), (Clause{Entity::kTag, "a b", Comparator::kEqual, Text("x")}));
  EXPECT_EQ(only("tag.a IS NOT NULL").comparator, Comparator::kIsNotNull);
  EXPECT_EQ(only("attributes.name = 'x'").key, "name");
}

TEST(ExperimentFilterTest, IdsAreWholeNumbers) {
  const auto only = [](std::string_view text) { return Only(ParseExperimentFilter, text); };
  const auto refusal = [](std::string_view text) { return Refusal(ParseExperimentFilter, text); };
  EXPECT_EQ(only("experiment_id = '12'"),
            (Clause{Entity::kAttribute, "experiment_id", Comparator::kEqual, Text("12")}));
  EXPECT_EQ(only("attributes.experiment_id NOT IN ('007', \" 8 \")").value, Value(List{"7", "8"}));
  EXPECT_EQ(refusal("experiment_id LIKE '1%'"), "Invalid comparator for experiment_id: LIKE");
  EXPECT_EQ(refusal("experiment_id > '1'"), "Invalid comparator for experiment_id: >");
  EXPECT_EQ(refusal("experiment_id IN ('1', 'x')"),
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer.");
  EXPECT_EQ(refusal("experiment_id = ('1')"), "Invalid comparator '=' not one of '{'IN', 'NOT IN'}'");
  EXPECT_EQ(refusal("experiment_id = 1"), "Expected a quoted string value for attributes. Got value 1");
  EXPECT_EQ(refusal("creation_time > 2.5"), "Invalid value for numeric attribute 'creation_time': '2.5'");
}

TEST(ExperimentFilterTest, Refusals) {
  const auto refusal = [](std::string_view text) { return Refusal(ParseExperimentFilter, text); };
  EXPECT_EQ(refusal("metric.x > 1"),
            "Invalid entity type 'metric'. Valid entity types are ('attribute', 'attributes', 'tag', 'tags')");
  EXPECT_EQ(refusal("foo = 'x'"),
            "Invalid attribute key 'foo' specified. Valid keys are '{'name', 'experiment_id', 'creation_time', "
            "'last_update_time'}'");
  EXPECT_EQ(refusal("name = 'x' OR name = 'y'"), "Invalid clause(s) in filter string: OR");
  EXPECT_EQ(refusal("name > 'x'"), "Invalid comparator '>' not one of '{'=', '!=', 'LIKE', 'ILIKE'}'");
  EXPECT_EQ(refusal("tags.a > 'x'"), "Invalid comparator for tag: >");
  EXPECT_EQ(refusal("name IS NULL"), "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'");
  EXPECT_EQ(refusal("name IN ('a')"),
            "Only ['experiment_id'] attributes support comparison with a list of quoted string values.");
  EXPECT_EQ(refusal("creation_time = 'x'"),
            "Expected numeric value type for numeric attribute: creation_time. Found 'x'");
}

TEST(RegisteredModelFilterTest, KeysAndRefusals) {
  const auto refusal = [](std::string_view text) { return Refusal(ParseRegisteredModelFilter, text); };
  EXPECT_EQ(Only(ParseRegisteredModelFilter, "name LIKE 'a%'"),
            (Clause{Entity::kAttribute, "name", Comparator::kLike, Text("a%")}));
  EXPECT_EQ(Only(ParseRegisteredModelFilter, "tags.`mlflow.prompt.is_prompt` != 'true'"),
            (Clause{Entity::kTag, "mlflow.prompt.is_prompt", Comparator::kNotEqual, Text("true")}));
  EXPECT_EQ(refusal("creation_timestamp > 1"),
            "Invalid attribute key 'creation_timestamp' specified. Valid keys are '{'name'}'");
  EXPECT_EQ(refusal("name = 1"),
            "Expected a quoted string value or a list of quoted string values for attributes. Got value 1");
  EXPECT_EQ(refusal("name < 'x'"), "Invalid comparator for attribute: <");
  EXPECT_EQ(refusal("tag.a RLIKE 'x'"), "Invalid comparator for tag: RLIKE");
  EXPECT_EQ(refusal("tag.a IS NULL"), "IS NULL / IS NOT NULL is not supported for registered model search.");
  EXPECT_EQ(refusal("foo IS NOT NULL"), "IS NULL / IS NOT NULL is not supported for registered model search.");
  EXPECT_EQ(Only(ParseRegisteredModelFilter, "name NOT IN ('a', 'B')"),
            (Clause{Entity::kAttribute, "name", Comparator::kNotIn, List{"a", "B"}}));
  EXPECT_EQ(refusal("name = ('a')"), "Invalid comparator for attribute: =");
}

TEST(ModelVersionFilterTest, KeysAndRefusals) {
  const auto only = [](std::string_view text) { return Only(ParseModelVersionFilter, text); };
  const auto refusal = [](std::string_view text) { return Refusal(ParseModelVersionFilter, text); };
  EXPECT_EQ(only("name = 'a/b'").key, "name");
  EXPECT_EQ(only("source_path LIKE 's3://%'").key, "source_path");
  EXPECT_EQ(only("run_id NOT IN ('a','B')"),
            (Clause{Entity::kAttribute, "run_id", Comparator::kNotIn, List{"a", "B"}}));
  EXPECT_EQ(only("name IN ('a')").comparator, Comparator::kIn);
  EXPECT_EQ(only("version_number >= 2"),
            (Clause{Entity::kAttribute, "version_number", Comparator::kGreaterOrEqual, Integer(2)}));
  EXPECT_EQ(only("version_number = '2'").value, Integer(2));
  EXPECT_EQ(refusal("version_number LIKE 2"), "Invalid comparator for attribute version_number: LIKE");
  EXPECT_EQ(refusal("version_number LIKE 'x'"), "Invalid comparator for attribute version_number: LIKE");
  EXPECT_EQ(refusal("version_number = 'x'"), "Invalid value for numeric attribute 'version_number': 'x'");
  EXPECT_EQ(refusal("version_number < 2.5"), "Invalid value for numeric attribute 'version_number': 2.5");
  EXPECT_EQ(refusal("version_number IN ('1')"),
            "Only ['name', 'run_id'] attributes support comparison with a list of quoted string values.");
  EXPECT_EQ(refusal("run_id IS NULL"), "IS NULL / IS NOT NULL is not supported for model version search.");
  EXPECT_EQ(refusal("name = 1"), "Only the '{'version_number'}' attributes support comparison with numeric values.");
  EXPECT_EQ(refusal("source_path IN ('a')"),
            "Only ['name', 'run_id'] attributes support comparison with a list of quoted string values.");
  EXPECT_EQ(refusal("params.a = 'x'").find("Invalid entity type 'params'. Valid entity types are"), 0U);
}

TEST(LoggedModelFilterTest, KeysAndRefusals) {
  const auto only = [](std::string_view text) { return Only(ParseLoggedModelFilter, text); };
  const auto refusal = [](std::string_view text) { return Refusal(ParseLoggedModelFilter, text); };
  for (const char* key : {"name", "model_id", "model_type", "status", "source_run_id"}) {
    EXPECT_EQ(only(Cat("attributes.", key, " NOT IN ('Ab')")),
              (Clause{Entity::kAttribute, key, Comparator::kNotIn, List{"Ab"}}));
  }
  EXPECT_EQ(only("creation_time > 1").key, "creation_timestamp");
  EXPECT_EQ(only("creation_timestamp > 1").key, "creation_timestamp");
  EXPECT_EQ(only("last_updated_time > 1").key, "last_updated_timestamp");
  EXPECT_EQ(only("metrics.accuracy > 0.9").entity, Entity::kMetric);
  EXPECT_EQ(only("params.a = 'x'").entity, Entity::kParameter);
  EXPECT_EQ(refusal("tags.a IS NULL"), "Invalid comparator 'IS NULL' not one of '{'=', '!=', 'LIKE', 'ILIKE'}'");
  EXPECT_EQ(refusal("name IS NULL"),
            "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'name'");
  EXPECT_EQ(refusal("dataset.name = 'x'").find("Invalid entity type 'dataset'."), 0U);
  EXPECT_EQ(
      refusal("name < 'x'").find("Invalid comparator '<' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}"),
      0U);
}

TEST(FilterTextTest, ReadsAsItWasWritten) {
  const std::string_view text =
      "metrics.`a b` >= -0.25 AND params.c = \"it's\" AND tags.d IS NOT NULL AND run_id NOT IN ('x', 'y') AND "
      "start_time < 12 AND dataset.name ILIKE '%\"%'";
  const Result<Filter> filter = ParseRunFilter(text);
  ASSERT_TRUE(filter.ok()) << filter.error().message;
  const std::optional<std::string> again = ToText(*filter);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again,
            "metric.`a b` >= -0.25 AND parameter.`c` = \"it's\" AND tag.`d` IS NOT NULL  AND attribute.`run_id` NOT IN "
            "('x', 'y') AND attribute.`start_time` < 12 AND dataset.`name` ILIKE '%\"%'");
  EXPECT_EQ(*ParseRunFilter(*again), *filter);
}

}  // namespace
}  // namespace mw::search
