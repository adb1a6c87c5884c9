// Columns of a chunk as the rows of floats that a model takes, by the one encoder: whole columns at once, and value by
// value only where something is not plain. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/duckdb_session.h"
#include "schema/encoder.h"

namespace mw::steps {

/// A row that has no answer, and its first value that is why.
struct BadRow {
  std::size_t row = 0;  ///< in the chunk
  std::string why;      ///< 'column "temp": "warm" is not a number'
};

class BatchEncoder {
 public:
  /// `columns`: of the chunks to come; the encoder's features are the first of them. The encoder outlives this.
  BatchEncoder(const schema::Encoder& encoder, const std::vector<data::ResultColumn>& columns);

  /// Writes chunk.rows() x num_features floats. Bad rows come in the order of the rows; what stands for them in `out`
  /// means nothing.
  void Encode(const data::Chunk& chunk, std::span<float> out, std::vector<BadRow>& bad);
  [[nodiscard]] std::int64_t unknown_categories() const { return unknown_categories_; }

 private:
  void EncodeNumbers(int feature, std::span<const double> values, std::span<float> out);
  void EncodeTexts(int feature, std::span<const std::string_view> values, std::span<float> out);
  [[nodiscard]] Result<float> ReadText(int feature, std::string_view text) const;
  void Complain(std::size_t row, const Error& error);

  const schema::Encoder& encoder_;
  std::vector<bool> is_text_;            // by feature
  std::vector<std::string> complaints_;  // by row of the chunk; empty: none
  bool any_complaint_ = false;
  std::int64_t unknown_categories_ = 0;
};

/// Whether a text stands for no value, as in exports: "", "NA", "null", "?".
bool IsMissingMark(std::string_view text);

}  // namespace mw::steps
