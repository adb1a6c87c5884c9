// A forest beside the library that its file is of, which runs in a worker (backend/backend.h): the rows are the
// forest's own samples, which take all ways through its trees, and every answer has to have the library's bits. What
// was found for a file can be kept, so that the same file is not compared again by this program on this machine.
//
// An older library than the one that wrote the file may read it wrongly without a word, so it convicts nobody.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "forest/forest.h"
#include "serving/backend/backend.h"

namespace mw::serving {

struct LibraryAnswers {
  std::vector<double> values;  ///< predictions, row by row; floats of float models
  std::string by;              ///< "XGBoost 2.1.4"
};

/// `rows`: row-major, finite or NaN. Errors: kUnimplemented when the library takes or answers something else than one
/// matrix of floats; its own.
Result<LibraryAnswers> AskLibrary(const forest::Forest& forest, Backend& library, const std::vector<float>& rows);
/// The forest's own predictions for them.
std::vector<double> OwnAnswers(const forest::Forest& forest, const std::vector<float>& rows);

struct Verdict {
  enum class Kind : std::uint8_t {
    kSame,         ///< every bit
    kDiffers,      ///< the library has to answer
    kNotCompared,  ///< `said` why: no library, or one that does not read the file, or that is too old to judge it
  };
  Kind kind = Kind::kNotCompared;
  std::string said;  ///< half a sentence: "compared with XGBoost 2.1.4: 256 rows, every answer the same bits"
};

/// `theirs` to `rows`, beside the forest's own and those of each row alone.
Verdict Compare(const forest::Forest& forest, const std::vector<float>& rows, const LibraryAnswers& theirs);

/// Verdicts by a file's digest, one small file each; of this program's version. Any thread; the last to keep one wins.
class VerdictStore {
 public:
  /// Empty: keeps nothing, finds nothing.
  explicit VerdictStore(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] std::optional<Verdict> Find(std::string_view model_bytes) const;
  /// Also when it cannot be written: then the file is compared again.
  void Keep(std::string_view model_bytes, const Verdict& verdict) const;

 private:
  [[nodiscard]] std::string PathOf(std::string_view model_bytes) const;
  const std::string directory_;
};

}  // namespace mw::serving
