// Sources that lead to the server's own files are refused, however they are written.
#include "api/mlflow/model_source.h"

#include <gtest/gtest.h>

namespace mw::api::mlflow {
namespace {

TEST(ModelSourceTest, TakesWhatLiesInAStore) {
  for (const char* source :
       {"mlflow-artifacts:/1/0123/artifacts/model", "mlflow-artifacts://host:5000/1/a", "models:/m-0123",
        "models:/iris/3", "s3://bucket/models/iris", "http://host/api/2.0/mlflow-artifacts/artifacts/1",
        "mlflow-artifacts:/a//b/", "mlflow-artifacts:/1/run/artifacts/a b+c%20d", "dbfs:/models/..x"}) {
    EXPECT_TRUE(CheckSource(source, SourceOf::kRun).ok()) << source;
    EXPECT_TRUE(CheckSource(source, SourceOf::kLoggedModel).ok()) << source;
  }
}

TEST(ModelSourceTest, RefusesPathsOfTheMachineAndPathsThatGoUp) {
  for (const char* source : {"/etc/passwd",
                             "file:///etc/passwd",
                             "FILE:/etc",
                             "file://localhost/etc",
                             "../x",
                             "./x",
                             "x",
                             "",
                             "mlflow-artifacts:/../../etc",
                             "mlflow-artifacts:/a/../b",
                             "mlflow-artifacts:/a%2f..%2f..%2fb",
                             "mlflow-artifacts:/a%252f..%252fb",
                             "mlflow-artifacts:/%2e%2e/b",
                             "mlflow-artifacts:/a/./b",
                             "mlflow-artifacts://host/../x",
                             "s3:bucket",
                             "s3://bucket",
                             "models:x",
                             "mlflow-artifacts:/a%00b",
                             "mlflow-artifacts:/a\\..\\b",
                             "mlflow-artifacts:/a%5c..%5cb",
                             "http://host/?x=/../../"}) {
    const Status checked = CheckSource(source, SourceOf::kRun);
    ASSERT_FALSE(checked.ok()) << source;
    EXPECT_EQ(checked.error().code, Code::kInvalidArgument) << source;
    EXPECT_TRUE(checked.error().message.starts_with("Invalid model version source: '")) << checked.error().message;
  }
  EXPECT_FALSE(CheckSource("s3:/" + std::string(5000, 'a'), SourceOf::kRun).ok());
}

TEST(ModelSourceTest, PromptsHaveWordsForSources) {
  EXPECT_TRUE(CheckSource("prompt-template", SourceOf::kPrompt).ok());
  EXPECT_FALSE(CheckSource("/etc/passwd", SourceOf::kPrompt).ok());
  EXPECT_FALSE(CheckSource("file:x", SourceOf::kPrompt).ok());
  EXPECT_FALSE(CheckSource("http://h/../x", SourceOf::kPrompt).ok());
}

TEST(ModelSourceTest, ReadsModelUris) {
  EXPECT_EQ((*ParseModelUri("models:/m-12"))->logged_model, "m-12");
  const auto version = *ParseModelUri("models:/iris/3");
  EXPECT_EQ(version->name, "iris");
  EXPECT_EQ(version->reference, "3");
  const auto alias = *ParseModelUri("models:/iris@best");
  EXPECT_TRUE(alias->by_alias);
  EXPECT_EQ(alias->reference, "best");
  EXPECT_FALSE(ParseModelUri("s3://x/y")->has_value());
  for (const char* bad :
       {"models:iris", "models://host/iris/3", "models:/", "models:/a/b/c", "models:/@x", "models:/x@"}) {
    EXPECT_FALSE(ParseModelUri(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace mw::api::mlflow
