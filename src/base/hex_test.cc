// Digits of both cases, and what is none.
#include "base/hex.h"

#include <gtest/gtest.h>

#include <array>

#include "base/text.h"

namespace mw {
namespace {

TEST(HexDigits, HaveValuesInEitherCase) {
  int digits = 0;
  for (int c = -128; c < 128; ++c) digits += HexValue(static_cast<char>(c)) >= 0 ? 1 : 0;
  EXPECT_EQ(digits, 22);
  EXPECT_EQ(HexValue('0'), 0);
  EXPECT_EQ(HexValue('9'), 9);
  EXPECT_EQ(HexValue('a'), 10);
  EXPECT_EQ(HexValue('F'), 15);
}

TEST(HexDigits, BecomeTheBytesThatTheyWereMadeOf) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(FromHex(Hex(bytes)), bytes);
  EXPECT_EQ(FromHex(""), "");
}

TEST(HexDigits, AreRefusedUnlessTheyAreAsWeWriteThem) {
  for (const char* digits : {"0", "0A", "A0", "0g", "g0", " 0", "0x00", "000"}) {
    EXPECT_FALSE(FromHex(digits).has_value()) << digits;
  }
  std::array<std::uint8_t, 2> two{};
  EXPECT_TRUE(FromHex("01ff", two));
  EXPECT_EQ(two, (std::array<std::uint8_t, 2>{1, 255}));
  for (const char* digits : {"01", "01ff00", "01fF"}) EXPECT_FALSE(FromHex(digits, two)) << digits;
}

}  // namespace
}  // namespace mw
