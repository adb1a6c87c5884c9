// A dataset's rows as inference requests (Open Inference Protocol, named columns, one row each): the
// bytes that a client would send. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"
#include "data/duckdb_session.h"

namespace mw::steps {

class ReplayRequest {
 public:
  /// `metadata`: what GET /v2/models/{model} says; its inputs are the columns to send.
  /// Errors: kInvalidArgument naming the columns that the dataset lacks.
  static Result<ReplayRequest> Make(const Json& metadata, const data::Dataset& dataset, std::string_view host);

  /// The columns that a chunk must have, in this order: the inputs, then event time and key when the dataset has them.
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  /// Appends one whole HTTP request: the row's key is the request's id, its event time a parameter.
  void Append(const data::Chunk& chunk, std::size_t row, std::string& out);
  /// Microseconds UTC, Chunk::kMissingTime when the dataset has none.
  [[nodiscard]] std::int64_t EventTime(const data::Chunk& chunk, std::size_t row) const;
  /// The key as text, empty when the dataset has none.
  [[nodiscard]] std::string Key(const data::Chunk& chunk, std::size_t row) const;

 private:
  struct Input {
    std::string head;  ///< everything of the tensor before its value
    schema::ColumnType type;
  };
  static void AppendValue(const data::Chunk& chunk, std::size_t column, std::size_t row, schema::ColumnType type,
                          std::string& out);
  void AppendBody(const data::Chunk& chunk, std::size_t row);

  std::string head_;  // of the HTTP request, up to the Content-Length's digits
  std::vector<Input> inputs_;
  std::vector<std::string> columns_;
  int event_time_ = -1;  // position in columns_
  int key_ = -1;
  schema::ColumnType key_type_ = schema::ColumnType::kText;
  std::string body_;
};

}  // namespace mw::steps
