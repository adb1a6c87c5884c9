// The table of an experiment's runs, as the console reads it, and the views of it that people have named. Numbers that
// JSON lacks are null. Long lists are written as text at once: a value for each would be most of the work.
#include <bit>
#include <optional>
#include <utility>

#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "search/filter.h"
#include "tracking/run_table.h"
#include "tracking/views.h"

namespace mw::api::native {
namespace {

using tracking::ColumnKind;
using tracking::ExperimentId;
using tracking::RunLine;
using tracking::RunTable;
using tracking::Views;

ExperimentId ExperimentOf(const Request& request) { return ExperimentId(request.params.at("id")); }

Response TextResponse(std::string json) {
  Response response;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = std::move(json);
  return response;
}

void AppendJson(std::string& out, std::int64_t value) { CatTo(out, value); }
void AppendJson(std::string& out, double value) { AppendJsonNumber(out, value); }
void AppendJson(std::string& out, std::string_view value) { AppendJsonString(out, value); }

/// "name":[what `of` says of each]
template <typename Items, typename Of>
void AppendList(std::string& out, std::string_view name, const Items& items, Of of) {
  CatTo(out, out.empty() ? "{\"" : ",\"", name, "\":[");
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    of(out, item);
  }
  out += ']';
}

std::string LinesJson(const std::vector<RunLine>& lines) {
  std::string out;
  AppendList(out, "numbers", lines, [](std::string& o, const RunLine& line) { AppendJson(o, line.number); });
  AppendList(out, "ids", lines, [](std::string& o, const RunLine& line) { AppendJson(o, line.id.text()); });
  AppendList(out, "names", lines, [](std::string& o, const RunLine& line) { AppendJson(o, line.name); });
  AppendList(out, "statuses", lines,
             [](std::string& o, const RunLine& line) { AppendJson(o, tracking::StatusName(line.status)); });
  AppendList(out, "started", lines, [](std::string& o, const RunLine& line) { AppendJson(o, line.started); });
  AppendList(out, "ended", lines, [](std::string& o, const RunLine& line) {
    if (line.ended) return AppendJson(o, *line.ended);
    o += "null";
  });
  out += '}';
  return out;
}

Result<std::int64_t> IntOf(const Request& request, std::string_view name, std::int64_t otherwise) {
  const std::string* text = request.Query(name);
  if (text == nullptr) return otherwise;
  if (const auto value = ParseInt(*text)) return *value;
  return InvalidArgument(name, " is a number, not ", Quoted(*text));
}

Result<tracking::Stage> StageNamed(std::string_view name) {
  if (name == "active") return tracking::Stage::kActive;
  if (name == "deleted") return tracking::Stage::kDeleted;
  return InvalidArgument("stage is active or deleted, not ", Quoted(name));
}

Result<tracking::Stage> StageAsked(const Request& request) {
  const std::string* name = request.Query("stage");
  return name == nullptr ? tracking::Stage::kActive : StageNamed(*name);
}

/// "STARTED,ID" of the last line of the page before.
Result<std::optional<tracking::LinePlace>> PlaceOf(const Request& request) {
  const std::string* text = request.Query("before");
  if (text == nullptr) return std::optional<tracking::LinePlace>();
  const std::size_t comma = text->find(',');
  const auto started = ParseInt(std::string_view(*text).substr(0, comma));
  if (comma == std::string::npos || !started) return InvalidArgument("before is STARTED,ID, not ", Quoted(*text));
  return std::optional(tracking::LinePlace{*started, tracking::RunId(text->substr(comma + 1))});
}

Json PairsJson(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json::Object object;
  for (const auto& [key, value] : pairs) object.emplace_back(key, value);
  return object;
}

Json RowJson(const tracking::RunDetails& row) {
  Json::Object metrics;
  for (const auto& [key, point] : row.latest) metrics.emplace_back(key, point.value);
  const tracking::Run& run = row.run;
  return Json::Make({{"id", run.id.text()},
                     {"name", run.name},
                     {"user", run.user},
                     {"source", run.source},
                     {"status", tracking::StatusName(run.status)},
                     {"stage", tracking::StageName(run.stage)},
                     {"started", run.started},
                     {"ended", run.ended ? Json(*run.ended) : Json()},
                     {"metrics", std::move(metrics)},
                     {"params", PairsJson(row.params)},
                     {"tags", PairsJson(row.tags)}});
}

Json RowsJson(const std::vector<tracking::RunDetails>& rows) {
  Json list = Json::MakeArray();
  for (const tracking::RunDetails& row : rows) list.Append(RowJson(row));
  return list;
}

/// With `rows` the whole rows of so many of the first lines: what a page shows first comes in one answer.
Task<Result<Response>> Lines(RunTable& table, Request& request) {
  ExperimentId experiment = ExperimentOf(request);
  if (request.Query("after") != nullptr) {
    const std::int64_t after = CO_TRY(IntOf(request, "after", 0));
    const std::vector<RunLine> since = CO_TRY(co_await table.LinesSince(std::move(experiment), after));
    co_return TextResponse(LinesJson(since));
  }
  const tracking::Stage stage = CO_TRY(StageAsked(request));
  std::optional<tracking::LinePlace> before = CO_TRY(PlaceOf(request));
  const std::int64_t limit = CO_TRY(IntOf(request, "limit", RunTable::kLinesMax));
  const std::int64_t whole = CO_TRY(IntOf(request, "rows", 0));
  const std::vector<RunLine> lines =
      CO_TRY(co_await table.Lines(std::move(experiment), stage, std::move(before), limit));
  std::string json = LinesJson(lines);
  if (whole > 0) {
    std::vector<tracking::RunId> first;
    for (const RunLine& line : lines) {
      if (static_cast<std::int64_t>(first.size()) < whole) first.push_back(line.id);
    }
    const std::vector<tracking::RunDetails> rows = CO_TRY(co_await table.Rows(std::move(first)));
    json.pop_back();
    CatTo(json, ",\"rows\":", RowsJson(rows).Dump(), "}");
  }
  co_return TextResponse(std::move(json));
}

Task<Result<Response>> Rows(RunTable& table, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::vector<tracking::RunId> runs;
  if (const Json* ids = body.Find("runs"); ids != nullptr && ids->IsArray()) {
    for (const Json& id : ids->AsArray()) {
      if (!id.IsString()) co_return InvalidArgument("\"runs\" is a list of ids, not of ", id.Dump());
      runs.emplace_back(id.AsString());
    }
  }
  const std::vector<tracking::RunDetails> found = CO_TRY(co_await table.Rows(std::move(runs)));
  co_return net::JsonResponse(Json::Make({{"rows", RowsJson(found)}}));
}

Json ListJson(const std::vector<std::string>& texts) {
  Json list = Json::MakeArray();
  for (const std::string& text : texts) list.Append(text);
  return list;
}

Task<Result<Response>> Keys(RunTable& table, ExperimentId experiment) {
  const tracking::RunKeys keys = CO_TRY(co_await table.Keys(std::move(experiment)));
  co_return net::JsonResponse(Json::Make(
      {{"metrics", ListJson(keys.metrics)}, {"params", ListJson(keys.params)}, {"tags", ListJson(keys.tags)}}));
}

Response PackedResponse(std::string bytes) {
  Response response;
  response.headers = {{"Content-Type", "application/octet-stream"}};
  response.body = std::move(bytes);
  return response;
}

/// 8 bytes, little endian, as pages take them: a double or a word of bits.
template <typename Value>
void AppendPacked(std::string& out, Value value) {
  static_assert(std::endian::native == std::endian::little && sizeof value == 8);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool WantsPacked(const Request& request) {
  const std::string* accept = net::FindHeader(request.headers, "Accept");
  return accept != nullptr && *accept == "application/octet-stream";
}

std::string ColumnJson(const tracking::MetricColumn& column) {
  std::string out;
  AppendList(out, "numbers", column, [](std::string& o, const auto& cell) { AppendJson(o, cell.first); });
  AppendList(out, "values", column, [](std::string& o, const auto& cell) { AppendJson(o, cell.second); });
  return out += '}';
}

/// All numbers of runs, then all values, as doubles.
std::string PackedColumn(const tracking::MetricColumn& column) {
  std::string out;
  out.reserve(column.size() * 2 * sizeof(double));
  for (const auto& [number, value] : column) AppendPacked(out, static_cast<double>(number));
  for (const auto& [number, value] : column) AppendPacked(out, value);
  return out;
}

/// A value for each run, as of metrics.
std::string ColumnJson(const tracking::TextColumn& column) {
  std::vector<std::pair<std::int64_t, std::string_view>> cells;
  for (const tracking::TextGroup& group : column) {
    for (const std::int64_t run : group.runs) cells.emplace_back(run, group.text);
  }
  std::string out;
  AppendList(out, "numbers", cells, [](std::string& o, const auto& cell) { AppendJson(o, cell.first); });
  AppendList(out, "values", cells, [](std::string& o, const auto& cell) { AppendJson(o, cell.second); });
  return out += '}';
}

/// A double that says how many bytes of JSON follow: each text once and how many runs have it. Then the numbers of
/// these runs as doubles.
std::string PackedColumn(const tracking::TextColumn& column) {
  std::string texts;
  AppendList(texts, "values", column, [](std::string& o, const auto& group) { AppendJson(o, group.text); });
  AppendList(texts, "counts", column,
             [](std::string& o, const auto& group) { AppendJson(o, static_cast<std::int64_t>(group.runs.size())); });
  texts += '}';
  texts.resize((texts.size() + 7) / 8 * 8, ' ');
  std::string out;
  AppendPacked(out, static_cast<double>(texts.size()));
  out += texts;
  for (const tracking::TextGroup& group : column) {
    for (const std::int64_t run : group.runs) AppendPacked(out, static_cast<double>(run));
  }
  return out;
}

template <typename Column>
Response ColumnResponse(const Request& request, const Column& column) {
  return WantsPacked(request) ? PackedResponse(PackedColumn(column)) : TextResponse(ColumnJson(column));
}

Task<Result<Response>> ColumnOf(RunTable& table, Request& request) {
  ExperimentId experiment = ExperimentOf(request);
  if (const std::string* metric = request.Query("metric")) {
    std::string key = *metric;
    const auto column = CO_TRY(co_await table.Metrics(std::move(experiment), std::move(key)));
    co_return ColumnResponse(request, column);
  }
  const std::string* param = request.Query("param");
  const std::string* text = param != nullptr ? param : request.Query("tag");
  if (text == nullptr) co_return InvalidArgument("say which column: ?metric=NAME, ?param=NAME or ?tag=NAME");
  std::string key = *text;
  const ColumnKind kind = param != nullptr ? ColumnKind::kParam : ColumnKind::kTag;
  const auto column = CO_TRY(co_await table.Texts(std::move(experiment), kind, std::move(key)));
  co_return ColumnResponse(request, column);
}

std::string NumbersJson(const tracking::NumberSet& numbers) {
  std::string out;
  AppendList(out, "numbers", numbers.Numbers(), [](std::string& o, std::int64_t number) { AppendJson(o, number); });
  return out += '}';
}

/// A number as a double, then a bit for each number from there on.
std::string PackedNumbers(const tracking::NumberSet& numbers) {
  const auto [first, words] = numbers.Words();
  std::string out;
  AppendPacked(out, static_cast<double>(first));
  for (const std::uint64_t word : words) AppendPacked(out, word);
  return out;
}

Task<Result<Response>> Matches(RunTable& table, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  search::Filter filter = CO_TRY(search::ParseRunFilter(body.StringOr("filter", "")));
  const std::string stage_name = body.StringOr("stage", "active");
  std::optional<tracking::Stage> stage;  // "all": either
  if (stage_name != "all") stage = CO_TRY(StageNamed(stage_name));
  const tracking::NumberSet numbers = CO_TRY(co_await table.Matches(ExperimentOf(request), stage, std::move(filter)));
  co_return WantsPacked(request) ? PackedResponse(PackedNumbers(numbers)) : TextResponse(NumbersJson(numbers));
}

// ---- views ----

Task<Result<Response>> ListViews(Views& views, ExperimentId experiment) {
  const std::vector<tracking::View> found = CO_TRY(co_await views.List(std::move(experiment)));
  Json list = Json::MakeArray();
  for (const tracking::View& view : found) {
    Json state = CO_TRY(Json::Parse(view.state));
    list.Append(Json::Make(
        {{"name", view.name}, {"state", std::move(state)}, {"saved_by", view.saved_by}, {"updated", view.updated}}));
  }
  co_return net::JsonResponse(Json::Make({{"views", std::move(list)}}));
}

Task<Result<Response>> SaveView(Views& views, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  if (!body.IsObject()) co_return InvalidArgument("a view is a JSON object, not ", body.Dump().substr(0, 60));
  tracking::View view;
  view.experiment = ExperimentOf(request);
  view.name = request.params.at("name");
  view.state = body.Dump();
  view.saved_by = request.principal.name;
  CO_TRY(co_await views.Save(std::move(view)));
  co_return net::JsonResponse(Json::MakeObject());
}

Task<Result<Response>> DeleteView(Views& views, Request& request) {
  ExperimentId experiment = ExperimentOf(request);
  std::string name = request.params.at("name");
  CO_TRY(co_await views.Delete(std::move(experiment), std::move(name)));
  co_return net::JsonResponse(Json::MakeObject());
}

}  // namespace

void AddRunTableRoutes(net::RouteTable& routes, RunTable& table, Views& views) {
  const auto add = [&](Method method, std::string_view rest, Permission permission, net::SimpleHandler handler) {
    const std::size_t limit = method == Method::kGet || method == Method::kDelete ? 0 : kJsonBodyBytesMax;
    routes.Add({method, Cat("/api/v1/experiments/{id}/", rest), permission, limit, net::Simple(std::move(handler))});
  };
  add(Method::kGet, "runs", Permission::kRead, [&](Request& request) { return Lines(table, request); });
  add(Method::kPost, "rows", Permission::kRead, [&](Request& request) { return Rows(table, request); });
  add(Method::kGet, "keys", Permission::kRead, [&](Request& request) { return Keys(table, ExperimentOf(request)); });
  add(Method::kGet, "column", Permission::kRead, [&](Request& request) { return ColumnOf(table, request); });
  add(Method::kPost, "matches", Permission::kRead, [&](Request& request) { return Matches(table, request); });
  add(Method::kGet, "views", Permission::kRead,
      [&](Request& request) { return ListViews(views, ExperimentOf(request)); });
  add(Method::kPut, "views/{name...}", Permission::kWrite, [&](Request& request) { return SaveView(views, request); });
  add(Method::kDelete, "views/{name...}", Permission::kWrite,
      [&](Request& request) { return DeleteView(views, request); });
}

}  // namespace mw::api::native
