// What comparisons mean in one kind of search: the table of its Dialect applied. Errors are kInvalidArgument in
// MLflow's words. Any thread.
#pragma once

#include "base/result.h"
#include "search/comparison.h"
#include "search/dialect.h"
#include "search/filter.h"

namespace mw::search {

class ClauseReader {
 public:
  /// `dialect` outlives this.
  explicit ClauseReader(const Dialect& dialect) : dialect_(dialect) {}

  /// The clause but for its comparator, which CheckComparator says later, and what CheckNumbers says then.
  [[nodiscard]] Result<Clause> Read(const Comparison& comparison) const;
  [[nodiscard]] Status CheckComparator(const Comparison& comparison, const Clause& clause) const;
  /// Of attributes that are whole numbers; ids are written anew.
  [[nodiscard]] Status CheckNumbers(const Comparison& comparison, Clause& clause) const;

 private:
  [[nodiscard]] Status CheckNullTest(const Name& name) const;
  [[nodiscard]] Result<Value> ReadValue(const Name& name, const Operand& right) const;
  [[nodiscard]] Result<Value> ReadNumeric(const Name& name, const Operand& right) const;
  [[nodiscard]] Result<Value> ReadTexts(const Name& name, const Operand& right) const;
  [[nodiscard]] Comparators ValidFor(const Clause& clause) const;
  [[nodiscard]] bool IsId(const Clause& clause) const {
    return clause.entity == Entity::kAttribute && clause.key == dialect_.id_key;
  }

  const Dialect& dialect_;
};

}  // namespace mw::search
