// Protocol buffers walked field by field; unknown fields are passed over, as they are meant to be.
#include "transfer/event_record.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"

namespace mw::transfer {
namespace {

constexpr std::size_t kHeadBytes = 12, kTailBytes = 4;
constexpr std::size_t kValuesMax = 100'000;   ///< of one event
constexpr std::size_t kNumbersMax = 1 << 20;  ///< of one tensor

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = crc;
  }
  return table;
}();

std::uint64_t LittleEndian(std::string_view bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

/// The fields of one message, in their order.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}
  /// False at the end and after a fault.
  bool Next() {
    if (failed_ || rest_.empty()) return false;
    std::uint64_t key = 0;
    if (!Varint(key)) return false;
    number_ = key >> 3;
    type_ = key & 7;
    bytes_ = {};
    bits_ = 0;
    switch (type_) {
      case 0: return Varint(bits_);
      case 1: return Fixed(8);
      case 2: return Bytes();
      case 5: return Fixed(4);
      default: return Fail();
    }
  }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] bool IsBytes() const { return type_ == 2; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] std::int64_t Int() const { return static_cast<std::int64_t>(bits_); }
  /// Of a float or a double, by its size.
  [[nodiscard]] double Number() const {
    if (type_ == 1) return std::bit_cast<double>(bits_);
    return type_ == 5 ? double{std::bit_cast<float>(static_cast<std::uint32_t>(bits_))} : 0;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool Fail() {
    failed_ = true;
    return false;
  }
  bool Varint(std::uint64_t& out) {
    out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return Fail();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      out |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return true;
    }
    return Fail();
  }
  bool Fixed(std::size_t size) {
    if (rest_.size() < size) return Fail();
    bits_ = LittleEndian(rest_, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool Bytes() {
    std::uint64_t size = 0;
    if (!Varint(size)) return false;
    if (size > rest_.size()) return Fail();
    bytes_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_, bytes_;
  std::uint64_t number_ = 0, type_ = 0, bits_ = 0;
  bool failed_ = false;
};

/// Adds one number, or all of a packed field, each of `size` bytes.
void AddNumbers(const Fields& field, std::size_t size, std::vector<double>& out) {
  if (!field.IsBytes()) {
    out.push_back(field.Number());
    return;
  }
  std::string_view bytes = field.bytes();
  for (; bytes.size() >= size && out.size() < kNumbersMax; bytes.remove_prefix(size)) {
    const std::uint64_t bits = LittleEndian(bytes, size);
    out.push_back(size == 8 ? std::bit_cast<double>(bits)
                            : double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))});
  }
}

/// Adds the varints of a field, packed or not.
void AddIntegers(const Fields& field, std::vector<double>& out) {
  if (!field.IsBytes()) {
    out.push_back(static_cast<double>(field.Int()));
    return;
  }
  std::uint64_t value = 0;
  int shift = 0;
  for (const char c : field.bytes()) {
    const auto byte = static_cast<unsigned char>(c);
    if (shift < 64) value |= std::uint64_t{byte & 0x7FU} << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    if (out.size() < kNumbersMax) out.push_back(static_cast<double>(static_cast<std::int64_t>(value)));
    value = 0;
    shift = 0;
  }
}

double Half(std::uint64_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const double mantissa = static_cast<double>(bits & 1023) / 1024, sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return mantissa == 0 ? sign * HUGE_VAL : std::nan("");
  return exponent == 0 ? sign * std::ldexp(mantissa, -14) : sign * std::ldexp(1 + mantissa, exponent - 15);
}

struct Tensor {
  std::int64_t type = 0;
  std::string_view content;
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

constexpr double kHalfBitsMax = 65535, kNan = std::numeric_limits<double>::quiet_NaN();
// Numbers of tensorflow.DataType.
constexpr std::int64_t kFloat = 1, kDouble = 2, kInt32 = 3, kInt64 = 9, kBfloat16 = 14, kHalf = 19;

std::size_t ElementBytes(std::int64_t type) {
  switch (type) {
    case kFloat:
    case kInt32: return 4;
    case kDouble:
    case kInt64: return 8;
    case kHalf:
    case kBfloat16: return 2;
    default: return 0;
  }
}

double ElementOf(std::int64_t type, std::uint64_t bits) {
  switch (type) {
    case kFloat: return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    case kDouble: return std::bit_cast<double>(bits);
    case kInt32: return static_cast<std::int32_t>(bits);
    case kInt64: return static_cast<double>(static_cast<std::int64_t>(bits));
    case kBfloat16: return std::bit_cast<float>(static_cast<std::uint32_t>(bits << 16));
    default: return Half(bits);
  }
}

void ReadContent(Tensor& tensor) {
  const std::size_t size = ElementBytes(tensor.type);
  if (size == 0) return;
  for (std::string_view rest = tensor.content; rest.size() >= size && tensor.numbers.size() < kNumbersMax;
       rest.remove_prefix(size)) {
    tensor.numbers.push_back(ElementOf(tensor.type, LittleEndian(rest, size)));
  }
}

bool ReadTensor(std::string_view message, Tensor& tensor) {
  Fields field(message);
  while (field.Next()) {
    switch (field.number()) {
      case 1: tensor.type = field.Int(); break;
      case 4: tensor.content = field.bytes(); break;
      case 5: AddNumbers(field, 4, tensor.numbers); break;
      case 6: AddNumbers(field, 8, tensor.numbers); break;
      case 7:
      case 10: AddIntegers(field, tensor.numbers); break;
      case 8: tensor.texts.emplace_back(field.bytes()); break;
      case 13: {
        const std::size_t begin = tensor.numbers.size();
        AddIntegers(field, tensor.numbers);
        for (std::size_t i = begin; i < tensor.numbers.size(); ++i) {
          const double bits = tensor.numbers[i];
          const bool half = bits >= 0 && bits <= kHalfBitsMax;
          tensor.numbers[i] = half ? ElementOf(tensor.type, static_cast<std::uint64_t>(bits)) : kNan;
        }
        break;
      }
      default: break;
    }
  }
  ReadContent(tensor);
  return !field.failed();
}

/// The older form: limits on the right of each bucket.
bool ReadHistogram(std::string_view message, EventHistogram& out) {
  Fields field(message);
  std::vector<double> limits;
  while (field.Next()) {
    switch (field.number()) {
      case 1: out.min = field.Number(); break;
      case 2: out.max = field.Number(); break;
      case 3: out.count = field.Number(); break;
      case 4: out.sum = field.Number(); break;
      case 6: AddNumbers(field, 8, limits); break;
      case 7: AddNumbers(field, 8, out.counts); break;
      default: break;
    }
  }
  if (field.failed() || limits.size() != out.counts.size()) return false;
  out.edges.push_back(limits.empty() ? out.min : std::min(out.min, limits.front()));
  out.edges.insert(out.edges.end(), limits.begin(), limits.end());
  return true;
}

std::string ReadPlugin(std::string_view metadata) {
  Fields field(metadata);
  std::string plugin;
  while (field.Next()) {
    if (field.number() != 1 || !field.IsBytes()) continue;
    Fields data(field.bytes());
    while (data.Next()) {
      if (data.number() == 1 && data.IsBytes()) plugin = data.bytes();
    }
  }
  return plugin;
}

/// Rows of (left, right, count).
EventHistogram HistogramOf(const std::vector<double>& numbers) {
  EventHistogram out;
  for (std::size_t i = 0; i + 2 < numbers.size(); i += 3) {
    if (out.edges.empty()) out.edges.push_back(numbers[i]);
    out.edges.push_back(numbers[i + 1]);
    out.counts.push_back(numbers[i + 2]);
    out.count += numbers[i + 2];
    out.sum += numbers[i + 2] * (numbers[i] + numbers[i + 1]) / 2;
  }
  out.min = out.edges.empty() ? 0 : out.edges.front();
  out.max = out.edges.empty() ? 0 : out.edges.back();
  return out;
}

bool ReadValue(std::string_view message, EventValue& value) {
  Fields field(message);
  bool is_right = true;
  while (field.Next()) {
    switch (field.number()) {
      case 1: value.tag = field.bytes(); break;
      case 2:
        value.kind = EventValue::Kind::kScalar;
        value.scalar = field.Number();
        break;
      case 5:
        value.kind = EventValue::Kind::kHistogram;
        is_right = is_right && ReadHistogram(field.bytes(), value.histogram);
        break;
      case 8: {
        Tensor tensor;
        is_right = is_right && ReadTensor(field.bytes(), tensor);
        value.numbers = std::move(tensor.numbers);
        value.texts = std::move(tensor.texts);
        break;
      }
      case 9: value.plugin = ReadPlugin(field.bytes()); break;
      default: break;
    }
  }
  return is_right && !field.failed() && IsUtf8(value.tag);
}

bool ReadSummary(std::string_view message, std::vector<EventValue>& values) {
  Fields field(message);
  while (field.Next()) {
    if (field.number() != 1 || !field.IsBytes()) continue;
    if (values.size() >= kValuesMax || !ReadValue(field.bytes(), values.emplace_back())) return false;
  }
  return !field.failed();
}

}  // namespace

std::uint32_t Crc32c(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~crc;
}

std::uint32_t MaskedCrc32c(std::string_view bytes) {
  const std::uint32_t crc = Crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

RecordView FirstRecord(std::string_view bytes) {
  RecordView record;
  if (bytes.size() < kHeadBytes) return record;
  const std::uint64_t length = LittleEndian(bytes, 8);
  if (MaskedCrc32c(bytes.substr(0, 8)) != LittleEndian(bytes.substr(8), 4)) {
    record.kind = RecordView::Kind::kDamaged;
    return record;
  }
  if (length > kRecordBytesMax) {
    // A length beyond any file cannot be passed over.
    const bool is_possible = length < std::uint64_t{1} << 48;
    record.kind = is_possible ? RecordView::Kind::kTooLong : RecordView::Kind::kDamaged;
    record.size = is_possible ? kHeadBytes + length + kTailBytes : 0;
    return record;
  }
  record.size = kHeadBytes + length + kTailBytes;
  if (bytes.size() < record.size) return record;
  record.message = bytes.substr(kHeadBytes, length);
  const bool is_whole = MaskedCrc32c(record.message) == LittleEndian(bytes.substr(kHeadBytes + length), 4);
  record.kind = is_whole ? RecordView::Kind::kWhole : RecordView::Kind::kDamaged;
  return record;
}

Result<Event> ParseEvent(std::string_view message) {
  Event event;
  Fields field(message);
  bool is_right = true;
  while (is_right && field.Next()) {
    switch (field.number()) {
      case 1: event.wall_time = field.Number(); break;
      case 2: event.step = field.Int(); break;
      case 5: is_right = field.IsBytes() && ReadSummary(field.bytes(), event.values); break;
      default: break;
    }
  }
  if (is_right && !field.failed()) return event;
  return InvalidArgument("a record holds no event of TensorBoard's");
}

void Interpret(EventValue& value, const std::string& plugin) {
  if (value.kind != EventValue::Kind::kOther) return;
  if (plugin == "scalars" && !value.numbers.empty()) {
    value.kind = EventValue::Kind::kScalar;
    value.scalar = value.numbers.front();
  } else if (plugin == "histograms") {
    value.kind = EventValue::Kind::kHistogram;
    value.histogram = HistogramOf(value.numbers);
  } else if (plugin == "text") {
    value.kind = EventValue::Kind::kText;
  }
  value.numbers.clear();
}

}  // namespace mw::transfer
