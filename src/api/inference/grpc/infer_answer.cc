// Tags, lengths, bytes.
#include "api/inference/grpc/infer_answer.h"

#include <cstdint>

namespace mw::api::inference {
namespace {

constexpr unsigned kVarint = 0, kBytes = 2;

void AppendVarint(std::uint64_t number, std::string& out) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>((number & 0x7F) | 0x80);
  out += static_cast<char>(number);
}

std::size_t VarintBytes(std::uint64_t number) {
  std::size_t bytes = 1;
  for (; number >= 0x80; number >>= 7) ++bytes;
  return bytes;
}

void AppendTag(unsigned field, unsigned type, std::string& out) { AppendVarint(field << 3 | type, out); }

void AppendLength(unsigned field, std::size_t bytes, std::string& out) {
  AppendTag(field, kBytes, out);
  AppendVarint(bytes, out);
}

void AppendBytes(unsigned field, std::string_view bytes, std::string& out) {
  AppendLength(field, bytes.size(), out);
  out += bytes;
}

/// Texts that are empty are left out.
void AppendTextField(unsigned field, std::string_view text, std::string& out) {
  if (!text.empty()) AppendBytes(field, text, out);
}

/// An entry of parameters; `choice` is the InferParameter.
void AppendParameter(std::string_view name, std::string_view choice, std::string& out) {
  std::string entry;
  AppendBytes(1, name, entry);
  AppendBytes(2, choice, entry);
  AppendBytes(4, entry, out);
}

std::string TextChoice(std::string_view text) {
  std::string choice;
  AppendBytes(3, text, choice);
  return choice;
}

std::string TrueChoice() {
  std::string choice;
  AppendTag(1, kVarint, choice);
  AppendVarint(1, choice);
  return choice;
}

/// name, datatype, shape
void AppendOutput(const serving::TensorView& tensor, std::string& out) {
  const std::string_view datatype = serving::DatatypeName(tensor.datatype);
  std::size_t shape = 0;
  for (const std::int64_t size : tensor.shape) shape += VarintBytes(static_cast<std::uint64_t>(size));
  const auto text = [](std::string_view value) { return 1 + VarintBytes(value.size()) + value.size(); };
  AppendLength(5, text(tensor.name) + text(datatype) + 1 + VarintBytes(shape) + shape, out);
  AppendBytes(1, tensor.name, out);
  AppendBytes(2, datatype, out);
  AppendLength(3, shape, out);
  for (const std::int64_t size : tensor.shape) AppendVarint(static_cast<std::uint64_t>(size), out);
}

}  // namespace

void AppendInferResponse(const InferenceAnswer& answer, std::string& out) {
  AppendTextField(1, answer.version.endpoint, out);
  AppendTextField(2, answer.version.version_text, out);
  AppendTextField(3, answer.id, out);
  if (!answer.event_time.empty()) AppendParameter("event_time", TextChoice(answer.event_time), out);
  for (const serving::TensorView& tensor : answer.outputs) AppendOutput(tensor, out);
  for (const serving::TensorView& tensor : answer.outputs) AppendBytes(6, tensor.bytes, out);
}

void AppendStreamResponse(const InferenceAnswer& answer, std::string& out) {
  std::string response;
  AppendInferResponse(answer, response);
  AppendParameter("triton_final_response", TrueChoice(), response);
  AppendBytes(2, response, out);
}

void AppendStreamError(std::string_view message, std::string_view id, std::string& out) {
  AppendBytes(1, message, out);
  std::string response;
  AppendTextField(3, id, response);
  AppendParameter("triton_final_response", TrueChoice(), response);
  AppendBytes(2, response, out);
}

}  // namespace mw::api::inference
