// Tensors: sizes, limits, the layout of BYTES.
#include "serving/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

namespace mw::serving {
namespace {

TEST(Tensor, EveryDatatypeIsFoundByItsName) {
  for (std::size_t i = 0; i < kDatatypes; ++i) {
    const auto datatype = static_cast<Datatype>(i);
    EXPECT_EQ(DatatypeFromName(DatatypeName(datatype)), datatype);
  }
  EXPECT_EQ(DatatypeBytes(*DatatypeFromName("FP64")), 8U);
  EXPECT_FALSE(DatatypeFromName("fp32"));
}

TEST(Tensor, EveryHalfAndBrainComesBackAsItWas) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (!std::isnan(HalfToFloat(half))) {
      ASSERT_EQ(FloatToHalf(HalfToFloat(half)), half);
    }
    if (!std::isnan(BrainToFloat(half))) {
      ASSERT_EQ(FloatToBrain(BrainToFloat(half)), half);
    }
  }
  EXPECT_EQ(HalfToFloat(0x3C00), 1.0F);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24F);
  EXPECT_EQ(FloatToHalf(1.0F + 0x1p-11F), 0x3C00);  // halfway: to even
  EXPECT_EQ(FloatToHalf(70000.0F), 0x7C00);
  EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(std::nanf("")))));
}

TEST(Tensor, AShapeThatOverflowsIsRefused) {
  const std::array<std::int64_t, 3> shape = {std::int64_t{1} << 40, std::int64_t{1} << 40, 0};
  EXPECT_EQ(ElementCount(shape).error().code, Code::kInvalidArgument);
  EXPECT_EQ(ElementCount(std::span(shape).first(0)).value(), 1U);
  const std::array<std::int64_t, 2> negative = {2, -1};
  EXPECT_EQ(ElementCount(negative).error().code, Code::kInvalidArgument);
  const std::array<std::int64_t, 9> deep = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_EQ(ElementCount(deep).error().code, Code::kInvalidArgument);
}

TEST(Tensor, BytesMustBeAsManyAsTheShapeAsks) {
  const std::array<std::int64_t, 2> shape = {2, 3};
  EXPECT_TRUE(CheckTensor({"x", Datatype::kFp32, shape, std::string(24, '\0')}).ok());
  const Status wrong = CheckTensor({"x", Datatype::kFp32, shape, std::string(23, '\0')});
  EXPECT_EQ(wrong.error().ToString(), "tensor \"x\" has 23 bytes, its shape [2, 3] of FP32 asks for 24");
}

TEST(Tensor, ElementsOfBytesAreWalkedAndACutOneIsRefused) {
  std::string bytes;
  AppendElement(bytes, "JFK");
  AppendElement(bytes, "");
  const std::array<std::int64_t, 1> shape = {2};
  EXPECT_TRUE(CheckTensor({"origin", Datatype::kBytes, shape, bytes}).ok());
  EXPECT_FALSE(CheckTensor({"origin", Datatype::kBytes, shape, bytes.substr(0, 9)}).ok());
  std::string_view rest = bytes, element;
  ASSERT_TRUE(NextElement(rest, element));
  EXPECT_EQ(element, "JFK");
  ASSERT_TRUE(NextElement(rest, element));
  EXPECT_EQ(element, "");
  EXPECT_FALSE(NextElement(rest, element));
}

TEST(Tensor, AListAlignsEveryTensorAndKeepsItsBytes) {
  TensorList list;
  const std::array<std::int64_t, 1> three = {3}, two = {2};
  std::memcpy(list.Add("flags", Datatype::kBool, three, 3).data(), "\1\0\1", 3);
  const std::array<double, 2> numbers = {0.5, -1.0};
  const std::string_view raw(reinterpret_cast<const char*>(numbers.data()), sizeof numbers);
  list.Append({"x", Datatype::kFp64, two, raw});
  EXPECT_EQ(list[0].bytes, std::string_view("\1\0\1", 3));
  EXPECT_EQ(list[1].bytes, raw);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(list[1].bytes.data()) % TensorList::kAlignment, 0U);
  EXPECT_EQ(list.Find("x")->shape[0], 2);
  EXPECT_FALSE(list.Find("y"));
  EXPECT_EQ(list.total_bytes(), 19U);
}

TEST(Tensor, ASpecTakesAnyRowsAndItsOwnColumns) {
  const TensorSpec spec{"x", Datatype::kFp32, {-1, 4}};
  const std::array<std::int64_t, 2> good = {7, 4}, wide = {7, 5};
  EXPECT_TRUE(CheckAgainst(spec, {"x", Datatype::kFp32, good, {}}).ok());
  EXPECT_FALSE(CheckAgainst(spec, {"x", Datatype::kFp32, wide, {}}).ok());
  EXPECT_FALSE(CheckAgainst(spec, {"x", Datatype::kFp64, good, {}}).ok());
}

}  // namespace
}  // namespace mw::serving
