// Faults: how they are written, what they touch, how mistakes read.
#include "steps/replay_fault.h"

#include <gtest/gtest.h>

namespace mw::steps {
namespace {

data::Dataset Flights() {
  data::Dataset dataset;
  for (const auto& [name, type] :
       {std::pair("temp", schema::ColumnType::kFloat), std::pair("dewp", schema::ColumnType::kFloat),
        std::pair("carrier", schema::ColumnType::kCategory)}) {
    schema::Column column;
    column.name = name;
    column.type = type;
    dataset.columns.push_back(column);
  }
  dataset.origins = {{"weather", {"temp", "dewp", "station"}}, {"planes", {"seats"}}};
  return dataset;
}
const std::vector<std::string> kInputs = {"temp", "dewp", "carrier"};

Result<FaultPlan> Plan(const std::vector<std::string>& texts) {
  std::vector<ReplayFault> faults;
  for (const std::string& text : texts) faults.push_back(TRY(ParseFault(text)));
  return FaultPlan::Make(faults, Flights(), kInputs);
}
std::string Refusal(const std::string& text) {
  const auto plan = Plan({text});
  return plan.ok() ? "accepted" : plan.error().ToString();
}

TEST(ReplayFaultTest, TouchesTheColumnsThatItNames) {
  const auto plan = Plan({"missing=carrier", "scale=temp:1.8", "scale=temp:2"});
  ASSERT_TRUE(plan.ok()) << plan.error().ToString();
  EXPECT_TRUE(plan->Of("carrier").missing);
  EXPECT_EQ(plan->Of("temp").factor, 3.6);
  EXPECT_FALSE(plan->Of("dewp").missing);
  EXPECT_EQ(plan->sentences(),
            (std::vector<std::string>{"carrier missing", "temp multiplied by 1.8", "temp multiplied by 2"}));
}

TEST(ReplayFaultTest, ADroppedTableTakesItsColumnsAlong) {
  const auto plan = Plan({"drop=weather"});
  ASSERT_TRUE(plan.ok()) << plan.error().ToString();
  EXPECT_TRUE(plan->Of("temp").missing);
  EXPECT_TRUE(plan->Of("dewp").missing);
  EXPECT_FALSE(plan->Of("station").missing) << "the model does not take it";
  EXPECT_FALSE(plan->Of("carrier").missing);
  EXPECT_EQ(plan->sentences(), (std::vector<std::string>{"weather dropped: temp, dewp missing"}));
}

TEST(ReplayFaultTest, SaysWhatIsWrong) {
  EXPECT_EQ(Refusal("temp"),
            "the fault \"temp\" names nothing; a fault is missing=COLUMN, drop=TABLE or scale=COLUMN:FACTOR");
  EXPECT_EQ(Refusal("break=temp"),
            "no fault is called \"break\"; a fault is missing=COLUMN, drop=TABLE or scale=COLUMN:FACTOR");
  EXPECT_EQ(Refusal("missing=tmp"), "the model takes no column \"tmp\"; did you mean \"temp\"?");
  EXPECT_EQ(Refusal("scale=temp"), "scale=temp lacks its factor; write scale=COLUMN:FACTOR, e.g. scale=temp:1.8");
  EXPECT_EQ(Refusal("scale=carrier:2"), "\"carrier\" is no number to be scaled");
  EXPECT_EQ(Refusal("drop=airports"),
            "cannot drop \"airports\": the dataset says of planes, weather which columns it brings; name columns "
            "instead: missing=COLUMN");
  EXPECT_EQ(Refusal("drop=planes"), "the model takes no column of \"planes\"");
}

}  // namespace
}  // namespace mw::steps
