// For pyfunc_models.py: a model directory behind the Python backend, asked by JSON lines.
//   pyfunc_backend MODEL DIRECTORY [PYTHON]    first line out: what the model takes and gives; then an answer a line
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "base/json.h"
#include "base/text.h"
#include "serving/backend/python_backend.h"

namespace {

using mw::Json;
using mw::serving::Datatype;

Json ToJson(const std::vector<mw::serving::TensorSpec>& specs) {
  Json out = Json::MakeArray();
  for (const auto& spec : specs) {
    Json shape = Json::MakeArray();
    for (const std::int64_t size : spec.shape) shape.Append(size);
    out.Append(
        Json::Make({{"name", spec.name}, {"datatype", DatatypeName(spec.datatype)}, {"shape", std::move(shape)}}));
  }
  return out;
}

template <typename Value>
void Put(std::string& bytes, Value value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string BytesOf(Datatype datatype, const Json::Array& data) {
  std::string bytes;
  for (const Json& value : data) {
    switch (datatype) {
      case Datatype::kBool: Put(bytes, value.AsBool()); break;
      case Datatype::kInt32: Put(bytes, static_cast<std::int32_t>(value.AsInt())); break;
      case Datatype::kInt64: Put(bytes, value.AsInt()); break;
      case Datatype::kFp32: Put(bytes, static_cast<float>(value.IsNull() ? std::stod("nan") : value.AsDouble())); break;
      case Datatype::kFp64: Put(bytes, value.IsNull() ? std::stod("nan") : value.AsDouble()); break;
      default: mw::serving::AppendElement(bytes, value.AsString());
    }
  }
  return bytes;
}

template <typename Value>
void Take(std::string_view bytes, Json& out) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Value)) {
    Value value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if constexpr (std::is_same_v<Value, bool>) {
      out.Append(value);
    } else if constexpr (std::is_floating_point_v<Value>) {
      out.Append(static_cast<double>(value));
    } else {
      out.Append(static_cast<std::int64_t>(value));
    }
  }
}

Json DataOf(const mw::serving::TensorView& tensor) {
  Json out = Json::MakeArray();
  std::string_view bytes = tensor.bytes;
  std::string_view element;
  switch (tensor.datatype) {
    case Datatype::kBool: Take<bool>(bytes, out); break;
    case Datatype::kInt32: Take<std::int32_t>(bytes, out); break;
    case Datatype::kInt64: Take<std::int64_t>(bytes, out); break;
    case Datatype::kFp32: Take<float>(bytes, out); break;
    case Datatype::kFp64: Take<double>(bytes, out); break;
    default:
      while (mw::serving::NextElement(bytes, element)) out.Append(element);
  }
  return out;
}

Json Ask(mw::serving::Backend& backend, const Json& question) {
  mw::serving::TensorList inputs;
  for (const Json& tensor : question.Find("inputs")->AsArray()) {
    std::vector<std::int64_t> shape;
    for (const Json& size : tensor.Find("shape")->AsArray()) shape.push_back(size.AsInt());
    const Datatype datatype = *mw::serving::DatatypeFromName(tensor.StringOr("datatype", ""));
    const std::string bytes = BytesOf(datatype, tensor.Find("data")->AsArray());
    inputs.Append({tensor.StringOr("name", ""), datatype, shape, bytes});
  }
  const auto answer = backend.runners()[0]->Run(inputs, std::chrono::seconds(60));
  if (!answer.ok()) return Json::Make({{"error", answer.error().ToString()}});
  Json outputs = Json::MakeObject();
  for (std::size_t i = 0; i < answer->size(); ++i) outputs[(*answer)[i].name] = DataOf((*answer)[i]);
  return outputs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  mw::serving::PythonBackendOptions options;
  options.directory = argv[2];
  if (argc > 3) options.python = argv[3];
  options.progress = [](std::string_view what) { std::cerr << what << "\n"; };
  const auto backend = mw::serving::StartPythonBackend(argv[1], options);
  if (!backend.ok()) {
    std::cout << Json::Make({{"error", backend.error().ToString()}}).Dump() << std::endl;
    return 1;
  }
  const auto& info = (*backend)->info();
  std::cout << Json::Make({{"platform", info.platform},
                           {"library", info.library},
                           {"batchable", info.batchable},
                           {"memory_bytes", info.memory_bytes},
                           {"inputs", ToJson(info.inputs)},
                           {"outputs", ToJson(info.outputs)}})
                   .Dump()
            << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto question = Json::Parse(line);
    if (!question.ok()) return 2;
    std::cout << Ask(**backend, *question).Dump() << std::endl;
  }
  return 0;
}
