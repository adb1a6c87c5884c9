// Remembers pieces, label batches and settled windows: the only file of predictions with SQL. Functions run inside
// closures of db::Database; nothing is checked here. Every piece and batch gets an arrival: a number that grows in
// the order of commits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "predictions/joined_rows.h"
#include "predictions/label_join.h"
#include "predictions/window_totals.h"
#include "sketch/profile.h"
#include "wire/label_batch.h"
#include "wire/window_record.h"

namespace mw::predictions::store {

/// A piece made ready to be written: all its bytes.
struct NewPiece {
  const wire::WindowPiece* piece = nullptr;  ///< the caller's
  std::string latency;
  std::string sample;
  std::string features;
  std::string profile;
  std::string prediction;
};
NewPiece Prepare(const wire::WindowPiece& piece);

struct NewBatch {
  const wire::LabelBatch* batch = nullptr;  ///< the caller's
  std::string labels;
  std::string digest;
};

/// Rows of a piece, as they were sampled.
struct SampleRows {
  std::vector<std::string> ids;
  std::vector<std::string> keys;
  std::vector<std::int64_t> event_times_us;
  std::vector<float> predictions;
};

/// What the join needs of a stored piece.
struct PieceRecord {
  std::int64_t arrival = 0;
  Timestamp accepted_at{};
  std::string endpoint;
  std::int64_t version = 0;
  Timestamp window_start{};
  WindowTotals totals;
  SampleRows rows;
};

struct BatchRecord {
  std::int64_t arrival = 0;
  Timestamp accepted_at{};
  wire::LabelBatch batch;
};

/// A row's label that is final.
struct SettledRow {
  double label = 0;  ///< NaN: none
  std::int64_t delay_us = kNoDelay;
  bool repeated = false;
};

struct SettledPiece {
  std::int64_t arrival = 0;
  std::vector<SettledRow> rows;
};

/// A window, or the part of it that had come by then.
struct SettledWindow {
  std::string endpoint;
  std::int64_t version = 0;
  Timestamp window_start{};
  std::int64_t settled_at = 0;  ///< an arrival
  WindowTotals totals;
  JoinCounts counts;
  std::vector<SettledPiece> pieces;  ///< empty where only the totals were asked for
};

/// The first of `count` arrivals.
Result<std::int64_t> TakeArrivals(db::Transaction& transaction, std::int64_t count);
/// `classes`: the numbers of the piece's classes in the endpoint's list; none: their probabilities are not kept. False
/// when the piece is there already.
Result<bool> InsertPiece(db::Transaction& transaction, const NewPiece& piece, const std::vector<std::size_t>& classes,
                         std::int64_t arrival, Timestamp now);
/// False when a batch of that id is there already.
Result<bool> InsertBatch(db::Transaction& transaction, const NewBatch& batch, std::int64_t arrival, Timestamp now);
Result<std::string> BatchDigest(db::Snapshot& snapshot, std::string_view endpoint, std::string_view batch_id);
/// `settled_at` stands for the window's own.
Status InsertSettled(db::Transaction& transaction, const SettledWindow& window, std::int64_t settled_at);
/// Batches of the endpoint with a smaller arrival, accepted before `accepted_before`.
Status DeleteBatches(db::Transaction& transaction, std::string_view endpoint, std::int64_t arrival,
                     Timestamp accepted_before);

/// The endpoint's classes by number.
Result<std::vector<std::string>> Classes(db::Snapshot& snapshot, std::string_view endpoint);
/// Keeps those of the endpoint's classes that have the number `first` or a greater one.
Status AddClasses(db::Transaction& transaction, std::string_view endpoint, const std::vector<std::string>& classes,
                  std::size_t first);

/// The next pieces after `after` that are not settled, at most `limit`.
Result<std::vector<PieceRecord>> OpenPieces(db::Snapshot& snapshot, std::int64_t after, std::int64_t limit);
/// Pieces of settled windows that begin at `from` or later: their rows are known, their labels final.
Result<std::vector<PieceRecord>> SettledPieces(db::Snapshot& snapshot, std::string_view endpoint, Timestamp from);
Result<std::vector<BatchRecord>> Batches(db::Snapshot& snapshot, std::int64_t after, std::int64_t limit);
/// All, without their pieces.
Result<std::vector<SettledWindow>> SettledTotals(db::Snapshot& snapshot);
/// Those in the range, with their pieces.
Result<std::vector<SettledWindow>> Settled(db::Snapshot& snapshot, const WindowRange& range);

/// One piece with its sampled rows; features only when they were asked for.
struct SampledPiece {
  std::int64_t arrival = 0;
  std::int64_t version = 0;
  double sample_rate = 1;
  SampleRows rows;
  std::vector<std::string> feature_names;
  std::vector<float> features;
  std::vector<std::size_t> classes;        ///< the numbers of its classes; empty: no probabilities
  std::vector<float> class_probabilities;  ///< rows x classes
};
/// Each piece in the range, by window, version, arrival.
Status EachSample(db::Snapshot& snapshot, const WindowRange& range, JoinedColumns columns,
                  const std::function<Status(SampledPiece)>& visit);
/// Each profile in the range, in the same order.
Status EachProfile(db::Snapshot& snapshot, const WindowRange& range,
                   const std::function<Status(const sketch::Profile&)>& visit);
Status EachPrediction(db::Snapshot& snapshot, const WindowRange& range,
                      const std::function<Status(const sketch::ColumnProfile&)>& visit);

}  // namespace mw::predictions::store
