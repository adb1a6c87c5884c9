// Bodies in and out of their codings: known bytes of the command line's gzip and zstd, bombs, cuts.
#include "net/content_coding.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace mw::net {
namespace {

constexpr ContentCoding kAll[] = {ContentCoding::kIdentity, ContentCoding::kGzip, ContentCoding::kDeflate,
                                  ContentCoding::kZstd};

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

TEST(ContentCoding, WhatGoesInComesOut) {
  Random random(3);
  for (const ContentCoding coding : kAll) {
    for (const std::size_t size : {0U, 1U, 70'000U, 1'000'000U}) {
      std::string text;
      for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + random.Below(4));
      std::string coded, back;
      ASSERT_TRUE(EncodeContent(coding, text, coded).ok());
      ASSERT_TRUE(DecodeContent(coding, coded, size, back).ok()) << ContentCodingName(coding) << " " << size;
      EXPECT_EQ(back, text);
      if (size > 0) {
        EXPECT_EQ(DecodeContent(coding, coded, size - 1, back).error().code, Code::kResourceExhausted);
      }
    }
  }
}

// printf hi | gzip -n, and printf hi | zstd --no-check
TEST(ContentCoding, OtherProgramsBytesAreRead) {
  std::string out;
  ASSERT_TRUE(DecodeContent(ContentCoding::kGzip, Bytes({0x1f, 0x8b, 8, 0,    0,    0,    0,    0, 0, 3, 0xcb,
                                                         0xc8, 4,    0, 0xac, 0x2a, 0x93, 0xd8, 2, 0, 0, 0}),
                            100, out)
                  .ok());
  EXPECT_EQ(out, "hi");
  ASSERT_TRUE(
      DecodeContent(ContentCoding::kZstd, Bytes({0x28, 0xb5, 0x2f, 0xfd, 0x20, 2, 0x11, 0, 0, 'h', 'i'}), 100, out)
          .ok());
  EXPECT_EQ(out, "hi");
}

TEST(ContentCoding, ABombEndsAtTheBound) {
  const std::string zeros(64 << 20, '\0');
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    std::string coded, out;
    ASSERT_TRUE(EncodeContent(coding, zeros, coded).ok());
    EXPECT_LT(coded.size(), std::size_t{1} << 20);
    EXPECT_EQ(DecodeContent(coding, coded, 1 << 20, out).error().code, Code::kResourceExhausted);
    EXPECT_LE(out.size(), (std::size_t{1} << 20) + 1);
  }
}

TEST(ContentCoding, CutAndDamagedBodiesAreRefused) {
  Random random(5);
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>('a' + random.Below(8));
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kDeflate, ContentCoding::kZstd}) {
    std::string coded, out;
    ASSERT_TRUE(EncodeContent(coding, text, coded).ok());
    for (std::size_t cut = 0; cut < coded.size(); ++cut) {
      EXPECT_FALSE(DecodeContent(coding, coded.substr(0, cut), 1 << 20, out).ok()) << ContentCodingName(coding) << cut;
    }
    EXPECT_FALSE(DecodeContent(coding, coded + "x", 1 << 20, out).ok());
    EXPECT_FALSE(DecodeContent(coding, "plain text", 1 << 20, out).ok());
  }
}

TEST(ContentCoding, HeadersAreRead) {
  EXPECT_EQ(ParseContentCoding(" GZIP "), ContentCoding::kGzip);
  EXPECT_EQ(ParseContentCoding("zstd"), ContentCoding::kZstd);
  EXPECT_FALSE(ParseContentCoding("br"));
  EXPECT_FALSE(ParseContentCoding("gzip, gzip"));
  EXPECT_EQ(ChooseContentCoding("gzip, deflate, br"), ContentCoding::kGzip);
  EXPECT_EQ(ChooseContentCoding("gzip;q=0.5, zstd;q=0.4"), ContentCoding::kGzip);
  EXPECT_EQ(ChooseContentCoding("gzip, zstd"), ContentCoding::kZstd);
  EXPECT_EQ(ChooseContentCoding("gzip;q=0"), ContentCoding::kIdentity);
  EXPECT_EQ(ChooseContentCoding("gzip;q=1e60, zstd;q=nan"), ContentCoding::kGzip);
  EXPECT_EQ(ChooseContentCoding("gzip;q=-1e60"), ContentCoding::kIdentity);
  EXPECT_EQ(ChooseContentCoding(""), ContentCoding::kIdentity);
  EXPECT_EQ(ChooseContentCoding("br"), ContentCoding::kIdentity);
}

}  // namespace
}  // namespace mw::net
