// TASK.json, command lines and result.json as programs see them.
#include "pipelines/step_protocol.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "pipelines/references.h"

namespace mw::pipelines {
namespace {

TaskContext Context(const Graph& graph, const Step& step) {
  return {graph,       step, "r1", "a1", "/base", "", {{"rows", {"sha256:aa", true, 5, "", Json::MakeObject()}}},
          {"/runs/a1"}};
}

Step Eda() {
  Step step;
  step.name = "eda";
  step.argv = {"python3", "eda.py", "--rows={inputs.rows}", "--html={outputs.report}", "{print $1}", "{inputs.}"};
  step.inputs = {{"rows", "validate", "rows"}};
  step.outputs = {{"report", OutputKind::kFile}};
  return step;
}

TEST(StepProtocol, TheTaskSaysWhereEverythingIs) {
  Graph graph;
  graph.pipeline = "p";
  const Step step = Eda();
  const Json task = *Json::Parse(TaskFile(Context(graph, step)));
  EXPECT_EQ(
      task.Dump(),
      R"({"uses":"","step":"eda","run_id":"r1","attempt_id":"a1","pipeline":"p","goal_file":null,)"
      R"("base_directory":"/base","with":{},"inputs":{"rows":{"path":"/runs/a1/inputs/rows","kind":"directory",)"
      R"("digest":"sha256:aa"}},"outputs":{"report":"/runs/a1/outputs/report"},"result":"/runs/a1/result.json"})");
}

TEST(StepProtocol, ReferencesBecomePathsAndOtherBracesStay) {
  Graph graph;
  Step step = Eda();
  EXPECT_EQ(Join(CommandLine(Context(graph, step), "/bin/mw-step"), "|"),
            "python3|eda.py|--rows=/runs/a1/inputs/rows|--html=/runs/a1/outputs/report|{print $1}|{inputs.}");
  step.uses = "train";
  EXPECT_EQ(Join(CommandLine(Context(graph, step), "/bin/mw-step"), "|"), "/bin/mw-step|train|/runs/a1/TASK.json");
}

TEST(StepProtocol, ReadsAResult) {
  const auto result =
      ParseResult(R"({"summary":"143 trees","metrics":{"roc_auc":0.71,"recall":null},"params":{"trees":143},)"
                  R"("outputs":{"model":{"metadata":{"rows":7}}},"findings":[{"column":"wind"}],"later":1})");
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->summary, "143 trees");
  EXPECT_EQ(result->metrics.Dump(), R"({"roc_auc":0.71})") << "a metric without a value is left out";
  EXPECT_EQ(result->output_metadata[0].second.Dump(), R"({"rows":7})");
  EXPECT_TRUE(ParseResult("{}").ok());
}

TEST(StepProtocol, RefusesAResultThatBreaksItsLimits) {
  const std::pair<std::string, std::string_view> bad[] = {
      {"", "result.json"},
      {"[]", "is no JSON object"},
      {R"({"metrics":{"a":"b"}})", "metrics.a is no number"},
      {R"({"metrics":[1]})", "metrics is no object"},
      {R"({"params":{"a":[1]}})", "params.a is no single value"},
      {R"({"findings":{}})", "findings is no list"},
      {Cat(R"({"summary":")", std::string(2001, 'x'), R"("})"), "over 2,000 bytes"},
      {Cat(R"({"metrics":{")", std::string(251, 'x'), R"(":1}})"), "too long"},
      {Cat(R"({"outputs":{"m":{"metadata":{"x":")", std::string(70000, 'x'), R"("}}}})"), "over 64 KiB"},
      {std::string(kMaxResultBytes + 1, ' '), "over 4 MiB"},
  };
  for (const auto& [text, says] : bad) {
    const auto result = ParseResult(text);
    ASSERT_FALSE(result.ok()) << text.substr(0, 50);
    EXPECT_EQ(result.error().code, Code::kInvalidArgument);
    EXPECT_NE(result.error().ToString().find(says), std::string::npos) << result.error().ToString();
  }
}

TEST(References, KnowsAWholeReferenceFromAPart) {
  EXPECT_TRUE(IsReference("{params.x}"));
  for (const char* no :
       {"{params.x} ", "{params.x}{params.y}", "{params.}", "{param.x}", "{params.x", "x", "", "{params.a b}"}) {
    EXPECT_FALSE(IsReference(no)) << no;
  }
}

}  // namespace
}  // namespace mw::pipelines
