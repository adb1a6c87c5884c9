// Breaking a replay on purpose: what a fault of the data's sources would do to the requests.
//   missing=temp       the column is missing in every row
//   drop=weather       every column that is empty without that table is missing (dataset.json says which: origins)
//   scale=temp:1.8     the column is multiplied: a unit that was changed
// Pure. Invariant: a plan names only columns that the model takes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/dataset.h"

namespace mw::steps {

struct ReplayFault {
  enum class Kind { kMissing, kDrop, kScale };
  Kind kind = Kind::kMissing;
  std::string name;  ///< the column's, or the table's
  double factor = 1;
};

/// "missing=COLUMN", "drop=TABLE", "scale=COLUMN:FACTOR". Errors: kInvalidArgument.
Result<ReplayFault> ParseFault(std::string_view text);

/// What becomes of each column that is touched.
class FaultPlan {
 public:
  struct Effect {
    bool missing = false;
    double factor = 1;
  };
  FaultPlan() = default;
  /// `inputs`: the columns that the model takes. Errors: kInvalidArgument naming the columns or tables there are.
  static Result<FaultPlan> Make(const std::vector<ReplayFault>& faults, const data::Dataset& dataset,
                                const std::vector<std::string>& inputs);
  [[nodiscard]] Effect Of(std::string_view column) const;
  [[nodiscard]] bool empty() const { return sentences_.empty(); }
  /// One for each fault: "weather dropped: temp, dewp missing".
  [[nodiscard]] const std::vector<std::string>& sentences() const { return sentences_; }

 private:
  std::map<std::string, Effect, std::less<>> effects_;
  std::vector<std::string> sentences_;
};

}  // namespace mw::steps
