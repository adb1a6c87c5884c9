// What a worker process may send: tensors, hellos, errors. Whatever the bytes, what is accepted lies inside them, and
// written again says the same.
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "serving/backend/worker_protocol.h"

namespace {

void CheckTensors(std::string_view payload) {
  const auto tensors = mw::serving::ParseTensors(payload);
  if (!tensors.ok()) return;
  mw::serving::TensorList list;
  for (const mw::serving::TensorView& tensor : *tensors) {
    if (!tensor.bytes.empty() && (tensor.bytes.data() < payload.data() ||
                                  tensor.bytes.data() + tensor.bytes.size() > payload.data() + payload.size())) {
      std::abort();
    }
    list.Append(tensor);
  }
  const std::string written = mw::serving::WriteTensors(list);
  const auto again = mw::serving::ParseTensors(written);
  if (!again.ok() || again->size() != tensors->size()) std::abort();
  for (std::size_t i = 0; i < tensors->size(); ++i) {
    if ((*again)[i].bytes != (*tensors)[i].bytes || (*again)[i].name != (*tensors)[i].name) std::abort();
  }
}

void CheckHello(std::string_view payload) {
  const auto hello = mw::serving::ParseHello(payload);
  if (!hello.ok()) return;
  const auto again = mw::serving::ParseHello(mw::serving::WriteHello(*hello));
  if (again.ok() && (again->info.inputs != hello->info.inputs || again->info.outputs != hello->info.outputs))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> aligned(data, data + size);  // as a channel's buffer is
  const std::string_view payload(aligned.data(), aligned.size());
  CheckTensors(payload);
  CheckHello(payload);
  if (mw::serving::ParseError(payload).message.size() > mw::serving::kErrorSentenceBytesMax) std::abort();
  return 0;
}
