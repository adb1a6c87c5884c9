// split: rows by event time into train, stop_early and evaluate.
#include "base/yaml.h"
#include "data/split.h"
#include "steps/data_task.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::string_view kTable = "mw_rows";

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
  const auto last = TRY(session.Query(Cat("SELECT max(", time, ") FROM ", kTable)));
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
  const auto counts =
      TRY(session.Query(Cat("SELECT ", count(any_label), ", ", count(labelled), ", ", count(roles), " FROM ", kTable)))
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
  data::TimeRange range;
  Timestamp labels_known_by;
};

Result<data::Dataset> WritePart(const StepTask& task, data::DuckdbSession& session, const data::Dataset& rows,
                                const Part& part) {
  data::DatasetSpec spec;
  spec.roles = rows.roles;
  spec.sources = InputDigests(task);
  spec.declared = rows.columns;
  // Types stay those of all rows; a model may know only the categories that its part has seen.
  for (schema::Column& column : spec.declared) column.vocabulary.clear();
  spec.split = TRY(DescribePart(session, rows.roles, part.name, part.range, part.labels_known_by));
  if (!part.range.empty() && spec.split.IntOr("rows", 0) == 0) {
    return InvalidArgument("no labelled row in ", part.name, " [", FormatTime(part.range.from), ", ",
                           FormatTime(part.range.until), "); look at the times of the rows: ", rows.roles.event_time);
  }
  const std::string sql =
      Cat("SELECT * FROM ", kTable, " WHERE ", data::PartCondition(rows.roles, part.range, part.labels_known_by));
  return data::WriteDataset(session, sql, spec, TRY(task.Output(part.name)));
}

}  // namespace

Result<StepResult> RunSplit(const StepTask& task) {
  TRY(task.CheckOptions({"train", "stop_early_on", "evaluate_until", "timezone"}));
  const std::string input = TRY(task.Input("rows"));
  const data::Dataset rows = TRY(data::ReadDataset(input));
  if (rows.roles.event_time.empty()) {
    return InvalidArgument("step ", Quoted(task.step),
                           " (split): the rows have no event time; the step that made them ",
                           "names it with event_time: COLUMN");
  }
  data::DuckdbSession session = TRY(OpenSession(task, {"train", "stop_early", "evaluate"}));
  TRY(session.Bind(kTable, input));
  const data::SplitPlan plan = TRY(ReadPlan(task, rows, session));
  StepResult result;
  std::vector<std::string> done;
  for (const Part& part :
       {Part{"train", plan.train, plan.labels_known_by}, Part{"stop_early", plan.stop_early, plan.labels_known_by},
        Part{"evaluate", plan.evaluate, kNever}}) {
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
