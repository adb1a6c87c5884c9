// SQL of single clauses of a search over runs: what a run at hand is asked, and where an index finds the runs that fit.
// Functions run inside closures of db::Database.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "db/database.h"
#include "search/filter.h"

namespace mw::tracking::store {

inline constexpr std::string_view kLatestTable = "tracking_latest";
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// SQL with the values of its question marks.
struct Sql {
  std::string text = {};
  db::Values values = {};
  template <typename... Parts>
  void Add(const Parts&... parts) {
    CatTo(text, parts...);
  }
  template <typename Value>
  void Bind(const Value& value) {
    values.emplace_back(value);
  }
  void Append(Sql other) {
    text += other.text;
    values.insert(values.end(), std::make_move_iterator(other.values.begin()),
                  std::make_move_iterator(other.values.end()));
  }
};

/// Rows d of a table that name a run and are found by an index.
struct Source {
  std::string_view table;
  Sql where = {};
  std::string_view run = "d.run";  ///< its number
};

struct ClauseSql {
  Sql test = {};                      ///< of the run r and its experiment e
  std::optional<Source> source = {};  ///< one row of each run that fits, and perhaps of others
};

/// `column` compared with the clause's text, list of texts, or number.
Sql TextTest(std::string_view column, const search::Clause& clause);
Sql NumberTest(std::string_view column, const search::Clause& clause);

/// One expression of an order, and what the last row of the page before has there.
struct OrderStep {
  Sql expression;
  bool ascending = true;
  std::variant<std::int64_t, double, std::string> value = {};
};
/// What comes behind that row: greater in the first expression that differs.
Sql Behind(const std::vector<OrderStep>& steps);

Result<ClauseSql> ClauseOf(db::Snapshot& snapshot, const search::Clause& clause);

/// The runs that a clause about a metric, parameter or tag fits, as rows d of a table: those of `where`, for all of
/// which an index is enough. Of texts it holds the head, and `where` lets pass what only the whole value decides.
struct ClauseWalk {
  std::string_view table;
  Sql where = {};
  Sql onwards = {};      ///< the same; said so that a page does not begin at its bounds but behind the page before
  Sql head_test = {};    ///< ", " and 1 for a head that fits, were it the whole value; else 0. Empty: all rows fit
  Sql value_test = {};   ///< for rows whose head is not the whole value
  bool lacking = false;  ///< the runs that fit are those without a row
};

/// Of a clause about a metric, parameter or tag.
Result<ClauseWalk> WalkOf(db::Snapshot& snapshot, const search::Clause& clause);

/// What holds an attribute, as an expression of r and e.
std::string_view ColumnOf(std::string_view attribute);
/// What holds metrics, parameters or tags.
std::string_view TableOf(search::Entity entity);

}  // namespace mw::tracking::store
