// Readings of texts, then profiles of what was read.
#include "steps/table_survey.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.h"

namespace mw::steps {
namespace {

using data::SqlName;
using data::SqlText;
using schema::ColumnType;

/// So many of a text column's values have to read as a number or time for it to be one.
constexpr double kReadableMin = 0.9;
constexpr double kFloatMax = 3.4028235e38;

/// One way in which texts stand for numbers.
struct NumberStyle {
  std::string_view pattern;     ///< of the whole text
  std::string_view expression;  ///< SQL, with $ for the text
  std::string_view remark;
};
constexpr std::array kNumberStyles = {
    NumberStyle{R"([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)", "$", "numbers among other texts"},
    NumberStyle{R"([+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?|[+-]?[0-9]+(\.[0-9]+)?)", "replace($, ',', '')",
                "thousands set apart by commas"},
    NumberStyle{R"([+-]?[0-9]{1,3}(\.[0-9]{3})*(,[0-9]+)?|[+-]?[0-9]+(,[0-9]+)?)",
                "replace(replace($, '.', ''), ',', '.')", "numbers with a decimal comma"},
    NumberStyle{R"([+-]?[0-9]+(\.[0-9]+)? ?%)", "trim($, ' %')", "percent"},
    NumberStyle{R"([+-]?[$€£] ?[0-9][0-9,]*(\.[0-9]+)?)", "regexp_replace($, '[$€£, ]', '', 'g')", "amounts of money"},
};
constexpr std::size_t kThousands = 1, kDecimalComma = 2;

struct DateStyle {
  std::string_view format;
  bool month_first = false;
  std::string_view other_way;  ///< the format with day and month exchanged
};
constexpr std::array kDateStyles = {
    DateStyle{"%Y-%m-%d", false, ""},
    DateStyle{"%Y/%m/%d", false, ""},
    DateStyle{"%Y-%m-%d %H:%M", false, ""},
    DateStyle{"%Y-%m-%dT%H:%M:%S%z", false, ""},
    DateStyle{"%d.%m.%Y", false, ""},
    DateStyle{"%d.%m.%Y %H:%M", false, ""},
    DateStyle{"%d.%m.%Y %H:%M:%S", false, ""},
    DateStyle{"%m/%d/%Y", true, "%d/%m/%Y"},
    DateStyle{"%d/%m/%Y", false, "%m/%d/%Y"},
    DateStyle{"%m/%d/%Y %H:%M", true, "%d/%m/%Y %H:%M"},
    DateStyle{"%d/%m/%Y %H:%M", false, "%m/%d/%Y %H:%M"},
    DateStyle{"%m/%d/%Y %H:%M:%S", true, "%d/%m/%Y %H:%M:%S"},
    DateStyle{"%d/%m/%Y %H:%M:%S", false, "%m/%d/%Y %H:%M:%S"},
    DateStyle{"%m/%d/%y", true, "%d/%m/%y"},
    DateStyle{"%d-%m-%Y", false, "%m-%d-%Y"},
    DateStyle{"%d %b %Y", false, ""},
    DateStyle{"%b %d, %Y", false, ""},
    DateStyle{"%B %d, %Y", false, ""},
};

std::string With(std::string_view expression, const std::string& text) {
  std::string out;
  for (const char c : expression) c == '$' ? out += text : out += c;
  return out;
}

/// The regular expression's own $ must not be taken for the text.
std::string NumberSql(const NumberStyle& style, const std::string& text) {
  if (style.remark == "amounts of money") {
    return Cat("TRY_CAST(regexp_replace(", text, ", '[$€£, ]', '', 'g') AS DOUBLE)");
  }
  const std::string number = Cat("TRY_CAST(", With(style.expression, text), " AS DOUBLE)");
  return style.remark == "percent" ? Cat(number, " / 100") : number;
}

std::string DateSql(const DateStyle& style, const std::string& text) {
  return Cat("try_strptime(", text, ", ", SqlText(style.format), ")");
}

/// A text column's counts, by one query.
struct TextCounts {
  std::int64_t present = 0;  ///< without marks
  std::int64_t marks = 0;
  std::array<std::int64_t, kNumberStyles.size()> numbers{};
  std::int64_t with_comma = 0;
  std::array<std::int64_t, kDateStyles.size()> dates{};
};

class ColumnReader {
 public:
  ColumnReader(data::DuckdbSession& session, char separator) : session_(session), separator_(separator) {}

  Status Read(ColumnSurvey& column) {
    column.reading = SqlName(column.name);
    column.type = column.file_type;
    if (column.file_type == ColumnType::kText) TRY(ReadText(column));
    if (column.type == ColumnType::kTimestamp) column.reading = Cat("CAST(", column.reading, " AS TIMESTAMPTZ)");
    return column.is_number() ? Bound(column) : Ok();
  }

 private:
  Result<TextCounts> CountTexts(const ColumnSurvey& column) {
    const std::string text = Cat("trim(", SqlName(column.name), ")");
    std::vector<std::string> list = {"count(*) FILTER (NOT mark)", "count(*) FILTER (mark)"};
    for (const NumberStyle& style : kNumberStyles) {
      list.push_back(Cat("count(*) FILTER (NOT mark AND regexp_full_match(t, ", SqlText(style.pattern), "))"));
    }
    list.emplace_back("count(*) FILTER (NOT mark AND contains(t, ','))");
    for (const DateStyle& style : kDateStyles) {
      list.push_back(Cat("count(*) FILTER (NOT mark AND ", DateSql(style, "t"), " IS NOT NULL)"));
    }
    const auto row = TRY(session_.Query(Cat("SELECT ", Join(list, ", "), " FROM (SELECT ", text, " AS t, lower(", text,
                                            ") IN (", kMissingMarks, ") AS mark FROM ", kFileTable, " WHERE ",
                                            SqlName(column.name), " IS NOT NULL)")))
    [0];
    TextCounts counts;
    std::size_t at = 0;
    counts.present = row[at++].AsInt();
    counts.marks = row[at++].AsInt();
    for (std::int64_t& count : counts.numbers) count = row[at++].AsInt();
    counts.with_comma = row[at++].AsInt();
    for (std::int64_t& count : counts.dates) count = row[at++].AsInt();
    return counts;
  }

  Status ReadText(ColumnSurvey& column) {
    const TextCounts counts = TRY(CountTexts(column));
    column.marks = counts.marks;
    const std::string name = SqlName(column.name);
    const std::string text = Cat("trim(", name, ")");
    const auto enough = [&](std::int64_t count) {
      return counts.present > 0 && static_cast<double>(count) >= kReadableMin * static_cast<double>(counts.present);
    };
    if (const auto style = BestNumbers(counts); style && enough(counts.numbers[*style])) {
      column.type = ColumnType::kFloat;
      column.reading = NumberSql(kNumberStyles[*style], text);
      column.remark = kNumberStyles[*style].remark;
      return NoteUnreadable(column, counts);
    }
    const auto best = std::max_element(counts.dates.begin(), counts.dates.end());
    if (enough(*best)) {
      const DateStyle& style = kDateStyles[static_cast<std::size_t>(best - counts.dates.begin())];
      column.type = ColumnType::kTimestamp;
      column.reading = DateSql(style, text);
      column.remark = Cat("times written as ", style.format);
      column.ambiguous_date = IsAmbiguous(style, *best, counts);
      return NoteUnreadable(column, counts);
    }
    if (counts.marks > 0) {
      column.reading = Cat("CASE WHEN lower(", text, ") NOT IN (", kMissingMarks, ") THEN ", name, " END");
      column.remark = "NA, ?, null and the like are missing";
    }
    return Ok();
  }

  /// The plain style wins where it reads as much as another. A comma is a decimal one where the file is set apart by
  /// semicolons, or where it does not set thousands apart.
  [[nodiscard]] std::optional<std::size_t> BestNumbers(const TextCounts& counts) const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < counts.numbers.size(); ++i) {
      if (counts.numbers[i] > counts.numbers[best]) best = i;
    }
    const bool both = counts.numbers[kThousands] == counts.numbers[kDecimalComma];
    if (best == kThousands && both && separator_ != ',') best = kDecimalComma;
    if (counts.numbers[best] == 0) return std::nullopt;
    return best;
  }

  static bool IsAmbiguous(const DateStyle& style, std::int64_t read, const TextCounts& counts) {
    for (std::size_t i = 0; i < kDateStyles.size(); ++i) {
      if (!style.other_way.empty() && kDateStyles[i].format == style.other_way && counts.dates[i] == read) return true;
    }
    return false;
  }

  Status NoteUnreadable(ColumnSurvey& column, const TextCounts&) {
    const std::string name = SqlName(column.name);
    const std::string bad = Cat(" FROM ", kFileTable, " WHERE ", name, " IS NOT NULL AND (", column.reading,
                                ") IS NULL AND lower(trim(", name, ")) NOT IN (", kMissingMarks, ")");
    column.unreadable = TRY(session_.Query(Cat("SELECT count(*)", bad)))
    [0][0].AsInt();
    if (column.unreadable == 0) return Ok();
    for (const auto& row : TRY(session_.Query(Cat("SELECT ", name, ", count(*) AS n", bad, " GROUP BY ", name,
                                                  " ORDER BY n DESC, ", name, " LIMIT 3")))) {
      column.unreadable_examples.push_back(row[0].AsString());
    }
    return Ok();
  }

  /// Numbers that the model's floats cannot hold become missing; those that are whole become integers.
  Status Bound(ColumnSurvey& column) {
    const auto row =
        TRY(session_.Query(Cat("SELECT count(*) FILTER (abs(v) > ", kFloatMax,
                               "), count(*) FILTER (v <> floor(v)), count(v) FROM (SELECT CAST(", column.reading,
                               " AS DOUBLE) AS v FROM ", kFileTable, ") WHERE NOT isnan(v)")))
    [0];
    column.beyond = row[0].AsInt();
    if (column.beyond > 0) {
      column.reading = Cat("CASE WHEN abs(", column.reading, ") <= 3.4e38 THEN ", column.reading, " END");
    }
    const bool whole = column.type == ColumnType::kFloat && row[1].AsInt() == 0 && row[2].AsInt() > 0;
    if (whole && column.file_type == ColumnType::kText) {
      column.type = ColumnType::kInteger;
      column.reading = Cat("TRY_CAST(", column.reading, " AS BIGINT)");
    }
    return Ok();
  }

  data::DuckdbSession& session_;
  char separator_;
};

/// As datasets decide it (data/dataset.cc): texts that repeat often enough are categories.
bool IsCategory(const ColumnSurvey& column) {
  if (column.distinct == 0 || column.distinct == column.present()) return false;
  if (column.distinct <= 20) return true;
  return column.distinct <= 1000 && column.distinct * 10 <= column.present();
}

Status AddValues(data::DuckdbSession& session, ColumnSurvey& column) {
  if (column.type == ColumnType::kTimestamp || column.distinct > static_cast<std::int64_t>(kValuesMax)) return Ok();
  const std::string name = SqlName(column.name);
  for (const auto& row :
       TRY(session.Query(Cat("SELECT CAST(", name, " AS VARCHAR), count(*) AS n FROM ", kReadTable, " WHERE ", name,
                             " IS NOT NULL GROUP BY ", name, " ORDER BY n DESC, ", name)))) {
    column.values.emplace_back(row[0].AsString(), row[1].AsInt());
  }
  return Ok();
}

Status Describe(data::DuckdbSession& session, TableSurvey& survey) {
  const auto profiles = TRY(data::Profile(session, kReadTable));
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    ColumnSurvey& column = survey.columns[i];
    column.rows = profiles[i].rows;
    column.missing = profiles[i].missing;
    column.distinct = profiles[i].distinct;
    column.moments = profiles[i].moments;
    column.period = profiles[i].period;
    if (column.type == ColumnType::kText && IsCategory(column)) column.type = ColumnType::kCategory;
    TRY(AddValues(session, column));
  }
  return Ok();
}

Status CountRows(data::DuckdbSession& session, TableSurvey& survey) {
  const auto row = TRY(session.Query(Cat("SELECT (SELECT count(*) FROM ", kReadTable,
                                         "), (SELECT count(*) FROM (SELECT DISTINCT * FROM ", kReadTable, "))")))
  [0];
  survey.rows = row[0].AsInt();
  survey.duplicates = survey.rows - row[1].AsInt();
  return Ok();
}

Status CheckNames(const std::vector<data::ResultColumn>& columns) {
  std::set<std::string> seen;
  for (const data::ResultColumn& column : columns) {
    if (!seen.insert(ToLower(column.name)).second) {
      return InvalidArgument("the name ", Quoted(column.name), " stands twice; rename one of the columns");
    }
  }
  return Ok();
}

}  // namespace

const ColumnSurvey* TableSurvey::Find(std::string_view name) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

Result<TableSurvey> SurveyTable(data::DuckdbSession& session, char separator) {
  const auto described = TRY(session.Describe(Cat("SELECT * FROM ", kFileTable)));
  TRY(CheckNames(described));
  TableSurvey survey;
  std::vector<std::string> list;
  ColumnReader reader(session, separator);
  for (const data::ResultColumn& found : described) {
    ColumnSurvey& column = survey.columns.emplace_back();
    column.name = found.name;
    column.file_type = found.type;
    TRY(reader.Read(column).In(Cat("column ", Quoted(column.name))));
    list.push_back(Cat(column.reading, " AS ", SqlName(column.name)));
  }
  TRY(session.Materialise(kReadTable, Cat("SELECT ", Join(list, ", "), " FROM ", kFileTable)));
  TRY(CountRows(session, survey));
  if (survey.rows == 0) return InvalidArgument("it has a header and no rows");
  TRY(Describe(session, survey));
  return survey;
}

}  // namespace mw::steps
