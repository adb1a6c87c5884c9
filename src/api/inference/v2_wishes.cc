// Walks parameters and outputs.
#include "api/inference/v2_wishes.h"

#include <cmath>

#include "api/inference/json_errors.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using Kind = JsonScanner::Kind;

}  // namespace

bool BinaryOutputs::Wants(std::string_view output) const {
  for (const auto& [name, binary] : named) {
    if (name == output) return binary;
  }
  return all;
}

bool BinaryOutputs::any() const {
  for (const auto& entry : named) {
    if (entry.second) return true;
  }
  return all;
}

Status ReadText(JsonScanner& json, std::string_view what, std::string_view& out) {
  if (json.Peek() != Kind::kString) return Unexpected(json, what, "a string");
  json.ReadString(out);
  return Scanned(json);
}

Result<bool> ReadTruth(JsonScanner& json, std::string_view what) {
  const Kind kind = json.Peek();
  if (kind != Kind::kTrue && kind != Kind::kFalse) return Unexpected(json, what, "true or false");
  json.Skip();
  TRY(Scanned(json));
  return kind == Kind::kTrue;
}

Result<std::int64_t> ReadSize(JsonScanner& json, std::string_view what) {
  double size = -1;
  if (json.Peek() != Kind::kNumber) return Unexpected(json, what, "a whole number from 0");
  const char* const begin = json.position();
  json.ReadNumber(size);
  TRY(Scanned(json));
  if (!(size >= 0 && size <= 0x1p53) || size != std::floor(size)) {
    const std::string_view written(begin, static_cast<std::size_t>(json.position() - begin));
    return InvalidArgument(what, " is ", written.substr(0, 40), "; expected a whole number from 0 to ",
                           std::int64_t{1} << 53);
  }
  return static_cast<std::int64_t>(size);
}

Result<serving::Datatype> ReadDatatype(JsonScanner& json, std::string_view input) {
  std::string_view name;
  TRY(ReadText(json, "the datatype of an input", name));
  const std::optional<serving::Datatype> datatype = serving::DatatypeFromName(name);
  if (datatype) [[likely]]
    return *datatype;
  return InvalidArgument("input ", Quoted(input), " has the datatype ", Quoted(name),
                         "; known are BOOL, INT8 to INT64, UINT8 to UINT64, FP16, BF16, FP32, FP64, BYTES");
}

void V2Wishes::Clear() {
  event_time = event_time_text = {};
  timeout = Duration{0};
  priority = 0;
  outputs.clear();
  classifications.clear();
  binary.Clear();
}

Status V2Wishes::ReadParameters(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return Unexpected(json, "parameters", "an object");
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    if (json.key() == "event_time") {
      if (json.Peek() != Kind::kString)
        return Unexpected(json, "parameter event_time", "a time like 2013-07-01T04:00:00Z");
      const char* const begin = json.position();
      json.ReadString(event_time);
      event_time_text = {begin, static_cast<std::size_t>(json.position() - begin)};
    } else if (json.key() == "timeout") {
      timeout = Duration(TRY(ReadSize(json, "parameter timeout")));
    } else if (json.key() == "priority") {
      priority = static_cast<std::uint64_t>(TRY(ReadSize(json, "parameter priority")));
    } else if (json.key() == "binary_data_output") {
      binary.all = TRY(ReadTruth(json, "parameter binary_data_output"));
    } else {
      json.Skip();
    }
  }
  return Scanned(json);
}

Status V2Wishes::ReadOutputs(JsonScanner& json) {
  if (json.Peek() != Kind::kArray) return Unexpected(json, "outputs", "a list of objects with a name");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    if (outputs.size() == serving::kTensorsMax) {
      return InvalidArgument("the request wants more than ", serving::kTensorsMax, " outputs");
    }
    TRY(ReadOutput(json));
  }
  return Scanned(json);
}

Status V2Wishes::ReadOutput(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return Unexpected(json, "an output", "an object with a name");
  std::string_view name;
  std::optional<bool> as_binary;
  std::uint64_t classes = 0;
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    if (json.key() == "name") {
      TRY(ReadText(json, "the name of an output", name));
    } else if (json.key() == "parameters" && json.Peek() == Kind::kObject) {
      TRY(ReadOutputParameters(json, as_binary, classes));
    } else {
      json.Skip();
    }
  }
  TRY(Scanned(json));
  if (name.empty()) return InvalidArgument("an output has no name");
  outputs.push_back(name);
  if (as_binary) binary.named.emplace_back(name, *as_binary);
  if (classes > 0) classifications.push_back({name, classes});
  return Ok();
}

Status V2Wishes::ReadOutputParameters(JsonScanner& json, std::optional<bool>& as_binary, std::uint64_t& classes) {
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    if (json.key() == "binary_data") {
      as_binary = TRY(ReadTruth(json, "parameter binary_data"));
    } else if (json.key() == "classification") {
      classes = static_cast<std::uint64_t>(TRY(ReadSize(json, "parameter classification")));
    } else if (json.key().starts_with("shared_memory")) {
      return Unimplemented("output parameter ", Quoted(json.key()), " is not supported");
    } else {
      json.Skip();
    }
  }
  return Scanned(json);
}

}  // namespace mw::api::inference
