// JSON: round trips, limits, and errors that name what is wrong.
#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mw {
namespace {

TEST(Json, RoundTripsExactly) {
  for (const char* text : {"null", "true", "-9223372036854775808", "9223372036854775807", "0.1", "1e+300",
                           "\"a\\nb\\u0001\"", "[]", "{\"b\":1,\"a\":[1,2.5,{\"c\":null}]}", "\"Z\xC3\xBCrich\""}) {
    const auto parsed = Json::Parse(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(*Json::Parse(parsed->Dump()), *parsed) << text;
    EXPECT_EQ(*Json::Parse(parsed->DumpPretty()), *parsed) << text;
  }
  EXPECT_EQ(Json::Parse("{\"b\":1,\"a\":2}")->Dump(), "{\"b\":1,\"a\":2}");
  EXPECT_EQ(Json(3.0).Dump(), "3.0");
  EXPECT_EQ(Json(std::nan("")).Dump(), "null");
  EXPECT_EQ(Json(std::uint64_t{18446744073709551615u}).AsDouble(), 18446744073709551615.0);
}

TEST(Json, RefusesWhatReadersWouldDisagreeAbout) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,\"a\":2}", "nul", "\"\xff\"", "1 2", "{'a':1}", "NaN"}) {
    EXPECT_EQ(Json::Parse(text).error().code, Code::kInvalidArgument) << text;
  }
  EXPECT_FALSE(Json::Parse(std::string(100, '[') + std::string(100, ']')).ok());
}

TEST(Json, AccessorsNameTheKeyAndWhatWasFound) {
  const Json object = Json::Make({{"name", "iris"}, {"rows", 3}});
  EXPECT_EQ(*object.GetString("name"), "iris");
  EXPECT_EQ(*object.GetDouble("rows"), 3.0);
  EXPECT_EQ(object.GetString("rows").error().message, "the key \"rows\" wants text, not a number");
  EXPECT_EQ(object.GetInt("cols").error().message, "the key \"cols\" is missing; it wants a whole number");
  EXPECT_EQ(object.IntOr("cols", 7), 7);
}

TEST(Json, InvalidUtf8IsReplacedWhenWritten) { EXPECT_TRUE(Json::Parse(Json("a\xff").Dump()).ok()); }

}  // namespace
}  // namespace mw
