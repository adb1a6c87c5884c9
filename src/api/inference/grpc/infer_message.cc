// Field by field; inputs meet their contents at the end, since fields come in any order.
#include "api/inference/grpc/infer_message.h"

#include "api/inference/grpc/typed_contents.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::size_t kRawAlignment = 8;

Error NoMessage(const WireReader& reader, std::string_view what) {
  return InvalidArgument("the request is no valid ", what, ": ", reader.error());
}

Status CheckRead(const WireReader& reader, std::string_view what) {
  if (reader.failed()) [[unlikely]]
    return NoMessage(reader, what);
  return Ok();
}

/// Plain ASCII, as names are, needs no further look.
bool IsText(std::string_view bytes) {
  unsigned char any = 0;
  for (const char c : bytes) any |= static_cast<unsigned char>(c);
  return any < 0x80 || IsUtf8(bytes);
}

}  // namespace

void InferMessage::Clear() { arena_.Clear(); }

Status InferMessage::Read(std::span<const std::string_view> pieces) {
  arena_.Clear();
  target_ = {};
  request_.Clear();
  inputs_.clear();
  sizes_.clear();
  raw_.clear();
  own_parameters_.clear();
  parameters_ = 0;
  WireReader reader(pieces, arena_);
  TRY(ReadFields(reader));
  return TakeInputs();
}

Status InferMessage::ReadFields(WireReader& reader) {
  while (reader.Next()) TRY(ReadField(reader));
  return CheckRead(reader, "ModelInferRequest");
}

Status InferMessage::ReadField(WireReader& reader) {
  std::string_view message;
  switch (reader.field()) {
    case 1: return ReadText(reader, "model_name", serving::kTensorNameBytesMax, target_.model);
    case 2: return ReadText(reader, "model_version", serving::kTensorNameBytesMax, target_.version);
    case 3: return ReadText(reader, "id", kRequestIdBytesMax, request_.id);
    case 4: return reader.ReadBytes(message) ? ReadParameter(message) : Ok();
    case 5: return reader.ReadBytes(message) ? ReadInput(message) : Ok();
    case 6: return reader.ReadBytes(message) ? ReadOutput(message) : Ok();
    case 7: return ReadRaw(reader);
    default: break;
  }
  reader.Skip();
  return Ok();
}

Status InferMessage::ReadText(WireReader& reader, std::string_view what, std::size_t bytes_max, std::string_view& out) {
  std::string_view text;
  if (!reader.ReadBytes(text)) return Ok();  // the walk's end tells
  if (text.size() > bytes_max) return InvalidArgument(what, " has ", text.size(), " bytes, at most ", bytes_max);
  if (!IsText(text)) return InvalidArgument(what, " is no UTF-8");
  out = text;
  return Ok();
}

Status InferMessage::ReadParameter(std::string_view entry) {
  const Parameter parameter = TRY(ReadEntry(entry));
  own_parameters_.push_back(parameter);
  if (parameter.name == "event_time") {
    if (parameter.text) {
      request_.event_time = *parameter.text;
      return Ok();
    }
    return InvalidArgument("parameter event_time must be a string_param like 2013-07-01T04:00:00Z");
  }
  if (parameter.name != "timeout" && parameter.name != "priority") return Ok();
  if (!parameter.number || *parameter.number > INT64_MAX) {
    return InvalidArgument("parameter ", parameter.name, " must be an int64_param or uint64_param from 0");
  }
  if (parameter.name == "timeout") request_.timeout = Duration(static_cast<std::int64_t>(*parameter.number));
  if (parameter.name == "priority") request_.priority = *parameter.number;
  return Ok();
}

std::string_view InferMessage::FindParameter(std::string_view name) {
  for (const Parameter& parameter : own_parameters_) {
    if (parameter.name != name) continue;
    if (parameter.text) return *parameter.text;
    if (parameter.truth) return *parameter.truth ? "true" : "false";
    if (!parameter.number) return {};
    parameter_text_ = Cat(static_cast<std::int64_t>(*parameter.number));
    return parameter_text_;
  }
  return {};
}

/// An entry of a map<string, InferParameter>.
Result<InferMessage::Parameter> InferMessage::ReadEntry(std::string_view entry) {
  if (++parameters_ > kInferParametersMax) {
    return InvalidArgument("the request has more than ", kInferParametersMax, " parameters");
  }
  Parameter parameter;
  std::string_view choice;
  WireReader reader(entry, arena_);
  while (reader.Next()) {
    if (reader.field() == 1) {
      TRY(ReadText(reader, "the name of a parameter", serving::kTensorNameBytesMax, parameter.name));
    } else if (reader.field() == 2) {
      if (reader.ReadBytes(choice)) TRY(ReadChoice(choice, parameter));
    } else {
      reader.Skip();
    }
  }
  TRY(CheckRead(reader, "parameter"));
  return parameter;
}

Status InferMessage::ReadChoice(std::string_view choice, Parameter& parameter) {
  WireReader reader(choice, arena_);
  while (reader.Next()) {
    parameter.text.reset();
    parameter.number.reset();
    parameter.truth.reset();
    if (reader.field() == 1) {
      std::uint64_t truth = 0;
      if (reader.ReadVarint(truth)) parameter.truth = truth != 0;
    } else if (reader.field() == 3) {
      std::string_view text;
      TRY(ReadText(reader, "the text of a parameter", serving::kTensorNameBytesMax, text));
      parameter.text = text;
    } else if (reader.field() == 2 || reader.field() == 5) {
      std::uint64_t number = 0;
      if (reader.ReadVarint(number)) parameter.number = number;
    } else {
      reader.Skip();
    }
  }
  return CheckRead(reader, "parameter");
}

Status InferMessage::ReadInput(std::string_view message) {
  if (inputs_.size() == serving::kTensorsMax) {
    return InvalidArgument("the request has more than ", serving::kTensorsMax, " inputs");
  }
  Input input;
  input.first_size = sizes_.size();
  WireReader reader(message, arena_);
  while (reader.Next()) TRY(ReadInputField(reader, input));
  TRY(CheckRead(reader, "input"));
  if (input.name.empty()) return InvalidArgument("input ", inputs_.size(), " has no name");
  inputs_.push_back(input);
  return Ok();
}

Status InferMessage::ReadInputField(WireReader& reader, Input& input) {
  std::string_view entry;
  switch (reader.field()) {
    case 1: return ReadText(reader, "the name of an input", serving::kTensorNameBytesMax, input.name);
    case 2: return ReadText(reader, "the datatype of an input", serving::kTensorNameBytesMax, input.datatype_name);
    case 3: return ReadShape(reader, input);
    case 4: {
      if (!reader.ReadBytes(entry)) return Ok();
      const Parameter parameter = TRY(ReadEntry(entry));
      if (parameter.name != "shared_memory_region") return Ok();
      return Unimplemented("shared memory is unsupported; send the tensor in the request");
    }
    case 5: return ReadContents(reader, input);
    default: break;
  }
  reader.Skip();
  return Ok();
}

/// protobuf would join contents that come twice; no client sends them so.
Status InferMessage::ReadContents(WireReader& reader, Input& input) {
  if (!input.contents.empty()) return InvalidArgument("input ", Quoted(input.name), " has contents twice");
  reader.ReadBytes(input.contents);
  return Ok();
}

Status InferMessage::ReadShape(WireReader& reader, Input& input) {
  std::uint64_t size = 0;
  if (reader.type() != WireReader::Type::kBytes) return reader.ReadVarint(size) ? AddSize(input, size) : Ok();
  std::string_view packed;
  if (!reader.ReadBytes(packed)) return Ok();
  WireReader sizes(packed, arena_);
  while (sizes.NextPacked(size)) TRY(AddSize(input, size));
  return CheckRead(sizes, "shape");
}

Status InferMessage::AddSize(Input& input, std::uint64_t size) {
  if (++input.dimensions > serving::kTensorDimensionsMax) {
    return InvalidArgument("input ", Quoted(input.name), " has more than ", serving::kTensorDimensionsMax,
                           " dimensions");
  }
  sizes_.push_back(static_cast<std::int64_t>(size));
  return Ok();
}

Status InferMessage::ReadOutput(std::string_view message) {
  if (request_.outputs.size() == serving::kTensorsMax) {
    return InvalidArgument("the request asks for more than ", serving::kTensorsMax, " outputs");
  }
  std::string_view name, entry;
  std::uint64_t classes = 0;
  WireReader reader(message, arena_);
  while (reader.Next()) {
    if (reader.field() == 1) {
      TRY(ReadText(reader, "the name of an output", serving::kTensorNameBytesMax, name));
    } else if (reader.field() == 2 && reader.ReadBytes(entry)) {
      const Parameter parameter = TRY(ReadEntry(entry));
      if (parameter.name == "shared_memory_region") {
        return Unimplemented("shared memory is unsupported; outputs come in the answer");
      }
      if (parameter.name != "classification") continue;
      if (!parameter.number || *parameter.number > INT64_MAX) {
        return InvalidArgument("parameter classification must be an int64_param or uint64_param from 0");
      }
      classes = *parameter.number;
    } else {
      reader.Skip();
    }
  }
  TRY(CheckRead(reader, "output"));
  request_.outputs.push_back(name);
  if (classes > 0) request_.classifications.push_back({name, classes});
  return Ok();
}

Status InferMessage::ReadRaw(WireReader& reader) {
  if (raw_.size() == serving::kTensorsMax) {
    return InvalidArgument("the request has more than ", serving::kTensorsMax, " raw_input_contents");
  }
  std::string_view bytes;
  if (reader.ReadAligned(kRawAlignment, bytes)) raw_.push_back(bytes);
  return Ok();
}

Status InferMessage::TakeInputs() {
  if (!raw_.empty() && raw_.size() != inputs_.size()) {
    return InvalidArgument("the request has ", inputs_.size(), " inputs and ", raw_.size(),
                           " raw_input_contents; send one for each input, or contents in the inputs");
  }
  request_.inputs.resize(inputs_.size());
  std::uint64_t bytes_left = serving::kTensorBytesMax;
  for (std::size_t i = 0; i < inputs_.size(); ++i) TRY(TakeInput(inputs_[i], i, bytes_left, request_.inputs[i]));
  return Ok();
}

Status InferMessage::TakeInput(const Input& input, std::size_t index, std::uint64_t& bytes_left,
                               serving::TensorView& tensor) {
  const std::optional<serving::Datatype> datatype = serving::DatatypeFromName(input.datatype_name);
  if (!datatype) {
    return InvalidArgument("input ", Quoted(input.name), " has the datatype ", Quoted(input.datatype_name),
                           "; known are BOOL, INT8 to INT64, UINT8 to UINT64, FP16, BF16, FP32, FP64, BYTES");
  }
  tensor = {input.name, *datatype, std::span(sizes_).subspan(input.first_size, input.dimensions), {}};
  if (!raw_.empty()) {
    if (!input.contents.empty()) {
      return InvalidArgument("input ", Quoted(input.name), " has contents, and the request raw_input_contents; ",
                             "send one or the other");
    }
    tensor.bytes = raw_[index];
  } else {
    tensor.bytes = TRY(ReadTypedContents(tensor, input.contents, bytes_left, arena_));
  }
  TRY(serving::CheckTensor(tensor));
  if (tensor.bytes.size() > bytes_left) {
    return InvalidArgument("the inputs have more than ", serving::kTensorBytesMax, " bytes; send the rows in parts");
  }
  bytes_left -= tensor.bytes.size();
  return Ok();
}

}  // namespace mw::api::inference
