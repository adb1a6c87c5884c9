// Tensors as the Open Inference Protocol names and types them: what goes into a model that takes tensors, comes out
// of any model, and travels to a worker process. One layout everywhere: row-major, little-endian, and each element of
// BYTES is four bytes of length and that many bytes (the protocol's binary tensor extension), so requests are joined
// to a batch and answers cut from it by copying whole rows.
//
// Plain values; a view outlives nothing. Invariant: a TensorView that CheckTensor accepted has exactly the bytes that
// shape and datatype ask for.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::serving {

/// The protocol's datatypes, in the order of the numbers that a worker is told.
enum class Datatype : std::uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes,
};
inline constexpr std::size_t kDatatypes = 14;
/// "BOOL", "UINT8", ..., "BYTES".
std::string_view DatatypeName(Datatype datatype);
std::optional<Datatype> DatatypeFromName(std::string_view name);
/// Of one element; 0 for kBytes, whose elements differ.
std::size_t DatatypeBytes(Datatype datatype);
/// IEEE 754 half precision (FP16).
float HalfToFloat(std::uint16_t half);
/// The upper half of a float32 (BF16).
inline float BrainToFloat(std::uint16_t brain) { return std::bit_cast<float>(static_cast<std::uint32_t>(brain) << 16); }
/// The nearest, of two equally near the even one; infinite beyond the range.
std::uint16_t FloatToHalf(float value);
std::uint16_t FloatToBrain(float value);

// Limits of one request's tensors; a shape product is checked against overflow before it means anything.
inline constexpr std::size_t kTensorDimensionsMax = 8;
inline constexpr std::uint64_t kTensorBytesMax = std::uint64_t{64} << 20;
inline constexpr std::size_t kTensorsMax = 10'000;
inline constexpr std::size_t kTensorNameBytesMax = 1'024;

/// An input or output as a model declares it.
struct TensorSpec {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<std::int64_t> shape;  ///< -1: any size
  bool operator==(const TensorSpec&) const = default;
};

struct TensorView {
  std::string_view name;
  Datatype datatype = Datatype::kFp32;
  std::span<const std::int64_t> shape;
  std::string_view bytes;
};

/// The product of a shape. Errors: kInvalidArgument for a negative size, too many dimensions, or more elements than
/// kTensorBytesMax.
Result<std::uint64_t> ElementCount(std::span<const std::int64_t> shape);
/// Errors: kInvalidArgument naming the tensor, what its bytes are and what its shape asks for.
Status CheckTensor(const TensorView& tensor);
/// Whether a tensor of that datatype and shape may be given where the spec stands. Errors: kInvalidArgument.
Status CheckAgainst(const TensorSpec& spec, const TensorView& tensor);

/// Tensors that own their bytes, each aligned to kAlignment. Clear keeps the memory for the next request.
class TensorList {
 public:
  static constexpr std::size_t kAlignment = 16;

  void Clear();
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// Valid until the next Add, Append or Clear.
  [[nodiscard]] TensorView operator[](std::size_t i) const;
  /// Nothing when there is no such tensor.
  [[nodiscard]] std::optional<TensorView> Find(std::string_view name) const;

  /// A tensor of `bytes` zero bytes to be written by the caller; the room is valid until the next Add.
  std::span<char> Add(std::string_view name, Datatype datatype, std::span<const std::int64_t> shape, std::size_t bytes);
  /// A copy.
  void Append(const TensorView& tensor);
  /// Grows the last tensor: for BYTES, whose size is known only at their end.
  void AppendToLast(std::string_view bytes);
  void SetLastShape(std::span<const std::int64_t> shape);
  /// Of all tensors together.
  [[nodiscard]] std::size_t total_bytes() const;

 private:
  struct Entry {
    std::string name;
    Datatype datatype = Datatype::kFp32;
    std::vector<std::int64_t> shape;
    std::size_t begin = 0, bytes = 0;
  };
  std::vector<Entry> entries_;
  std::vector<char> arena_;  // operator new aligns it to kAlignment
};

/// One element of BYTES: its length, then itself.
void AppendElement(std::string& out, std::string_view element);
/// Walks BYTES: takes the first element off `bytes`. False at the end, or when what is left is no whole element.
bool NextElement(std::string_view& bytes, std::string_view& element);

}  // namespace mw::serving
