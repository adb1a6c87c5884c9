// Loading and scoring.
#include "steps/scoring.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/file.h"
#include "base/text.h"

namespace mw::steps {
namespace {

constexpr std::int64_t kHourMicros = 3'600'000'000;

Result<float> EncodeSent(const schema::Encoder& encoder, int feature, const Json& value) {
  if (value.IsNull()) return encoder.EncodeMissing(feature);
  if (value.IsBool()) return encoder.EncodeBool(feature, value.AsBool());
  if (value.IsString()) return encoder.EncodeText(feature, value.AsString());
  if (value.IsNumber()) return encoder.EncodeNumber(feature, value.AsDouble());
  return InvalidArgument("a value of ", encoder.column(feature).name, " is neither number, text, bool nor null");
}

Result<std::vector<float>> EncodeWarmUp(const schema::Encoder& encoder, const wire::WarmUp& warm_up) {
  std::vector<float> values;
  for (const Json& row : warm_up.rows) {
    for (std::size_t i = 0; i < encoder.num_features(); ++i) {
      const Json* value = row.Find(encoder.feature_names()[i]);
      values.push_back(
          TRY(EncodeSent(encoder, static_cast<int>(i), value == nullptr ? Json() : *value).In("warmup.json")));
    }
  }
  return values;
}

Status CheckWarmUp(const LoadedModel& model) {
  const wire::WarmUp& expected = model.package.warm_up;
  const std::vector<float> values = TRY(EncodeWarmUp(model.encoder, expected));
  const std::size_t outputs = model.forest.num_outputs();
  std::vector<float> answers(expected.rows.size() * outputs);
  model.forest.Predict(values, expected.rows.size(), answers);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(answers[i]) == std::bit_cast<std::uint32_t>(expected.probabilities[i])) continue;
    return DataLoss("warm-up row ", i / outputs, ": this program answers ", answers[i],
                    ", the library that trained the model ", expected.probabilities[i], "; train it again");
  }
  return Ok();
}

}  // namespace

Result<LoadedModel> LoadModel(const std::string& directory) {
  wire::Package package = TRY(wire::ReadPackage(directory));
  const schema::Schema schema = TRY(schema::FromJson(package.schema).In("schema.json"));
  schema::Encoder encoder = TRY(schema::Encoder::Make(schema, package.info.features));
  if (!package.info.takes_rows()) {
    return Unimplemented("a model of ", package.info.framework, " that takes tensors is not evaluated here");
  }
  const std::string bytes = TRY(ReadFile(package.model_path, wire::kModelBytesMax));
  const auto format = forest::DetectFormat(bytes, package.model_path);
  if (!format) return DataLoss(package.info.model_file, " is no model that is known");
  forest::Forest forest = TRY(forest::Forest::Load(bytes, *format));
  const auto problem = goals::ProblemFromName(package.info.type);
  if (!problem) return InvalidArgument("package.json: type ", Quoted(package.info.type), " is not known here");
  LoadedModel model{std::move(package), std::move(encoder), std::move(forest), *problem};
  if (model.forest.num_outputs() != model.package.info.num_outputs()) {
    return InvalidArgument("model.json has ", model.forest.num_outputs(), " outputs, package.json ",
                           model.package.info.num_outputs());
  }
  if (model.forest.num_features() != model.encoder.num_features()) {
    return InvalidArgument("model.json has ", model.forest.num_features(), " features, package.json ",
                           model.encoder.num_features());
  }
  TRY(CheckWarmUp(model));
  return model;
}

std::vector<double> Score(const LoadedModel& model, const EncodedRows& rows) {
  std::vector<float> answers(rows.count * model.forest.num_outputs());
  model.forest.Predict(rows.values, rows.count, answers);
  return {answers.begin(), answers.end()};
}

std::vector<std::uint32_t> BlocksOf(const EncodedRows& rows, const std::vector<std::string>& columns) {
  if (rows.times.empty() && columns.empty()) return {};
  std::vector<const evaluation::SliceColumn*> parts;
  for (const std::string& column : columns) {
    const auto found =
        std::find_if(rows.texts.begin(), rows.texts.end(), [&](const auto& t) { return t.name == column; });
    MW_ASSERT(found != rows.texts.end());
    parts.push_back(&*found);
  }
  std::map<std::vector<std::int64_t>, std::uint32_t> numbers;
  std::vector<std::uint32_t> blocks;
  std::vector<std::int64_t> key;
  for (std::size_t row = 0; row < rows.count; ++row) {
    key.clear();
    if (!rows.times.empty()) key.push_back(rows.times[row] / kHourMicros);
    for (const evaluation::SliceColumn* part : parts) key.push_back(part->codes[row]);
    blocks.push_back(numbers.try_emplace(key, static_cast<std::uint32_t>(numbers.size())).first->second);
  }
  return blocks;
}

std::string DescribeBlocks(const std::string& event_time, const std::vector<std::string>& columns) {
  std::vector<std::string> parts = columns;
  if (!event_time.empty()) parts.insert(parts.begin(), Cat("hour of ", event_time));
  return parts.empty() ? std::string("row") : Join(parts, " x ");
}

}  // namespace mw::steps
