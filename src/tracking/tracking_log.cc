// What runs log: points, parameters once, tags.
#include "tracking/tracking.h"

#include <map>
#include <utility>

#include "base/text.h"
#include "tracking/checks.h"
#include "tracking/kept_value.h"
#include "tracking/logged_models.h"
#include "tracking/name_store.h"
#include "tracking/run_store.h"

namespace mw::tracking {
namespace {

using store::Texts;

Status Check(const LogBatch& batch) {
  const std::size_t size = batch.metrics.size() + batch.params.size() + batch.tags.size();
  if (size > Tracking::kEntriesMax) {
    return InvalidArgument(size, " metrics, parameters and tags in one batch; send at most ", Tracking::kEntriesMax,
                           " at a time");
  }
  for (const MetricPoint& point : batch.metrics) TRY(CheckKey(point.key, "metric"));
  TRY(CheckTexts(batch.params, "parameter"));
  return CheckTexts(batch.tags, "tag");
}

/// As Python shows a text.
std::string PythonText(std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == quote || c == '\\') out += '\\';
      out += c;
    }
  }
  return out += quote;
}

/// A parameter that has another value already.
struct Refused {
  std::string key, old_value, new_value;
};

Error RefusedParams(const RunId& id, const std::vector<Refused>& refused) {
  std::string list;
  for (const Refused& param : refused) {
    CatTo(list, list.empty() ? "" : ", ", "{'key': ", PythonText(param.key),
          ", 'old_value': ", PythonText(param.old_value), ", 'new_value': ", PythonText(param.new_value), "}");
  }
  return InvalidArgument("Changing param values is not allowed. Params were already logged='[", list, "]' for run ID='",
                         id.text(), "'.");
}

Result<std::vector<Refused>> SetParams(db::Transaction& transaction, const LogBatch& batch, std::int64_t run) {
  std::vector<Refused> refused;
  for (const auto& [key, value] : batch.params) {
    const std::int64_t name = TRY(store::NeedName(transaction, key));
    if (batch.param_rule == ParamRule::kOnce) {
      const auto known = TRY(store::FindText(transaction, Texts::kParams, run, name));
      if (known && *known != value) refused.push_back({key, *known, value});
      if (known) continue;
    }
    TRY(store::SetText(transaction, Texts::kParams, run, name, value));
  }
  return refused;
}

Status SetTags(db::Transaction& transaction, const RunId& id, std::int64_t run,
               const std::vector<std::pair<std::string, std::string>>& tags) {
  for (const auto& [key, value] : tags) {
    TRY(store::SetText(transaction, Texts::kTags, run, TRY(store::NeedName(transaction, key)), value));
    if (key != Tracking::kRunNameTag || value.empty()) continue;
    store::StoredRun renamed = TRY(MustFindRun(transaction, id));
    renamed.run.name = value;
    TRY(store::UpdateRun(transaction, run, renamed.run));
  }
  return Ok();
}

Result<std::vector<TailPoint>> Numbered(db::Transaction& transaction, const std::vector<MetricPoint>& metrics) {
  std::map<std::string_view, std::int64_t> names;
  std::vector<TailPoint> points;
  points.reserve(metrics.size());
  for (const MetricPoint& metric : metrics) {
    auto [at, is_new] = names.emplace(metric.key, 0);
    if (is_new) at->second = TRY(store::NeedName(transaction, metric.key));
    points.push_back({at->second, metric.point});
    points.back().point.value = KeptValue(metric.point.value);
  }
  return points;
}

Status LogTo(db::Transaction& transaction, const LogBatch& batch, std::vector<Refused>& refused) {
  const std::vector<TailPoint> points = TRY(Numbered(transaction, batch.metrics));
  std::string tail;
  AppendTail(tail, points);
  const auto run = TRY(store::TouchRun(transaction, batch.run, static_cast<std::int64_t>(tail.size())));
  if (!run) return NoRun(batch.run);
  TRY(MustBeActive(batch.run, run->stage));
  refused = TRY(SetParams(transaction, batch, run->place.run));
  if (!refused.empty()) return RefusedParams(batch.run, refused);
  if (!points.empty()) TRY(store::AppendPoints(transaction, run->place, tail, points));
  if (!batch.model_points.empty()) TRY(LoggedModels::Log(transaction, batch, run->place.run, points));
  return SetTags(transaction, batch.run, run->place.run, batch.tags);
}

}  // namespace

Status Tracking::Log(db::Transaction& transaction, const LogBatch& batch) {
  TRY(Check(batch));
  std::vector<Refused> refused;
  return LogTo(transaction, batch, refused);
}

Task<Status> Tracking::Log(LogBatch batch) {
  co_return co_await database_.Write([&](db::Transaction& t) { return Log(t, batch); });
}

Task<Status> Tracking::LogParam(RunId id, std::string key, std::string value) {
  LogBatch batch;
  batch.run = std::move(id);
  batch.params.emplace_back(std::move(key), std::move(value));
  CO_TRY(Check(batch));
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    std::vector<Refused> refused;
    Status logged = LogTo(t, batch, refused);
    if (refused.empty()) return logged;
    return InvalidArgument("Changing param values is not allowed. Param with key='", refused[0].key,
                           "' was already logged with value='", refused[0].old_value, "' for run ID='",
                           batch.run.text(), "'. Attempted logging new value '", refused[0].new_value, "'.");
  });
}

Task<Status> Tracking::DeleteTag(RunId id, std::string key) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const store::StoredRun run = TRY(MustFindActiveRun(t, id));
    const auto name = TRY(store::FindName(t, key));
    if (name && TRY(store::DeleteText(t, Texts::kTags, run.number, *name))) return Ok();
    return NotFound("No tag with name: ", key, " in run with id ", id.text());
  });
}

}  // namespace mw::tracking
