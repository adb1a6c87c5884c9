// Parameters found in whole requests.
#include "api/inference/json_parameter.h"

#include <gtest/gtest.h>

namespace mw::api::inference {
namespace {

TEST(JsonParameter, IsFoundWhereverItStands) {
  JsonParameter parameter;
  const auto user = [&](std::string_view json) { return std::string(parameter.Find(json, "user")); };
  EXPECT_EQ(user(R"({"inputs":[{"parameters":{"user":"no"}}],"parameters":{"a":1,"user":"ada"}})"), "ada");
  EXPECT_EQ(user(R"({"parameters":{"user":"a\u00e4\n"},"inputs":[]})"), "a\u00e4\n");
  EXPECT_EQ(user(R"( {"params" : {"user" : 17 } } )"), "17");
  EXPECT_EQ(user(R"({"parameters":{"user":-1.5e3}})"), "-1.5e3");
  EXPECT_EQ(user(R"({"parameters":{"user":true}})"), "true");
  for (const char* none : {"", "7", "{}", R"({"parameters":7})", R"({"parameters":{}})", R"({"user":"ada"})",
                           R"({"parameters":{"user":null}})", R"({"parameters":{"user":["ada"]}})",
                           R"({"parameters":{"user":"ad)", R"({"inputs":[1,}, "parameters":{"user":"ada"}})"}) {
    EXPECT_EQ(user(none), "") << none;
  }
}

}  // namespace
}  // namespace mw::api::inference
