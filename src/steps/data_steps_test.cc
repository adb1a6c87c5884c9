// The data steps as a pipeline runs them: from files to parts that a model may learn from, and what
// they say about broken input.
#include <gtest/gtest.h>

#include "base/file.h"
#include "data/testing.h"
#include "steps/data_task.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::string_view kFlightsCsv =
    "id,at,known,late,wind\n"
    "a,2013-03-30T12:00:00Z,2013-03-30T14:15:00Z,1,10\n"
    "b,2013-03-31T03:30:00Z,2013-03-31T05:45:00Z,0,20\n"
    "c,2013-03-31T12:00:00Z,2013-03-31T14:15:00Z,0,1048\n"
    "d,2013-04-01T02:00:00Z,2013-04-01T04:15:00Z,0,5\n"
    "e,2013-04-01T03:59:00Z,,,5\n"
    "f,2013-04-01T04:00:00Z,2013-04-01T06:15:00Z,1,5\n"
    "g,2013-04-01T12:00:00Z,,,5\n"
    "h,2013-04-02T04:00:00Z,2013-04-02T06:15:00Z,1,5\n";

class DataStepsTest : public ::testing::Test {
 protected:
  StepTask Task(const std::string& name, Json with, const std::map<std::string, std::string>& inputs,
                const std::vector<std::string>& outputs) {
    StepTask task;
    task.uses = task.step = name;
    task.base_directory = scratch_.path();
    task.with = std::move(with);
    for (const auto& [input, path] : inputs) task.inputs[input] = {path, "directory", "sha256:" + input};
    for (const std::string& output : outputs) task.outputs[output] = Output(name, output);
    task.result_path = scratch_.Directory(name) + "/result.json";
    return task;
  }
  std::string Output(const std::string& step, const std::string& output) const {
    return Cat(scratch_.path(), "/", step, "/", output);
  }
  /// Imports kFlightsCsv and gives it its roles.
  void MakeRows() {
    static_cast<void>(scratch_.File("flights.csv", kFlightsCsv));
    static_cast<void>(scratch_.File("rows.sql", "SELECT id, \"at\", known, late = 1 AS late, wind\nFROM flights;\n"));
    const auto imported = RunImport(Task("import", Json::Make({{"flights", "flights.csv"}}), {}, {"flights"}));
    ASSERT_TRUE(imported.ok()) << imported.error().ToString();
    const auto rows = RunSql(SqlTask());
    ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  }
  StepTask SqlTask() {
    return Task(
        "sql",
        Json::Make(
            {{"file", "rows.sql"}, {"event_time", "at"}, {"known_at", "known"}, {"key", "id"}, {"label", "late"}}),
        {{"flights", Output("import", "flights")}}, {"rows"});
  }
  StepTask SplitTask(Json with) {
    return Task("split", std::move(with), {{"rows", Output("sql", "rows")}}, {"train", "stop_early", "evaluate"});
  }
  StepTask ValidateTask(Json with) {
    return Task("validate", std::move(with), {{"rows", Output("sql", "rows")}}, {"rows", "report"});
  }
  std::string Ids(const std::string& directory) {
    auto session = data::OpenOver({directory});
    EXPECT_TRUE(session.Bind("t", directory).ok());
    const auto rows = session.Query("SELECT coalesce(string_agg(id, ' '), '') FROM t");
    EXPECT_TRUE(rows.ok()) << rows.error().ToString();
    return (*rows)[0][0].AsString();
  }

  data::ScratchDirectory scratch_;
};

TEST_F(DataStepsTest, ImportAndSqlMakeADatasetWithRolesAndSources) {
  MakeRows();
  const auto rows = data::ReadDataset(Output("sql", "rows"));
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ(rows->rows, 8);
  EXPECT_EQ(rows->roles.label, "late");
  EXPECT_EQ(rows->sources, std::vector<std::string>{"sha256:flights"});
  EXPECT_EQ(rows->AsSchema("").Find("late")->type, schema::ColumnType::kBoolean);
  EXPECT_EQ(Ids(Output("sql", "rows")), "a b c d e f g h");
}

TEST_F(DataStepsTest, ImportNamesEveryFileThatItCannotRead) {
  static_cast<void>(scratch_.File("broken.csv", "a,b\n1,2\n3\n"));
  static_cast<void>(scratch_.File("broken.parquet", "PAR1 but no more"));
  const auto result =
      RunImport(Task("import", Json::Make({{"x", "absent.parquet"}, {"y", "broken.csv"}, {"z", "broken.parquet"}}), {},
                     {"x", "y", "z"}));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(ExitCodeOf(result.error()), ExitCode::kBadInput);
  const std::string message = result.error().message;
  EXPECT_NE(message.find("absent.parquet"), std::string::npos) << message;
  EXPECT_NE(message.find("broken.csv:3: "), std::string::npos) << message;
  EXPECT_NE(message.find("broken.parquet: "), std::string::npos) << message;
}

TEST_F(DataStepsTest, SqlSaysWhichColumnsEachTableBrings) {
  MakeRows();
  static_cast<void>(scratch_.File("stations.csv", "id,height\na,3\nb,\n"));
  static_cast<void>(
      scratch_.File("rows.sql",
                    "SELECT flights.id, \"at\", known, late = 1 AS late, height, height * 2 AS twice, wind,\n"
                    "  coalesce(height, 0) AS or_zero FROM flights LEFT JOIN stations ON stations.id = flights.id"));
  const auto imported = RunImport(Task("import", Json::Make({{"flights", "flights.csv"}, {"stations", "stations.csv"}}),
                                       {}, {"flights", "stations"}));
  ASSERT_TRUE(imported.ok()) << imported.error().ToString();
  StepTask task = SqlTask();
  task.inputs["stations"] = {Output("import", "stations"), "directory", "sha256:stations"};
  const auto result = RunSql(task);
  ASSERT_TRUE(result.ok()) << result.error().ToString();
  const auto rows = data::ReadDataset(Output("sql", "rows"));
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ(rows->origins, (data::Origins{{"stations", {"height", "twice"}}})) << "without flights there are no rows";
}

TEST_F(DataStepsTest, SqlNamesItsFileAndLine) {
  MakeRows();
  static_cast<void>(scratch_.File("rows.sql", "SELECT\n  id,\n  windy\nFROM flights\n"));
  const auto result = RunSql(SqlTask());
  ASSERT_FALSE(result.ok());
  EXPECT_TRUE(result.error().message.starts_with("rows.sql:3: Referenced column \"windy\" not found"))
      << result.error().message;
}

// Midnight in New York is 04:00Z in April: d and e still belong to March.
TEST_F(DataStepsTest, SplitCutsAtLocalMidnightAndByWhatWasKnown) {
  MakeRows();
  const auto result = RunSplit(SplitTask(Json::Make({{"train", Json(Json::Array{"2013-03-01", "2013-04-01"})},
                                                     {"stop_early_on", "1d"},
                                                     {"evaluate_until", "2013-04-02"},
                                                     {"timezone", "America/New_York"}})));
  ASSERT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(Ids(Output("split", "train")), "a b");
  EXPECT_EQ(Ids(Output("split", "stop_early")), "c");  // d's label came at 04:15Z, e has none
  EXPECT_EQ(Ids(Output("split", "evaluate")), "f");    // g has no label, h is a day later
  const auto part = data::ReadDataset(Output("split", "stop_early"));
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->split.Dump(), R"({"part":"stop_early","from":"2013-03-31T04:00:00Z","until":"2013-04-01T04:00:00Z",)"
                                R"("rows":1,"unlabelled":1,"known_too_late":1})");
}

// On 10 March the day had 23 hours in New York: a day before midnight is midnight, not one o'clock.
TEST_F(DataStepsTest, SplitCountsDaysAsPeopleDo) {
  MakeRows();
  const auto result = RunSplit(SplitTask(Json::Make({{"train", Json(Json::Array{"2013-03-01", "2013-04-01"})},
                                                     {"stop_early_on", "28d"},
                                                     {"timezone", "America/New_York"}})));
  ASSERT_FALSE(result.ok());  // nothing before 4 March
  EXPECT_NE(result.error().message.find("2013-03-04T05:00:00Z"), std::string::npos) << result.error().message;
}

TEST_F(DataStepsTest, SplitWithoutAnEndEvaluatesOnAllThatFollows) {
  MakeRows();
  const auto result =
      RunSplit(SplitTask(Json::Make({{"train", Json(Json::Array{"2013-03-01", "2013-04-01T04:00:00Z"})}})));
  ASSERT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(Ids(Output("split", "train")), "a b c");
  EXPECT_EQ(Ids(Output("split", "stop_early")), "");
  EXPECT_EQ(Ids(Output("split", "evaluate")), "f h");
}

constexpr std::string_view kSchema =
    "schema: flights\ncolumns:\n  id: {type: text, required: true}\n  at: timestamp\n  known: timestamp\n"
    "  late: boolean\n  wind: {type: float, unit: mph, min: 0, max: 150}\n";

TEST_F(DataStepsTest, ValidateLeavesOutNamesAndCounts) {
  MakeRows();
  static_cast<void>(scratch_.File("schema.yaml", kSchema));
  const auto result = RunValidate(ValidateTask(Json::Make({{"schema", "schema.yaml"}, {"on_anomaly", "quarantine"}})));
  ASSERT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(
      result->summary,
      "8 rows, 1 finding: wind: 1 row against max 150 mph, e.g. 1048 mph (c, 2013-03-31T12:00:00Z); 1 row kept out");
  EXPECT_EQ(Ids(Output("validate", "rows")), "a b d e f g h");
  const auto cleaned = data::ReadDataset(Output("validate", "rows"));
  EXPECT_EQ(cleaned->AsSchema("").Find("wind")->unit, "mph");
  EXPECT_EQ(cleaned->AsSchema("").Find("wind")->type, schema::ColumnType::kFloat);
  const auto report = Json::Parse(*ReadFile(Output("validate", "report")));
  EXPECT_EQ(report->IntOr("quarantined", 0), 1);
  EXPECT_EQ(report->Find("findings")->AsArray().size(), 1U);
}

TEST_F(DataStepsTest, ValidateKeepsOrFailsAsTold) {
  MakeRows();
  static_cast<void>(scratch_.File("schema.yaml", kSchema));
  const auto kept = RunValidate(ValidateTask(Json::Make({{"schema", "schema.yaml"}, {"on_anomaly", "keep"}})));
  ASSERT_TRUE(kept.ok()) << kept.error().ToString();
  EXPECT_EQ(Ids(Output("validate", "rows")), "a b c d e f g h");
  const auto failed = RunValidate(ValidateTask(Json::Make({{"schema", "schema.yaml"}})));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(ExitCodeOf(failed.error()), ExitCode::kBadInput);
  EXPECT_NE(failed.error().message.find("wind: 1 row against max 150 mph"), std::string::npos);
  const auto unknown = RunValidate(ValidateTask(Json::Make({{"schema", "schema.yaml"}, {"on_anomaly", "ignore"}})));
  EXPECT_EQ(unknown.error().message, "with.on_anomaly is \"ignore\"; it must be fail, keep or quarantine");
}

TEST_F(DataStepsTest, ProfileWritesTheColumnsAsked) {
  MakeRows();
  const auto result = RunProfile(Task("profile", Json::Make({{"columns", Json(Json::Array{"wind"})}}),
                                      {{"rows", Output("sql", "rows")}}, {"profile"}));
  ASSERT_TRUE(result.ok()) << result.error().ToString();
  const auto profile = Json::Parse(*ReadFile(Output("profile", "profile")));
  EXPECT_EQ(profile->Find("columns")->AsArray().at(0).DoubleOr("max", 0), 1048);
}

TEST_F(DataStepsTest, OptionsThatNobodyKnowsAreNamed) {
  const auto result = RunSplit(SplitTask(Json::Make({{"evaluate_till", "2013-04-02"}})));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message,
            "step \"split\" (split) knows no option \"evaluate_till\"; did you mean \"evaluate_until\"");
}

TEST(TaskTest, IsReadAndItsResultWritten) {
  data::ScratchDirectory scratch;
  const auto task = ParseTask(
      R"({"uses":"sql","run_id":"r","goal_file":null,"with":{"file":"a.sql"},"inputs":{"t":{"path":"/t","kind":"directory"}},)"
      R"("outputs":{"rows":"/out"},"result":")" +
      scratch.path() + R"(/result.json"})");
  ASSERT_TRUE(task.ok()) << task.error().ToString();
  EXPECT_EQ(task->step, "sql");
  EXPECT_EQ(task->goal_file, "");
  EXPECT_EQ(*task->Input("t"), "/t");
  EXPECT_EQ(task->Input("u").error().message,
            "step \"sql\" (sql) needs the input \"u\"; it has: t. Add it under inputs: in the pipeline");
  StepResult result;
  result.summary = "done";
  result.output_metadata["rows"] = Json::Make({{"rows", 3}});
  ASSERT_TRUE(WriteResult(*task, result).ok());
  const auto written = Json::Parse(*ReadFile(task->result_path));
  EXPECT_EQ(written->Dump(),
            R"({"summary":"done","metrics":{},"params":{},"outputs":{"rows":{"metadata":{"rows":3}}},"findings":[]})");
}

TEST(TaskTest, NamesWhatIsMissing) {
  EXPECT_FALSE(ParseTask("[]").ok());
  EXPECT_NE(ParseTask(R"({"uses":"sql"})").error().message.find("result"), std::string::npos);
  EXPECT_FALSE(ParseTask(R"({"uses":"sql","result":"/r","inputs":{"t":{}}})").ok());
  EXPECT_FALSE(ParseTask(R"({"uses":"sql","result":"/r","with":[]})").ok());
}

TEST(StepsTest, AreFoundByName) {
  EXPECT_TRUE(FindStep("train").ok());
  EXPECT_EQ(FindStep("trian").error().message,
            "no built-in step \"trian\"; did you mean \"train\"; `mw-step --list` shows them");
}

}  // namespace
}  // namespace mw::steps
