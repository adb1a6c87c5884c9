// Answers as people and shells read them.
#include "app/cli/comparison_text.h"

#include <gtest/gtest.h>

namespace mw::app::cli {
namespace {

TEST(ComparisonText, ARecipesRemarksStayRemarks) {
  const Json recipe = *Json::Parse(R"({"missing":["a\nrm -rf x"],"notes":["parameter p = 1\nrm -rf y"],)"
                                   R"("commands":["python train.py 'two\nlines'"]})");
  EXPECT_EQ(RecipeText(recipe),
            "# missing: a\\nrm -rf x\n# parameter p = 1\\nrm -rf y\npython train.py 'two\nlines'\n");
}

TEST(ComparisonText, WhatPeopleRecordedIsShown) {
  const Json graph = *Json::Parse(
      R"({"events":[{"execution":"e1","artifact":"a","direction":"input"},)"
      R"({"execution":"e2","artifact":"a","direction":"input"},{"execution":"e2","artifact":"b","direction":"output"}],)"
      R"("executions":[{"id":"e1","type":"sign-off","started":"2026-11-23T16:38:12.336465Z",)"
      R"("metadata":{"by":"Ann","note":"ready"}},)"
      R"({"id":"e2","type":"deployment","started":"2026-11-23T16:38:13Z","metadata":{"by":"Ann"}},)"
      R"({"id":"e3","type":"train","started":"2026-11-23T16:38:13Z"}]})");
  EXPECT_EQ(RecordsText(graph),
            "\nrecorded  by   at (UTC)             note\nsign-off  Ann  2026-11-23T16:38:12  ready\n");
  EXPECT_EQ(RecordsText(Json::MakeObject()), "");
}

}  // namespace
}  // namespace mw::app::cli
