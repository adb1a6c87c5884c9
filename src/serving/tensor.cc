// Names, sizes and the layout of tensors.
#include "serving/tensor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/text.h"

namespace mw::serving {
namespace {

struct DatatypeRow {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<DatatypeRow, kDatatypes> kRows = {{{"BOOL", 1},
                                                        {"UINT8", 1},
                                                        {"UINT16", 2},
                                                        {"UINT32", 4},
                                                        {"UINT64", 8},
                                                        {"INT8", 1},
                                                        {"INT16", 2},
                                                        {"INT32", 4},
                                                        {"INT64", 8},
                                                        {"FP16", 2},
                                                        {"BF16", 2},
                                                        {"FP32", 4},
                                                        {"FP64", 8},
                                                        {"BYTES", 0}}};

std::string ShapeText(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) CatTo(text, text.size() == 1 ? "" : ", ", size);
  return text + "]";
}

std::uint64_t CountElements(std::string_view bytes) {
  std::uint64_t count = 0;
  std::string_view element;
  while (NextElement(bytes, element)) ++count;
  return bytes.empty() ? count : UINT64_MAX;
}

}  // namespace

std::string_view DatatypeName(Datatype datatype) { return kRows[static_cast<std::size_t>(datatype)].name; }

std::optional<Datatype> DatatypeFromName(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<Datatype>(i);
  }
  return std::nullopt;
}

std::size_t DatatypeBytes(Datatype datatype) { return kRows[static_cast<std::size_t>(datatype)].bytes; }

float HalfToFloat(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
  const float magnitude = exponent == 0 ? static_cast<float>(fraction) * 0x1p-24F
                                        : std::bit_cast<float>(((exponent + 112) << 23) | (fraction << 13));
  return sign != 0 ? -magnitude : magnitude;
}

std::uint16_t FloatToHalf(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00U);
  const float magnitude = std::abs(value);
  if (magnitude >= 65520.0F) return static_cast<std::uint16_t>(sign | 0x7C00U);
  // Below 2^-14 halves are whole multiples of 2^-24; nearbyint rounds to even.
  if (magnitude < 0x1p-14F)
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24F)));
  const std::uint32_t rounded = (bits & 0x7FFFFFFFU) + 0xFFFU + ((bits >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>((rounded - (112U << 23)) >> 13));
}

std::uint16_t FloatToBrain(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

Result<std::uint64_t> ElementCount(std::span<const std::int64_t> shape) {
  if (shape.size() > kTensorDimensionsMax) {
    return InvalidArgument("the shape ", ShapeText(shape.first(kTensorDimensionsMax)), " has ", shape.size(),
                           " dimensions, at most ", kTensorDimensionsMax);
  }
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) return InvalidArgument("the shape ", ShapeText(shape), " has a size below 0");
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count) || count > kTensorBytesMax) {
      return InvalidArgument("the shape ", ShapeText(shape), " has more than ", kTensorBytesMax, " elements");
    }
  }
  return count;
}

Status CheckTensor(const TensorView& tensor) {
  const std::uint64_t count = TRY(ElementCount(tensor.shape).In(Cat("tensor ", Quoted(tensor.name))));
  const bool is_bytes = tensor.datatype == Datatype::kBytes;
  const std::uint64_t found = is_bytes ? CountElements(tensor.bytes) : tensor.bytes.size();
  const std::uint64_t expected = is_bytes ? count : count * DatatypeBytes(tensor.datatype);
  if (found == expected) return Ok();
  if (is_bytes && found == UINT64_MAX) {
    return InvalidArgument("tensor ", Quoted(tensor.name),
                           " of datatype BYTES ends inside an element; each is 4 bytes of length and that many bytes");
  }
  return InvalidArgument("tensor ", Quoted(tensor.name), " has ", found, is_bytes ? " elements" : " bytes",
                         ", its shape ", ShapeText(tensor.shape), " of ", DatatypeName(tensor.datatype), " asks for ",
                         expected);
}

Status CheckAgainst(const TensorSpec& spec, const TensorView& tensor) {
  if (spec.datatype != tensor.datatype) {
    return InvalidArgument("input ", Quoted(tensor.name), " has the datatype ", DatatypeName(tensor.datatype),
                           ", the model takes ", DatatypeName(spec.datatype));
  }
  const auto fits = [](std::int64_t wanted, std::int64_t given) { return wanted < 0 || wanted == given; };
  if (std::equal(spec.shape.begin(), spec.shape.end(), tensor.shape.begin(), tensor.shape.end(), fits)) return Ok();
  return InvalidArgument("input ", Quoted(tensor.name), " has the shape ", ShapeText(tensor.shape),
                         ", the model takes ", ShapeText(spec.shape), " (-1: any)");
}

void TensorList::Clear() {
  entries_.clear();
  arena_.clear();
}

TensorView TensorList::operator[](std::size_t i) const {
  const Entry& entry = entries_[i];
  return {entry.name, entry.datatype, entry.shape, std::string_view(arena_.data() + entry.begin, entry.bytes)};
}

std::optional<TensorView> TensorList::Find(std::string_view name) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name == name) return (*this)[i];
  }
  return std::nullopt;
}

std::span<char> TensorList::Add(std::string_view name, Datatype datatype, std::span<const std::int64_t> shape,
                                std::size_t bytes) {
  const std::size_t begin = (arena_.size() + kAlignment - 1) / kAlignment * kAlignment;
  arena_.resize(begin + bytes);
  entries_.push_back(Entry{std::string(name), datatype, {shape.begin(), shape.end()}, begin, bytes});
  return {arena_.data() + begin, bytes};
}

void TensorList::Append(const TensorView& tensor) {
  const std::span<char> room = Add(tensor.name, tensor.datatype, tensor.shape, tensor.bytes.size());
  if (!room.empty()) std::memcpy(room.data(), tensor.bytes.data(), room.size());
}

void TensorList::AppendToLast(std::string_view bytes) {
  MW_ASSERT(!entries_.empty());
  arena_.insert(arena_.end(), bytes.begin(), bytes.end());
  entries_.back().bytes += bytes.size();
}

void TensorList::SetLastShape(std::span<const std::int64_t> shape) {
  MW_ASSERT(!entries_.empty());
  entries_.back().shape.assign(shape.begin(), shape.end());
}

std::size_t TensorList::total_bytes() const {
  std::size_t total = 0;
  for (const Entry& entry : entries_) total += entry.bytes;
  return total;
}

void AppendElement(std::string& out, std::string_view element) {
  const auto size = static_cast<std::uint32_t>(element.size());
  char length[sizeof size];
  std::memcpy(length, &size, sizeof size);
  out.append(length, sizeof length).append(element);
}

bool NextElement(std::string_view& bytes, std::string_view& element) {
  std::uint32_t size = 0;
  if (bytes.size() < sizeof size) return false;
  std::memcpy(&size, bytes.data(), sizeof size);
  if (bytes.size() - sizeof size < size) return false;
  element = bytes.substr(sizeof size, size);
  bytes.remove_prefix(sizeof size + size);
  return true;
}

}  // namespace mw::serving
