// The reader of messages in pieces: the same whatever the pieces, and every fault named.
#include "api/inference/grpc/wire_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using Type = WireReader::Type;

/// What a walk over a message sees, as text.
std::string Walk(std::span<const std::string_view> pieces, RequestArena& arena) {
  WireReader reader(pieces, arena);
  std::string seen;
  while (reader.Next()) {
    CatTo(seen, reader.field(), ":");
    std::uint64_t number = 0;
    std::uint32_t narrow = 0;
    std::string_view bytes;
    switch (reader.type()) {
      case Type::kVarint: reader.ReadVarint(number), CatTo(seen, number); break;
      case Type::kFixed64: reader.ReadFixed64(number), CatTo(seen, number); break;
      case Type::kFixed32: reader.ReadFixed32(narrow), CatTo(seen, narrow); break;
      case Type::kBytes: reader.ReadBytes(bytes), CatTo(seen, Hex(bytes)); break;
    }
    seen += ' ';
  }
  return reader.failed() ? Cat("fault: ", reader.error()) : seen;
}

std::string WalkWhole(std::string_view message) {
  RequestArena arena;
  return Walk(std::span(&message, 1), arena);
}

const std::string kMessage = std::string("\x08\x96\x01", 3) +  // 1: 150
                             std::string(
                                 "\x12\x03"
                                 "abc",
                                 5) +                                                           // 2: abc
                             std::string("\x1D\x01\x00\x00\x80", 5) +                           // 3: fixed32
                             std::string("\x21\x02\0\0\0\0\0\0\0", 9) +                         // 4: fixed64
                             std::string("\x28\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11) +  // 5: 2^64-1
                             std::string("\x12\x00", 2);                                        // 2: empty

TEST(WireReader, ReadsEveryType) {
  EXPECT_EQ(WalkWhole(kMessage), "1:150 2:616263 3:2147483649 4:2 5:18446744073709551615 2: ");
  EXPECT_EQ(WalkWhole(""), "");
}

TEST(WireReader, SeesTheSameInWhateverPieces) {
  const std::string whole = WalkWhole(kMessage);
  Random random(7);
  RequestArena arena;
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string_view> pieces;
    for (std::string_view rest = kMessage; !rest.empty();) {
      const std::string_view piece = rest.substr(0, random.Below(4));  // also empty ones
      pieces.push_back(piece);
      rest.remove_prefix(piece.size());
    }
    arena.Clear();
    ASSERT_EQ(Walk(pieces, arena), whole);
  }
}

TEST(WireReader, NamesFaults) {
  for (std::size_t cut = 1; cut < kMessage.size(); ++cut) {
    const std::string walked = WalkWhole(std::string_view(kMessage).substr(0, cut));
    EXPECT_TRUE(walked.starts_with("fault: it ends inside") || cut == 3 || cut == 8 || cut == 13 || cut == 22 ||
                cut == 33)
        << cut << " " << walked;
  }
  EXPECT_EQ(WalkWhole(std::string("\x00\x01", 2)), "fault: a field's number is out of range");
  EXPECT_EQ(WalkWhole("\xFF\xFF\xFF\xFF\x7F\x01"), "fault: a field's number is out of range");
  EXPECT_EQ(WalkWhole("\x0B"), "fault: a field is of a type that the protocol does not use");
  EXPECT_EQ(WalkWhole("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"), "fault: a number has more than 64 bits");
  EXPECT_EQ(WalkWhole("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), "fault: a number has more than 64 bits");
  EXPECT_EQ(WalkWhole("\x12\xFF\xFF\xFF\xFF\x7F"), "fault: it ends inside a field");
  const std::string long_zero("\x80\x80\x80\x80\x80\x00", 6);
  EXPECT_EQ(WalkWhole("\x12" + long_zero), "fault: a tag or a length has more than 5 bytes");
  EXPECT_EQ(WalkWhole("\x8A" + long_zero.substr(1) + long_zero), "fault: a tag or a length has more than 5 bytes");
  EXPECT_EQ(WalkWhole("\x08" + long_zero), "1:0 ");
}

TEST(WireReader, AlignsWhatIsAskedForAligned) {
  RequestArena arena;
  const std::string message = std::string("\x0A\x08", 2) + "12345678";
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::string text(shift, 'x');
    text += message;
    const std::string_view whole = std::string_view(text).substr(shift);
    WireReader reader(std::span(&whole, 1), arena);
    std::string_view bytes;
    ASSERT_TRUE(reader.Next() && reader.ReadAligned(8, bytes));
    EXPECT_EQ(bytes, "12345678");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % 8, 0U);
  }
}

TEST(WireReader, RefusesAFieldOfAnotherType) {
  RequestArena arena;
  WireReader reader(kMessage, arena);
  std::string_view bytes;
  ASSERT_TRUE(reader.Next());
  EXPECT_FALSE(reader.ReadBytes(bytes));
  EXPECT_STREQ(reader.error(), "a field is of another type than the protocol says");
  EXPECT_FALSE(reader.Next());
}

TEST(RequestArena, KeepsViewsAndForgetsMuch) {
  RequestArena arena;
  std::vector<std::span<char>> parts;
  for (std::size_t size = 1; size < 5'000; size += 37) {
    parts.push_back(arena.Allocate(size));
    std::fill(parts.back().begin(), parts.back().end(), static_cast<char>(parts.size()));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(parts[i].data()) % RequestArena::kAlignment, 0U);
    for (const char byte : parts[i]) ASSERT_EQ(byte, static_cast<char>(i + 1));
  }
  arena.Clear();
  EXPECT_EQ(arena.Allocate(8).size(), 8U);
}

}  // namespace
}  // namespace mw::api::inference
