// Asks, compares, remembers.
#include "serving/library_check.h"

#include <sys/stat.h>

#include <bit>
#include <cstring>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/warm_up.h"

namespace mw::serving {
namespace {

constexpr Duration kAnswerTimeout = std::chrono::seconds(60);
constexpr std::size_t kVerdictBytesMax = 4096;

/// The library's predictions: by the forest's name for them, else the output that has as many.
Result<std::vector<double>> ValuesOf(const forest::Forest& forest, const TensorList& answer, std::size_t count) {
  const std::vector<std::string>& names = forest.output_names();
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const TensorView tensor = answer[i];
    const bool named = names.empty() || tensor.name == names.back();
    const std::size_t values = tensor.bytes.size() / sizeof(float);
    if (!named || tensor.datatype != Datatype::kFp32 || values != count * forest.num_outputs()) continue;
    std::vector<float> floats(values);
    std::memcpy(floats.data(), tensor.bytes.data(), tensor.bytes.size());
    return std::vector<double>(floats.begin(), floats.end());
  }
  return Unimplemented("it answers in another form");
}

template <typename Number>
std::vector<double> Predict(const forest::Forest& forest, const std::vector<float>& rows, std::size_t at_once) {
  const std::size_t width = forest.num_features(), count = rows.size() / width, outputs = forest.num_outputs();
  std::vector<Number> values(count * outputs);
  for (std::size_t row = 0; row < count; row += at_once) {
    const std::size_t some = std::min(at_once, count - row);
    forest.Predict(std::span(rows).subspan(row * width, some * width), some,
                   std::span(values).subspan(row * outputs, some * outputs));
  }
  return {values.begin(), values.end()};
}

std::vector<double> Predict(const forest::Forest& forest, const std::vector<float>& rows, std::size_t at_once) {
  return forest.double_precision() ? Predict<double>(forest, rows, at_once) : Predict<float>(forest, rows, at_once);
}

std::optional<std::size_t> FirstDifference(const std::vector<double>& ours, const std::vector<double>& theirs) {
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (std::bit_cast<std::uint64_t>(ours[i]) != std::bit_cast<std::uint64_t>(theirs[i])) return i;
  }
  return std::nullopt;
}

/// Whether "XGBoost 1.6.0" came before a file of "2.1.4". A file that does not say its version came first.
bool IsOlder(std::string_view library, std::string_view file) {
  const std::vector<std::string_view> theirs = Split(library.substr(library.rfind(' ') + 1), '.');
  const std::vector<std::string_view> wanted = Split(file, '.');
  for (std::size_t i = 0; i < std::min(theirs.size(), wanted.size()); ++i) {
    const std::int64_t has = ParseInt(theirs[i]).value_or(0), wants = ParseInt(wanted[i]).value_or(0);
    if (has != wants) return has < wants;
  }
  return false;
}

/// Changes with each program that is installed.
std::string ProgramMark() {
  struct stat program {};
  if (stat("/proc/self/exe", &program) != 0) return "unknown";
  return Cat(program.st_size, "-", program.st_mtim.tv_sec, "-", program.st_mtim.tv_nsec);
}

constexpr std::string_view kSame = "same", kDiffers = "differs";

}  // namespace

Result<LibraryAnswers> AskLibrary(const forest::Forest& forest, Backend& library, const std::vector<float>& rows) {
  const BackendInfo& info = library.info();
  if (info.inputs.size() != 1 || info.inputs[0].datatype != Datatype::kFp32) {
    return Unimplemented("it takes other inputs than one matrix of FP32");
  }
  const auto width = static_cast<std::int64_t>(forest.num_features());
  const std::int64_t shape[] = {static_cast<std::int64_t>(rows.size()) / width, width};
  WarmUpRequest request;
  const std::span<char> room =
      request.inputs.Add(info.inputs[0].name, Datatype::kFp32, shape, rows.size() * sizeof(float));
  std::memcpy(room.data(), rows.data(), room.size());
  const TensorList answer = TRY(Answer(library, request, kAnswerTimeout));
  LibraryAnswers out;
  out.by = info.library;
  out.values = TRY(ValuesOf(forest, answer, static_cast<std::size_t>(shape[0])));
  return out;
}

std::vector<double> OwnAnswers(const forest::Forest& forest, const std::vector<float>& rows) {
  return Predict(forest, rows, rows.size() / forest.num_features());
}

Verdict Compare(const forest::Forest& forest, const std::vector<float>& rows, const LibraryAnswers& theirs) {
  const std::size_t count = rows.size() / forest.num_features();
  for (const std::size_t at_once : {count, std::size_t{1}}) {
    const std::vector<double> ours = Predict(forest, rows, at_once);
    const std::optional<std::size_t> at = FirstDifference(ours, theirs.values);
    if (!at) continue;
    std::string said = Cat("row ", *at / forest.num_outputs(), " gives ", ours[*at], " here and ", theirs.values[*at],
                           " by ", theirs.by);
    if (!IsOlder(theirs.by, forest.library_version())) return {Verdict::Kind::kDiffers, std::move(said)};
    return {Verdict::Kind::kNotCompared, Cat("not judged by ", theirs.by, ", which is older than the model's file (",
                                             forest.library_version(), ") and reads it otherwise: ", said)};
  }
  return {Verdict::Kind::kSame, Cat("compared with ", theirs.by, ": ", count, " rows, every answer the same bits")};
}

std::string VerdictStore::PathOf(std::string_view model_bytes) const {
  static const std::string program = ProgramMark();
  return Cat(directory_, "/", Sha256Hex(Cat(Sha256Hex(model_bytes), program)), ".json");
}

std::optional<Verdict> VerdictStore::Find(std::string_view model_bytes) const {
  if (directory_.empty()) return std::nullopt;
  const auto bytes = ReadFile(PathOf(model_bytes), kVerdictBytesMax);
  if (!bytes.ok()) return std::nullopt;
  const auto json = Json::Parse(*bytes);
  if (!json.ok()) return std::nullopt;
  const std::string kind = json->StringOr("verdict", "");
  if (kind == kSame) return Verdict{Verdict::Kind::kSame, json->StringOr("said", "")};
  if (kind == kDiffers) return Verdict{Verdict::Kind::kDiffers, json->StringOr("said", "")};
  return std::nullopt;
}

void VerdictStore::Keep(std::string_view model_bytes, const Verdict& verdict) const {
  // A library that is not here today may be here tomorrow.
  if (directory_.empty() || verdict.kind == Verdict::Kind::kNotCompared) return;
  const bool same = verdict.kind == Verdict::Kind::kSame;
  const Json json = Json::Make({{"verdict", Json(same ? kSame : kDiffers)}, {"said", Json(verdict.said)}});
  Status kept = MakeDirectories(directory_);
  if (kept.ok()) kept = WriteFileDurably(PathOf(model_bytes), json.Dump());
  if (!kept.ok()) LogWarning("a comparison is not kept", {{"reason", Json(kept.error().ToString())}});
}

}  // namespace mw::serving
