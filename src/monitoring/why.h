// Decide: why targets were missed in a window, in one sentence with its evidence, and which command mends it. What was
// expected against what came, where it was worst, which inputs moved and whether the model leans on them, what changed
// before; that nothing changed is said too. Nothing here guesses: every figure is one that was measured.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "monitoring/production.h"

namespace mw::monitoring {

/// An input, or the prediction, that moved in the window.
struct DriftNote {
  std::string column;
  double impact = 0;  ///< 0 to 1: the share of what the model uses
  double value = 0, floor = 0;
  bool alert = false;
  std::string sentence;
};

/// Something that somebody did.
struct ChangeNote {
  Timestamp at{};
  std::string text;  ///< "v2 deployed by anna"
};

struct WhyInput {
  const goals::Goal* goal = nullptr;
  const MeasuredWindow* window = nullptr;
  const MeasuredWindow* before = nullptr;             ///< the window of production before it; may be null
  const MeasuredWindow* evaluated = nullptr;          ///< what the version's evaluation saw; may be null
  const VersionFacts* facts = nullptr;                ///< of the version that answered most; may be null
  std::optional<std::vector<DriftNote>> drift;        ///< absent: nobody looked
  std::vector<ChangeNote> changes;                    ///< in the window
  const std::vector<VersionFacts>* others = nullptr;  ///< other versions of the model; may be null
};

struct Evidence {
  std::string kind;  ///< "calibration", "slice", "drift", "attribution", "ranking", "class", "threshold", "change"
  std::string text;
  std::optional<double> value;
};

struct Remedy {
  std::string text;
  std::string command;          ///< works when pasted; empty when nothing here mends it
  std::optional<double> worth;  ///< in the goal's currency, in that window
};

struct Why {
  goals::Window window;
  std::vector<std::string> targets;
  std::string sentence;
  std::vector<Evidence> evidence;
  Remedy remedy;
};

/// One for all quality targets that were missed, one for each other target. Empty when none was.
std::vector<Why> Explain(const WhyInput& input);

/// "NAME=VALUE" for a run that trains on everything before the window and is judged on it: of the parameters that are
/// dates the latest becomes the window's end, the one before it its start. Empty without such parameters.
std::vector<std::string> RetrainSettings(const std::vector<std::pair<std::string, std::string>>& params,
                                         const goals::Window& window, const TimeZone& zone);

/// "640 kUSD", "4.3 MUSD", "85 USD": two or three digits, for a narrow place.
std::string ShortMoney(double amount, std::string_view currency);

}  // namespace mw::monitoring
