// Three threads, two queues, one marker.
#include "steps/batch_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "data/parquet_sink.h"
#include "data/row_stream.h"
#include "steps/batch_encoder.h"
#include "steps/handoff.h"

namespace mw::steps {
namespace {

constexpr std::size_t kBatchesAhead = 32;
constexpr std::size_t kNamedBadRowsMax = 10;
constexpr std::int64_t kReaderBytes = std::int64_t{256} << 20;
constexpr std::int64_t kWriterBytes = std::int64_t{384} << 20;

std::string PartPath(const std::string& directory, std::int64_t part) {
  char name[32];
  std::snprintf(name, sizeof name, "part-%08lld.parquet", static_cast<long long>(part));
  return Cat(directory, "/parts/", name);
}

/// Durable under its name, or not there.
Status PutInPlace(const std::string& unfinished, const std::string& path) {
  const FileDescriptor file(open(unfinished.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || fsync(file.get()) != 0) return ErrnoError(errno, unfinished);
  if (rename(unfinished.c_str(), path.c_str()) != 0) return ErrnoError(errno, path);
  return SyncDirectory(std::filesystem::path(path).parent_path().string());
}

Result<data::DuckdbSession> OpenIn(const std::string& directory, int threads) {
  data::SessionOptions options;
  options.paths = {directory};
  options.threads = threads;
  options.memory_bytes = kWriterBytes;
  options.spill_directory = directory + "/spill";
  return data::DuckdbSession::Open(options);
}

/// Rows as they were read, and where they stand.
struct ReadRows {
  std::shared_ptr<const data::RowBatch> batch;
  std::int64_t file = 0;
  std::int64_t file_row = 0;  // of the batch's first
};

/// What goes to the writer: rows, and after the last of a part the marker that makes it count.
struct WriteItem {
  data::BlockSlice slice;
  std::optional<BatchMarker> part_end;
};

/// Reads one file after the other.
class InputReader {
 public:
  InputReader(const BatchJob& job, const BatchMarker& marker) : job_(job), marker_(marker) {}

  /// Begins with the file that comes next: what its columns are.
  Status Open() {
    data::SessionOptions options;
    for (const InputFile& file : job_.files) options.paths.push_back(file.path);
    options.memory_bytes = kReaderBytes;
    session_.emplace(TRY(data::DuckdbSession::Open(options)));
    file_ = marker_.file;
    return Begin(marker_.file_row);
  }

  void Run(Handoff<ReadRows>& out) {
    outcome_ = ReadAll(out);
    out.Finish();
  }

  [[nodiscard]] const InputQuery& query() const { return query_; }
  [[nodiscard]] const data::RowStream& stream() const { return *stream_; }
  /// Once there is nothing more to pop.
  [[nodiscard]] const Status& outcome() const { return outcome_; }

 private:
  Status Begin(std::int64_t first_row) {
    const InputFile& file = job_.files[static_cast<std::size_t>(file_)];
    const InputWants wants{Features(), &job_.model->schema(), job_.keep, job_.recorder != nullptr};
    InputQuery query = TRY(PlanInput(*session_, file, wants, first_row));
    stream_.reset();
    stream_.emplace(TRY(data::RowStream::Start(*session_, query.sql, query.kept.size(), file.path)));
    row_ = first_row;
    TRY(CheckAgainst(marker_.kept_types, query.kept, file));
    std::vector<std::string> types;
    for (const data::ResultColumn& column : stream_->value_columns()) types.emplace_back(schema::TypeName(column.type));
    TRY(CheckAgainst(value_types_, types, file));
    value_types_ = std::move(types);
    query_ = std::move(query);
    return Ok();
  }

  [[nodiscard]] std::vector<schema::Column> Features() const {
    if (job_.tensors != nullptr) return job_.tensors->columns();
    std::vector<schema::Column> features;
    const schema::Encoder& encoder = job_.model->encoder();
    for (std::size_t i = 0; i < encoder.num_features(); ++i) features.push_back(encoder.column(static_cast<int>(i)));
    return features;
  }

  /// `before`: of the files before this one; empty: there are none.
  static Status CheckAgainst(const std::vector<std::string>& before, const std::vector<std::string>& now,
                             const InputFile& file) {
    if (before.empty() || before == now) return Ok();
    return InvalidArgument(file.path, ": its columns are not those of the files before it (", Join(now, ", "),
                           " instead of ", Join(before, ", "), "); predict it on its own");
  }

  Status ReadAll(Handoff<ReadRows>& out) {
    while (true) {
      std::shared_ptr<const data::RowBatch> batch = TRY(stream_->Next());
      if (batch != nullptr) {
        const auto rows = static_cast<std::int64_t>(batch->rows());
        if (!out.Push({std::move(batch), file_, row_})) return Ok();
        row_ += rows;
        continue;
      }
      if (++file_ >= static_cast<std::int64_t>(job_.files.size())) return Ok();
      TRY(Begin(0));
    }
  }

  const BatchJob& job_;
  const BatchMarker marker_;
  std::optional<data::DuckdbSession> session_;
  std::optional<data::RowStream> stream_;
  InputQuery query_;
  std::vector<std::string> value_types_;
  std::int64_t file_ = 0;
  std::int64_t row_ = 0;
  Status outcome_;
};

std::vector<data::AddedColumn> AddedColumns(const BatchJob& job) {
  using Kind = data::AddedColumn::Kind;
  const serving::Model& model = *job.model;
  std::vector<data::AddedColumn> columns = {{std::string(kIdColumn), Kind::kText}};
  if (job.tensors != nullptr) {
    columns.insert(columns.end(), job.tensors->added().begin(), job.tensors->added().end());
    columns.push_back({std::string(kErrorColumn), Kind::kText});
    return columns;
  }
  const bool classes = !model.classes().empty();
  const bool several = model.num_outputs() > 1;
  const Kind one = model.double_precision() ? Kind::kDouble : Kind::kFloat;
  const Kind list = model.double_precision() ? Kind::kDoubles : Kind::kFloats;
  columns.push_back({model.output_name(), several ? list : one, model.num_outputs()});
  if (model.decision_name() != nullptr) {
    columns.push_back({model.decision_name(), classes ? Kind::kText : Kind::kBoolean});
  }
  columns.push_back({std::string(kErrorColumn), Kind::kText});
  return columns;
}

Status CheckNames(const std::vector<std::string>& kept, const std::vector<data::AddedColumn>& added) {
  for (const data::AddedColumn& column : added) {
    for (const std::string& name : kept) {
      if (!EqualsIgnoreCase(name, column.name)) continue;
      return InvalidArgument("the rows have a column ", Quoted(name),
                             ", and so has the answer; name the columns to keep: ", "--keep COLUMN,COLUMN");
    }
  }
  return Ok();
}

/// Encodes, predicts, records.
class Predictor {
 public:
  Predictor(const BatchJob& job, BatchMarker& marker, const InputReader& reader)
      : job_(job),
        model_(*job.model),
        reader_(reader),
        marker_(marker),
        time_(reader.query().time),
        time_text_(reader.query().time_text),
        key_(reader.query().key),
        added_(AddedColumns(job)),
        encoder_(model_.encoder(), reader.stream().value_columns()),
        unknown_before_(marker.unknown_categories) {}

  [[nodiscard]] const std::vector<data::AddedColumn>& added() const { return added_; }

  Status Run(Handoff<ReadRows>& in, Handoff<WriteItem>& out) {
    while (const std::optional<ReadRows> rows = in.Pop()) TRY(Take(*rows, out));
    if (!reader_.outcome().ok()) return Cancelled("the reader has given up");
    return part_row_ > 0 ? EndPart(out) : Ok();
  }

 private:
  Status Take(const ReadRows& rows, Handoff<WriteItem>& out) {
    const std::shared_ptr<data::AnsweredBlock> block = TRY(Answer(rows));
    const std::size_t count = rows.batch->rows();
    for (std::size_t first = 0; first < count;) {
      if (part_row_ == 0 && job_.recorder != nullptr) job_.recorder->BeginPart(marker_.parts);
      const auto room = static_cast<std::size_t>(job_.part_rows - part_row_);
      const std::size_t taken = std::min(room, count - first);
      if (job_.recorder != nullptr) Record(*rows.batch, *block, first, taken);
      if (!out.Push({{block, first, taken}, {}})) return Cancelled("the writer has given up");
      first += taken;
      part_row_ += static_cast<std::int64_t>(taken);
      marker_.rows += static_cast<std::int64_t>(taken);
      marker_.file = rows.file;
      marker_.file_row = rows.file_row + static_cast<std::int64_t>(first);
      while (bad_taken_ < bad_.size() && bad_[bad_taken_].row < first) Count(bad_[bad_taken_++], rows);
      if (part_row_ == job_.part_rows) TRY(EndPart(out));
    }
    if (job_.progress) job_.progress(marker_.rows);
    return Ok();
  }

  Result<std::shared_ptr<data::AnsweredBlock>> Answer(const ReadRows& rows) {
    const data::Chunk& chunk = rows.batch->values();
    const std::size_t count = chunk.rows();
    bad_.clear();
    bad_taken_ = 0;
    if (job_.tensors != nullptr) return AnswerTensors(rows);
    features_.resize(count * model_.num_features());
    encoder_.Encode(chunk, features_, bad_);
    CheckTimes(chunk);
    if (job_.strict && !bad_.empty()) return InvalidArgument(Sentence(bad_.front(), rows));
    values_.resize(count * model_.num_outputs());
    if (model_.double_precision()) {
      doubles_.resize(values_.size());
      model_.Predict(features_, count, doubles_);
      std::transform(doubles_.begin(), doubles_.end(), values_.begin(), [](double v) { return static_cast<float>(v); });
    } else {
      model_.Predict(features_, count, values_);
    }
    auto block = std::make_shared<data::AnsweredBlock>();
    block->rows = rows.batch;
    block->answered.assign(count, 1);
    for (const BadRow& row : bad_) block->answered[row.row] = 0;
    FillAdded(*block);
    return block;
  }

  Result<std::shared_ptr<data::AnsweredBlock>> AnswerTensors(const ReadRows& rows) {
    auto block = std::make_shared<data::AnsweredBlock>();
    block->rows = rows.batch;
    block->added.resize(added_.size());
    const std::span<data::AddedValues> out = std::span(block->added).subspan(1, added_.size() - 2);
    TRY(job_.tensors->Answer(rows.batch->values(), reader_.stream().value_columns(), bad_, out, block->answer_bytes));
    if (job_.strict && !bad_.empty()) return InvalidArgument(Sentence(bad_.front(), rows));
    block->answered.assign(rows.batch->rows(), 1);
    for (const BadRow& row : bad_) block->answered[row.row] = 0;
    FillTexts(*block);
    return block;
  }

  /// A text that is no time makes its row a bad one.
  void CheckTimes(const data::Chunk& chunk) {
    if (time_text_ < 0) return;
    const auto times = chunk.Times(static_cast<std::size_t>(time_));
    const auto texts = chunk.Texts(static_cast<std::size_t>(time_text_));
    std::vector<BadRow> wrong;
    for (std::size_t row = 0; row < times.size(); ++row) {
      if (times[row] != data::Chunk::kMissingTime || texts[row].data() == nullptr || IsMissingMark(texts[row]))
        continue;
      wrong.push_back({row, Cat("column ", Quoted(model_.schema().event_time), ": ", Quoted(texts[row]),
                                " is not a time; write times as 2024-05-01T12:30:00Z")});
    }
    if (wrong.empty()) return;
    std::vector<BadRow> both;
    const auto by_row = [](const BadRow& a, const BadRow& b) { return a.row < b.row; };
    std::merge(bad_.begin(), bad_.end(), wrong.begin(), wrong.end(), std::back_inserter(both), by_row);
    const auto same_row = [](const BadRow& a, const BadRow& b) { return a.row == b.row; };
    both.erase(std::unique(both.begin(), both.end(), same_row), both.end());
    bad_ = std::move(both);
  }

  void FillAdded(data::AnsweredBlock& block) {
    block.added.resize(added_.size());
    FillTexts(block);
    if (model_.double_precision()) block.added[1].doubles = doubles_;
    if (!model_.double_precision()) block.added[1].floats = values_;
    if (model_.decision_name() == nullptr) return;
    if (model_.classes().empty()) {
      const double threshold = *model_.threshold();
      for (std::size_t i = 0; i < values_.size(); ++i) {
        const double value = model_.double_precision() ? doubles_[i] : static_cast<double>(values_[i]);
        block.added[2].booleans.push_back(value >= threshold ? 1 : 0);
      }
      return;
    }
    Likeliest();
    for (std::size_t row = 0; row < likeliest_.size(); ++row) {
      const std::string& name = model_.classes()[static_cast<std::size_t>(likeliest_[row])];
      block.added[2].texts.push_back(block.answered[row] != 0 ? std::string_view(name) : std::string_view());
    }
  }

  /// Ids of all rows, complaints of the bad ones.
  void FillTexts(data::AnsweredBlock& block) const {
    const std::size_t rows = block.answered.size();
    std::vector<std::size_t> ends;
    std::string& bytes = block.text_bytes;
    bytes.reserve(rows * (marker_.batch_id.size() + 12));
    for (std::size_t row = 0; row < rows; ++row) {
      CatTo(bytes, marker_.batch_id, '/', marker_.rows + static_cast<std::int64_t>(row));
      ends.push_back(bytes.size());
    }
    for (const BadRow& bad : bad_) {
      bytes += bad.why;
      ends.push_back(bytes.size());
    }
    const std::string_view all = bytes;
    const auto text = [&](std::size_t i) {
      return all.substr(i == 0 ? 0 : ends[i - 1], ends[i] - (i == 0 ? 0 : ends[i - 1]));
    };
    for (std::size_t row = 0; row < rows; ++row) block.added.front().texts.push_back(text(row));
    block.added.back().texts.resize(rows);
    for (std::size_t i = 0; i < bad_.size(); ++i) block.added.back().texts[bad_[i].row] = text(rows + i);
  }

  /// Of equal ones the first.
  void Likeliest() {
    const std::size_t outputs = model_.num_outputs();
    likeliest_.resize(values_.size() / outputs);
    for (std::size_t row = 0; row < likeliest_.size(); ++row) {
      const auto first = [&](const auto& values) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * outputs);
        return static_cast<float>(std::max_element(begin, begin + static_cast<std::ptrdiff_t>(outputs)) - begin);
      };
      likeliest_[row] = model_.double_precision() ? first(doubles_) : first(values_);
    }
  }

  /// Runs of rows that were answered.
  void Record(const data::RowBatch& batch, const data::AnsweredBlock& block, std::size_t first, std::size_t count) {
    const std::size_t end = first + count;
    for (std::size_t row = first; row < end;) {
      const std::size_t begin = row;
      while (row < end && block.answered[row] != 0) ++row;
      if (row > begin) RecordRun(batch.values(), first, begin, row - begin);
      while (row < end && block.answered[row] == 0) ++row;
    }
  }

  void RecordRun(const data::Chunk& chunk, std::size_t first, std::size_t begin, std::size_t count) {
    const std::size_t outputs = model_.num_outputs();
    BatchRecorder::Rows rows;
    rows.first = marker_.rows + static_cast<std::int64_t>(begin - first);
    rows.features = std::span(features_).subspan(begin * model_.num_features(), count * model_.num_features());
    rows.predictions = std::span(outputs > 1 ? likeliest_ : values_).subspan(begin, count);
    if (outputs > 1) rows.probabilities = std::span(values_).subspan(begin * outputs, count * outputs);
    if (time_ >= 0) rows.times = chunk.Times(static_cast<std::size_t>(time_)).subspan(begin, count);
    if (key_ >= 0) rows.keys = chunk.Texts(static_cast<std::size_t>(key_)).subspan(begin, count);
    job_.recorder->Add(rows);
  }

  [[nodiscard]] std::string Sentence(const BadRow& bad, const ReadRows& rows) const {
    return Cat(job_.files[static_cast<std::size_t>(rows.file)].path, ": row ",
               rows.file_row + static_cast<std::int64_t>(bad.row) + 1, ": ", bad.why);
  }

  void Count(const BadRow& bad, const ReadRows& rows) {
    ++marker_.bad_rows;
    if (marker_.first_bad_rows.size() < kNamedBadRowsMax) marker_.first_bad_rows.push_back(Sentence(bad, rows));
  }

  Status EndPart(Handoff<WriteItem>& out) {
    if (job_.recorder != nullptr) {
      TRY(job_.recorder->EndPart());
      marker_.sampled_rows +=
          job_.recorder->sampled_rows() - std::exchange(sampled_before_, job_.recorder->sampled_rows());
    }
    marker_.unknown_categories = unknown_before_ + encoder_.unknown_categories();
    ++marker_.parts;
    part_row_ = 0;
    if (!out.Push({{}, marker_})) return Cancelled("the writer has given up");
    return Ok();
  }

  const BatchJob& job_;
  const serving::Model& model_;
  const InputReader& reader_;
  BatchMarker& marker_;
  const int time_, time_text_, key_;
  const std::vector<data::AddedColumn> added_;
  BatchEncoder encoder_;
  const std::int64_t unknown_before_;
  std::int64_t sampled_before_ = 0;
  std::int64_t part_row_ = 0;
  std::vector<float> features_, values_, likeliest_;
  std::vector<double> doubles_;  // where the model computes in them; values_ are the nearest floats
  std::vector<BadRow> bad_;
  std::size_t bad_taken_ = 0;
};

/// Makes parts of what comes, and marks each.
class Writer {
 public:
  static Result<Writer> Make(const BatchJob& job, const data::RowStream& like, std::vector<data::AddedColumn> added,
                             std::int64_t part) {
    data::DuckdbSession session = TRY(OpenIn(job.directory, 1));
    return Writer(job.directory, TRY(data::ParquetSink::Make(std::move(session), like.kept(), std::move(added))), part);
  }

  void Run(Handoff<WriteItem>& in) {
    outcome_ = WriteAll(in);
    in.Close();
  }
  [[nodiscard]] const Status& outcome() const { return outcome_; }
  /// A part without rows: an output must have its columns.
  Status WriteEmpty(BatchMarker marker) {
    TRY(sink_->Write(unfinished_, [] { return Result<data::BlockSlice>(data::BlockSlice{}); }));
    TRY(PutInPlace(unfinished_, PartPath(directory_, part_)));
    return WriteMarker(directory_, marker);
  }

 private:
  Writer(std::string directory, std::unique_ptr<data::ParquetSink> sink, std::int64_t part)
      : directory_(std::move(directory)),
        unfinished_(directory_ + "/parts/unfinished"),
        sink_(std::move(sink)),
        part_(part) {}

  Status WriteAll(Handoff<WriteItem>& in) {
    while (std::optional<WriteItem> item = in.Pop()) TRY(WritePart(std::move(*item), in));
    return Ok();
  }

  Status WritePart(WriteItem first, Handoff<WriteItem>& in) {
    std::optional<WriteItem> item = std::move(first);
    std::optional<BatchMarker> marker;
    TRY(sink_->Write(unfinished_, [&]() -> Result<data::BlockSlice> {
      if (marker) return data::BlockSlice{};
      WriteItem now = item ? *std::exchange(item, std::nullopt) : in.Pop().value_or(WriteItem{});
      if (now.part_end) marker = std::move(now.part_end);
      if (!marker && now.slice.block == nullptr) return Cancelled("the rows ended within a part");
      return std::move(now.slice);
    }));
    TRY(PutInPlace(unfinished_, PartPath(directory_, part_)));
    ++part_;
    return WriteMarker(directory_, *marker);
  }

  std::string directory_;
  std::string unfinished_;
  std::unique_ptr<data::ParquetSink> sink_;
  std::int64_t part_;
  Status outcome_;
};

}  // namespace

Status PredictParts(const BatchJob& job, BatchMarker& marker) {
  TRY(MakeDirectories(job.directory + "/parts"));
  InputReader reader(job, marker);
  TRY(reader.Open());
  Predictor predictor(job, marker, reader);
  TRY(CheckNames(reader.stream().kept()->names(), predictor.added()));
  marker.kept_types = reader.query().kept;
  Writer writer = TRY(Writer::Make(job, reader.stream(), predictor.added(), marker.parts));
  Handoff<ReadRows> read(kBatchesAhead);
  Handoff<WriteItem> written(kBatchesAhead);
  std::thread reading([&] { reader.Run(read); });
  std::thread writing([&] { writer.Run(written); });
  Status predicted = predictor.Run(read, written);
  read.Close();
  written.Finish();
  reading.join();
  writing.join();
  if (!reader.outcome().ok()) return reader.outcome();
  if (!predicted.ok() && predicted.error().code != Code::kCancelled) return predicted;
  TRY(Status(writer.outcome()));
  if (marker.parts > 0) return Ok();
  marker.parts = 1;
  return writer.WriteEmpty(marker);
}

Status JoinParts(const std::string& directory, const BatchMarker& marker, const Json& metadata,
                 const std::string& output) {
  std::vector<std::string> paths;
  for (std::int64_t part = 0; part < marker.parts; ++part) paths.push_back(data::SqlText(PartPath(directory, part)));
  data::DuckdbSession session = TRY(OpenIn(directory, 2));
  const std::string whole = directory + "/whole.parquet";
  TRY(session.Execute(
      Cat("COPY (FROM read_parquet([", Join(paths, ", "), "])) TO ", data::SqlText(whole),
          " (FORMAT parquet, COMPRESSION zstd, KV_METADATA {millwright: ", data::SqlText(metadata.Dump()), "})"),
      whole));
  return PutInPlace(whole, output);
}

}  // namespace mw::steps
