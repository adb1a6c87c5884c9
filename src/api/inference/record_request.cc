// One walk over the text; columns fill up row by row or one after the other.
#include "api/inference/record_request.h"

#include <algorithm>
#include <cmath>

#include "api/inference/json_errors.h"
#include "api/inference/v2_request.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

using Kind = JsonScanner::Kind;
using serving::Datatype;

std::string_view Since(const char* begin, const JsonScanner& json) {
  return Trim(std::string_view(begin, static_cast<std::size_t>(json.position() - begin))).substr(0, 80);
}

/// Elements of one row's value, by the model's declaration of the input; a size that is not declared is found out.
std::vector<std::int64_t> RowShape(const serving::TensorSpec& spec) {
  return spec.shape.empty() ? std::vector<std::int64_t>{}
                            : std::vector<std::int64_t>(spec.shape.begin() + 1, spec.shape.end());
}

std::uint64_t Product(const std::vector<std::int64_t>& shape) {
  std::uint64_t product = 1;
  for (const std::int64_t size : shape) product *= size < 0 ? 1 : static_cast<std::uint64_t>(size);
  return product;
}

constexpr std::size_t kIgnoredMax = 64;
constexpr std::string_view kDefaultSignature = "serving_default";

/// Whether a tensor is a matrix of numbers with that many columns, or any number of them.
bool IsMatrix(const serving::TensorSpec& spec, std::size_t width) {
  const bool floats = spec.datatype == Datatype::kFp32 || spec.datatype == Datatype::kFp64;
  return floats && spec.shape.size() == 2 && (spec.shape[1] < 0 || spec.shape[1] == static_cast<std::int64_t>(width));
}

}  // namespace

void RecordRequest::Reset(const serving::Model& model, const wire::ServingLimits& limits, ExtraColumns extra) {
  model_ = &model;
  limits_ = &limits;
  extra_ = extra;
  by_column_ = any_ = false;
  rows_ = 0;
  width_ = model.takes_rows() ? model.num_features() : model.inputs().size();
  if (columns_.size() < width_) columns_.resize(width_);
  for (std::size_t i = 0; i < width_; ++i) {
    columns_[i].cells.clear();
    columns_[i].bytes.clear();
    columns_[i].rows = 0;
    columns_[i].row_shape = model.takes_rows() ? std::vector<std::int64_t>{} : RowShape(model.inputs()[i]);
  }
  id_ = event_time_ = {};
  times_us_.clear();
  keys_.clear();
  ignored_.clear();
  unknown_categories_ = 0;
}

Status RecordRequest::Decode(std::string_view body, const serving::Model& model, const wire::ServingLimits& limits,
                             ExtraColumns extra, InferenceRequest& out) {
  Reset(model, limits, extra);
  if (body.size() > static_cast<std::uint64_t>(limits.body_bytes_max)) {
    return InvalidArgument("the request has ", body.size(), " bytes, at most ", limits.body_bytes_max);
  }
  if (!IsUtf8(body)) return InvalidArgument("the request is no valid JSON: it is not UTF-8");
  JsonScanner json(body, strings_);
  if (json.Peek() != Kind::kObject) return Unexpected(json, "the request", "a JSON object");
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(ReadMember(json));
  json.Finish();
  TRY(Scanned(json));
  if (!any_) {
    return InvalidArgument(extra == ExtraColumns::kIgnored
                               ? "the request has no rows; send dataframe_split, dataframe_records, instances or inputs"
                               : "the request has no rows; send instances or inputs");
  }
  out.id = id_;
  out.event_time = event_time_;
  return model.takes_rows() ? FinishRows(out) : FinishTensors(out);
}

Status RecordRequest::ReadMember(JsonScanner& json) {
  const std::string_view key = json.key();
  const bool records = key == "instances" || key == "dataframe_records";
  if (records || key == "inputs" || key == "dataframe_split") {
    if (any_) return InvalidArgument(Quoted(key), " comes beside other rows; send one of them");
    any_ = true;
    if (records) return ReadRows(json);
    if (key == "dataframe_split") return ReadSplit(json);
    by_column_ = true;
    return json.Peek() == Kind::kObject ? ReadColumns(json) : ReadRows(json);
  }
  if (key == "id" && json.Peek() == Kind::kString) {
    json.ReadString(id_);
    if (id_.size() > kRequestIdBytesMax) {
      return InvalidArgument("id has ", id_.size(), " bytes, at most ", kRequestIdBytesMax);
    }
  } else if (key == "event_time" && json.Peek() == Kind::kString) {
    json.ReadString(event_time_);
    TRY(Scanned(json));
    times_us_.assign(1, TRY(EventTimeMicros(event_time_).In("event_time")));
  } else if (key == "signature_name" && extra_ == ExtraColumns::kRefused && json.Peek() != Kind::kNull) {
    return ReadSignature(json);
  } else {
    json.Skip();
  }
  return Scanned(json);
}

/// A model has the one way of being asked; an empty name is the default's, as TensorFlow Serving has it.
Status RecordRequest::ReadSignature(JsonScanner& json) {
  if (json.Peek() != Kind::kString) return Unexpected(json, "signature_name", "a string");
  std::string_view name;
  json.ReadString(name);
  TRY(Scanned(json));
  if (name.empty() || name == kDefaultSignature) return Ok();
  return InvalidArgument("signature_name is ", Quoted(name), "; a model has the signature ", Quoted(kDefaultSignature),
                         " and no other");
}

Status RecordRequest::ReadRows(JsonScanner& json) {
  if (json.Peek() != Kind::kArray) return Unexpected(json, "the rows", "a list");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    TRY(ReadRow(json).In(Cat("row ", rows_)));
    TRY(EndRow());
  }
  return Scanned(json);
}

Status RecordRequest::ReadRow(JsonScanner& json) {
  if (json.Peek() == Kind::kObject) return ReadRecord(json);
  if (width_ == 1 && (!model_->takes_rows() || json.Peek() != Kind::kArray)) return ReadValue(json, 0);
  if (json.Peek() != Kind::kArray) {
    return Unexpected(json, "a row", "a list of all columns in the model's order, or an object by name");
  }
  std::size_t column = 0;
  for (bool more = json.BeginArray(); more; more = json.NextElement(), ++column) {
    if (column == width_) return InvalidArgument("there are more than the model's ", width_, " columns");
    TRY(ReadValue(json, column));
  }
  return Scanned(json);
}

Status RecordRequest::ReadRecord(JsonScanner& json) {
  for (bool more = json.BeginObject(); more; more = json.NextMember()) TRY(ReadNamed(json, json.key()));
  return Scanned(json);
}

Status RecordRequest::ReadNamed(JsonScanner& json, std::string_view name) {
  if (model_->takes_rows() && name == model_->schema().event_time) return ReadTime(json);
  if (model_->takes_rows() && name == model_->schema().key) return ReadKey(json);
  const int place = TRY(PlaceOf(name));
  if (place >= 0) {
    if (columns_[static_cast<std::size_t>(place)].rows > rows_) {
      return InvalidArgument("column ", Quoted(name), " is there twice");
    }
    return ReadValue(json, static_cast<std::size_t>(place));
  }
  return Ignore(json, name);
}

Result<int> RecordRequest::PlaceOf(std::string_view name) const {
  if (model_->takes_rows()) {
    const int feature = model_->encoder().FeatureIndex(name);
    if (feature >= 0 || extra_ == ExtraColumns::kIgnored) return feature;
    return model_->encoder().UnknownFeature(name);
  }
  for (std::size_t i = 0; i < width_; ++i) {
    if (model_->inputs()[i].name == name) return static_cast<int>(i);
  }
  if (extra_ == ExtraColumns::kIgnored) return -1;
  return UnknownTensor("input", name, model_->inputs());
}

/// Names that the model lacks, of the first row: one of them may be meant where a column is missing.
Status RecordRequest::Ignore(JsonScanner& json, std::string_view name) {
  if (rows_ == 0 && ignored_.size() < kIgnoredMax) ignored_.emplace_back(name);
  json.Skip();
  return Scanned(json);
}

Error RecordRequest::Absent(std::size_t column) const {
  Error error = model_->takes_rows()
                    ? model_->encoder().AbsentFeature(static_cast<int>(column))
                    : InvalidArgument("there is no ", Quoted(ColumnName(column)), ", which the model takes");
  const std::string_view meant = Nearest(ColumnName(column), {ignored_.begin(), ignored_.end()});
  if (!meant.empty()) CatTo(error.message, "; did you mean it by ", Quoted(meant), "?");
  return error;
}

std::string_view RecordRequest::ColumnName(std::size_t column) const {
  if (model_->takes_rows()) return model_->encoder().column(static_cast<int>(column)).name;
  return model_->inputs()[column].name;
}

Status RecordRequest::EndRow() {
  ++rows_;
  if (rows_ > static_cast<std::size_t>(limits_->rows_max)) {
    return InvalidArgument("the request has more than ", limits_->rows_max, " rows; send them in parts");
  }
  for (std::size_t column = 0; column < width_; ++column) {
    if (columns_[column].rows < rows_) return Absent(column).In(Cat("row ", rows_ - 1));
  }
  return Ok();
}

/// {"a": [1, 2], "b": [3, 4]}
Status RecordRequest::ReadColumns(JsonScanner& json) {
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    const std::string name(json.key());
    if (json.Peek() != Kind::kArray) return Unexpected(json, Cat("input ", Quoted(name)), "a list");
    const int place = TRY(PlaceOf(name));
    if (place >= 0 && columns_[static_cast<std::size_t>(place)].rows > 0) {
      return InvalidArgument("input ", Quoted(name), " is there twice");
    }
    rows_ = 0;
    for (bool any = json.BeginArray(); any; any = json.NextElement(), ++rows_) {
      if (rows_ == static_cast<std::size_t>(limits_->rows_max)) {
        return InvalidArgument("the request has more than ", limits_->rows_max, " rows; send them in parts");
      }
      TRY(ReadNamed(json, name));
    }
    TRY(Scanned(json));
  }
  rows_ = width_ == 0 ? 0 : columns_[0].rows;
  return Scanned(json);
}

Status RecordRequest::ReadSplit(JsonScanner& json) {
  if (json.Peek() != Kind::kObject) return Unexpected(json, "dataframe_split", "an object with columns and data");
  // The data may come before the names of their columns.
  const char* data = nullptr;
  bool named = false;
  split_is_matrix_ = false;
  for (bool more = json.BeginObject(); more; more = json.NextMember()) {
    if (json.key() == "columns") {
      TRY(ReadSplitNames(json));
      named = true;
    } else {
      if (json.key() == "data") {
        json.Peek();  // past white space
        data = json.position();
      }
      json.Skip();
    }
  }
  TRY(Scanned(json));
  if (data == nullptr) return InvalidArgument("dataframe_split has no data");
  if (split_is_matrix_) columns_[0].row_shape = {static_cast<std::int64_t>(split_.size())};
  if (!named) {
    split_.clear();
    for (std::size_t i = 0; i < width_; ++i) split_.push_back(static_cast<int>(i));
  }
  const char* const after = json.position();
  json.Seek(data);
  if (json.Peek() != Kind::kArray) return Unexpected(json, "the data of dataframe_split", "a list of rows");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    TRY(ReadSplitRow(json).In(Cat("row ", rows_)));
    TRY(EndRow());
  }
  TRY(Scanned(json));
  json.Seek(after);
  return Ok();
}

constexpr int kTimeColumn = -2, kKeyColumn = -3;

Status RecordRequest::ReadSplitNames(JsonScanner& json) {
  split_.clear();
  std::vector<bool> named(width_, false);
  bool any_known = false;
  if (json.Peek() != Kind::kArray) return Unexpected(json, "columns", "a list of names");
  for (bool more = json.BeginArray(); more; more = json.NextElement()) {
    std::string_view name;
    if (json.Peek() != Kind::kString) {
      // A DataFrame without names calls its columns 0, 1, ...
      json.Skip();
      TRY(Scanned(json));
      split_.push_back(split_.size() < width_ ? static_cast<int>(split_.size()) : -1);
      continue;
    }
    json.ReadString(name);
    TRY(Scanned(json));
    if (model_->takes_rows() && name == model_->schema().event_time) {
      split_.push_back(kTimeColumn);
    } else if (model_->takes_rows() && name == model_->schema().key) {
      split_.push_back(kKeyColumn);
    } else {
      split_.push_back(TRY(PlaceOf(name)));
      if (split_.back() < 0) {
        if (ignored_.size() < kIgnoredMax) ignored_.emplace_back(name);
        continue;
      }
      const auto place = static_cast<std::size_t>(split_.back());
      if (named[place]) return InvalidArgument("columns names ", Quoted(name), " twice");
      named[place] = any_known = true;
    }
  }
  split_is_matrix_ = !any_known && !model_->takes_rows() && width_ == 1 && IsMatrix(model_->inputs()[0], split_.size());
  return Scanned(json);
}

Status RecordRequest::ReadSplitRow(JsonScanner& json) {
  if (json.Peek() != Kind::kArray) return Unexpected(json, "a row of dataframe_split", "a list");
  if (split_is_matrix_) return ReadValue(json, 0);
  std::size_t at = 0;
  for (bool more = json.BeginArray(); more; more = json.NextElement(), ++at) {
    if (at == split_.size()) return InvalidArgument("there are more than the ", split_.size(), " columns");
    const int place = split_[at];
    if (place >= 0) {
      TRY(ReadValue(json, static_cast<std::size_t>(place)));
    } else if (place == kTimeColumn) {
      TRY(ReadTime(json));
    } else if (place == kKeyColumn) {
      TRY(ReadKey(json));
    } else {
      json.Skip();
    }
  }
  TRY(Scanned(json));
  if (at == split_.size()) return Ok();
  return InvalidArgument("there are ", at, " values, columns names ", split_.size());
}

Status RecordRequest::ReadValue(JsonScanner& json, std::size_t column) {
  ++columns_[column].rows;
  if (!model_->takes_rows()) return ReadElement(json, column);
  columns_[column].cells.push_back(TRY(ReadCell(json, static_cast<int>(column))));
  return Ok();
}

Result<float> RecordRequest::ReadCell(JsonScanner& json, int feature) {
  const schema::Encoder& encoder = model_->encoder();
  const schema::Column& column = encoder.column(feature);
  const Kind kind = json.Peek();
  const char* const begin = json.position();
  if (kind == Kind::kNumber) {
    double value = 0;
    json.ReadNumber(value);
    TRY(Scanned(json));
    if (column.type != schema::ColumnType::kCategory) return encoder.EncodeNumber(feature, value);
    if (value >= 0 && value < static_cast<double>(column.vocabulary.size()) && value == std::floor(value)) {
      return static_cast<float>(value);
    }
    return InvalidArgument("column ", Quoted(column.name), " holds ", value,
                           "; a category is its text, or its code from 0 to ", column.vocabulary.size() - 1);
  }
  if (kind == Kind::kString) {
    std::string_view text;
    json.ReadString(text);
    TRY(Scanned(json));
    Result<float> code = encoder.EncodeText(feature, text);
    if (code.ok() && std::isnan(*code)) ++unknown_categories_;
    return code;
  }
  json.Skip();
  TRY(Scanned(json));
  if (kind == Kind::kTrue || kind == Kind::kFalse) return encoder.EncodeBool(feature, kind == Kind::kTrue);
  if (kind == Kind::kNull || kind == Kind::kNan) return encoder.EncodeMissing(feature);
  return InvalidArgument("column ", Quoted(column.name), " holds ", Since(begin, json), "; expected one value");
}

/// Every row's value has the same number of elements; a size that the model leaves open is what the first row has.
Status RecordRequest::ReadElement(JsonScanner& json, std::size_t index) {
  Column& column = columns_[index];
  const serving::TensorSpec& spec = model_->inputs()[index];
  std::uint64_t count = 0;
  TRY(ReadElements(json, spec.datatype, serving::kTensorBytesMax, column.bytes, count)
          .In(Cat("input ", Quoted(spec.name))));
  if (column.bytes.size() > serving::kTensorBytesMax) {
    return InvalidArgument("input ", Quoted(spec.name), " has more than ", serving::kTensorBytesMax, " bytes");
  }
  const auto open = std::find_if(column.row_shape.begin(), column.row_shape.end(), [](auto size) { return size < 0; });
  if (open != column.row_shape.end()) {
    const std::uint64_t known = Product(column.row_shape);
    if (known > 0 && count % known == 0) *open = static_cast<std::int64_t>(count / known);
  }
  if (count == Product(column.row_shape)) return Ok();
  return InvalidArgument("input ", Quoted(spec.name), " has ", count, " values, expected ", Product(column.row_shape));
}

Status RecordRequest::ReadTime(JsonScanner& json) {
  std::int64_t time = serving::kNoEventTime;
  if (json.Peek() == Kind::kString) {
    std::string_view text;
    json.ReadString(text);
    TRY(Scanned(json));
    time = TRY(EventTimeMicros(text).In(Cat("column ", Quoted(model_->schema().event_time))));
    if (event_time_.empty() && times_us_.empty()) event_time_ = text;
  } else {
    json.Skip();
  }
  times_us_.push_back(time);
  return Scanned(json);
}

Status RecordRequest::ReadKey(JsonScanner& json) {
  const Kind kind = json.Peek();
  const char* const begin = json.position();
  std::string_view key;
  if (kind == Kind::kString) {
    json.ReadString(key);
  } else {
    json.Skip();
    if (kind == Kind::kNumber) key = Since(begin, json);
  }
  keys_.push_back(key);
  return Scanned(json);
}

Status RecordRequest::CheckRows() const {
  if (rows_ == 0) return InvalidArgument("the request has no rows");
  for (std::size_t column = 0; column < width_; ++column) {
    if (columns_[column].rows == rows_) continue;
    if (columns_[column].rows == 0) return Absent(column);
    return InvalidArgument("column ", Quoted(ColumnName(column)), " has ", columns_[column].rows, " rows, column ",
                           Quoted(ColumnName(0)), " has ", rows_);
  }
  return Ok();
}

Status RecordRequest::FinishRows(InferenceRequest& out) {
  TRY(CheckRows());
  const bool one_time = times_us_.size() <= 1;
  if ((!one_time && times_us_.size() != rows_) || (!keys_.empty() && keys_.size() != rows_)) {
    return InvalidArgument("event time or key is there for some of the ", rows_, " rows only, or more than once");
  }
  if (rows_ * width_ > kFeatureBytesMax / sizeof(float)) {
    return InvalidArgument("the request has ", rows_, " rows of ", width_, " columns; at most ",
                           kFeatureBytesMax / sizeof(float), " values fit one request, send them in parts");
  }
  features_.resize(rows_ * width_);
  for (std::size_t column = 0; column < width_; ++column) {
    const std::vector<float>& cells = columns_[column].cells;
    for (std::size_t row = 0; row < rows_; ++row) features_[row * width_ + column] = cells[row];
  }
  out.event_times_us = times_us_;
  out.keys = keys_;
  out.rows = rows_;
  out.features = features_;
  out.unknown_categories = unknown_categories_;
  return Ok();
}

Status RecordRequest::FinishTensors(InferenceRequest& out) {
  TRY(CheckRows());
  request_.id = id_;
  request_.event_time = event_time_;
  request_.inputs.clear();
  shapes_.clear();
  shapes_.reserve(width_ * (serving::kTensorDimensionsMax + 1));  // views into it stay where they are
  for (std::size_t i = 0; i < width_; ++i) {
    const serving::TensorSpec& spec = model_->inputs()[i];
    const std::size_t first = shapes_.size();
    if (!spec.shape.empty()) shapes_.push_back(static_cast<std::int64_t>(rows_));
    shapes_.insert(shapes_.end(), columns_[i].row_shape.begin(), columns_[i].row_shape.end());
    request_.inputs.push_back(
        {spec.name, spec.datatype, std::span(shapes_).subspan(first), std::string_view(columns_[i].bytes)});
    TRY(serving::CheckTensor(request_.inputs.back()));
  }
  return resolver_.Resolve(request_, *model_, *limits_, out);
}

}  // namespace mw::api::inference
