// One pass over the body; a tensor whose data stands before its name, type or shape is walked over and read afterwards.
#include "api/inference/request_decoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "api/inference/json_errors.h"
#include "api/inference/output_choice.h"
#include "api/inference/tensor_request.h"
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

/// For columns whose values are decoded one by one.
Result<std::uint64_t> NoRun(std::uint64_t, std::uint64_t) { return std::uint64_t{0}; }

}  // namespace

Status RequestDecoder::Decode(std::string_view body, const serving::Model& model, const wire::ServingLimits& limits) {
  Reset(model, limits);
  if (body.size() > static_cast<std::uint64_t>(limits.body_bytes_max)) {
    return InvalidArgument("the request has ", body.size(), " bytes, at most ", limits.body_bytes_max);
  }
  if (!IsCleanText(body)) return InvalidArgument("the request is no valid JSON: it is not UTF-8");
  if (DecodeAlike(body)) return Ok();
  Reset(model, limits);
  layout_.Begin(model, limits);
  memory_.Begin(body);
  wishes_.Clear();
  JsonScanner json(body, strings_);
  TRY(DecodeBody(json));
  if (rows_ == 1 && wishes_.classifications.empty() && memory_.Keep(body, model.serial())) remembered_ = choice_;
  return Ok();
}

void RequestDecoder::Tell(InferenceRequest& out) const {
  out.id = id_;
  out.event_time = event_time_;
  out.event_times_us = event_times_us();
  out.keys = keys_;
  out.rows = rows_;
  out.features = features_;
  out.unknown_categories = unknown_categories();
  out.wants_value = choice_.value;
  out.wants_decision = choice_.decision;
  out.timeout = choice_.timeout;
  out.priority = choice_.priority;
  out.classifications = wishes_.classifications;
}

void RequestDecoder::Reset(const serving::Model& model, const wire::ServingLimits& limits) {
  model_ = &model;
  limits_ = &limits;
  cells_.Begin(model);
  id_ = {};
  event_time_ = {};
  event_time_is_parameter_ = false;
  row_times_us_.clear();
  keys_.clear();
  rows_ = 0;
  features_.clear();
}

bool RequestDecoder::DecodeAlike(std::string_view body) {
  features_.resize(model_->num_features());
  JsonScanner json(body, strings_);
  const auto read = [this](JsonScanner& at, const Slot& slot) { return ReadSlot(at, slot); };
  if (!memory_.Match(body, model_->serial(), json, read)) return false;
  rows_ = 1;
  choice_ = remembered_;
  wishes_.classifications.clear();
  return true;
}

bool RequestDecoder::ReadSlot(JsonScanner& json, const Slot& slot) {
  if (slot.kind == Slot::Kind::kRow) return ReadRow(json, slot);
  if (slot.kind == Slot::Kind::kCell) {
    const Result<float> cell = cells_.ReadInColumn(json, slot.datatype, slot.feature);
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
  std::size_t count = 0;
  for (bool more = true; more; more = json.NextElement()) {
    const auto run = cells_.ReadMatrixRun(json, slot.datatype, count, std::span(features_).subspan(count));
    if (!run.ok()) return false;
    count += *run;
    if (*run == 0) {
      const Result<float> cell = cells_.ReadInMatrix(json, {}, slot.datatype, static_cast<int>(count));
      if (!cell.ok()) return false;
      features_[count++] = *cell;
    }
    if (count == features_.size()) return true;
  }
  return false;
}

/// Requests of more rows are not remembered.
void RequestDecoder::NoteSlot(const Slot& slot, const char* begin, const char* end) {
  if (rows_ <= 1) memory_.Note(slot, {begin, static_cast<std::size_t>(end - begin)});
}

Status RequestDecoder::DecodeBody(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return Unexpected(json, "the request", "a JSON object with inputs");
  unsigned given = 0;
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(DecodeMember(json, given));
  json.Finish();
  TRY(Scanned(json));
  if ((given & kInputs) == 0) return InvalidArgument("the request has no inputs");
  TRY(layout_.CheckComplete());
  return TakeWishes();
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
    case kOutputs: return wishes_.ReadOutputs(json);
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
  if (json.Peek() != Kind::kString) return Unexpected(json, "id", "a string");
  const char* const begin = json.position();
  json.ReadString(id_);
  NoteSlot({.kind = Slot::Kind::kId}, begin, json.position());
  if (id_.size() > kRequestIdBytesMax) {
    return InvalidArgument("id has ", id_.size(), " bytes, at most ", kRequestIdBytesMax);
  }
  return Scanned(json);
}

Status RequestDecoder::DecodeParameters(JsonScanner& json) {
  TRY(wishes_.ReadParameters(json));
  const std::string_view text = wishes_.event_time_text;
  if (text.empty()) return Ok();
  event_time_ = wishes_.event_time;
  event_time_us_ = TRY(EventTimeMicros(event_time_).In("parameter event_time"));
  event_time_is_parameter_ = true;
  NoteSlot({.kind = Slot::Kind::kEventTime}, text.data(), text.data() + text.size());
  return Ok();
}

Status RequestDecoder::TakeWishes() {
  InferenceRequest chosen;
  TRY(ChooseOutputs(*model_, wishes_.outputs, wishes_.classifications, chosen));
  choice_.value = chosen.wants_value;
  choice_.decision = chosen.wants_decision;
  choice_.timeout = wishes_.timeout;
  choice_.priority = wishes_.priority;
  choice_.binary = wishes_.binary;
  return Ok();
}

Status RequestDecoder::DecodeInputs(JsonScanner& json) {
  if (json.Peek() != Kind::kArray) return Unexpected(json, "inputs", "a list of tensors");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) TRY(DecodeTensor(json));
  return Scanned(json);
}

Status RequestDecoder::DecodeTensor(JsonScanner& json) {
  if (json.Peek() != Kind::kObject)
    return Unexpected(json, "an input", "an object with name, shape, datatype and data");
  Tensor tensor;
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(DecodeTensorMember(json, tensor));
  TRY(Scanned(json));
  if (tensor.name.empty()) return InvalidArgument("input ", layout_.inputs(), " has no name");
  if (!tensor.has_datatype) return InvalidArgument("input ", Quoted(tensor.name), " has no datatype");
  if (!tensor.has_shape) return InvalidArgument("input ", Quoted(tensor.name), " has no shape");
  if (tensor.read) return Ok();
  if (tensor.data == nullptr) return InvalidArgument("input ", Quoted(tensor.name), " has no data");
  memory_.Disregard();
  const char* const after = json.position();
  json.Seek(tensor.data);
  TRY(DecodeData(json, tensor));
  json.Seek(after);
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
    return ReadText(json, "the name of an input", tensor.name);
  } else if (key == "shape") {
    if (tensor.has_shape) return InvalidArgument("an input has its shape twice");
    return DecodeShape(json, tensor);
  } else if (key == "datatype") {
    if (tensor.has_datatype) return InvalidArgument("an input has its datatype twice");
    tensor.datatype = TRY(ReadDatatype(json, tensor.name));
    tensor.has_datatype = true;
  } else {
    json.Skip();
  }
  return Scanned(json);
}

Status RequestDecoder::DecodeShape(JsonScanner& json, Tensor& tensor) {
  if (json.Peek() != Kind::kArray) return Unexpected(json, "the shape of an input", "a list of whole numbers");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    if (tensor.dimensions == tensor.sizes.size()) {
      return InvalidArgument("input ", Quoted(tensor.name), " has more than ", tensor.sizes.size(), " dimensions");
    }
    tensor.sizes[tensor.dimensions++] = TRY(ReadSize(json, "a size in the shape of an input"));
  }
  tensor.has_shape = true;
  return Scanned(json);
}

Status RequestDecoder::DecodeData(JsonScanner& json, Tensor& tensor) {
  tensor.read = true;
  if (json.Peek() != Kind::kArray) {
    return Unexpected(json, Cat("the data of input ", Quoted(tensor.name)), "a list");
  }
  const RowLayout::Place place = TRY(layout_.Take(tensor.name, tensor.shape()));
  if (rows_ == 0) {
    rows_ = layout_.rows();
    features_.resize(layout_.cells());
  }
  switch (place.role) {
    case RowLayout::Role::kMatrix: return DecodeMatrix(json, tensor);
    case RowLayout::Role::kColumn: return DecodeColumn(json, tensor, place.feature);
    case RowLayout::Role::kEventTime: return DecodeTimes(json, tensor);
    case RowLayout::Role::kKey: break;
  }
  memory_.Disregard();
  return ForEachValue(
      json, tensor, 1, [&](std::uint64_t) { return DecodeKey(json); }, NoRun);
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
  const Slot row{.kind = Slot::Kind::kRow, .datatype = tensor.datatype};
  const char* begin = nullptr;  // of the only row
  const auto store = [&](std::uint64_t index) -> Status {
    if (index == 0) begin = json.position();
    features_[index] = TRY(cells_.ReadInMatrix(json, tensor.name, tensor.datatype, static_cast<int>(index % width)));
    if (index + 1 == width) NoteSlot(row, begin, json.position());
    return Ok();
  };
  const auto store_run = [&](std::uint64_t first, std::uint64_t end) -> Result<std::uint64_t> {
    if (first == 0) begin = json.position();
    const std::span<float> cells = std::span(features_).subspan(first, end - first);
    const std::uint64_t count = TRY(cells_.ReadMatrixRun(json, tensor.datatype, first % width, cells));
    if (first + count == width) NoteSlot(row, begin, json.position());
    return count;
  };
  return ForEachValue(json, tensor, width, store, store_run);
}

Status RequestDecoder::DecodeColumn(JsonScanner& json, const Tensor& tensor, int feature) {
  float* const cells = features_.data() + feature;
  const std::uint64_t stride = model_->num_features();
  return ForEachValue(
      json, tensor, 1,
      [&, cells, stride, feature](std::uint64_t row) -> Status {
        const char* const begin = json.position();
        cells[row * stride] = TRY(cells_.ReadInColumn(json, tensor.datatype, feature));
        NoteSlot({.kind = Slot::Kind::kCell, .datatype = tensor.datatype, .feature = feature}, begin, json.position());
        return Ok();
      },
      NoRun);
}

/// They may decide about the event time: such requests are not remembered.
Status RequestDecoder::DecodeTimes(JsonScanner& json, const Tensor& tensor) {
  memory_.Disregard();
  return ForEachValue(
      json, tensor, 1,
      [&](std::uint64_t row) -> Status {
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

}  // namespace mw::api::inference
