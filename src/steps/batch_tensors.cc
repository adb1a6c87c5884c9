// Columns into tensors, tensors into columns.
#include "steps/batch_tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"

namespace mw::steps {
namespace {

using serving::Datatype;
using Kind = data::AddedColumn::Kind;

constexpr std::size_t kBatchRows = 1024;
constexpr Duration kRunTimeout = std::chrono::seconds(60);
constexpr int kAttempts = 5;
constexpr std::int64_t kMatrixColumnsMax = 10'000;

bool IsFloat(Datatype type) {
  return type == Datatype::kFp16 || type == Datatype::kBf16 || type == Datatype::kFp32 || type == Datatype::kFp64;
}

/// How a file's column is read for it.
schema::ColumnType ColumnTypeOf(Datatype type) {
  if (type == Datatype::kBytes) return schema::ColumnType::kText;
  if (type == Datatype::kBool) return schema::ColumnType::kBoolean;
  return IsFloat(type) ? schema::ColumnType::kFloat : schema::ColumnType::kInteger;
}

struct Range {
  double least, most;
};
/// Of whole numbers; beyond 2^53 a file's numbers are not exact.
Range RangeOf(Datatype type) {
  constexpr double kExact = 0x1p53;
  switch (type) {
    case Datatype::kBool: return {0, 1};
    case Datatype::kInt8: return {-128, 127};
    case Datatype::kInt16: return {-32768, 32767};
    case Datatype::kInt32: return {-0x1p31, 0x1p31 - 1};
    case Datatype::kUint8: return {0, 255};
    case Datatype::kUint16: return {0, 65535};
    case Datatype::kUint32: return {0, 0x1p32 - 1};
    case Datatype::kUint64: return {0, kExact};
    default: return {-kExact, kExact};
  }
}

void AppendNumber(std::string& out, Datatype type, double value) {
  const auto single = static_cast<float>(value);
  const std::int64_t whole = IsFloat(type) ? 0 : static_cast<std::int64_t>(value);
  const std::uint16_t half = type == Datatype::kFp16 ? serving::FloatToHalf(single) : serving::FloatToBrain(single);
  const void* from = &whole;  // little-endian: its first bytes are the number in fewer of them
  if (type == Datatype::kFp64) from = &value;
  if (type == Datatype::kFp32) from = &single;
  if (type == Datatype::kFp16 || type == Datatype::kBf16) from = &half;
  out.append(static_cast<const char*>(from), serving::DatatypeBytes(type));
}

template <typename Number>
Number NumberAt(const serving::TensorView& tensor, std::size_t i) {
  Number value;
  std::memcpy(&value, tensor.bytes.data() + i * sizeof value, sizeof value);
  return value;
}

std::int64_t WholeAt(const serving::TensorView& tensor, std::size_t i) {
  switch (tensor.datatype) {
    case Datatype::kInt8: return NumberAt<std::int8_t>(tensor, i);
    case Datatype::kInt16: return NumberAt<std::int16_t>(tensor, i);
    case Datatype::kInt32: return NumberAt<std::int32_t>(tensor, i);
    case Datatype::kUint8: return NumberAt<std::uint8_t>(tensor, i);
    case Datatype::kUint16: return NumberAt<std::uint16_t>(tensor, i);
    case Datatype::kUint32: return NumberAt<std::uint32_t>(tensor, i);
    default: return NumberAt<std::int64_t>(tensor, i);
  }
}

float FloatAt(const serving::TensorView& tensor, std::size_t i) {
  if (tensor.datatype == Datatype::kFp32) return NumberAt<float>(tensor, i);
  const auto half = NumberAt<std::uint16_t>(tensor, i);
  return tensor.datatype == Datatype::kFp16 ? serving::HalfToFloat(half) : serving::BrainToFloat(half);
}

/// What holds an output's values without loss; nothing for what no column holds.
std::optional<Kind> KindOf(const serving::TensorSpec& spec, std::size_t width) {
  if (spec.datatype == Datatype::kFp64) return width == 1 ? Kind::kDouble : Kind::kDoubles;
  if (IsFloat(spec.datatype)) return width == 1 ? Kind::kFloat : Kind::kFloats;
  if (width != 1 || spec.datatype == Datatype::kUint64) return std::nullopt;
  if (spec.datatype == Datatype::kBytes) return Kind::kText;
  return spec.datatype == Datatype::kBool ? Kind::kBoolean : Kind::kInteger;
}

/// A number, or why the column's type does not hold it.
Result<double> Fitting(double value, Datatype type) {
  if (IsFloat(type)) return value;
  if (std::isnan(value)) return InvalidArgument("has no value, which a ", serving::DatatypeName(type), " must have");
  const Range range = RangeOf(type);
  if (std::trunc(value) == value && value >= range.least && value <= range.most) return value;
  return InvalidArgument(value, " is no ", serving::DatatypeName(type));
}

Result<double> ReadNumber(std::string_view text, Datatype type) {
  const std::string_view trimmed = Trim(text);
  if (text.data() == nullptr || IsMissingMark(trimmed)) return std::numeric_limits<double>::quiet_NaN();
  if (type == Datatype::kBool && (trimmed == "true" || trimmed == "false")) return trimmed == "true" ? 1.0 : 0.0;
  if (const auto value = ParseDouble(trimmed)) return *value;
  return InvalidArgument(Quoted(text), " is no ", serving::DatatypeName(type));
}

}  // namespace

Result<BatchTensors> BatchTensors::Make(serving::Backend& backend) {
  BatchTensors made(backend);
  if (!backend.info().batchable) return Unimplemented("the model does not take rows together");
  TRY(made.TakeInputs());
  TRY(made.TakeOutputs());
  return made;
}

Status BatchTensors::TakeInputs() {
  const serving::BackendInfo& info = backend_.info();
  const auto add = [this](const std::string& name, Datatype type) {
    columns_.push_back({});
    columns_.back().name = name;
    columns_.back().type = ColumnTypeOf(type);
    datatypes_.push_back(type);
  };
  const serving::TensorSpec& first = info.inputs.front();
  const bool matrix = info.inputs.size() == 1 && first.shape.size() == 2 && first.shape[1] > 1;
  if (matrix && first.shape[1] <= kMatrixColumnsMax) {
    const auto width = static_cast<std::size_t>(first.shape[1]);
    const bool named = info.feature_names.size() == width;
    for (std::size_t i = 0; i < width; ++i) add(named ? info.feature_names[i] : Cat("f", i), first.datatype);
    return Ok();
  }
  for (const serving::TensorSpec& input : info.inputs) {
    const bool column = input.shape.size() == 1 || (input.shape.size() == 2 && input.shape[1] == 1);
    if (!column) return Unimplemented("the model's input ", Quoted(input.name), " is no column of a table");
    add(input.name, input.datatype);
  }
  return Ok();
}

Status BatchTensors::TakeOutputs() {
  for (const serving::TensorSpec& output : backend_.info().outputs) {
    const bool list = output.shape.size() == 2 && output.shape[1] > 0;
    const auto width = list ? static_cast<std::size_t>(output.shape[1]) : std::size_t{1};
    const std::optional<Kind> kind = KindOf(output, width);
    if ((!list && output.shape.size() != 1) || !kind) {
      return Unimplemented("the model's output ", Quoted(output.name), " is no column of a table");
    }
    added_.push_back({output.name, *kind, width});
  }
  return Ok();
}

void BatchTensors::ReadValues(const data::Chunk& chunk, const std::vector<data::ResultColumn>& types,
                              std::vector<BadRow>& bad) {
  std::vector<std::string> complaints(chunk.rows());
  numbers_.assign(columns_.size(), {});
  values_.assign(columns_.size(), {});
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    const Datatype type = datatypes_[column];
    const bool text = types[column].type == schema::ColumnType::kText;
    const auto complain = [&](std::size_t row, const Error& error) {
      if (complaints[row].empty()) complaints[row] = Cat("column ", Quoted(columns_[column].name), ": ", error.message);
    };
    if (type == Datatype::kBytes) {
      const auto texts = chunk.Texts(column);
      values_[column].assign(texts.begin(), texts.end());
      for (std::size_t row = 0; row < texts.size(); ++row) {
        if (texts[row].data() == nullptr) complain(row, InvalidArgument("has no value, which a text must have"));
      }
      continue;
    }
    std::vector<double>& out = numbers_[column];
    for (std::size_t row = 0; row < chunk.rows(); ++row) {
      Result<double> value = text ? ReadNumber(chunk.Texts(column)[row], type) : chunk.Numbers(column)[row];
      if (value.ok()) value = Fitting(*value, type);
      if (!value.ok()) complain(row, value.error());
      out.push_back(value.ok() ? *value : 0);
    }
  }
  for (std::size_t row = 0; row < complaints.size(); ++row) {
    if (!complaints[row].empty()) bad.push_back({row, std::move(complaints[row])});
  }
}

serving::TensorList BatchTensors::Batch(std::span<const std::size_t> rows) const {
  serving::TensorList batch;
  const auto count = static_cast<std::int64_t>(rows.size());
  const auto append = [this](std::string& bytes, std::size_t column, std::size_t row) {
    if (datatypes_[column] == Datatype::kBytes) return serving::AppendElement(bytes, values_[column][row]);
    AppendNumber(bytes, datatypes_[column], numbers_[column][row]);
  };
  const std::vector<serving::TensorSpec>& inputs = backend_.info().inputs;
  if (inputs.size() != columns_.size()) {
    std::string bytes;
    for (const std::size_t row : rows) {
      for (std::size_t column = 0; column < columns_.size(); ++column) append(bytes, column, row);
    }
    const std::int64_t shape[] = {count, static_cast<std::int64_t>(columns_.size())};
    batch.Append({inputs[0].name, inputs[0].datatype, shape, bytes});
    return batch;
  }
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::string bytes;
    for (const std::size_t row : rows) append(bytes, column, row);
    std::vector<std::int64_t> shape = inputs[column].shape;
    shape[0] = count;
    batch.Append({inputs[column].name, inputs[column].datatype, shape, bytes});
  }
  return batch;
}

/// A worker that died is started again meanwhile; it may have been this batch's fault.
Result<serving::TensorList> BatchTensors::Run(std::span<const std::size_t> rows) const {
  const serving::TensorList batch = Batch(rows);
  Result<serving::TensorList> answer = backend_.runners().front()->Run(batch, kRunTimeout);
  for (int attempt = 1; attempt < kAttempts && !answer.ok() && answer.error().code == Code::kUnavailable; ++attempt) {
    answer = backend_.runners().front()->Run(batch, kRunTimeout);
  }
  return answer;
}

Status BatchTensors::Ask(std::span<const std::size_t> rows, std::vector<BadRow>& bad,
                         std::span<data::AddedValues> out) {
  const Result<serving::TensorList> answer = Run(rows);
  if (answer.ok()) return Take(*answer, rows, out);
  if (answer.error().code != Code::kInvalidArgument && answer.error().code != Code::kInternal) return answer.error();
  if (rows.size() == 1) {
    bad.push_back({rows.front(), answer.error().message});
    return Ok();
  }
  const std::size_t half = rows.size() / 2;
  TRY(Ask(rows.first(half), bad, out));
  return Ask(rows.subspan(half), bad, out);
}

Status BatchTensors::Take(const serving::TensorList& answer, std::span<const std::size_t> rows,
                          std::span<data::AddedValues> out) {
  for (std::size_t i = 0; i < added_.size(); ++i) {
    const auto tensor = answer.Find(added_[i].name);
    if (!tensor || tensor->shape.empty() || tensor->shape[0] != static_cast<std::int64_t>(rows.size())) {
      return Internal("the model answered without its output ", Quoted(added_[i].name));
    }
    const std::size_t width = added_[i].width;
    std::string_view bytes = tensor->bytes, element;
    for (std::size_t at = 0; at < rows.size() * width; ++at) {
      const std::size_t place = rows[at / width] * width + at % width;
      switch (added_[i].kind) {
        case Kind::kFloat:
        case Kind::kFloats: out[i].floats[place] = FloatAt(*tensor, at); break;
        case Kind::kDouble:
        case Kind::kDoubles: out[i].doubles[place] = NumberAt<double>(*tensor, at); break;
        case Kind::kInteger: out[i].integers[place] = WholeAt(*tensor, at); break;
        case Kind::kBoolean: out[i].booleans[place] = tensor->bytes[at] != 0 ? 1 : 0; break;
        case Kind::kText:
          if (serving::NextElement(bytes, element)) words_[i][place] = element;
          break;
      }
    }
  }
  return Ok();
}

Status BatchTensors::Answer(const data::Chunk& chunk, const std::vector<data::ResultColumn>& types,
                            std::vector<BadRow>& bad, std::span<data::AddedValues> out, std::string& texts) {
  ReadValues(chunk, types, bad);
  words_.assign(added_.size(), {});
  for (std::size_t i = 0; i < added_.size(); ++i) {
    const std::size_t size = chunk.rows() * added_[i].width;
    const Kind kind = added_[i].kind;
    if (kind == Kind::kFloat || kind == Kind::kFloats) out[i].floats.resize(size);
    if (kind == Kind::kDouble || kind == Kind::kDoubles) out[i].doubles.resize(size);
    if (kind == Kind::kInteger) out[i].integers.resize(size);
    if (kind == Kind::kBoolean) out[i].booleans.resize(size);
    if (kind == Kind::kText) words_[i].resize(size);
  }
  std::vector<std::size_t> good;
  for (std::size_t row = 0, next = 0; row < chunk.rows(); ++row) {
    const bool is_bad = next < bad.size() && bad[next].row == row;
    if (is_bad) ++next;
    if (!is_bad) good.push_back(row);
  }
  for (std::size_t begin = 0; begin < good.size(); begin += kBatchRows) {
    TRY(Ask(std::span(good).subspan(begin, std::min(kBatchRows, good.size() - begin)), bad, out));
  }
  std::sort(bad.begin(), bad.end(), [](const BadRow& a, const BadRow& b) { return a.row < b.row; });
  std::size_t bytes = 0;
  for (const auto& words : words_) {
    for (const std::string& word : words) bytes += word.size();
  }
  texts.reserve(bytes + 1);  // then views stay where they are, and none is without data
  for (std::size_t i = 0; i < words_.size(); ++i) {
    for (const std::string& word : words_[i]) {
      out[i].texts.emplace_back(texts.data() + texts.size(), word.size());
      texts += word;
    }
  }
  for (std::size_t i = 0; i < words_.size(); ++i) {
    for (const BadRow& row : bad) {
      if (added_[i].kind == Kind::kText) out[i].texts[row.row] = {};
    }
  }
  return Ok();
}

}  // namespace mw::steps
