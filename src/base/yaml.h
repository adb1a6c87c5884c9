// Files that people write (goals, pipelines, schemas): a tree that knows its lines, and a reader that
// collects every complaint of a file at once, each with file, line, value and remedy.
//
//   Complaints complaints("goal.yaml");
//   YamlReader goal(root, complaints);
//   spec.owner = goal.String("owner");                   // complains when absent or no text
//   spec.window = goal.DurationOr("window", days(28));
//   goal.Finish();                                        // complains about keys nobody asked for
//   TRY(complaints.AsStatus());
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace mw {

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  YamlNode();  ///< out of line: clang needs the type complete first

  Kind kind = Kind::kNull;
  int line = 0;  ///< 1-based
  std::string scalar;
  bool quoted = false;  ///< "5" in quotes is text, never a number
  std::vector<YamlNode> list;
  std::vector<std::pair<std::string, YamlNode>> map;  ///< in the file's order

  [[nodiscard]] const YamlNode* Find(std::string_view key) const;
  /// Plain scalars become numbers, bools or null where they read as such.
  [[nodiscard]] Json ToJson() const;
};

/// Errors: kInvalidArgument "FILE:LINE: ..." for what is not YAML, nests deeper than 32 levels, is
/// larger than 1 MiB, uses aliases (they can explode), or has a key twice.
Result<YamlNode> ParseYaml(std::string_view text, std::string_view file_name);

class Complaints {
 public:
  explicit Complaints(std::string file_name) : file_name_(std::move(file_name)) {}
  /// `what` says what is wrong, with which value, and what to write instead.
  void Add(int line, std::string_view what);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] const std::string& file_name() const { return file_name_; }
  /// Each "FILE:LINE: what".
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  /// kInvalidArgument with every complaint on a line of its own, or success.
  [[nodiscard]] Status AsStatus() const;

 private:
  std::string file_name_;
  std::vector<std::string> lines_;
};

/// Reads the keys of one map. Every accessor returns a harmless value after complaining.
class YamlReader {
 public:
  /// Complains at once when `node` is not a map. `node` and `complaints` outlive the reader.
  YamlReader(const YamlNode& node, Complaints& complaints);

  std::string String(std::string_view key);
  std::string StringOr(std::string_view key, std::string_view otherwise);
  double Number(std::string_view key);
  double NumberOr(std::string_view key, double otherwise);
  long long IntOr(std::string_view key, long long otherwise);
  bool BoolOr(std::string_view key, bool otherwise);
  /// "20ms", "15m", "2h", "28d"
  Duration DurationOr(std::string_view key, Duration otherwise);
  /// "45%" or 0.45
  double ShareOr(std::string_view key, double otherwise);
  /// A scalar or a list of scalars.
  std::vector<std::string> StringsOr(std::string_view key, std::vector<std::string> otherwise);
  /// One of `choices`, else a complaint that lists them.
  std::string ChoiceOr(std::string_view key, const std::vector<std::string_view>& choices, std::string_view otherwise);
  /// The node itself, or nullptr; marks the key as known.
  const YamlNode* Node(std::string_view key);
  /// Line of the key's value, or of the map when absent.
  [[nodiscard]] int LineOf(std::string_view key) const;
  /// Complains about every key that no accessor asked for, naming the nearest known one.
  void Finish();

  Complaints& complaints() { return complaints_; }
  [[nodiscard]] int line() const { return node_.line; }

 private:
  const YamlNode* Scalar(std::string_view key, bool required);
  const YamlNode& node_;
  Complaints& complaints_;
  std::set<std::string, std::less<>> asked_;
};

/// "20ms", "15m", "2h", "28d" (ms, s, m, h, d; decimals allowed). Errors: kInvalidArgument.
Result<Duration> ParseDuration(std::string_view text);
/// "45%" -> 0.45, "0.45" -> 0.45.
Result<double> ParseShare(std::string_view text);
/// "2GiB", "512MiB", "1048576" -> bytes.
Result<long long> ParseBytes(std::string_view text);

}  // namespace mw
