// Encodes and decodes pieces: magic, format version, sections of (tag, bytes), checksum.
#include "wire/window_record.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/id.h"
#include "base/text.h"
#include "sketch/bytes.h"
#include "wire/class_name.h"

namespace mw::wire {
namespace {

using sketch::ByteReader;
using sketch::ByteWriter;

constexpr std::string_view kMagic = "MWWP";
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::int64_t kCountMax = std::int64_t{1} << 53;

enum Section : std::uint64_t {
  kOrigin = 1,
  kWindow = 2,
  kCounts = 3,
  kLatency = 4,
  kFeatures = 5,
  kPrediction = 6,
  kSample = 7,
  kClasses = 8,
  kRefusals = 9
};

/// 64 bits of a text, eight bytes at a time: the words are multiplied into one another, the end is stirred twice.
std::uint64_t HashText(std::string_view text) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio
  constexpr std::uint64_t kStir = 0xD6E8FEB86659FD93U;
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t hash = text.size();
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min<std::size_t>(8, text.size() - at));
    hash = (hash ^ word) * kOdd;
    hash ^= hash >> 32;
  }
  for (int round = 0; round < 2; ++round) {
    hash *= kStir;
    hash ^= hash >> 32;
  }
  return hash;
}

std::string_view AsBytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> ReadFloats(ByteReader& in, std::size_t count) {
  const std::string_view bytes = in.Raw(count * sizeof(float));
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void WriteSection(ByteWriter& out, Section tag, ByteWriter section) {
  out.Varint(tag);
  out.Text(section.Take());
}

/// Texts in order are often alike at their start: each is the length of what it shares with the one before, and the
/// rest.
void WriteTexts(ByteWriter& out, const std::vector<std::string>& texts) {
  std::string_view before;
  for (const std::string& text : texts) {
    const auto [end, _] = std::mismatch(text.begin(), text.end(), before.begin(), before.end());
    const auto shared = static_cast<std::size_t>(end - text.begin());
    out.Varint(shared);
    out.Text(std::string_view(text).substr(shared));
    before = text;
  }
}

std::vector<std::string> ReadTexts(ByteReader& in, std::size_t count, std::size_t bytes_max) {
  std::vector<std::string> texts;
  texts.reserve(count);
  std::string_view before;
  while (texts.size() < count && !in.failed()) {
    const std::uint64_t shared = in.Varint();
    if (shared > before.size()) in.Fail("a text shares more with the one before than that has");
    const std::string_view rest = in.Text(bytes_max);
    if (shared + rest.size() > bytes_max) in.Fail(Cat("a text of more than ", bytes_max, " bytes"));
    if (in.failed()) break;
    texts.push_back(Cat(before.substr(0, shared), rest));
    before = texts.back();
  }
  return texts;
}

ByteWriter OriginOf(const WindowPiece& piece) {
  ByteWriter out;
  out.Text(piece.server);
  out.Text(piece.boot);
  out.Varint(piece.sequence);
  return out;
}

void ReadOrigin(ByteReader& in, WindowPiece& piece) {
  piece.server = in.Text(kNameBytesMax);
  piece.boot = in.Text(kNameBytesMax);
  piece.sequence = in.Varint();
}

ByteWriter WindowOf(const WindowPiece& piece) {
  ByteWriter out;
  out.Text(piece.endpoint);
  out.Text(piece.model);
  out.Signed(piece.version);
  out.Signed(ToMicros(piece.window_start));
  out.Signed(piece.window_length.count());
  return out;
}

void ReadWindow(ByteReader& in, WindowPiece& piece) {
  piece.endpoint = in.Text(kNameBytesMax);
  piece.model = in.Text(kNameBytesMax);
  piece.version = in.Signed();
  piece.window_start = FromMicros(in.Signed());
  piece.window_length = Duration(in.Signed());
}

ByteWriter CountsOf(const WindowPiece& piece) {
  ByteWriter out;
  for (const std::int64_t count : {piece.rows, piece.sampled_rows, piece.dropped_rows, piece.requests, piece.failures,
                                   piece.flagged_rows, piece.future_rows}) {
    out.Signed(count);
  }
  out.Signed(ToMicros(piece.first_received));
  out.Signed(ToMicros(piece.last_received));
  out.F64(piece.sample_rate);
  return out;
}

void ReadCounts(ByteReader& in, WindowPiece& piece) {
  for (std::int64_t* count : {&piece.rows, &piece.sampled_rows, &piece.dropped_rows, &piece.requests, &piece.failures,
                              &piece.flagged_rows, &piece.future_rows}) {
    *count = in.Signed();
  }
  piece.first_received = FromMicros(in.Signed());
  piece.last_received = FromMicros(in.Signed());
  piece.sample_rate = in.F64();
}

ByteWriter SampleOf(const PredictionSample& sample, std::int64_t start_us) {
  ByteWriter out;
  out.Varint(sample.rows());
  out.Varint(sample.feature_names.size());
  out.U8(sample.keys.empty() ? 0 : 1);
  for (const std::string& name : sample.feature_names) out.Text(name);
  WriteTexts(out, sample.ids);
  WriteTexts(out, sample.keys);
  for (const std::int64_t time : sample.event_times_us) {
    out.Signed(time - start_us);
    start_us = time;
  }
  out.Raw(AsBytes(sample.predictions));
  out.Raw(AsBytes(sample.features));
  return out;
}

void ReadSample(ByteReader& in, std::int64_t start_us, PredictionSample& sample) {
  const std::size_t rows = in.Count(kSampleRowsMax, 2);
  const std::size_t width = in.Count(kSampleFeaturesMax);
  const bool has_keys = in.U8() != 0;
  while (sample.feature_names.size() < width && !in.failed()) {
    sample.feature_names.emplace_back(in.Text(sketch::kColumnNameBytesMax));
  }
  sample.ids = ReadTexts(in, rows, kSampleIdBytesMax);
  if (has_keys) sample.keys = ReadTexts(in, rows, kSampleKeyBytesMax);
  auto time = static_cast<std::uint64_t>(start_us);  // sums of hostile numbers wrap, and are refused later
  for (std::size_t row = 0; row < rows && !in.failed(); ++row) {
    time += static_cast<std::uint64_t>(in.Signed());
    sample.event_times_us.push_back(static_cast<std::int64_t>(time));
  }
  sample.predictions = ReadFloats(in, rows);
  sample.features = ReadFloats(in, rows * width);
}

ByteWriter ClassesOf(const PredictionSample& sample) {
  ByteWriter out;
  out.Varint(sample.class_names.size());
  for (const std::string& name : sample.class_names) out.Text(name);
  out.Raw(AsBytes(sample.class_probabilities));
  return out;
}

/// Behind the sample: it has as many rows.
void ReadClasses(ByteReader& in, PredictionSample& sample) {
  const std::size_t classes = in.Count(kSampleClassesMax);
  while (sample.class_names.size() < classes && !in.failed()) {
    sample.class_names.emplace_back(in.Text(kClassNameBytesMax));
  }
  sample.class_probabilities = ReadFloats(in, sample.rows() * classes);
}

ByteWriter RefusalsOf(const WindowPiece& piece) {
  ByteWriter out;
  out.Signed(piece.refused);
  return out;
}

Result<sketch::ColumnProfile> ReadPrediction(ByteReader& in) {
  sketch::ColumnProfile profile = TRY(sketch::ColumnProfile::Read(in));
  if (!profile.numeric() && profile.kind() != sketch::ValueKind::kCategory) {
    return InvalidArgument("predictions are neither numbers nor classes");
  }
  return profile;
}

Status ReadSection(std::uint64_t tag, ByteReader& in, WindowPiece& piece) {
  switch (tag) {
    case kOrigin: ReadOrigin(in, piece); break;
    case kWindow: ReadWindow(in, piece); break;
    case kCounts: ReadCounts(in, piece); break;
    case kLatency: piece.latency = TRY(LatencyHistogram::Read(in)); break;
    case kFeatures: piece.features = TRY(sketch::Profile::Read(in)); break;
    case kPrediction: piece.prediction = TRY(ReadPrediction(in)); break;
    case kSample: ReadSample(in, ToMicros(piece.window_start), piece.sample); break;
    case kClasses: ReadClasses(in, piece.sample); break;
    case kRefusals: piece.refused = in.Signed(); break;
    default: return Ok();  // of a newer version
  }
  return in.CheckEnd();
}

Status CheckNames(const WindowPiece& piece) {
  for (const auto& [what, name] : {std::pair<std::string_view, const std::string&>{"server", piece.server},
                                   {"boot", piece.boot},
                                   {"endpoint", piece.endpoint},
                                   {"model", piece.model}}) {
    if (!IsName(name)) return InvalidArgument(what, " is ", Quoted(name), "; names are letters, digits, '.', '_', '-'");
  }
  return Ok();
}

Status CheckWindow(const WindowPiece& piece) {
  if (piece.window_length != kWindowLength || WindowStart(piece.window_start) != piece.window_start) {
    return InvalidArgument("the window is ", piece.window_length.count(), " us from ", ToMicros(piece.window_start),
                           " us; windows are whole hours");
  }
  const std::int64_t start = ToMicros(piece.window_start);
  const std::int64_t end = start + kWindowLength.count();
  for (const std::int64_t time : piece.sample.event_times_us) {
    if (time < start || time >= end) return InvalidArgument("event time ", time, " us is outside of the window");
  }
  return Ok();
}

Status CheckPart(std::string_view what, std::int64_t part, std::int64_t whole) {
  if (part >= 0 && part <= whole) return Ok();
  return InvalidArgument(what, " is ", part, "; expected 0 to ", whole);
}

Status CheckCounts(const WindowPiece& piece) {
  TRY(CheckPart("rows", piece.rows, kCountMax));
  TRY(CheckPart("requests", piece.requests, kCountMax));
  TRY(CheckPart("sampled_rows", piece.sampled_rows, piece.rows));
  TRY(CheckPart("dropped_rows", piece.dropped_rows, piece.rows - piece.sampled_rows));
  TRY(CheckPart("failures", piece.failures, piece.requests));
  TRY(CheckPart("refused", piece.refused, piece.requests - piece.failures));
  TRY(CheckPart("rows of prediction", static_cast<std::int64_t>(piece.prediction.rows()), piece.rows));
  TRY(CheckPart("flagged_rows", piece.flagged_rows, static_cast<std::int64_t>(piece.prediction.rows())));
  TRY(CheckPart("future_rows", piece.future_rows, piece.rows));
  if (!(piece.sample_rate >= 0 && piece.sample_rate <= 1)) {
    return InvalidArgument("sample_rate is ", piece.sample_rate, "; expected 0 to 1");
  }
  return Ok();
}

Status CheckClasses(const PredictionSample& sample) {
  if (sample.class_names.size() > kSampleClassesMax) {
    return InvalidArgument("the sample has ", sample.class_names.size(), " classes; at most ", kSampleClassesMax);
  }
  std::vector<std::string_view> names(sample.class_names.begin(), sample.class_names.end());
  std::sort(names.begin(), names.end());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!IsClassName(names[i])) return InvalidArgument("a class of the sample has the name ", Quoted(names[i]));
    if (i > 0 && names[i] == names[i - 1]) return InvalidArgument("the sample has two classes ", Quoted(names[i]));
  }
  if (sample.class_probabilities.size() != sample.rows() * names.size()) {
    return InvalidArgument("the sample has ", sample.class_probabilities.size(), " probabilities for ", sample.rows(),
                           " rows of ", names.size(), " classes");
  }
  for (const float probability : sample.class_probabilities) {
    if (!(probability >= 0 && probability <= 1)) {
      return InvalidArgument("a class has the probability ", probability, "; expected 0 to 1");
    }
  }
  return Ok();
}

Status CheckSample(const WindowPiece& piece) {
  if (piece.sample.rows() != static_cast<std::size_t>(piece.sampled_rows)) {
    return InvalidArgument("the sample has ", piece.sample.rows(), " rows, sampled_rows is ", piece.sampled_rows);
  }
  TRY(CheckClasses(piece.sample));
  for (const sketch::ColumnProfile& column : piece.features.columns()) {
    if (column.rows() == piece.sample.rows()) continue;
    return InvalidArgument("the profile of ", Quoted(column.name()), " has ", column.rows(), " rows, the sample has ",
                           piece.sample.rows());
  }
  return Ok();
}

Result<std::string_view> CheckedBody(std::string_view bytes) {
  if (bytes.size() > kPieceBytesMax) {
    return InvalidArgument("a piece of ", bytes.size(), " bytes; at most ", kPieceBytesMax);
  }
  if (bytes.size() < kMagic.size() + kChecksumBytes || !bytes.starts_with(kMagic)) {
    return DataLoss("the bytes are no piece of a window");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (ByteReader(bytes.substr(body.size())).U64() != HashText(body)) {
    return DataLoss("a piece of a window is damaged: its checksum differs");
  }
  return body.substr(kMagic.size());
}

}  // namespace

Timestamp WindowStart(Timestamp event_time) { return std::chrono::floor<std::chrono::hours>(event_time); }

std::uint64_t SampleHash(std::string_view prediction_id) { return HashText(prediction_id); }

bool InSample(std::uint64_t hash, double rate) {
  return rate >= 1 || (rate > 0 && hash < static_cast<std::uint64_t>(std::ldexp(rate, 64)));
}

void LatencyHistogram::Add(Duration latency, std::uint64_t count) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(0, latency.count()));
  constexpr int kSubBits = std::countr_zero(static_cast<unsigned>(kSubBuckets));
  int index = static_cast<int>(us);
  if (us >= kSubBuckets) {
    const int octave = static_cast<int>(std::bit_width(us)) - 1 - kSubBits;
    index = octave < kOctaves ? kSubBuckets * octave + static_cast<int>(us >> octave) : kBuckets - 1;
  }
  counts_[static_cast<std::size_t>(index)] += count;
  count_ += count;
  sum_us_ += static_cast<std::int64_t>(us) * static_cast<std::int64_t>(count);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_us_ += other.sum_us_;
}

Duration LatencyHistogram::UpperEnd(int bucket) {
  if (bucket < kSubBuckets) return Duration(bucket);
  const int octave = bucket / kSubBuckets - 1;
  const std::int64_t place = bucket % kSubBuckets + kSubBuckets;
  return Duration(((place + 1) << octave) - 1);
}

Duration LatencyHistogram::Quantile(double share) const {
  if (count_ == 0) return Duration(0);
  const double wanted = std::max(1.0, std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[static_cast<std::size_t>(bucket)];
    if (static_cast<double>(seen) >= wanted) return UpperEnd(bucket);
  }
  return UpperEnd(kBuckets - 1);
}

void LatencyHistogram::Write(ByteWriter& out) const {
  out.Signed(sum_us_);
  out.Varint(static_cast<std::uint64_t>(std::count_if(counts_.begin(), counts_.end(), [](auto n) { return n > 0; })));
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    out.Varint(i);
    out.Varint(counts_[i]);
  }
}

Result<LatencyHistogram> LatencyHistogram::Read(ByteReader& in) {
  LatencyHistogram histogram;
  histogram.sum_us_ = in.Signed();
  const std::size_t filled = in.Count(kBuckets, 2);
  for (std::size_t i = 0; i < filled && !in.failed(); ++i) {
    const std::uint64_t bucket = in.Varint();
    const std::uint64_t count = in.Varint();
    if (bucket >= kBuckets || count > static_cast<std::uint64_t>(kCountMax)) in.Fail("a latency bucket is impossible");
    if (in.failed()) break;
    histogram.counts_[bucket] += count;
    histogram.count_ += count;
  }
  TRY(in.Check());
  return histogram;
}

std::string ToBytes(const WindowPiece& piece) {
  ByteWriter out;
  out.Raw(kMagic);
  out.Varint(kWindowPieceFormatVersion);
  WriteSection(out, kOrigin, OriginOf(piece));
  WriteSection(out, kWindow, WindowOf(piece));
  WriteSection(out, kCounts, CountsOf(piece));
  ByteWriter latency, features, prediction;
  piece.latency.Write(latency);
  piece.features.Write(features);
  piece.prediction.Write(prediction);
  WriteSection(out, kLatency, std::move(latency));
  WriteSection(out, kFeatures, std::move(features));
  WriteSection(out, kPrediction, std::move(prediction));
  WriteSection(out, kSample, SampleOf(piece.sample, ToMicros(piece.window_start)));
  if (!piece.sample.class_names.empty()) WriteSection(out, kClasses, ClassesOf(piece.sample));
  if (piece.refused != 0) WriteSection(out, kRefusals, RefusalsOf(piece));
  std::string bytes = out.Take();
  ByteWriter checksum;
  checksum.U64(HashText(bytes));
  return bytes + checksum.Take();
}

Result<WindowPiece> WindowPieceFromBytes(std::string_view bytes) {
  ByteReader in(TRY(CheckedBody(bytes)));
  const std::uint64_t version = in.Varint();
  if (version > kWindowPieceFormatVersion) {
    return FailedPrecondition("a piece of a window has format_version ", version, ", this program reads up to ",
                              kWindowPieceFormatVersion, "; upgrade millwright on this machine");
  }
  WindowPiece piece;
  std::uint64_t last_tag = 0;
  while (in.remaining() > 0) {
    const std::uint64_t tag = in.Varint();
    if (tag <= last_tag) in.Fail("sections are out of order");
    last_tag = tag;
    ByteReader section(in.Text(kPieceBytesMax));
    if (!in.failed()) TRY(ReadSection(tag, section, piece).In(Cat("section ", tag)));
  }
  TRY(in.Check());
  TRY(CheckNames(piece));
  TRY(CheckWindow(piece));
  TRY(CheckCounts(piece));
  TRY(CheckSample(piece));
  return piece;
}

void AppendToFrame(std::string& frame, std::string_view piece_bytes) {
  ByteWriter length;
  length.Varint(piece_bytes.size());
  frame += length.Take();
  frame += piece_bytes;
}

Result<std::vector<std::string_view>> SplitFrame(std::string_view frame) {
  if (frame.size() > kFrameBytesMax) {
    return ResourceExhausted("a frame of ", frame.size(), " bytes; at most ", kFrameBytesMax);
  }
  std::vector<std::string_view> pieces;
  ByteReader in(frame);
  while (in.remaining() > 0) {
    if (pieces.size() == kFramePiecesMax) return ResourceExhausted("a frame of more than ", kFramePiecesMax, " pieces");
    pieces.push_back(in.Text(kPieceBytesMax));
    TRY(in.Check().In("frame of window pieces"));
    TRY(CheckedBody(pieces.back()).In(Cat("piece ", pieces.size() - 1)));
  }
  return pieces;
}

Result<std::vector<WindowPiece>> WindowPiecesFromFrame(std::string_view frame) {
  std::vector<WindowPiece> pieces;
  for (const std::string_view bytes : TRY(SplitFrame(frame))) {
    pieces.push_back(TRY(WindowPieceFromBytes(bytes).In(Cat("piece ", pieces.size()))));
  }
  return pieces;
}

}  // namespace mw::wire
