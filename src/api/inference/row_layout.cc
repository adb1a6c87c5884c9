// Shapes and names against the model's columns.
#include "api/inference/row_layout.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace mw::api::inference {

void RowLayout::Begin(const serving::Model& model, const wire::ServingLimits& limits) {
  model_ = &model;
  limits_ = &limits;
  rows_ = inputs_ = columns_seen_ = 0;
  matrix_ = event_time_ = key_ = false;
  seen_.assign(model.num_features(), 0);
}

Result<RowLayout::Place> RowLayout::Take(std::string_view name, std::span<const std::int64_t> shape) {
  if (shape.empty() || shape.size() > 2) {
    return InvalidArgument("input ", Quoted(name), " has ", shape.size(),
                           " dimensions; expected shape [rows] or [rows, 1] for a column, or [rows, ",
                           model_->num_features(), "] for a matrix of all columns");
  }
  Place place;
  const bool is_column = shape.size() == 1 || shape[1] == 1;
  const schema::Schema& schema = model_->schema();
  if (is_column && (place.feature = model_->encoder().FeatureIndex(name)) >= 0) {
    place.role = Role::kColumn;
    TRY(TakeColumn(name, place.feature));
  } else if (is_column && name == schema.event_time) {
    place.role = Role::kEventTime;
    TRY(TakeOnce(name, event_time_));
  } else if (is_column && name == schema.key) {
    place.role = Role::kKey;
    TRY(TakeOnce(name, key_));
  } else if (shape.size() == 2 && (!is_column || model_->num_features() == 1)) {
    TRY(TakeMatrix(name, shape));  // a model of one column takes its only column under any name
  } else {
    return model_->encoder().UnknownFeature(name);
  }
  TRY(SetRows(name, shape[0]));
  ++inputs_;
  return place;
}

Status RowLayout::TakeMatrix(std::string_view name, std::span<const std::int64_t> shape) {
  if (static_cast<std::size_t>(shape[1]) != model_->num_features()) {
    return InvalidArgument("input ", Quoted(name), " has ", shape[1], " columns, the model takes ",
                           model_->num_features(),
                           "; send a matrix of all of them, or one tensor of shape [rows] for each column by its name");
  }
  if (columns_seen_ > 0 || matrix_) {
    return InvalidArgument("input ", Quoted(name), " is a matrix of all columns; send no other columns with it");
  }
  matrix_ = true;
  return Ok();
}

Status RowLayout::TakeColumn(std::string_view name, int feature) {
  if (matrix_) {
    return InvalidArgument("input ", Quoted(name), " comes beside a matrix of all columns; send one or the other");
  }
  std::uint8_t& seen = seen_[static_cast<std::size_t>(feature)];
  if (seen != 0) return InvalidArgument("column ", Quoted(name), " is there twice");
  seen = 1;
  ++columns_seen_;
  return Ok();
}

Status RowLayout::TakeOnce(std::string_view name, bool& seen) const {
  if (seen) return InvalidArgument("column ", Quoted(name), " is there twice");
  seen = true;
  return Ok();
}

Status RowLayout::SetRows(std::string_view name, std::int64_t rows) {
  const auto count = static_cast<std::uint64_t>(rows);
  if (inputs_ > 0) {
    if (count == rows_) [[likely]]
      return Ok();
    return InvalidArgument("input ", Quoted(name), " has ", rows, " rows, the inputs before it have ", rows_);
  }
  if (rows == 0) return InvalidArgument("input ", Quoted(name), " has no rows");
  if (rows > limits_->rows_max) {
    return InvalidArgument("the request has ", rows, " rows, at most ", limits_->rows_max, "; send them in parts");
  }
  std::uint64_t cells = 0;
  if (__builtin_mul_overflow(count, model_->num_features(), &cells) || cells > kFeatureBytesMax / sizeof(float)) {
    return InvalidArgument("the request has ", rows, " rows of ", model_->num_features(), " columns; at most ",
                           kFeatureBytesMax / sizeof(float), " values fit one request, send them in parts");
  }
  rows_ = count;
  return Ok();
}

Status RowLayout::CheckComplete() const {
  if (inputs_ == 0) return InvalidArgument("inputs is empty; send one tensor for each column, or one matrix");
  if (matrix_ || columns_seen_ == seen_.size()) [[likely]]
    return Ok();
  const auto absent = std::find(seen_.begin(), seen_.end(), std::uint8_t{0});
  return model_->encoder().AbsentFeature(static_cast<int>(absent - seen_.begin()));
}

Result<float> EncodeInMatrix(const schema::Encoder& encoder, int feature, double value) {
  const schema::Column& column = encoder.column(feature);
  if (std::isnan(value)) return encoder.EncodeMissing(feature);
  if (column.type != schema::ColumnType::kCategory) [[likely]]
    return encoder.EncodeNumber(feature, value);
  if (!(value >= 0 && value < static_cast<double>(column.vocabulary.size())) || value != std::floor(value)) {
    return InvalidArgument("column ", Quoted(column.name), " holds ", value,
                           "; in a matrix a category is its code, 0 to ", column.vocabulary.size() - 1);
  }
  return static_cast<float>(value);
}

}  // namespace mw::api::inference
