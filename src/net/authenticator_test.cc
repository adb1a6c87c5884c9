// Tokens, and where one may listen.
#include "net/authenticator.h"

#include <gtest/gtest.h>

namespace mw::net {
namespace {

TEST(CheckListen, BeyondLoopbackOnlyWithTokens) {
  EXPECT_TRUE(CheckListen("127.0.0.1", false).ok());
  EXPECT_TRUE(CheckListen("localhost", false).ok());
  EXPECT_TRUE(CheckListen("0.0.0.0", true).ok());
  const Status refused = CheckListen("0.0.0.0", false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "listening on 0.0.0.0 without tokens would let everyone who reaches this machine run programs on it; "
            "listen on 127.0.0.1 or require tokens");
}

TEST(Tokens, AreLongAndDiffer) {
  const std::string token = NewToken("mw_");
  EXPECT_EQ(token.size(), 46U);
  EXPECT_NE(token, NewToken("mw_"));
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

}  // namespace
}  // namespace mw::net
