// Pipeline files in, graphs or complaints out.
#include "pipelines/yaml_compiler.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "pipelines/triggers.h"

namespace mw::pipelines {
namespace {

constexpr std::string_view kFlights = R"(pipeline: late-departures-training
goal: late-departures
params: {train_from: 2013-01-01, train_until: 2013-04-01, evaluate_until: 2013-05-01}
triggers:
  - {cron: "0 4 1 * *", timezone: America/New_York}
  - {target_missed: [saving, calibration], cooldown: 7d, max_runs: 4, per: 28d}
defaults: {cpu: 1, memory: 2GiB, timeout: 15m, retries: 2, backoff: 10s, cache: true}
on_failure: {policy: fail_fast, notify: [connections-oncall]}
quota: {pool: training, max_concurrent_runs: 1}
steps:
  evaluate: {uses: evaluate, inputs: {model: train.model, rows: split.evaluate},
             with: {slices: [origin, carrier], confidence: 95%}}
  import:   {uses: import, with: {flights: data/flights.parquet, weather: data/weather.parquet}}
  features: {uses: sql, file: features.sql, inputs: {flights: import.flights, weather: import.weather},
             with: {event_time: predicted_at, known_at: known_at}}
  split:    {uses: split, inputs: {rows: features.rows},
             with: {train: ["{params.train_from}", "{params.train_until}"], stop_early_on: 14d,
                    evaluate_until: "{params.evaluate_until}"}}
  validate: {uses: validate, inputs: {rows: split.train}, with: {schema: schema.yaml, on_anomaly: quarantine}}
  eda:      {run: [python3, eda.py, "--rows={inputs.rows}", "--html={outputs.report}"],
             inputs: {rows: validate.rows}, outputs: {report: file}}
  train:    {uses: train, inputs: {rows: validate.rows, stop_early: split.stop_early}, cpu: 2, memory: 4GiB,
             class: spot, with: {algorithm: xgboost, max_depth: 6, learning_rate: 0.06, max_rounds: 500,
                                 early_stopping_rounds: 30, seed: 1}}
  gate:     {uses: gate, inputs: {report: evaluate.report},
             with: {targets: goal, against: production, margin: {roc_auc: 0.005}}}
  register: {uses: register, after: [gate], inputs: {model: train.model},
             with: {model: late-departures, alias: candidate}}
)";

/// A pipeline whose steps: are these lines.
std::string WithSteps(std::string_view steps) {
  return Cat("pipeline: p\nparams: {depth: 6, name: x}\nsteps:\n", steps);
}

std::string Complaints(std::string_view text, const Overrides& overrides = {}) {
  const auto graph = CompileYaml(text, "p.yaml", overrides);
  return graph.ok() ? "" : graph.error().message;
}

Graph Compiled(std::string_view text, const Overrides& overrides = {}) {
  auto graph = CompileYaml(text, "p.yaml", overrides);
  EXPECT_TRUE(graph.ok()) << graph.error().message;
  return graph.ok() ? *graph : Graph{};
}

TEST(YamlCompiler, ReadsTheFlightsPipeline) {
  const Graph graph = Compiled(kFlights);
  ASSERT_EQ(graph.steps.size(), 9U);
  std::vector<std::string> order;
  for (const Step& step : graph.steps) order.push_back(step.name);
  EXPECT_EQ(Join(order, " "), "import features split validate eda train evaluate gate register");
  const Step& train = *graph.Find("train");
  EXPECT_EQ(train.resources.cpu, 2);
  EXPECT_EQ(train.resources.memory_bytes, std::int64_t{4} << 30);
  EXPECT_EQ(train.retries, 2);
  EXPECT_EQ(train.timeout, std::chrono::minutes(15));
  EXPECT_TRUE(train.reads_goal);
  EXPECT_EQ(train.with.Find("max_depth")->AsInt(), 6);
  EXPECT_EQ(graph.Find("split")->with.Find("train")->Dump(), R"(["2013-01-01","2013-04-01"])");
  EXPECT_EQ(graph.Find("import")->outputs.size(), 2U);
  EXPECT_EQ(Join(graph.Find("import")->files, " "), "data/flights.parquet data/weather.parquet");
  EXPECT_EQ(graph.Find("features")->with.Find("file")->AsString(), "features.sql");
  EXPECT_EQ(Join(graph.Find("eda")->files, " "), "python3 eda.py");
  EXPECT_FALSE(graph.Find("gate")->cache) << "it asks about production";
  EXPECT_FALSE(graph.Find("register")->cache);
  EXPECT_EQ(Join(Dependencies(*graph.Find("register")), " "), "train gate");
  EXPECT_EQ(graph.max_concurrent_runs, 1);
  EXPECT_EQ(graph.triggers.AsArray().size(), 2U);
  EXPECT_EQ(graph.notes.size(), 4U) << "triggers, notify, pool and class are kept, and that is said";
}

TEST(YamlCompiler, AGraphSurvivesItsJson) {
  const Graph graph = Compiled(kFlights);
  const auto again = GraphFromJson(*Json::Parse(GraphToJson(graph).Dump()));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(GraphToJson(*again).Dump(), GraphToJson(graph).Dump());
  EXPECT_FALSE(GraphFromJson(*Json::Parse("{}")).ok());
}

TEST(YamlCompiler, ParametersAreOverriddenAndKeepTheirType) {
  const std::string text = WithSteps(
      "  a: {run: [echo, \"{params.name}-{params.depth}\"], with: {depth: \"{params.depth}\", text: "
      "\"d{params.depth}\"}}\n");
  const Graph graph = Compiled(text, {{"depth", "7"}, {"name", "it's"}});
  EXPECT_EQ(graph.steps[0].with.Find("depth")->AsInt(), 7);
  EXPECT_EQ(graph.steps[0].with.Find("text")->AsString(), "d7");
  EXPECT_EQ(graph.steps[0].argv[1], "it's-7");
  EXPECT_EQ(Complaints(text, {{"dept", "7"}}),
            "p.yaml:2: --set dept=7: the pipeline has no parameter \"dept\"; did you mean depth?");
}

// Every mistake of a file is told at once, each on its own line.
TEST(YamlCompiler, TellsAllMistakesAtOnce) {
  const std::string text = Cat("pipeline: p\n", "gaol: x\n", "defaults: {memory: 2GB, timeout: soon}\n", "steps:\n",
                               "  a: {uses: improt, with: {x: y}}\n",
                               "  b: {uses: split, inputs: {rows: c.rows}, with: {train: [2013-02-01, 2013-01-01]}}\n",
                               "  c: {run: [\"{inputs.roes}\"], inputs: {rows: b.trian}, retries: many}\n");
  EXPECT_EQ(
      Complaints(text),
      "p.yaml:3: memory: \"2GB\" is not a size; write it like 512MiB or 2GiB\n"
      "p.yaml:3: timeout: \"soon\" is not a duration; write it like 20ms, 15m, 2h or 28d\n"
      "p.yaml:5: step a: there is no built-in step \"improt\"; did you mean import? A program of your own: run: "
      "[program, argument]\n"
      "p.yaml:6: step b: train is \"[\\\"2013-02-01\\\",\\\"2013-01-01\\\"]\"; write two times [from, until), the "
      "earlier first: [2013-01-01, 2013-04-01]\n"
      "p.yaml:7: retries: \"many\" is not a whole number\n"
      "p.yaml:7: step c: {inputs.roes} names none of its inputs; did you mean rows?\n"
      "p.yaml:2: unknown key \"gaol\"; did you mean goal?\n"
      "p.yaml:6: step b: input rows: the step c has no output \"rows\"; its outputs: none\n"
      "p.yaml:7: step c: input rows: the step b has no output \"trian\"; did you mean train?");
}

struct BadStep {
  std::string_view steps;
  std::string_view says;
};

TEST(YamlCompiler, NamesWhatIsWrongWithAStep) {
  const BadStep cases[] = {
      {"  a: {uses: import}\n", "name at least one file"},
      {"  a: {uses: import, with: {x: ../secret}}\n", "without \"..\""},
      {"  a: {uses: import, run: [x]}\n", "has both uses: and run:; keep one"},
      {"  a: {cpu: 1}\n", "does nothing; write uses:"},
      {"  a: {run: python3 eda.py}\n", "run: wants a list"},
      {"  a: {run: [x], outputs: {y: fiel}}\n", "write file or directory"},
      {"  a: {run: [x], cpu: 0}\n", "cores above 0"},
      {"  a: {run: [x], class: cheap}\n", "is none of spot, reserved"},
      {"  a: {run: [x], after: [b]}\n", "after: there is no step \"b\""},
      {"  a.b: {run: [x]}\n", "the step name \"a.b\""},
      {"  a: {run: [x], inputs: {rows: b}}\n", "write name: step.output"},
      {"  a: {run: [x], inputs: {rows: b.c.d}}\n", "write name: step.output"},
      {"  a: {run: [{params.name}]}\n", "put it in quotes: \"{params.name}\""},
      {"  a: {run: [\"{params.nme}\"]}\n", "there is no parameter \"nme\"; did you mean name?"},
      {"  a: {run: [x], fiel: y}\n", "unknown key \"fiel\""},
      {"  a: {uses: sql, file: q.sql}\n", "reads its tables from inputs"},
      {"  a: {uses: sql, file: ../q.sql, inputs: {x: a.rows}}\n", "leaves the pipeline file's folder"},
      {"  a: {uses: train, inputs: {rows: b.train}, with: {max_dpeth: 3}}\n",
       "no option \"max_dpeth\"; did you mean max_depth?"},
      {"  a: {uses: train, with: {max_depth: deep}}\n", "write a whole number"},
      {"  a: {uses: train}\n", "needs the input \"rows\""},
      {"  a: {uses: validate, inputs: {rows: b.train}}\n", "needs with: {schema: ...}"},
      {"  a: {uses: gate, cache: true, inputs: {report: b.report}}\n", "never cached; remove cache: true"},
      {"  a: {run: [x], after: [a]}\n", "circle: a -> a"},
      {"  a: [x]\n", "wants a map"},
  };
  for (const BadStep& each : cases) {
    EXPECT_NE(Complaints(WithSteps(each.steps)).find(each.says), std::string::npos)
        << each.steps << Complaints(WithSteps(each.steps));
  }
}

TEST(YamlCompiler, NamesTheCircle) {
  EXPECT_EQ(Complaints(WithSteps("  z: {run: [x]}\n"
                                 "  a: {run: [x], inputs: {i: c.o}, outputs: {o: file}, after: [z]}\n"
                                 "  b: {run: [x], inputs: {i: a.o}, outputs: {o: file}}\n"
                                 "  c: {run: [x], after: [b], outputs: {o: file}}\n"
                                 "  d: {run: [x], after: [c]}\n")),
            "p.yaml:6: steps wait for each other in a circle: b -> c -> a -> b; remove one of these inputs or after:");
}

TEST(YamlCompiler, RefusesWhatIsNoPipeline) {
  EXPECT_NE(Complaints("goal: g\n").find("starts with `pipeline: NAME`"), std::string::npos);
  EXPECT_NE(Complaints("pipeline: p\n").find("a pipeline has steps"), std::string::npos);
  EXPECT_NE(Complaints("- a\n").find("starts with `pipeline: NAME`"), std::string::npos);
  EXPECT_NE(
      Complaints("pipeline: p\nsteps: {a: {run: [x]}}\nquota: {max_concurrent_runs: 0}\n").find("wants 1 to 10000"),
      std::string::npos);
}

TEST(YamlCompiler, ChecksCronLines) {
  for (const std::string_view good : {"0 4 1 * *", "*/15 * * * 1-5", "0,30 8-18/2 * 1,7 0", "59 23 31 12 7"}) {
    EXPECT_TRUE(CheckCron(good).ok()) << good;
  }
  const std::pair<std::string_view, std::string_view> bad[] = {{"* * * * * *", "six fields"},
                                                               {"* * * *", "has 4 fields"},
                                                               {"60 * * * *", "the minute \"60\" is not *, 0 to 59"},
                                                               {"* 5-2 * * *", "the hour \"5-2\""},
                                                               {"*/0 * * * *", "the minute"},
                                                               {"5/2 * * * *", "the minute"},
                                                               {"* * 0 * *", "day of month"},
                                                               {"* * * jan *", "month"},
                                                               {", * * * *", "minute"},
                                                               {"", "has 0 fields"}};
  for (const auto& [text, says] : bad) {
    const Status checked = CheckCron(text);
    ASSERT_FALSE(checked.ok()) << text;
    EXPECT_NE(checked.error().message.find(says), std::string::npos) << checked.error().message;
  }
}

TEST(YamlCompiler, TenThousandStepsCompile) {
  std::string steps;
  for (int i = 0; i < 10000; ++i) {
    CatTo(steps, "  s", i, ": {run: [x]", i == 0 ? "" : Cat(", after: [s", i - 1, "]"), "}\n");
  }
  EXPECT_EQ(Compiled(WithSteps(steps)).steps.size(), 10000U);
}

}  // namespace
}  // namespace mw::pipelines
