// One list for each group of datatypes; numbers packed or one by one.
#include "api/inference/grpc/typed_contents.h"

#include <cstring>
#include <limits>

#include "base/text.h"

namespace mw::api::inference {
namespace {

using serving::Datatype;
using Type = WireReader::Type;

/// Writes a varint's value as an element; false when it does not fit.
using StoreNumber = bool (*)(std::uint64_t varint, char* to);

/// Protobuf cuts a varint to the width of its field; the field is wider than the narrow datatypes.
template <typename Field, typename Element>
bool Store(std::uint64_t varint, char* to) {
  const auto value = static_cast<Field>(varint);
  if (value < std::numeric_limits<Element>::min() || value > std::numeric_limits<Element>::max()) return false;
  const auto element = static_cast<Element>(value);
  std::memcpy(to, &element, sizeof element);
  return true;
}

bool StoreBool(std::uint64_t varint, char* to) {
  *to = varint != 0 ? '\1' : '\0';
  return true;
}

struct Form {
  std::uint32_t field;
  std::string_view list;
  Type type;
  StoreNumber store;  // of varints
};

constexpr Form kNone = {0, "", Type::kBytes, nullptr};

Form FormOf(Datatype datatype) {
  switch (datatype) {
    case Datatype::kBool: return {1, "bool_contents", Type::kVarint, StoreBool};
    case Datatype::kInt8: return {2, "int_contents", Type::kVarint, Store<std::int32_t, std::int8_t>};
    case Datatype::kInt16: return {2, "int_contents", Type::kVarint, Store<std::int32_t, std::int16_t>};
    case Datatype::kInt32: return {2, "int_contents", Type::kVarint, Store<std::int32_t, std::int32_t>};
    case Datatype::kInt64: return {3, "int64_contents", Type::kVarint, Store<std::int64_t, std::int64_t>};
    case Datatype::kUint8: return {4, "uint_contents", Type::kVarint, Store<std::uint32_t, std::uint8_t>};
    case Datatype::kUint16: return {4, "uint_contents", Type::kVarint, Store<std::uint32_t, std::uint16_t>};
    case Datatype::kUint32: return {4, "uint_contents", Type::kVarint, Store<std::uint32_t, std::uint32_t>};
    case Datatype::kUint64: return {5, "uint64_contents", Type::kVarint, Store<std::uint64_t, std::uint64_t>};
    case Datatype::kFp32: return {6, "fp32_contents", Type::kFixed32, nullptr};
    case Datatype::kFp64: return {7, "fp64_contents", Type::kFixed64, nullptr};
    case Datatype::kBytes: return {8, "bytes_contents", Type::kBytes, nullptr};
    case Datatype::kFp16:
    case Datatype::kBf16: break;  // travel raw only
  }
  return kNone;
}

/// The elements of one tensor on their way out of its message.
class Elements {
 public:
  Elements(const serving::TensorView& tensor, const Form& form, std::uint64_t count, std::span<char> room)
      : tensor_(tensor),
        form_(form),
        count_(count),
        room_(room),
        element_bytes_(serving::DatatypeBytes(tensor.datatype)) {}

  /// What the reader's field holds: one element, or several packed.
  Status Take(WireReader& reader, RequestArena& arena) {
    if (form_.type == Type::kBytes) return TakeText(reader);
    if (reader.type() == Type::kBytes) return TakePacked(reader, arena);
    std::uint64_t number = 0;
    std::uint32_t narrow = 0;
    if (form_.type == Type::kFixed32   ? reader.ReadFixed32(narrow)
        : form_.type == Type::kFixed64 ? reader.ReadFixed64(number)
                                       : reader.ReadVarint(number)) {
      if (form_.type == Type::kVarint) return Add(number);
      return form_.type == Type::kFixed32 ? AddBytes(&narrow, sizeof narrow) : AddBytes(&number, sizeof number);
    }
    return Ok();  // the reader has failed and its caller says so
  }
  [[nodiscard]] Result<std::string_view> Finish() const {
    if (taken_ == count_) return std::string_view(room_.data(), used_);
    return InvalidArgument("input ", Quoted(tensor_.name), " has ", taken_, " values in ", form_.list,
                           ", its shape says ", count_);
  }

 private:
  [[nodiscard]] Status TooMany() const {
    return InvalidArgument("input ", Quoted(tensor_.name), " has more values in ", form_.list, " than the ", count_,
                           " of its shape");
  }
  Status Add(std::uint64_t varint) {
    if (taken_ == count_) return TooMany();
    if (!form_.store(varint, room_.data() + used_)) {
      return InvalidArgument("input ", Quoted(tensor_.name), ", value ", taken_, " in ", form_.list,
                             " does not fit its datatype ", serving::DatatypeName(tensor_.datatype));
    }
    ++taken_;
    used_ += element_bytes_;
    return Ok();
  }
  Status AddBytes(const void* from, std::size_t bytes) {
    if (bytes / element_bytes_ > count_ - taken_) return TooMany();
    std::memcpy(room_.data() + used_, from, bytes);
    taken_ += bytes / element_bytes_;
    used_ += bytes;
    return Ok();
  }
  Status TakePacked(WireReader& reader, RequestArena& arena) {
    std::string_view packed;
    if (!reader.ReadBytes(packed)) return Ok();
    if (form_.type != Type::kVarint) {
      if (packed.size() % element_bytes_ == 0) return AddBytes(packed.data(), packed.size());
      return InvalidArgument("input ", Quoted(tensor_.name), ": ", form_.list, " ends inside a value");
    }
    WireReader numbers(packed, arena);
    std::uint64_t number = 0;
    while (numbers.NextPacked(number)) TRY(Add(number));
    if (!numbers.failed()) return Ok();
    return InvalidArgument("input ", Quoted(tensor_.name), ": ", form_.list, ": ", numbers.error());
  }
  Status TakeText(WireReader& reader) {
    std::string_view text;
    if (!reader.ReadBytes(text)) return Ok();
    if (taken_ == count_) return TooMany();
    const auto length = static_cast<std::uint32_t>(text.size());
    std::memcpy(room_.data() + used_, &length, sizeof length);
    std::memcpy(room_.data() + used_ + sizeof length, text.data(), text.size());
    ++taken_;
    used_ += sizeof length + text.size();
    return Ok();
  }

  const serving::TensorView& tensor_;
  const Form& form_;
  std::uint64_t count_;
  std::span<char> room_;
  std::size_t element_bytes_;
  std::uint64_t taken_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

Result<std::string_view> ReadTypedContents(const serving::TensorView& tensor, std::string_view contents,
                                           std::uint64_t bytes_max, RequestArena& arena) {
  const Form form = FormOf(tensor.datatype);
  if (form.field == 0) {
    return InvalidArgument("input ", Quoted(tensor.name), " has the datatype ", serving::DatatypeName(tensor.datatype),
                           ", which travels in raw_input_contents only");
  }
  const std::uint64_t count = TRY(serving::ElementCount(tensor.shape).In(Cat("input ", Quoted(tensor.name))));
  // Each value takes a byte at least, so a shape that lies asks for no memory.
  if (count > contents.size()) {
    return InvalidArgument("input ", Quoted(tensor.name), " has fewer values in ", form.list, " than the ", count,
                           " of its shape");
  }
  const std::uint64_t bytes = form.type == Type::kBytes ? contents.size() + count * sizeof(std::uint32_t)
                                                        : count * serving::DatatypeBytes(tensor.datatype);
  if (bytes > bytes_max) {
    return InvalidArgument("input ", Quoted(tensor.name), " has ", bytes, " bytes; one request has at most ",
                           serving::kTensorBytesMax, ", send the rows in parts");
  }
  Elements elements(tensor, form, count, arena.Allocate(bytes));
  WireReader reader(contents, arena);
  while (reader.Next()) {
    if (reader.field() != form.field) {
      return InvalidArgument("input ", Quoted(tensor.name), " of datatype ", serving::DatatypeName(tensor.datatype),
                             " has contents other than ", form.list);
    }
    TRY(elements.Take(reader, arena));
  }
  if (!reader.failed()) return elements.Finish();
  return InvalidArgument("input ", Quoted(tensor.name), ": contents: ", reader.error());
}

}  // namespace mw::api::inference
