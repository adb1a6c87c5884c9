// Requests through a worker, compared.
#include "serving/warm_up.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "serving/tensor_text.h"

namespace mw::serving {
namespace {

double FloatAt(const TensorView& tensor, std::size_t i) {
  const char* const at = tensor.bytes.data() + i * DatatypeBytes(tensor.datatype);
  std::uint16_t half = 0;
  float single = 0;
  double number = 0;
  switch (tensor.datatype) {
    case Datatype::kFp16:
    case Datatype::kBf16:
      std::memcpy(&half, at, sizeof half);
      return static_cast<double>(tensor.datatype == Datatype::kFp16 ? HalfToFloat(half) : BrainToFloat(half));
    case Datatype::kFp32: std::memcpy(&single, at, sizeof single); return static_cast<double>(single);
    default: std::memcpy(&number, at, sizeof number); return number;
  }
}

bool IsFloat(Datatype datatype) {
  return datatype == Datatype::kFp16 || datatype == Datatype::kBf16 || datatype == Datatype::kFp32 ||
         datatype == Datatype::kFp64;
}

Status CompareFloats(const TensorView& ours, const TensorView& theirs) {
  const double tolerance = DatatypeBytes(ours.datatype) == 2 ? 100 * kAnswerTolerance : kAnswerTolerance;
  const std::size_t count = ours.bytes.size() / DatatypeBytes(ours.datatype);
  for (std::size_t i = 0; i < count; ++i) {
    const double a = FloatAt(ours, i), b = FloatAt(theirs, i);
    if (a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance * (1 + std::abs(b))) continue;
    return FailedPrecondition("output ", Quoted(ours.name), " is ", a, " at element ", i, ", the recorded answer is ",
                              b);
  }
  return Ok();
}

Status CompareOne(const TensorView& ours, const TensorView& theirs) {
  if (ours.datatype != theirs.datatype || ours.bytes.size() != theirs.bytes.size()) {
    if (ours.datatype == theirs.datatype && ours.datatype != Datatype::kBytes) {
      return FailedPrecondition("output ", Quoted(ours.name), " has ", ours.bytes.size(), " bytes, the recorded one ",
                                theirs.bytes.size());
    }
    return FailedPrecondition("output ", Quoted(ours.name), " is another ", DatatypeName(ours.datatype),
                              " than the recorded ", DatatypeName(theirs.datatype));
  }
  if (IsFloat(ours.datatype)) return CompareFloats(ours, theirs);
  if (ours.bytes == theirs.bytes) return Ok();
  return FailedPrecondition("output ", Quoted(ours.name), " is not what was recorded");
}

/// Of any datatype: an element of random bytes would be no number that a model expects.
void FillRandom(std::span<char> out, Datatype datatype, Random& random) {
  const std::size_t size = DatatypeBytes(datatype);
  for (std::size_t at = 0; at < out.size(); at += size) {
    const double uniform = random.Uniform();
    const auto single = static_cast<float>(uniform);
    const auto whole = static_cast<std::int64_t>(uniform * (datatype == Datatype::kBool ? 2 : 100));
    const std::uint16_t half = datatype == Datatype::kFp16 ? FloatToHalf(single) : FloatToBrain(single);
    const void* from = &whole;  // little-endian: its first bytes are the number in fewer of them
    if (datatype == Datatype::kFp64) from = &uniform;
    if (datatype == Datatype::kFp32) from = &single;
    if (datatype == Datatype::kFp16 || datatype == Datatype::kBf16) from = &half;
    std::memcpy(out.data() + at, from, size);
  }
}

Status AddInput(const WarmUpInput& input, Random& random, TensorList& out) {
  const std::uint64_t count = TRY(ElementCount(input.spec.shape));
  const bool texts = input.spec.datatype == Datatype::kBytes;
  if (input.data == WarmUpInput::Data::kFile) {
    const TensorView tensor{input.spec.name, input.spec.datatype, input.spec.shape, input.bytes};
    TRY(CheckTensor(tensor));
    out.Append(tensor);
    return Ok();
  }
  const std::uint64_t bytes = count * (texts ? sizeof(std::uint32_t) : DatatypeBytes(input.spec.datatype));
  if (bytes > kTensorBytesMax) return InvalidArgument("it has ", bytes, " bytes, at most ", kTensorBytesMax);
  const std::span<char> room = out.Add(input.spec.name, input.spec.datatype, input.spec.shape, bytes);
  if (input.data == WarmUpInput::Data::kRandom && !texts) FillRandom(room, input.spec.datatype, random);
  return Ok();
}

}  // namespace

TensorList ZeroRow(const std::vector<TensorSpec>& inputs) {
  TensorList row;
  for (const TensorSpec& input : inputs) {
    std::vector<std::int64_t> shape = input.shape;
    std::size_t elements = 1;
    for (std::int64_t& size : shape) {
      size = size < 0 ? 1 : size;
      elements *= static_cast<std::size_t>(size);
    }
    const std::size_t bytes =
        input.datatype == Datatype::kBytes ? sizeof(std::uint32_t) : DatatypeBytes(input.datatype);
    row.Add(input.name, input.datatype, shape, elements * bytes);
  }
  return row;
}

Result<std::vector<WarmUpRequest>> WarmUpOf(const ModelConfig& config) {
  std::vector<WarmUpRequest> out;
  Random random(1);
  for (const WarmUpSample& sample : config.warm_up) {
    WarmUpRequest request;
    for (const WarmUpInput& input : sample.inputs) {
      TRY(AddInput(input, random, request.inputs).In(Cat("sample ", Quoted(sample.name), ", ", input.spec.name)));
    }
    request.times = static_cast<int>(sample.count);
    out.push_back(std::move(request));
  }
  return out;
}

Result<std::vector<WarmUpRequest>> WarmUpFromJson(const std::vector<Json>& requests) {
  std::vector<WarmUpRequest> out;
  for (const Json& request : requests) {
    const std::string where = Cat("warm-up request ", out.size());
    const Json* inputs = request.Find("inputs");
    const Json* outputs = request.Find("outputs");
    if (inputs == nullptr) return InvalidArgument(where, " has no inputs");
    WarmUpRequest read;
    read.inputs = TRY(TensorsFromJson(*inputs).In(where));
    if (outputs != nullptr) read.outputs = TRY(TensorsFromJson(*outputs).In(where));
    out.push_back(std::move(read));
  }
  return out;
}

Json WarmUpToJson(const WarmUpRequest& request) {
  return Json::Make({{"inputs", TensorsToJson(request.inputs)}, {"outputs", TensorsToJson(request.outputs)}});
}

Result<TensorList> Answer(Backend& backend, const WarmUpRequest& request, Duration timeout) {
  TensorList batch;
  for (const TensorSpec& spec : backend.info().inputs) {
    const auto given = request.inputs.Find(spec.name);
    if (!given) return InvalidArgument("the request lacks the model's input ", Quoted(spec.name));
    TRY(CheckAgainst(spec, *given));
    batch.Append(*given);
  }
  return backend.runners().front()->Run(batch, timeout);
}

Status CompareAnswers(const TensorList& ours, const TensorList& theirs) {
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    const auto found = ours.Find(theirs[i].name);
    if (!found) return FailedPrecondition("the model answers without the recorded output ", Quoted(theirs[i].name));
    TRY(CompareOne(*found, theirs[i]));
  }
  return Ok();
}

Status WarmUp(Backend& backend, const std::vector<WarmUpRequest>& requests, Duration timeout) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    for (int time = 0; time < requests[i].times; ++time) {
      const TensorList answer = TRY(Answer(backend, requests[i], timeout).In(Cat("warm-up request ", i)));
      TRY(CompareAnswers(answer, requests[i].outputs).In(Cat("warm-up request ", i)));
    }
  }
  return Ok();
}

}  // namespace mw::serving
