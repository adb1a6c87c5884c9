// split: rows into train, stop_early and evaluate: by event time, or by the hash of what names a row.
#include <tuple>

#include "base/yaml.h"
#include "data/split.h"
#include "steps/data_task.h"
#include "steps/step_options.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

bool IsDate(std::string_view text) { return text.size() == 10 && text[4] == '-' && text[7] == '-'; }

/// Times of the options: a date is midnight in `zone`; anything else carries its own zone.
class TimeReader {
 public:
  TimeReader(data::DuckdbSession& session, std::string zone) : session_(session), zone_(std::move(zone)) {}

  /// `before` is taken off: whole days as calendar days, so midnight stays midnight over a clock change.
  Result<Timestamp> Read(const Json& value, Duration before = Duration(0)) {
    if (!value.IsString()) return InvalidArgument(value.Dump(), " is no time; write 2013-04-01");
    if (!IsDate(value.AsString())) return TRY(ParseTime(value.AsString()))
    -before;
    TRY(ParseTime(value.AsString()));  // says what is wrong with a date
    const auto days = std::chrono::duration_cast<std::chrono::days>(before);
    const std::string local = Cat("TIMESTAMP ", data::SqlText(value.AsString()), " - to_days(", days.count(), ")");
    const auto rows =
        TRY(session_.Query(Cat("SELECT timezone(", data::SqlText(zone_), ", ", local, ")")).In("timezone"));
    return TRY(ParseTime(rows[0][0].AsString()))
    -(before - days);
  }

 private:
  data::DuckdbSession& session_;
  std::string zone_;
};

Result<Timestamp> StopEarlyFrom(const StepTask& task, const Json& train_until, Timestamp until, TimeReader& times) {
  const Json* option = task.with.Find("stop_early_on");
  if (option == nullptr || option->IsNull()) return until;
  if (option->IsString())
    return times.Read(train_until, TRY(ParseDuration(option->AsString()).In("with.stop_early_on")));
  if (!option->IsArray() || option->AsArray().size() != 2) {
    return InvalidArgument("with.stop_early_on must be a duration or [from, until], not ", option->Dump());
  }
  if (TRY(times.Read(option->AsArray()[1]).In("with.stop_early_on")) != until) {
    return InvalidArgument("with.stop_early_on ends at ", option->AsArray()[1].Dump(),
                           "; it must end where train does, ", train_until.Dump());
  }
  return times.Read(option->AsArray()[0]).In("with.stop_early_on");
}

Result<Timestamp> EvaluateUntil(const StepTask& task, const data::Dataset& rows, Timestamp train_until,
                                data::DuckdbSession& session, TimeReader& times) {
  const Json* option = task.with.Find("evaluate_until");
  if (option != nullptr && !option->IsNull()) return times.Read(*option).In("with.evaluate_until");
  const std::string time = data::SqlName(rows.roles.event_time);
  const auto last = TRY(session.Query(Cat("SELECT max(", time, ") FROM ", kRowsTable)));
  if (last[0][0].IsNull()) return train_until;
  return std::max(train_until, TRY(ParseTime(last[0][0].AsString())) + Duration(1));
}

Result<data::SplitPlan> ReadPlan(const StepTask& task, const data::Dataset& rows, data::DuckdbSession& session) {
  const Json* train = task.with.Find("train");
  if (train == nullptr || !train->IsArray() || train->AsArray().size() != 2) {
    return InvalidArgument("step ", Quoted(task.step), " (split): with.train must be [from, until]");
  }
  TimeReader times(session, TRY(TextOption(task, "timezone", "UTC")));
  const Json& until_option = train->AsArray()[1];
  const Timestamp from = TRY(times.Read(train->AsArray()[0]).In("with.train"));
  const Timestamp until = TRY(times.Read(until_option).In("with.train"));
  return data::PlanSplit({from, until}, TRY(StopEarlyFrom(task, until_option, until, times)),
                         TRY(EvaluateUntil(task, rows, until, session, times)));
}

/// Rows of the part's time and how many of them have no label, or learned it too late.
Result<Json> DescribePart(data::DuckdbSession& session, const data::Roles& roles, std::string_view name,
                          data::TimeRange part, Timestamp labels_known_by) {
  const data::Roles any_label{roles.event_time, "", "", ""};
  const data::Roles labelled{roles.event_time, "", "", roles.label};
  const auto count = [&](const data::Roles& by) {
    return Cat("count(*) FILTER (", data::PartCondition(by, part, labels_known_by), ")");
  };
  const auto counts = TRY(
      session.Query(Cat("SELECT ", count(any_label), ", ", count(labelled), ", ", count(roles), " FROM ", kRowsTable)))
  [0];
  const std::int64_t in_time = counts[0].AsInt();
  const std::int64_t with_label = counts[1].AsInt();
  const std::int64_t kept = counts[2].AsInt();
  return Json::Make({{"part", name},
                     {"from", FormatTime(part.from)},
                     {"until", FormatTime(part.until)},
                     {"rows", kept},
                     {"unlabelled", in_time - with_label},
                     {"known_too_late", with_label - kept}});
}

struct Part {
  std::string_view name;
  std::string condition;  ///< SQL
  Json description;
  bool wanted = true;  ///< without a single row it would be no split
};

Result<data::Dataset> WritePart(const StepTask& task, data::DuckdbSession& session, const data::Dataset& rows,
                                const Part& part) {
  data::DatasetSpec spec;
  spec.roles = rows.roles;
  spec.sources = InputDigests(task);
  spec.declared = rows.columns;
  // Types stay those of all rows; a model may know only the categories that its part has seen.
  for (schema::Column& column : spec.declared) column.vocabulary.clear();
  spec.split = part.description;
  if (part.wanted && spec.split.IntOr("rows", 0) == 0) {
    return InvalidArgument("no labelled row in ", part.name, "; look at the rows",
                           rows.roles.event_time.empty() ? std::string(" and the shares")
                                                         : Cat("' times: ", rows.roles.event_time,
                                                               ", and at what the split says: ", spec.split.Dump()));
  }
  const std::string sql = Cat("SELECT * FROM ", kRowsTable, " WHERE ", part.condition);
  return data::WriteDataset(session, sql, spec, TRY(task.Output(part.name)));
}

Result<std::vector<Part>> PartsByTime(const StepTask& task, data::DuckdbSession& session, const data::Dataset& rows) {
  for (const std::string_view other : {"by", "evaluate", "stop_early", "seed"}) {
    if (task.with.Find(other) == nullptr) continue;
    return InvalidArgument("step ", Quoted(task.step), " (split): with.", other,
                           " is for a split by hash, with.train for one by time; keep one of them");
  }
  if (rows.roles.event_time.empty()) {
    return InvalidArgument("step ", Quoted(task.step),
                           " (split): the rows have no event time; the step that made them ",
                           "names it with event_time: COLUMN. For a split without time write evaluate: 20%");
  }
  const data::SplitPlan plan = TRY(ReadPlan(task, rows, session));
  struct Range {
    std::string_view name;
    data::TimeRange range;
    Timestamp labels_known_by;
  };
  std::vector<Part> parts;
  for (const Range& of :
       {Range{"train", plan.train, plan.labels_known_by}, Range{"stop_early", plan.stop_early, plan.labels_known_by},
        Range{"evaluate", plan.evaluate, kNever}}) {
    auto described = TRY(DescribePart(session, rows.roles, of.name, of.range, of.labels_known_by));
    parts.push_back({of.name, data::PartCondition(rows.roles, of.range, of.labels_known_by), std::move(described),
                     !of.range.empty()});
  }
  return parts;
}

Result<data::HashSplit> ReadHashSplit(const StepTask& task, const data::Dataset& rows) {
  data::HashSplit split;
  split.evaluate = TRY(ShareOption(task, "evaluate", split.evaluate));
  split.stop_early = TRY(ShareOption(task, "stop_early", split.stop_early));
  split.seed = TRY(WholeOption(task, "seed", 1, {0, 2'147'483'647}));
  const std::string by = TRY(TextOption(task, "by", rows.roles.key.empty() ? "row" : rows.roles.key));
  std::vector<std::string_view> names;
  for (const schema::Column& column : rows.columns) {
    names.push_back(column.name);
    if (by == "row" || by == column.name) split.by.push_back(column.name);
  }
  if (split.by.empty()) {
    const std::string_view nearest = Nearest(by, names);
    return InvalidArgument(
        "step ", Quoted(task.step), " (split): with.by is ", Quoted(by), ", the rows have no such column; ",
        nearest.empty() ? std::string("write row, or one of its columns") : Cat("did you mean ", nearest, "?"));
  }
  TRY(data::Check(split).In(Cat("step ", Quoted(task.step), " (split)")));
  return split;
}

Result<std::vector<Part>> PartsByHash(const StepTask& task, data::DuckdbSession& session, const data::Dataset& rows) {
  const data::HashSplit split = TRY(ReadHashSplit(task, rows));
  const double stop_until = split.evaluate + split.stop_early;
  std::vector<Part> parts;
  for (const auto& [name, from, until] : {std::tuple("train", stop_until, 1.0),
                                          {"stop_early", split.evaluate, stop_until},
                                          {"evaluate", 0.0, split.evaluate}}) {
    Part part{name, data::HashCondition(split, rows.roles.label, from, until), Json(), until > from};
    const auto counted = TRY(session.Query(Cat("SELECT count(*) FROM ", kRowsTable, " WHERE ", part.condition)));
    part.description = Json::Make({{"part", name},
                                   {"by", Join(split.by, ", ")},
                                   {"seed", split.seed},
                                   {"share", until - from},
                                   {"rows", counted[0][0].AsInt()}});
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

Result<StepResult> RunSplit(const StepTask& task) {
  TRY(task.CheckOptions(
      {"train", "stop_early_on", "evaluate_until", "timezone", "by", "evaluate", "stop_early", "seed"}));
  const std::string input = TRY(task.Input("rows"));
  const data::Dataset rows = TRY(data::ReadDataset(input));
  data::DuckdbSession session = TRY(OpenSession(task, {"train", "stop_early", "evaluate"}));
  TRY(session.Bind(kRowsTable, input));
  const bool by_hash = task.with.Find("evaluate") != nullptr || task.with.Find("by") != nullptr;
  const bool by_time = task.with.Find("train") != nullptr;
  const std::vector<Part> parts =
      TRY(by_hash && !by_time ? PartsByHash(task, session, rows) : PartsByTime(task, session, rows));
  StepResult result;
  std::vector<std::string> done;
  for (const Part& part : parts) {
    const data::Dataset written = TRY(WritePart(task, session, rows, part));
    done.push_back(Cat(part.name, " ", WithThousands(written.rows)));
    result.metrics[Cat(part.name, ".rows")] = written.rows;
    result.metrics[Cat(part.name, ".unlabelled")] = written.split.IntOr("unlabelled", 0);
    result.output_metadata[std::string(part.name)] = DatasetMetadata(written);
  }
  result.summary = Cat("rows: ", Join(done, ", "));
  return result;
}

}  // namespace mw::steps
