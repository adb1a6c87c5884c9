// The examples of the recommendation, and what it calls invalid.
#include "net/trace_context.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mw::net {
namespace {

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kParent = "b7ad6b7169203331";

std::string Header(std::string_view version, std::string_view trace, std::string_view parent, std::string_view flags) {
  return Cat(version, "-", trace, "-", parent, "-", flags);
}

TEST(TraceContext, TheExampleOfTheRecommendation) {
  const auto context = ParseTraceparent(Header("00", kTrace, kParent, "01"));
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(TraceIdText(*context), kTrace);
  EXPECT_EQ(ParentIdText(*context), kParent);
  EXPECT_TRUE(ParseTraceparent(Header("00", kTrace, kParent, "00")).has_value());
  EXPECT_TRUE(ParseTraceparent(Header("00", kTrace, kParent, "ff")).has_value()) << "flags that are not known";
}

TEST(TraceContext, ALaterVersionIsReadAsFarAsItIsKnown) {
  EXPECT_EQ(ParseTraceparent(Header("cc", kTrace, kParent, "01")),
            ParseTraceparent(Header("00", kTrace, kParent, "01")));
  EXPECT_TRUE(ParseTraceparent(Header("cc", kTrace, kParent, "01-what-the-future-will-be-like")).has_value());
  EXPECT_FALSE(ParseTraceparent(Header("cc", kTrace, kParent, "01.what-the-future-will-be-like")).has_value());
}

TEST(TraceContext, WhatIsInvalidIsNone) {
  const std::string zeros(32, '0');
  const std::vector<std::string> invalid = {
      "",
      "00",
      Header("ff", kTrace, kParent, "01"),
      Header("00", zeros, kParent, "01"),
      Header("00", kTrace, zeros.substr(16), "01"),
      Header("00", "0AF7651916CD43DD8448EB211C80319C", kParent, "01"),
      Header("00", kTrace, "b7ad6b716920333", "01"),
      Header("00", kTrace, kParent, "1"),
      Header("00", kTrace, kParent, "0g"),
      Header("0g", kTrace, kParent, "01"),
      Header("00", kTrace, kParent, "01-more"),
      Header("00", kTrace, kParent, "011"),
      Header("00", "0af7651916cd43dd8448eb211c80319x", kParent, "01"),
      Header("00", kTrace, "b7ad6b716920333 ", "01"),
      Cat(" ", Header("00", kTrace, kParent, "01")),
      Cat("00_", kTrace, "-", kParent, "-01"),
  };
  for (const std::string& value : invalid) EXPECT_FALSE(ParseTraceparent(value).has_value()) << value;
}

}  // namespace
}  // namespace mw::net
