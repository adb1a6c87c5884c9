// The decoder: one pass over the body; a tensor whose data stands before its name, type or shape is
// walked over and read afterwards.
#include "api/inference/request_decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using Kind = JsonScanner::Kind;

enum Given : unsigned { kId = 1, kParameters = 2, kInputs = 4, kOutputs = 8 };

/// Whether the bytes are UTF-8; plain ASCII is seen eight bytes at a time.
bool IsCleanText(std::string_view text) {
  std::uint64_t any = 0;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    any |= word;
  }
  for (; at < text.size(); ++at) any |= static_cast<unsigned char>(text[at]);
  return (any & 0x8080808080808080U) == 0 || IsUtf8(text);
}

Error NoJson(const JsonScanner& json) {
  return InvalidArgument("the request is no valid JSON: ", json.error(), " at byte ", json.error_offset());
}

/// A failed scan as an error, else success.
Status Scanned(const JsonScanner& json) {
  if (json.failed()) [[unlikely]]
    return NoJson(json);
  return Ok();
}

Error WrongKind(JsonScanner& json, std::string_view what, std::string_view expected) {
  if (json.Peek() == Kind::kNone) json.Skip();  // fails: it is no JSON at all
  if (json.failed()) return NoJson(json);
  return InvalidArgument(what, " must be ", expected);
}

bool AreAllFloats(const schema::Encoder& encoder) {
  for (std::size_t i = 0; i < encoder.num_features(); ++i) {
    if (encoder.column(static_cast<int>(i)).type != schema::ColumnType::kFloat) return false;
  }
  return true;
}

/// Cells that are decoded together.
constexpr std::size_t kRunMax = 64;

/// For columns whose values are decoded one by one.
Result<std::uint64_t> NoRun(std::uint64_t, std::uint64_t) { return std::uint64_t{0}; }

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kObject: return "an object";
    case Kind::kArray: return "a list";
    case Kind::kString: return "a string";
    case Kind::kNumber: return "a number";
    case Kind::kTrue: return "true";
    case Kind::kFalse: return "false";
    default: return "null";
  }
}

}  // namespace

std::string_view RequestDecoder::DatatypeName(Datatype datatype) {
  switch (datatype) {
    case Datatype::kBool: return "BOOL";
    case Datatype::kInteger: return "INT";
    case Datatype::kFloat: return "FP";
    case Datatype::kBytes: return "BYTES";
    case Datatype::kNone: break;
  }
  return "none";
}

Status RequestDecoder::Decode(std::string_view body, const serving::Model& model, const wire::ServingLimits& limits) {
  Reset(model, limits);
  if (body.size() > static_cast<std::uint64_t>(limits.body_bytes_max)) {
    return InvalidArgument("the request has ", body.size(), " bytes, at most ", limits.body_bytes_max);
  }
  if (!IsCleanText(body)) return InvalidArgument("the request is no valid JSON: it is not UTF-8");
  body_begin_ = body.data();
  if (DecodeAlike(body)) return Ok();
  Reset(model, limits);
  JsonScanner json(body, strings_);
  TRY(DecodeBody(json));
  Remember(body);
  return Ok();
}

bool RequestDecoder::DecodeAlike(std::string_view body) {
  const Remembered& known = remembered_;
  if (known.model_serial != model_->serial()) return false;
  rows_ = 1;
  wants_value_ = known.wants_value;
  wants_decision_ = known.wants_decision;
  features_.resize(model_->num_features());
  JsonScanner json(body, strings_);
  const char* const end = body.data() + body.size();
  std::size_t from = 0;
  for (const Slot& slot : known.slots) {
    const std::size_t same = slot.begin - from;
    const char* const at = json.position();
    if (static_cast<std::size_t>(end - at) < same || std::memcmp(at, known.body.data() + from, same) != 0) return false;
    json.Seek(at + same);
    if (!ReadSlot(json, slot)) return false;
    from = slot.end;
  }
  return std::string_view(json.position(), static_cast<std::size_t>(end - json.position())) ==
         std::string_view(known.body).substr(from);
}

bool RequestDecoder::ReadSlot(JsonScanner& json, const Slot& slot) {
  if (slot.kind == Slot::Kind::kRow) return ReadRow(json, slot);
  if (slot.kind == Slot::Kind::kCell) {
    const Result<float> cell = DecodeCell(json, slot.datatype, slot.feature);
    if (!cell.ok()) return false;
    features_[static_cast<std::size_t>(slot.feature)] = *cell;
    return true;
  }
  if (slot.kind == Slot::Kind::kId) return json.ReadString(id_) && id_.size() <= kRequestIdBytesMax;
  if (!json.ReadString(event_time_)) return false;
  const Result<std::int64_t> time = EventTimeMicros(event_time_);
  if (time.ok()) event_time_us_ = *time;
  event_time_is_parameter_ = true;
  return time.ok();
}

bool RequestDecoder::ReadRow(JsonScanner& json, const Slot& slot) {
  Tensor tensor;
  tensor.datatype = slot.datatype;
  std::uint64_t count = 0;
  for (bool more = true; more; more = json.NextElement()) {
    const Result<std::uint64_t> run = DecodeMatrixRun(json, slot.datatype, count, features_.size());
    if (!run.ok()) return false;
    count += *run;
    if (*run == 0) {
      const Result<float> cell = DecodeMatrixCell(json, tensor, static_cast<int>(count));
      if (!cell.ok()) return false;
      features_[count++] = *cell;
    }
    if (count == features_.size()) return true;
  }
  return false;
}

void RequestDecoder::NoteSlot(Slot slot, const char* begin, const char* end) {
  if (rows_ > 1) return;
  slot.begin = static_cast<std::size_t>(begin - body_begin_);
  slot.end = static_cast<std::size_t>(end - body_begin_);
  slots_.push_back(slot);
}

void RequestDecoder::Remember(std::string_view body) {
  if (rows_ != 1 || !in_text_order_ || body.size() > kRememberedBytesMax) return;
  remembered_.model_serial = model_->serial();
  remembered_.body = body;
  remembered_.slots.swap(slots_);
  remembered_.wants_value = wants_value_;
  remembered_.wants_decision = wants_decision_;
}

void RequestDecoder::Reset(const serving::Model& model, const wire::ServingLimits& limits) {
  model_ = &model;
  if (model.serial() != model_serial_) {
    model_serial_ = model.serial();
    all_floats_ = AreAllFloats(model.encoder());
  }
  limits_ = &limits;
  id_ = {};
  event_time_ = {};
  event_time_is_parameter_ = false;
  row_times_us_.clear();
  keys_.clear();
  rows_ = 0;
  tensors_ = 0;
  features_.clear();
  seen_.assign(model.num_features(), 0);
  columns_seen_ = 0;
  unknown_categories_ = 0;
  matrix_ = false;
  wants_value_ = true;
  wants_decision_ = true;
  slots_.clear();
  in_text_order_ = true;
}

Status RequestDecoder::DecodeBody(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return WrongKind(json, "the request", "a JSON object with inputs");
  unsigned given = 0;
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(DecodeMember(json, given));
  json.Finish();
  TRY(Scanned(json));
  if ((given & kInputs) == 0) return InvalidArgument("the request has no inputs");
  return CheckComplete();
}

Status RequestDecoder::DecodeMember(JsonScanner& json, unsigned& given) {
  const std::string_view key = json.key();
  const unsigned member = key == "inputs"       ? kInputs
                          : key == "id"         ? kId
                          : key == "parameters" ? kParameters
                          : key == "outputs"    ? kOutputs
                                                : 0U;
  if ((given & member) != 0) return InvalidArgument("the request has ", Quoted(key), " twice");
  given |= member;
  switch (member) {
    case kInputs: return DecodeInputs(json);
    case kId: return DecodeId(json);
    case kParameters: return DecodeParameters(json);
    case kOutputs: return DecodeOutputs(json);
    default: break;
  }
  json.Skip();
  return Scanned(json);
}

Status RequestDecoder::DecodeId(JsonScanner& json) {
  if (json.Peek() == Kind::kNull) {
    json.ReadNull();
    return Scanned(json);
  }
  if (json.Peek() != Kind::kString) return WrongKind(json, "id", "a string");
  const char* const begin = json.position();
  json.ReadString(id_);
  NoteSlot({.kind = Slot::Kind::kId}, begin, json.position());
  if (id_.size() > kRequestIdBytesMax) {
    return InvalidArgument("id has ", id_.size(), " bytes, at most ", kRequestIdBytesMax);
  }
  return Scanned(json);
}

Status RequestDecoder::DecodeParameters(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return WrongKind(json, "parameters", "an object");
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    if (json.key() != "event_time") {
      json.Skip();
      continue;
    }
    if (json.Peek() != Kind::kString)
      return WrongKind(json, "parameter event_time", "a time like 2013-07-01T04:00:00Z");
    const char* const begin = json.position();
    json.ReadString(event_time_);
    TRY(Scanned(json));
    event_time_us_ = TRY(EventTimeMicros(event_time_).In("parameter event_time"));
    event_time_is_parameter_ = true;
    NoteSlot({.kind = Slot::Kind::kEventTime}, begin, json.position());
  }
  return Scanned(json);
}

Status RequestDecoder::DecodeOutputs(JsonScanner& json) {
  if (json.Peek() != Kind::kArray) return WrongKind(json, "outputs", "a list");
  wants_value_ = false;
  wants_decision_ = false;
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    if (json.Peek() != Kind::kObject) return WrongKind(json, "an output", "an object with a name");
    std::string_view name;
    for (bool member = json.BeginObject(); member; member = json.NextMember()) {
      if (json.key() == "name" && json.Peek() == Kind::kString) {
        json.ReadString(name);
      } else {
        json.Skip();
      }
    }
    TRY(Scanned(json));
    TRY(WantOutput(name));
  }
  if (!wants_value_ && !wants_decision_) wants_value_ = wants_decision_ = true;  // an empty list asks for all
  return Scanned(json);
}

Status RequestDecoder::WantOutput(std::string_view name) {
  if (name == model_->output_name()) {
    wants_value_ = true;
  } else if (model_->decision_name() != nullptr && name == model_->decision_name()) {
    wants_decision_ = true;
  } else {
    return InvalidArgument("the model has no output ", Quoted(name), "; it has ", model_->output_name(),
                           model_->decision_name() == nullptr ? "" : Cat(" and ", model_->decision_name()));
  }
  return Ok();
}

Status RequestDecoder::DecodeInputs(JsonScanner& json) {
  if (json.Peek() != Kind::kArray) return WrongKind(json, "inputs", "a list of tensors");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) TRY(DecodeTensor(json));
  return Scanned(json);
}

Status RequestDecoder::DecodeTensor(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return WrongKind(json, "an input", "an object with name, shape, datatype and data");
  Tensor tensor;
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(DecodeTensorMember(json, tensor));
  TRY(Scanned(json));
  if (tensor.name.empty()) return InvalidArgument("input ", tensors_, " has no name");
  if (tensor.datatype == Datatype::kNone) return InvalidArgument("input ", Quoted(tensor.name), " has no datatype");
  if (!tensor.has_shape) return InvalidArgument("input ", Quoted(tensor.name), " has no shape");
  if (!tensor.read) {
    if (tensor.data == nullptr) return InvalidArgument("input ", Quoted(tensor.name), " has no data");
    in_text_order_ = false;
    const char* const after = json.position();
    json.Seek(tensor.data);
    TRY(DecodeData(json, tensor));
    json.Seek(after);
  }
  ++tensors_;
  return Ok();
}

Status RequestDecoder::DecodeTensorMember(JsonScanner& json, Tensor& tensor) {
  const std::string_view key = json.key();
  if (key == "data") {
    if (tensor.read || tensor.data != nullptr) return InvalidArgument("an input has data twice");
    if (tensor.described()) return DecodeData(json, tensor);
    json.Peek();  // past white space
    tensor.data = json.position();
    json.Skip();
  } else if (key == "name") {
    if (!tensor.name.empty()) return InvalidArgument("an input has its name twice");
    if (json.Peek() != Kind::kString) return WrongKind(json, "the name of an input", "a string");
    json.ReadString(tensor.name);
  } else if (key == "shape") {
    if (tensor.has_shape) return InvalidArgument("an input has its shape twice");
    return DecodeShape(json, tensor);
  } else if (key == "datatype") {
    if (tensor.datatype != Datatype::kNone) return InvalidArgument("an input has its datatype twice");
    if (json.Peek() != Kind::kString) return WrongKind(json, "the datatype of an input", "a string");
    json.ReadString(tensor.datatype_text);
    TRY(Scanned(json));
    const std::string_view type = tensor.datatype_text;
    tensor.datatype = type == "FP32" || type == "FP64" || type == "FP16" || type == "BF16" ? Datatype::kFloat
                      : type == "BYTES"                                                    ? Datatype::kBytes
                      : type == "BOOL"                                                     ? Datatype::kBool
                      : type == "INT64" || type == "INT32" || type == "INT16" || type == "INT8" || type == "UINT64" ||
                              type == "UINT32" || type == "UINT16" || type == "UINT8"
                          ? Datatype::kInteger
                          : Datatype::kNone;
    if (tensor.datatype == Datatype::kNone) {
      return InvalidArgument("input ", Quoted(tensor.name), " has the datatype ", Quoted(type),
                             "; known are BOOL, INT8 to INT64, UINT8 to UINT64, FP16, BF16, FP32, FP64, BYTES");
    }
  } else {
    json.Skip();
  }
  return Scanned(json);
}

Status RequestDecoder::DecodeShape(JsonScanner& json, Tensor& tensor) {
  if (json.Peek() != Kind::kArray) return WrongKind(json, "the shape of an input", "a list of whole numbers");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    double size = 0;
    if (json.Peek() != Kind::kNumber) return WrongKind(json, "the shape of an input", "a list of whole numbers");
    json.ReadNumber(size);
    TRY(Scanned(json));
    if (!(size >= 0 && size <= 1e15) || size != std::floor(size)) {
      return InvalidArgument("the shape of input ", Quoted(tensor.name), " holds ", size,
                             "; sizes are whole numbers from 0");
    }
    if (tensor.dimensions == kDimensionsMax) {
      return InvalidArgument("input ", Quoted(tensor.name), " has more than ", kDimensionsMax, " dimensions");
    }
    tensor.shape[tensor.dimensions++] = static_cast<std::uint64_t>(size);
  }
  tensor.has_shape = true;
  return Scanned(json);
}

Status RequestDecoder::DecodeData(JsonScanner& json, Tensor& tensor) {
  tensor.read = true;
  if (json.Peek() != Kind::kArray) {
    return WrongKind(json, Cat("the data of input ", Quoted(tensor.name)), "a list");
  }
  if (tensor.dimensions != 1 && tensor.dimensions != 2) {
    return InvalidArgument("input ", Quoted(tensor.name), " has ", tensor.dimensions,
                           " dimensions; expected shape [rows] or [rows, 1] for a column, or [rows, ",
                           model_->num_features(), "] for a matrix of all columns");
  }
  if (tensor.dimensions == 2 && tensor.shape[1] != 1) return DecodeMatrix(json, tensor);
  if (model_->encoder().FeatureIndex(tensor.name) >= 0) return DecodeColumn(json, tensor);
  const schema::Schema& schema = model_->schema();
  if (tensor.name == schema.event_time || tensor.name == schema.key) return DecodeContext(json, tensor);
  // A model of one column takes its only column under any name, as any matrix.
  if (model_->num_features() == 1 && tensor.dimensions == 2) return DecodeMatrix(json, tensor);
  return model_->encoder().UnknownFeature(tensor.name);
}

Status RequestDecoder::SetRows(const Tensor& tensor) {
  const std::uint64_t rows = tensor.shape[0];
  if (tensors_ > 0) {
    if (rows == rows_) [[likely]]
      return Ok();
    return InvalidArgument("input ", Quoted(tensor.name), " has ", rows, " rows, the inputs before it have ", rows_);
  }
  if (rows == 0) return InvalidArgument("input ", Quoted(tensor.name), " has no rows");
  if (rows > static_cast<std::uint64_t>(limits_->rows_max)) {
    return InvalidArgument("the request has ", rows, " rows, at most ", limits_->rows_max, "; send them in parts");
  }
  std::uint64_t cells = 0;
  if (__builtin_mul_overflow(rows, model_->num_features(), &cells) || cells > kFeatureBytesMax / sizeof(float)) {
    return InvalidArgument("the request has ", rows, " rows of ", model_->num_features(), " columns; at most ",
                           kFeatureBytesMax / sizeof(float), " values fit one request, send them in parts");
  }
  rows_ = rows;
  features_.resize(cells);
  return Ok();
}

/// Calls `store_run(first, end)` for as many cells as it takes, 0 or more of those up to `end`, and `store` for any
/// other.
template <typename Store, typename StoreRun>
Status RequestDecoder::ForEachValue(JsonScanner& json, const Tensor& tensor, std::uint64_t width, const Store& store,
                                    const StoreRun& store_run) {
  const std::uint64_t expected = rows_ * width;
  std::uint64_t count = 0;
  bool nested = false;
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    const bool list = json.Peek() == Kind::kArray;
    if (count == 0) nested = list;
    if (list != nested || (list && tensor.dimensions != 2)) {
      return InvalidArgument("the data of input ", Quoted(tensor.name), " mixes values and lists at row ",
                             count / width, "; write values alone, or one list for each row of shape [rows, columns]");
    }
    const std::uint64_t row_end = list ? count + width : count + 1;
    if (row_end > expected) {
      return InvalidArgument("the data of input ", Quoted(tensor.name), " has more than the ", expected,
                             " values of its shape");
    }
    if (!list) {
      const std::uint64_t run = TRY(store_run(count, expected));
      count += run;
      if (run == 0) TRY(store(count++));
      continue;
    }
    for (bool cell = json.BeginArray(); cell; cell = json.NextElement()) {
      if (count == row_end) {
        return InvalidArgument("row ", row_end / width - 1, " of input ", Quoted(tensor.name), " has more than ", width,
                               " values");
      }
      const std::uint64_t run = TRY(store_run(count, row_end));
      count += run;
      if (run == 0) TRY(store(count++));
    }
    if (count != row_end && !json.failed()) {
      return InvalidArgument("row ", row_end / width - 1, " of input ", Quoted(tensor.name), " has ",
                             count + width - row_end, " values, the shape says ", width);
    }
  }
  TRY(Scanned(json));
  if (count == expected) [[likely]]
    return Ok();
  return InvalidArgument("the data of input ", Quoted(tensor.name), " has ", count, " values, its shape says ",
                         expected);
}

Status RequestDecoder::DecodeMatrix(JsonScanner& json, const Tensor& tensor) {
  const std::uint64_t width = model_->num_features();
  if (tensor.shape[1] != width) {
    return InvalidArgument("input ", Quoted(tensor.name), " has ", tensor.shape[1], " columns, the model takes ", width,
                           "; send a matrix of all of them, or one tensor of shape [rows] for each column by its name");
  }
  if (columns_seen_ > 0 || matrix_) {
    return InvalidArgument("input ", Quoted(tensor.name), " is a matrix of all columns; send no other columns with it");
  }
  TRY(SetRows(tensor));
  matrix_ = true;
  const char* begin = nullptr;  // of the only row
  const auto store = [&](std::uint64_t index) -> Status {
    if (index == 0) begin = json.position();
    features_[index] = TRY(DecodeMatrixCell(json, tensor, static_cast<int>(index % width)));
    if (index + 1 == width) NoteSlot({.kind = Slot::Kind::kRow, .datatype = tensor.datatype}, begin, json.position());
    return Ok();
  };
  const auto store_run = [&](std::uint64_t first, std::uint64_t end) -> Result<std::uint64_t> {
    if (first == 0) begin = json.position();
    const std::uint64_t count = TRY(DecodeMatrixRun(json, tensor.datatype, first, end));
    if (first + count == width)
      NoteSlot({.kind = Slot::Kind::kRow, .datatype = tensor.datatype}, begin, json.position());
    return count;
  };
  return ForEachValue(json, tensor, width, store, store_run);
}

/// A run of plain numbers of a matrix into features_[first, end); how many.
Result<std::uint64_t> RequestDecoder::DecodeMatrixRun(JsonScanner& json, Datatype datatype, std::uint64_t first,
                                                      std::uint64_t end) {
  if (datatype != Datatype::kFloat && datatype != Datatype::kInteger) return std::uint64_t{0};
  std::array<double, kRunMax> numbers;
  const std::size_t count = json.ReadNumbers(std::span(numbers).first(std::min<std::uint64_t>(end - first, kRunMax)));
  if (all_floats_) {  // plain numbers are in a float's range
    std::transform(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(count),
                   features_.begin() + static_cast<std::ptrdiff_t>(first),
                   [](double number) { return static_cast<float>(number); });
    return count;
  }
  const std::uint64_t width = model_->num_features();
  std::uint64_t feature = first % width;
  for (std::size_t i = 0; i < count; ++i) {
    features_[first + i] = TRY(EncodeMatrixNumber(static_cast<int>(feature), numbers[i]));
    if (++feature == width) feature = 0;
  }
  return count;
}

Status RequestDecoder::DecodeColumn(JsonScanner& json, const Tensor& tensor) {
  const int feature = model_->encoder().FeatureIndex(tensor.name);
  const auto column = static_cast<std::size_t>(feature);
  if (matrix_) {
    return InvalidArgument("input ", Quoted(tensor.name),
                           " comes beside a matrix of all columns; send one or the other");
  }
  if (seen_[column] != 0) return InvalidArgument("column ", Quoted(tensor.name), " is there twice");
  TRY(SetRows(tensor));
  seen_[column] = 1;
  ++columns_seen_;
  float* const cells = features_.data() + column;
  const std::uint64_t stride = model_->num_features();
  return ForEachValue(
      json, tensor, 1,
      [&, cells, stride, feature](std::uint64_t row) -> Status {
        const char* const begin = json.position();
        cells[row * stride] = TRY(DecodeCell(json, tensor.datatype, feature));
        NoteSlot({.kind = Slot::Kind::kCell, .datatype = tensor.datatype, .feature = feature}, begin, json.position());
        return Ok();
      },
      NoRun);
}

Status RequestDecoder::DecodeContext(JsonScanner& json, const Tensor& tensor) {
  TRY(SetRows(tensor));
  in_text_order_ = false;  // its values may decide about the event time: such requests are not remembered
  const bool is_time = tensor.name == model_->schema().event_time;
  if (!(is_time ? row_times_us_.empty() : keys_.empty())) {
    return InvalidArgument("column ", Quoted(tensor.name), " is there twice");
  }
  return ForEachValue(
      json, tensor, 1,
      [&](std::uint64_t row) -> Status {
        if (!is_time) return DecodeKey(json);
        Status decoded = DecodeRowTime(json, row);
        if (decoded.ok()) return decoded;
        return std::move(decoded).In(Cat("column ", Quoted(tensor.name), ", row ", row));
      },
      NoRun);
}

Status RequestDecoder::DecodeRowTime(JsonScanner& json, std::uint64_t row) {
  row_times_us_.push_back(serving::kNoEventTime);
  if (json.Peek() != Kind::kString) {
    json.Skip();
    return Scanned(json);
  }
  std::string_view text;
  json.ReadString(text);
  TRY(Scanned(json));
  row_times_us_.back() = TRY(EventTimeMicros(text));
  if (row == 0 && event_time_.empty()) event_time_ = text;
  return Ok();
}

Status RequestDecoder::DecodeKey(JsonScanner& json) {
  const Kind kind = json.Peek();
  const char* const begin = json.position();
  std::string_view key;
  if (kind == Kind::kString) {
    json.ReadString(key);
  } else {
    json.Skip();
    if (kind == Kind::kNumber) key = {begin, static_cast<std::size_t>(json.position() - begin)};
  }
  keys_.push_back(key);
  return Scanned(json);
}

Result<float> RequestDecoder::DecodeCell(JsonScanner& json, Datatype datatype, int feature) {
  const schema::Encoder& encoder = model_->encoder();
  const Kind kind = json.Peek();
  if (kind == Kind::kNumber && (datatype == Datatype::kFloat || datatype == Datatype::kInteger)) {
    double value = 0;
    if (!json.ReadNumber(value)) return NoJson(json);
    if (datatype == Datatype::kInteger && value != std::floor(value)) [[unlikely]] {
      return InvalidArgument("column ", Quoted(encoder.column(feature).name), " holds ", value,
                             ", but its datatype is ", DatatypeName(datatype));
    }
    return encoder.EncodeNumber(feature, value);
  }
  if (kind == Kind::kString && datatype == Datatype::kBytes) {
    std::string_view text;
    if (!json.ReadString(text)) return NoJson(json);
    Result<float> code = encoder.EncodeText(feature, text);
    if (code.ok() && std::isnan(*code)) ++unknown_categories_;
    return code;
  }
  if ((kind == Kind::kTrue || kind == Kind::kFalse) && datatype == Datatype::kBool) {
    if (!(kind == Kind::kTrue ? json.ReadTrue() : json.ReadFalse())) return NoJson(json);
    return encoder.EncodeBool(feature, kind == Kind::kTrue);
  }
  if (kind == Kind::kNull || kind == Kind::kNan) {
    if (!(kind == Kind::kNull ? json.ReadNull() : json.ReadNan())) return NoJson(json);
    return encoder.EncodeMissing(feature);
  }
  const char* const start = json.position();
  json.Skip();
  if (json.failed()) return NoJson(json);
  const std::string_view value(start, static_cast<std::size_t>(json.position() - start));
  return InvalidArgument("column ", Quoted(encoder.column(feature).name), " holds ", KindName(kind), " (",
                         value.substr(0, 80), "), but its datatype is ", DatatypeName(datatype));
}

Result<float> RequestDecoder::DecodeMatrixCell(JsonScanner& json, const Tensor& tensor, int feature) {
  const schema::Column& column = model_->encoder().column(feature);
  const Kind kind = json.Peek();
  if (kind == Kind::kNull || kind == Kind::kNan) {
    if (!(kind == Kind::kNull ? json.ReadNull() : json.ReadNan())) return NoJson(json);
    return model_->encoder().EncodeMissing(feature);
  }
  if (kind != Kind::kNumber || tensor.datatype == Datatype::kBytes || tensor.datatype == Datatype::kBool) {
    json.Skip();
    if (json.failed()) return NoJson(json);
    return InvalidArgument("column ", Quoted(column.name), " holds ", KindName(kind), "; input ", Quoted(tensor.name),
                           " is a matrix of numbers of datatype ", tensor.datatype_text);
  }
  double value = 0;
  if (!json.ReadNumber(value)) return NoJson(json);
  return EncodeMatrixNumber(feature, value);
}

Result<float> RequestDecoder::EncodeMatrixNumber(int feature, double value) const {
  const schema::Column& column = model_->encoder().column(feature);
  if (column.type != schema::ColumnType::kCategory) [[likely]]
    return model_->encoder().EncodeNumber(feature, value);
  // In a matrix a category is its code.
  if (!(value >= 0 && value < static_cast<double>(column.vocabulary.size())) || value != std::floor(value)) {
    return InvalidArgument("column ", Quoted(column.name), " holds ", value,
                           "; in a matrix a category is its code, 0 to ", column.vocabulary.size() - 1);
  }
  return static_cast<float>(value);
}

Status RequestDecoder::CheckComplete() const {
  if (tensors_ == 0) return InvalidArgument("inputs is empty; send one tensor for each column, or one matrix");
  if (matrix_ || columns_seen_ == seen_.size()) [[likely]]
    return Ok();
  const auto absent = std::find(seen_.begin(), seen_.end(), std::uint8_t{0});
  return model_->encoder().AbsentFeature(static_cast<int>(absent - seen_.begin()));
}

}  // namespace mw::api::inference
