// Tensors into rows.
#include "api/inference/tensor_request.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "api/inference/output_choice.h"
#include "api/inference/tensor_values.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using serving::Datatype;
using serving::TensorView;

std::string InputNames(const serving::Model& model) {
  std::string names;
  for (const serving::TensorSpec& spec : model.inputs()) CatTo(names, names.empty() ? "" : ", ", spec.name);
  return names;
}

}  // namespace

Error UnknownTensor(std::string_view what, std::string_view name, const std::vector<serving::TensorSpec>& known) {
  std::vector<std::string_view> names;
  for (const serving::TensorSpec& spec : known) names.emplace_back(spec.name);
  const std::string_view nearest = Nearest(name, names);
  if (!nearest.empty()) {
    return InvalidArgument("the model has no ", what, " ", Quoted(name), "; did you mean ", Quoted(nearest), "?");
  }
  return InvalidArgument("the model has no ", what, " ", Quoted(name), "; it has ",
                         Join(std::vector<std::string>(names.begin(), names.end()), ", "));
}

Result<std::int64_t> EventTimeMicros(std::string_view text) {
  const std::int64_t time_us = ToMicros(TRY(ParseTime(text)));
  if (time_us < 0) {
    return InvalidArgument("the event time ", Quoted(text),
                           " is before 1970-01-01T00:00:00Z; expected that or a later time");
  }
  return time_us;
}

std::int64_t TensorResolver::event_time_us() const {
  return times_us_.empty() ? serving::kNoEventTime : times_us_.front();
}

Status TensorResolver::Resolve(const TensorRequest& request, const serving::Model& model,
                               const wire::ServingLimits& limits, InferenceRequest& out) {
  model_ = &model;
  limits_ = &limits;
  times_us_.clear();
  if (request.id.size() > kRequestIdBytesMax) {
    return InvalidArgument("id has ", request.id.size(), " bytes, at most ", kRequestIdBytesMax);
  }
  out.id = request.id;
  out.timeout = request.timeout;
  out.priority = request.priority;
  event_time_ = request.event_time;
  if (!event_time_.empty()) times_us_.push_back(TRY(EventTimeMicros(event_time_).In("parameter event_time")));
  TRY(ChooseOutputs(model, request.outputs, request.classifications, out));
  return model.takes_rows() ? ResolveRows(request, out) : ResolveTensors(request, out);
}

Status TensorResolver::ResolveTensors(const TensorRequest& request, InferenceRequest& out) {
  tensors_ = std::make_shared<serving::TensorList>();
  out.event_time = event_time_;
  out.event_times_us = times_us_;
  out.tensors = tensors_;
  const std::vector<serving::TensorSpec>& specs = model_->inputs();
  const auto is_column = [](const serving::TensorSpec& spec) { return spec.shape.size() == 1; };
  if (request.inputs.size() == 1 && specs.size() > 1 && request.inputs[0].shape.size() == 2 &&
      static_cast<std::size_t>(request.inputs[0].shape[1]) == specs.size() &&
      std::all_of(specs.begin(), specs.end(), is_column)) {
    TRY(SplitMatrix(request.inputs[0]));
    return CheckRows(out);
  }
  // A name that is misspelt says more than the one that is missing for it.
  for (const TensorView& tensor : request.inputs) {
    const auto known = std::find_if(specs.begin(), specs.end(),
                                    [&tensor](const serving::TensorSpec& spec) { return tensor.name == spec.name; });
    if (known == specs.end()) return UnknownTensor("input", tensor.name, specs);
  }
  for (const serving::TensorSpec& spec : specs) {
    const auto given = std::find_if(request.inputs.begin(), request.inputs.end(),
                                    [&spec](const TensorView& tensor) { return tensor.name == spec.name; });
    if (given == request.inputs.end()) {
      return InvalidArgument("input ", Quoted(spec.name), " is missing; the model takes ", InputNames(*model_));
    }
    TRY(TakeAs(spec, *given));
  }
  return CheckRows(out);
}

Status TensorResolver::CheckRows(InferenceRequest& out) const {
  out.rows = 1;
  if (!model_->backend()->info().batchable || tensors_->empty() || (*tensors_)[0].shape.empty()) return Ok();
  const std::int64_t rows = (*tensors_)[0].shape[0];
  if (rows == 0) return InvalidArgument("input ", Quoted((*tensors_)[0].name), " has no rows");
  if (rows > limits_->rows_max) {
    return InvalidArgument("the request has ", rows, " rows, at most ", limits_->rows_max, "; send them in parts");
  }
  for (std::size_t i = 1; i < tensors_->size(); ++i) {
    if (!(*tensors_)[i].shape.empty() && (*tensors_)[i].shape[0] == rows) continue;
    return InvalidArgument("input ", Quoted((*tensors_)[i].name), " has other rows than input ",
                           Quoted((*tensors_)[0].name), ", which has ", rows);
  }
  out.rows = static_cast<std::size_t>(rows);
  return Ok();
}

Status TensorResolver::SplitMatrix(const TensorView& matrix) {
  const std::size_t width = model_->inputs().size(), size = serving::DatatypeBytes(matrix.datatype);
  const std::array<std::int64_t, 1> shape = {matrix.shape[0]};
  for (std::size_t column = 0; column < width; ++column) {
    const serving::TensorSpec& spec = model_->inputs()[column];
    converted_.clear();
    std::string_view rest = matrix.bytes, element;
    for (std::size_t cell = 0; cell < static_cast<std::size_t>(matrix.shape[0]) * width; ++cell) {
      if (size == 0) serving::NextElement(rest, element);
      if (cell % width != column) continue;
      if (size == 0 && spec.datatype == Datatype::kBytes) {
        serving::AppendElement(converted_, element);
      } else if (size == 0 || !AppendNumber(converted_, spec.datatype,
                                            NumberAt(matrix.datatype, matrix.bytes.data() + cell * size))) {
        return InvalidArgument("column ", Quoted(spec.name), ", row ", cell / width, " of input ", Quoted(matrix.name),
                               " is no ", serving::DatatypeName(spec.datatype), ", which the model takes");
      }
    }
    tensors_->Append({spec.name, spec.datatype, shape, converted_});
  }
  return Ok();
}

/// Columns may be given as [n] where the model says [n, 1] and the other way round.
Status TensorResolver::TakeAs(const serving::TensorSpec& spec, const TensorView& tensor) {
  TensorView taken = tensor;
  std::array<std::int64_t, 2> shape = {tensor.shape.empty() ? 1 : tensor.shape[0], 1};
  if (spec.shape.size() == 1 && tensor.shape.size() == 2 && tensor.shape[1] == 1)
    taken.shape = std::span(shape).first(1);
  if (spec.shape.size() == 2 && spec.shape[1] == 1 && tensor.shape.size() == 1) taken.shape = shape;
  if (spec.datatype != tensor.datatype && spec.datatype != Datatype::kBytes && tensor.datatype != Datatype::kBytes) {
    converted_.clear();
    const std::size_t size = serving::DatatypeBytes(tensor.datatype);
    for (std::size_t at = 0; at < tensor.bytes.size(); at += size) {
      if (AppendNumber(converted_, spec.datatype, NumberAt(tensor.datatype, tensor.bytes.data() + at))) continue;
      return InvalidArgument("input ", Quoted(tensor.name), " of ", serving::DatatypeName(tensor.datatype), " holds ",
                             NumberAt(tensor.datatype, tensor.bytes.data() + at), ", which is no ",
                             serving::DatatypeName(spec.datatype), "; the model takes ",
                             serving::DatatypeName(spec.datatype));
    }
    taken.datatype = spec.datatype;
    taken.bytes = converted_;
  }
  TRY(serving::CheckAgainst(spec, taken));
  tensors_->Append(taken);
  return Ok();
}

Status TensorResolver::ResolveRows(const TensorRequest& request, InferenceRequest& out) {
  layout_.Begin(*model_, *limits_);
  unknown_categories_ = 0;
  keys_.clear();
  key_digits_.clear();
  for (const TensorView& tensor : request.inputs) TRY(TakeTensor(tensor));
  TRY(layout_.CheckComplete());
  out.event_time = event_time_;
  out.event_times_us = times_us_;
  out.keys = keys_;
  out.rows = layout_.rows();
  out.features = cells_;
  out.unknown_categories = unknown_categories_;
  return Ok();
}

Status TensorResolver::TakeTensor(const TensorView& tensor) {
  const RowLayout::Place place = TRY(layout_.Take(tensor.name, tensor.shape));
  switch (place.role) {
    case RowLayout::Role::kMatrix: return TakeMatrix(tensor);
    case RowLayout::Role::kColumn: return TakeColumn(tensor, place.feature);
    case RowLayout::Role::kEventTime: return TakeTimes(tensor);
    case RowLayout::Role::kKey: break;
  }
  return TakeKeys(tensor);
}

Status TensorResolver::TakeMatrix(const TensorView& tensor) {
  if (tensor.datatype == Datatype::kBytes || tensor.datatype == Datatype::kBool) {
    return InvalidArgument("input ", Quoted(tensor.name), " is a matrix of datatype ",
                           serving::DatatypeName(tensor.datatype), "; a matrix of all columns is of numbers");
  }
  if (tensor.datatype == Datatype::kFp32 && model_->takes_any_float()) {
    TakeAsItLies(tensor.bytes);
    return CheckFinite(tensor);
  }
  features_.resize(layout_.cells());
  cells_ = features_;
  const std::size_t width = model_->num_features();
  const std::size_t size = serving::DatatypeBytes(tensor.datatype);
  for (std::size_t cell = 0; cell < features_.size(); ++cell) {
    const double value = NumberAt(tensor.datatype, tensor.bytes.data() + cell * size);
    features_[cell] =
        TRY(EncodeInMatrix(model_->encoder(), static_cast<int>(cell % width), value).In(Cat("row ", cell / width)));
  }
  return Ok();
}

/// Moved only when it lies where no float may lie.
void TensorResolver::TakeAsItLies(std::string_view bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0) {
    cells_ = {reinterpret_cast<const float*>(bytes.data()), layout_.cells()};
    return;
  }
  features_.resize(layout_.cells());
  cells_ = features_;
  std::memcpy(features_.data(), bytes.data(), bytes.size());
}

Status TensorResolver::CheckFinite(const TensorView& tensor) const {
  const std::size_t width = model_->num_features();
  bool infinite = false;
  for (const float value : cells_) {
    infinite |= (std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU) == 0x7F800000U;
  }
  if (!infinite) [[likely]]
    return Ok();
  const auto at = std::find_if(cells_.begin(), cells_.end(), [](float value) { return std::isinf(value); });
  const auto cell = static_cast<std::size_t>(at - cells_.begin());
  return InvalidArgument("input ", Quoted(tensor.name), ", row ", cell / width, ", column ",
                         Quoted(model_->encoder().column(static_cast<int>(cell % width)).name), " holds ", *at,
                         "; expected a finite number, or NaN where the value is missing");
}

Status TensorResolver::TakeColumn(const TensorView& tensor, int feature) {
  const auto column = static_cast<std::size_t>(feature);
  features_.resize(layout_.cells());
  cells_ = features_;
  const std::size_t size = serving::DatatypeBytes(tensor.datatype);
  const std::size_t width = model_->num_features();
  std::string_view rest = tensor.bytes, text;
  for (std::size_t row = 0; row < layout_.rows(); ++row) {
    Result<float> value = 0.0F;
    if (tensor.datatype == Datatype::kBytes) {
      serving::NextElement(rest, text);
      value = TextCell(feature, text);
    } else {
      value = NumberCell(tensor.datatype, feature, NumberAt(tensor.datatype, tensor.bytes.data() + row * size));
    }
    if (!value.ok()) return std::move(value).error().In(Cat("row ", row));
    features_[row * width + column] = *value;
  }
  return Ok();
}

Result<float> TensorResolver::TextCell(int feature, std::string_view text) {
  const schema::Encoder& encoder = model_->encoder();
  if (text.empty()) return encoder.EncodeMissing(feature);
  if (!IsUtf8(text)) {
    return InvalidArgument("column ", Quoted(encoder.column(feature).name), " holds a text that is no UTF-8");
  }
  Result<float> code = encoder.EncodeText(feature, text);
  if (code.ok() && std::isnan(*code)) ++unknown_categories_;
  return code;
}

Result<float> TensorResolver::NumberCell(Datatype datatype, int feature, double value) const {
  const schema::Encoder& encoder = model_->encoder();
  if (datatype == Datatype::kBool) return encoder.EncodeBool(feature, value != 0);
  return std::isnan(value) ? encoder.EncodeMissing(feature) : encoder.EncodeNumber(feature, value);
}

Status TensorResolver::TakeKeys(const TensorView& tensor) {
  if (tensor.datatype == Datatype::kBytes) {
    std::string_view rest = tensor.bytes, key;
    while (serving::NextElement(rest, key)) keys_.push_back(key);
    return Ok();
  }
  const std::size_t size = serving::DatatypeBytes(tensor.datatype);
  key_digits_.reserve(layout_.rows());  // keys_ points into its texts
  for (std::size_t row = 0; row < layout_.rows(); ++row) {
    key_digits_.push_back(Cat(NumberAt(tensor.datatype, tensor.bytes.data() + row * size)));
    keys_.push_back(key_digits_.back());
  }
  return Ok();
}

Status TensorResolver::TakeTimes(const TensorView& tensor) {
  if (tensor.datatype != Datatype::kBytes) {
    return InvalidArgument("column ", Quoted(tensor.name), " has the datatype ", serving::DatatypeName(tensor.datatype),
                           "; a time is a text like 2013-07-01T04:00:00Z of datatype BYTES");
  }
  const bool parameter = !event_time_.empty();  // which counts for all rows; the column is only checked
  if (!parameter) times_us_.clear();
  std::string_view rest = tensor.bytes, text;
  for (std::size_t row = 0; serving::NextElement(rest, text); ++row) {
    std::int64_t time = serving::kNoEventTime;
    if (!text.empty()) {
      time = TRY(EventTimeMicros(text).In(Cat("column ", Quoted(tensor.name), ", row ", row)));
      if (row == 0 && !parameter) event_time_ = text;
    }
    if (!parameter) times_us_.push_back(time);
  }
  return Ok();
}

}  // namespace mw::api::inference
