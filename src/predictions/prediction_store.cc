// SQL of predictions, and the bytes in its columns. Numbers as in sketch/bytes.h; floats as they lie in memory.
#include "predictions/prediction_store.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/text.h"

namespace mw::predictions::store {
namespace {

static_assert(std::endian::native == std::endian::little, "floats are kept as they lie in memory");

constexpr std::int64_t kPiecesAtOnce = 256;
constexpr std::uint8_t kTotalsFormat = 2;  ///< 1: without what was refused

std::string_view AsBytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> ReadFloats(sketch::ByteReader& in, std::size_t count) {
  const std::string_view bytes = in.Raw(count * sizeof(float));
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::string SampleBytes(const wire::PredictionSample& sample, Timestamp window_start) {
  sketch::ByteWriter out;
  out.Varint(sample.rows());
  out.U8(sample.keys.empty() ? 0 : 1);
  for (const std::string& id : sample.ids) out.Text(id);
  for (const std::string& key : sample.keys) out.Text(key);
  for (const std::int64_t at : sample.event_times_us) out.Signed(at - ToMicros(window_start));
  out.Raw(AsBytes(sample.predictions));
  return out.Take();
}

Result<SampleRows> ReadSample(std::string_view bytes, Timestamp window_start) {
  sketch::ByteReader in(bytes);
  SampleRows rows;
  const std::size_t count = in.Count(wire::kSampleRowsMax);
  const bool with_keys = in.U8() != 0;
  rows.ids.reserve(count);
  for (std::size_t i = 0; i < count; ++i) rows.ids.emplace_back(in.Text(wire::kSampleIdBytesMax));
  for (std::size_t i = 0; with_keys && i < count; ++i) rows.keys.emplace_back(in.Text(wire::kSampleKeyBytesMax));
  rows.event_times_us.reserve(count);
  for (std::size_t i = 0; i < count; ++i) rows.event_times_us.push_back(in.Signed() + ToMicros(window_start));
  rows.predictions = ReadFloats(in, count);
  TRY(in.CheckEnd().In("a stored sample"));
  return rows;
}

std::string FeatureBytes(const wire::PredictionSample& sample) {
  sketch::ByteWriter out;
  out.Varint(sample.feature_names.size());
  for (const std::string& name : sample.feature_names) out.Text(name);
  out.Raw(AsBytes(sample.features));
  return out.Take();
}

Status ReadFeatures(std::string_view bytes, SampledPiece& piece) {
  sketch::ByteReader in(bytes);
  const std::size_t names = in.Count(wire::kSampleFeaturesMax);
  for (std::size_t i = 0; i < names; ++i) piece.feature_names.emplace_back(in.Text(sketch::kColumnNameBytesMax));
  piece.features = ReadFloats(in, names * piece.rows.ids.size());
  return in.CheckEnd().In("stored features");
}

std::string ClassBytes(const wire::PredictionSample& sample, const std::vector<std::size_t>& classes) {
  sketch::ByteWriter out;
  out.Varint(classes.size());
  for (const std::size_t number : classes) out.Varint(number);
  out.Raw(AsBytes(sample.class_probabilities));
  return out.Take();
}

Status ReadClasses(std::string_view bytes, SampledPiece& piece) {
  sketch::ByteReader in(bytes);
  piece.classes.resize(in.Count(wire::kSampleClassesMax));
  for (std::size_t& number : piece.classes) number = in.Varint();
  piece.class_probabilities = ReadFloats(in, piece.classes.size() * piece.rows.ids.size());
  return in.CheckEnd().In("stored class probabilities");
}

std::string TotalsBytes(const SettledWindow& window) {
  sketch::ByteWriter out;
  out.U8(kTotalsFormat);
  window.totals.Write(out);
  const JoinCounts& counts = window.counts;
  for (const std::int64_t number :
       {counts.rows, counts.repeated, counts.labelled, counts.duplicates, counts.contradictions, counts.early}) {
    out.Signed(number);
  }
  for (const OrderedSum& sum : {counts.label_sum, counts.prediction_sum}) {
    out.U64(sum.high());
    out.U64(sum.low());
  }
  out.Signed(window.totals.refused);
  return out.Take();
}

OrderedSum ReadSum(sketch::ByteReader& in) {
  const std::uint64_t high = in.U64();
  return OrderedSum::Of(high, in.U64());
}

Status ReadTotals(std::string_view bytes, SettledWindow& window) {
  sketch::ByteReader in(bytes);
  const std::uint8_t format = in.U8();
  if (format > kTotalsFormat) return FailedPrecondition("a settled window was written by a newer Millwright");
  window.totals = TRY(WindowTotals::Read(in));
  JoinCounts& counts = window.counts;
  for (std::int64_t* number :
       {&counts.rows, &counts.repeated, &counts.labelled, &counts.duplicates, &counts.contradictions, &counts.early}) {
    *number = in.Signed();
  }
  counts.label_sum = ReadSum(in);
  counts.prediction_sum = ReadSum(in);
  if (format >= 2) window.totals.refused = in.Signed();
  return in.CheckEnd().In("a settled window");
}

enum RowFlags : std::uint8_t { kLabelled = 1, kRepeated = 2, kWithDelay = 4 };

void WriteRow(sketch::ByteWriter& out, const SettledRow& row) {
  const bool labelled = !std::isnan(row.label);
  const bool with_delay = row.delay_us != kNoDelay;
  out.U8(static_cast<std::uint8_t>((labelled ? kLabelled : 0) | (row.repeated ? kRepeated : 0) |
                                   (with_delay ? kWithDelay : 0)));
  if (labelled) out.F64(row.label);
  if (with_delay) out.Signed(row.delay_us);
}

SettledRow ReadRow(sketch::ByteReader& in) {
  const std::uint8_t flags = in.U8();
  SettledRow row;
  row.repeated = (flags & kRepeated) != 0;
  row.label = (flags & kLabelled) != 0 ? in.F64() : std::numeric_limits<double>::quiet_NaN();
  if ((flags & kWithDelay) != 0) row.delay_us = in.Signed();
  return row;
}

std::string LabelsBytes(const SettledWindow& window) {
  sketch::ByteWriter out;
  out.Varint(window.pieces.size());
  for (const SettledPiece& piece : window.pieces) {
    out.Signed(piece.arrival);
    out.Varint(piece.rows.size());
    for (const SettledRow& row : piece.rows) WriteRow(out, row);
  }
  return out.Take();
}

Result<std::vector<SettledPiece>> ReadLabels(std::string_view bytes) {
  sketch::ByteReader in(bytes);
  std::vector<SettledPiece> pieces(in.Count(bytes.size(), 2));
  for (SettledPiece& piece : pieces) {
    piece.arrival = in.Signed();
    piece.rows.resize(in.Count(bytes.size()));
    for (SettledRow& row : piece.rows) row = ReadRow(in);
  }
  TRY(in.CheckEnd().In("a settled window's labels"));
  return pieces;
}

db::Bytes Blob(std::string bytes) { return db::Bytes{std::move(bytes)}; }

constexpr std::string_view kPieceColumns =
    "arrival, accepted_at, endpoint, version, window_start, model, window_length, row_count, sampled_rows, "
    "dropped_rows,"
    " requests, failures, flagged_rows, future_rows, first_received, last_received, latency, sample, refused";

Result<PieceRecord> ReadPiece(const db::Row& row) {
  PieceRecord piece;
  piece.arrival = row.Int(0);
  piece.accepted_at = FromMicros(row.Int(1));
  piece.endpoint = row.Text(2);
  piece.version = row.Int(3);
  piece.window_start = FromMicros(row.Int(4));
  WindowTotals& totals = piece.totals;
  totals.model = row.Text(5);
  totals.window_length = Duration(row.Int(6));
  totals.pieces = 1;
  std::size_t column = 7;
  for (std::int64_t* number : {&totals.rows, &totals.sampled_rows, &totals.dropped_rows, &totals.requests,
                               &totals.failures, &totals.flagged_rows, &totals.future_rows}) {
    *number = row.Int(column++);
  }
  totals.first_received = FromMicros(row.Int(14));
  totals.last_received = FromMicros(row.Int(15));
  totals.latency = row.Blob(16);
  piece.rows = TRY(ReadSample(row.Blob(17), piece.window_start));
  totals.refused = row.Int(18);
  return piece;
}

Result<std::vector<PieceRecord>> ReadPieces(const db::Rows& rows) {
  std::vector<PieceRecord> pieces;
  pieces.reserve(rows.size());
  for (const db::Row& row : rows) pieces.push_back(TRY(ReadPiece(row)));
  return pieces;
}

Result<SettledWindow> ReadSettled(const db::Row& row) {
  SettledWindow window;
  window.endpoint = row.Text(0);
  window.version = row.Int(1);
  window.window_start = FromMicros(row.Int(2));
  window.settled_at = row.Int(3);
  TRY(ReadTotals(row.Blob(4), window));
  return window;
}

constexpr std::string_view kInRange =
    " endpoint = ? AND window_start >= ? AND window_start < ? AND (? = 0 OR version = ?)";

db::Values RangeValues(const WindowRange& range) {
  return {range.endpoint, ToMicros(range.from), ToMicros(range.until), range.version, range.version};
}

/// Visits window_start, version, arrival and `columns` of each piece in the range, a page at a time, along the index.
Status EachPiece(db::Snapshot& snapshot, const WindowRange& range, std::string_view columns,
                 const std::function<Status(const db::Row&)>& visit) {
  const std::string sql = Cat("SELECT window_start, version, arrival, ", columns, " FROM prediction_pieces WHERE",
                              kInRange, " AND (window_start, version, arrival) > (?, ?, ?)",
                              " ORDER BY window_start, version, arrival LIMIT ", kPiecesAtOnce);
  constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();
  db::Values at = {kBeforeAll, kBeforeAll, kBeforeAll};
  while (true) {
    db::Values values = RangeValues(range);
    values.insert(values.end(), at.begin(), at.end());
    const db::Rows rows = TRY(snapshot.Query(sql, values));
    for (const db::Row& row : rows) TRY(visit(row));
    if (static_cast<std::int64_t>(rows.size()) < kPiecesAtOnce) return Ok();
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = rows.back().At(i);
  }
}

}  // namespace

NewPiece Prepare(const wire::WindowPiece& piece) {
  sketch::ByteWriter prediction;
  piece.prediction.Write(prediction);
  return {&piece,
          LatencyBytes(piece.latency),
          SampleBytes(piece.sample, piece.window_start),
          FeatureBytes(piece.sample),
          piece.features.Bytes(),
          prediction.Take()};
}

Result<std::int64_t> TakeArrivals(db::Transaction& transaction, std::int64_t count) {
  const db::Rows rows =
      TRY(transaction.Query("UPDATE prediction_arrivals SET last = last + ? WHERE id = 1 RETURNING last", {count}));
  return rows[0].Int(0) - count + 1;
}

Result<bool> InsertPiece(db::Transaction& transaction, const NewPiece& added, const std::vector<std::size_t>& classes,
                         std::int64_t arrival, Timestamp now) {
  const wire::WindowPiece& piece = *added.piece;
  const std::int64_t inserted = TRY(transaction.Execute(
      "INSERT INTO prediction_pieces (server, boot, sequence, arrival, accepted_at, settled, endpoint, model, version,"
      " window_start, window_length, row_count, sampled_rows, dropped_rows, requests, failures, flagged_rows,"
      " future_rows, first_received, last_received, sample_rate, latency, sample, features, profile, prediction, "
      "classes, refused)"
      " VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (server, boot, sequence) DO NOTHING",
      {piece.server,
       piece.boot,
       static_cast<std::int64_t>(piece.sequence),
       arrival,
       ToMicros(now),
       piece.endpoint,
       piece.model,
       piece.version,
       ToMicros(piece.window_start),
       piece.window_length.count(),
       piece.rows,
       piece.sampled_rows,
       piece.dropped_rows,
       piece.requests,
       piece.failures,
       piece.flagged_rows,
       piece.future_rows,
       ToMicros(piece.first_received),
       ToMicros(piece.last_received),
       piece.sample_rate,
       Blob(added.latency),
       Blob(added.sample),
       Blob(added.features),
       Blob(added.profile),
       Blob(added.prediction),
       classes.empty() ? db::Value() : db::Value(Blob(ClassBytes(piece.sample, classes))),
       piece.refused}));
  return inserted > 0;
}

Result<bool> InsertBatch(db::Transaction& transaction, const NewBatch& added, std::int64_t arrival, Timestamp now) {
  const std::int64_t inserted = TRY(transaction.Execute(
      "INSERT INTO prediction_label_batches (endpoint, batch_id, arrival, accepted_at, digest, labels)"
      " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (endpoint, batch_id) DO NOTHING",
      {added.batch->endpoint, added.batch->batch_id, arrival, ToMicros(now), added.digest, Blob(added.labels)}));
  return inserted > 0;
}

Result<std::string> BatchDigest(db::Snapshot& snapshot, std::string_view endpoint, std::string_view batch_id) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT digest FROM prediction_label_batches WHERE endpoint = ? AND batch_id = ?",
                         {std::string(endpoint), std::string(batch_id)}));
  return rows.empty() ? std::string() : rows[0].Text(0);
}

Status InsertSettled(db::Transaction& transaction, const SettledWindow& window, std::int64_t settled_at) {
  TRY(
      transaction.Execute("INSERT INTO prediction_settled (endpoint, version, window_start, settled_at, totals, labels)"
                          " VALUES (?, ?, ?, ?, ?, ?)",
                          {window.endpoint, window.version, ToMicros(window.window_start), settled_at,
                           Blob(TotalsBytes(window)), Blob(LabelsBytes(window))}));
  for (const SettledPiece& piece : window.pieces) {
    TRY(transaction.Execute("UPDATE prediction_pieces SET settled = 1 WHERE arrival = ?", {piece.arrival}));
  }
  return Ok();
}

Status DeleteBatches(db::Transaction& transaction, std::string_view endpoint, std::int64_t arrival,
                     Timestamp accepted_before) {
  TRY(transaction.Execute("DELETE FROM prediction_label_batches WHERE endpoint = ? AND arrival < ? AND accepted_at < ?",
                          {std::string(endpoint), arrival, ToMicros(accepted_before)}));
  return Ok();
}

Result<std::vector<std::string>> Classes(db::Snapshot& snapshot, std::string_view endpoint) {
  std::vector<std::string> names;
  for (const db::Row& row : TRY(snapshot.Query("SELECT name FROM prediction_classes WHERE endpoint = ? ORDER BY number",
                                               {std::string(endpoint)}))) {
    names.push_back(row.Text(0));
  }
  return names;
}

Status AddClasses(db::Transaction& transaction, std::string_view endpoint, const std::vector<std::string>& classes,
                  std::size_t first) {
  for (std::size_t i = first; i < classes.size(); ++i) {
    TRY(transaction.Execute("INSERT INTO prediction_classes (endpoint, number, name) VALUES (?, ?, ?)",
                            {std::string(endpoint), static_cast<std::int64_t>(i), classes[i]}));
  }
  return Ok();
}

Result<std::vector<PieceRecord>> OpenPieces(db::Snapshot& snapshot, std::int64_t after, std::int64_t limit) {
  return ReadPieces(
      TRY(snapshot.Query(Cat("SELECT ", kPieceColumns,
                             " FROM prediction_pieces WHERE settled = 0 AND arrival > ? ORDER BY arrival LIMIT ?"),
                         {after, limit})));
}

Result<std::vector<PieceRecord>> SettledPieces(db::Snapshot& snapshot, std::string_view endpoint, Timestamp from) {
  return ReadPieces(TRY(snapshot.Query(
      Cat("SELECT ", kPieceColumns,
          " FROM prediction_pieces WHERE endpoint = ? AND window_start >= ? AND settled = 1 ORDER BY arrival"),
      {std::string(endpoint), ToMicros(from)})));
}

Result<std::vector<BatchRecord>> Batches(db::Snapshot& snapshot, std::int64_t after, std::int64_t limit) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT arrival, accepted_at, endpoint, batch_id, labels FROM prediction_label_batches"
                         " WHERE arrival > ? ORDER BY arrival LIMIT ?",
                         {after, limit}));
  std::vector<BatchRecord> batches;
  for (const db::Row& row : rows) {
    BatchRecord& batch = batches.emplace_back();
    batch.arrival = row.Int(0);
    batch.accepted_at = FromMicros(row.Int(1));
    auto labels = TRY(wire::ParseLabelBytes(row.Blob(4)).In("stored labels"));
    batch.batch = {row.Text(2), row.Text(3), std::move(labels)};
  }
  return batches;
}

Result<std::vector<SettledWindow>> SettledTotals(db::Snapshot& snapshot) {
  std::vector<SettledWindow> windows;
  for (const db::Row& row : TRY(snapshot.Query(
           "SELECT endpoint, version, window_start, settled_at, totals FROM prediction_settled ORDER BY settled_at"))) {
    windows.push_back(TRY(ReadSettled(row)));
  }
  return windows;
}

Result<std::vector<SettledWindow>> Settled(db::Snapshot& snapshot, const WindowRange& range) {
  std::vector<SettledWindow> windows;
  for (const db::Row& row : TRY(snapshot.Query(Cat("SELECT endpoint, version, window_start, settled_at, totals, labels"
                                                   " FROM prediction_settled WHERE",
                                                   kInRange, " ORDER BY settled_at"),
                                               RangeValues(range)))) {
    windows.push_back(TRY(ReadSettled(row)));
    windows.back().pieces = TRY(ReadLabels(row.Blob(5)));
  }
  return windows;
}

Status EachSample(db::Snapshot& snapshot, const WindowRange& range, JoinedColumns columns,
                  const std::function<Status(SampledPiece)>& visit) {
  const bool with_features = columns == JoinedColumns::kAll;
  const std::string_view wanted =
      with_features ? "sample_rate, sample, classes, features" : "sample_rate, sample, classes";
  return EachPiece(snapshot, range, wanted, [&](const db::Row& row) -> Status {
    SampledPiece piece;
    piece.version = row.Int(1);
    piece.arrival = row.Int(2);
    piece.sample_rate = row.Double(3);
    piece.rows = TRY(ReadSample(row.Blob(4), FromMicros(row.Int(0))));
    if (!row.IsNull(5)) TRY(ReadClasses(row.Blob(5), piece));
    if (with_features) TRY(ReadFeatures(row.Blob(6), piece));
    return visit(std::move(piece));
  });
}

Status EachProfile(db::Snapshot& snapshot, const WindowRange& range,
                   const std::function<Status(const sketch::Profile&)>& visit) {
  return EachPiece(snapshot, range, "profile", [&](const db::Row& row) -> Status {
    return visit(TRY(sketch::Profile::FromBytes(row.Blob(3)).In("a stored profile")));
  });
}

Status EachPrediction(db::Snapshot& snapshot, const WindowRange& range,
                      const std::function<Status(const sketch::ColumnProfile&)>& visit) {
  return EachPiece(snapshot, range, "prediction", [&](const db::Row& row) -> Status {
    sketch::ByteReader in(row.Blob(3));
    const sketch::ColumnProfile profile = TRY(sketch::ColumnProfile::Read(in).In("a stored profile"));
    return visit(profile);
  });
}

}  // namespace mw::predictions::store
