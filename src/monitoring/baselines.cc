// Reading baselines, schemas and models out of packages; making what windows are held against.
#include "monitoring/baselines.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "explain/attribution.h"
#include "monitoring/sampled_rows.h"
#include "monitoring/sketched_columns.h"
#include "schema/encoder.h"
#include "schema/slice.h"
#include "sketch/baseline_maker.h"
#include "sketch/sliced_baselines.h"
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
Status AddAttribution(blob::BlobStore& blobs, const std::string& digest, PackagedBaseline& out) {
  const std::string model = TRY(FileOf(blobs, digest, "model.json", wire::kModelBytesMax));
  out.shap = std::make_shared<explain::TreeShap>(TRY(explain::TreeShap::FromXgboostJson(model)));
  const std::size_t width = out.shap->num_features();
  if (width != out.features.size() || !out.view || out.view->features.size() != width) {
    out.shap.reset();
    return FailedPrecondition("the baseline has other features than the model");
  }
  const schema::Encoder encoder = TRY(schema::Encoder::Make(out.schema, out.features));
  const std::vector<float> rows =
      TRY(WarmUpRows(TRY(FileOf(blobs, digest, "warmup.json", wire::kWarmUpBytesMax)), encoder));
  const std::size_t count = rows.size() / width;
  std::vector<double> phi(count * (width + 1));
  out.shap->Explain(rows, count, phi);
  const std::vector<double> shares = explain::MeanAbsolute(phi, width);
  for (std::size_t i = 0; i < width; ++i) out.view->features[i].attribution = shares[i];
  return Ok();
}

/// The columns of the features; none when the schema lacks one.
std::vector<schema::Column> ColumnsOf(const schema::Schema& schema, const std::vector<std::string>& features) {
  std::vector<schema::Column> out;
  for (const std::string& feature : features) {
    const schema::Column* column = schema.Find(feature);
    if (column == nullptr) return {};
    out.push_back(*column);
  }
  return out;
}

bool HasColumns(const BaselineView& view, const std::vector<schema::Column>& columns) {
  return std::equal(view.features.begin(), view.features.end(), columns.begin(), columns.end(),
                    [](const BaselineColumn& a, const schema::Column& b) { return a.name == b.name; });
}

/// The slices that the package keeps; an older one keeps none.
Status AddSlices(blob::BlobStore& blobs, const std::string& digest, PackagedBaseline& out) {
  const Result<std::string> bytes = FileOf(blobs, digest, sketch::kSlicesFile, sketch::kSlicesBytesMax);
  if (!bytes.ok() && bytes.error().code == Code::kNotFound) return Ok();
  if (!bytes.ok()) return bytes.error();
  for (const sketch::BaselineSlice& slice : TRY(sketch::SlicesFromBytes(*bytes))) {
    BaselineView view = TRY(ViewOf(slice.baseline, &out.schema));
    if (!HasColumns(view, out.columns)) return DataLoss("a slice's baseline with other columns than the model");
    out.slices.push_back({{slice.column, slice.value}, std::move(view)});
  }
  return Ok();
}

/// A slice leans on its features as the whole does.
void TakeAttribution(const BaselineView& from, BaselineView& to) {
  if (from.features.size() != to.features.size()) return;
  for (std::size_t i = 0; i < to.features.size(); ++i) to.features[i].attribution = from.features[i].attribution;
}

// --- References ----------------------------------------------------------------------------------------------------

std::shared_ptr<const Detectors> MakeDetectors(BaselineView view, const Watched& watched) {
  return std::make_shared<const Detectors>(std::move(view), watched.length, watched.settings.Options());
}

std::shared_ptr<const Detectors> MakeSliceDetectors(BaselineView view, const Watched& watched) {
  return std::make_shared<const Detectors>(std::move(view), watched.length, watched.settings.SliceOptions());
}

std::string IdentityOf(const Watched& watched, std::string_view source) {
  return Sha256Hex(Cat(source, "\n", watched.endpoint, "\n", watched.version, "\n", watched.package->package, "\n",
                       watched.length.count(), "\n", ToJson(watched.settings).Dump()))
      .substr(0, 24);
}

/// Where the slice's rows are known by; nothing when the model sees no such column or value.
std::optional<SliceReference> ReferenceTo(const Slice& slice, const std::vector<schema::Column>& columns) {
  const auto column = std::find_if(columns.begin(), columns.end(),
                                   [&slice](const schema::Column& each) { return each.name == slice.column; });
  if (column == columns.end()) return std::nullopt;
  const std::optional<float> value = schema::SliceValue(*column, slice.value);
  if (!value) return std::nullopt;
  return SliceReference{slice, static_cast<std::size_t>(column - columns.begin()), *value, nullptr};
}

bool Wanted(const std::optional<std::vector<std::string>>& columns, const std::string& column) {
  return !columns || std::find(columns->begin(), columns->end(), column) != columns->end();
}

std::shared_ptr<const Reference> MakeTrained(const Watched& watched, const std::string& identity) {
  auto out = std::make_shared<Reference>();
  const PackagedBaseline& package = *watched.package;
  out->identity = identity;
  out->baseline.source = "training";
  if (!package.view) {
    out->baseline.reason = "the version's package has no baseline; train it again";
    return out;
  }
  out->baseline = SummaryOf(*package.view);
  out->detectors = MakeDetectors(*package.view, watched);
  for (const PackagedSlice& slice : package.slices) {
    if (!Wanted(watched.settings.slices, slice.slice.column)) continue;
    std::optional<SliceReference> reference = ReferenceTo(slice.slice, package.columns);
    if (!reference) continue;
    reference->detectors = MakeSliceDetectors(slice.view, watched);
    out->slices.push_back(*std::move(reference));
  }
  return out;
}

/// The most frequent values of a column, with their rows.
std::vector<std::pair<float, Places>> FrequentValues(const SampledRows& rows, std::size_t feature) {
  std::map<float, Places> places;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float value = rows.columns[feature][i];
    if (!std::isnan(value)) places[value].push_back(static_cast<std::uint32_t>(i));
  }
  std::vector<std::pair<float, Places>> out;
  for (auto& [value, at] : places) {
    if (at.size() >= sketch::kSliceRowsMin) out.emplace_back(value, std::move(at));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  if (out.size() > sketch::kSliceValuesMax) out.resize(sketch::kSliceValuesMax);
  return out;
}

BaselineView ViewOfSpan(const sketch::Baseline& baseline, const Watched& watched) {
  Result<BaselineView> view = ViewOf(baseline, &watched.package->schema);
  MW_ASSERT(view.ok());  // it was made a moment ago
  if (watched.package->view) TakeAttribution(*watched.package->view, *view);
  view->source = "production";
  view->from = watched.settings.baseline->from;
  view->until = watched.settings.baseline->until;
  return *std::move(view);
}

void AddSpanSlices(const Watched& watched, const SampledRows& rows, const std::vector<std::string>& columns,
                   Reference& out) {
  const std::vector<schema::Column>& all = watched.package->columns;
  for (const std::string& name : columns) {
    const auto column =
        std::find_if(all.begin(), all.end(), [&name](const schema::Column& each) { return each.name == name; });
    if (column == all.end()) continue;
    const auto feature = static_cast<std::size_t>(column - all.begin());
    for (const auto& [value, places] : FrequentValues(rows, feature)) {
      const std::optional<std::string> text = schema::SliceText(*column, value);
      if (!text || out.slices.size() == sketch::kSlicesMax) continue;
      const sketch::Baseline baseline =
          MakeBaseline(rows, places, all, sketch::kSliceEdges, sketch::kSlicesCountsMax / sketch::kSlicesMax);
      out.slices.push_back({{name, *text}, feature, value, MakeSliceDetectors(ViewOfSpan(baseline, watched), watched)});
    }
  }
}

std::shared_ptr<const Reference> MakeEarlier(const Watched& watched, const std::string& identity,
                                             const SampledRows& rows, const std::vector<std::string>& slices) {
  auto out = std::make_shared<Reference>();
  const Span& span = *watched.settings.baseline;
  out->identity = identity;
  out->baseline = {"production", span.from, span.until, static_cast<double>(rows.size()), 0, ""};
  if (watched.package->columns.empty()) {
    out->baseline.reason = "the version's package does not say what its features are; train it again";
    return out;
  }
  if (rows.size() < Baselines::kSpanRowsMin) {
    out->baseline.reason =
        Cat("version ", watched.version, " has ", rows.size(), " sampled rows in ", Name(span), ", a baseline takes ",
            Baselines::kSpanRowsMin, ": choose another span, or baseline=training");
    return out;
  }
  const sketch::Baseline baseline =
      MakeBaseline(rows, AllPlaces(rows), watched.package->columns, sketch::kBaselineEdges, sketch::kBaselineCountsMax);
  BaselineView view = ViewOfSpan(baseline, watched);
  out->baseline = SummaryOf(view);
  out->detectors = MakeDetectors(std::move(view), watched);
  AddSpanSlices(watched, rows, slices, *out);
  return out;
}

/// What a goal of that model looks at: its slices and its targets'.
void AddSlicesOf(const goals::StoredGoal& goal, const std::string& model, std::vector<std::string>& out) {
  const Result<goals::Goal> parsed = goals::ParseGoal(goal.source, goal.name);
  if (!parsed.ok() || parsed->model != model) return;
  const auto take = [&out](const std::vector<std::string>& columns) {
    for (const std::string& column : columns) {
      if (std::find(out.begin(), out.end(), column) == out.end()) out.push_back(column);
    }
  };
  take(parsed->slices);
  for (const goals::Target& target : parsed->targets) take(target.slices);
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
  out->schema =
      TRY(schema::FromJson(TRY(Json::Parse(TRY(FileOf(blobs, digest, "schema.json", wire::kSchemaBytesMax))))));
  out->columns = ColumnsOf(out->schema, out->features);
  const Result<std::string> bytes = FileOf(blobs, digest, sketch::kBaselineFile, sketch::kBaselineBytesMax);
  if (!bytes.ok() && bytes.error().code == Code::kNotFound) return std::shared_ptr<const PackagedBaseline>(out);
  if (!bytes.ok()) return bytes.error();
  out->view = TRY(ViewOf(TRY(sketch::Baseline::FromBytes(*bytes)), &out->schema));
  TRY(AddSlices(blobs, digest, *out));
  if (const Status status = AddAttribution(blobs, digest, *out); !status.ok()) {
    LogInfo("what a model leans on cannot be monitored",
            {{"model", info.model}, {"package", digest}, {"reason", status.error().ToString()}});
  }
  for (PackagedSlice& slice : out->slices) TakeAttribution(*out->view, slice.view);
  return std::shared_ptr<const PackagedBaseline>(out);
}

Task<Result<std::shared_ptr<const PackagedBaseline>>> Baselines::Of(std::string model, std::int64_t version) {
  const registry::ModelName name{std::string(kProject), model};
  const registry::ModelVersion known = CO_TRY(co_await registry_.GetVersion(name, std::to_string(version)));
  {
    const Lock lock(mutex_);
    if (const auto found = packages_.find(known.package); found != packages_.end()) co_return found->second;
  }
  const auto read = [&] { return ReadPackagedBaseline(blobs_, known.package); };
  std::shared_ptr<const PackagedBaseline> baseline = CO_TRY(co_await OnWorkers(workers_, read));
  const Lock lock(mutex_);
  if (packages_.size() >= kPackagesKept) packages_.clear();
  packages_[known.package] = baseline;
  co_return baseline;
}

Baselines::ReferencePointer Baselines::Known(const std::string& identity) {
  const Lock lock(mutex_);
  const auto found = references_.find(identity);
  return found == references_.end() ? nullptr : found->second;
}

void Baselines::Keep(const ReferencePointer& reference) {
  const Lock lock(mutex_);
  if (references_.size() >= kReferencesKept) references_.clear();
  references_[reference->identity] = reference;
}

Task<Result<Baselines::ReferencePointer>> Baselines::ReferenceAt(Watched watched, Timestamp start) {
  const bool earlier = watched.settings.baseline && start >= watched.settings.baseline->until;
  if (earlier) co_return co_await Earlier(std::move(watched));
  co_return co_await Trained(std::move(watched));
}

Task<Result<Baselines::ReferencePointer>> Baselines::Trained(Watched watched) {
  const std::string identity = IdentityOf(watched, "training");
  if (ReferencePointer known = Known(identity)) co_return known;
  const auto make = [&] { return MakeTrained(watched, identity); };
  ReferencePointer made = co_await OnWorkers(workers_, make);
  Keep(made);
  co_return made;
}

/// Rows that came to the span since make it another baseline.
Task<Result<Baselines::ReferencePointer>> Baselines::Earlier(Watched watched) {
  const Span span = *watched.settings.baseline;
  const predictions::WindowRange range{watched.endpoint, watched.version, span.from, span.until};
  std::int64_t pieces = 0;
  for (const predictions::WindowSummary& window : predictions_.Windows(range)) pieces += window.pieces;
  const std::vector<std::string> slices = CO_TRY(co_await SliceColumns(watched));
  const std::string identity = IdentityOf(watched, Cat("production ", pieces, " ", Join(slices, ",")));
  if (ReferencePointer known = Known(identity)) co_return known;
  const SampledRows rows =
      CO_TRY(co_await ReadSampledRows(predictions_, range, watched.package->columns, kSpanRowsMax));
  const auto make = [&] { return MakeEarlier(watched, identity, rows, slices); };
  ReferencePointer made = co_await OnWorkers(workers_, make);
  Keep(made);
  co_return made;
}

/// Those chosen, else those of the package and of the goals.
Task<Result<std::vector<std::string>>> Baselines::SliceColumns(const Watched& watched) {
  if (watched.settings.slices) co_return *watched.settings.slices;
  std::vector<std::string> out;
  for (const PackagedSlice& slice : watched.package->slices) {
    if (std::find(out.begin(), out.end(), slice.slice.column) == out.end()) out.push_back(slice.slice.column);
  }
  for (const goals::StoredGoal& goal : CO_TRY(co_await goals_.List(std::string(kProject)))) {
    AddSlicesOf(goal, watched.package->model, out);
  }
  co_return out;
}

}  // namespace mw::monitoring
