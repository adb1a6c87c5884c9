// Tensors into rows.
#include "api/inference/tensor_request.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "api/inference/tensor_values.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using serving::Datatype;
using serving::TensorView;

bool IsColumn(const TensorView& tensor) {
  return tensor.shape.size() == 1 || (tensor.shape.size() == 2 && tensor.shape[1] == 1);
}

std::string InputNames(const serving::Model& model) {
  std::string names;
  for (const serving::TensorSpec& spec : model.inputs()) CatTo(names, names.empty() ? "" : ", ", spec.name);
  return names;
}

Status CheckOutputNames(const TensorRequest& request, const serving::Model& model) {
  for (const std::string_view name : request.outputs) {
    const std::vector<serving::TensorSpec>& specs = model.outputs();
    const bool known = std::any_of(specs.begin(), specs.end(), [name](const auto& spec) { return spec.name == name; });
    if (known) continue;
    std::string names;
    for (const serving::TensorSpec& spec : specs) CatTo(names, names.empty() ? "" : ", ", spec.name);
    return InvalidArgument("the model has no output ", Quoted(name), "; it has ", names);
  }
  return Ok();
}

}  // namespace

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
  TRY(WantOutputs(request, out));
  return model.takes_rows() ? ResolveRows(request, out) : ResolveTensors(request, out);
}

Status TensorResolver::ResolveTensors(const TensorRequest& request, InferenceRequest& out) {
  tensors_ = std::make_shared<serving::TensorList>();
  out.event_time = event_time_;
  out.event_times_us = times_us_;
  out.wanted_outputs = request.outputs;
  out.tensors = tensors_;
  const std::vector<serving::TensorSpec>& specs = model_->inputs();
  const auto is_column = [](const serving::TensorSpec& spec) { return spec.shape.size() == 1; };
  if (request.inputs.size() == 1 && specs.size() > 1 && request.inputs[0].shape.size() == 2 &&
      static_cast<std::size_t>(request.inputs[0].shape[1]) == specs.size() &&
      std::all_of(specs.begin(), specs.end(), is_column)) {
    TRY(SplitMatrix(request.inputs[0]));
    return CheckRows(out);
  }
  for (const serving::TensorSpec& spec : specs) {
    const auto given = std::find_if(request.inputs.begin(), request.inputs.end(),
                                    [&spec](const TensorView& tensor) { return tensor.name == spec.name; });
    if (given == request.inputs.end()) {
      return InvalidArgument("input ", Quoted(spec.name), " is missing; the model takes ", InputNames(*model_));
    }
    TRY(TakeAs(spec, *given));
  }
  for (const TensorView& tensor : request.inputs) {
    const auto known = std::find_if(specs.begin(), specs.end(),
                                    [&tensor](const serving::TensorSpec& spec) { return tensor.name == spec.name; });
    if (known == specs.end()) {
      return InvalidArgument("the model has no input ", Quoted(tensor.name), "; it takes ", InputNames(*model_));
    }
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
  rows_ = 0;
  any_ = matrix_ = false;
  columns_seen_ = 0;
  unknown_categories_ = 0;
  seen_.assign(model_->num_features(), 0);
  keys_.clear();
  key_digits_.clear();
  if (request.inputs.empty()) {
    return InvalidArgument("inputs is empty; send one tensor for each column, or one matrix");
  }
  for (const TensorView& tensor : request.inputs) TRY(TakeTensor(tensor));
  if (!matrix_ && columns_seen_ < seen_.size()) {
    const auto absent = std::find(seen_.begin(), seen_.end(), std::uint8_t{0});
    return model_->encoder().AbsentFeature(static_cast<int>(absent - seen_.begin()));
  }
  out.event_time = event_time_;
  out.event_times_us = times_us_;
  out.keys = keys_;
  out.rows = rows_;
  out.features = features_;
  out.unknown_categories = unknown_categories_;
  return Ok();
}

Status TensorResolver::WantOutputs(const TensorRequest& request, InferenceRequest& out) const {
  if (request.outputs.empty()) return Ok();
  if (!model_->takes_rows()) return CheckOutputNames(request, *model_);
  out.wants_value = out.wants_decision = false;
  for (const std::string_view name : request.outputs) {
    const char* const decision = model_->decision_name();
    if (name == model_->output_name()) {
      out.wants_value = true;
    } else if (decision != nullptr && name == decision) {
      out.wants_decision = true;
    } else {
      return InvalidArgument("the model has no output ", Quoted(name), "; it has ", model_->output_name(),
                             decision == nullptr ? "" : ", ", decision == nullptr ? "" : decision);
    }
  }
  return Ok();
}

Status TensorResolver::TakeTensor(const TensorView& tensor) {
  if (tensor.shape.empty() || tensor.shape.size() > 2) {
    return InvalidArgument("input ", Quoted(tensor.name), " has ", tensor.shape.size(),
                           " dimensions; expected shape [rows] or [rows, 1] for a column, or [rows, ",
                           model_->num_features(), "] for a matrix of all columns");
  }
  if (!IsColumn(tensor)) return TakeMatrix(tensor);
  const int feature = model_->encoder().FeatureIndex(tensor.name);
  if (feature >= 0) return TakeColumn(tensor, feature);
  if (tensor.name == model_->schema().event_time) return TakeTimes(tensor);
  if (tensor.name == model_->schema().key) return TakeKeys(tensor);
  // A model of one column takes its only column under any name, as any matrix.
  if (model_->num_features() == 1 && tensor.shape.size() == 2) return TakeMatrix(tensor);
  return model_->encoder().UnknownFeature(tensor.name);
}

Status TensorResolver::SetRows(const TensorView& tensor) {
  const auto rows = static_cast<std::uint64_t>(tensor.shape[0]);
  if (any_) {
    if (rows == rows_) return Ok();
    return InvalidArgument("input ", Quoted(tensor.name), " has ", rows, " rows, the inputs before it have ", rows_);
  }
  if (rows == 0) return InvalidArgument("input ", Quoted(tensor.name), " has no rows");
  if (rows > static_cast<std::uint64_t>(limits_->rows_max)) {
    return InvalidArgument("the request has ", rows, " rows, at most ", limits_->rows_max, "; send them in parts");
  }
  std::uint64_t cells = 0;
  if (__builtin_mul_overflow(rows, model_->num_features(), &cells) || cells > kFeatureBytesMax / sizeof(float)) {
    return InvalidArgument("the request has ", rows, " rows of ", model_->num_features(), " columns; at most ",
                           kFeatureBytesMax / sizeof(float), " values fit one request, send them in parts");
  }
  any_ = true;
  rows_ = rows;
  features_.resize(cells);
  return Ok();
}

Status TensorResolver::TakeMatrix(const TensorView& tensor) {
  const std::size_t width = model_->num_features();
  if (static_cast<std::size_t>(tensor.shape.back()) != width) {
    return InvalidArgument("input ", Quoted(tensor.name), " has ", tensor.shape.back(), " columns, the model takes ",
                           width,
                           "; send a matrix of all of them, or one tensor of shape [rows] for each column by its name");
  }
  if (columns_seen_ > 0 || matrix_) {
    return InvalidArgument("input ", Quoted(tensor.name), " is a matrix of all columns; send no other columns with it");
  }
  if (tensor.datatype == Datatype::kBytes || tensor.datatype == Datatype::kBool) {
    return InvalidArgument("input ", Quoted(tensor.name), " is a matrix of datatype ",
                           serving::DatatypeName(tensor.datatype), "; a matrix of all columns is of numbers");
  }
  TRY(SetRows(tensor));
  matrix_ = true;
  if (tensor.datatype == Datatype::kFp32 && model_->takes_any_float()) {
    std::memcpy(features_.data(), tensor.bytes.data(), tensor.bytes.size());
    return CheckFinite(tensor);
  }
  const std::size_t size = serving::DatatypeBytes(tensor.datatype);
  for (std::size_t cell = 0; cell < features_.size(); ++cell) {
    const double value = NumberAt(tensor.datatype, tensor.bytes.data() + cell * size);
    features_[cell] = TRY(MatrixCell(static_cast<int>(cell % width), value).In(Cat("row ", cell / width)));
  }
  return Ok();
}

Status TensorResolver::CheckFinite(const TensorView& tensor) const {
  const std::size_t width = model_->num_features();
  bool infinite = false;
  for (const float value : features_) {
    infinite |= (std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU) == 0x7F800000U;
  }
  if (!infinite) [[likely]]
    return Ok();
  const auto at = std::find_if(features_.begin(), features_.end(), [](float value) { return std::isinf(value); });
  const auto cell = static_cast<std::size_t>(at - features_.begin());
  return InvalidArgument("input ", Quoted(tensor.name), ", row ", cell / width, ", column ",
                         Quoted(model_->encoder().column(static_cast<int>(cell % width)).name), " holds ", *at,
                         "; expected a finite number, or NaN where the value is missing");
}

Result<float> TensorResolver::MatrixCell(int feature, double value) const {
  const schema::Encoder& encoder = model_->encoder();
  const schema::Column& column = encoder.column(feature);
  if (std::isnan(value)) return encoder.EncodeMissing(feature);
  if (column.type != schema::ColumnType::kCategory) return encoder.EncodeNumber(feature, value);
  if (!(value >= 0 && value < static_cast<double>(column.vocabulary.size())) || value != std::floor(value)) {
    return InvalidArgument("column ", Quoted(column.name), " holds ", value,
                           "; in a matrix a category is its code, 0 to ", column.vocabulary.size() - 1);
  }
  return static_cast<float>(value);
}

Status TensorResolver::TakeColumn(const TensorView& tensor, int feature) {
  const auto column = static_cast<std::size_t>(feature);
  if (matrix_) {
    return InvalidArgument("input ", Quoted(tensor.name),
                           " comes beside a matrix of all columns; send one or the other");
  }
  if (seen_[column] != 0) return InvalidArgument("column ", Quoted(tensor.name), " is there twice");
  TRY(SetRows(tensor));
  seen_[column] = 1;
  ++columns_seen_;
  const std::size_t size = serving::DatatypeBytes(tensor.datatype);
  const std::size_t width = model_->num_features();
  std::string_view rest = tensor.bytes, text;
  for (std::size_t row = 0; row < rows_; ++row) {
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
  if (!keys_.empty()) return InvalidArgument("column ", Quoted(tensor.name), " is there twice");
  TRY(SetRows(tensor));
  if (tensor.datatype == Datatype::kBytes) {
    std::string_view rest = tensor.bytes, key;
    while (serving::NextElement(rest, key)) keys_.push_back(key);
    return Ok();
  }
  const std::size_t size = serving::DatatypeBytes(tensor.datatype);
  key_digits_.reserve(rows_);  // keys_ points into its texts
  for (std::size_t row = 0; row < rows_; ++row) {
    key_digits_.push_back(Cat(NumberAt(tensor.datatype, tensor.bytes.data() + row * size)));
    keys_.push_back(key_digits_.back());
  }
  return Ok();
}

Status TensorResolver::TakeTimes(const TensorView& tensor) {
  TRY(SetRows(tensor));
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
