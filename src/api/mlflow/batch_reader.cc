// simdjson's parser, whose tree is read without making one of our own.
#include "api/mlflow/batch_reader.h"

#include <simdjson.h>

#include <limits>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "api/mlflow/validation.h"

namespace mw::api::mlflow {
namespace {

namespace dom = simdjson::dom;
using tracking::LogBatch;
using tracking::MetricPoint;

/// Names that have been found good; a batch has the same ones again and again.
class GoodNames {
 public:
  bool Is(std::string_view name) {
    if (known_.contains(name)) return true;
    if (name.empty() || !CheckName("name", name).ok() || !CheckLength("name", name, kKeyCharactersMax).ok()) {
      return false;
    }
    known_.insert(name);
    return true;
  }

 private:
  std::unordered_set<std::string_view> known_;  // in the parser's own memory, which stays as long as a body is read
};

template <typename T>
bool Get(dom::element element, T& out) {
  return element.get(out) == simdjson::SUCCESS;
}

/// A number, or NaN and infinities as texts.
bool GetNumber(dom::element element, double& out) {
  if (Get(element, out)) return true;
  std::string_view text;
  if (!Get(element, text)) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") {
    out = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity" || text == "-Infinity") {
    out = text.front() == '-' ? -kInfinity : kInfinity;
  } else {
    return false;
  }
  return true;
}

constexpr unsigned kKey = 1, kValue = 2, kTime = 4, kStep = 8, kModel = 16, kDatasetName = 32, kDatasetDigest = 64;

/// What a metric says of the model that was measured.
bool ReadModelMember(std::string_view name, dom::element value, tracking::ModelPoint& out, unsigned& member) {
  std::string_view text;
  if (!Get(value, text)) return false;
  if (name == "model_id") {
    member = kModel;
    out.model = text;
    return true;
  }
  const bool is_name = name == "dataset_name";
  if (!is_name && name != "dataset_digest") return false;
  member = is_name ? kDatasetName : kDatasetDigest;
  (is_name ? out.dataset_name : out.dataset_digest) = text;
  return CheckLength(name, text, is_name ? kDatasetNameCharactersMax : kDatasetDigestCharactersMax).ok();
}

bool ReadMetric(dom::object object, GoodNames& names, MetricPoint& out, tracking::ModelPoint& model) {
  unsigned seen = 0;
  for (const auto [name, value] : object) {
    unsigned member = 0;
    bool read = false;
    if (name == "key") {
      std::string_view key;
      member = kKey;
      read = Get(value, key) && names.Is(key);
      out.key = key;
    } else if (name == "value") {
      member = kValue;
      read = GetNumber(value, out.point.value);
    } else if (name == "timestamp") {
      member = kTime;
      read = Get(value, out.point.time) && out.point.time >= 0;
    } else if (name == "step") {
      member = kStep;
      read = Get(value, out.point.step);
    } else {
      read = ReadModelMember(name, value, model, member);
    }
    if (!read || (seen & member) != 0) return false;
    seen |= member;
  }
  constexpr unsigned kRequired = kKey | kValue | kTime;
  return (seen & kRequired) == kRequired;
}

bool ReadText(dom::object object, GoodNames& names, std::size_t characters_max,
              std::pair<std::string, std::string>& out) {
  unsigned seen = 0;
  for (const auto [name, value] : object) {
    std::string_view text;
    const bool is_key = name == "key";
    const unsigned member = is_key ? kKey : kValue;
    if ((!is_key && name != "value") || (seen & member) != 0 || !Get(value, text)) return false;
    if (is_key && !names.Is(text)) return false;
    (is_key ? out.first : out.second) = is_key ? std::string(text) : Truncated(text, characters_max);
    seen |= member;
  }
  return seen == (kKey | kValue);
}

template <typename Element, typename Read>
bool ReadList(dom::element value, std::vector<Element>& out, std::size_t most, Read read) {
  dom::array array;
  if (!out.empty() || !Get(value, array) || array.size() > most) return false;
  out.reserve(array.size());
  for (const dom::element element : array) {
    dom::object object;
    if (!Get(element, object) || !read(object, out.emplace_back())) return false;
  }
  return true;
}

bool ReadMetrics(dom::element value, GoodNames& names, LogBatch& out) {
  return ReadList(value, out.metrics, kBatchMetricsMax, [&](dom::object each, MetricPoint& metric) {
    tracking::ModelPoint model;
    if (!ReadMetric(each, names, metric, model)) return false;
    if (model.model.empty()) return true;
    model.metric = out.metrics.size() - 1;
    out.model_points.push_back(std::move(model));
    return true;
  });
}

bool ReadBatch(dom::object object, LogBatch& out) {
  GoodNames names;
  const auto text = [&](std::size_t characters_max) {
    return
        [&names, characters_max](dom::object each, auto& read) { return ReadText(each, names, characters_max, read); };
  };
  for (const auto [name, value] : object) {
    bool read = false;
    if (name == "run_id") {
      std::string_view id;
      read = out.run.empty() && Get(value, id) && CheckRunId(id).ok();
      out.run = tracking::RunId(std::string(id));
    } else if (name == "metrics") {
      read = ReadMetrics(value, names, out);
    } else if (name == "params") {
      read = ReadList(value, out.params, kBatchParamsMax, text(kParamCharactersMax));
    } else if (name == "tags") {
      read = ReadList(value, out.tags, kBatchTagsMax, text(kTagCharactersMax));
    }
    if (!read) return false;
  }
  return !out.run.empty();
}

}  // namespace

std::optional<LogBatch> ReadPlainBatch(std::string& body) {
  thread_local dom::parser parser;
  const std::size_t size = body.size();
  body.reserve(size + simdjson::SIMDJSON_PADDING);
  dom::object object;
  if (parser.parse(body.data(), size, false).get(object) != simdjson::SUCCESS) return std::nullopt;
  LogBatch batch;
  if (!ReadBatch(object, batch)) return std::nullopt;
  const std::size_t entries = batch.metrics.size() + batch.params.size() + batch.tags.size();
  if (entries > kBatchMax || !CheckDoubles(batch.params).ok()) return std::nullopt;
  return batch;
}

}  // namespace mw::api::mlflow
