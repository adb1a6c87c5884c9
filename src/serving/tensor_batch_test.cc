// Joining and cutting rows, against random tensors.
#include "serving/tensor_batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/random.h"

namespace mw::serving {
namespace {

/// A fixed-size and a BYTES tensor with so many rows of random content.
TensorList RandomRows(Random& random, std::size_t rows) {
  TensorList list;
  const std::int64_t numbers[] = {static_cast<std::int64_t>(rows), 3};
  const auto room = list.Add("numbers", Datatype::kFp32, numbers, rows * 12);
  for (char& byte : room) byte = static_cast<char>(random.Next());
  const std::int64_t texts[] = {static_cast<std::int64_t>(rows), 2, 1};
  list.Add("texts", Datatype::kBytes, texts, 0);
  std::string bytes;
  for (std::size_t i = 0; i < rows * 2; ++i) AppendElement(bytes, std::string(random.Below(5), 'x'));
  list.AppendToLast(bytes);
  return list;
}

void ExpectEqual(const TensorList& a, const TensorList& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].datatype, b[i].datatype);
    EXPECT_TRUE(std::equal(a[i].shape.begin(), a[i].shape.end(), b[i].shape.begin(), b[i].shape.end()));
    EXPECT_EQ(a[i].bytes, b[i].bytes);
  }
}

// Cutting gives back what was joined, byte for byte, parts without rows included.
TEST(TensorBatch, CutIsTheInverseOfJoin) {
  Random random(7);
  TensorList joined;
  for (int round = 0; round < 300; ++round) {
    std::vector<TensorList> parts(1 + random.Below(6));
    std::vector<const TensorList*> pointers;
    std::vector<std::size_t> rows;
    std::size_t total = 0;
    for (TensorList& part : parts) {
      rows.push_back(random.Below(5));
      total += rows.back();
      part = RandomRows(random, rows.back());
      pointers.push_back(&part);
    }
    ASSERT_TRUE(JoinRows(pointers, joined).ok());
    EXPECT_EQ(joined[0].shape[0], static_cast<std::int64_t>(total));
    EXPECT_TRUE(CheckTensor(joined[0]).ok());
    EXPECT_TRUE(CheckTensor(joined[1]).ok());
    const auto cut = CutRows(joined, rows);
    ASSERT_TRUE(cut.ok());
    for (std::size_t i = 0; i < parts.size(); ++i) ExpectEqual((*cut)[i], parts[i]);
  }
}

TensorList One(std::string_view name, Datatype datatype, std::vector<std::int64_t> shape) {
  TensorList list;
  std::size_t bytes = DatatypeBytes(datatype);
  for (const std::int64_t size : shape) bytes *= static_cast<std::size_t>(size);
  list.Add(name, datatype, shape, bytes);
  return list;
}

TEST(TensorBatch, OnlyEqualRowsHaveOneKey) {
  const TensorList base = One("x", Datatype::kFp32, {2, 3});
  const std::uint64_t key = JoinKey(base, 2);
  EXPECT_NE(key, 0U);
  EXPECT_EQ(JoinKey(One("x", Datatype::kFp32, {7, 3}), 7), key) << "other rows";
  EXPECT_EQ(JoinKey(base, 3), 0U) << "the first dimension is not the rows";
  EXPECT_EQ(JoinKey(One("x", Datatype::kFp32, {}), 1), 0U) << "a scalar has no rows";
  EXPECT_EQ(JoinKey(TensorList(), 1), 0U) << "nothing";
  TensorList two = base;
  two.Append(One("y", Datatype::kFp32, {2, 3})[0]);
  for (const TensorList& other :
       {One("y", Datatype::kFp32, {2, 3}), One("x", Datatype::kInt32, {2, 3}), One("x", Datatype::kFp32, {2, 4}),
        One("x", Datatype::kFp32, {2, 3, 1}), One("x", Datatype::kFp32, {2}), two}) {
    EXPECT_NE(JoinKey(other, 2), key);
    TensorList joined;
    const TensorList* const parts[] = {&base, &other};
    EXPECT_EQ(JoinRows(parts, joined).error().code, Code::kInvalidArgument) << "even if their keys were equal";
  }
}

// A model that does not answer with a row for each row cannot be cut, and says so.
TEST(TensorBatch, OutputsOfOtherSizesAreAnError) {
  const std::size_t rows[] = {1, 2};
  EXPECT_TRUE(CutRows(One("y", Datatype::kFp32, {3, 1}), rows).ok());
  for (const TensorList& wrong :
       {One("y", Datatype::kFp32, {2, 1}), One("y", Datatype::kFp32, {}), One("y", Datatype::kFp32, {1, 3})}) {
    EXPECT_EQ(CutRows(wrong, rows).error().code, Code::kInternal);
  }
  TensorList lying;
  const std::int64_t shape[] = {3, 4};
  lying.Add("y", Datatype::kFp32, shape, 12);
  EXPECT_EQ(CutRows(lying, rows).error().code, Code::kInternal) << "fewer bytes than its shape asks for";
}

TEST(TensorBatch, ASampleIsRepeated) {
  Random random(3);
  const TensorList sample = RandomRows(random, 2);
  TensorList out;
  ASSERT_TRUE(RepeatRows(sample, 5, out).ok());
  const std::size_t rows[] = {2, 2, 1};
  const auto cut = CutRows(out, rows);
  ASSERT_TRUE(cut.ok());
  ExpectEqual((*cut)[0], sample);
  ExpectEqual((*cut)[1], sample);
  EXPECT_EQ((*cut)[2][0].bytes, sample[0].bytes.substr(0, 12));
  EXPECT_FALSE(RepeatRows(TensorList(), 5, out).ok());
  EXPECT_FALSE(RepeatRows(One("x", Datatype::kFp32, {0, 3}), 5, out).ok());
}

}  // namespace
}  // namespace mw::serving
