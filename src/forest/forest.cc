// The door: parses, makes the engines, and turns sums into predictions of either precision.
#include "forest/forest.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/text.h"
#include "forest/engine_set.h"
#include "forest/ensemble.h"
#include "forest/lightgbm_text.h"
#include "forest/onnx_model.h"
#include "forest/xgboost_json.h"
#include "forest/xgboost_ubj.h"

namespace mw::forest {

/// What the model is, and its engines, which look at it.
struct Plan {
  explicit Plan(Ensemble parsed) : ensemble(std::move(parsed)) {
    if (ensemble.double_precision) {
      engines.emplace<EngineSet<double>>(ensemble);
    } else {
      engines.emplace<EngineSet<float>>(ensemble);
    }
    for (const Tree& tree : ensemble.trees) max_depth = std::max(max_depth, tree.depth);
  }
  [[nodiscard]] std::size_t num_outputs() const { return NumPredictions(ensemble.epilogue, ensemble.num_outputs); }

  Ensemble ensemble;
  std::variant<std::monostate, EngineSet<float>, EngineSet<double>> engines;
  std::uint32_t max_depth = 0;
};

namespace {

/// Numbers of a block of rows that fit the stack, when sums are not written straight to where they belong.
constexpr std::size_t kNumbersOnStack = 2'048;
/// Blocks are of so many rows, or a multiple: the widest engine's.
constexpr std::size_t kBlockRows = 64;

/// Writes `count` x `width` numbers to `out` by way of a block of the precision that `fill` writes.
template <typename Own, typename Out, typename Fill>
void InBlocks(std::size_t count, std::size_t width, Out* out, const Fill& fill) {
  std::array<Own, kNumbersOnStack> on_stack;
  std::unique_ptr<Own[]> allocated;
  Own* own = on_stack.data();
  if (width > kNumbersOnStack / kBlockRows) {
    allocated = std::make_unique_for_overwrite<Own[]>(kBlockRows * width);
    own = allocated.get();
  }
  const std::size_t rows_max = allocated ? kBlockRows : kNumbersOnStack / width / kBlockRows * kBlockRows;
  for (std::size_t begin = 0; begin < count; begin += rows_max) {
    const std::size_t some = std::min(rows_max, count - begin);
    fill(begin, some, own);
    for (std::size_t i = 0; i < some * width; ++i) out[begin * width + i] = static_cast<Out>(own[i]);
  }
}

/// Calls `run` with the engines in the precision of the model's sums.
template <typename Run>
void WithEngines(const Plan& plan, const Run& run) {
  if (const auto* of_float = std::get_if<EngineSet<float>>(&plan.engines)) return run(*of_float, float{});
  run(*std::get_if<EngineSet<double>>(&plan.engines), double{});
}

/// Margins in the model's own precision, by the given sums.
template <typename Out, typename Sums>
void Margins(const Plan& plan, std::size_t count, std::span<Out> out, const Sums& sums) {
  const Ensemble& ensemble = plan.ensemble;
  const std::size_t width = ensemble.num_outputs;
  WithEngines(plan, [&](const auto& engines, auto zero) {
    using Own = decltype(zero);
    if constexpr (std::is_same_v<Own, Out>) {
      sums(engines, 0, count, out.data());
      FinishSums(ensemble.epilogue, width, count, out.data());
    } else {
      InBlocks<Own>(count, width, out.data(), [&](std::size_t begin, std::size_t some, Own* own) {
        sums(engines, begin, some, own);
        FinishSums(ensemble.epilogue, width, some, own);
      });
    }
  });
}

template <typename Out>
void PredictAs(const Plan& plan, std::span<const float> rows, std::size_t count, std::span<Out> out) {
  const Ensemble& ensemble = plan.ensemble;
  const std::size_t sums = ensemble.num_outputs, width = plan.num_outputs();
  MW_ASSERT(rows.size() == count * ensemble.num_features && out.size() >= count * width);
  WithEngines(plan, [&](const auto& engines, auto zero) {
    using Own = decltype(zero);
    const auto predict = [&](std::size_t begin, std::size_t some, Own* margins, Own* predictions) {
      engines.AddUp(rows.data() + begin * ensemble.num_features, some, margins);
      FinishSums(ensemble.epilogue, sums, some, margins);
      Predictions(ensemble.epilogue, sums, some, margins, predictions);
    };
    if constexpr (std::is_same_v<Own, Out>) {
      if (sums == width) return predict(0, count, out.data(), out.data());
    }
    if (sums == width) {
      return InBlocks<Own>(count, width, out.data(),
                           [&](std::size_t begin, std::size_t some, Own* own) { predict(begin, some, own, own); });
    }
    // Few models are of two widths; their margins are allocated.
    std::vector<Own> margins(std::min(count, kBlockRows) * sums);
    InBlocks<Own>(count, width, out.data(), [&](std::size_t begin, std::size_t some, Own* own) {
      for (std::size_t at = 0; at < some; at += kBlockRows) {
        predict(begin + at, std::min(kBlockRows, some - at), margins.data(), own + at * width);
      }
    });
  });
}

template <typename Out>
void MarginsAs(const Plan& plan, std::span<const float> rows, std::size_t count, std::span<Out> out) {
  const std::size_t width = plan.ensemble.num_features;
  MW_ASSERT(rows.size() == count * width && out.size() >= count * plan.ensemble.num_outputs);
  Margins(plan, count, out, [&](const auto& engines, std::size_t begin, std::size_t some, auto* sums) {
    engines.AddUp(rows.data() + begin * width, some, sums);
  });
}

template <typename Out>
void MarginsOn(const Plan& plan, Engine engine, std::span<const float> rows, std::size_t count, std::span<Out> out) {
  const std::size_t width = plan.ensemble.num_features;
  MW_ASSERT(rows.size() == count * width && out.size() >= count * plan.ensemble.num_outputs);
  Margins(plan, count, out, [&](const auto& engines, std::size_t begin, std::size_t some, auto* sums) {
    MW_ASSERT(engines.Fits(engine));
    engines.Get(engine)->AddUp(rows.data() + begin * width, some, sums);
  });
}

Result<Ensemble> Parse(std::string_view bytes, Format format) {
  switch (format) {
    case Format::kXgboostJson: return ParseXgboostJson(bytes);
    case Format::kXgboostUbj: return ParseXgboostUbj(bytes);
    case Format::kLightgbm: return ParseLightgbmText(bytes);
    case Format::kOnnx: return ParseOnnxModel(bytes);
  }
  return InvalidArgument("there is no such model format");
}

}  // namespace

std::string_view EngineName(Engine engine) {
  switch (engine) {
    case Engine::kWalk: return "walk";
    case Engine::kInterleaved: return "interleaved";
    case Engine::kBinnedSse: return "binned SSE";
    case Engine::kBinnedAvx2: return "binned AVX2";
    case Engine::kBinnedAvx512: return "binned AVX-512";
    case Engine::kMaskedAvx2: return "masked AVX2";
    case Engine::kMaskedAvx512: return "masked AVX-512";
  }
  return "";
}

std::string_view FormatName(Format format) {
  switch (format) {
    case Format::kXgboostJson: return "XGBoost JSON";
    case Format::kXgboostUbj: return "XGBoost UBJ";
    case Format::kLightgbm: return "LightGBM text";
    case Format::kOnnx: return "ONNX";
  }
  return "";
}

std::optional<Format> DetectFormat(std::string_view bytes, std::string_view file_name) {
  if (bytes.starts_with("{L") || bytes.starts_with("{i") || bytes.starts_with("{U")) return Format::kXgboostUbj;
  const std::string_view text = Trim(bytes.substr(0, 64));
  if (text.starts_with('{')) return Format::kXgboostJson;
  if (text.starts_with("tree\n") || text.starts_with("tree\r")) return Format::kLightgbm;
  // ModelProto begins with its ir_version, field 1: a small number.
  if (bytes.size() > 2 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 0x40) return Format::kOnnx;
  for (const auto& [ending, format] : {std::pair{".json", Format::kXgboostJson},
                                       {".ubj", Format::kXgboostUbj},
                                       {".txt", Format::kLightgbm},
                                       {".onnx", Format::kOnnx}}) {
    if (file_name.ends_with(ending)) return format;
  }
  return std::nullopt;
}

Forest::Forest(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
Forest::Forest(Forest&&) noexcept = default;
Forest& Forest::operator=(Forest&&) noexcept = default;
Forest::~Forest() = default;

Result<Forest> Forest::Load(std::string_view bytes, Format format) {
  Ensemble ensemble = TRY(Parse(bytes, format));
  return Forest(std::make_unique<const Plan>(std::move(ensemble)));
}

Result<Forest> Forest::FromXgboostJson(std::string_view json) { return Load(json, Format::kXgboostJson); }

std::size_t Forest::num_features() const { return plan_->ensemble.num_features; }
std::size_t Forest::num_outputs() const { return plan_->num_outputs(); }
std::size_t Forest::num_margins() const { return plan_->ensemble.num_outputs; }
std::size_t Forest::num_trees() const { return plan_->ensemble.trees.size(); }
std::size_t Forest::max_depth() const { return plan_->max_depth; }
const std::vector<std::string>& Forest::feature_names() const { return plan_->ensemble.feature_names; }
const std::vector<std::string>& Forest::feature_types() const { return plan_->ensemble.feature_types; }
const std::vector<std::string>& Forest::class_labels() const { return plan_->ensemble.class_labels; }
const std::vector<std::string>& Forest::output_names() const { return plan_->ensemble.output_names; }
Objective Forest::objective() const { return plan_->ensemble.objective; }
const std::string& Forest::objective_name() const { return plan_->ensemble.objective_name; }
const std::string& Forest::library_version() const { return plan_->ensemble.library_version; }
float Forest::base_score() const { return plan_->ensemble.base_score; }
bool Forest::double_precision() const { return plan_->ensemble.double_precision; }

bool Forest::Fits(Engine engine) const {
  bool fits = false;
  WithEngines(*plan_, [&](const auto& engines, auto) { fits = engines.Fits(engine); });
  return fits;
}

Engine Forest::EngineFor(std::size_t count) const {
  Engine engine = Engine::kWalk;
  WithEngines(*plan_, [&](const auto& engines, auto) { engine = engines.EngineFor(count); });
  return engine;
}

void Forest::Predict(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  PredictAs(*plan_, rows, count, out);
}
void Forest::Predict(std::span<const float> rows, std::size_t count, std::span<double> out) const {
  PredictAs(*plan_, rows, count, out);
}
void Forest::PredictMargin(std::span<const float> rows, std::size_t count, std::span<float> out) const {
  MarginsAs(*plan_, rows, count, out);
}
void Forest::PredictMargin(std::span<const float> rows, std::size_t count, std::span<double> out) const {
  MarginsAs(*plan_, rows, count, out);
}
void Forest::PredictMarginOn(Engine engine, std::span<const float> rows, std::size_t count,
                             std::span<float> out) const {
  MarginsOn(*plan_, engine, rows, count, out);
}
void Forest::PredictMarginOn(Engine engine, std::span<const float> rows, std::size_t count,
                             std::span<double> out) const {
  MarginsOn(*plan_, engine, rows, count, out);
}

std::vector<float> Forest::SampleRows(std::size_t count) const { return forest::SampleRows(plan_->ensemble, count); }

std::size_t Forest::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Tree& tree : plan_->ensemble.trees) {
    bytes += sizeof tree + tree.nodes.capacity() * sizeof(Node) + tree.leaf_values.capacity() * sizeof(double) +
             tree.covers.capacity() * sizeof(float);
  }
  for (const CategorySet& set : plan_->ensemble.category_sets) {
    bytes += sizeof set + set.right.capacity() * sizeof(std::uint32_t);
  }
  const auto of_engines = [](const auto& engines) -> std::size_t {
    if constexpr (std::is_same_v<std::decay_t<decltype(engines)>, std::monostate>)
      return 0;
    else
      return engines.memory_bytes();
  };
  return bytes + std::visit(of_engines, plan_->engines);
}

std::string Forest::Describe() const {
  std::string rates;
  WithEngines(*plan_, [&](const auto& engines, auto) { rates = engines.Describe(); });
  return Cat(num_trees(), " trees of depth <= ", max_depth(), " over ", num_features(), " features",
             num_margins() == 1 ? std::string() : Cat(" for ", num_margins(), " outputs"), "; rows/s: ", rates);
}

}  // namespace mw::forest
