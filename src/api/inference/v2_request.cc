// Walks the JSON, then puts the tensors together.
#include "api/inference/v2_request.h"

#include <cmath>
#include <limits>

#include "api/inference/json_errors.h"
#include "api/inference/tensor_values.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using serving::Datatype;
using Kind = JsonScanner::Kind;

/// One value that is no list.
Status ReadElement(JsonScanner& json, Datatype datatype, std::string& bytes) {
  const Kind kind = json.Peek();
  const char* const begin = json.position();
  bool fits = false;
  if (kind == Kind::kNumber && datatype != Datatype::kBytes) {
    double value = 0;
    json.ReadNumber(value);
    const std::string_view digits(begin, static_cast<std::size_t>(json.position() - begin));
    fits = json.failed() || AppendWholeDigits(bytes, datatype, digits) || AppendNumber(bytes, datatype, value);
  } else if (kind == Kind::kString && datatype == Datatype::kBytes) {
    std::string_view text;
    json.ReadString(text);
    serving::AppendElement(bytes, text);
    fits = true;
  } else if ((kind == Kind::kTrue || kind == Kind::kFalse) && datatype == Datatype::kBool) {
    json.Skip();
    bytes += kind == Kind::kTrue ? '\1' : '\0';
    fits = true;
  } else if ((kind == Kind::kNull || kind == Kind::kNan) && IsFloating(datatype)) {
    fits = kind == Kind::kNull ? json.ReadNull() : json.ReadNan();
    AppendNumber(bytes, datatype, std::numeric_limits<double>::quiet_NaN());
  } else {
    json.Skip();
  }
  TRY(Scanned(json));
  if (fits) [[likely]]
    return Ok();
  const std::string_view found(begin, static_cast<std::size_t>(json.position() - begin));
  return InvalidArgument("the value ", Trim(found).substr(0, 80), " is no ", serving::DatatypeName(datatype));
}

Error TwiceThere(std::string_view what) { return InvalidArgument("an input has its ", what, " twice"); }

}  // namespace

Status ReadElements(JsonScanner& json, Datatype datatype, std::uint64_t elements_max, std::string& bytes,
                    std::uint64_t& count) {
  if (json.Peek() != Kind::kArray) {
    if (++count > elements_max) return InvalidArgument("there are more than ", elements_max, " values");
    return ReadElement(json, datatype, bytes);
  }
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    TRY(ReadElements(json, datatype, elements_max, bytes, count));  // as deep as the scanner goes: 64
  }
  return Scanned(json);
}

void V2Request::Clear() {
  inputs_.clear();
  sizes_.clear();
  json_tensors_.Clear();
  wishes_.Clear();
  request_.Clear();
}

Status V2Request::Read(std::string_view body, std::size_t json_bytes) {
  Clear();
  if (json_bytes > body.size()) {
    return InvalidArgument("Inference-Header-Content-Length is ", json_bytes, ", but the body has ", body.size(),
                           " bytes");
  }
  const std::string_view text = body.substr(0, json_bytes);
  if (!IsUtf8(text)) return InvalidArgument("the request is no valid JSON: it is not UTF-8");
  JsonScanner json(text, strings_);
  if (json.Peek() != Kind::kObject) return Unexpected(json, "the request", "a JSON object with inputs");
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(ReadMember(json));
  json.Finish();
  TRY(Scanned(json));
  request_.event_time = wishes_.event_time;
  request_.timeout = wishes_.timeout;
  request_.priority = wishes_.priority;
  request_.outputs = wishes_.outputs;
  request_.classifications = wishes_.classifications;
  for (const Input& input : inputs_) {
    if (input.data != nullptr) TRY(TakeData(input, text).In(Cat("input ", Quoted(input.name))));
  }
  return TakeBinary(body.substr(json_bytes));
}

Status V2Request::ReadMember(JsonScanner& json) {
  const std::string_view key = json.key();
  if (key == "inputs") {
    if (!inputs_.empty()) return InvalidArgument("the request has \"inputs\" twice");
    return ReadInputs(json);
  }
  if (key == "outputs") return wishes_.ReadOutputs(json);
  if (key == "parameters") return wishes_.ReadParameters(json);
  if (key == "id" && json.Peek() == Kind::kString) return ReadText(json, "id", request_.id);
  json.Skip();
  return Scanned(json);
}

Status V2Request::ReadInputs(JsonScanner& json) {
  if (json.Peek() != Kind::kArray) return Unexpected(json, "inputs", "a list of tensors");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    if (inputs_.size() == serving::kTensorsMax) {
      return InvalidArgument("the request has more than ", serving::kTensorsMax, " inputs");
    }
    TRY(ReadInput(json));
  }
  return Scanned(json);
}

Status V2Request::ReadInput(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return Unexpected(json, "an input", "an object with name, shape and datatype");
  Input input;
  input.first_size = sizes_.size();
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(ReadInputMember(json, input));
  TRY(Scanned(json));
  if (input.name.empty()) return InvalidArgument("input ", inputs_.size(), " has no name");
  if (!input.has_datatype) return InvalidArgument("input ", Quoted(input.name), " has no datatype");
  if (!input.has_shape) return InvalidArgument("input ", Quoted(input.name), " has no shape");
  if (input.has_binary_size == (input.data != nullptr)) {
    return InvalidArgument("input ", Quoted(input.name),
                           input.data != nullptr ? " has data and" : " has neither data nor",
                           " a binary_data_size; give one of them");
  }
  inputs_.push_back(input);
  return Ok();
}

Status V2Request::ReadInputMember(JsonScanner& json, Input& input) {
  const std::string_view key = json.key();
  if (key == "name") {
    if (!input.name.empty()) return TwiceThere(key);
    return ReadText(json, "the name of an input", input.name);
  }
  if (key == "shape") {
    if (input.has_shape) return TwiceThere(key);
    return ReadShape(json, input);
  }
  if (key == "datatype") {
    if (input.has_datatype) return TwiceThere(key);
    input.datatype = TRY(ReadDatatype(json, input.name));
    input.has_datatype = true;
    return Ok();
  }
  if (key == "parameters") return ReadBinarySize(json, input);
  if (key == "data") {
    if (input.data != nullptr) return TwiceThere(key);
    json.Peek();  // past white space
    input.data = json.position();
  }
  json.Skip();
  return Scanned(json);
}

Status V2Request::ReadShape(JsonScanner& json, Input& input) {
  if (json.Peek() != Kind::kArray) return Unexpected(json, "the shape of an input", "a list of whole numbers");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    if (input.dimensions == serving::kTensorDimensionsMax) {
      return InvalidArgument("input ", Quoted(input.name), " has more than ", serving::kTensorDimensionsMax,
                             " dimensions");
    }
    sizes_.push_back(TRY(ReadSize(json, "a size in the shape of an input")));
    ++input.dimensions;
  }
  input.has_shape = true;
  return Scanned(json);
}

Status V2Request::ReadBinarySize(JsonScanner& json, Input& input) {
  if (json.Peek() != Kind::kObject) return Unexpected(json, "the parameters of an input", "an object");
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    const std::string_view key = json.key();
    if (key == "binary_data_size") {
      input.binary_size = static_cast<std::uint64_t>(TRY(ReadSize(json, "binary_data_size")));
      input.has_binary_size = true;
    } else if (key.starts_with("shared_memory")) {
      return Unimplemented("input ", Quoted(input.name), " is in shared memory, which is not supported");
    } else {
      json.Skip();
    }
  }
  return Scanned(json);
}

Status V2Request::TakeData(const Input& input, std::string_view text) {
  const std::span<const std::int64_t> shape = std::span(sizes_).subspan(input.first_size, input.dimensions);
  const std::uint64_t expected = TRY(serving::ElementCount(shape));
  elements_.clear();
  JsonScanner json(text.substr(static_cast<std::size_t>(input.data - text.data())), element_strings_);
  std::uint64_t count = 0;
  if (json.Peek() != Kind::kArray) return Unexpected(json, "data", "a list");
  TRY(ReadElements(json, input.datatype, expected, elements_, count));
  if (count != expected) return InvalidArgument("data has ", count, " values, its shape says ", expected);
  json_tensors_.Append({input.name, input.datatype, shape, elements_});
  return Ok();
}

Status V2Request::TakeBinary(std::string_view binary) {
  std::size_t next_json = 0;
  for (const Input& input : inputs_) {
    if (input.data != nullptr) {
      request_.inputs.push_back(json_tensors_[next_json++]);
      continue;
    }
    if (input.binary_size > binary.size()) {
      return InvalidArgument("input ", Quoted(input.name), " has a binary_data_size of ", input.binary_size, ", but ",
                             binary.size(), " bytes are left of the body");
    }
    request_.inputs.push_back({input.name, input.datatype,
                               std::span(sizes_).subspan(input.first_size, input.dimensions),
                               binary.substr(0, input.binary_size)});
    binary.remove_prefix(input.binary_size);
    TRY(serving::CheckTensor(request_.inputs.back()));
  }
  if (binary.empty()) return Ok();
  return InvalidArgument("the body has ", binary.size(), " bytes more than its tensors");
}

}  // namespace mw::api::inference
