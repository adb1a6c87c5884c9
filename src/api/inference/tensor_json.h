// Tensors as JSON: how every REST protocol writes its numbers, texts and truth values. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serving/tensor.h"

namespace mw::api::inference {

/// As AppendJsonString, with a short way for text that needs no escapes, which ids rarely do.
void AppendText(std::string& out, std::string_view text);
void AppendInteger(std::string& out, std::int64_t number);
/// The elements, flat, as a list: numbers as short as they can be and still be read back to the same bits; null where
/// a number is not finite, for JSON has no word for it. BYTES that are no UTF-8 have U+FFFD in place of what is wrong.
void AppendData(std::string& out, const serving::TensorView& tensor);
/// One element of one that CheckTensor accepts; `bytes` is moved behind it.
void AppendElementJson(std::string& out, serving::Datatype datatype, std::string_view& bytes);
/// {"name":"x","datatype":"FP32","shape":[2],"data":[..]}
void AppendTensor(std::string& out, const serving::TensorView& tensor);
/// {"name":"x","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}
void AppendBinaryTensor(std::string& out, const serving::TensorView& tensor);

}  // namespace mw::api::inference
