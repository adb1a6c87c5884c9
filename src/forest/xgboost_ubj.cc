// Markers, big-endian numbers, and containers with or without a count, as a source for XgboostMembers.
#include "forest/xgboost_ubj.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "forest/xgboost_members.h"

namespace mw::forest {
namespace {

constexpr int kNestingMax = 64;

/// The bytes and how far they were read.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] std::size_t at() const { return at_; }

  Error Bad(std::string_view what) const {
    return InvalidArgument("the model is not XGBoost's UBJ: at byte ", at_, " ", what);
  }
  Result<char> Marker() {
    while (at_ < bytes_.size() && bytes_[at_] == 'N') ++at_;  // "no operation"
    if (at_ == bytes_.size()) return Bad("it ends");
    return bytes_[at_++];
  }
  /// Whether the next byte is that one, which is then read.
  bool Take(char marker) {
    if (at_ == bytes_.size() || bytes_[at_] != marker) return false;
    ++at_;
    return true;
  }
  Result<std::string_view> Bytes(std::size_t count) {
    if (count > left()) return Bad(Cat("it ends within ", count, " bytes"));
    const std::string_view read = bytes_.substr(at_, count);
    at_ += count;
    return read;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

/// Bytes of a number's kind; 0 for other kinds.
std::size_t NumberBytes(char kind) {
  switch (kind) {
    case 'i':
    case 'U':
    case 'C': return 1;
    case 'I': return 2;
    case 'l':
    case 'd': return 4;
    case 'L':
    case 'D': return 8;
    default: return 0;
  }
}

template <typename Bits>
Bits BigEndian(const char* bytes) {
  Bits value = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i) {
    value = static_cast<Bits>(static_cast<std::uint64_t>(value) << 8U | static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

/// A whole number, or a float.
struct Number {
  std::int64_t whole = 0;
  float fraction = 0;
  bool is_whole = true;
};

Number Decode(char kind, const char* bytes) {
  switch (kind) {
    case 'i': return {static_cast<std::int8_t>(bytes[0])};
    case 'U':
    case 'C': return {static_cast<std::uint8_t>(bytes[0])};
    case 'I': return {static_cast<std::int16_t>(BigEndian<std::uint16_t>(bytes))};
    case 'l': return {static_cast<std::int32_t>(BigEndian<std::uint32_t>(bytes))};
    case 'L': return {static_cast<std::int64_t>(BigEndian<std::uint64_t>(bytes))};
    case 'd': return {0, std::bit_cast<float>(BigEndian<std::uint32_t>(bytes)), false};
    default: return {0, static_cast<float>(std::bit_cast<double>(BigEndian<std::uint64_t>(bytes))), false};
  }
}

/// A value that is still to be read, once: its marker is behind the cursor.
struct UbjValue {
  Cursor* cursor = nullptr;
  char kind = 'Z';
  int depth = 0;
  bool read = false;
};

Result<std::size_t> ReadLength(Cursor& cursor) {
  const char kind = TRY(cursor.Marker());
  const std::size_t size = NumberBytes(kind);
  if (size == 0 || kind == 'd' || kind == 'D') return cursor.Bad("a length is no whole number");
  const std::string_view bytes = TRY(cursor.Bytes(size));
  const std::int64_t length = Decode(kind, bytes.data()).whole;
  if (length < 0) return cursor.Bad("a length is negative");
  return static_cast<std::size_t>(length);
}

/// What stands before a container's elements.
struct Header {
  char kind = 0;  ///< of all elements; 0 when each has its own
  bool counted = false;
  std::size_t count = 0;
};

Result<Header> ReadHeader(Cursor& cursor) {
  Header header;
  if (cursor.Take('$')) {
    header.kind = TRY(cursor.Marker());
    if (!cursor.Take('#')) return cursor.Bad("a container has a type and no count");
    header.counted = true;
  } else {
    header.counted = cursor.Take('#');
  }
  if (!header.counted) return header;
  header.count = TRY(ReadLength(cursor));
  // Every element takes a byte at least, but for those that are nothing but their type.
  const std::size_t element = std::max<std::size_t>(NumberBytes(header.kind), 1);
  if (header.count > cursor.left() / element) return cursor.Bad(Cat("a container claims ", header.count, " elements"));
  return header;
}

struct UbjSource {
  using Value = UbjValue;

  static Result<std::string> ReadText(Value& value, std::string_view what) {
    value.read = true;
    if (value.kind != 'S') return value.cursor->Bad(Cat(what, " is no text"));
    const std::size_t size = TRY(ReadLength(*value.cursor));
    return std::string(TRY(value.cursor->Bytes(size)));
  }

  template <typename T>
  static Status ReadNumbers(Value& value, std::string_view what, std::vector<T>& out, std::size_t most) {
    value.read = true;
    if (value.kind != '[') return value.cursor->Bad(Cat(what, " is no array"));
    const Header header = TRY(ReadHeader(*value.cursor));
    if (header.count > most) return ResourceExhausted("the model's ", what, " has more than ", most, " numbers");
    out.reserve(header.count);
    while (header.counted ? out.size() < header.count : !value.cursor->Take(']')) {
      out.push_back(TRY(ReadNumber<T>(*value.cursor, header.kind, what)));
      if (out.size() > most) return ResourceExhausted("the model's ", what, " has more than ", most, " numbers");
    }
    return Ok();
  }

  template <typename T>
  static Result<T> ReadNumber(Cursor& cursor, char kind, std::string_view what) {
    if (kind == 0) kind = TRY(cursor.Marker());
    if (kind == 'T' || kind == 'F') return static_cast<T>(kind == 'T' ? 1 : 0);
    const std::size_t size = NumberBytes(kind);
    if (size == 0) return cursor.Bad(Cat(what, " has no number"));
    const Number number = Decode(kind, TRY(cursor.Bytes(size)).data());
    if constexpr (std::is_floating_point_v<T>) {
      return number.is_whole ? static_cast<T>(number.whole) : number.fraction;
    } else {
      if (!number.is_whole || number.whole < std::numeric_limits<T>::min() ||
          number.whole > std::numeric_limits<T>::max()) {
        return cursor.Bad(Cat(what, " has a number that is not whole, or too great"));
      }
      return static_cast<T>(number.whole);
    }
  }

  template <typename Read>
  static Status ForEachElement(Value& value, std::string_view what, const Read& read) {
    TRY(Enter(value, '[', what));
    const Header header = TRY(ReadHeader(*value.cursor));
    for (std::size_t at = 0; header.counted ? at < header.count : !value.cursor->Take(']'); ++at) {
      Value element = TRY(Next(value, header));
      TRY(read(element));
      TRY(Skip(element));
    }
    return Ok();
  }

  template <typename Read>
  static Status ForEachMember(Value& value, std::string_view what, const Read& read) {
    TRY(Enter(value, '{', what));
    const Header header = TRY(ReadHeader(*value.cursor));
    for (std::size_t at = 0; header.counted ? at < header.count : !value.cursor->Take('}'); ++at) {
      const std::size_t size = TRY(ReadLength(*value.cursor));
      const std::string_view key = TRY(value.cursor->Bytes(size));
      Value member = TRY(Next(value, header));
      TRY(read(key, member));
      TRY(Skip(member));
    }
    return Ok();
  }

 private:
  static Status Enter(Value& value, char kind, std::string_view what) {
    value.read = true;
    if (value.kind != kind) return value.cursor->Bad(Cat(what, kind == '{' ? " is no object" : " is no array"));
    if (value.depth >= kNestingMax) return value.cursor->Bad(Cat("values lie more than ", kNestingMax, " deep"));
    return Ok();
  }

  static Result<Value> Next(const Value& outer, const Header& header) {
    char kind = header.kind;
    if (kind == 0) kind = TRY(outer.cursor->Marker());
    return Value{outer.cursor, kind, outer.depth + 1, false};
  }

  /// Past a value that nobody asked for.
  static Status Skip(Value& value) {
    if (value.read) return Ok();
    if (const std::size_t size = NumberBytes(value.kind); size > 0) return SkipBytes(value, size);
    switch (value.kind) {
      case 'Z':
      case 'T':
      case 'F': value.read = true; return Ok();
      case 'S':
      case 'H': return SkipBytes(value, TRY(ReadLength(*value.cursor)));
      case '{': return ForEachMember(value, "a member", [](std::string_view, Value&) { return Ok(); });
      case '[': return SkipArray(value);
      default: return value.cursor->Bad("there is no such type");
    }
  }

  static Status SkipBytes(Value& value, std::size_t size) {
    value.read = true;
    TRY(value.cursor->Bytes(size));
    return Ok();
  }

  /// Numbers of one kind at once.
  static Status SkipArray(Value& value) {
    Cursor ahead = *value.cursor;
    const Header header = TRY(ReadHeader(ahead));
    const std::size_t size = NumberBytes(header.kind);
    if (size == 0) return ForEachElement(value, "a member", [](Value&) { return Ok(); });
    *value.cursor = ahead;
    return SkipBytes(value, header.count * size);
  }
};

}  // namespace

Result<Ensemble> ParseXgboostUbj(std::string_view bytes) {
  if (bytes.size() > kModelBytesMax) {
    return ResourceExhausted("the model has ", bytes.size(), " bytes; at most ", kModelBytesMax);
  }
  Cursor cursor(bytes);
  const char kind = TRY(cursor.Marker());
  UbjValue root{&cursor, kind, 0, false};
  XgboostModel model;
  TRY(XgboostMembers<UbjSource>::ReadRoot(root, model));
  if (cursor.left() > 0) return cursor.Bad("bytes follow the end");
  if (!model.has_learner) {
    return InvalidArgument("the model is not XGBoost's UBJ: it has no \"learner\"; save it with save_model(\"x.ubj\")");
  }
  return BuildXgboost(std::move(model));
}

}  // namespace mw::forest
