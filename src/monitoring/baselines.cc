// Reading baselines, schemas and models out of packages.
#include "monitoring/baselines.h"

#include <limits>

#include "base/log.h"
#include "blob/directory_artifact.h"
#include "explain/attribution.h"
#include "monitoring/sketched_columns.h"
#include "schema/encoder.h"
#include "schema/schema.h"
#include "wire/package.h"

namespace mw::monitoring {
namespace {

Result<std::string> FileOf(blob::BlobStore& blobs, const std::string& digest, std::string_view name,
                           std::size_t limit) {
  return blob::ReadFileOf(blobs, {digest, blob::ArtifactKind::kDirectory, 0}, name, limit);
}

Result<float> Encode(const schema::Encoder& encoder, int feature, const Json* value) {
  if (value == nullptr || value->IsNull()) return schema::Encoder::kMissing;
  if (value->IsBool()) return encoder.EncodeBool(feature, value->AsBool());
  if (value->IsString()) return encoder.EncodeText(feature, value->AsString());
  if (value->IsNumber()) return encoder.EncodeNumber(feature, value->AsDouble());
  return InvalidArgument("a warm-up row with a list or an object");
}

/// The warm-up rows as the model sees them, but for the last two, which were made up to try the server.
Result<std::vector<float>> WarmUpRows(const std::string& text, const schema::Encoder& encoder) {
  constexpr std::size_t kMadeUp = 2;
  const Json json = TRY(Json::Parse(text));
  const Json* rows = json.Find("rows");
  std::vector<float> out;
  if (rows == nullptr || !rows->IsArray() || rows->AsArray().size() <= kMadeUp) return out;
  for (std::size_t row = 0; row + kMadeUp < rows->AsArray().size(); ++row) {
    for (std::size_t i = 0; i < encoder.num_features(); ++i) {
      const Json* value = rows->AsArray()[row].Find(encoder.feature_names()[i]);
      out.push_back(TRY(Encode(encoder, static_cast<int>(i), value)));
    }
  }
  return out;
}

/// Fills in the model's explainer and what it leaned on in training.
Status AddAttribution(blob::BlobStore& blobs, const std::string& digest, const schema::Schema& schema,
                      PackagedBaseline& out) {
  const std::string model = TRY(FileOf(blobs, digest, "model.json", wire::kModelBytesMax));
  out.shap = std::make_shared<explain::TreeShap>(TRY(explain::TreeShap::FromXgboostJson(model)));
  const std::size_t width = out.shap->num_features();
  if (width != out.features.size() || !out.view || out.view->features.size() != width) {
    out.shap.reset();
    return FailedPrecondition("the baseline has other features than the model");
  }
  const schema::Encoder encoder = TRY(schema::Encoder::Make(schema, out.features));
  const std::vector<float> rows =
      TRY(WarmUpRows(TRY(FileOf(blobs, digest, "warmup.json", wire::kWarmUpBytesMax)), encoder));
  const std::size_t count = rows.size() / width;
  std::vector<double> phi(count * (width + 1));
  out.shap->Explain(rows, count, phi);
  const std::vector<double> shares = explain::MeanAbsolute(phi, width);
  for (std::size_t i = 0; i < width; ++i) out.view->features[i].attribution = shares[i];
  return Ok();
}

}  // namespace

Result<std::shared_ptr<const PackagedBaseline>> ReadPackagedBaseline(blob::BlobStore& blobs,
                                                                     const std::string& digest) {
  auto out = std::make_shared<PackagedBaseline>();
  out->package = digest;
  const wire::PackageInfo info =
      TRY(wire::ParsePackageInfo(TRY(FileOf(blobs, digest, "package.json", wire::kPackageJsonBytesMax))));
  out->model = info.model;
  out->features = info.features;
  const schema::Schema schema =
      TRY(schema::FromJson(TRY(Json::Parse(TRY(FileOf(blobs, digest, "schema.json", wire::kSchemaBytesMax))))));
  const Result<std::string> bytes = FileOf(blobs, digest, sketch::kBaselineFile, sketch::kBaselineBytesMax);
  if (!bytes.ok() && bytes.error().code == Code::kNotFound) return std::shared_ptr<const PackagedBaseline>(out);
  if (!bytes.ok()) return bytes.error();
  out->view = TRY(ViewOf(TRY(sketch::Baseline::FromBytes(*bytes)), &schema));
  if (const Status status = AddAttribution(blobs, digest, schema, *out); !status.ok()) {
    LogInfo("what a model leans on cannot be monitored",
            {{"model", info.model}, {"package", digest}, {"reason", status.error().ToString()}});
  }
  return std::shared_ptr<const PackagedBaseline>(out);
}

Task<Result<std::shared_ptr<const PackagedBaseline>>> Baselines::Of(std::string model, std::int64_t version) {
  const registry::ModelName name{"default", model};
  const registry::ModelVersion known = CO_TRY(co_await registry_.GetVersion(name, std::to_string(version)));
  {
    const Lock lock(mutex_);
    if (const auto found = packages_.find(known.package); found != packages_.end()) co_return found->second;
  }
  const auto read = [&] { return ReadPackagedBaseline(blobs_, known.package); };
  std::shared_ptr<const PackagedBaseline> baseline = CO_TRY(co_await OnWorkers(workers_, read));
  const Lock lock(mutex_);
  if (packages_.size() >= kKept) {
    packages_.clear();
    detectors_.clear();
  }
  packages_[known.package] = baseline;
  co_return baseline;
}

Task<std::shared_ptr<const Detectors>> Baselines::DetectorsOf(std::shared_ptr<const PackagedBaseline> baseline,
                                                              Duration length) {
  if (!baseline->view) co_return nullptr;
  const std::pair key(baseline->package, length);
  {
    const Lock lock(mutex_);
    if (const auto found = detectors_.find(key); found != detectors_.end()) co_return found->second;
  }
  const auto make = [&] { return std::make_shared<const Detectors>(*baseline->view, length, options_); };
  std::shared_ptr<const Detectors> detectors = co_await OnWorkers(workers_, make);
  const Lock lock(mutex_);
  detectors_[key] = detectors;
  co_return detectors;
}

}  // namespace mw::monitoring
