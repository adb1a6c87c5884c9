// Rows of tensors, joined and cut.
#include "serving/tensor_batch.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/text.h"

namespace mw::serving {
namespace {

bool HasRows(const TensorView& tensor, std::size_t rows) {
  return !tensor.shape.empty() && tensor.shape[0] == static_cast<std::int64_t>(rows);
}

bool EqualRows(const TensorView& a, const TensorView& b) {
  return a.name == b.name && a.datatype == b.datatype && !a.shape.empty() && !b.shape.empty() &&
         std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1, b.shape.end());
}

void Mix(std::uint64_t& key, std::uint64_t value) {
  key = (key ^ value) * 0x9E37'79B9'7F4A'7C15ULL;
  key ^= key >> 29;
}

/// Walks a tensor that CheckTensor accepted by rows.
class RowCursor {
 public:
  explicit RowCursor(const TensorView& tensor) : tensor_(tensor), rest_(tensor.bytes) {
    std::size_t elements = 1;
    for (const std::int64_t size : tensor.shape.subspan(1)) elements *= static_cast<std::size_t>(size);
    elements_ = elements;
  }
  std::string_view Take(std::size_t rows) {
    const std::string_view before = rest_;
    if (tensor_.datatype != Datatype::kBytes) {
      rest_.remove_prefix(rows * elements_ * DatatypeBytes(tensor_.datatype));
    } else {
      std::string_view element;
      for (std::size_t i = 0; i < rows * elements_; ++i) NextElement(rest_, element);
    }
    return before.substr(0, before.size() - rest_.size());
  }

 private:
  TensorView tensor_;
  std::string_view rest_;
  std::size_t elements_ = 1;
};

/// A tensor's shape with other rows.
class ShapeOf {
 public:
  ShapeOf(const TensorView& tensor, std::size_t rows) : size_(tensor.shape.size()) {
    std::copy(tensor.shape.begin(), tensor.shape.end(), sizes_);
    sizes_[0] = static_cast<std::int64_t>(rows);
  }
  [[nodiscard]] std::span<const std::int64_t> span() const { return {sizes_, size_}; }

 private:
  std::int64_t sizes_[kTensorDimensionsMax] = {};
  std::size_t size_;
};

void AppendRows(TensorList& out, const TensorView& like, std::size_t rows, std::string_view bytes) {
  const std::span<char> room = out.Add(like.name, like.datatype, ShapeOf(like, rows).span(), bytes.size());
  if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
}

Status CheckParts(std::span<const TensorList* const> parts) {
  const TensorList& first = *parts[0];
  for (const TensorList* part : parts) {
    bool equal = part->size() == first.size();
    for (std::size_t i = 0; equal && i < first.size(); ++i) equal = EqualRows((*part)[i], first[i]);
    if (!equal) return InvalidArgument("tensors of different names, datatypes or rows cannot be joined to one batch");
  }
  return Ok();
}

void JoinTensor(std::span<const TensorList* const> parts, std::size_t at, TensorList& joined) {
  std::size_t bytes = 0, rows = 0;
  for (const TensorList* part : parts) {
    bytes += (*part)[at].bytes.size();
    rows += static_cast<std::size_t>((*part)[at].shape[0]);
  }
  const TensorView like = (*parts[0])[at];
  char* out = joined.Add(like.name, like.datatype, ShapeOf(like, rows).span(), bytes).data();
  for (const TensorList* part : parts) {
    const std::string_view piece = (*part)[at].bytes;
    if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  }
}

}  // namespace

std::uint64_t JoinKey(const TensorList& tensors, std::size_t rows) {
  std::uint64_t key = tensors.size() + 1;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView tensor = tensors[i];
    if (!HasRows(tensor, rows)) return 0;
    Mix(key, std::hash<std::string_view>()(tensor.name));
    Mix(key, static_cast<std::uint64_t>(tensor.datatype));
    Mix(key, tensor.shape.size());
    for (const std::int64_t size : tensor.shape.subspan(1)) Mix(key, static_cast<std::uint64_t>(size));
  }
  return tensors.empty() ? 0 : std::max<std::uint64_t>(key, 1);
}

Status JoinRows(std::span<const TensorList* const> parts, TensorList& joined) {
  joined.Clear();
  if (parts.empty()) return Ok();
  TRY(CheckParts(parts));
  for (std::size_t i = 0; i < parts[0]->size(); ++i) JoinTensor(parts, i, joined);
  return Ok();
}

Result<std::vector<TensorList>> CutRows(const TensorList& joined, std::span<const std::size_t> rows) {
  std::size_t total = 0;
  for (const std::size_t n : rows) total += n;
  std::vector<TensorList> parts(rows.size());
  for (std::size_t i = 0; i < joined.size(); ++i) {
    const TensorView tensor = joined[i];
    if (!HasRows(tensor, total) || !CheckTensor(tensor).ok()) {
      return Internal("the model gave ", tensor.shape.empty() ? 0 : tensor.shape[0], " rows of ", Quoted(tensor.name),
                      " for a batch of ", total, "; make it one that is not batched");
    }
    RowCursor cursor(tensor);
    for (std::size_t part = 0; part < rows.size(); ++part) {
      AppendRows(parts[part], tensor, rows[part], cursor.Take(rows[part]));
    }
  }
  return parts;
}

Status RepeatRows(const TensorList& sample, std::size_t rows, TensorList& out) {
  out.Clear();
  const auto has = sample.empty() || sample[0].shape.empty() ? 0 : static_cast<std::size_t>(sample[0].shape[0]);
  if (has == 0 || JoinKey(sample, has) == 0) {
    return InvalidArgument("a sample for warming up has the same rows in each tensor, at least one");
  }
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const TensorView tensor = sample[i];
    TRY(CheckTensor(tensor));
    std::string bytes;
    for (std::size_t round = 0; round < rows / has; ++round) bytes.append(tensor.bytes);
    bytes.append(RowCursor(tensor).Take(rows % has));
    AppendRows(out, tensor, rows, bytes);
  }
  return Ok();
}

}  // namespace mw::serving
