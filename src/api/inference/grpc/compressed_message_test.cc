// Compressed messages in whatever pieces, bombs, and damaged ones.
#include "api/inference/grpc/compressed_message.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "base/random.h"

namespace mw::api::inference {
namespace {

constexpr int kZlib = 15, kGzip = 15 + 16;

std::string Compress(std::string_view text, int window) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> Whole(std::span<const std::string_view> pieces, std::size_t bytes_max) {
  RequestArena arena;
  std::vector<std::string_view> out;
  TRY(Decompress(pieces, bytes_max, arena, out));
  std::string text;
  for (const std::string_view piece : out) text += piece;
  return text;
}

std::string SomeText(std::size_t size, Random& random) {
  std::string text;
  while (text.size() < size)
    text += random.Below(3) == 0 ? "abcdefgh" : std::string(1, static_cast<char>(random.Below(256)));
  return text;
}

TEST(CompressedMessage, IsTheSameInWhateverPieces) {
  Random random(9);
  for (const int window : {kZlib, kGzip}) {
    for (const std::size_t size : {0, 1, 100, 16'384, 16'385, 300'000}) {
      const std::string text = SomeText(size, random).substr(0, size);
      const std::string packed = Compress(text, window);
      std::vector<std::string_view> pieces;
      for (std::string_view rest = packed; !rest.empty(); rest.remove_prefix(pieces.back().size())) {
        pieces.push_back(rest.substr(0, 1 + random.Below(size / 10 + 2)));
      }
      ASSERT_TRUE(LooksCompressed(pieces));
      const auto whole = Whole(pieces, 300'000);
      ASSERT_TRUE(whole.ok()) << whole.error().ToString();
      EXPECT_EQ(*whole, text);
    }
  }
}

TEST(CompressedMessage, IsBounded) {
  const std::string bomb = Compress(std::string(50'000'000, '\0'), kGzip);
  EXPECT_LT(bomb.size(), 100'000U);
  const std::string_view whole = bomb;
  EXPECT_EQ(Whole(std::span(&whole, 1), 1'000'000).error().code, Code::kResourceExhausted);
}

TEST(CompressedMessage, SaysWhatIsWrong) {
  std::string packed = Compress("the quick brown fox jumps over the lazy dog", kGzip);
  for (std::size_t cut = 2; cut < packed.size(); ++cut) {
    const std::string_view piece = std::string_view(packed).substr(0, cut);
    ASSERT_EQ(Whole(std::span(&piece, 1), 1'000).error().message, "the compressed message is cut short");
  }
  packed[15] = static_cast<char>(packed[15] ^ 0x5A);
  const std::string_view piece = packed;
  EXPECT_EQ(Whole(std::span(&piece, 1), 1'000).error().code, Code::kInvalidArgument);
}

TEST(CompressedMessage, IsToldFromMessages) {
  for (const std::string_view plain : {"", "\x0A", "\x0A\x01m", "\x78", "x!"}) {
    EXPECT_FALSE(LooksCompressed(std::span(&plain, 1))) << plain;
  }
}

}  // namespace
}  // namespace mw::api::inference
