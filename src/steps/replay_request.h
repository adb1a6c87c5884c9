// A dataset's rows as inference requests (Open Inference Protocol, named columns, one row each): the
// bytes that a client would send. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"
#include "data/duckdb_session.h"
#include "steps/replay_fault.h"
#include "wire/label_batch.h"

namespace mw::steps {

class ReplayRequest {
 public:
  /// `metadata`: what GET /v2/models/{model} says; its inputs are the columns to send. `replay`: this replay's name, of
  /// no other; see Id. `key`: the column by which the model's requests name the entity; empty: none. It is sent where
  /// the dataset has it as its key.
  /// Errors: kInvalidArgument naming the columns that the dataset lacks, or what is wrong with a fault.
  static Result<ReplayRequest> Make(const Json& metadata, const data::Dataset& dataset, std::string_view host,
                                    std::string_view replay, std::string_view key,
                                    const std::vector<ReplayFault>& faults = {});

  /// The columns that a chunk must have, in this order: the inputs, then those of event time, key, label and when
  /// the label is known, as far as the dataset has them.
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  /// Appends one whole HTTP request: the row's event time is a parameter, and its id
  ///   the row's key, where the dataset has a key and event times: the same prediction in every replay
  ///   else the replay's name and the key, or how many rows came before: a prediction of its own
  void Append(const data::Chunk& chunk, std::size_t row, std::string& out);
  /// Of the row that was appended last.
  [[nodiscard]] const std::string& id() const { return id_; }
  /// Microseconds UTC, Chunk::kMissingTime when the dataset has none.
  [[nodiscard]] std::int64_t EventTime(const data::Chunk& chunk, std::size_t row) const;
  [[nodiscard]] bool has_event_time() const { return event_time_ >= 0; }
  [[nodiscard]] bool has_labels() const { return label_ >= 0; }
  /// The label of the row that was appended last, under the id of its request, of several classes by name; nothing for
  /// a row that never gets one. When the dataset says since when labels are known, a row without that time has none.
  [[nodiscard]] std::optional<wire::Label> LabelOf(const data::Chunk& chunk, std::size_t row) const;
  [[nodiscard]] const FaultPlan& faults() const { return faults_; }

 private:
  struct Input {
    std::string head;  ///< everything of the tensor before its value
    schema::ColumnType type;
    FaultPlan::Effect fault;
  };
  static void AppendValue(const data::Chunk& chunk, std::size_t column, std::size_t row, const Input& input,
                          std::string& out);
  int AddColumn(const std::string& name);
  [[nodiscard]] std::string Key(const data::Chunk& chunk, std::size_t row) const;
  [[nodiscard]] wire::Label WordedLabel(const data::Chunk& chunk, std::size_t row) const;
  void AppendBody(const data::Chunk& chunk, std::size_t row, const std::string& key);

  std::string head_;  // of the HTTP request, up to the Content-Length's digits
  std::vector<Input> inputs_;
  std::string key_head_;  // of the tensor that names the entity, before its value; empty: none is sent
  std::vector<std::string> columns_;
  int event_time_ = -1;  // position in columns_
  int key_ = -1;
  int label_ = -1;
  int known_at_ = -1;
  schema::ColumnType label_type_ = schema::ColumnType::kBoolean;
  bool has_classes_ = false;  // the model has several: labels name them
  FaultPlan faults_;
  schema::ColumnType key_type_ = schema::ColumnType::kText;
  std::string replay_;
  std::int64_t appended_ = 0;
  std::string id_;
  std::string body_;
};

}  // namespace mw::steps
